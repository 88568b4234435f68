//! What people see, and what tests count.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn a_transcript_folds_edits_names_persons_and_marks_duplicates() {
    let stage = Stage::new().await;
    let bot = stage.slack.bot(&stage.team);
    let asked = stage.slack.say(&stage.ana, &stage.general, &format!("<@{bot}> run demo")).unwrap();
    let button =
        json!({"type": "button", "text": {"type": "plain_text", "text": "Cancel"}, "action_id": "x", "value": "1"});
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*On it* · demo · k7f2"}},
        {"type": "actions", "elements": [button]},
    ]);
    let body = json!({"channel": stage.general, "text": "On it", "blocks": blocks, "thread_ts": asked});
    let ts = stage.json("chat.postMessage", &body).await.ts();
    assert_eq!(
        stage.slack.transcript(&stage.general),
        "ana | @wilco run demo\n  bot | *On it* · demo · k7f2\n        [Cancel]\n"
    );
    let done =
        json!({"channel": stage.general, "ts": ts, "text": "Done · k7f2 · 1s\na &lt; b <https://example.org|there>"});
    assert_eq!(stage.json("chat.update", &done).await.error(), "ok");
    let again =
        json!({"channel": stage.general, "text": "Done · k7f2 · 2s", "thread_ts": asked, "unfurl_media": false});
    assert_eq!(stage.json("chat.postMessage", &again).await.error(), "ok");
    let ping =
        json!({"channel": stage.general, "text": format!("<@{}> <!here> done", stage.ana), "unfurl_media": false});
    let ping = stage.json("chat.postMessage", &ping).await.ts();
    stage.slack.react(&stage.ana, ping, "eyes");
    let gone = stage.say("oops").await.ts();
    stage.slack.delete(gone);
    let seen = "ana | @wilco run demo\n\
                \x20 bot | Done · k7f2 · 1s\n\
                \x20       a < b there\n\
                \x20       (preview of https://example.org)\n\
                \x20 bot | Done · k7f2 · 2s\n\
                \x20       ‼ duplicate\n\
                bot | @ana @here done\n\
                \x20     :eyes:\n\
                \x20     ‼ notifies everybody\n\
                bot | — deleted —\n";
    assert_eq!(stage.slack.transcript(&stage.general), seen);
    assert!(stage.slack.transcript_with_edits(&stage.general).contains("a < b there (edited 1×)"));
    assert_eq!(stage.slack.duplicates().len(), 1);
    let shown = stage.slack.snapshot();
    assert_eq!(shown.iter().find(|one| one.ts == ping).unwrap().notifies, ["ana"]);
    assert_eq!(stage.slack.whole_transcript(), format!("# general\n{seen}"));
    stage.nothing_deviated();
}

#[tokio::test]
async fn the_control_over_http_acts_and_looks() {
    let stage = Stage::new().await;
    let base = stage.slack.base();
    let order = async |order: serde_json::Value| {
        let got = stage.client.post(format!("{base}/control")).json(&order).send().await.unwrap();
        (got.status().as_u16(), got.text().await.unwrap())
    };
    let (status, said) = order(json!({"order": "say", "person": "bo", "channel": "general", "text": "hello"})).await;
    assert_eq!(status, 200, "{said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let answer = json!({"order": "say", "person": "ana", "channel": "general", "text": "yes", "under": said["id"]});
    assert_eq!(order(answer).await.0, 200);
    assert_eq!(order(json!({"order": "say", "person": "ana", "channel": "@ana", "text": "psst"})).await.0, 200);
    let (status, why) = order(json!({"order": "say", "person": "eve", "channel": "general", "text": "x"})).await;
    assert_eq!((status, why.as_str()), (409, "there is no person `eve`"));
    let look = async |path: &str| {
        stage.client.get(format!("{base}/control/{path}")).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(look("transcript").await, "# general\nbo | hello\n  ana | yes\n\n# @ana\nana | psst\n");
    assert_eq!(look("transcript?channel=general").await, "bo | hello\n  ana | yes\n");
    assert_eq!(look("deviations").await, "[]");
    let counts: serde_json::Value = serde_json::from_str(&look("counts").await).unwrap();
    assert_eq!(counts["socket"]["connections"], 0);
    let shown: Vec<crate::slack::Shown> = serde_json::from_str(&look("snapshot").await).unwrap();
    assert_eq!(shown, stage.slack.snapshot());
    assert_eq!(look("log?after=0").await, "[]");
}
