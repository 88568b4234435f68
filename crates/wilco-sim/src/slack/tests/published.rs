//! The tables against Slack's published description, which is old: what we have and it has not is a warning, and what
//! it asks for and we have not is a mistake.

use std::path::Path;

use serde_json::Value;

use crate::slack::methods::{METHODS, Method, Op};
use crate::slack::shape::{Field, Kind};

/// Where the description lies beside the repository; it is not part of it.
const DESCRIPTION: &str = "../../../shared/specs/slack/slack_web_openapi_v2.json";

/// Methods that came after the description.
const NEWER: &[Op] = &[Op::ConnectionsOpen, Op::GetUploadUrl, Op::CompleteUpload, Op::SetStatus];

/// Arguments whose type it tells otherwise than the reference does, or that it asks for and Slack does not.
const KNOWN: &[(&str, &str)] = &[
    ("chat.delete", "channel"),
    ("chat.delete", "ts"),
    ("conversations.history", "channel"),
    ("conversations.replies", "channel"),
    ("conversations.replies", "ts"),
    ("conversations.info", "channel"),
    ("conversations.join", "channel"),
    ("conversations.members", "channel"),
    ("users.info", "user"),
    ("reactions.remove", "channel"),
    ("reactions.remove", "timestamp"),
];

#[derive(Default)]
struct Found {
    wrong: Vec<String>,
    warnings: Vec<String>,
    looked_at: usize,
}

#[test]
fn the_tables_agree_with_the_published_description() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DESCRIPTION);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: needs ../shared");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is not there", path.display());
        return;
    };
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut found = Found::default();
    for method in METHODS {
        hold(&all, method, &mut found);
    }
    println!("newer than the description: {}", found.warnings.join(", "));
    assert!(found.wrong.is_empty(), "{}", found.wrong.join("\n"));
    assert!(found.looked_at > 80, "only {} fields were looked at", found.looked_at);
}

fn hold(all: &Value, method: &Method, found: &mut Found) {
    let path = &all["paths"][format!("/{}", method.name)];
    let operation = if path["post"].is_object() { &path["post"] } else { &path["get"] };
    if operation.is_null() {
        if NEWER.contains(&method.op) {
            found.warnings.push(method.name.to_owned());
        } else {
            found.wrong.push(format!("{} is not published", method.name));
        }
        return;
    }
    let parameters: Vec<&Value> = operation["parameters"].as_array().unwrap().iter().collect();
    let named = |name: &str| parameters.iter().find(|one| one["name"] == name).copied();
    for field in method.args {
        found.looked_at += 1;
        let at = format!("{}.{}", method.name, field.name);
        match named(field.name) {
            None => found.warnings.push(at),
            Some(published) => argument(method, field, published, &at, found),
        }
    }
    for one in parameters.iter().filter(|one| one["required"] == true && one["name"] != "token") {
        let name = one["name"].as_str().unwrap();
        if !method.args.iter().any(|field| field.name == name && field.required) {
            found.wrong.push(format!("{}.{name} is required there and not here", method.name));
        }
    }
    let answer = &operation["responses"]["200"]["schema"];
    let required = answer["required"].as_array().cloned().unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        found.looked_at += 1;
        if !method.gives.fields.iter().any(|field| field.name == name && field.required) {
            found.wrong.push(format!("{} does not always answer {name}", method.name));
        }
    }
    for field in method.gives.fields {
        found.looked_at += 1;
        match answer["properties"].get(field.name) {
            None => found.warnings.push(format!("{} answers {}", method.name, field.name)),
            Some(published) => {
                object(all, &field.kind, published, &format!("{} answers {}", method.name, field.name), found)
            }
        }
    }
}

fn argument(method: &Method, field: &Field, published: &Value, at: &str, found: &mut Found) {
    let known = KNOWN.contains(&(method.name, field.name));
    if field.required && published["required"] != true && !known {
        found.wrong.push(format!("{at} is required here and not there"));
    }
    let fits: &[&str] = match field.kind {
        Kind::Bool => &["boolean", "string"],
        Kind::Int(..) => &["integer", "number"],
        Kind::Ts | Kind::Bound => &["string", "number"],
        Kind::Text(_) | Kind::Id(_) | Kind::Word(_) => &["string"],
        // Nested values travel as texts in a form.
        Kind::List(..) | Kind::Object(_) | Kind::ByType(_) => &["string"],
        Kind::Any => return,
    };
    let kind = published["type"].as_str().unwrap_or_default();
    if !fits.contains(&kind) && !known {
        found.wrong.push(format!("{at} is {kind} there"));
    }
}

/// A named object of an answer: what it always has there it always has here, or the fake says why not.
fn object(all: &Value, kind: &Kind, published: &Value, at: &str, found: &mut Found) {
    let shape = match kind {
        Kind::Object(shape) => shape,
        Kind::List(Kind::Object(shape), _) => shape,
        Kind::List(..)
        | Kind::Bool
        | Kind::Int(..)
        | Kind::Text(_)
        | Kind::Id(_)
        | Kind::Ts
        | Kind::Bound
        | Kind::Word(_)
        | Kind::Any
        | Kind::ByType(_) => return,
    };
    if shape.name.is_empty() {
        return;
    }
    let text = published.to_string();
    let definition = &all["definitions"][shape.name];
    if definition.is_null() || !text.contains(shape.name) {
        found.warnings.push(format!("{at} is `{}`", shape.name));
        return;
    }
    // Some definitions are lists of variants; the first is the ordinary one.
    let variant = [&definition["items"][0], &definition["anyOf"][0]].into_iter().find(|one| one.is_object());
    let properties = &variant.unwrap_or(definition)["properties"];
    for field in shape.fields {
        found.looked_at += 1;
        if properties.get(field.name).is_none() {
            found.warnings.push(format!("{at}.{}", field.name));
        }
    }
}
