//! The arguments of a call, as a form, as JSON or in the address, and what is wrong with them.

use serde_json::{Map, Value, json};

use super::blocks;
use super::error::Refusal;
use super::methods::Method;
use super::pipeline::Incoming;
use super::shape::{self, Wrong};
use crate::server::form;
use crate::server::travel::read_query;

/// A request whose arguments were read.
pub(super) struct Read {
    pub(super) args: Map<String, Value>,
    /// The token among the arguments.
    pub(super) token: Option<String>,
    pub(super) wrong: Vec<Wrong>,
    pub(super) refusal: Option<Refusal>,
    /// JSON without a charset draws a warning.
    pub(super) warning: Option<&'static str>,
}

/// Reads the arguments, and notes what is not as the table says.
pub(super) fn read(method: &'static Method, incoming: &Incoming) -> Read {
    let mut read = Read { args: Map::new(), token: None, wrong: Vec::new(), refusal: None, warning: None };
    let content_type = incoming.content_type.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut pairs = incoming.query.clone();
    if content_type.starts_with("application/json") {
        if !content_type.contains("charset") {
            read.warning = Some("missing_charset");
        }
        if method.json {
            match serde_json::from_slice(&incoming.body) {
                // Clients that always name this type send nothing with it where there are no arguments.
                _ if incoming.body.is_empty() => {}
                Ok(Value::Object(object)) => read.args = shape::read_json(method.args, object),
                Ok(_) => read.refusal = Some("json_not_object".into()),
                Err(_) => read.refusal = Some("invalid_json".into()),
            }
        } else if !incoming.body.is_empty() {
            // Slack does not look into JSON here: the arguments are simply not there.
            let sentence = "this method takes no JSON".to_owned();
            read.wrong.push(Wrong { path: "body".to_owned(), sentence, refused: false });
        }
    } else if let Some(boundary) = form::boundary(&content_type_of(incoming)) {
        match form::read(&boundary, &incoming.body) {
            Some(parts) => pairs
                .extend(parts.into_iter().map(|part| (part.name, String::from_utf8_lossy(&part.bytes).into_owned()))),
            None => read.refusal = Some("invalid_form_data".into()),
        }
    } else {
        pairs.extend(read_query(&String::from_utf8_lossy(&incoming.body)));
    }
    if read.refusal.is_some() {
        let sentence = "the body cannot be read".to_owned();
        read.wrong.push(Wrong { path: "body".to_owned(), sentence, refused: false });
        return read;
    }
    let form = shape::read_form(method.args, &pairs);
    read.args.extend(form);
    read.token = read.args.remove("token").and_then(|token| token.as_str().map(str::to_owned));
    let mut args = read.args.clone();
    // Blocks have an error of their own.
    if let Some(all) = args.get("blocks").and_then(Value::as_array).cloned() {
        let wrong = blocks::judge(&all);
        if wrong.iter().any(|one| one.refused) {
            let messages = wrong.iter().map(Wrong::line).collect();
            read.refusal = Some(Refusal { messages, ..Refusal::new("invalid_blocks") });
        }
        read.wrong.extend(wrong);
        args.remove("blocks");
    } else if args.remove("blocks").is_some() {
        read.refusal = Some("invalid_blocks_format".into());
    }
    if let Some(metadata) = args.remove("metadata").filter(|value| *value != json!({})) {
        let mut wrong = Vec::new();
        shape::check(&blocks::METADATA, &metadata, "/metadata", &mut wrong);
        if !metadata.is_object() {
            read.refusal = Some("invalid_metadata_format".into());
        } else if wrong.iter().any(|one| one.refused) || !metadata["event_payload"].is_object() {
            read.refusal = Some("invalid_metadata_schema".into());
        } else if metadata.to_string().len() > 16_000 {
            read.refusal = Some("metadata_too_large".into());
        }
        read.wrong.extend(wrong);
    }
    shape::check_fields(method.args, &args, "", false, &mut read.wrong);
    read
}

fn content_type_of(incoming: &Incoming) -> String {
    incoming.content_type.clone().unwrap_or_default()
}

/// The refusal that follows from mistakes: Slack names the channel's own error where the channel is not there.
pub(super) fn refusal_of(wrong: &[Wrong]) -> Option<Refusal> {
    let refused: Vec<&Wrong> = wrong.iter().filter(|one| one.refused).collect();
    let first = refused.first()?;
    if first.path == "/channel" {
        return Some("channel_not_found".into());
    }
    let own = [
        ("/user", "user_not_found"),
        ("/latest", "invalid_ts_latest"),
        ("/oldest", "invalid_ts_oldest"),
        ("/timestamp", "bad_timestamp"),
        ("/ts", "message_not_found"),
        ("/message_ts", "message_not_found"),
    ];
    if let Some((_, error)) = own.iter().find(|(path, _)| first.path == *path) {
        return Some((*error).into());
    }
    let messages = refused.iter().map(|one| one.line()).collect();
    Some(Refusal { messages, ..Refusal::new("invalid_arguments") })
}
