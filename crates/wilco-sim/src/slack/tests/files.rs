//! Uploads, and the status line of threads.

use serde_json::json;

use super::Stage;

#[tokio::test]
async fn a_file_is_uploaded_completed_and_put_under_a_message() {
    let stage = Stage::new().await;
    let ts = stage.say("File · k7f2 · a.txt (3 B)").await.ts();
    let begun = stage.form("files.getUploadURLExternal", &[("filename", "a.txt"), ("length", "3")]).await;
    let (url, id) = (begun.body["upload_url"].as_str().unwrap(), begun.body["file_id"].clone());
    let update = json!({"channel": stage.general, "ts": ts, "text": "File · k7f2", "file_ids": [id]});
    assert_eq!(stage.json("chat.update", &update).await.error(), "file_not_found", "it was not completed");
    let complete = json!({"files": [{"id": id, "title": "a.txt"}]});
    assert_eq!(stage.json("files.completeUploadExternal", &complete).await.error(), "file_not_found");
    let sent = stage.send(stage.client.post(url).body("one")).await;
    assert_eq!((sent.status, sent.body), (200, json!("OK - 3")));
    let done = stage.json("files.completeUploadExternal", &complete).await;
    assert_eq!(done.body["files"][0]["size"], 3);
    assert_eq!(stage.json("files.completeUploadExternal", &complete).await.error(), "ok", "it may be repeated");
    assert_eq!(stage.slack.snapshot().len(), 1, "completing without a channel shows nothing");
    let changed = stage.json("chat.update", &update).await;
    assert_eq!(changed.body["message"]["files"][0]["name"], "a.txt");
    assert_eq!(stage.slack.transcript(&stage.general), "bot | File · k7f2\n      (file a.txt, 3 B)\n");
    let address = changed.body["message"]["files"][0]["url_private"].as_str().unwrap();
    let read = stage.client.get(address).bearer_auth(stage.slack.token(&stage.team));
    assert_eq!(stage.send(read).await.body, json!("one"));
    assert_eq!(stage.send(stage.client.get(address)).await.status, 404, "only with the token");
    stage.nothing_deviated();
}

#[tokio::test]
async fn the_status_of_a_thread_stands_until_the_bot_speaks_or_two_minutes_have_passed() {
    let stage = Stage::new().await;
    let root = stage.slack.say(&stage.ana, &stage.general, "hello").unwrap();
    let status = json!({"channel_id": stage.general, "thread_ts": root, "status": "is working…"});
    assert_eq!(stage.json("assistant.threads.setStatus", &status).await.error(), "ok");
    assert_eq!(stage.slack.transcript(&stage.general), "ana | hello\n  … is working…\n");
    let body = json!({"channel": stage.general, "thread_ts": root, "text": "here"});
    assert_eq!(stage.json("chat.postMessage", &body).await.error(), "ok");
    assert_eq!(stage.slack.transcript(&stage.general), "ana | hello\n  bot | here\n");
    assert_eq!(stage.json("assistant.threads.setStatus", &status).await.error(), "ok");
    stage.pass(119);
    assert!(stage.slack.transcript(&stage.general).ends_with("… is working…\n"));
    stage.pass(1);
    assert_eq!(stage.slack.transcript(&stage.general), "ana | hello\n  bot | here\n", "nothing came for two minutes");
    stage.nothing_deviated();
}
