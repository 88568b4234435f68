//! Posting, changing, deleting, whispering.

use serde_json::{Value, json};

use super::Stage;
use crate::slack::Op;

fn section(text: &str) -> Value {
    json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}])
}

#[tokio::test]
async fn a_message_is_posted_changed_and_deleted() {
    let stage = Stage::new().await;
    let bot = stage.slack.bot(&stage.team);
    let metadata = json!({"event_type": "wilco", "event_payload": {"k": "d1"}});
    let body = json!({
        "channel": stage.general, "text": "On it · demo · k7f2", "blocks": section("*On it* · demo · k7f2"),
        "metadata": metadata, "unfurl_links": false, "unfurl_media": false, "parse": "none",
    });
    let got = stage.json("chat.postMessage", &body).await;
    let ts = got.ts();
    assert_eq!(got.body["message"]["metadata"], metadata);
    assert_eq!(got.body["message"]["user"], json!(bot));
    assert!(got.body["message"]["blocks"][0]["block_id"].is_string(), "Slack names blocks that have no name");

    let update = async |more: Value| {
        let mut body = json!({"channel": stage.general, "ts": ts});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        stage.json("chat.update", &body).await
    };
    assert_eq!(update(json!({"metadata": metadata})).await.error(), "no_text");
    let changed = update(json!({"text": "Done · k7f2 · 1s"})).await;
    assert_eq!(changed.ts(), ts);
    assert!(changed.body["message"]["blocks"].is_null(), "a text without blocks takes the blocks away");
    assert_eq!(changed.body["message"]["metadata"], metadata, "metadata that is not named stays");
    assert!(changed.body["message"]["edited"].is_object());
    let blocks = update(json!({"text": "Done", "blocks": section("*Done*"), "metadata": {}})).await;
    assert!(blocks.body["message"]["metadata"].is_null());
    assert_eq!(update(json!({"markdown_text": "**x**", "text": "y"})).await.error(), "markdown_text_conflict");

    let theirs = stage.slack.say(&stage.ana, &stage.general, "mine").unwrap();
    let foreign = json!({"channel": stage.general, "ts": theirs, "text": "x"});
    assert_eq!(stage.json("chat.update", &foreign).await.error(), "cant_update_message");
    assert_eq!(stage.json("chat.delete", &foreign_ts(&stage, theirs)).await.error(), "cant_delete_message");
    assert_eq!(stage.json("chat.delete", &foreign_ts(&stage, ts)).await.error(), "ok");
    assert_eq!(update(json!({"text": "x"})).await.error(), "message_not_found");
    assert_eq!(stage.json("chat.delete", &foreign_ts(&stage, ts)).await.error(), "message_not_found");
    assert_eq!(stage.slack.calls(Op::Update), 6);
}

#[tokio::test]
async fn an_answer_to_a_message_that_was_deleted_stands_in_the_channel() {
    let stage = Stage::new().await;
    let root = stage.slack.say(&stage.ana, &stage.general, "talk").unwrap();
    let answer = json!({"channel": stage.general, "text": "x", "thread_ts": root});
    let kept = stage.json("chat.postMessage", &answer).await;
    assert_eq!(kept.body["message"]["thread_ts"], json!(root));
    // While an answer stands in it, the thread stands.
    stage.slack.delete(root);
    assert_eq!(stage.json("chat.postMessage", &answer).await.body["message"]["thread_ts"], json!(root));
    let other = stage.slack.say(&stage.ana, &stage.general, "talk").unwrap();
    stage.slack.delete(other);
    let answer = json!({"channel": stage.general, "text": "x", "thread_ts": other, "reply_broadcast": true});
    let stray = stage.json("chat.postMessage", &answer).await;
    assert_eq!((stray.error(), &stray.body["message"]["thread_ts"]), ("ok", &Value::Null));
}

fn foreign_ts(stage: &Stage, ts: crate::slack::Ts) -> Value {
    json!({"channel": stage.general, "ts": ts})
}

