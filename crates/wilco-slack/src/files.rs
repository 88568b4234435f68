//! Files, by the external upload flow (Slack, "Working with files"): ask for an address, send the bytes there, say that
//! it is done. The last step names no channel, so nothing is shown by it and it may be repeated; the file becomes
//! visible by the edit that names its id. However long that takes, no delivery waits for it: `uploads.rs`.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};
use wilco_core::{Cause, Envelope, FileRef, NotSurfaced};

use crate::blocks;
use crate::outcome::{Called, is_doubtful, lacks_a_right, settle};
use crate::rest::{Answer, Call, Lane, Method};
use crate::slack::Slack;
use crate::socket::within;

/// So often the last step is said when its answer is in doubt.
const TRIES: usize = 3;
/// How long a delivery waits for its file. It has 15 s, and the edit that shows the file needs some of them.
const WAITS: Duration = Duration::from_secs(10);

impl Slack {
    /// The id of the file of an envelope, which Slack has whole when this returns.
    ///
    /// An edit that is repeated names the same file: one that was sent before and may be shown already is not sent
    /// again by this process.
    ///
    /// # Errors
    /// The file is too large, not there any more, or not wanted; it could not be sent now, or is still being sent. Nothing
    /// is shown.
    pub(crate) async fn file(&self, envelope: &Envelope) -> Result<Option<String>, NotSurfaced> {
        let Some(file) = envelope.body.file.as_ref() else { return Ok(None) };
        let name = upload_name(envelope, file);
        let (mut sent, begins) = self.mouth.uploads.of(&name);
        if let Some(tell) = begins
            && let Some(slack) = self.shared()
        {
            // A task of its own: a delivery that is given up must not give up what is half sent.
            let (file, lane) = (file.clone(), crate::message::lane(envelope.kind));
            tokio::spawn(async move {
                tell.send_replace(Some(slack.send(&file, lane).await));
            });
        }
        let over = async { sent.wait_for(Option::is_some).await.ok().and_then(|known| known.clone()) };
        let again = |code: &str, words: &str| NotSurfaced::Retry(Cause::new(code, words));
        match within(&*self.clock, WAITS, over).await {
            None => Err(again("upload_under_way", "the file is still being sent")),
            Some(Some(Ok(id))) => Ok(Some(id)),
            Some(failed) => {
                self.mouth.uploads.forget(&name);
                // Without a word the task has ended by itself.
                failed.unwrap_or_else(|| Err(again("upload_ended", "sending the file has ended too early"))).map(Some)
            }
        }
    }

    /// Forgets the upload of an envelope, so that the next edit sends the file anew.
    pub(crate) fn forget_file(&self, envelope: &Envelope) {
        if let Some(file) = envelope.body.file.as_ref() {
            self.mouth.uploads.forget(&upload_name(envelope, file));
        }
    }

    async fn bytes(&self, file: &FileRef) -> Result<Vec<u8>, NotSurfaced> {
        let most = self.limits.file;
        let too_large = || NotSurfaced::Reshape(Cause::new("file_too_large", format!("more than {most} bytes")));
        if file.size > most {
            return Err(too_large());
        }
        let unreadable = |error: std::io::Error| {
            let cause = Cause::new("file_unreadable", format!("{}: {error}", file.name));
            // It will not come back; its message says where the result is kept.
            let lost = [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::IsADirectory];
            if lost.contains(&error.kind()) { NotSurfaced::Reshape(cause) } else { NotSurfaced::Retry(cause) }
        };
        // What was noted when the file was stored need not be true any more.
        if tokio::fs::metadata(&file.path).await.map_err(unreadable)?.len() > most {
            return Err(too_large());
        }
        let bytes = tokio::fs::read(&file.path).await.map_err(unreadable)?;
        if bytes.is_empty() {
            // Slack refuses files without content.
            return Err(NotSurfaced::Reshape(Cause::new("file_empty", format!("{} is empty", file.name))));
        }
        Ok(bytes)
    }

    async fn send(&self, file: &FileRef, lane: Lane) -> Result<String, NotSurfaced> {
        // Nothing ever closes it.
        let _room = self.mouth.uploads.room.acquire().await.ok();
        let bytes = self.bytes(file).await?;
        let called = Called { lane, ..Called::LIGHT };
        let name = if file.name.trim().is_empty() { "file" } else { file.name.as_str() };
        let ask = Call::new(Method::UploadUrl, lane).with("filename", name).with("length", bytes.len());
        let body = sent(self.rest.call(ask).await, called)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let (Some(address), Some(id)) = (text("upload_url"), text("file_id")) else {
            return Err(NotSurfaced::Retry(Cause::new("unreadable_answer", "Slack names no place for the file")));
        };
        settle(self.rest.upload(address, bytes).await, called)?;
        let done = Call::new(Method::CompleteUpload, lane).with("files", json!([{"id": id, "title": name}]));
        let mut answer = self.rest.call(done.clone()).await;
        for _ in 1..TRIES {
            // It shows nothing, so saying it again does no harm.
            if !is_in_doubt(&answer) {
                break;
            }
            answer = self.rest.call(done.clone()).await;
            if answer.code() == Some("file_not_found") {
                // What was said before may have been heard, and Slack does not say what it answers then. The edit that
                // names the file learns whether it is there.
                return Ok(id.to_owned());
            }
        }
        sent(answer, called)?;
        Ok(id.to_owned())
    }
}

/// Whether a step may have been done although nobody said so.
fn is_in_doubt(answer: &Answer) -> bool {
    match answer {
        Answer::Unknown(_) => true,
        Answer::Refused(refusal) => is_doubtful(refusal),
        Answer::Done(_) | Answer::Held { .. } | Answer::NotSent(_) => false,
    }
}

/// What became of a step. An app that may send no files (the scope `files:write` is missing) will not be let in by
/// waiting: its message says where it is kept.
fn sent(answer: Answer, called: Called) -> Result<Value, NotSurfaced> {
    let lacks = lacks_a_right(&answer);
    settle(answer, called).map_err(|why| match why.cause().cloned() {
        Some(cause) if lacks => NotSurfaced::Reshape(cause),
        Some(_) | None => why,
    })
}

/// What tells one upload from another: the message that it is for, and what is in it.
fn upload_name(envelope: &Envelope, file: &FileRef) -> String {
    format!("{}|{}|{}|{}", blocks::mark(&envelope.key), file.path.display(), file.size, file.name)
}
