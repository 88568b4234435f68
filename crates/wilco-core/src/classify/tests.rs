use proptest::prelude::*;

use super::*;
use crate::gate::Halt;
use crate::ids::Short;
use crate::wording;

fn backend(service: Service) -> Backend {
    Backend { id: BackendId::new(service.name()), service }
}

fn plain() -> Cause {
    Cause::new("exit 1", "the agent stopped")
}

/// What a text means to a service when the job gave it as its error.
fn as_error(service: Service, text: &str) -> Failure {
    classify(Some(&backend(service)), &Cause::new("exit 1", text), "")
}

/// What it means at the end of the job's output, when the error says nothing.
fn as_output(service: Service, text: &str) -> Failure {
    let output = format!("Reading the files.\nRunning the tests.\n{text}\n");
    classify(Some(&backend(service)), &plain(), &output)
}

const EXPIRED: &str = r#"{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired. Please obtain a new token or refresh your existing token."},"request_id":"req_011CZ"}"#;
const CREDIT: &str = r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}"#;

/// What the backends' own programs print, and what it means; it means the same wherever it stands.
fn known() -> Vec<(Service, String, Failure)> {
    use Service::{Claude, Codex};
    let pretty = "API Error: 401\n  {\n    \"type\": \"error\", \"error\": { \"type\": \"authentication_error\" }\n  }";
    let texts: Vec<(Service, String, Failure)> = vec![
        (Claude, format!("API Error: 401 {EXPIRED} · Please run /login"), Failure::SessionExpired),
        (Claude, format!("API Error: 401\n{EXPIRED} · Please run /login"), Failure::SessionExpired),
        (Claude, pretty.to_owned(), Failure::SessionExpired),
        (Claude, format!("  ⎿  API Error: 401 {EXPIRED}"), Failure::SessionExpired),
        (Claude, format!("Failed to authenticate. API Error: 401 {EXPIRED}"), Failure::SessionExpired),
        (
            Claude,
            r#"API Error: 403 {"type":"error","error":{"type":"permission_error","message":"OAuth token has been revoked. Please obtain a new token."}} · Please run /login"#.to_owned(),
            Failure::SessionExpired,
        ),
        (Claude, "Not logged in · Please run /login".to_owned(), Failure::SessionExpired),
        (Claude, "OAuth token revoked · Please run /login".to_owned(), Failure::SessionExpired),
        (Claude, "\u{1b}[31mInvalid API key\u{1b}[0m · Please run /login".to_owned(), Failure::NeedsKey),
        (Claude, "Invalid API key · Fix external API key".to_owned(), Failure::NeedsKey),
        (Claude, "Missing API key · Run /login".to_owned(), Failure::NeedsKey),
        (
            Claude,
            r#"API Error: 401 {"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#.to_owned(),
            Failure::NeedsKey,
        ),
        (Claude, format!("API Error: 400 {CREDIT}"), Failure::NeedsCredit),
        (Claude, "Credit balance is too low".to_owned(), Failure::NeedsCredit),
        (
            Codex,
            "ERROR: Your access token could not be refreshed because your refresh token was already used. Please log out and sign in again.".to_owned(),
            Failure::SessionExpired,
        ),
        (
            Codex,
            "■ Failed to refresh token: 401 Unauthorized: Your refresh token has already been used to generate a new access token. Please try signing in again.".to_owned(),
            Failure::SessionExpired,
        ),
        (
            Codex,
            r#"ERROR: unexpected status 401 Unauthorized: {"detail":"Unauthorized"}, url: https://chatgpt.com/backend-api/codex/responses, request id: 572c4a16"#.to_owned(),
            Failure::SessionExpired,
        ),
        (
            Codex,
            r#"unexpected status 401 Unauthorized: {"error":{"message":"Your authentication token has been invalidated. Please try signing in again.","type":"invalid_request_error","code":"token_invalidated"}}"#.to_owned(),
            Failure::SessionExpired,
        ),
        (
            Codex,
            r#"unexpected status 401 Unauthorized: {"error":{"message":"Incorrect API key provided: sk-***. You can find your API key at https://platform.openai.com/account/api-keys.","code":"invalid_api_key"}}"#.to_owned(),
            Failure::NeedsKey,
        ),
        (
            Codex,
            "unexpected status 401 Unauthorized: Missing bearer or basic authentication in header, url: https://api.openai.com/v1/responses".to_owned(),
            Failure::NeedsKey,
        ),
        (Codex, "■ Quota exceeded. Check your plan and billing details.".to_owned(), Failure::NeedsCredit),
        (
            Codex,
            "stream error: stream disconnected before completion: You exceeded your current quota, please check your plan and billing details.".to_owned(),
            Failure::NeedsCredit,
        ),
        (Codex, "You hit your spend cap set by the owner of your workspace.".to_owned(), Failure::NeedsCredit),
    ];
    texts
}

