//! Whole answers as they come over the wire, in the shapes that Discord documents ("Reference", "Error Messages"; "Rate
//! Limits", "Exceeding A Rate Limit") and in those of what stands before it. The names and values are of our own.

use std::collections::BTreeSet;

use super::*;

/// An answer with what it means for a create and for an edit.
struct Row {
    status: u16,
    headers: Headers<'static>,
    body: &'static str,
    create: &'static str,
    edit: &'static str,
}

const fn row(status: u16, body: &'static str, create: &'static str, edit: &'static str) -> Row {
    Row { status, headers: &[], body, create, edit }
}

const fn both(status: u16, body: &'static str, class: &'static str) -> Row {
    row(status, body, class, class)
}

const fn limited(headers: Headers<'static>, body: &'static str, create: &'static str, edit: &'static str) -> Row {
    Row { status: 429, headers, body, create, edit }
}

const USER: Headers<'static> = &[
    ("retry-after", "1"),
    ("x-ratelimit-limit", "5"),
    ("x-ratelimit-remaining", "0"),
    ("x-ratelimit-reset", "1772442003.250"),
    ("x-ratelimit-reset-after", "0.652"),
    ("x-ratelimit-bucket", "80c17d2f203122d936070c88c8d10f33"),
    ("x-ratelimit-scope", "user"),
];
const SHARED: Headers<'static> = &[
    ("retry-after", "845"),
    ("x-ratelimit-limit", "10"),
    ("x-ratelimit-remaining", "9"),
    ("x-ratelimit-bucket", "80c17d2f203122d936070c88c8d10f33"),
    ("x-ratelimit-scope", "shared"),
];
const GLOBAL: Headers<'static> =
    &[("retry-after", "12"), ("x-ratelimit-global", "true"), ("x-ratelimit-scope", "global")];
const HTML: Headers<'static> = &[("content-type", "text/html; charset=UTF-8"), ("server", "cloudflare")];

