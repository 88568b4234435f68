//! The app that the adapter needs, as a manifest: Slack makes an app of it in one step (Slack, "App manifest reference").
//!
//! It asks for what is used and nothing else. Each scope stands here once, with what does not work without it, which is
//! also what `wilco doctor` says of a missing one.

use serde_json::{Value, json};
use wilco_core::command::TABLE;

use crate::commands::COMMAND;

/// What the app is called. Slack lets it be changed afterwards.
pub const NAME: &str = "wilco";
/// The name of the entry in the menu of a message.
pub const CANCEL_THIS: &str = "Cancel this job";
/// What Slack calls that entry when it is chosen.
pub const CANCEL_CALLBACK: &str = "cancel_this_job";
/// The name of the entry in the menu of the workspace, beside the box where messages are written.
pub const WHAT_IT_DOES: &str = "What wilco can do";
/// What Slack calls that entry when it is chosen.
pub const HELP_CALLBACK: &str = "wilco_help";
/// The scope of the app-level token, which is no scope of the bot: it opens the sockets (Slack, "Socket Mode").
pub const APP_SCOPE: &str = "connections:write";
/// What the app is for: at most 140 characters.
const ABOUT: &str = "Runs long jobs from chat, and the answer always arrives.";

/// What an app may have besides what every app of wilco needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Files of results are delivered.
    pub files: bool,
    /// An access rule names a user group.
    pub groups: bool,
    /// The bot joins public channels by itself.
    pub join: bool,
    /// It is an assistant, whose threads show what it is doing.
    pub assistant: bool,
}

/// One scope of the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its name.
    pub name: &'static str,
    /// What does not work without it.
    pub without: &'static str,
    /// Which wish it belongs to; none belongs to every app.
    wish: Option<Wish>,
}

/// Which of the wishes a scope belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Files,
    Groups,
    Join,
    Assistant,
}

impl Wish {
    fn is_in(self, wanted: Wanted) -> bool {
        match self {
            Self::Files => wanted.files,
            Self::Groups => wanted.groups,
            Self::Join => wanted.join,
            Self::Assistant => wanted.assistant,
        }
    }
}

const fn always(name: &'static str, without: &'static str) -> Scope {
    Scope { name, without, wish: None }
}

const fn wished(wish: Wish, name: &'static str, without: &'static str) -> Scope {
    Scope { name, without, wish: Some(wish) }
}

/// The scopes, by name. Reading is asked for per kind of conversation, because Slack grants it so: public channels
/// (`channels`), private ones (`groups`), direct messages (`im`) and those of several people (`mpim`).
const SCOPES: &[Scope] = &[
    // The event `app_mention`. There are no slash commands inside threads, so this is how people speak there.
    always("app_mentions:read", "it hears no mention, so in threads there are only its buttons"),
    // `assistant.threads.setStatus`, and what makes the app an assistant.
    wished(Wish::Assistant, "assistant:write", "its threads do not show what it is doing"),
    // `conversations.history` and `conversations.replies`: an own message is looked up by its key after an answer was
    // lost, a thread is probed before a follow-up fires, and mentions that nobody heard are read after an outage.
    always(
        "channels:history",
        "in public channels it cannot look up whether a message has arrived, and mentions during an outage are lost",
    ),
    // `conversations.join`.
    wished(Wish::Join, "channels:join", "it joins no channel by itself; people have to /invite it"),
    // `conversations.info`: whether the channel is archived, and whether the bot is in it.
    always("channels:read", "it cannot see whether a public channel takes its messages"),
    // `chat.postMessage`, `chat.update`, `chat.delete` and `chat.postEphemeral`.
    always("chat:write", "it can say nothing at all"),
    // The slash command and the shortcut.
    always("commands", "there is no /wilco, and no entry in the menu of a message"),
    // `files.getUploadURLExternal` and `files.completeUploadExternal`.
    wished(Wish::Files, "files:write", "files of results are not delivered; their messages say where they are kept"),
    always(
        "groups:history",
        "in private channels it cannot look up whether a message has arrived, and mentions during an outage are lost",
    ),
    always("groups:read", "it cannot see whether a private channel takes its messages"),
    // Besides the history also the event `message.im`.
    always("im:history", "it hears no direct message"),
    always("im:read", "it cannot see whether a direct message takes its messages"),
    // `conversations.open`: the last address of a result is the person who asked.
    always("im:write", "it can begin no direct message, where results go when their channel is gone"),
    always(
        "mpim:history",
        "in direct messages of several people it cannot look up whether a message has arrived, and mentions during an outage \
     are lost",
    ),
    always("mpim:read", "it cannot see whether a direct message of several people takes its messages"),
    // `usergroups.list`.
    wished(Wish::Groups, "usergroups:read", "access rules that name a user group match nobody"),
    // `users.info`: a name, a time zone, and whether somebody belongs to another workspace.
    always("users:read", "it knows nobody's name and time zone, nor for sure who belongs to another workspace"),
];

