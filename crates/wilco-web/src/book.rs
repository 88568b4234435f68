//! The shown messages: on the shelf first, then in a mirror from which the page is served.
//!
//! The mirror holds nothing that the shelf does not: a message enters it after the shelf took it, so
//! "visible" always means "still there after a restart" (requirements D2, D13).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;
use wilco_core::shelf::ShelfError;
use wilco_core::text::fingerprint;
use wilco_core::{Address, Shelf, Timestamp, WorkerId};

use crate::message::Message;

/// How many messages one conversation keeps.
pub(crate) const KEPT: usize = 500;
const PREFIX: &str = "message/";
const PAGE: u32 = 500;
/// Changes of one message keep their order; changes of others rarely wait for each other.
const LANES: usize = 16;

pub(crate) struct Book {
    shelf: Arc<dyn Shelf>,
    mirror: Mutex<Mirror>,
    lanes: [tokio::sync::Mutex<()>; LANES],
}

#[derive(Default)]
struct Mirror {
    last: i64,
    messages: BTreeMap<String, Arc<Message>>,
    /// Per conversation the ids by their place; the first is the oldest.
    places: BTreeMap<Address, BTreeMap<i64, String>>,
}

impl Mirror {
    /// Takes a message in, or a newer version of it, and answers which ones are too many now.
    fn install(&mut self, message: Arc<Message>) -> Vec<String> {
        if self.messages.get(&message.id).is_some_and(|known| known.rev >= message.rev) {
            return Vec::new();
        }
        self.last = self.last.max(message.order);
        let place = self.places.entry(message.address.clone()).or_default();
        place.insert(message.order, message.id.clone());
        self.messages.insert(message.id.clone(), message);
        let mut surplus = Vec::new();
        while place.len() > KEPT {
            if let Some((_, id)) = place.pop_first() {
                self.messages.remove(&id);
                surplus.push(id);
            }
        }
        surplus
    }
}

impl Book {
    pub(crate) fn new(shelf: Arc<dyn Shelf>) -> Self {
        Self { shelf, mirror: Mutex::default(), lanes: std::array::from_fn(|_| tokio::sync::Mutex::new(())) }
    }

    fn mirror(&self) -> MutexGuard<'_, Mirror> {
        // Every change under this lock is a few map operations; a panic between them leaves maps that
        // at worst miss one message, which the next load brings back.
        self.mirror.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lane(&self, id: &str) -> &tokio::sync::Mutex<()> {
        let lanes = u64::try_from(LANES).unwrap_or(1);
        &self.lanes[usize::try_from(fingerprint(id) % lanes).unwrap_or(0)]
    }

    /// Reads everything back from the shelf; answers how many messages there are.
    pub(crate) async fn load(&self) -> Result<usize, ShelfError> {
        let mut after: Option<String> = None;
        let mut surplus = Vec::new();
        let mut all = Vec::new();
        loop {
            let rows = self.shelf.scan(PREFIX, after.as_deref(), PAGE).await?;
            let Some((last, _)) = rows.last() else { break };
            after = Some(last.clone());
            for (key, row) in rows {
                match serde_json::from_str::<Message>(&row) {
                    Ok(message) => all.push(message),
                    // The row stays where it is for whoever looks into it; people see the others.
                    Err(error) => warn!(key, %error, "web: a stored message cannot be read and is not shown"),
                }
            }
        }
        // Keys do not sort by time, so the oldest of a full conversation are known only now.
        all.sort_by_key(|message| message.order);
        {
            let mut mirror = self.mirror();
            for message in all {
                surplus.extend(mirror.install(Arc::new(message)));
            }
        }
        self.discard(surplus).await;
        Ok(self.mirror().messages.len())
    }

    /// The message with an id, from the shelf when the mirror does not have it: a call that was cut off
    /// may have stored it without anybody learning of it.
    pub(crate) async fn look(&self, id: &str) -> Result<Option<Arc<Message>>, ShelfError> {
        if let Some(known) = self.get(id) {
            return Ok(Some(known));
        }
        let Some(row) = self.shelf.get(&key(id)).await? else { return Ok(None) };
        match serde_json::from_str::<Message>(&row) {
            Ok(message) => {
                let message = Arc::new(message);
                let surplus = self.mirror().install(message.clone());
                self.discard(surplus).await;
                Ok(Some(message))
            }
            Err(error) => {
                warn!(message = id, %error, "web: a stored message cannot be read");
                Ok(None)
            }
        }
    }

    /// Stores a message unless one with its id is there; answers the one that is there now and whether
    /// this call brought it. Its `order` is given here.
    pub(crate) async fn create(&self, mut draft: Message, now: Timestamp) -> Result<(Arc<Message>, bool), ShelfError> {
        let _turn = self.lane(&draft.id).lock().await;
        if let Some(known) = self.get(&draft.id) {
            return Ok((known, false));
        }
        draft.order = {
            let mut mirror = self.mirror();
            mirror.last = mirror.last.saturating_add(1).max(now.0);
            mirror.last
        };
        let row = encode(&draft)?;
        if !self.shelf.put_new(&key(&draft.id), &row).await? {
            if let Some(known) = self.look(&draft.id).await? {
                return Ok((known, true));
            }
            // What stands there cannot be read, so nobody can see it; this create carries the same.
            self.shelf.put(&key(&draft.id), &row).await?;
        }
        let message = Arc::new(draft);
        let surplus = self.mirror().install(message.clone());
        self.discard(surplus).await;
        Ok((message, true))
    }

    /// Changes a message; none when it does not exist (any more).
    pub(crate) async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Message) + Send,
    ) -> Result<Option<Arc<Message>>, ShelfError> {
        let _turn = self.lane(id).lock().await;
        let Some(known) = self.look(id).await? else { return Ok(None) };
        let mut changed = Message::clone(&known);
        change(&mut changed);
        changed.rev += 1;
        self.shelf.put(&key(id), &encode(&changed)?).await?;
        let changed = Arc::new(changed);
        let surplus = self.mirror().install(changed.clone());
        self.discard(surplus).await;
        Ok(Some(changed))
    }

    /// The message with an id, as far as the mirror knows.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Message>> {
        self.mirror().messages.get(id).cloned()
    }

    /// The messages of one conversation, oldest first.
    pub(crate) fn list(&self, address: &Address) -> Vec<Arc<Message>> {
        let mirror = self.mirror();
        let Some(place) = mirror.places.get(address) else { return Vec::new() };
        place.values().filter_map(|id| mirror.messages.get(id).cloned()).collect()
    }

    /// Whether a message about a worker stands in one of these conversations.
    pub(crate) fn shows(&self, worker: &WorkerId, among: &[Address]) -> bool {
        let mirror = self.mirror();
        among.iter().filter_map(|address| mirror.places.get(address)).any(|place| {
            // Notices come while a job is open, and its message is then among the newest.
            place.values().rev().filter_map(|id| mirror.messages.get(id)).any(|at| at.worker.as_ref() == Some(worker))
        })
    }

    /// Removes what the conversation no longer keeps. A failure is told and mended by the next load,
    /// which finds the same message surplus again.
    async fn discard(&self, surplus: Vec<String>) {
        for id in surplus {
            if let Err(error) = self.shelf.remove(&key(&id)).await {
                warn!(message = id, %error, "web: an old message was not removed; the next start tries again");
            }
        }
    }
}

fn key(id: &str) -> String {
    format!("{PREFIX}{id}")
}

fn encode(message: &Message) -> Result<String, ShelfError> {
    serde_json::to_string(message).map_err(|error| ShelfError(format!("the message cannot be written down: {error}")))
}
