//! Commands, buttons, shortcuts, and the address to answer to.

use std::time::Duration;

use serde_json::{Value, json};

use super::Stage;
use super::client::Client;
use crate::slack::Settings;

#[tokio::test]
async fn a_command_is_answered_through_its_ack_and_its_response_url() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    let trigger = stage.slack.slash(&stage.ana, &stage.general, "/wilco", "run demo").unwrap();
    let envelope = client.hear().await.unwrap();
    let payload = &envelope["payload"];
    assert_eq!((envelope["type"].as_str(), payload["text"].as_str()), (Some("slash_commands"), Some("run demo")));
    assert_eq!((payload["command"].as_str(), payload["channel_name"].as_str()), (Some("/wilco"), Some("general")));
    stage.clock.advance(Duration::from_millis(700));
    client.ack(&envelope, Some(json!({"text": "heard"}))).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.interaction(&trigger).unwrap().took, Some(Duration::from_millis(700)));
    let url = payload["response_url"].as_str().unwrap();
    let respond = async |body: Value| stage.send(stage.client.post(url).json(&body)).await;
    for _ in 0..5 {
        assert_eq!(respond(json!({"text": "note", "response_type": "ephemeral"})).await.status, 200);
    }
    let sixth = respond(json!({"text": "note"})).await;
    assert_eq!((sixth.status, sixth.error()), (404, "used_url"));
    let other = stage.slack.slash(&stage.ana, &stage.general, "/wilco", "help").unwrap();
    let url = format!("{}{}", stage.slack.base(), stage.slack.interaction(&other).unwrap().path);
    stage.pass(1_801);
    let late = stage.send(stage.client.post(&url).json(&json!({"text": "x"}))).await;
    assert_eq!(late.error(), "expired_url");
    let seen = stage.slack.transcript(&stage.general);
    assert!(seen.starts_with("only ana sees | heard\nonly ana sees | note\n"), "{seen}");
    assert!(seen.ends_with("only ana sees | /wilco help failed because the app did not respond\n"), "{seen}");
    assert!(stage.slack.slash(&stage.ana, &stage.general, "/other", "").is_err());
    stage.nothing_deviated();
}

#[tokio::test]
async fn buttons_and_shortcuts_say_where_they_were_pressed() {
    let stage = Stage::new().await;
    stage
        .slack
        .change_team(&stage.team, |team| drop(team.shortcuts.insert("Follow up".to_owned(), "follow_up".to_owned())));
    let button =
        json!({"type": "button", "text": {"type": "plain_text", "text": "Cancel"}, "action_id": "a", "value": "v"});
    let blocks = json!([{"type": "actions", "block_id": "b", "elements": [button]}]);
    stage.slack.change_team(&stage.team, |team| team.events.clear());
    let root = stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let mut client = Client::ready(&stage).await;
    let body = json!({"channel": stage.general, "text": "On it", "blocks": blocks, "thread_ts": root});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    stage.slack.press(&stage.ana, ts, "Cancel").unwrap();
    let pressed = client.hear().await.unwrap();
    let payload = &pressed["payload"];
    assert_eq!((pressed["type"].as_str(), payload["type"].as_str()), (Some("interactive"), Some("block_actions")));
    let action = &payload["actions"][0];
    assert_eq!((&action["action_id"], &action["block_id"], &action["value"]), (&json!("a"), &json!("b"), &json!("v")));
    assert_eq!((&payload["container"]["message_ts"], &payload["container"]["thread_ts"]), (&json!(ts), &json!(root)));
    assert_eq!(payload["user"]["id"], json!(stage.ana));
    client.ack(&pressed, None).await;
    assert!(stage.slack.press(&stage.ana, ts, "Retry").is_err());
    stage.slack.shortcut(&stage.ana, ts, "Follow up").unwrap();
    let chosen = client.hear().await.unwrap();
    assert_eq!(
        (&chosen["payload"]["type"], &chosen["payload"]["callback_id"]),
        (&json!("message_action"), &json!("follow_up"))
    );
    client.ack(&chosen, None).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    stage.nothing_deviated();
}

fn with_button(label: &str) -> Value {
    let button =
        json!({"type": "button", "text": {"type": "plain_text", "text": label}, "action_id": "a", "value": "v"});
    json!([{"type": "actions", "block_id": "b", "elements": [button]}])
}

/// A workspace whose app hears of no messages, and a connection.
async fn quiet() -> (Stage, Client) {
    let stage = Stage::new().await;
    stage.slack.change_team(&stage.team, |team| team.events.clear());
    let client = Client::ready(&stage).await;
    (stage, client)
}