#[tokio::test]
async fn what_slack_refuses_is_refused_with_its_word() {
    let stage = Stage::new().await;
    let closed = stage.slack.add_private_channel(&stage.team, "closed");
    stage.slack.leave(&closed, &stage.slack.bot(&stage.team));
    let left = stage.slack.add_channel(&stage.team, "left");
    stage.slack.leave(&left, &stage.slack.bot(&stage.team));
    let old = stage.slack.add_channel(&stage.team, "old");
    stage.slack.archive(&old, true);
    let quiet = stage.slack.add_channel(&stage.team, "quiet");
    stage.slack.refuse_in(&quiet, Some("restricted_action"));
    let long = "x".repeat(4_001);
    let many = json!(vec![json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(2_900)}}); 5]);
    let general = &stage.general;
    for (body, error) in [
        (json!({"channel": "C0NOWHERE0", "text": "x"}), "channel_not_found"),
        (json!({"channel": "#general", "text": "x"}), "channel_not_found"),
        (json!({"channel": closed, "text": "x"}), "channel_not_found"),
        (json!({"channel": left, "text": "x"}), "not_in_channel"),
        (json!({"channel": old, "text": "x"}), "is_archived"),
        (json!({"channel": quiet, "text": "x"}), "restricted_action"),
        (json!({"channel": general}), "no_text"),
        (json!({"channel": general, "text": long}), "msg_too_long"),
        (json!({"channel": general, "blocks": many}), "msg_blocks_too_long"),
        (json!({"channel": general, "blocks": section(&"x".repeat(3_001))}), "invalid_blocks"),
        (json!({"channel": general, "blocks": [{"type": "select"}]}), "invalid_blocks"),
        (json!({"channel": general, "blocks": "no json"}), "invalid_blocks_format"),
        (json!({"channel": general, "markdown_text": "x".repeat(12_001)}), "msg_too_long"),
        (json!({"channel": general, "text": "x", "metadata": {"event_type": "a"}}), "invalid_metadata_schema"),
        (json!({"channel": general, "text": "x", "metadata": "a"}), "invalid_metadata_format"),
        (json!({"channel": general, "text": "x", "thread_ts": "1.000000"}), "cannot_reply_to_message"),
        (json!({"channel": general, "text": "x", "thread_ts": "soon"}), "invalid_arguments"),
        (json!({"text": "x"}), "invalid_arguments"),
    ] {
        assert_eq!(stage.json("chat.postMessage", &body).await.error(), error, "{body}");
    }
    assert_eq!(stage.slack.snapshot().len(), 0, "nothing of it was shown");
    let got = stage.json("chat.postMessage", &json!({"channel": general, "blocks": section(&"x".repeat(3_001))})).await;
    let line = got.body["response_metadata"]["messages"][0].as_str().unwrap();
    assert!(line.contains("must be less than 3001 characters") && line.contains("/blocks/0/text/text"), "{line}");
}

#[tokio::test]
async fn tokens_are_looked_at_strictly() {
    let stage = Stage::new().await;
    let (bot, app) = (stage.slack.token(&stage.team), stage.slack.app_token(&stage.team));
    let call = async |method: &str, token: Option<&str>| {
        let request = stage.client.post(format!("{}{method}", stage.api));
        let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
        stage.send(request).await.error().to_owned()
    };
    assert_eq!(call("auth.test", None).await, "not_authed");
    assert_eq!(call("auth.test", Some("xoxb-other")).await, "invalid_auth");
    assert_eq!(call("auth.test", Some(&app)).await, "not_allowed_token_type");
    assert_eq!(call("apps.connections.open", Some(&bot)).await, "not_allowed_token_type");
    assert_eq!(call("apps.connections.open", Some(&app)).await, "ok");
    assert_eq!(call("auth.test", Some(&bot)).await, "ok");
    assert_eq!(call("auth.tset", Some(&bot)).await, "unknown_method");
    for error in ["token_revoked", "account_inactive", "invalid_auth"] {
        stage.slack.refuse_tokens(&stage.team, Some(error));
        assert_eq!(call("auth.test", Some(&bot)).await, error);
        assert_eq!(call("apps.connections.open", Some(&app)).await, error);
    }
    stage.slack.refuse_tokens(&stage.team, None);
    stage.slack.socket_mode(&stage.team, false);
    assert_eq!(call("apps.connections.open", Some(&app)).await, "link_disabled");
    stage.slack.change_team(&stage.team, |team| team.scopes.retain(|scope| scope != "chat:write"));
    let got = stage.say("x").await;
    assert_eq!((got.error(), got.body["needed"].as_str()), ("missing_scope", Some("chat:write")));
    stage.slack.refuse_tokens(&stage.team, Some("token_revoked"));
    assert_eq!(call("auth.test", Some(&bot)).await, "token_revoked");
    stage.slack.refuse_tokens(&stage.team, None);
    assert_eq!(call("auth.test", Some(&bot)).await, "ok");
}