#[test]
fn h2_the_raw_error_alone_suffices() {
    for (service, text, expected) in known() {
        assert_eq!(as_error(service, &text), expected, "{service:?}: {text}");
    }
}

#[test]
fn h2_the_output_alone_suffices() {
    for (service, text, expected) in known() {
        assert_eq!(as_output(service, &text), expected, "{service:?}: {text}");
    }
}

#[test]
fn h2_the_raw_error_is_looked_at_before_the_output() {
    let backend = backend(Service::Claude);
    let error = Cause::new("exit 1", format!("API Error: 400 {CREDIT}"));
    let output = format!("API Error: 401 {EXPIRED}");
    assert_eq!(classify(Some(&backend), &error, &output), Failure::NeedsCredit);
    assert_eq!(classify(Some(&backend), &plain(), &output), Failure::SessionExpired);
}

#[test]
fn h2_a_status_may_be_the_code_of_the_error_and_the_body_its_words() {
    let told = |service, code: &str, text: &str| classify(Some(&backend(service)), &Cause::new(code, text), "");
    assert_eq!(told(Service::Claude, "401", EXPIRED), Failure::SessionExpired);
    assert_eq!(told(Service::Claude, "400", CREDIT), Failure::NeedsCredit);
    let quota = r#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#;
    assert_eq!(told(Service::Codex, "429", quota), Failure::NeedsCredit);
    assert_eq!(told(Service::Http, "401", "{\"success\":false,\"error\":\"Invalid token\"}"), Failure::SessionExpired);
    assert_eq!(told(Service::Http, "402", "pay first"), Failure::NeedsCredit);
    for code in ["403", "429", "500", "exit 1", "", "4011"] {
        let cause = Cause::new(code, "401 Unauthorized");
        assert_eq!(classify(Some(&backend(Service::Http)), &cause, "401"), Failure::Retryable(cause), "{code}");
    }
}

#[test]
fn h5_without_a_backend_nothing_matches_whatever_is_printed() {
    for (_, text, _) in known() {
        let cause = Cause::new("exit 1", text.clone());
        assert_eq!(classify(None, &cause, &text), Failure::Retryable(cause));
        let status = Cause::new("401", text.clone());
        assert_eq!(classify(None, &status, &text), Failure::Retryable(status));
    }
}

/// Errors of services that the job merely used, and of the backend that go by by themselves.
const ORDINARY: &[&str] = &[
    "gh: Bad credentials (HTTP 401)",
    r#"GET https://api.github.com/user 401 Unauthorized {"message":"Bad credentials","documentation_url":"https://docs.github.com"}"#,
    r#"curl: (22) The requested URL returned error: 401"#,
    r#"Error: 401 {"error":{"code":"AuthenticationFailed","message":"The access token has expired"}}"#,
    "npm ERR! 401 Unauthorized - PUT https://registry.npmjs.org/pkg - you must be logged in",
    "remote: HTTP Basic: Access denied. fatal: Authentication failed",
    "slack: invalid_auth, token_expired",
    "boto: ExpiredToken: The security token included in the request is expired",
    "The unit test checks that `API Error: 401` with `authentication_error` is reported.",
    r#"+        assert_eq!(said, "API Error: 401 {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\"}}");"#,
    r#"> API Key: the customer wrote: please run /login, OAuth token has expired"#,
    "I could not sign in to the staging server; the session has expired.",
    r#"API Error: 429 {"type":"error","error":{"type":"rate_limit_error","message":"Number of requests has exceeded your rate limit"}}"#,
    r#"API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
    r#"API Error: 400 {"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}"#,
    "Claude usage limit reached. Your limit will reset at 3pm (UTC).",
    "5-hour limit reached ∙ resets 3pm",
    "You've hit your usage limit. Upgrade to Pro or try again in 3 days 4 hours.",
    "stream error: stream disconnected before completion: error sending request; retrying 1/5 in 203ms",
    "unexpected status 401 Unauthorized: Invalid API key, url: http://localhost:20128/v1/responses",
    "exceeded retry limit, last status: 401 Unauthorized, request id: 99438b5929d256ae",
    "unexpected status 503 Service Unavailable",
    "",
];

#[test]
fn h3_a_third_partys_401_and_a_limit_that_resets_are_ordinary_failures() {
    for service in Service::ALL {
        for text in ORDINARY {
            let cause = Cause::new("exit 1", *text);
            assert_eq!(as_error(service, text), Failure::Retryable(cause), "{service:?} error: {text}");
            assert_eq!(as_output(service, text), Failure::Retryable(plain()), "{service:?} output: {text}");
        }
    }
}