#[tokio::test]
async fn a_command_says_what_was_typed_escaped_or_with_ids() {
    let (stage, mut client) = quiet().await;
    let type_in = |text: &str| stage.slack.slash(&stage.ana, &stage.general, "/wilco", text).unwrap();
    type_in("say @bo a < b & https://example.org in #ops");
    let payload = client.take().await;
    assert_eq!(payload["text"], "say @bo a &lt; b &amp; https://example.org in #ops");
    stage.slack.change_team(&stage.team, |team| team.escapes_commands = true);
    type_in("say @bo a < b & https://example.org in #ops");
    let (bo, ops) = (stage.slack.person_named("bo").unwrap(), stage.slack.channel_named("ops").unwrap());
    let wanted = format!("say <@{bo}|bo> a &lt; b &amp; <https://example.org> in <#{ops}|ops>");
    assert_eq!(client.take().await["text"], json!(wanted));
    let closed = stage.slack.add_private_channel(&stage.team, "closed");
    stage.slack.slash(&stage.ana, &closed, "/wilco", "help").unwrap();
    assert_eq!(client.take().await["channel_name"], "privategroup");
    let direct = stage.slack.direct(&stage.ana).unwrap();
    stage.slack.slash(&stage.ana, &direct, "/wilco", "help").unwrap();
    assert_eq!(client.take().await["channel_name"], "directmessage");
    let refused = stage.slack.slash_in_thread(&stage.ana, &stage.general, "/wilco").unwrap_err();
    assert_eq!(refused.to_string(), "/wilco is not supported in threads. Sorry!");
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_message_is_replaced_and_deleted_through_its_address() {
    let (stage, mut client) = quiet().await;
    stage.slack.change_team(&stage.team, |team| {
        team.events.insert("message.channels".to_owned());
    });
    let body = json!({"channel": stage.general, "text": "May I?", "blocks": with_button("R & D")});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    let note = json!({"channel": stage.general, "user": stage.ana, "text": "Or", "blocks": with_button("Go")});
    let note = stage.json("chat.postEphemeral", &note).await.body["message_ts"].clone();
    let note = crate::slack::Ts::read(note.as_str().unwrap()).unwrap();
    client.take().await;
    stage.slack.press(&stage.ana, ts, "R & D").unwrap();
    let payload = client.take().await;
    assert_eq!(payload["actions"][0]["text"]["text"], "R &amp; D");
    let url = payload["response_url"].as_str().unwrap().to_owned();
    let respond = async |url: &str, body: Value| stage.send(stage.client.post(url).json(&body)).await;
    let too_long = json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3_001)}}]);
    let refused = respond(&url, json!({"replace_original": true, "blocks": too_long})).await;
    assert_eq!((refused.status, refused.error()), (404, "invalid_blocks"));
    assert_eq!(respond(&url, json!({"replace_original": true, "text": "You may"})).await.status, 200);
    let changed = &client.take().await["event"];
    assert_eq!((&changed["subtype"], &changed["message"]["text"]), (&json!("message_changed"), &json!("You may")));
    assert_eq!(respond(&url, json!({"text": "for all", "response_type": "in_channel"})).await.status, 200);
    assert_eq!(client.take().await["event"]["text"], "for all");
    assert_eq!(respond(&url, json!({"delete_original": true})).await.status, 200);
    assert_eq!(client.take().await["event"]["subtype"], "message_deleted");
    assert_eq!(respond(&url, json!({"replace_original": true, "text": "x"})).await.error(), "message_not_found");

    stage.slack.press(&stage.ana, note, "Go").unwrap();
    let payload = client.take().await;
    assert_eq!(payload["container"]["is_ephemeral"], true);
    assert!(payload["message"].is_null(), "what one person alone sees is not told again");
    let url = payload["response_url"].as_str().unwrap().to_owned();
    assert_eq!(respond(&url, json!({"replace_original": true, "text": "gone"})).await.status, 200);
    let body = json!({"channel": stage.general, "ts": note, "text": "x"});
    assert_eq!(stage.json("chat.update", &body).await.error(), "message_not_found", "only through its address");
    let seen = "bot | — deleted —\nonly ana sees | gone\nbot | for all\n";
    assert_eq!(stage.slack.transcript(&stage.general), seen);
    // Nothing was told of the note.
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.socket_counts().envelopes, 6);
    stage.nothing_deviated();
}

