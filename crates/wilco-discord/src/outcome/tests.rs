//! Answers in, classes out: every code of the table here, and bodies as they really come in `bodies.rs`.

mod bodies;

use super::*;
use crate::rest::{Kind, answer_of};

const CREATE: Called = Called { act: Act::Create, lane: Lane::Reserved, plain: false };
const EDIT: Called = Called { act: Act::Edit, lane: Lane::Terminal, plain: false };
const PLAIN: Called = Called { act: Act::Edit, lane: Lane::Terminal, plain: true };
const PROGRESS: Called = Called { act: Act::Edit, lane: Lane::Progress, plain: false };
const LIGHT: Called = Called::LIGHT;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// The class of an answer, with its wait and scope where it has one.
fn class(status: u16, headers: Headers<'_>, body: &str, called: Called) -> String {
    let kind = match called.act {
        Act::Create => Kind::Create,
        Act::Edit => Kind::Edit,
        Act::Light => Kind::Other,
    };
    match settle(answer_of(status, headers, body, kind), called) {
        Ok(_) => "done".to_owned(),
        Err(NotSurfaced::RetryAfter { delay, scope }) => format!("{scope:?} {}s", delay.as_secs_f64()).to_lowercase(),
        Err(reason) => reason.name().to_owned(),
    }
}

