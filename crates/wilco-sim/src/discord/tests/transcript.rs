//! What people see, and what tests count.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn a_transcript_folds_edits_names_persons_and_marks_duplicates() {
    let stage = Stage::new().await;
    let asked = stage.discord.say(stage.ana, stage.general, &format!("<@{}> run demo", stage.discord.bot())).unwrap();
    let row = json!([{"type": 1, "components": [{"type": 2, "style": 1, "label": "Cancel", "custom_id": "x:1"}]}]);
    let reference = json!({"message_id": asked.to_string(), "fail_if_not_exists": false});
    let body = json!({"content": "On it · demo · k7f2", "components": row, "message_reference": reference});
    let id = stage.post(&body).await.id();
    let path = format!("{}/{id}", stage.messages());
    let done = json!({"content": "Done · k7f2 · 1s\nsee https://example.org", "components": []});
    assert_eq!(stage.send(stage.form("PATCH", &path, &done, &[("a.txt", "one")])).await.status, 200);
    stage.post(&json!({"content": format!("<@{}> done: demo (k7f2)", stage.ana)})).await;
    let again = stage.post(&json!({"content": "Done · k7f2 · 2s", "flags": 4})).await.id();
    stage.discord.react(stage.ana, again, "👀");
    let gone = stage.post(&json!({"content": "oops"})).await.id();
    stage.discord.delete(gone);
    let seen = "ana | @wilco run demo\n\
                bot | ↳ Done · k7f2 · 1s\n\
                \x20     see https://example.org\n\
                \x20     (preview of https://example.org)\n\
                \x20     (file a.txt, 3 B)\n\
                bot | @ana done: demo (k7f2)\n\
                bot | Done · k7f2 · 2s\n\
                \x20     👀\n\
                \x20     ‼ duplicate\n\
                bot | — deleted —\n";
    assert_eq!(stage.discord.transcript(stage.general), seen);
    assert!(stage.discord.transcript_with_edits(stage.general).contains("see https://example.org (edited 1×)"));
    let pairs = stage.discord.duplicates();
    assert_eq!(pairs.iter().map(|(one, two)| (one.id, two.id)).collect::<Vec<_>>(), [(id, again)]);
    assert_eq!(stage.discord.whole_transcript(), format!("# general\n{seen}"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn the_control_over_http_acts_and_looks() {
    let stage = Stage::new().await;
    let base = stage.discord.base();
    let order = async |order: serde_json::Value| {
        let got = stage.client.post(format!("{base}/control")).json(&order).send().await.unwrap();
        (got.status().as_u16(), got.text().await.unwrap())
    };
    let (status, said) = order(json!({"order": "say", "person": "bo", "channel": "general", "text": "hello"})).await;
    assert_eq!(status, 200);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let thread =
        json!({"order": "start_thread", "person": "bo", "channel": "general", "under": said["id"], "name": "talk"});
    assert_eq!(order(thread).await.0, 200);
    assert_eq!(order(json!({"order": "say", "person": "ana", "channel": "talk", "text": "yes"})).await.0, 200);
    assert_eq!(order(json!({"order": "say", "person": "ana", "channel": "@ana", "text": "psst"})).await.0, 200);
    let (status, why) = order(json!({"order": "say", "person": "eve", "channel": "general", "text": "x"})).await;
    assert_eq!((status, why.as_str()), (409, "there is no person `eve`"));
    let look = async |path: &str| {
        stage.client.get(format!("{base}/control/{path}")).send().await.unwrap().text().await.unwrap()
    };
    let whole = "# general\nbo | hello\n\n# general / talk\nana | yes\n\n# @ana\nana | psst\n";
    assert_eq!(look("transcript").await, whole);
    assert_eq!(look("transcript?channel=talk").await, "ana | yes\n");
    assert_eq!(look("deviations").await, "[]");
    let counts: serde_json::Value = serde_json::from_str(&look("counts").await).unwrap();
    assert_eq!(counts["gateway"]["identifies"], 0);
    let shown: Vec<crate::discord::Shown> = serde_json::from_str(&look("snapshot").await).unwrap();
    assert_eq!(shown, stage.discord.snapshot());
    assert_eq!(look("log?after=0").await, "[]");
}