#[tokio::test]
async fn an_answer_to_a_button_in_a_thread_stands_there_only_when_it_says_so() {
    let (stage, mut client) = quiet().await;
    let root = stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let body = json!({"channel": stage.general, "text": "On it", "blocks": with_button("Go"), "thread_ts": root});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    stage.slack.press(&stage.ana, ts, "Go").unwrap();
    let url = client.take().await["response_url"].as_str().unwrap().to_owned();
    for body in [json!({"text": "there", "thread_ts": root}), json!({"text": "here"})] {
        assert_eq!(stage.send(stage.client.post(&url).json(&body)).await.status, 200);
    }
    let seen = "ana | hello\n  bot | [Go]\n  only ana sees | there\nonly ana sees | here\n";
    assert_eq!(stage.slack.transcript(&stage.general), seen);
}

#[tokio::test]
async fn a_global_shortcut_has_neither_channel_nor_address() {
    let (stage, mut client) = quiet().await;
    let add = |team: &mut crate::slack::Team| drop(team.global_shortcuts.insert("Jobs".to_owned(), "jobs".to_owned()));
    stage.slack.change_team(&stage.team, add);
    let id = stage.slack.global_shortcut(&stage.ana, "Jobs").unwrap();
    let envelope = client.hear().await.unwrap();
    let payload = &envelope["payload"];
    assert_eq!((&payload["type"], &payload["callback_id"]), (&json!("shortcut"), &json!("jobs")));
    assert_eq!((&payload["user"]["id"], &payload["trigger_id"]), (&json!(stage.ana), &json!(id)));
    assert!(["channel", "response_url", "message"].iter().all(|name| payload.get(name).is_none()));
    assert_eq!(envelope["accepts_response_payload"], false);
    client.ack(&envelope, None).await;
    stage.slack.until(|slack| slack.interaction(&id).unwrap().took.is_some()).await;
    assert!(stage.slack.global_shortcut(&stage.ana, "Other").is_err());
    stage.slack.global_shortcut(&stage.ana, "Jobs").unwrap();
    stage.pass(4);
    let seen = "# shortcuts\nonly ana sees | Jobs failed because the app did not respond\n";
    assert_eq!(stage.slack.whole_transcript(), seen);
}

#[tokio::test]
async fn a_command_comes_again_where_that_is_switched_on() {
    let stage = Stage::with(Settings { limits: false, redeliver_commands: true, ..Settings::default() }).await;
    let mut client = Client::ready(&stage).await;
    let trigger = stage.slack.slash(&stage.ana, &stage.general, "/wilco", "help").unwrap();
    let first = client.hear().await.unwrap();
    stage.pass(3);
    let again = client.hear().await.unwrap();
    assert_ne!(first["envelope_id"], again["envelope_id"]);
    assert_eq!((&first["payload"], &again["payload"]["trigger_id"]), (&again["payload"], &json!(trigger)));
    client.ack(&again, None).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.transcript(&stage.general), "", "the person was not told of a failure");
}

#[tokio::test]
async fn what_a_manifest_describes_is_what_the_app_does() {
    let stage = Stage::new().await;
    let manifest = json!({
        "display_information": {"name": "other"},
        "features": {
            "bot_user": {"display_name": "other"},
            "slash_commands": [{"command": "/other", "description": "Does it", "should_escape": true}],
        },
        "oauth_config": {"scopes": {"bot": ["chat:write", "commands", "im:history"]}},
        "settings": {"event_subscriptions": {"bot_events": ["message.im"]}, "socket_mode_enabled": true},
    });
    stage.slack.obey(serde_json::from_value(json!({"order": "install", "manifest": manifest})).unwrap()).unwrap();
    let mut client = Client::ready(&stage).await;
    assert!(stage.slack.slash(&stage.ana, &stage.general, "/wilco", "help").is_err());
    stage.slack.slash(&stage.ana, &stage.general, "/other", "@bo").unwrap();
    let bo = stage.slack.person_named("bo").unwrap();
    assert_eq!(client.take().await["text"], json!(format!("<@{bo}|bo>")));
    stage.slack.say(&stage.ana, &stage.general, "@wilco nobody is told").unwrap();
    stage.slack.whisper(&stage.ana, "but this").unwrap();
    assert_eq!(client.take().await["event"]["text"], "but this");
    let got = stage.form("conversations.history", &[("channel", &stage.general)]).await;
    assert_eq!((got.error(), got.body["needed"].as_str().is_some()), ("missing_scope", true));
    let body = json!({"channel": stage.general, "text": "May I?", "blocks": with_button("Go")});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    let refused = stage.slack.press(&stage.ana, ts, "Go").unwrap_err();
    assert!(refused.to_string().contains("not configured to handle interactive"), "{refused}");
    let wrong = stage.slack.install(&stage.team, &json!({})).unwrap_err();
    assert!(wrong.to_string().contains("/display_information/name: is missing"), "{wrong}");
    assert!(stage.slack.world().teams[&stage.team].commands.contains("/other"), "it is as it was");
}
