//! What an app is told of messages.

use serde_json::{Value, json};

use super::Stage;
use super::client::Client;

#[tokio::test]
async fn a_mention_is_told_twice_and_a_direct_message_once() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    let text = format!("<@{}> run demo", stage.slack.bot(&stage.team));
    let ts = stage.slack.say(&stage.ana, &stage.general, &text).unwrap();
    let (one, two) = (client.hear().await.unwrap(), client.hear().await.unwrap());
    assert_eq!((one["type"].as_str(), one["payload"]["event"]["type"].as_str()), (Some("events_api"), Some("message")));
    assert_eq!(two["payload"]["event"]["type"], "app_mention");
    assert_ne!(one["payload"]["event_id"], two["payload"]["event_id"]);
    for envelope in [&one, &two] {
        assert_eq!(envelope["payload"]["event"]["ts"], json!(ts));
        assert_eq!(envelope["payload"]["team_id"], json!(stage.team));
        client.ack(envelope, None).await;
    }
    stage.slack.whisper(&stage.ana, "psst").unwrap();
    let direct = client.hear().await.unwrap();
    assert_eq!(direct["payload"]["event"]["channel_type"], "im");
    client.ack(&direct, None).await;
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.socket_counts().acks, 3);
    stage.nothing_deviated();
}

fn event(payload: &Value) -> &Value {
    &payload["event"]
}

