//! Commands, presses and suggestions, and the two clocks of an interaction.

use serde_json::{Value, json};

use super::Stage;
use crate::discord::interactions::Interaction;

fn run() -> Value {
    json!({"name": "run", "description": "Start a worker", "options": [
        {"type": 3, "name": "worker", "description": "Which", "required": true, "autocomplete": true},
        {"type": 3, "name": "text", "description": "What for"},
    ]})
}

impl Stage {
    async fn registered(&self) {
        let path = format!("/applications/{}/guilds/{}/commands", self.discord.bot(), self.guild);
        let menu = json!({"name": "Cancel this job", "type": 3});
        assert_eq!(self.json("PUT", &path, &json!([run(), menu])).await.status, 200);
    }

    /// ana uses `/run demo`.
    fn asked(&self) -> Interaction {
        let id = self.discord.slash(self.ana, self.general, "run", &[("worker", json!("demo"))]).unwrap();
        self.discord.interaction(id).unwrap()
    }

    async fn callback(&self, to: &Interaction, body: &Value) -> super::Got {
        self.json("POST", &format!("/interactions/{}/{}/callback", to.id, to.token), body).await
    }

    fn hook(&self, to: &Interaction, rest: &str) -> String {
        format!("/webhooks/{}/{}{rest}", self.discord.bot(), to.token)
    }
}

#[tokio::test]
async fn commands_keep_their_ids_are_replaced_and_refused_when_wrong() {
    let stage = Stage::new().await;
    let path = format!("/applications/{}/commands", stage.discord.bot());
    let first = stage.json("PUT", &path, &json!([run(), {"name": "jobs", "description": "List"}])).await;
    let ids = |got: &super::Got| -> Vec<(Value, Value)> {
        let all = got.body.as_array().unwrap().iter();
        all.map(|one| (one["id"].clone(), one["version"].clone())).collect()
    };
    assert_eq!(first.status, 200);
    assert_eq!(first.body[0]["options"][0]["autocomplete"], true);
    let listed = stage.get(&path).await;
    assert_eq!(ids(&listed), ids(&first));
    let same = stage.json("PUT", &path, &json!([run()])).await;
    assert_eq!(ids(&same), ids(&first)[..1], "what did not change keeps its version, too");
    let mut other = run();
    other["description"] = json!("Start one");
    let changed = stage.json("POST", &path, &other).await;
    assert_eq!(changed.body["id"], first.body[0]["id"]);
    assert_ne!(changed.body["version"], first.body[0]["version"]);
    let id = changed.id();
    let patched = stage.json("PATCH", &format!("{path}/{id}"), &json!({"description": "Go"})).await;
    assert_eq!(patched.body["description"], "Go");
    assert_eq!(stage.get(&format!("{path}/{id}")).await.body["description"], "Go");
    assert_eq!(stage.delete(&format!("{path}/{id}")).await.status, 204);
    assert_eq!(stage.delete(&format!("{path}/{id}")).await.code(), (404, 10063));
    stage.nothing_deviated();
    for wrong in [
        json!({"name": "Run", "description": "x"}),
        json!({"name": "two words", "description": "x"}),
        json!({"name": "run", "description": ""}),
        json!({"name": "run", "type": 3, "description": "a menu has none"}),
        json!({"name": "run", "description": "x", "options": [
            {"type": 3, "name": "a", "description": "x"}, {"type": 3, "name": "b", "description": "x", "required": true},
        ]}),
    ] {
        assert_eq!(stage.json("POST", &path, &wrong).await.code(), (400, 50035), "{wrong}");
    }
    let too_long = json!({"name": "run", "description": "x".repeat(101)});
    assert_eq!(stage.json("POST", &path, &too_long).await.code(), (400, 50035));
    assert_eq!(stage.discord.forgive().len(), 1, "the table knows lengths");
    let many: Vec<Value> = (0..101).map(|at| json!({"name": format!("c{at}"), "description": "x"})).collect();
    assert_eq!(stage.json("PUT", &path, &json!(many)).await.code(), (400, 30032));
    assert_eq!(stage.get("/applications/1/commands").await.code(), (403, 50001));
}

