//! Bodies as Slack and what stands before it send them: with `response_metadata`, `needed`, `errors`, warnings and all.

use super::*;

struct Case {
    status: u16,
    headers: Headers<'static>,
    body: &'static str,
    called: Called,
    class: &'static str,
}

const fn case(called: Called, body: &'static str, class: &'static str) -> Case {
    Case { status: 200, headers: &[], body, called, class }
}

const fn over_http(
    status: u16,
    headers: Headers<'static>,
    body: &'static str,
    called: Called,
    class: &'static str,
) -> Case {
    Case { status, headers, body, called, class }
}

const BODIES: &[Case] = &[
    // Credentials and rights.
    case(CREATE, r#"{"ok":false,"error":"invalid_auth"}"#, "stop_account"),
    case(
        CREATE,
        r#"{"ok":false,"error":"invalid_auth","warning":"missing_charset","response_metadata":{"warnings":["missing_charset"]}}"#,
        "stop_account",
    ),
    case(EDIT, r#"{"ok":false,"error":"not_authed"}"#, "stop_account"),
    case(LIGHT, r#"{"ok":false,"error":"token_revoked"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"account_inactive"}"#, "stop_account"),
    case(EDIT, r#"{"ok":false,"error":"token_expired"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"not_allowed_token_type"}"#, "stop_account"),
    case(
        CREATE,
        r#"{"ok":false,"error":"missing_scope","needed":"chat:write:bot","provided":"identify,commands"}"#,
        "stop_account",
    ),
    case(
        LIGHT,
        r#"{"ok":false,"error":"missing_scope","needed":"channels:history,groups:history,mpim:history,im:history","provided":"chat:write,commands"}"#,
        "retry",
    ),
    case(LIGHT, r#"{"ok":false,"error":"missing_scope","needed":"reactions:write","provided":"chat:write"}"#, "retry"),
    case(CREATE, r#"{"ok":false,"error":"no_permission"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"accesslimited"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"team_added_to_org"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"org_login_required"}"#, "stop_account"),
    case(CREATE, r#"{"ok":false,"error":"team_access_not_granted"}"#, "stop_account"),
    // Places.
    case(CREATE, r#"{"ok":false,"error":"channel_not_found"}"#, "gone"),
    case(EDIT, r#"{"ok":false,"error":"channel_not_found"}"#, "gone"),
    case(LIGHT, r#"{"ok":false,"error":"channel_not_found"}"#, "gone"),
    case(
        CREATE,
        r#"{"ok":false,"error":"channel_not_found","errors":["channel_not_found"],"response_metadata":{"messages":["[ERROR] no such channel"]}}"#,
        "gone",
    ),
    case(CREATE, r#"{"ok":false,"error":"not_in_channel"}"#, "gone"),
    case(
        CREATE,
        r#"{"ok":false,"error":"not_in_channel","warning":"superfluous_charset","response_metadata":{"warnings":["superfluous_charset"]}}"#,
        "gone",
    ),
    case(CREATE, r#"{"ok":false,"error":"is_archived"}"#, "gone"),
    case(EDIT, r#"{"ok":false,"error":"is_archived"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"restricted_action"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"restricted_action_read_only_channel"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"restricted_action_thread_locked"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"restricted_action_non_threadable_channel"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"restricted_action_thread_only_channel"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"messages_tab_disabled"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"cannot_reply_to_message"}"#, "gone"),
    case(LIGHT, r#"{"ok":false,"error":"thread_not_found"}"#, "gone"),
    case(CREATE, r#"{"ok":false,"error":"ekm_access_denied"}"#, "gone"),
    case(LIGHT, r#"{"ok":false,"error":"user_not_in_channel"}"#, "gone"),
    case(LIGHT, r#"{"ok":false,"error":"cannot_dm_bot"}"#, "gone"),
    // Messages.
    case(EDIT, r#"{"ok":false,"error":"message_not_found"}"#, "fallback"),
    case(EDIT, r#"{"ok":false,"error":"cant_update_message"}"#, "fallback"),
    case(EDIT, r#"{"ok":false,"error":"edit_window_closed"}"#, "fallback"),
    case(EDIT, r#"{"ok":false,"error":"block_mismatch"}"#, "fallback"),
    case(EDIT, r#"{"ok":false,"error":"streaming_state_conflict"}"#, "fallback"),
    case(LIGHT, r#"{"ok":false,"error":"already_reacted"}"#, "silent"),
    // Shapes.
    case(CREATE, r#"{"ok":false,"error":"msg_too_long"}"#, "reshape"),
    case(EDIT, r#"{"ok":false,"error":"msg_too_long"}"#, "reshape"),
    case(EDIT, r#"{"ok":false,"error":"msg_blocks_too_long"}"#, "reshape"),
    case(CREATE, r#"{"ok":false,"error":"no_text"}"#, "reshape"),
    case(
        CREATE,
        r#"{"ok":false,"error":"invalid_blocks","errors":["must be less than 3001 characters [json-pointer:/blocks/0/text/text]"],"response_metadata":{"messages":["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]}}"#,
        "reshape",
    ),
    case(
        EDIT,
        r#"{"ok":false,"error":"invalid_blocks","errors":["invalid additional property: foo [json-pointer:/blocks/1]"]}"#,
        "reshape",
    ),
    case(CREATE, r#"{"ok":false,"error":"invalid_blocks_format"}"#, "reshape"),
    case(
        CREATE,
        r#"{"ok":false,"error":"invalid_metadata_format","response_metadata":{"messages":["[ERROR] event_type must be a string"]}}"#,
        "reshape",
    ),
    case(CREATE, r#"{"ok":false,"error":"metadata_must_be_sent_from_app"}"#, "reshape"),
    // Files.
    case(LIGHT, r#"{"ok":false,"error":"file_upload_size_restricted"}"#, "reshape"),
    case(LIGHT, r#"{"ok":false,"error":"storage_limit_reached"}"#, "reshape"),
    case(LIGHT, r#"{"ok":false,"error":"file_uploads_disabled"}"#, "reshape"),
    case(EDIT, r#"{"ok":false,"error":"file_update_failed"}"#, "reshape"),
    case(EDIT, r#"{"ok":false,"error":"file_not_found"}"#, "reshape"),
    case(EDIT, r#"{"ok":false,"error":"slack_connect_file_upload_sharing_blocked"}"#, "reshape"),
    // Limits.
    case(CREATE, r#"{"ok":false,"error":"ratelimited"}"#, "chat 30s"),
    case(CREATE, r#"{"ok":false,"error":"rate_limited"}"#, "chat 30s"),
    case(CREATE, r#"{"ok":false,"error":"message_limit_exceeded"}"#, "account 30s"),
    over_http(429, &[("retry-after", "1")], r#"{"ok":false,"error":"ratelimited"}"#, CREATE, "chat 1s"),
    over_http(429, &[("retry-after", "30")], r#"{"ok":false,"error":"ratelimited"}"#, EDIT, "route 30s"),
    over_http(429, &[("retry-after", "60")], r#"{"ok":false,"error":"ratelimited"}"#, LIGHT, "route 60s"),
    over_http(429, &[("retry-after", "10"), ("content-type", "application/json")], "", CREATE, "chat 10s"),
    over_http(429, &[("retry-after", "10")], "<html>Too Many Requests</html>", CREATE, "chat 10s"),
    over_http(200, &[("retry-after", "4")], r#"{"ok":false,"error":"ratelimited"}"#, EDIT, "route 4s"),
    // Their side.
    case(CREATE, r#"{"ok":false,"error":"fatal_error"}"#, "ambiguous"),
    case(CREATE, r#"{"ok":false,"error":"internal_error"}"#, "ambiguous"),
    case(EDIT, r#"{"ok":false,"error":"internal_error"}"#, "ambiguous"),
    case(LIGHT, r#"{"ok":false,"error":"internal_error"}"#, "retry"),
    case(EDIT, r#"{"ok":false,"error":"update_failed"}"#, "retry"),
    case(CREATE, r#"{"ok":false,"error":"request_timeout"}"#, "retry"),
    over_http(503, &[], r#"{"ok":false,"error":"service_unavailable"}"#, CREATE, "ambiguous"),
    over_http(500, &[], r#"{"ok":false,"error":"fatal_error"}"#, EDIT, "ambiguous"),
    over_http(502, &[], "<html><head><title>502 Bad Gateway</title></head></html>", CREATE, "ambiguous"),
    over_http(504, &[], "upstream request timeout", EDIT, "ambiguous"),
    over_http(504, &[], "upstream request timeout", LIGHT, "retry"),
    over_http(302, &[("location", "https://login.hotel.example/")], "", CREATE, "ambiguous"),
    over_http(200, &[("content-type", "text/html")], "<!DOCTYPE html><title>Sign in</title>", CREATE, "ambiguous"),
    over_http(407, &[], "Proxy Authentication Required", CREATE, "ambiguous"),
    over_http(403, &[], r#"{"message":"Forbidden"}"#, EDIT, "ambiguous"),
    // Ours.
    case(
        CREATE,
        r#"{"ok":false,"error":"invalid_arguments","response_metadata":{"messages":["[ERROR] missing required field: channel"]}}"#,
        "bug",
    ),
    case(CREATE, r#"{"ok":false,"error":"invalid_arg_name"}"#, "bug"),
    case(CREATE, r#"{"ok":false,"error":"invalid_charset"}"#, "bug"),
    case(CREATE, r#"{"ok":false,"error":"invalid_form_data"}"#, "bug"),
    case(CREATE, r#"{"ok":false,"error":"missing_post_type"}"#, "bug"),
    case(LIGHT, r#"{"ok":false,"error":"unknown_method","req_method":"chat.frobnicate"}"#, "bug"),
    case(CREATE, r#"{"ok":false,"error":"deprecated_endpoint"}"#, "bug"),
    // What came through.
    case(
        CREATE,
        r#"{"ok":true,"channel":"C123ABC456","ts":"1503435956.000247","message":{"text":"Here's a message for you","username":"ecto1","bot_id":"B123ABC456","type":"message","subtype":"bot_message","ts":"1503435956.000247"}}"#,
        "done",
    ),
    case(CREATE, r#"{"ok":true,"channel":"C1","ts":"1503435956.000247","warning":"missing_text_in_message"}"#, "done"),
    case(
        EDIT,
        r#"{"ok":true,"channel":"C123ABC456","ts":"1401383885.000061","text":"Updated text","message":{"text":"Updated text","user":"U34567890"}}"#,
        "done",
    ),
];

#[test]
fn real_bodies_have_their_class() {
    assert!(BODIES.iter().filter(|case| case.class != "done").count() >= 80);
    for case in BODIES {
        let found = class(case.status, case.headers, case.body, case.called);
        assert_eq!(found, case.class, "{} {} {:?}", case.status, case.body, case.called);
    }
}

#[test]
fn what_slack_says_beyond_the_code_is_kept_for_the_operator() {
    let body = r#"{"ok":false,"error":"missing_scope","needed":"chat:write","provided":"commands"}"#;
    let Err(reason) = settle(answer_of(200, &[], body, Method::PostMessage), CREATE) else { panic!("it was refused") };
    assert_eq!(reason.cause().unwrap().text, "needed: chat:write; provided: commands");
    let long = format!(r#"{{"ok":false,"error":"invalid_blocks","errors":["{}"]}}"#, "x".repeat(5_000));
    let Err(reason) = settle(answer_of(200, &[], &long, Method::PostMessage), CREATE) else { panic!("it was refused") };
    assert_eq!(reason.cause().unwrap().text.chars().count(), 300);
}
