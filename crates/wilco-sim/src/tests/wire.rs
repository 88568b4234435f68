//! The HTTP client's one table, and its agreement with the transport that has no wire.

use wilco_core::{Cause, EnvelopeKind as K, Found, Scope};

use super::*;
use crate::answer::{Answer, Doubt, Response, Travel, Wire, found, outcome, read, render};
use crate::platform::Order;
use crate::{Control, Fault, Rule, Verb, place};

fn message() -> MessageRef {
    MessageRef { address: ops(), message: "m1".into() }
}

fn answers() -> Vec<Answer> {
    let cause = || Cause::new("why", "because");
    vec![
        Answer::Shown(message()),
        Answer::Unchanged(message()),
        Answer::Nothing,
        Answer::Found(message()),
        Answer::Absent,
        Answer::CannotLookUp,
        Answer::RateLimited { millis: 300, scope: Scope::Ip },
        Answer::NotEditable(cause()),
        Answer::Shape(cause()),
        Answer::Moved(ops().in_thread("t")),
        Answer::Gone(cause()),
        Answer::Credentials(cause()),
        Answer::Malformed(Cause::new("two.dots", "")),
    ]
}

#[test]
fn every_answer_reads_the_same_with_and_without_a_wire() {
    for answer in answers() {
        let (status, text) = render(&answer);
        let read = read(Wire::Http { status, not_applied: false, body: text.as_bytes() });
        assert_eq!(read, Ok(answer.clone()), "{status} {text}");
        for verb in [Verb::Post, Verb::Edit, Verb::Probe, Verb::Status] {
            assert_eq!(outcome(verb, read.clone()).name(), outcome(verb, Ok(answer.clone())).name());
        }
    }
}

#[test]
fn half_of_any_answer_is_doubt() {
    for answer in answers() {
        let (status, text) = render(&answer);
        let half = &text.as_bytes()[..text.len() / 2];
        let read = read(Wire::Http { status, not_applied: false, body: half });
        assert!(matches!(&read, Err(Doubt::Unclear(cause)) if cause.code == "bad_body"), "{text}: {read:?}");
    }
}