fn coded(code: i64) -> String {
    format!(r#"{{"message":"as Discord words it","code":{code}}}"#)
}

#[test]
fn every_documented_code_has_its_class() {
    let table: &[(u16, i64, Called, &str)] = &[
        // Credentials.
        (401, 0, CREATE, "stop_account"),
        (401, 0, EDIT, "stop_account"),
        (401, 0, LIGHT, "stop_account"),
        (401, 40_001, CREATE, "stop_account"),
        (403, 40_001, EDIT, "stop_account"),
        (403, 40_002, CREATE, "stop_account"),
        (401, 50_014, CREATE, "stop_account"),
        // This address.
        (404, 10_003, CREATE, "gone"),
        (404, 10_003, EDIT, "gone"),
        (404, 10_003, LIGHT, "gone"),
        (404, 10_004, CREATE, "gone"),
        (404, 10_013, LIGHT, "gone"),
        (403, 50_001, CREATE, "gone"),
        (403, 50_001, EDIT, "gone"),
        (403, 50_001, LIGHT, "gone"),
        (403, 50_013, CREATE, "gone"),
        (403, 50_013, EDIT, "gone"),
        (403, 50_007, CREATE, "gone"),
        (403, 50_278, CREATE, "gone"),
        (400, 50_033, LIGHT, "gone"),
        (403, 40_007, CREATE, "gone"),
        (403, 50_008, CREATE, "gone"),
        (403, 50_009, CREATE, "gone"),
        (400, 50_024, CREATE, "gone"),
        (403, 50_095, CREATE, "gone"),
        (403, 90_001, LIGHT, "gone"),
        (400, 160_005, CREATE, "gone"),
        (400, 160_006, CREATE, "gone"),
        (403, 0, CREATE, "gone"),
        (403, 99_999, EDIT, "gone"),
        // This message.
        (404, 10_008, EDIT, "fallback"),
        (404, 10_008, CREATE, "fallback"),
        (403, 50_005, EDIT, "fallback"),
        (403, 50_021, EDIT, "fallback"),
        (400, 50_083, EDIT, "fallback"),
        (400, 50_083, CREATE, "fallback"),
        // This shape.
        (400, 50_006, CREATE, "reshape"),
        (400, 50_035, CREATE, "reshape"),
        (400, 50_035, EDIT, "reshape"),
        (400, 50_109, CREATE, "reshape"),
        (400, 50_068, CREATE, "reshape"),
        (413, 40_005, EDIT, "reshape"),
        (413, 0, EDIT, "reshape"),
        (400, 50_045, EDIT, "reshape"),
        (400, 50_110, EDIT, "reshape"),
        (400, 50_123, EDIT, "reshape"),
        (400, 50_146, EDIT, "reshape"),
        (400, 400_001, EDIT, "reshape"),
        // Moderation: once more without markup and links.
        (400, 200_000, EDIT, "reshape"),
        (400, 200_000, PLAIN, "gone"),
        (400, 200_001, EDIT, "reshape"),
        (400, 240_000, EDIT, "reshape"),
        (400, 240_000, PLAIN, "gone"),
        (400, 20_009, EDIT, "reshape"),
        (400, 20_009, PLAIN, "gone"),
        // Switched off for a while.
        (400, 40_004, CREATE, "route 60s"),
        (400, 40_006, EDIT, "route 60s"),
        (400, 40_006, LIGHT, "retry"),
        // Limits that name no wait.
        (429, 20_022, CREATE, "retry"),
        (429, 20_028, CREATE, "retry"),
        (429, 20_029, EDIT, "retry"),
        (429, 40_062, EDIT, "retry"),
        (400, 40_003, LIGHT, "retry"),
        (500, 130_000, EDIT, "retry"),
        (429, 20_016, CREATE, "chat 5s"),
        // Interactions.
        (404, 10_062, LIGHT, "gone"),
        (404, 10_015, LIGHT, "gone"),
        (401, 50_027, LIGHT, "gone"),
        (400, 40_094, LIGHT, "gone"),
        (400, 40_060, LIGHT, "silent"),
        // A reply that was refused is sent again without its reference; what still comes is a mistake of ours.
        (400, 160_002, CREATE, "bug"),
    ];
    assert!(table.len() >= 60);
    for &(status, code, called, expected) in table {
        assert_eq!(class(status, &[], &coded(code), called), expected, "{status} {code} {called:?}");
    }
}

#[test]
fn unknown_codes_go_by_their_status() {
    for (status, called, expected) in [
        (400, CREATE, "bug"),
        (404, EDIT, "bug"),
        (405, LIGHT, "bug"),
        (403, CREATE, "gone"),
        (408, CREATE, "ambiguous"),
        (408, LIGHT, "retry"),
        (500, CREATE, "ambiguous"),
        (502, EDIT, "ambiguous"),
        (503, PROGRESS, "ambiguous"),
        (504, LIGHT, "retry"),
        (520, CREATE, "ambiguous"),
        (302, CREATE, "ambiguous"),
        (302, LIGHT, "retry"),
    ] {
        for code in [0, 1, -1, 987_654_321] {
            assert_eq!(class(status, &[], &coded(code), called), expected, "{status} {code} {called:?}");
        }
    }
}

#[test]
fn waits_are_handed_up_with_their_scope() {
    let user = [("x-ratelimit-scope", "user")];
    let shared = [("x-ratelimit-scope", "shared")];
    let global = [("x-ratelimit-scope", "global")];
    let limited = r#"{"message":"You are being rate limited.","retry_after":0.529,"global":false}"#;
    let wide = r#"{"message":"You are being rate limited.","retry_after":64.57,"global":true}"#;
    let old =
        r#"{"message":"Maximum number of edits to messages older than 1 hour reached","code":30046,"retry_after":"#;
    let slow = r#"{"message":"Slowmode","code":20016,"retry_after":42}"#;
    let off = |wait: u32| format!(r#"{{"message":"Sending is switched off","code":40004,"retry_after":{wait}}}"#);
    let burst = r#"{"message":"Channel write limit","code":20028,"retry_after":3}"#;
    let table: &[(Headers<'_>, String, Called, &str)] = &[
        (&user, limited.to_owned(), CREATE, "route 0.529s"),
        (&shared, limited.to_owned(), EDIT, "route 0.529s"),
        (&[], limited.to_owned(), EDIT, "route 0.529s"),
        (&global, wide.to_owned(), CREATE, "account 64.57s"),
        (&[("x-ratelimit-global", "true")], limited.to_owned(), CREATE, "account 0.529s"),
        (&[], wide.to_owned(), CREATE, "account 64.57s"),
        // The body's wait is the exact one; a header alone counts, too; and one that cannot be read does not.
        (&[("retry-after", "1")], limited.to_owned(), CREATE, "route 0.529s"),
        (&[("retry-after", "7")], r#"{"message":"limited"}"#.to_owned(), CREATE, "route 7s"),
        (&[("retry-after", "soon")], r#"{"message":"limited"}"#.to_owned(), CREATE, "route 5s"),
        (&user, format!("{old}900}}"), PROGRESS, "message 900s"),
        (&user, format!("{old}30}}"), EDIT, "message 30s"),
        (&user, format!("{old}61}}"), EDIT, "fallback"),
        (&user, slow.to_owned(), CREATE, "chat 42s"),
        (&user, burst.to_owned(), CREATE, "route 3s"),
        (&[], off(7), CREATE, "route 7s"),
        (&[], off(3_600), EDIT, "route 300s"),
        // Before Discord: the whole machine, for ten minutes at least.
        (&[], "<html><title>Access denied</title></html>".to_owned(), CREATE, "ip 600s"),
        (&[("retry-after", "3600")], "error code: 1015".to_owned(), EDIT, "ip 3600s"),
        (&[], r#"{"error_code":1015,"error_name":"rate_limited","retry_after":30}"#.to_owned(), LIGHT, "ip 600s"),
    ];
    for (headers, body, called, expected) in table {
        assert_eq!(class(429, headers, body, *called), *expected, "{headers:?} {body}");
    }
    assert_eq!(class(403, &[], "<html>Sorry, you have been blocked</html>", CREATE), "ip 600s");
    assert_eq!(class(403, &[], r#"{"message":"internal network error","code":40333}"#, CREATE), "ip 600s");
}

#[test]
fn bodies_that_are_none_of_discords_still_have_a_class() {
    let html = "<html><head><title>502 Bad Gateway</title></head></html>";
    for (status, body, called, expected) in [
        (502, html, CREATE, "ambiguous"),
        (502, html, EDIT, "ambiguous"),
        (502, html, LIGHT, "retry"),
        (503, "", CREATE, "ambiguous"),
        (500, "null", CREATE, "ambiguous"),
        (401, html, CREATE, "stop_account"),
        (413, html, EDIT, "reshape"),
        (404, html, CREATE, "ambiguous"),
        (404, html, LIGHT, "retry"),
        (400, "[]", CREATE, "ambiguous"),
        (400, r#"{"code":"10008","message":7}"#, EDIT, "ambiguous"),
        (400, r#"{"code":10008.0,"message":null}"#, EDIT, "bug"),
        // A success that names no message is none.
        (200, html, CREATE, "ambiguous"),
        (200, r#"{"id":7}"#, EDIT, "ambiguous"),
        (200, "", EDIT, "ambiguous"),
        (200, r#"{"id":"7"}"#, CREATE, "done"),
        (204, "", LIGHT, "done"),
    ] {
        assert_eq!(class(status, &[], body, called), expected, "{status} {body}");
    }
}

#[test]
fn what_was_not_sent_is_never_in_doubt() {
    let cause = || Cause::new("x", "");
    let held = || Answer::Held { delay: Duration::from_secs(3), scope: Scope::Route };
    let parked = NotSurfaced::RetryAfter { delay: Duration::from_secs(3), scope: Scope::Route };
    assert_eq!(settle(held(), CREATE), Err(parked));
    assert!(matches!(settle(held(), PROGRESS), Err(NotSurfaced::Retry(_))), "progress parks nobody");
    for called in [CREATE, EDIT, LIGHT] {
        assert!(matches!(settle(Answer::NotSent(cause()), called), Err(NotSurfaced::Retry(_))), "{called:?}");
    }
    for called in [CREATE, EDIT, PROGRESS] {
        assert!(matches!(settle(Answer::Unknown(cause()), called), Err(NotSurfaced::Ambiguous(_))), "{called:?}");
    }
    assert!(matches!(settle(Answer::Unknown(cause()), LIGHT), Err(NotSurfaced::Retry(_))));
}

#[test]
fn a_cause_has_the_code_and_the_fields() {
    let body = r#"{"code":50035,"message":"Invalid Form Body","errors":{"embeds":{"0":{"title":{"_errors":[
        {"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 256 or fewer in length."}]}}}}}"#;
    let Answer::Refused(refusal) = answer_of(400, &[], body, Kind::Create) else { panic!("refused") };
    assert_eq!(refusal.fields, ["embeds.0.title"]);
    let NotSurfaced::Reshape(cause) = classify(&refusal, CREATE) else { panic!("reshape") };
    assert_eq!(
        (cause.code.as_str(), cause.text.as_str()),
        ("50035", "Invalid Form Body (embeds.0.title: BASE_TYPE_MAX_LENGTH)")
    );
    let Answer::Refused(bare) = answer_of(502, &[], "<html>", Kind::Create) else { panic!("refused") };
    let NotSurfaced::Ambiguous(cause) = classify(&bare, CREATE) else { panic!("ambiguous") };
    assert_eq!(cause.code, "http_502");
}