#[tokio::test]
async fn threads_direct_messages_and_private_notes_go_where_they_belong() {
    let stage = Stage::new().await;
    let root = stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let body = json!({"channel": stage.general, "text": "in the thread", "thread_ts": root});
    let reply = stage.json("chat.postMessage", &body).await;
    assert_eq!(reply.body["message"]["thread_ts"], json!(root));
    stage.nothing_deviated();
    let under = json!({"channel": stage.general, "text": "deeper", "thread_ts": reply.ts()});
    let deeper = stage.json("chat.postMessage", &under).await;
    assert_eq!(deeper.body["message"]["thread_ts"], json!(root), "an answer to an answer stands beside it");
    assert_eq!(stage.slack.forgive().len(), 1);

    let direct = stage.json("conversations.open", &json!({"users": stage.ana})).await;
    let channel = direct.body["channel"]["id"].as_str().unwrap().to_owned();
    assert!(channel.starts_with('D'));
    assert_eq!(stage.json("conversations.open", &json!({"users": stage.ana})).await.body["already_open"], true);
    let to_person = stage.json("chat.postMessage", &json!({"channel": stage.ana, "text": "psst"})).await;
    assert_eq!(to_person.body["channel"], json!(channel));

    let note = json!({"channel": stage.general, "user": stage.ana, "text": "only you"});
    assert_eq!(stage.json("chat.postEphemeral", &note).await.error(), "ok");
    let stranger = stage.slack.add_person(&stage.team, "eve");
    let note = json!({"channel": stage.general, "user": stranger, "text": "only you"});
    assert_eq!(stage.json("chat.postEphemeral", &note).await.error(), "user_not_in_channel");
    let seen = "ana | hello\n  bot | in the thread\n  bot | deeper\nonly ana sees | only you\n";
    assert_eq!(stage.slack.transcript(&stage.general), seen);
    stage.nothing_deviated();
}

#[tokio::test]
async fn forms_json_and_their_warnings() {
    let stage = Stage::new().await;
    let blocks = section("from a form").to_string();
    let got =
        stage.form("chat.postMessage", &[("channel", &stage.general), ("blocks", &blocks), ("text", "a & b")]).await;
    assert_eq!(got.body["message"]["text"], "a &amp; b", "texts come back escaped");
    assert!(got.body["warning"].is_null());
    let plain = stage.request("auth.test").header("content-type", "application/json").body("{}");
    assert_eq!(stage.send(plain).await.body["warning"], "missing_charset");
    let nothing = stage.request("auth.test").header("content-type", "application/json;charset=utf-8");
    assert_eq!(stage.send(nothing).await.error(), "ok", "no arguments need no braces");
    let broken = stage.request("chat.postMessage").header("content-type", "application/json").body("{");
    assert_eq!(stage.send(broken).await.error(), "invalid_json");
    assert_eq!(stage.slack.forgive().len(), 1);
    let got = stage.json("conversations.history", &json!({"channel": stage.general})).await;
    assert_eq!(got.error(), "invalid_arguments", "methods that read take no JSON");
    assert!(!stage.slack.forgive().is_empty());
    stage.form("auth.test", &[("colour", "red")]).await;
    assert_eq!(stage.deviations(), ["auth.test /colour: no such field: colour"]);
}

#[tokio::test]
async fn every_message_of_a_form_with_a_repeated_reaction_is_refused_once() {
    let stage = Stage::new().await;
    let ts = stage.say("x").await.ts().to_string();
    let react = async |method: &str, name: &str| {
        stage.form(method, &[("channel", &stage.general), ("timestamp", &ts), ("name", name)]).await.error().to_owned()
    };
    assert_eq!(react("reactions.add", "eyes").await, "ok");
    assert_eq!(react("reactions.add", "eyes").await, "already_reacted");
    assert_eq!(react("reactions.add", "no such").await, "invalid_name");
    assert_eq!(react("reactions.remove", "eyes").await, "ok");
    assert_eq!(react("reactions.remove", "eyes").await, "no_reaction");
    let link = stage.form("chat.getPermalink", &[("channel", &stage.general), ("message_ts", &ts)]).await;
    let wanted = format!("https://workshop.slack.com/archives/{}/p{}", stage.general, ts.replace('.', ""));
    assert_eq!(link.body["permalink"], json!(wanted));
    stage.nothing_deviated();
}
