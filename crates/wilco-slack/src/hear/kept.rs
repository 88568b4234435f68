//! What was acknowledged before it was stored. Slack does not bring it again, so it is kept on the shelf as it came,
//! until the inbox has it and the person has their answer; a process that dies meanwhile leaves it to the next one,
//! which hands it in under the same id.
//!
//! That holds for each kind. A command or a press cannot be found anywhere else. A message can be read from history, but
//! only where it is known that there is something to read. The row is written by the store that was too slow for the
//! event itself, so it may come too late for a process that is killed in that moment; *heard* promises nothing, and
//! *accepted* is said only when it is stored.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, info, warn};
use wilco_core::{Inbox, Reply, Timestamp};

use super::{Carries, Envelope};
use crate::payload::Written;
use crate::seal;
use crate::slack::{Slack, locked};

/// Before the key of what was heard, on the shelf.
const KEY: &str = "heard:";
/// What is older is not handed in any more: whoever asked for it has given it up or given it again.
pub(crate) const OLDEST: Duration = Duration::from_secs(24 * 3_600);
/// Rows of one look at the shelf.
const ROWS: u32 = 500;

/// What this process has heard and takes care of itself.
#[derive(Default)]
pub(crate) struct Heard(Mutex<BTreeSet<String>>);

/// Something as it is kept.
#[derive(Serialize, Deserialize)]
struct Row {
    /// The envelope, sealed: it holds the address for answers, which is a secret for as long as it works.
    envelope: String,
    /// When it was heard.
    at: Timestamp,
    /// Its answer, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<Reply>,
}

/// Something that was kept, as it is needed again.
pub(crate) struct Again {
    pub(crate) at: Timestamp,
    pub(crate) words: Option<Reply>,
}

impl Slack {
    /// Keeps something until it is forgotten; answers whether it is kept.
    pub(crate) async fn keep_heard(&self, id: &str, envelope: &Envelope) -> bool {
        self.store_heard(id, envelope, self.clock.now(), None).await
    }

    /// Keeps an answer before it is given: a process that dies while it gives it leaves it to the next one.
    pub(crate) async fn keep_words(&self, id: &str, envelope: &Envelope, at: Timestamp, words: &Reply) {
        self.store_heard(id, envelope, at, Some(words.clone())).await;
    }

    async fn store_heard(&self, id: &str, envelope: &Envelope, at: Timestamp, words: Option<Reply>) -> bool {
        locked(&self.ears.heard.0).insert(id.to_owned());
        let sealed = serde_json::to_string(envelope).ok();
        let sealed = sealed.and_then(|text| seal::seal(&self.options.bot_token, id, &text, &self.dice));
        let Some(envelope) = sealed else {
            warn!(%id, "slack: what was heard could not be sealed; it is kept in memory alone");
            return false;
        };
        let Ok(text) = serde_json::to_string(&Row { envelope, at, words }) else { return false };
        let put = self.shelf.put(&format!("{KEY}{id}"), &text).await;
        put.inspect_err(|why| debug!(%why, "slack: what was heard is kept in memory alone")).is_ok()
    }

    /// Forgets something that is done with.
    pub(crate) async fn forget_heard(&self, id: &str) {
        match self.shelf.remove(&format!("{KEY}{id}")).await {
            // Not before: whoever looks at the shelf meanwhile must not take it for something that was left behind.
            Ok(()) => drop(locked(&self.ears.heard.0).remove(id)),
            // This process leaves it alone. The next one hands it in under the same id, and the inbox knows it.
            Err(why) => debug!(%why, "slack: what is done with stays on the shelf for now"),
        }
    }

    /// Takes up what a process before this one has heard and not seen through.
    pub(crate) async fn take_up_heard(self: &Arc<Self>, inbox: &Arc<dyn Inbox>) {
        let mut rows: Vec<(String, String)> = Vec::new();
        loop {
            match self.shelf.scan(KEY, rows.last().map(|(key, _)| key.as_str()), ROWS).await {
                Ok(next) if next.is_empty() => break,
                Ok(next) => rows.extend(next),
                Err(why) => {
                    warn!(%why, "slack: what was heard before is not looked at");
                    return;
                }
            }
        }
        for (key, text) in rows {
            let Some(id) = key.strip_prefix(KEY) else { continue };
            if !locked(&self.ears.heard.0).insert(id.to_owned()) {
                continue;
            }
            let row = serde_json::from_str::<Row>(&text).ok();
            let row = row.filter(|row| self.clock.now().since(row.at) < OLDEST);
            let opened = row.and_then(|row| {
                let text = seal::open(&self.options.bot_token, id, &row.envelope)?;
                let envelope: Envelope = serde_json::from_str(&text).ok()?;
                Some((envelope, Again { at: row.at, words: row.words }))
            });
            let Some((envelope, again)) = opened else {
                warn!(event = %id, "slack: what was heard long ago, or with another token, is forgotten");
                self.forget_heard(id).await;
                continue;
            };
            info!(event = %id, "slack: what was heard before the restart is taken up");
            let (slack, inbox, id) = (Arc::clone(self), Arc::clone(inbox), id.to_owned());
            self.ears.tasks.spawn(async move { slack.hear_again(inbox, id, envelope, again).await });
        }
    }

    async fn hear_again(self: Arc<Self>, inbox: Arc<dyn Inbox>, id: String, envelope: Envelope, again: Again) {
        match envelope.carries {
            Carries::EventsApi => {
                let written = envelope.payload.get("event").and_then(|event| Written::deserialize(event).ok());
                if let Some(written) = written.filter(|written| self.is_for_us(written)) {
                    if let Some(words) = again.words {
                        self.tell_writer(&written, &words, again.at).await;
                        self.forget_heard(&id).await;
                        return;
                    }
                    let Some(fate) = self.take_written(&inbox, written, envelope, None) else { return };
                    if !fate.known().await || fate.owes_words() {
                        return;
                    }
                }
            }
            Carries::SlashCommands | Carries::Interactive => {
                self.hear_again_and_answer(inbox, &id, envelope, again).await
            }
        }
        self.forget_heard(&id).await;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wilco_core::random::Dice;
    use wilco_sim::clock::HandClock;

    use super::*;
    use crate::options::{Options, Secret};
    use wilco_sim::MemoryShelf;

    #[tokio::test]
    async fn what_is_kept_is_no_plain_text_of_a_row() {
        let (clock, shelf) = (HandClock::new(), Arc::new(MemoryShelf::default()));
        let options = Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1"));
        let slack = Slack::new(options, Arc::clone(&shelf) as Arc<_>, clock, Arc::new(Dice::seeded(1))).unwrap();
        let payload = json!({"text": "pair k7f2", "response_url": "https://hooks.slack.com/commands/1/2/hidden"});
        let envelope = Envelope { carries: Carries::SlashCommands, payload };
        assert!(slack.keep_heard("trigger:1", &envelope).await);
        let rows: Vec<String> = shelf.rows("").into_iter().map(|(_, value)| value).collect();
        assert_eq!(rows.len(), 1);
        assert!(!rows[0].contains("hidden") && !rows[0].contains("k7f2"), "{}", rows[0]);
        slack.forget_heard("trigger:1").await;
        assert!(shelf.rows("").is_empty());
        // A store that does not answer keeps nothing, and nobody is held up.
        shelf.refuse(true);
        assert!(!slack.keep_heard("trigger:1", &envelope).await);
        shelf.refuse(false);
        assert!(shelf.rows("").is_empty());
    }
}
