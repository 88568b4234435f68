//! Rules that a table of fields cannot hold: what has to be unique, what excludes what.

use std::collections::BTreeSet;

use serde_json::Value;

use super::error::Refusal;
use super::requests;
use super::rest::Upload;
use super::world::buttons;

type Wrong = (String, &'static str, String);

/// The buttons, mentions and files of a message.
pub(super) fn message(body: &Value, files: &[Upload]) -> Result<(), Refusal> {
    let mut wrong: Vec<Wrong> = Vec::new();
    let rows = body["components"].as_array().cloned().unwrap_or_default();
    for (at, row) in rows.iter().enumerate() {
        if row["components"].as_array().is_none_or(Vec::is_empty) {
            let sentence = "Must be between 1 and 5 in length.".to_owned();
            wrong.push((format!("components.{at}.components"), "BASE_TYPE_BAD_LENGTH", sentence));
        }
    }
    let mut ids = BTreeSet::new();
    for button in buttons(&rows) {
        let (custom, style) = (button["custom_id"].as_str(), button["style"].as_u64().unwrap_or(0));
        if button["label"].as_str().unwrap_or_default().is_empty() && button["emoji"].is_null() {
            let sentence = "A button has a label or an emoji".to_owned();
            wrong.push(("components".to_owned(), "BUTTON_COMPONENT_INVALID", sentence));
        }
        match (custom, button["url"].as_str()) {
            (Some(""), _) | (None, None) if style != 6 => {
                let sentence = "A custom id is required".to_owned();
                wrong.push(("components".to_owned(), "COMPONENT_CUSTOM_ID_REQUIRED", sentence));
            }
            (Some(_), Some(_)) => {
                let sentence = "A button has a custom id or an address, not both".to_owned();
                wrong.push(("components".to_owned(), "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", sentence));
            }
            (Some(_), None) if style == 5 => {
                let sentence = "A link button has an address".to_owned();
                wrong.push(("components".to_owned(), "BUTTON_COMPONENT_URL_REQUIRED", sentence));
            }
            (Some(_) | None, _) => {}
        }
        if let Some(custom) = custom
            && !ids.insert(custom.to_owned())
        {
            let sentence = "Component custom id cannot be duplicated".to_owned();
            wrong.push(("components".to_owned(), "COMPONENT_CUSTOM_ID_DUPLICATED", sentence));
        }
    }
    let allowed = &body["allowed_mentions"];
    for what in ["users", "roles"] {
        let parsed = allowed["parse"].as_array().is_some_and(|parse| parse.iter().any(|one| one == what));
        if parsed && allowed[what].as_array().is_some_and(|list| !list.is_empty()) {
            let sentence = format!("parse:[\"{what}\"] and {what}: [ids...] are mutually exclusive.");
            wrong.push(("allowed_mentions".to_owned(), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", sentence));
        }
    }
    if files.len() > 10 {
        let sentence = "Must be 10 or fewer in length.".to_owned();
        wrong.push(("files".to_owned(), "BASE_TYPE_MAX_LENGTH", sentence));
    }
    finish(&wrong)
}

/// The names, descriptions and options of a command.
pub(super) fn command(body: &Value) -> Result<(), Refusal> {
    let mut wrong: Vec<Wrong> = Vec::new();
    // Commands of the menus of users and messages have free names and no description.
    let slash = body["type"].as_u64().unwrap_or(1) == 1;
    let description = body["description"].as_str().unwrap_or_default();
    if slash {
        name(&body["name"], "name", &mut wrong);
        if description.is_empty() {
            wrong.push(("description".to_owned(), "BASE_TYPE_REQUIRED", "This field is required".to_owned()));
        }
    } else {
        if !description.is_empty() {
            let sentence = "Context menu commands cannot have description".to_owned();
            wrong.push(("description".to_owned(), "APPLICATION_COMMAND_INVALID_DESCRIPTION", sentence));
        }
        if body["options"].as_array().is_some_and(|options| !options.is_empty()) {
            let sentence = "Context menu commands cannot have options".to_owned();
            wrong.push(("options".to_owned(), "APPLICATION_COMMAND_INVALID_OPTIONS", sentence));
        }
    }
    let mut names = BTreeSet::new();
    let mut optional = false;
    for (at, option) in body["options"].as_array().into_iter().flatten().enumerate() {
        let path = format!("options.{at}");
        name(&option["name"], &format!("{path}.name"), &mut wrong);
        if !names.insert(option["name"].to_string()) {
            let sentence = "Application command options must have unique names".to_owned();
            wrong.push((path.clone(), "APPLICATION_COMMAND_OPTIONS_NAME_UNIQUE", sentence));
        }
        let required = option["required"] == true;
        if required && optional {
            let sentence = "Required options must be placed before non-required options".to_owned();
            wrong.push((path.clone(), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", sentence));
        }
        optional |= !required;
        let choices = option["choices"].as_array().is_some_and(|choices| !choices.is_empty());
        if choices && option["autocomplete"] == true {
            let sentence = "Choices and autocomplete exclude each other".to_owned();
            wrong.push((path, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", sentence));
        }
    }
    finish(&wrong)
}

/// A list of commands that takes the place of another.
pub(super) fn commands(list: &[Value]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for (at, one) in list.iter().enumerate() {
        command(one)?;
        let key = (one["type"].as_u64().unwrap_or(1), one["name"].to_string());
        if !names.insert(key) {
            let sentence = "Application command names must be unique".to_owned();
            return Err(Refusal::form(&[(at.to_string(), "APPLICATION_COMMANDS_DUPLICATE_NAME", sentence)]));
        }
    }
    for kind in 1..=3 {
        let of_kind = list.iter().filter(|one| one["type"].as_u64().unwrap_or(1) == kind).count();
        let most = if kind == 1 { requests::COMMANDS } else { 5 };
        if of_kind > most {
            return Err(super::error::TOO_MANY_COMMANDS.into());
        }
    }
    Ok(())
}

fn name(name: &Value, path: &str, wrong: &mut Vec<Wrong>) {
    let name = name.as_str().unwrap_or_default();
    let fits = |one: char| one.is_alphanumeric() || one == '_' || one == '-' || one == '\'';
    if name.is_empty() || !name.chars().all(fits) || name.to_lowercase() != name {
        let sentence = "Command name is invalid".to_owned();
        wrong.push((path.to_owned(), "APPLICATION_COMMAND_INVALID_NAME", sentence));
    }
}

fn finish(wrong: &[Wrong]) -> Result<(), Refusal> {
    if wrong.is_empty() { Ok(()) } else { Err(Refusal::form(wrong)) }
}
