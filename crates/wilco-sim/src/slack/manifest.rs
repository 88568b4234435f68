//! The app as its manifest describes it: what is installed is what the app may do, hears and offers.
//!
//! The measures and what needs what are those of Slack's reference ("App manifest reference" and the pages of the
//! events).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::FakeSlack;
use super::world::Team;
use crate::PersonError;

/// The events that the fake knows, and the scopes of which an app needs one to be told.
const EVENTS: &[(&str, &[&str])] = &[
    ("app_home_opened", &[]),
    ("app_mention", &["app_mentions:read"]),
    ("app_uninstalled", &[]),
    ("assistant_thread_context_changed", &["assistant:write"]),
    ("assistant_thread_started", &["assistant:write"]),
    ("channel_archive", &["channels:read"]),
    ("channel_deleted", &["channels:read"]),
    ("channel_left", &["channels:read"]),
    ("channel_rename", &["channels:read"]),
    ("channel_unarchive", &["channels:read"]),
    ("group_archive", &["groups:read"]),
    ("group_deleted", &["groups:read"]),
    ("group_left", &["groups:read"]),
    ("group_rename", &["groups:read"]),
    ("group_unarchive", &["groups:read"]),
    ("member_joined_channel", &["channels:read", "groups:read"]),
    ("member_left_channel", &["channels:read", "groups:read"]),
    ("message.channels", &["channels:history"]),
    ("message.groups", &["groups:history"]),
    ("message.im", &["im:history"]),
    ("message.mpim", &["mpim:history"]),
    ("reaction_added", &["reactions:read"]),
    ("reaction_removed", &["reactions:read"]),
    ("subteam_members_changed", &["usergroups:read"]),
    ("subteam_updated", &["usergroups:read"]),
    ("tokens_revoked", &[]),
];
/// The most commands of an app, and the most shortcuts.
const MOST: (usize, usize) = (50, 10);
/// The measures of texts, in characters: where they stand, and how long they may be.
const NAME: usize = 35;
const COMMAND: usize = 32;
const DESCRIPTION: usize = 2_000;
const HINT: usize = 1_000;
const SHORTCUT: usize = 24;
const SHORTCUT_DESCRIPTION: usize = 150;
const CALLBACK: usize = 255;

/// What a manifest says, as far as the fake goes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Described {
    scopes: BTreeSet<String>,
    events: BTreeSet<String>,
    commands: BTreeSet<String>,
    escapes: bool,
    shortcuts: BTreeMap<String, String>,
    global: BTreeMap<String, String>,
    socket_mode: bool,
    interactivity: bool,
}

