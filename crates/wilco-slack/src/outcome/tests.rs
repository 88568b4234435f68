//! Answers in, classes out: every code of the table here, and bodies as they really come in `bodies.rs`.

mod bodies;

use super::*;
use crate::rest::{Method, answer_of};

const CREATE: Called = Called { act: Act::Create, lane: Lane::Reserved };
const EDIT: Called = Called { act: Act::Edit, lane: Lane::Terminal };
const PROGRESS: Called = Called { act: Act::Edit, lane: Lane::Progress };
const LIGHT: Called = Called::LIGHT;

type Headers<'a> = &'a [(&'a str, &'a str)];

/// The class of an answer, with its wait and scope where it has one.
fn class(status: u16, headers: Headers<'_>, body: &str, called: Called) -> String {
    let method = match called.act {
        Act::Create => Method::PostMessage,
        Act::Edit => Method::Update,
        Act::Light => Method::History,
    };
    match settle(answer_of(status, headers, body, method), called) {
        Ok(_) => "done".to_owned(),
        Err(NotSurfaced::RetryAfter { delay, scope }) => format!("{scope:?} {}s", delay.as_secs_f64()).to_lowercase(),
        Err(reason) => reason.name().to_owned(),
    }
}

fn coded(code: &str) -> String {
    format!(r#"{{"ok":false,"error":"{code}"}}"#)
}

#[test]
fn every_documented_code_has_its_class_for_every_act() {
    // Code, then the class of a create, of an edit, and of a call that shows nothing.
    let table: &[(&str, [&str; 3])] = &[
        ("invalid_auth", ["stop_account"; 3]),
        ("not_authed", ["stop_account"; 3]),
        ("account_inactive", ["stop_account"; 3]),
        ("token_revoked", ["stop_account"; 3]),
        ("token_expired", ["stop_account"; 3]),
        ("not_allowed_token_type", ["stop_account"; 3]),
        ("org_login_required", ["stop_account"; 3]),
        ("team_added_to_org", ["stop_account"; 3]),
        ("team_access_not_granted", ["stop_account"; 3]),
        ("two_factor_setup_required", ["stop_account"; 3]),
        ("accesslimited", ["stop_account"; 3]),
        ("app_access_restricted", ["stop_account"; 3]),
        ("missing_scope", ["stop_account", "stop_account", "retry"]),
        ("no_permission", ["stop_account", "stop_account", "retry"]),
        ("access_denied", ["stop_account", "stop_account", "retry"]),
        ("channel_not_found", ["gone"; 3]),
        ("is_archived", ["gone"; 3]),
        ("not_in_channel", ["gone"; 3]),
        ("user_not_in_channel", ["gone"; 3]),
        ("restricted_action", ["gone"; 3]),
        ("restricted_action_read_only_channel", ["gone"; 3]),
        ("restricted_action_thread_only_channel", ["gone"; 3]),
        ("restricted_action_non_threadable_channel", ["gone"; 3]),
        ("restricted_action_thread_locked", ["gone"; 3]),
        ("cannot_reply_to_message", ["gone"; 3]),
        ("thread_not_found", ["gone"; 3]),
        ("messages_tab_disabled", ["gone"; 3]),
        ("ekm_access_denied", ["gone"; 3]),
        ("posting_to_channel_denied", ["gone"; 3]),
        ("posting_to_general_channel_denied", ["gone"; 3]),
        ("is_inactive", ["gone"; 3]),
        ("user_not_found", ["gone"; 3]),
        ("user_disabled", ["gone"; 3]),
        ("cannot_dm_bot", ["gone"; 3]),
        ("message_not_found", ["fallback"; 3]),
        ("cant_update_message", ["fallback"; 3]),
        ("edit_window_closed", ["fallback"; 3]),
        ("block_mismatch", ["fallback"; 3]),
        ("streaming_state_conflict", ["fallback"; 3]),
        ("already_reacted", ["silent"; 3]),
        ("msg_too_long", ["reshape"; 3]),
        ("msg_blocks_too_long", ["reshape"; 3]),
        ("too_many_attachments", ["reshape"; 3]),
        ("invalid_blocks", ["reshape"; 3]),
        ("invalid_blocks_format", ["reshape"; 3]),
        ("no_text", ["reshape"; 3]),
        ("markdown_text_conflict", ["reshape"; 3]),
        ("attachment_payload_limit_exceeded", ["reshape"; 3]),
        ("file_upload_size_restricted", ["reshape"; 3]),
        ("storage_limit_reached", ["reshape"; 3]),
        ("file_uploads_disabled", ["reshape"; 3]),
        ("file_type_not_allowed", ["reshape"; 3]),
        ("file_update_failed", ["reshape"; 3]),
        ("metadata_too_large", ["reshape"; 3]),
        ("metadata_must_be_sent_from_app", ["reshape"; 3]),
        ("invalid_metadata_format", ["reshape"; 3]),
        ("invalid_metadata_schema", ["reshape"; 3]),
        ("update_failed", ["retry"; 3]),
        ("external_channel_migrating", ["retry"; 3]),
        ("request_timeout", ["retry"; 3]),
        ("fatal_error", ["ambiguous", "ambiguous", "retry"]),
        ("internal_error", ["ambiguous", "ambiguous", "retry"]),
        ("service_unavailable", ["ambiguous", "ambiguous", "retry"]),
        ("duplicate_message_not_found", ["ambiguous", "ambiguous", "retry"]),
        ("duplicate_channel_not_found", ["ambiguous", "ambiguous", "retry"]),
        ("ratelimited", ["chat 30s", "route 30s", "route 30s"]),
        ("rate_limited", ["chat 30s", "route 30s", "route 30s"]),
        ("message_limit_exceeded", ["account 30s"; 3]),
        ("invalid_arguments", ["bug"; 3]),
        ("invalid_arg_name", ["bug"; 3]),
        ("invalid_json", ["bug"; 3]),
        ("unknown_method", ["bug"; 3]),
        ("something_of_next_year", ["bug"; 3]),
    ];
    for (code, classes) in table {
        for (called, expected) in [CREATE, EDIT, LIGHT].into_iter().zip(classes) {
            assert_eq!(class(200, &[], &coded(code), called), *expected, "{code} {called:?}");
        }
    }
}

#[test]
fn a_status_is_judged_where_slack_says_nothing() {
    for (status, classes) in [
        (400, ["ambiguous", "ambiguous", "retry"]),
        (401, ["ambiguous", "ambiguous", "retry"]),
        (403, ["ambiguous", "ambiguous", "retry"]),
        (407, ["ambiguous", "ambiguous", "retry"]),
        (413, ["reshape"; 3]),
        (302, ["ambiguous", "ambiguous", "retry"]),
        (500, ["ambiguous", "ambiguous", "retry"]),
        (502, ["ambiguous", "ambiguous", "retry"]),
        (503, ["ambiguous", "ambiguous", "retry"]),
        (504, ["ambiguous", "ambiguous", "retry"]),
        (200, ["ambiguous", "ambiguous", "retry"]),
        (429, ["chat 30s", "route 30s", "route 30s"]),
    ] {
        for (called, expected) in [CREATE, EDIT, LIGHT].into_iter().zip(classes) {
            assert_eq!(class(status, &[], "<html>no</html>", called), expected, "{status} {called:?}");
        }
    }
    for (status, expected) in
        [(400, "bug"), (401, "stop_account"), (403, "gone"), (408, "ambiguous"), (500, "ambiguous")]
    {
        assert_eq!(class(status, &[], &coded("something_new"), CREATE), expected, "{status}");
    }
}

#[test]
fn a_wait_is_the_one_that_is_named() {
    let named = |value: &'static str| [("retry-after", value)];
    for (value, expected) in [
        ("7", "chat 7s"),
        (" 12 ", "chat 12s"),
        ("0", "chat 0s"),
        ("-1", "chat 30s"),
        ("soon", "chat 30s"),
        ("NaN", "chat 30s"),
        ("1e99", "chat 86400s"),
    ] {
        assert_eq!(class(429, &named(value), &coded("ratelimited"), CREATE), expected, "{value:?}");
        assert_eq!(class(200, &named(value), &coded("ratelimited"), CREATE), expected, "200 {value:?}");
        assert_eq!(class(429, &named(value), "", CREATE), expected, "empty {value:?}");
    }
}

#[test]
fn what_is_held_back_is_redrawn_or_waits() {
    let held = || Answer::Held { delay: std::time::Duration::from_secs(3), scope: Scope::Chat };
    assert!(matches!(settle(held(), PROGRESS), Err(NotSurfaced::Retry(cause)) if cause.code == "held"));
    assert!(matches!(settle(held(), EDIT), Err(NotSurfaced::RetryAfter { scope: Scope::Chat, .. })));
    // What Slack itself said stops progress, too.
    assert_eq!(class(429, &[("retry-after", "9")], "", PROGRESS), "route 9s");
}

#[test]
fn a_success_names_its_message() {
    assert_eq!(class(200, &[], r#"{"ok":true,"channel":"C1","ts":"1.2"}"#, CREATE), "done");
    assert_eq!(class(200, &[], r#"{"ok":true,"channel":"C1"}"#, CREATE), "ambiguous");
    assert_eq!(class(200, &[], r#"{"ok":true,"channel":"C1"}"#, EDIT), "ambiguous");
    assert_eq!(class(200, &[], r#"{"ok":true}"#, LIGHT), "done");
    for cut in ["", "{", r#"{"ok":tr"#, "[]", "null", r#"{"ok":"yes"}"#, r#"{"ok":false}"#, r#"{"ok":false,"error":7}"#]
    {
        assert_eq!(class(200, &[], cut, CREATE), "ambiguous", "{cut}");
    }
}

#[test]
fn what_people_read_is_no_code() {
    let refused = |code: &str| match settle(answer_of(200, &[], &coded(code), Method::PostMessage), CREATE) {
        Err(reason) => reason.cause().cloned().unwrap(),
        Ok(body) => panic!("{body}"),
    };
    assert_eq!(refused("is_archived"), Cause::new("is_archived", "this channel is archived"));
    assert_eq!(refused("some_new_thing"), Cause::new("some_new_thing", "some new thing"));
}

#[test]
fn metadata_and_missing_rights_are_told_from_the_rest() {
    let answer = |code: &str| answer_of(200, &[], &coded(code), Method::PostMessage);
    for code in ["metadata_too_large", "metadata_must_be_sent_from_app", "invalid_metadata_format"] {
        assert!(refuses_metadata(&answer(code)), "{code}");
    }
    assert!(!refuses_metadata(&answer("invalid_blocks")));
    assert!(lacks_a_right(&answer("missing_scope")) && !lacks_a_right(&answer("invalid_auth")));
}
