//! History, threads, conversations, people and groups.

use serde_json::{Value, json};

use super::Stage;
use crate::slack::Settings;

fn texts(got: &Value) -> Vec<String> {
    let all = got["messages"].as_array().unwrap();
    all.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn history_shows_what_stands_newest_first_and_metadata_on_request() {
    let stage = Stage::new().await;
    let metadata = json!({"event_type": "wilco", "event_payload": {"k": "d1"}});
    let body = json!({"channel": stage.general, "text": "one", "metadata": metadata});
    let one = stage.json("chat.postMessage", &body).await.ts();
    let two = stage.slack.say(&stage.ana, &stage.general, "two").unwrap();
    let three = stage.slack.reply(&stage.ana, &stage.general, two, "three").unwrap();
    let got = stage.form("conversations.history", &[("channel", &stage.general)]).await;
    assert_eq!(texts(&got.body), ["two", "one"], "answers stand in their thread");
    assert!(got.body["messages"][1]["metadata"].is_null());
    assert_eq!(got.body["messages"][0]["reply_count"], 1);
    let with = [("channel", stage.general.as_str()), ("include_all_metadata", "true"), ("limit", "1")];
    let got = stage.form("conversations.history", &with).await;
    assert_eq!((texts(&got.body), got.body["has_more"].as_bool()), (vec!["two".to_owned()], Some(true)));
    let cursor = got.body["response_metadata"]["next_cursor"].as_str().unwrap().to_owned();
    let mut next = with.to_vec();
    next.push(("cursor", &cursor));
    let got = stage.form("conversations.history", &next).await;
    assert_eq!(got.body["messages"][0]["metadata"], metadata);
    let (one, two) = (one.to_string(), two.to_string());
    let since = stage.form("conversations.history", &[("channel", &stage.general), ("oldest", &one)]).await;
    assert_eq!(texts(&since.body), ["two"]);
    let bounds = [("channel", stage.general.as_str()), ("oldest", &one), ("inclusive", "1")];
    assert_eq!(texts(&stage.form("conversations.history", &bounds).await.body), ["two", "one"]);
    let thread = stage.form("conversations.replies", &[("channel", &stage.general), ("ts", &two)]).await;
    assert_eq!(texts(&thread.body), ["two", "three"]);
    let answer = json!({"channel": stage.general, "thread_ts": two, "text": "four", "metadata": metadata});
    let four = stage.json("chat.postMessage", &answer).await.ts();
    let in_thread = [("channel", stage.general.as_str()), ("ts", two.as_str()), ("include_all_metadata", "true")];
    let got = stage.form("conversations.replies", &in_thread).await;
    assert_eq!(got.body["messages"][2]["metadata"], metadata, "metadata in threads as well");
    let mut without = in_thread.to_vec();
    without.pop();
    assert!(stage.form("conversations.replies", &without).await.body["messages"][2]["metadata"].is_null());
    stage.slack.delete(four);
    assert_eq!(thread.body["messages"][1]["thread_ts"], json!(two));
    stage.slack.delete(crate::slack::Ts::read(&two).unwrap());
    let got = stage.form("conversations.history", &[("channel", &stage.general)]).await;
    assert_eq!(got.body["messages"][0]["subtype"], "tombstone", "a stone stands while answers do");
    stage.slack.delete(three);
    let got = stage.form("conversations.history", &[("channel", &stage.general)]).await;
    assert_eq!(texts(&got.body), ["one"]);
    stage.nothing_deviated();
    for (pairs, error) in [
        (vec![("channel", "C0NOWHERE0")], "channel_not_found"),
        (vec![("channel", stage.general.as_str()), ("oldest", "soon")], "invalid_ts_oldest"),
        (vec![("channel", stage.general.as_str()), ("cursor", "x")], "invalid_cursor"),
    ] {
        assert_eq!(stage.form("conversations.history", &pairs).await.error(), error);
    }
    let got = stage.form("conversations.replies", &[("channel", &stage.general), ("ts", "1.000000")]).await;
    assert_eq!(got.error(), "thread_not_found");
}

#[tokio::test]
async fn people_channels_and_groups_are_known_to_the_workspace_alone() {
    let stage = Stage::new().await;
    let other = stage.slack.add_team("Elsewhere");
    let eve = stage.slack.add_person(&other, "eve");
    let group = stage.slack.add_group(&stage.team, "oncall", &[&stage.ana]);
    let info = async |user: &str| stage.form("users.info", &[("user", user)]).await;
    assert_eq!(info(&stage.ana).await.body["user"]["tz"], "Europe/Berlin");
    assert_eq!(info(&eve).await.error(), "user_not_found");
    stage.slack.share(&stage.general, &other);
    stage.slack.join(&stage.general, &eve);
    let known = info(&eve).await;
    assert_eq!(
        (known.body["user"]["is_stranger"].as_bool(), known.body["user"]["team_id"].clone()),
        (None, json!(other)),
        "whom the app meets in a channel is external, but no stranger"
    );
    let hidden = stage.slack.add_private_channel(&stage.team, "hidden");
    stage.slack.leave(&hidden, &stage.slack.bot(&stage.team));
    stage.slack.share(&hidden, &other);
    let mal = stage.slack.add_person(&other, "mal");
    stage.slack.join(&hidden, &mal);
    assert_eq!(info(&mal).await.body["user"]["is_stranger"], true);
    stage.slack.change_person(&stage.ana, |ana| (ana.guest, ana.admin) = (true, true));
    let ana = info(&stage.ana).await.body["user"].clone();
    assert_eq!(
        (&ana["is_restricted"], &ana["is_admin"], &ana["is_owner"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let members = stage.form("conversations.members", &[("channel", &stage.general)]).await;
    assert!(members.body["members"].as_array().unwrap().contains(&json!(eve)));
    let users = stage.form("usergroups.users.list", &[("usergroup", &group)]).await;
    assert_eq!(users.body["users"], json!([stage.ana]));
    assert_eq!(stage.form("usergroups.list", &[]).await.body["usergroups"][0]["handle"], "oncall");
    let channels = stage.form("conversations.list", &[("limit", "1")]).await;
    assert_eq!(channels.body["channels"].as_array().unwrap().len(), 1);
    assert_ne!(channels.body["response_metadata"]["next_cursor"], "");
    let own = stage.form("users.conversations", &[("types", "public_channel,private_channel,im,mpim")]).await;
    let own: Vec<&Value> = own.body["channels"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert!(own.contains(&&json!(stage.general)) && !own.contains(&&json!(hidden)), "{own:?}");
    let info = stage.form("conversations.info", &[("channel", &stage.general)]).await;
    assert_eq!(
        (info.body["channel"]["is_member"].as_bool(), info.body["channel"]["is_ext_shared"].as_bool()),
        (Some(true), Some(true))
    );
    stage.slack.leave(&stage.general, &stage.slack.bot(&stage.team));
    let join = json!({"channel": stage.general});
    assert_eq!(stage.json("conversations.join", &join).await.error(), "missing_scope");
    stage.slack.change_team(&stage.team, |team| {
        team.scopes.insert("channels:join".to_owned());
    });
    assert_eq!(stage.json("conversations.join", &join).await.body["channel"]["is_member"], true);
    stage.slack.leave(&stage.general, &stage.slack.bot(&stage.team));
    assert_eq!(stage.form("conversations.history", &[("channel", &stage.general)]).await.error(), "not_in_channel");
    stage.nothing_deviated();
}

#[tokio::test]
async fn tiers_refuse_with_the_time_to_wait() {
    let stage = Stage::with(Settings::default()).await;
    assert_eq!(stage.say("one").await.error(), "ok");
    let got = stage.say("two").await;
    assert_eq!((got.status, got.error(), got.header("retry-after")), (429, "ratelimited", "1"));
    let ops = stage.slack.channel_named("ops").unwrap();
    let other = stage.json("chat.postMessage", &json!({"channel": ops, "text": "x"})).await;
    assert_eq!(other.error(), "ok", "the limit is of one channel");
    stage.pass(1);
    assert_eq!(stage.say("two").await.error(), "ok");
    for _ in 0..20 {
        assert_eq!(stage.form("conversations.list", &[]).await.error(), "ok");
    }
    assert_eq!(stage.form("conversations.list", &[]).await.header("retry-after"), "60");
    assert_eq!(stage.slack.snapshot().len(), 3);
}

#[tokio::test]
async fn a_list_needs_the_scope_of_every_kind_that_it_asks_for() {
    let stage = Stage::new().await;
    stage.slack.change_team(&stage.team, |team| {
        team.scopes.retain(|scope| !["groups:read", "im:write"].contains(&scope.as_str()));
        team.scopes.insert("mpim:write".to_owned());
    });
    for method in ["conversations.list", "users.conversations"] {
        for (types, error) in [
            ("public_channel,im", "ok"),
            ("", "ok"),
            ("public_channel, private_channel", "missing_scope"),
            ("public_channel,rooms", "invalid_types"),
        ] {
            let got = stage.form(method, &[("types", types)]).await;
            assert_eq!(got.error(), error, "{method} of {types:?}");
            let needed = got.body["needed"].as_str();
            assert_eq!(needed, (error == "missing_scope").then_some("groups:read"), "{got:?}");
        }
    }
    // The door is passed with either of the two; what is opened has to be of that kind.
    let direct = json!({"users": stage.ana});
    let got = stage.json("conversations.open", &direct).await;
    assert_eq!((got.error(), got.body["needed"].as_str()), ("missing_scope", Some("im:write")));
    stage.slack.change_team(&stage.team, |team| {
        team.scopes.remove("mpim:write");
        team.scopes.insert("im:write".to_owned());
    });
    assert_eq!(stage.json("conversations.open", &direct).await.error(), "ok");
    stage.nothing_deviated();
}