#[test]
fn h3_a_bare_status_in_the_output_could_be_anybodys() {
    let said = format!("Error: 401 {EXPIRED}");
    assert_eq!(as_output(Service::Claude, &said), Failure::Retryable(plain()));
    assert_eq!(as_error(Service::Claude, &said), Failure::SessionExpired, "in the job's own error it is the backend's");
}

#[test]
fn h3_another_backends_words_say_nothing_about_this_one() {
    for (service, text, _) in known() {
        for other in Service::ALL.into_iter().filter(|other| *other != service) {
            assert_eq!(as_output(other, &text), Failure::Retryable(plain()), "{other:?}: {text}");
        }
    }
}

#[test]
fn h3_only_the_end_of_an_output_is_read() {
    let expired = format!("API Error: 401 {EXPIRED}");
    let went_on = format!("{expired}\n{}", "then it was retried and went well\n".repeat(LINES));
    assert_eq!(as_output(Service::Claude, &went_on), Failure::Retryable(plain()));
}

/// Everything that wilco itself says about gates, as it may come back in a job's output.
fn canned() -> Vec<String> {
    let mut all: Vec<String> =
        [Failure::SessionExpired, Failure::NeedsCredit, Failure::NeedsKey].iter().map(ToString::to_string).collect();
    for service in Service::ALL {
        for reason in GateReason::ALL {
            for (called, told) in [(false, false), (false, true), (true, false), (true, true)] {
                let halt = Halt { backend: BackendId::new(service.name()), reason, called, told };
                all.extend([wording::halted(&halt), wording::halt_text(&halt)]);
                all.push(format!("Paused · k7f2 · {}", wording::halted(&halt)));
            }
            let gate = crate::gate::ClosedGate {
                backend: BackendId::new(service.name()),
                reason,
                closed: crate::Timestamp(0),
                job: Short::new("k7f2"),
            };
            all.extend([wording::gate_closed(&gate).text, wording::gate_line(&gate)]);
        }
    }
    all
}

#[test]
fn h4_the_canned_text_never_halts_a_job() {
    for service in Service::ALL {
        for text in canned() {
            assert_eq!(as_output(service, &text), Failure::Retryable(plain()), "{service:?}: {text}");
            let cause = Cause::new("exit 1", text.clone());
            assert_eq!(as_error(service, &text), Failure::Retryable(cause), "{service:?}: {text}");
        }
    }
}

#[test]
fn h1_what_a_job_knows_better_is_kept() {
    let claude = backend(Service::Claude);
    let output = format!("API Error: 401 {EXPIRED}");
    for known in [Failure::SessionExpired, Failure::NeedsCredit, Failure::NeedsKey] {
        assert_eq!(judge(Some(&claude), known.clone(), &output), known);
        assert_eq!(judge(None, known.clone(), ""), known);
    }
    let permanent = Failure::Permanent(plain());
    assert_eq!(judge(Some(&claude), permanent.clone(), &output), Failure::SessionExpired);
    assert_eq!(judge(Some(&claude), permanent.clone(), "fine"), permanent);
    assert_eq!(judge(None, permanent.clone(), &output), permanent);
}

#[test]
fn names_read_back() {
    for service in Service::ALL {
        assert_eq!(Service::from_name(service.name()), Some(service));
    }
    assert_eq!(Service::from_name("gemini"), None);
}

/// Pieces of what is known, so that chance comes near to the rules.
fn text() -> impl Strategy<Value = String> {
    let pieces: Vec<String> = known()
        .into_iter()
        .flat_map(|(_, text, _)| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .chain(["\n", "é", "\u{1b}[0", "401", "…"].map(str::to_owned))
        .collect();
    let mixed = proptest::collection::vec(proptest::sample::select(pieces), 0..60).prop_map(|words| words.join(" "));
    prop_oneof![any::<String>(), mixed]
}

proptest! {
    #[test]
    fn h5_no_text_panics_and_none_halts_a_job_without_a_backend(code in text(), error in text(), output in text()) {
        let cause = Cause::new(code, error);
        prop_assert_eq!(classify(None, &cause, &output), Failure::Retryable(cause.clone()));
        for service in Service::ALL {
            // Whatever it means, a failure that is not known is handed on as it came.
            match classify(Some(&backend(service)), &cause, &output) {
                Failure::Retryable(same) => prop_assert_eq!(&same, &cause),
                Failure::SessionExpired | Failure::NeedsCredit | Failure::NeedsKey => {}
                Failure::Permanent(_) => prop_assert!(false, "classify calls nothing permanent"),
            }
        }
    }
}