#[tokio::test]
async fn a_private_answer_is_given_deferred_filled_and_removed() {
    let stage = Stage::new().await;
    stage.registered().await;
    let one = stage.asked();
    let answer = json!({"type": 4, "data": {"content": "Heard", "flags": 64}});
    assert_eq!(stage.callback(&one, &answer).await.status, 204);
    assert_eq!(stage.callback(&one, &answer).await.code(), (400, 40060));
    assert_eq!(stage.discord.transcript(stage.general), "only ana sees | Heard\n");
    let original = stage.get(&stage.hook(&one, "/messages/@original")).await;
    assert_eq!((&original.body["content"], &original.body["flags"]), (&json!("Heard"), &json!(64)));
    let edit =
        stage.json("PATCH", &stage.hook(&one, "/messages/@original"), &json!({"content": "Heard, started"})).await;
    assert_eq!(edit.body["content"], "Heard, started");
    assert_eq!(stage.edit(original.id(), &json!({"content": "x"})).await.code(), (404, 10008), "not by bot token");
    assert_eq!(stage.delete(&stage.hook(&one, "/messages/@original")).await.status, 204);
    assert_eq!(stage.delete(&stage.hook(&one, "/messages/@original")).await.code(), (404, 10008));

    let two = stage.asked();
    assert_eq!(stage.callback(&two, &json!({"type": 5, "data": {"flags": 64}})).await.status, 204);
    assert!(stage.discord.transcript(stage.general).ends_with("only ana sees | … is thinking\n"));
    stage.pass(60);
    let filled = stage.json("POST", &stage.hook(&two, "?wait=true"), &json!({"content": "Stored"})).await;
    assert_eq!((filled.status, &filled.body["content"]), (200, &json!("Stored")));
    let further = stage.json("POST", &stage.hook(&two, ""), &json!({"content": "And more", "flags": 64})).await;
    assert_ne!(further.id(), filled.id());
    let path = format!("/messages/{}", further.id());
    assert_eq!(stage.json("PATCH", &stage.hook(&two, &path), &json!({"content": "More"})).await.status, 200);
    assert_eq!(stage.delete(&stage.hook(&two, &path)).await.status, 204);
    assert!(stage.discord.transcript(stage.general).contains("only ana sees | Stored\n"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn three_seconds_and_fifteen_minutes_are_kept() {
    let stage = Stage::new().await;
    stage.registered().await;
    let late = stage.asked();
    stage.clock.advance(std::time::Duration::from_millis(3_001));
    assert_eq!(stage.callback(&late, &json!({"type": 5})).await.code(), (404, 10062));
    assert_eq!(stage.discord.transcript(stage.general), "only ana sees | The application did not respond\n");
    assert_eq!(stage.json("POST", &stage.hook(&late, ""), &json!({"content": "x"})).await.code(), (404, 10015));

    let just = stage.asked();
    stage.pass(3);
    assert_eq!(stage.callback(&just, &json!({"type": 5, "data": {"flags": 64}})).await.status, 204);
    assert_eq!(stage.discord.interaction(just.id).unwrap().took.unwrap().as_secs(), 3);
    stage.pass(15 * 60 - 3);
    assert_eq!(stage.get(&stage.hook(&just, "/messages/@original")).await.status, 200);
    stage.pass(1);
    assert_eq!(stage.get(&stage.hook(&just, "/messages/@original")).await.code(), (401, 50027));
    let seen = stage.discord.transcript(stage.general);
    assert!(seen.ends_with("only ana sees | The application did not respond\n"), "{seen}");
    assert_eq!(seen.lines().count(), 2);
    assert_eq!(
        stage.get(&format!("/webhooks/{}/wrong/messages/@original", stage.discord.bot())).await.code(),
        (404, 10015)
    );
    stage.nothing_deviated();
}

#[tokio::test]
async fn a_press_updates_its_message_or_answers_beside_it() {
    let stage = Stage::new().await;
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 4, "label": "Cancel", "custom_id": "c:k7f2"}]}]);
    let id = stage.post(&json!({"content": "On it · demo · k7f2", "components": row})).await.id();
    assert!(stage.discord.press(stage.ana, id, "Other").is_err());
    let press = || {
        let id = stage.discord.press(stage.ana, id, "Cancel").unwrap();
        stage.discord.interaction(id).unwrap()
    };
    let one = press();
    assert_eq!(stage.callback(&one, &json!({"type": 6})).await.status, 204);
    let note = json!({"content": "Cancelling", "flags": 64});
    assert_eq!(stage.json("POST", &stage.hook(&one, ""), &note).await.status, 200);
    let two = press();
    let update = json!({"type": 7, "data": {"content": "Cancelled · k7f2", "components": []}});
    let got = stage
        .send(
            stage
                .request("POST", &format!("/interactions/{}/{}/callback?with_response=true", two.id, two.token))
                .json(&update),
        )
        .await;
    assert_eq!((got.status, &got.body["resource"]["message"]["content"]), (200, &json!("Cancelled · k7f2")));
    let seen = "bot | Cancelled · k7f2\nonly ana sees | Cancelling\n";
    assert_eq!(stage.discord.transcript(stage.general), seen);
    assert!(stage.discord.press(stage.ana, id, "Cancel").is_err(), "the button is gone");
    stage.nothing_deviated();
}

#[tokio::test]
async fn suggestions_and_menus_reach_the_bot() {
    let stage = Stage::new().await;
    stage.registered().await;
    assert!(stage.discord.slash(stage.ana, stage.general, "run", &[]).is_err(), "an option is required");
    assert!(stage.discord.slash(stage.ana, stage.general, "jog", &[]).is_err());
    let typed = stage.discord.type_in(stage.ana, stage.general, "run", "worker", "de").unwrap();
    let asked = stage.discord.interaction(typed).unwrap();
    assert_eq!(stage.callback(&asked, &json!({"type": 5})).await.code(), (400, 50035));
    let choices = json!([{"name": "demo", "value": "demo"}]);
    assert_eq!(stage.callback(&asked, &json!({"type": 8, "data": {"choices": choices}})).await.status, 204);
    assert_eq!(stage.discord.interaction(typed).unwrap().choices, Some(choices));
    let many: Vec<Value> = (0..26).map(|at| json!({"name": "x", "value": at})).collect();
    let again = stage.discord.type_in(stage.ana, stage.general, "run", "worker", "d").unwrap();
    let again = stage.discord.interaction(again).unwrap();
    assert_eq!(stage.callback(&again, &json!({"type": 8, "data": {"choices": many}})).await.code(), (400, 50035));
    let said = stage.discord.say(stage.ana, stage.general, "hello").unwrap();
    let menu = stage.discord.message_command(stage.ana, said, "Cancel this job").unwrap();
    let menu = stage.discord.interaction(menu).unwrap();
    assert_eq!(
        stage.callback(&menu, &json!({"type": 4, "data": {"content": "nothing to cancel", "flags": 64}})).await.status,
        204
    );
    stage.nothing_deviated();
}
