//! Messages: what they show, what refuses them, and that a repeated create is recognised.

use serde_json::json;

use super::Stage;
use crate::discord::{Op, permissions};

#[tokio::test]
async fn a_message_is_created_edited_read_and_deleted() {
    let stage = Stage::new().await;
    let rows = json!([{"type": 1, "components": [{"type": 2, "style": 4, "label": "Cancel", "custom_id": "x:1"}]}]);
    let body =
        json!({"content": "On it · demo · k7f2", "components": rows, "flags": 4, "allowed_mentions": {"parse": []}});
    let created = stage.post(&body).await;
    assert_eq!((created.status, &created.body["content"]), (200, &json!("On it · demo · k7f2")));
    assert_eq!(created.body["flags"], 4);
    assert_eq!(created.body["components"][0]["components"][0]["custom_id"], "x:1");
    assert!(created.body["edited_timestamp"].is_null());
    let id = created.id();
    stage.pass(1);
    let edited = stage.edit(id, &json!({"content": "Done · k7f2 · 1s", "components": []})).await;
    assert_eq!((edited.status, &edited.body["content"]), (200, &json!("Done · k7f2 · 1s")));
    assert!(edited.body["edited_timestamp"].is_string());
    assert_eq!(edited.body["components"], json!([]));
    let one = stage.get(&format!("{}/{id}", stage.messages())).await;
    assert_eq!(one.body["content"], "Done · k7f2 · 1s");
    assert_eq!(stage.delete(&format!("{}/{id}", stage.messages())).await.status, 204);
    assert_eq!(stage.edit(id, &json!({"content": "again"})).await.code(), (404, 10008));
    assert_eq!(stage.get(&format!("{}/{id}", stage.messages())).await.code(), (404, 10008));
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_nonce_that_is_enforced_gives_the_earlier_message_for_three_minutes() {
    let stage = Stage::new().await;
    let body = json!({"content": "On it", "nonce": "key-1", "enforce_nonce": true});
    let first = stage.post(&body).await.id();
    stage.pass(179);
    assert_eq!(stage.post(&body).await.id(), first);
    assert_eq!(stage.discord.snapshot().len(), 1);
    // Without the word the nonce is only passed on.
    let loose = stage.post(&json!({"content": "On it", "nonce": "key-1"})).await;
    assert_eq!(loose.body["nonce"], "key-1");
    assert_ne!(loose.id(), first);
    // The copy that was deleted is not sent again.
    stage.discord.delete(first);
    assert_eq!(stage.post(&body).await.code(), (404, 10008));
    stage.pass(181);
    assert_ne!(stage.post(&body).await.id(), first);
    stage.nothing_deviated();
}

#[tokio::test]
async fn an_edit_that_uploads_appends_unless_the_list_is_given() {
    let stage = Stage::new().await;
    let path = stage.messages();
    let made = stage.send(stage.form("POST", &path, &json!({"content": "a file"}), &[("a.txt", "one")])).await;
    let (id, first) = (made.id(), made.body["attachments"][0]["id"].clone());
    assert_eq!(
        (&made.body["attachments"][0]["filename"], &made.body["attachments"][0]["size"]),
        (&json!("a.txt"), &json!(3))
    );
    let one = format!("{path}/{id}");
    let names = |got: &super::Got| -> Vec<String> {
        let all = got.body["attachments"].as_array().unwrap().iter();
        all.map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
    };
    let both = stage.send(stage.form("PATCH", &one, &json!({"content": "x"}), &[("b.txt", "two")])).await;
    assert_eq!(names(&both), ["a.txt", "b.txt"]);
    let same = stage.edit(id, &json!({"content": "y"})).await;
    assert_eq!(names(&same), ["a.txt", "b.txt"], "an edit that says nothing of files leaves them");
    let list = json!({"attachments": [{"id": first}, {"id": 0, "filename": "c.txt"}]});
    let listed = stage.send(stage.form("PATCH", &one, &list, &[("raw", "three")])).await;
    assert_eq!(names(&listed), ["a.txt", "c.txt"]);
    let none = stage.edit(id, &json!({"attachments": []})).await;
    assert_eq!(names(&none), Vec::<String>::new());
    let unknown = stage.edit(id, &json!({"attachments": [{"id": "5"}]})).await;
    assert_eq!(unknown.code(), (400, 50035));
    let address = listed.body["attachments"][1]["url"].as_str().unwrap().to_owned();
    assert_eq!(stage.client.get(address).send().await.unwrap().text().await.unwrap(), "three");
    stage.nothing_deviated();
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_refused_counted_and_named() {
    let stage = Stage::new().await;
    let button = |id: &str| json!({"type": 2, "style": 1, "label": "x", "custom_id": id});
    let row = |buttons: Vec<serde_json::Value>| json!({"type": 1, "components": buttons});
    let many: Vec<_> = (0..6).map(|at| button(&at.to_string())).collect();
    for (body, place) in [
        (json!({"content": "x".repeat(2_001)}), "content"),
        (json!({"content": "x", "nonce": "n".repeat(26)}), "nonce"),
        (json!({"content": "x", "components": [row(many)]}), "components"),
        (
            json!({"content": "x", "components": (0..6).map(|at| row(vec![button(&at.to_string())])).collect::<Vec<_>>()}),
            "components",
        ),
        (json!({"content": "x", "components": [row(vec![button(&"c".repeat(101))])]}), "components"),
        (json!({"content": 7}), "content"),
    ] {
        let got = stage.post(&body).await;
        assert_eq!(got.code(), (400, 50035), "{body}");
        assert!(got.body["errors"][place].is_object(), "{}", got.body);
        assert_eq!(stage.discord.forgive().len(), 1, "{body}");
    }
    // What needs a look at more than one field is refused without being a deviation of the table.
    for body in [
        json!({"content": "x", "components": [row(vec![button("a"), button("a")])]}),
        json!({"content": "x", "components": [row(vec![])]}),
        json!({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}),
        json!({"content": "x", "message_reference": {"message_id": "1"}}),
    ] {
        assert_eq!(stage.post(&body).await.code(), (400, 50035), "{body}");
    }
    assert_eq!(stage.post(&json!({"content": "  "})).await.code(), (400, 50006));
    stage.nothing_deviated();
    assert_eq!(stage.post(&json!({"content": "x", "colour": 1})).await.status, 200, "an unknown field is ignored");
    assert_eq!(stage.deviations().len(), 1);
    let loud = stage.client.get(format!("{}/users/@me", stage.api)).header("user-agent", "curl").send().await.unwrap();
    assert_eq!(loud.status(), 401);
    assert!(stage.deviations()[1].contains("User-Agent"), "{:?}", stage.deviations());
}

#[tokio::test]
async fn permissions_threads_and_direct_messages_refuse_with_discords_codes() {
    let stage = Stage::new().await;
    let hello = json!({"content": "hello"});
    let post = async |channel: u64| stage.json("POST", &format!("/channels/{channel}/messages"), &hello).await;
    assert_eq!(post(1).await.code(), (404, 10003));
    stage.discord.deny_bot(stage.general, permissions::SEND_MESSAGES);
    assert_eq!(post(stage.general).await.code(), (403, 50013));
    stage.discord.deny_bot(stage.general, permissions::VIEW_CHANNEL);
    assert_eq!(post(stage.general).await.code(), (403, 50001));
    stage.discord.deny_bot(stage.general, 0);
    let by_ana = stage.discord.say(stage.ana, stage.general, "mine").unwrap();
    assert_eq!(stage.edit(by_ana, &hello).await.code(), (403, 50005));
    assert_eq!(stage.delete(&format!("{}/{by_ana}", stage.messages())).await.code(), (403, 50013));

    let thread = stage.json("POST", &format!("{}/{by_ana}/threads", stage.messages()), &json!({"name": "talk"})).await;
    assert_eq!((thread.status, thread.id()), (201, by_ana), "a thread under a message has its id");
    let again = stage.json("POST", &format!("{}/{by_ana}/threads", stage.messages()), &json!({"name": "talk"})).await;
    assert_eq!(again.code(), (400, 160004));
    let within = post(by_ana).await.id();
    stage.discord.archive(by_ana, true);
    let edit = format!("/channels/{by_ana}/messages/{within}");
    assert_eq!(stage.json("PATCH", &edit, &hello).await.code(), (400, 50083));
    assert_eq!(post(by_ana).await.status, 200, "a message brings it back");
    assert_eq!(stage.json("PATCH", &edit, &hello).await.status, 200);
    stage.discord.lock(by_ana, true);
    assert_eq!(post(by_ana).await.code(), (400, 160005));
    stage.discord.delete_channel(by_ana);
    assert_eq!(post(by_ana).await.code(), (404, 10003));

    let direct = stage.json("POST", "/users/@me/channels", &json!({"recipient_id": stage.ana.to_string()})).await.id();
    assert_eq!(post(direct).await.status, 200);
    stage.discord.takes_direct_messages(stage.ana, false);
    assert_eq!(post(direct).await.code(), (403, 50007));
    stage.discord.kick_bot(stage.guild);
    assert_eq!(post(stage.general).await.code(), (403, 50001));
    assert_eq!(stage.get(&format!("/guilds/{}", stage.guild)).await.code(), (404, 10004));
    stage.discord.revoke(true);
    assert_eq!(post(stage.general).await.code(), (401, 0));
    stage.nothing_deviated();
}

#[tokio::test]
async fn history_is_listed_newest_first_and_hides_words_that_need_the_intent() {
    let settings = crate::discord::Settings { privileged: 0, limits: false, ..Default::default() };
    let stage = Stage::with(settings).await;
    let mut ids = Vec::new();
    for at in 0..5 {
        ids.push(stage.post(&json!({"content": format!("m{at}")})).await.id());
    }
    let hidden = stage.discord.say(stage.ana, stage.general, "secret").unwrap();
    let named = stage.discord.say(stage.ana, stage.general, &format!("<@{}> hello", stage.discord.bot())).unwrap();
    let list = async |query: &str| {
        let got = stage.get(&format!("{}?{query}", stage.messages())).await;
        let all = got.body.as_array().unwrap().clone();
        all.into_iter().map(|one| one["content"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list("limit=3").await, [&format!("<@{}> hello", stage.discord.bot()), "", "m4"]);
    assert_eq!(list(&format!("after={}&limit=2", ids[1])).await, ["m3", "m2"]);
    assert_eq!(list(&format!("before={}&limit=2", ids[2])).await, ["m1", "m0"]);
    assert_eq!(list(&format!("around={}&limit=3", ids[2])).await, ["m3", "m2", "m1"]);
    assert!(named > hidden);
    stage.discord.deny_bot(stage.general, permissions::READ_MESSAGE_HISTORY);
    assert_eq!(list("limit=3").await, Vec::<String>::new());
    assert_eq!(stage.discord.calls(Op::GetMessages), 5);
    stage.nothing_deviated();
}

#[tokio::test]
async fn who_is_notified_is_what_the_sender_allows() {
    let stage = Stage::new().await;
    let content = format!("<@{}> and @everyone", stage.ana);
    let quiet = stage.post(&json!({"content": content, "allowed_mentions": {"parse": []}})).await;
    assert_eq!(quiet.body["mentions"], json!([]));
    let named = json!({"parse": [], "users": [stage.ana.to_string()]});
    let one = stage.post(&json!({"content": content, "allowed_mentions": named})).await;
    assert_eq!(one.body["mentions"][0]["username"], "ana");
    let to = json!({"message_id": stage.discord.say(stage.ana, stage.general, "well?").unwrap().to_string()});
    let loud = stage.post(&json!({"content": "yes", "message_reference": to})).await;
    assert_eq!(loud.body["mentions"][0]["username"], "ana", "a reply notifies unless it says otherwise");
    let still = json!({"content": "yes", "message_reference": to, "allowed_mentions": {"parse": []}});
    assert_eq!(stage.post(&still).await.body["mentions"], json!([]));
    let role = stage.discord.add_role(stage.guild, "loud", permissions::MENTION_EVERYONE);
    stage.discord.give_role(stage.guild, stage.discord.bot(), role);
    assert_eq!(stage.post(&json!({"content": content})).await.body["mention_everyone"], true);
    assert!(stage.discord.transcript(stage.general).contains("‼ notifies everybody"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn typing_reactions_and_looks_at_the_world_answer_as_described() {
    let stage = Stage::new().await;
    let (guild, general, ana) = (stage.guild, stage.general, stage.ana);
    assert_eq!(stage.json("POST", &format!("/channels/{general}/typing"), &json!({})).await.status, 204);
    assert!(stage.discord.is_typing(general));
    stage.pass(11);
    assert!(!stage.discord.is_typing(general));
    let said = stage.discord.say(ana, general, "look").unwrap();
    let eyes = format!("{}/{said}/reactions/%F0%9F%91%80/@me", stage.messages());
    assert_eq!(stage.send(stage.request("PUT", &eyes)).await.status, 204);
    let shown = stage.get(&format!("{}/{said}", stage.messages())).await;
    assert_eq!(shown.body["reactions"][0]["emoji"]["name"], "👀");
    assert_eq!(stage.delete(&eyes).await.status, 204);
    for path in [
        "/users/@me".to_owned(),
        "/users/@me/guilds".to_owned(),
        "/applications/@me".to_owned(),
        "/oauth2/applications/@me".to_owned(),
        "/gateway".to_owned(),
        "/gateway/bot".to_owned(),
        "/voice/regions".to_owned(),
        format!("/users/{ana}"),
        format!("/guilds/{guild}?with_counts=true"),
        format!("/guilds/{guild}/channels"),
        format!("/guilds/{guild}/roles"),
        format!("/guilds/{guild}/members?limit=10"),
        format!("/guilds/{guild}/members/{ana}"),
        format!("/guilds/{guild}/threads/active"),
        format!("/channels/{general}"),
        format!("/applications/{}/emojis", stage.discord.bot()),
    ] {
        assert_eq!(stage.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(stage.get("/users/@me/relationships").await.status, 404);
    assert_eq!(stage.discord.forgive().len(), 1, "a path that is not known is a deviation");
    stage.nothing_deviated();
}