#[tokio::test]
async fn what_a_person_types_travels_with_ids_escapes_and_a_block() {
    let stage = Stage::new().await;
    stage.slack.change_team(&stage.team, |team| {
        team.events.remove("app_mention");
    });
    let mut client = Client::ready(&stage).await;
    let (bot, ops) = (stage.slack.bot(&stage.team), stage.slack.channel_named("ops").unwrap());
    stage.slack.say(&stage.ana, &stage.general, "@wilco run a<b & c, see https://example.org/?a=1. #ops x@y").unwrap();
    let payload = client.take().await;
    let wanted = format!("<@{bot}> run a&lt;b &amp; c, see <https://example.org/?a=1>. <#{ops}|ops> x@y");
    assert_eq!(event(&payload)["text"], json!(wanted));
    let elements = event(&payload)["blocks"][0]["elements"][0]["elements"].as_array().unwrap();
    assert_eq!(elements[0], json!({"type": "user", "user_id": bot}));
    assert_eq!(elements[1]["text"], " run a<b & c, see ");
    stage.slack.say(&stage.ana, &stage.general, "on example.org (example.com)").unwrap();
    let site = "on <http://example.org|example.org> (<http://example.com|example.com>)";
    assert_eq!(event(&client.take().await)["text"], site);
    let seen = stage.slack.transcript(&stage.general);
    let first = "ana | @wilco run a<b & c, see https://example.org/?a=1. #ops x@y";
    assert_eq!(seen, format!("{first}\nana | on example.org (example.com)\n"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn what_the_bot_says_comes_back_to_it_with_its_own_ids() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    let text = format!("a & b <@{}> https://example.org", stage.slack.bot(&stage.team));
    let posted = stage.say(&text).await;
    let payload = client.take().await;
    let heard = event(&payload);
    let wanted = format!("a &amp; b <@{}> <https://example.org>", stage.slack.bot(&stage.team));
    assert_eq!((&heard["text"], &posted.body["message"]["text"]), (&json!(wanted), &json!(wanted)));
    assert_eq!((&heard["user"], &heard["subtype"]), (&json!(stage.slack.bot(&stage.team)), &Value::Null));
    assert!(heard["bot_id"].as_str().unwrap().starts_with('B'));
    assert!(heard["app_id"].as_str().unwrap().starts_with('A'));
    assert_eq!(heard["bot_profile"]["name"], "wilco");
    stage.slack.say_as_integration(&stage.general, "deploys", "done").unwrap();
    let payload = client.take().await;
    let heard = event(&payload);
    assert_eq!((&heard["subtype"], &heard["username"]), (&json!("bot_message"), &json!("deploys")));
    assert!(heard["user"].is_null());
    // A bot that names itself is not mentioned.
    stage.slack.until(|slack| slack.unacknowledged() == 0).await;
    assert_eq!(stage.slack.socket_counts().envelopes, 2);
    assert!(stage.slack.transcript(&stage.general).ends_with("deploys | done\n"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_change_and_a_deletion_say_what_was_there_before() {
    let stage = Stage::new().await;
    stage.slack.change_team(&stage.team, |team| {
        team.events.remove("app_mention");
    });
    let mut client = Client::ready(&stage).await;
    let ts = stage.slack.say(&stage.ana, &stage.general, "one").unwrap();
    client.take().await;
    stage.slack.rewrite(&stage.ana, ts, "two & @wilco").unwrap();
    let payload = client.take().await;
    let heard = event(&payload);
    let wanted = format!("two &amp; <@{}>", stage.slack.bot(&stage.team));
    assert_eq!((&heard["subtype"], &heard["hidden"]), (&json!("message_changed"), &json!(true)));
    assert_eq!((&heard["message"]["text"], &heard["message"]["ts"]), (&json!(wanted), &json!(ts)));
    assert_eq!((&heard["previous_message"]["text"], &heard["channel_type"]), (&json!("one"), &json!("channel")));
    assert!(heard["message"]["edited"].is_object() && heard["previous_message"]["edited"].is_null());
    assert!(heard["user"].is_null(), "who wrote it stands inside");
    assert_ne!(heard["ts"], json!(ts), "the event has a name of its own");
    let reply = stage.slack.reply(&stage.ana, &stage.general, ts, "three").unwrap();
    assert_eq!(event(&client.take().await)["thread_ts"], json!(ts));
    stage.slack.delete(ts);
    let payload = client.take().await;
    let heard = event(&payload);
    assert_eq!((&heard["subtype"], &heard["message"]["subtype"]), (&json!("message_changed"), &json!("tombstone")));
    assert_eq!(heard["previous_message"]["text"], json!(wanted));
    stage.slack.delete(reply);
    let payload = client.take().await;
    let heard = event(&payload);
    assert_eq!((&heard["subtype"], &heard["deleted_ts"]), (&json!("message_deleted"), &json!(reply)));
    assert_eq!(
        (&heard["previous_message"]["text"], &heard["previous_message"]["user"]),
        (&json!("three"), &json!(stage.ana))
    );
    stage.nothing_deviated();
}

#[tokio::test]
async fn files_and_answers_to_the_channel_are_messages_with_a_subtype() {
    let stage = Stage::new().await;
    let mut client = Client::ready(&stage).await;
    let ts = stage.slack.upload(&stage.ana, &stage.general, "look", "a.txt", b"one").unwrap();
    let payload = client.take().await;
    let heard = event(&payload);
    assert_eq!((&heard["subtype"], &heard["text"]), (&json!("file_share"), &json!("look")));
    assert_eq!((&heard["files"][0]["name"], &heard["user"]), (&json!("a.txt"), &json!(stage.ana)));
    stage.slack.reply_to_channel(&stage.ana, &stage.general, ts, "for all").unwrap();
    let payload = client.take().await;
    assert_eq!(event(&payload)["subtype"], "thread_broadcast");
    let got = stage.form("conversations.history", &[("channel", &stage.general)]).await;
    assert_eq!(got.body["messages"][0]["text"], "for all");
    stage.nothing_deviated();
}

#[tokio::test]
async fn persons_of_other_workspaces_are_marked_where_a_channel_is_shared() {
    let stage = Stage::new().await;
    let other = stage.slack.add_team("Elsewhere");
    let eve = stage.slack.add_person(&other, "eve");
    stage.slack.share(&stage.general, &other);
    stage.slack.join(&stage.general, &eve);
    let mut client = Client::ready(&stage).await;
    stage.slack.say(&eve, &stage.general, "@wilco help").unwrap();
    for kind in ["message", "app_mention"] {
        let payload = client.take().await;
        assert_eq!((&payload["team_id"], &payload["is_ext_shared_channel"]), (&json!(stage.team), &json!(true)));
        let heard = event(&payload);
        assert_eq!((&heard["type"], &heard["user"]), (&json!(kind), &json!(eve)));
        assert_eq!((&heard["team"], &heard["user_team"]), (&json!(other), &json!(other)));
    }
    // Their commands and shortcuts are those of their own workspace, and its app is another one.
    stage.slack.slash(&eve, &stage.general, "/wilco", "help").unwrap();
    stage.slack.until(|slack| slack.unacknowledged() == 1).await;
    let button = json!({"type": "button", "text": {"type": "plain_text", "text": "Yes"}});
    let blocks = json!([{"type": "actions", "elements": [button]}]);
    let body = json!({"channel": stage.general, "text": "May I?", "blocks": blocks});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    client.take().await;
    stage.slack.press(&eve, ts, "Yes").unwrap();
    let pressed = client.take().await;
    assert_eq!((&pressed["team"]["id"], &pressed["user"]["team_id"]), (&json!(stage.team), &json!(other)));
    stage.nothing_deviated();
}

#[tokio::test]
async fn of_a_private_channel_the_events_speak_as_of_a_group() {
    let stage = Stage::new().await;
    let closed = stage.slack.add_private_channel(&stage.team, "closed");
    let mut client = Client::ready(&stage).await;
    stage.slack.say(&stage.ana, &closed, "hello").unwrap();
    assert_eq!(event(&client.take().await)["channel_type"], "group");
    stage.slack.archive(&closed, true);
    assert_eq!(event(&client.take().await)["type"], "group_archive");
    stage.slack.leave(&closed, &stage.slack.bot(&stage.team));
    assert_eq!(event(&client.take().await)["type"], "group_left");
    stage.slack.leave(&stage.general, &stage.slack.bot(&stage.team));
    assert_eq!(event(&client.take().await)["type"], "channel_left");
    stage.slack.change_team(&stage.team, |team| {
        team.scopes.insert("channels:join".to_owned());
    });
    let got = stage.json("conversations.join", &json!({"channel": closed})).await;
    assert_eq!(got.error(), "channel_not_found", "the bot does not see it any more");
}