/// The scopes that the bot needs, by name.
pub fn scopes(wanted: Wanted) -> impl Iterator<Item = &'static Scope> {
    SCOPES.iter().filter(move |scope| scope.wish.is_none_or(|wish| wish.is_in(wanted)))
}

/// The events that every app of wilco is told, by name.
const EVENTS: &[&str] = &[
    // Mentions in channels and threads. What does not mention the bot is nobody's business, so `message.channels` and
    // its like are not asked for.
    "app_mention",
    // The app was taken away, or its tokens: its sockets may stand on all the same.
    "app_uninstalled",
    // Whether a channel takes messages, and whether the bot is in it, is looked up and kept for a while.
    "channel_archive",
    "channel_deleted",
    "channel_left",
    "channel_unarchive",
    "group_archive",
    "group_deleted",
    "group_left",
    "group_unarchive",
    "member_joined_channel",
    // Direct messages, in which nothing has to be mentioned.
    "message.im",
    // Direct messages of several people: whether a mention there is told as one Slack does not document, and there are
    // apps to which it came as this alone. What does not mention the bot is left where it is.
    "message.mpim",
    "tokens_revoked",
];

/// The events that the app is told, by name.
fn events(wanted: Wanted) -> Vec<&'static str> {
    let mut all = EVENTS.to_vec();
    if wanted.assistant {
        // Slack asks every assistant for these two ("Developing an AI app"); wilco acts on neither.
        all.extend(["assistant_thread_context_changed", "assistant_thread_started"]);
    }
    if wanted.groups {
        // Whoever is taken out of a group loses at once what it allowed.
        all.extend(["subteam_members_changed", "subteam_updated"]);
    }
    all.sort_unstable();
    all
}

/// The commands that stand behind `/wilco` while somebody types it: Slack has one short line for them, and `help` says the
/// others.
const HINTED: [&str; 5] = ["run", "jobs", "cancel", "followup", "help"];

/// What stands behind the command while somebody types it. The table of commands is core's.
fn usage_hint() -> String {
    let hinted = TABLE.iter().filter(|spec| HINTED.contains(&spec.verb));
    hinted.map(|spec| spec.verb).collect::<Vec<_>>().join(" | ")
}

/// The manifest. It holds no secret.
pub fn manifest(wanted: Wanted) -> Value {
    let scopes: Vec<&str> = scopes(wanted).map(|scope| scope.name).collect();
    let mut manifest = json!({
        "_metadata": { "major_version": 1, "minor_version": 1 },
        "display_information": { "name": NAME, "description": ABOUT },
        "features": {
            // Without the tab nobody can write to the bot directly.
            "app_home": {
                "home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false,
            },
            "bot_user": { "display_name": NAME, "always_online": true },
            "shortcuts": [{
                "type": "message", "name": CANCEL_THIS, "callback_id": CANCEL_CALLBACK,
                "description": "Stop the job that this message is about",
            }, {
                "type": "global", "name": WHAT_IT_DOES, "callback_id": HELP_CALLBACK,
                "description": "List the jobs that can be started, and the commands",
            }],
            "slash_commands": [{
                "command": COMMAND, "description": "Start, watch and stop jobs, and schedule them",
                "usage_hint": usage_hint(),
                // What was typed arrives as it was typed.
                "should_escape": false,
            }],
        },
        "oauth_config": { "scopes": { "bot": scopes } },
        "settings": {
            "event_subscriptions": { "bot_events": events(wanted) },
            // Buttons and shortcuts.
            "interactivity": { "is_enabled": true },
            "org_deploy_enabled": false,
            // Slack speaks to the bot over a connection that the bot opens: no port is open to the world.
            "socket_mode_enabled": true,
            // Tokens that expire after twelve hours would have to be renewed and kept by the bot.
            "token_rotation_enabled": false,
        },
    });
    if wanted.assistant {
        manifest["features"]["assistant_view"] = json!({ "assistant_description": ABOUT });
    }
    manifest
}