#[test]
fn d12_the_table_of_the_http_client() {
    let http = |status, body: &'static str| Wire::Http { status, not_applied: false, body: body.as_bytes() };
    let page = "<html>unhappy</html>";
    // What came back, the outcome of a create or an edit, that of a probe, and the cause's code.
    let table = [
        (Wire::NoConnection("refused".into()), "retry", "retry", "connect"),
        (Wire::TimedOut, "ambiguous", "retry", "timeout"),
        (Wire::Broken("reset".into()), "ambiguous", "retry", "reset"),
        (Wire::Http { status: 503, not_applied: true, body: b"" }, "retry", "retry", "not_taken"),
        (http(503, page), "ambiguous", "retry", "503"),
        (http(502, page), "ambiguous", "retry", "502"),
        (http(504, ""), "ambiguous", "retry", "504"),
        (http(500, r#"{"code":"internal","text":"oops"}"#), "ambiguous", "retry", "500"),
        (http(200, page), "ambiguous", "retry", "bad_body"),
        (http(200, ""), "ambiguous", "retry", "bad_body"),
        (http(200, r#"{"code":"shown"}"#), "ambiguous", "retry", "no_message"),
        (http(200, r#"{"code":"unheard_of"}"#), "ambiguous", "retry", "200"),
        (http(302, page), "ambiguous", "retry", "302"),
        (http(401, page), "stop_account", "stop_account", "401"),
        (http(401, r#"{"code":"credentials.revoked"}"#), "stop_account", "stop_account", "revoked"),
        (http(401, r#"{"code":"unheard_of"}"#), "stop_account", "stop_account", "unheard_of"),
        (http(404, page), "bug", "bug", "404"),
        (http(404, ""), "bug", "bug", "404"),
        (http(404, r#"{"code":"gone.deleted"}"#), "gone", "gone", "deleted"),
        (http(418, r#"{"code":"unheard_of"}"#), "bug", "bug", "unheard_of"),
        (http(400, r#"{"code":"moved"}"#), "bug", "bug", "moved"),
        (http(409, r#"{"code":"not_editable.deleted"}"#), "fallback", "fallback", "deleted"),
        (http(422, r#"{"code":"shape.too_long"}"#), "reshape", "reshape", "too_long"),
        (http(429, page), "retry_after", "retry_after", ""),
        (http(429, r#"{"code":"rate_limited"}"#), "retry_after", "retry_after", ""),
    ];
    for (wire, sent, probed, expected) in table {
        let read = read(wire.clone());
        for (verb, name) in [(Verb::Post, sent), (Verb::Edit, sent), (Verb::Probe, probed), (Verb::Status, probed)] {
            let outcome = outcome(verb, read.clone());
            assert_eq!((outcome.name(), code(&outcome)), (name, expected), "{wire:?} at {verb:?}");
        }
        // What holds for every call is kept when a look-up hears it; anything else leaves it in the dark.
        let looked = found(read);
        match sent {
            "retry_after" | "stop_account" | "gone" | "moved" => {
                assert!(matches!(&looked, Found::Refused(reason) if reason.name() == sent), "{wire:?}: {looked:?}");
            }
            _ => assert!(matches!(looked, Found::Unknown(_)), "{wire:?}: {looked:?}"),
        }
    }
}

#[test]
fn a_question_that_was_not_asked_is_no_success() {
    for answer in [Answer::Found(message()), Answer::Absent, Answer::CannotLookUp] {
        assert_eq!(outcome(Verb::Post, Ok(answer)).name(), "bug");
    }
    assert!(matches!(found(Ok(Answer::Shown(message()))), wilco_core::Found::Unknown(_)));
}

#[test]
fn every_way_of_travelling_has_a_reading() {
    let travel = |travel| {
        Response { answer: Answer::Shown(message()), travel }.received().map(|read| outcome(Verb::Post, read).name())
    };
    assert_eq!(travel(Travel::Whole), Some("surfaced"));
    assert_eq!(travel(Travel::Held), None);
    for doubtful in [Travel::Cut, Travel::Half, Travel::Gateway(502)] {
        assert_eq!(travel(doubtful), Some("ambiguous"), "{doubtful:?}");
    }
    assert_eq!(travel(Travel::NotTaken), Some("retry"));
}

#[tokio::test]
async fn a_platform_that_is_not_there_surely_took_nothing() {
    // A port that was free a moment ago and that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let remote =
        Remote::new(&format!("http://{free}"), "sim", Profile::DiscordLike.limits(), HandClock::new()).unwrap();
    let outcome = remote.post(&envelope(K::Stub, "k1", "On it")).await;
    assert_eq!((outcome.name(), code(&outcome)), ("retry", "connect"));
    let end =
        remote.listen(Arc::new(super::people::Inbox::default()), tokio_util::sync::CancellationToken::new()).await;
    assert!(matches!(end, wilco_core::ListenEnd::Lost(_)), "{end:?}");
}

#[tokio::test]
async fn a_lost_reply_reaches_the_platform_exactly_once() {
    // An HTTP client that repeated a request on its own after a reset would be seen here.
    let world = World::new("http", Profile::SlackLike).await;
    world.posted(K::Stub, "k0", "warms a connection up").await;
    world.platform.fault(Rule::new(Fault::Lost).times(3));
    for number in 1..=3 {
        let outcome = world.post(K::Stub, &format!("k{number}"), "On it").await;
        assert_eq!((outcome.name(), code(&outcome)), ("ambiguous", "reset"));
    }
    let calls = world.platform.log().into_iter().filter(|entry| entry.call().is_some()).count();
    assert_eq!((calls, world.texts().len()), (4, 4));
}

#[tokio::test]
async fn a_test_steers_and_watches_from_another_process() {
    let platform = Platform::new(Profile::SlackLike, HandClock::new());
    let address = server::spawn(platform.clone()).await.unwrap();
    let control = Control::new(&format!("http://{address}/")).unwrap();
    let place = place::public(&account(), "ops", &ana());
    assert_eq!(control.say(&ana(), &place, "/jobs").await.unwrap(), Some("e1".to_owned()));
    control.fault(Rule::new(Fault::Bug)).await.unwrap();
    assert_eq!(platform.faults_left().len(), 1);
    control.calm().await.unwrap();
    assert_eq!(platform.faults_left(), []);
    let refused = control.press(&ana(), "m1", "Cancel").await.unwrap_err();
    assert_eq!(refused.to_string(), "message m1 shows no button Cancel");
    control.order(Order::Delete { message: "m1".into() }).await.unwrap();
    assert_eq!(control.snapshot().await.unwrap(), platform.snapshot());
    assert_eq!(control.log_after(1).await.unwrap(), platform.log_after(1));
    let (grown, ()) = tokio::join!(control.log_grows(2, Duration::from_secs(5)), async {
        platform.say(&ana(), &place, "/help").unwrap();
    });
    assert_eq!(grown.unwrap(), platform.log_after(2));
}

#[test]
fn the_programs_arguments() {
    use crate::server::Options;
    let parse = |line: &str| Options::parse(line.split_whitespace().map(str::to_owned));
    assert_eq!(parse(""), Ok(Options { profile: Profile::DiscordLike, port: 0, until_eof: false }));
    assert_eq!(
        parse("--profile telegram --port 7 --until-eof"),
        Ok(Options { profile: Profile::TelegramLike, port: 7, until_eof: true })
    );
    for (wrong, hint) in
        [("--port x", "0 to 65535"), ("--profile irc", "discord, slack or telegram"), ("--prot 1", "known are")]
    {
        assert!(parse(wrong).is_err_and(|sentence| sentence.contains(hint)), "{wrong}");
    }
}