/// Reads a manifest, and says everything that Slack would not take.
fn read(manifest: &Value) -> Result<Described, Vec<String>> {
    let mut wrong = Vec::new();
    let list = |path: &str| manifest.pointer(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let words = |path: &str| list(path).iter().filter_map(|one| one.as_str().map(str::to_owned)).collect();
    let on = |path: &str| manifest.pointer(path).and_then(Value::as_bool) == Some(true);
    text(&mut wrong, &manifest["display_information"]["name"], "/display_information/name", NAME);
    let mut found = Described {
        scopes: words("/oauth_config/scopes/bot"),
        events: words("/settings/event_subscriptions/bot_events"),
        socket_mode: on("/settings/socket_mode_enabled"),
        interactivity: on("/settings/interactivity/is_enabled"),
        ..Described::default()
    };
    for event in &found.events {
        match EVENTS.iter().find(|(name, _)| name == event) {
            None => wrong.push(format!("there is no event `{event}`")),
            Some((_, needs)) if needs.is_empty() || needs.iter().any(|scope| found.scopes.contains(*scope)) => {}
            Some((_, needs)) => wrong.push(format!("the event `{event}` needs the scope {}", needs.join(" or "))),
        }
    }
    if !found.events.is_empty() && manifest.pointer("/features/bot_user/display_name").is_none() {
        wrong.push("an app that hears events needs a bot user".to_owned());
    }
    let (commands, shortcuts) = (list("/features/slash_commands"), list("/features/shortcuts"));
    // Without sockets Slack has to know where it speaks to the app.
    let mut needs_address = |wanted: bool, value: &Value, path: &str| {
        let named = value.as_str().is_some_and(|url| url.starts_with("https://"));
        if wanted && !found.socket_mode && !named {
            wrong.push(format!("{path}: is missing"));
        }
    };
    for (wanted, part) in [(!found.events.is_empty(), "event_subscriptions"), (found.interactivity, "interactivity")] {
        needs_address(wanted, &manifest["settings"][part]["request_url"], &format!("/settings/{part}/request_url"));
    }
    for (at, command) in commands.iter().enumerate() {
        needs_address(true, &command["url"], &format!("/features/slash_commands/{at}/url"));
    }
    for (at, command) in commands.iter().enumerate() {
        let path = format!("/features/slash_commands/{at}");
        let name = command["command"].as_str().unwrap_or_default();
        let plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || "-_".contains(one);
        if !name.strip_prefix('/').is_some_and(|word| !word.is_empty() && word.chars().all(plain)) {
            wrong.push(format!("{path}/command: `{name}` is no command"));
        }
        text(&mut wrong, &command["command"], &format!("{path}/command"), COMMAND);
        text(&mut wrong, &command["description"], &format!("{path}/description"), DESCRIPTION);
        if !command["usage_hint"].is_null() {
            text(&mut wrong, &command["usage_hint"], &format!("{path}/usage_hint"), HINT);
        }
        found.escapes |= command["should_escape"] == true;
        found.commands.insert(name.to_owned());
    }
    for (at, shortcut) in shortcuts.iter().enumerate() {
        let path = format!("/features/shortcuts/{at}");
        text(&mut wrong, &shortcut["name"], &format!("{path}/name"), SHORTCUT);
        text(&mut wrong, &shortcut["callback_id"], &format!("{path}/callback_id"), CALLBACK);
        text(&mut wrong, &shortcut["description"], &format!("{path}/description"), SHORTCUT_DESCRIPTION);
        let word = |name: &str| shortcut[name].as_str().unwrap_or_default().to_owned();
        let kept = match shortcut["type"].as_str() {
            Some("message") => found.shortcuts.insert(word("name"), word("callback_id")),
            Some("global") => found.global.insert(word("name"), word("callback_id")),
            Some(_) | None => {
                wrong.push(format!("{path}/type: must be message or global"));
                None
            }
        };
        if kept.is_some() {
            wrong.push(format!("{path}/name: there is another one of that name"));
        }
    }
    if commands.len() > MOST.0 || shortcuts.len() > MOST.1 {
        wrong.push(format!("at most {} commands and {} shortcuts", MOST.0, MOST.1));
    }
    let offers = !commands.is_empty() || !shortcuts.is_empty();
    if offers && !found.scopes.contains("commands") {
        wrong.push("commands and shortcuts need the scope commands".to_owned());
    }
    if !shortcuts.is_empty() && !found.interactivity {
        wrong.push("shortcuts need interactivity".to_owned());
    }
    if wrong.is_empty() { Ok(found) } else { Err(wrong) }
}

fn text(wrong: &mut Vec<String>, value: &Value, path: &str, most: usize) {
    match value.as_str().map(|text| text.chars().count()) {
        None | Some(0) => wrong.push(format!("{path}: is missing")),
        Some(length) if length > most => wrong.push(format!("{path}: {length} characters, at most {most}")),
        Some(_) => {}
    }
}

impl FakeSlack {
    /// Makes the app of a workspace the one that a manifest describes: its scopes, events, commands and shortcuts, and
    /// whether Socket Mode and interactivity are on. Nothing of what it was before stays.
    ///
    /// # Errors
    /// Everything that Slack would not take of it; then the app is as it was.
    pub fn install(&self, team: &str, manifest: &Value) -> Result<(), PersonError> {
        let found = read(manifest).map_err(|wrong| PersonError(wrong.join("; ")))?;
        self.change_team(team, |team: &mut Team| {
            team.scopes = found.scopes;
            team.events = found.events;
            team.commands = found.commands;
            team.escapes_commands = found.escapes;
            team.shortcuts = found.shortcuts;
            team.global_shortcuts = found.global;
            team.socket_mode = found.socket_mode;
            team.interactivity = found.interactivity;
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ordinary() -> Value {
        json!({
            "display_information": {"name": "wilco"},
            "features": {
                "bot_user": {"display_name": "wilco", "always_online": true},
                "slash_commands": [{"command": "/wilco", "description": "Runs jobs", "usage_hint": "run <name>"}],
                "shortcuts": [
                    {"type": "message", "name": "Cancel this job", "callback_id": "cancel", "description": "Stops it"},
                    {"type": "global", "name": "Jobs", "callback_id": "jobs", "description": "Lists them"},
                ],
            },
            "oauth_config": {"scopes": {"bot": ["app_mentions:read", "commands", "im:history"]}},
            "settings": {
                "event_subscriptions": {"bot_events": ["app_mention", "message.im"]},
                "interactivity": {"is_enabled": true}, "socket_mode_enabled": true,
            },
        })
    }

    #[test]
    fn an_ordinary_manifest_is_read() {
        let found = read(&ordinary()).unwrap();
        assert!(found.socket_mode && found.interactivity && !found.escapes);
        assert_eq!((found.commands.len(), found.events.len(), found.scopes.len()), (1, 2, 3));
        assert_eq!((&found.shortcuts["Cancel this job"], &found.global["Jobs"]), (&"cancel".into(), &"jobs".into()));
    }

    #[test]
    fn an_app_without_sockets_names_the_addresses_to_which_slack_speaks() {
        let mut manifest = ordinary();
        manifest["settings"]["socket_mode_enabled"] = json!(false);
        let wrong = read(&manifest).unwrap_err();
        let places = [
            "/settings/event_subscriptions/request_url",
            "/settings/interactivity/request_url",
            "/features/slash_commands/0/url",
        ];
        assert_eq!(wrong, places.map(|place| format!("{place}: is missing")));
        for place in ["event_subscriptions", "interactivity"] {
            manifest["settings"][place]["request_url"] = json!("https://bot.example.com");
        }
        manifest["features"]["slash_commands"][0]["url"] = json!("https://bot.example.com");
        assert!(!read(&manifest).unwrap().socket_mode);
    }

    #[test]
    fn what_slack_does_not_take_is_said_with_its_place() {
        for (path, value, said) in [
            ("/display_information/name", json!("x".repeat(36)), "36 characters, at most 35"),
            ("/display_information/name", json!(""), "/display_information/name: is missing"),
            ("/features/bot_user", json!({}), "needs a bot user"),
            ("/features/slash_commands/0/command", json!("wilco"), "`wilco` is no command"),
            ("/features/slash_commands/0/command", json!("/Wilco"), "`/Wilco` is no command"),
            ("/features/slash_commands/0/description", json!(null), "/description: is missing"),
            ("/features/slash_commands/0/usage_hint", json!("x".repeat(1_001)), "at most 1000"),
            ("/features/shortcuts/0/type", json!("button"), "must be message or global"),
            ("/features/shortcuts/0/name", json!("x".repeat(25)), "at most 24"),
            ("/oauth_config/scopes/bot", json!(["app_mentions:read", "im:history"]), "need the scope commands"),
            ("/oauth_config/scopes/bot", json!(["commands", "im:history"]), "`app_mention` needs the scope"),
            ("/settings/event_subscriptions/bot_events/0", json!("app_mentions"), "no event `app_mentions`"),
            ("/settings/interactivity/is_enabled", json!(false), "shortcuts need interactivity"),
        ] {
            let mut manifest = ordinary();
            *manifest.pointer_mut(path).unwrap() = value;
            let wrong = read(&manifest).unwrap_err();
            assert!(wrong.iter().any(|one| one.contains(said)), "{path}: {wrong:?}");
        }
    }
}