/// The same app as one to which Slack speaks by requests to an address, in place of sockets (Slack, "App manifest
/// reference", `request_url`). The address begins with `https://`.
pub fn by_requests(mut manifest: Value, url: &str) -> Value {
    manifest["settings"]["socket_mode_enabled"] = json!(false);
    for part in ["event_subscriptions", "interactivity"] {
        manifest["settings"][part]["request_url"] = json!(url);
    }
    for command in manifest["features"]["slash_commands"].as_array_mut().into_iter().flatten() {
        command["url"] = json!(url);
    }
    manifest
}

/// A manifest as a file.
pub fn file(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string()) + "\n"
}

/// The link that opens Slack's page for new apps with the manifest in it.
pub fn link(manifest: &Value) -> String {
    format!("https://api.slack.com/apps?new_app=1&manifest_json={}", encoded(&manifest.to_string()))
}

/// Percent-encoded as one value of a query (RFC 3986, "Unreserved Characters").
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use wilco_sim::slack::methods::METHODS;

    use super::*;
    use crate::rest::Method;

    const LEAST: Wanted = Wanted { files: false, groups: false, join: false, assistant: false };
    const MOST: Wanted = Wanted { files: true, groups: true, join: true, assistant: true };

    fn length(value: &Value) -> usize {
        value.as_str().unwrap_or_else(|| panic!("{value} is no text")).chars().count()
    }

    #[test]
    fn the_file_is_what_it_was() {
        let usual = Wanted { files: true, ..LEAST };
        assert_eq!(
            file(&manifest(usual)),
            r#"{
  "_metadata": {
    "major_version": 1,
    "minor_version": 1
  },
  "display_information": {
    "description": "Runs long jobs from chat, and the answer always arrives.",
    "name": "wilco"
  },
  "features": {
    "app_home": {
      "home_tab_enabled": false,
      "messages_tab_enabled": true,
      "messages_tab_read_only_enabled": false
    },
    "bot_user": {
      "always_online": true,
      "display_name": "wilco"
    },
    "shortcuts": [
      {
        "callback_id": "cancel_this_job",
        "description": "Stop the job that this message is about",
        "name": "Cancel this job",
        "type": "message"
      },
      {
        "callback_id": "wilco_help",
        "description": "List the jobs that can be started, and the commands",
        "name": "What wilco can do",
        "type": "global"
      }
    ],
    "slash_commands": [
      {
        "command": "/wilco",
        "description": "Start, watch and stop jobs, and schedule them",
        "should_escape": false,
        "usage_hint": "run | jobs | cancel | followup | help"
      }
    ]
  },
  "oauth_config": {
    "scopes": {
      "bot": [
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "mpim:read",
        "users:read"
      ]
    }
  },
  "settings": {
    "event_subscriptions": {
      "bot_events": [
        "app_mention",
        "app_uninstalled",
        "channel_archive",
        "channel_deleted",
        "channel_left",
        "channel_unarchive",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_unarchive",
        "member_joined_channel",
        "message.im",
        "message.mpim",
        "tokens_revoked"
      ]
    },
    "interactivity": {
      "is_enabled": true
    },
    "org_deploy_enabled": false,
    "socket_mode_enabled": true,
    "token_rotation_enabled": false
  }
}
"#
        );
    }

    #[test]
    fn what_is_wished_for_is_asked_for_and_nothing_else() {
        let names = |wanted| scopes(wanted).map(|scope| scope.name).collect::<Vec<_>>();
        for (wanted, scope) in [
            (Wanted { files: true, ..LEAST }, "files:write"),
            (Wanted { groups: true, ..LEAST }, "usergroups:read"),
            (Wanted { join: true, ..LEAST }, "channels:join"),
            (Wanted { assistant: true, ..LEAST }, "assistant:write"),
        ] {
            let more: Vec<&str> = names(wanted).into_iter().filter(|name| !names(LEAST).contains(name)).collect();
            assert_eq!(more, [scope]);
        }
        let assistant = manifest(MOST);
        assert!(assistant["features"]["assistant_view"]["assistant_description"].is_string());
        let events = &assistant["settings"]["event_subscriptions"]["bot_events"];
        assert!(events.as_array().unwrap().contains(&json!("assistant_thread_started")), "{events}");
        // Neither what everybody says, nor anybody's mail, nor anything in a person's name.
        let all = assistant.to_string();
        for never in ["message.channels", "users:read.email", "chat:write.public", "admin", "\"user\"", "request_url"] {
            assert!(!all.contains(never), "{never}");
        }
    }

    #[test]
    fn every_method_that_is_called_has_its_scope_and_every_scope_its_use() {
        let asked: Vec<&str> = scopes(MOST).map(|scope| scope.name).collect();
        // What is heard, and who it is of; the commands have no method.
        let mut used = vec!["app_mentions:read", "commands"];
        for method in Method::ALL {
            // A program of one's own may react; wilco never does, so the scope is left to whoever writes one.
            if method == Method::React {
                continue;
            }
            let known = METHODS.iter().find(|known| known.name == method.name()).unwrap();
            let has: Vec<&str> = known.scopes.iter().copied().filter(|scope| asked.contains(scope)).collect();
            // One is enough, but for what is granted per kind of conversation.
            let per_kind = matches!(method, Method::History | Method::Replies | Method::Info);
            let enough =
                if per_kind { has.len() == known.scopes.len() } else { known.scopes.is_empty() || !has.is_empty() };
            assert!(enough, "{} needs {:?}, and has {has:?}", known.name, known.scopes);
            used.extend(has);
        }
        let unused: Vec<&&str> = asked.iter().filter(|scope| !used.contains(scope)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn it_keeps_to_slacks_measures() {
        for wanted in [LEAST, MOST] {
            let made = manifest(wanted);
            let about = &made["display_information"];
            assert!(length(&about["name"]) <= 35 && length(&about["description"]) <= 140);
            let bot = made["features"]["bot_user"]["display_name"].as_str().unwrap();
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
            assert!(bot.len() <= 80 && bot.bytes().all(fits), "{bot}");
            let shortcuts = made["features"]["shortcuts"].as_array().unwrap();
            assert!(shortcuts.len() <= 10);
            for one in shortcuts {
                // The reference names no limit for its name; Slack's page takes 24 characters.
                assert!(length(&one["name"]) <= 24 && length(&one["callback_id"]) <= 255);
                assert!(length(&one["description"]) <= 150);
            }
            let commands = made["features"]["slash_commands"].as_array().unwrap();
            assert!(commands.len() <= 50);
            for one in commands {
                assert!(one["command"].as_str().unwrap().starts_with('/') && length(&one["command"]) <= 32);
                assert!(length(&one["description"]) <= 2_000 && length(&one["usage_hint"]) <= 1_000);
                // The line in which it stands is cut at about as much.
                assert!(length(&one["usage_hint"]) <= 60);
                let hint = one["usage_hint"].as_str().unwrap();
                assert_eq!(hint.split(" | ").collect::<Vec<_>>(), HINTED, "each is a command of the table");
            }
            assert!(made["oauth_config"]["scopes"]["bot"].as_array().unwrap().len() <= 255);
            assert!(made["settings"]["event_subscriptions"]["bot_events"].as_array().unwrap().len() <= 100);
            // Every word of a list stands once, in order.
            for list in [&made["oauth_config"]["scopes"]["bot"], &made["settings"]["event_subscriptions"]["bot_events"]]
            {
                let words: Vec<&str> = list.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                assert!(words.is_sorted() && words.windows(2).all(|pair| pair[0] != pair[1]), "{words:?}");
            }
        }
    }

    #[test]
    fn an_app_that_is_told_by_requests_names_one_address_for_all_of_them() {
        let url = "https://bot.example.com/slack";
        let made = by_requests(manifest(MOST), url);
        assert_eq!(made["settings"]["socket_mode_enabled"], false);
        for path in [
            "/settings/event_subscriptions/request_url",
            "/settings/interactivity/request_url",
            "/features/slash_commands/0/url",
        ] {
            assert_eq!(made.pointer(path).and_then(Value::as_str), Some(url), "{path}");
        }
        assert_eq!(made["oauth_config"], manifest(MOST)["oauth_config"]);
    }

    #[test]
    fn the_link_holds_the_whole_manifest() {
        let link = link(&manifest(MOST));
        let parsed = reqwest::Url::parse(&link).unwrap();
        assert_eq!((parsed.host_str(), parsed.path()), (Some("api.slack.com"), "/apps"));
        let pairs: Vec<(String, String)> = parsed.query_pairs().into_owned().collect();
        assert_eq!(pairs[0], ("new_app".to_owned(), "1".to_owned()));
        assert_eq!(pairs[1].0, "manifest_json");
        assert_eq!(serde_json::from_str::<Value>(&pairs[1].1).unwrap(), manifest(MOST));
        assert!(!link.contains([' ', '+', '"']) && link.len() < 8_000, "{}", link.len());
    }
}
