//! Notes that say *Heard* and wait for the store. Each is kept with its due time until it says what became of it, so
//! that none stays as it is for ever: not after a restart, and not when Discord is hard to reach.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, info, warn};
use wilco_core::{Reply, Timestamp, wording};

use super::answer::{Asked, Later, TOKEN_LIFE};
use super::note::{self, Shown};
use crate::discord::Discord;
use crate::options::Secret;
use crate::seal;
use crate::snowflake::Snowflake;
use crate::time::within;

/// Before the key of a note on the shelf.
const KEY: &str = "note:";
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Rows of one look at the shelf.
const ROWS: u32 = 500;
/// How long the store gets to keep last words before they are given all the same.
const WORDS_KEPT: Duration = Duration::from_secs(2);

/// The notes that this process is about to resolve itself.
#[derive(Default)]
pub(crate) struct Notes(Mutex<BTreeSet<Snowflake>>);

impl Notes {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeSet<Snowflake>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A note as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    application: Snowflake,
    /// The token, sealed: it is a secret for as long as it works.
    token: String,
    /// When it has to be resolved.
    due: Timestamp,
    /// Its last words, once they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<Reply>,
}

fn key(id: Snowflake) -> String {
    format!("{KEY}{id}")
}

/// When an interaction can be answered no more.
pub(crate) fn due(id: Snowflake) -> Timestamp {
    id.made().plus(TOKEN_LIFE)
}

impl Discord {
    /// Keeps a note until it is forgotten; answers whether it is kept. A note that is not is resolved by this process
    /// or by none.
    pub(crate) async fn keep_note(&self, asked: &Asked) -> bool {
        self.ears.notes.with(|notes| notes.insert(asked.id));
        self.store_note(asked, None).await
    }

    /// Keeps the last words of a note before they are given: a process that dies while it gives them leaves them to the
    /// next one, which would otherwise say that nobody knows.
    pub(crate) async fn keep_words(&self, asked: &Asked, words: &Reply) {
        if within(&*self.clock, WORDS_KEPT, self.store_note(asked, Some(words.clone()))).await.is_none() {
            debug!(interaction = %asked.id, "discord: the last words of a note are kept in memory alone");
        }
    }

    async fn store_note(&self, asked: &Asked, words: Option<Reply>) -> bool {
        let Some(token) = seal::seal(&self.options.token, asked.id, asked.token.expose()) else {
            warn!(interaction = %asked.id, "discord: a token could not be sealed; its note is kept in memory alone");
            return false;
        };
        let kept = Kept { application: asked.application, token, due: due(asked.id), words };
        let Ok(text) = serde_json::to_string(&kept) else { return false };
        let put = self.shelf.put(&key(asked.id), &text).await;
        put.inspect_err(|why| debug!(%why, "discord: a note is kept in memory alone")).is_ok()
    }

    /// Gives a note its last words, as often as it takes until its token dies; a note that cannot have them is taken
    /// away.
    pub(crate) async fn resolve(&self, asked: &Asked, reply: &Reply) {
        let bodies = note::bodies(reply, &asked.id.to_string(), Shown::Privately);
        let mut bodies = bodies.iter();
        let mut pause = Duration::from_secs(1);
        let mut removing = false;
        if let Some(first) = bodies.next() {
            while self.clock.now() < due(asked.id) {
                let became =
                    if removing { self.take_answer_away(asked).await } else { self.answer_again(asked, first).await };
                let wait = match became {
                    Later::Done => {
                        for further in bodies.by_ref().filter(|_| !removing) {
                            if self.answer_further(asked, further).await != Later::Done {
                                warn!(interaction = %asked.id, "discord: a private answer is not complete");
                                break;
                            }
                        }
                        break;
                    }
                    Later::Dead => break,
                    Later::Refused if removing => break,
                    Later::Refused => {
                        removing = true;
                        continue;
                    }
                    Later::Again(wait) => wait.max(pause),
                };
                pause = (pause * 2).min(LONGEST_PAUSE);
                self.clock.sleep_until(self.clock.monotonic() + wait).await;
            }
        }
    }

    /// Forgets a note that is done.
    pub(crate) async fn forget_note(&self, id: Snowflake) {
        match self.shelf.remove(&key(id)).await {
            // Not before: whoever looks at the shelf meanwhile must not take it for one that was left behind.
            Ok(()) => drop(self.ears.notes.with(|notes| notes.remove(&id))),
            // This process leaves it alone. The next one gives it the words that are kept with it, or finds its token dead.
            Err(why) => debug!(%why, "discord: a note that is done stays on the shelf for now"),
        }
    }

    /// Takes up what a process before this one left behind: each note gets the words that were meant for it, or says that
    /// nobody knows, or is past its time and forgotten.
    pub(crate) async fn take_up_notes(self: &Arc<Self>) {
        let mut rows: Vec<(String, String)> = Vec::new();
        loop {
            match self.shelf.scan(KEY, rows.last().map(|(key, _)| key.as_str()), ROWS).await {
                Ok(next) if next.is_empty() => break,
                Ok(next) => rows.extend(next),
                Err(why) => {
                    warn!(%why, "discord: notes of before are not looked at");
                    return;
                }
            }
        }
        for (key, text) in rows {
            let Some(id) = key.strip_prefix(KEY).and_then(|id| id.parse::<Snowflake>().ok()) else { continue };
            if self.ears.notes.with(|notes| notes.contains(&id)) {
                continue;
            }
            let kept = serde_json::from_str::<Kept>(&text).ok().filter(|kept| self.clock.now() < kept.due);
            let asked = kept.and_then(|kept| {
                let token = seal::open(&self.options.token, id, &kept.token)?;
                let asked = Asked { id, application: kept.application, token: Secret::new(token) };
                Some((asked, kept.words.unwrap_or_else(wording::heard_and_lost)))
            });
            let Some((asked, words)) = asked else {
                self.forget_note(id).await;
                continue;
            };
            info!(interaction = %id, "discord: a note of before the restart gets its last words");
            self.ears.notes.with(|notes| notes.insert(id));
            let discord = Arc::clone(self);
            self.ears.tasks.spawn(async move {
                discord.resolve(&asked, &words).await;
                discord.forget_note(asked.id).await;
            });
        }
    }
}