const CREDENTIALS: &[Row] = &[
    both(401, r#"{"message": "401: Unauthorized", "code": 0}"#, "stop_account"),
    both(401, r#"{"code": 40001, "message": "Unauthorized. Provide a valid token and try again"}"#, "stop_account"),
    both(401, r#"{"code": 50014, "message": "Invalid authentication token provided"}"#, "stop_account"),
    both(403, r#"{"message": "Verify the account before doing this", "code": 40002}"#, "stop_account"),
    both(401, "", "stop_account"),
];

const PLACES: &[Row] = &[
    both(404, r#"{"message": "Unknown Channel", "code": 10003}"#, "gone"),
    both(404, r#"{"message": "Unknown Guild", "code": 10004}"#, "gone"),
    both(403, r#"{"message": "Missing Access", "code": 50001}"#, "gone"),
    both(403, r#"{"message": "Missing Permissions", "code": 50013}"#, "gone"),
    both(403, r#"{"message": "Cannot send messages to this user", "code": 50007}"#, "gone"),
    both(403, r#"{"message": "Cannot message this user: no mutual guilds", "code": 50278}"#, "gone"),
    both(403, r#"{"message": "Verification level is too high for you to gain access", "code": 50009}"#, "gone"),
    both(403, r#"{"message": "This server is not available in your location", "code": 50095}"#, "gone"),
    both(400, r#"{"message": "This thread is locked", "code": 160005}"#, "gone"),
    both(400, r#"{"message": "Maximum number of active threads reached", "code": 160006}"#, "gone"),
    both(403, r#"{"message": "A reason that is new this year", "code": 987654}"#, "gone"),
    both(404, r#"{"message": "Unknown interaction", "code": 10062}"#, "gone"),
    both(404, r#"{"message": "Unknown Webhook", "code": 10015}"#, "gone"),
    both(401, r#"{"message": "Invalid Webhook Token", "code": 50027}"#, "gone"),
    both(400, r#"{"message": "Interaction has already been acknowledged.", "code": 40060}"#, "silent"),
];

const MESSAGES: &[Row] = &[
    both(404, r#"{"message": "Unknown Message", "code": 10008}"#, "fallback"),
    both(403, r#"{"message": "Cannot edit a message authored by another user", "code": 50005}"#, "fallback"),
    both(403, r#"{"message": "Cannot execute action on a system message", "code": 50021}"#, "fallback"),
    both(400, r#"{"message": "Thread is archived", "code": 50083}"#, "fallback"),
];

const SHAPES: &[Row] = &[
    both(400, r#"{"message": "Cannot send an empty message", "code": 50006}"#, "reshape"),
    both(
        400,
        r#"{"message": "Invalid Form Body", "code": 50035, "errors": {"content": {"_errors": [
            {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "errors": {"message_reference": {"_errors": [
            {"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}]}}, "message": "Invalid Form Body"}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"components": {"1": {"components": {"0": {"custom_id":
            {"_errors": [{"code": "COMPONENT_CUSTOM_ID_DUPLICATED", "message": "Component custom id cannot be duplicated"}]}
            }}}}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"components": {"0": {"components": {"_errors": [
            {"code": "BASE_TYPE_BAD_LENGTH", "message": "Must be between 1 and 5 in length."}]}}}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"embeds": {"0": {"title": {"_errors": [
            {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 256 or fewer in length."}]}, "url": {"_errors": [
            {"code": "URL_TYPE_INVALID_URL", "message": "Not a well formed URL."}]}}}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"_errors": [
            {"code": "APPLICATION_COMMAND_TOO_LARGE", "message": "The whole is too large"}]}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"content": {"_errors": [{"_errors": [
            {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 2000 or fewer in length."}]}]}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"attachments": {"0": {"id": {"_errors": [
            {"code": "NUMBER_TYPE_COERCE", "message": "Value \"none\" is not snowflake."}]}}}}}"#,
        "reshape",
    ),
    both(
        400,
        r#"{"code": 50035, "message": "Invalid Form Body", "errors": {"nonce": {"_errors": [
            {"code": "BASE_TYPE_MAX_LENGTH", "message": "Must be 25 or fewer in length."}]}}}"#,
        "reshape",
    ),
    both(400, r#"{"code": 50035, "message": "Invalid Form Body", "errors": {}}"#, "reshape"),
    both(400, r#"{"code": 50035, "message": "Invalid Form Body", "errors": null}"#, "reshape"),
    both(400, r#"{"message": "The request body contains invalid JSON.", "code": 50109}"#, "reshape"),
    both(413, r#"{"message": "Request entity too large", "code": 40005}"#, "reshape"),
    both(400, r#"{"message": "File uploaded exceeds the maximum size", "code": 50045}"#, "reshape"),
    both(413, "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>", "reshape"),
    both(400, r#"{"message": "Message was blocked by automatic moderation", "code": 200000}"#, "reshape"),
    both(400, r#"{"message": "This contains links that are not allowed", "code": 240000}"#, "reshape"),
    both(403, r#"{"message": "Explicit content cannot be sent to the desired recipient", "code": 20009}"#, "reshape"),
    both(400, r#"{"message": "Cannot reply without permission to read message history", "code": 160002}"#, "bug"),
];

const WAITS: &[Row] = &[
    limited(
        USER,
        r#"{"message": "You are being rate limited.", "retry_after": 0.652, "global": false}"#,
        "route 0.652s",
        "route 0.652s",
    ),
    limited(
        SHARED,
        r#"{"message": "The resource is being rate limited.", "retry_after": 844.57, "global": false}"#,
        "route 844.57s",
        "route 844.57s",
    ),
    limited(
        GLOBAL,
        r#"{"message": "You are being rate limited.", "retry_after": 11.5, "global": true}"#,
        "account 11.5s",
        "account 11.5s",
    ),
    limited(
        &[],
        r#"{"message": "You are being rate limited.", "retry_after": 3, "global": true, "code": 0}"#,
        "account 3s",
        "account 3s",
    ),
    limited(
        USER,
        r#"{"message": "Too many messages in this channel", "code": 20028, "retry_after": 2.5, "global": false}"#,
        "route 2.5s",
        "route 2.5s",
    ),
    limited(
        USER,
        r#"{"message": "This action cannot be performed due to slowmode rate limit", "code": 20016, "retry_after": 17.2}"#,
        "chat 17.2s",
        "chat 17.2s",
    ),
    limited(
        USER,
        r#"{"message": "Maximum number of edits to messages older than 1 hour reached", "code": 30046, "retry_after": 59}"#,
        "message 59s",
        "message 59s",
    ),
    limited(
        USER,
        r#"{"message": "Maximum number of edits to messages older than 1 hour reached", "code": 30046,
            "retry_after": 840.1}"#,
        "message 840.1s",
        "fallback",
    ),
    limited(
        &[("retry-after", "9")],
        r#"{"message": "Service resource is being rate limited", "code": 40062}"#,
        "route 9s",
        "route 9s",
    ),
    both(400, r#"{"message": "Send messages has been temporarily disabled", "code": 40004}"#, "route 60s"),
    both(403, r#"{"message": "This feature has been temporarily disabled server-side", "code": 40006}"#, "route 60s"),
    both(
        500,
        r#"{"message": "API resource is currently overloaded. Try again a little later", "code": 130000}"#,
        "retry",
    ),
];

const BEFORE_DISCORD: &[Row] = &[
    Row {
        status: 403,
        headers: HTML,
        body: "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>Sorry</body></html>",
        create: "ip 600s",
        edit: "ip 600s",
    },
    both(403, r#"{"message": "internal network error", "code": 40333}"#, "ip 600s"),
    both(400, r#"{"message": "internal network error", "code": 40333}"#, "ip 600s"),
    limited(HTML, "error code: 1015", "ip 600s", "ip 600s"),
    limited(
        &[("retry-after", "1800"), ("content-type", "text/html")],
        "<html><title>Access denied | discord.com used Cloudflare to restrict access</title> Error 1015 </html>",
        "ip 1800s",
        "ip 1800s",
    ),
    limited(
        &[("retry-after", "90")],
        r#"{"type": "x", "title": "Error 1015: You are being rate limited", "error_code": 1015, "retry_after": 90}"#,
        "ip 600s",
        "ip 600s",
    ),
    both(403, r#"{"error": "blocked by policy"}"#, "ip 600s"),
    both(403, "", "ip 600s"),
    both(404, "<html><body><h1>404 Not Found</h1>nginx</body></html>", "ambiguous"),
    both(400, "<html>\r\n<head><title>400 Bad Request</title></head></html>", "ambiguous"),
    both(404, r#"{"message": "no Route matched with those values"}"#, "ambiguous"),
    both(407, "Proxy Authentication Required", "ambiguous"),
    both(400, r#"{"message": "Invalid Form Bo"#, "ambiguous"),
    both(404, "", "ambiguous"),
];

const BROKEN: &[Row] = &[
    both(500, r#"{"message": "500: Internal Server Error", "code": 0}"#, "ambiguous"),
    both(500, "", "ambiguous"),
    both(502, "<html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>", "ambiguous"),
    both(502, r#"{"message": "502: Bad Gateway", "code": 0}"#, "ambiguous"),
    both(503, "upstream connect error or disconnect/reset before headers. reset reason: overflow", "ambiguous"),
    both(503, "<html><title>Service Unavailable</title></html>", "ambiguous"),
    both(504, "<html><title>discord.com | 504: Gateway time-out</title></html>", "ambiguous"),
    both(504, r#"{"message": "504: Gateway Timeout", "code": 0}"#, "ambiguous"),
    both(520, "error code: 520", "ambiguous"),
    both(500, r#"{"message": "500: Internal Ser"#, "ambiguous"),
    both(302, r#"<a href="http://login.hotel.example/">Sign in</a>"#, "ambiguous"),
];

const MISTAKES: &[Row] = &[
    both(404, r#"{"message": "404: Not Found", "code": 0}"#, "bug"),
    both(405, r#"{"message": "405: Method Not Allowed", "code": 0}"#, "bug"),
    both(400, r#"{"message": "400: Bad Request", "code": 0}"#, "bug"),
    both(400, r#"{"message": "A code that is new this year", "code": 765432}"#, "bug"),
];

#[test]
fn bodies_as_they_come_have_their_classes() {
    let all = [CREDENTIALS, PLACES, MESSAGES, SHAPES, WAITS, BEFORE_DISCORD, BROKEN, MISTAKES];
    let mut different = BTreeSet::new();
    for Row { status, headers, body, create, edit } in all.into_iter().flatten() {
        assert!(different.insert((*status, *body)), "twice: {status} {body}");
        assert_eq!(class(*status, headers, body, CREATE), *create, "create: {status} {body}");
        assert_eq!(class(*status, headers, body, EDIT), *edit, "edit: {status} {body}");
    }
    let bodies: BTreeSet<&str> = different.iter().map(|(_, body)| *body).collect();
    assert!(bodies.len() >= 60, "{}", bodies.len());
}

#[test]
fn the_fields_of_every_nested_shape_are_found() {
    let fields = |at: usize| {
        let Answer::Refused(refusal) = answer_of(400, &[], SHAPES[at].body, Kind::Create) else { panic!("refused") };
        refusal.fields
    };
    assert_eq!(fields(1), ["content"]);
    assert_eq!(fields(2), ["message_reference"]);
    assert_eq!(fields(3), ["components.1.components.0.custom_id"]);
    assert_eq!(fields(5), ["embeds.0.title", "embeds.0.url"]);
    assert_eq!(fields(6), [""], "of the whole");
    assert_eq!(fields(10), Vec::<String>::new());
}
