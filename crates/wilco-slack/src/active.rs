//! In which conversations and threads wilco is spoken to, and until when it has listened: what has to be known to find out
//! what was missed.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, warn};
use wilco_core::Timestamp;
use wilco_core::shelf::ShelfError;

use crate::history::SKEW;
use crate::place::Spot;
use crate::slack::{Slack, locked};
use crate::ts::Ts;

/// Before the key of a conversation on the shelf.
const KEY: &str = "seen:";
/// Stands between a channel and a thread in such a key; no id has one.
const BAR: char = '/';
/// Where it stands until when events were heard.
const ALIVE: &str = "socket:alive";
/// How often that is stored.
const EVERY: Duration = Duration::from_secs(60);
/// What may have been under way when it was stored, and by how much this machine's clock may be ahead of Slack's.
pub(crate) const MARGIN: Duration = Duration::from_secs(120).saturating_add(SKEW);
/// After so long without any sign of life from a socket something may have been missed, whatever state it seems to be in:
/// a machine that slept, or a network that took everything and brought nothing.
const DEAF: Duration = Duration::from_secs(60);
/// A conversation in which nobody spoke to wilco for so long is not looked at.
const QUIET: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How exactly it is known when wilco was last spoken to in a conversation.
const EXACTLY: Duration = Duration::from_secs(3_600);
/// How many conversations are known. Each thread in which somebody mentions the bot is one.
const MOST: usize = 20_000;
/// How often those are cleared away in which nobody speaks any more.
const PRUNED: Duration = Duration::from_secs(3_600);
/// Rows of one look at the shelf.
const ROWS: u32 = 500;
/// Of how many messages of a conversation it is remembered that they are done with.
const LATELY: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// The last message there that was handed in, or when wilco was first spoken to there.
    last: Ts,
    /// When wilco was last spoken to there, in threads of a channel as well; nearly.
    #[serde(default)]
    spoken: Ts,
    /// The newest messages there that are done with, in no order. What Slack brings again comes behind what was written
    /// after it, so that one older than the last may still be missing.
    #[serde(default)]
    lately: [Ts; LATELY],
    /// After which message it still has to be read; none when nothing is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<Ts>,
    /// Whether it is kept for that alone, because nobody has spoken to wilco there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    visited: bool,
}

impl Seen {
    /// Notes that a message is done with.
    fn done_with(&mut self, message: Ts) {
        if let Some(oldest) = self.lately.iter_mut().min().filter(|oldest| **oldest < message) {
            *oldest = message;
        }
    }

    /// Before which message nothing can be told from what is done with.
    fn floor(&self) -> Ts {
        self.lately.iter().copied().min().unwrap_or_default()
    }

    /// Until when something was going on there.
    fn used(&self) -> Ts {
        self.last.max(self.spoken)
    }
}

/// The conversations in which wilco is spoken to.
#[derive(Default)]
pub(crate) struct Active(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    loaded: bool,
    places: BTreeMap<String, Seen>,
    alive: Option<Timestamp>,
    /// When those that are quiet were cleared away, on the steady clock.
    pruned: Duration,
    /// When a socket last gave a sign of life, whether or not everything was handed in then.
    sign: Option<Timestamp>,
    stored: Option<Timestamp>,
    /// Whether the first socket ever is about to be opened, before which nothing was missed.
    first: bool,
    /// A gap is not read yet: until then nothing counts as heard.
    behind: bool,
}

impl Memory {
    /// Takes those out that nobody needs any more; their names. What still has to be read stays.
    fn prune(&mut self, now: Ts) -> Vec<String> {
        let mut idle: Vec<(Ts, &String)> = self
            .places
            .iter()
            .filter(|(_, seen)| seen.unread.is_none())
            .map(|(name, seen)| (seen.used(), name))
            .collect();
        idle.sort_unstable();
        let too_many = self.places.len().saturating_sub(MOST);
        let quiet = now.minus(QUIET);
        let out = idle.into_iter().enumerate().filter(|(at, (used, _))| *at < too_many || *used <= quiet);
        let out: Vec<String> = out.map(|(_, (_, name))| name.clone()).collect();
        for name in &out {
            self.places.remove(name);
        }
        out
    }
}

/// The name of a conversation: its channel, or its channel and its thread.
pub(crate) fn key(spot: &Spot) -> String {
    match &spot.thread {
        Some(thread) => format!("{}{BAR}{thread}", spot.channel),
        None => spot.channel.clone(),
    }
}

fn spot(key: &str) -> Spot {
    match key.split_once(BAR) {
        Some((channel, thread)) => Spot::new(channel, Some(thread)),
        None => Spot::new(key, None),
    }
}

impl Slack {
    /// Brings back what a process before this one knew.
    ///
    /// # Errors
    /// The store does not answer: what was missed is not known then.
    pub(crate) async fn load_active(&self) -> Result<(), ShelfError> {
        if locked(&self.ears.active.0).loaded {
            return Ok(());
        }
        let mut rows: Vec<(String, String)> = Vec::new();
        loop {
            let next = self.shelf.scan(KEY, rows.last().map(|(key, _)| key.as_str()), ROWS).await?;
            if next.is_empty() {
                break;
            }
            rows.extend(next);
        }
        let alive = self.shelf.get(ALIVE).await?.and_then(|text| text.parse().ok()).map(Timestamp);
        let quiet = Ts::of(self.clock.now().minus(QUIET));
        let (mut places, mut expired) = (BTreeMap::new(), Vec::new());
        for (row, text) in rows {
            let name = row.strip_prefix(KEY).unwrap_or_default();
            match serde_json::from_str::<Seen>(&text) {
                Ok(seen) if seen.used() > quiet => drop(places.insert(name.to_owned(), seen)),
                Ok(_) => expired.push(name.to_owned()),
                Err(why) => warn!(%row, %why,
                    "slack: what is stored of a conversation does not read; it stays where it is, and what was missed there \
                     is found only if the channel is read"),
            }
        }
        self.clear_away(expired);
        let mut memory = locked(&self.ears.active.0);
        memory.loaded = true;
        memory.alive = memory.alive.max(alive);
        memory.stored = alive;
        for (name, seen) in places {
            memory.places.entry(name).or_insert(seen);
        }
        Ok(())
    }

    /// Removes rows. Nobody is left unheard for what only takes room, so it is done beside; a place in which somebody
    /// speaks meanwhile is not removed.
    fn clear_away(&self, expired: Vec<String>) {
        if let Some(slack) = self.shared().filter(|_| !expired.is_empty()) {
            self.ears.tasks.spawn(async move {
                for name in expired {
                    if !locked(&slack.ears.active.0).places.contains_key(&name) {
                        slack.forget_place(&name).await;
                    }
                }
            });
        }
    }

    async fn forget_place(&self, name: &str) {
        locked(&self.ears.active.0).places.remove(name);
        if let Err(why) = self.shelf.remove(&format!("{KEY}{name}")).await {
            debug!(%why, "slack: a conversation that nobody speaks in stays on the shelf");
        }
    }

    /// Notes that wilco was spoken to somewhere. `handed_in` is the message that is done with; a command has none.
    pub(crate) async fn active_in(&self, spot: &Spot, handed_in: Option<Ts>) {
        self.note_active(key(spot), handed_in).await;
        if spot.thread.is_some() {
            // Answers in other threads of the channel are found by reading the channel.
            self.note_active(spot.channel.clone(), None).await;
        }
    }

    async fn note_active(&self, name: String, handed_in: Option<Ts>) {
        let (now, steady) = (Ts::of(self.clock.now()), self.clock.monotonic());
        let (changed, expired) = {
            let mut memory = locked(&self.ears.active.0);
            let known = memory.places.get(&name).copied();
            let last = match (known, handed_in) {
                // A command says nothing of the messages before it, which may still have to be read.
                (Some(known), None) => known.last,
                (None, None) => memory.alive.map_or(now, |alive| Ts::of(alive.minus(MARGIN))),
                (Some(known), Some(message)) => known.last.max(message),
                (None, Some(message)) => message,
            };
            // Where wilco is spoken to for the first time before everything that was missed is read, that is read as well.
            let missed = memory.alive.filter(|_| memory.behind).map(|alive| Ts::of(alive.minus(MARGIN)));
            let unread = known.map_or(missed, |known| known.unread);
            // Each is stored once, and a channel not with every message of its threads.
            let spoken = known.map(|known| known.used()).filter(|spoken| *spoken > now.minus(EXACTLY)).unwrap_or(now);
            let lately = known.map(|known| known.lately).unwrap_or_default();
            let mut seen = Seen { last, spoken, lately, unread, visited: false };
            if let Some(message) = handed_in.filter(|message| !seen.lately.contains(message)) {
                seen.done_with(message);
            }
            memory.places.insert(name.clone(), seen);
            let due = memory.places.len() > MOST || steady >= memory.pruned + PRUNED;
            if due {
                memory.pruned = steady;
            }
            ((known != Some(seen)).then_some(seen), if due { memory.prune(now) } else { Vec::new() })
        };
        self.clear_away(expired);
        if let Some(seen) = changed {
            self.store_seen(&name, &seen).await;
        }
    }

    async fn store_seen(&self, name: &str, seen: &Seen) {
        let Ok(text) = serde_json::to_string(seen) else { return };
        if let Err(why) = self.shelf.put(&format!("{KEY}{name}"), &text).await {
            debug!(%why, "slack: the last message of a conversation is kept in memory alone");
        }
    }

    /// Notes before the very first socket that from now on nothing may be missed, however soon the process dies.
    pub(crate) async fn begins_to_hear(&self) {
        let now = self.clock.now();
        let first = {
            let mut memory = locked(&self.ears.active.0);
            // What could not be looked up may stand there all the same.
            let first = memory.loaded && memory.alive.is_none();
            if first {
                (memory.alive, memory.stored, memory.first) = (Some(now), Some(now), true);
            }
            first
        };
        if first && let Err(why) = self.shelf.put_new(ALIVE, &now.0.to_string()).await {
            debug!(%why, "slack: when events were first heard is not stored");
        }
    }

    /// Notes a sign of life of a socket. Answers whether there was none for so long that something may have been missed.
    pub(crate) fn sign_of_life(&self) -> bool {
        let now = self.clock.now();
        let before = locked(&self.ears.active.0).sign.replace(now);
        before.is_some_and(|before| now.since(before) > DEAF)
    }

    /// Notes that events were heard until now. Answers whether that is to be stored.
    pub(crate) fn heard_until_now(&self) -> bool {
        let now = self.clock.now();
        // What waits to be handed in is not heard yet: a process that dies now leaves it to the next one.
        let nothing_waits = self.ears.waiting.is_none();
        let mut memory = locked(&self.ears.active.0);
        if memory.behind || !nothing_waits {
            return false;
        }
        memory.alive = Some(now);
        let due = memory.stored.is_none_or(|at| now.since(at) >= EVERY || at > now);
        if due {
            memory.stored = Some(now);
        }
        due
    }

    /// Stores until when events were heard.
    pub(crate) async fn store_alive(&self) {
        let Some(at) = locked(&self.ears.active.0).alive else { return };
        if let Err(why) = self.shelf.put(ALIVE, &at.0.to_string()).await {
            debug!(%why, "slack: until when events were heard is not stored; more is read again than is needed");
        }
    }

    /// Since when was missed what was said, now that a socket is there and none was; none at the very first.
    pub(crate) fn deaf_since(&self) -> Option<Ts> {
        let mut memory = locked(&self.ears.active.0);
        let first = std::mem::take(&mut memory.first);
        let alive = memory.alive.filter(|_| !first)?;
        memory.behind = true;
        Some(Ts::of(alive.minus(MARGIN)))
    }

    /// Where something may have been missed, and after which message, in conversations in which wilco is spoken to: those
    /// last spoken in first, and nothing older than `oldest`.
    pub(crate) fn missed(&self, since: Ts, oldest: Ts) -> Vec<(Spot, Ts)> {
        let mut memory = locked(&self.ears.active.0);
        let mut all: Vec<(&String, &mut Seen)> = memory.places.iter_mut().collect();
        all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.used()));
        let missed = all.into_iter().map(|(name, seen)| {
            let after = seen.unread.map_or(since.max(seen.floor()), |unread| unread.max(oldest));
            seen.unread = Some(after);
            (spot(name), after)
        });
        missed.collect()
    }

    /// Whether a message is done with, as far as that is known.
    pub(crate) fn is_done_with(&self, spot: &Spot, message: Ts) -> bool {
        let memory = locked(&self.ears.active.0);
        memory.places.get(&key(spot)).is_some_and(|seen| seen.lately.contains(&message))
    }

    /// Notes that everything was read.
    pub(crate) fn caught_up(&self) {
        locked(&self.ears.active.0).behind = false;
    }

    /// Notes that a conversation cannot be read any more.
    pub(crate) async fn not_active_in(&self, spot: &Spot) {
        self.forget_place(&key(spot)).await;
    }

    /// Notes from where a conversation has to be read; none when nothing is missing any more.
    pub(crate) async fn mark(&self, spot: &Spot, unread: Option<Ts>) {
        let name = key(spot);
        let seen = {
            let mut memory = locked(&self.ears.active.0);
            memory.places.get_mut(&name).map(|seen| {
                seen.unread = unread;
                *seen
            })
        };
        match seen {
            Some(seen) if seen.visited && unread.is_none() => self.forget_place(&name).await,
            Some(seen) => self.store_seen(&name, &seen).await,
            None => {}
        }
    }

    /// Notes that a thread has to be read, in which perhaps nobody has ever spoken to wilco.
    pub(crate) async fn visit(&self, thread: &Spot, after: Ts) {
        let name = key(thread);
        let seen = {
            let lately = Default::default();
            let new = Seen { last: after, spoken: Ts::default(), lately, unread: None, visited: true };
            let mut memory = locked(&self.ears.active.0);
            let seen = memory.places.entry(name.clone()).or_insert(new);
            seen.unread = Some(after);
            *seen
        };
        self.store_seen(&name, &seen).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wilco_core::random::Dice;
    use wilco_sim::clock::HandClock;

    use super::*;
    use crate::options::{Options, Secret};
    use wilco_sim::MemoryShelf;

    fn process(shelf: &Arc<MemoryShelf>, clock: &Arc<HandClock>) -> Arc<Slack> {
        let options = Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1"));
        let (shelf, clock) = (Arc::clone(shelf) as Arc<_>, Arc::clone(clock) as Arc<_>);
        Slack::new(options, shelf, clock, Arc::new(Dice::seeded(1))).unwrap()
    }

    const DAY: Duration = Duration::from_secs(24 * 3_600);

    fn missed(slack: &Slack) -> Vec<(String, Ts)> {
        let oldest = Ts::of(slack.clock.now().minus(DAY));
        let Some(since) = slack.deaf_since() else { return Vec::new() };
        slack.missed(since.max(oldest), oldest).iter().map(|(spot, after)| (key(spot), *after)).collect()
    }

    #[tokio::test]
    async fn a_gap_begins_where_hearing_ended_and_stays_open_until_it_is_read() {
        let (clock, shelf) = (HandClock::new(), Arc::<MemoryShelf>::default());
        let first = process(&shelf, &clock);
        first.load_active().await.unwrap();
        first.begins_to_hear().await;
        let begin = Ts::of(HandClock::BEGIN);
        first.active_in(&Spot::new("C1", None), Some(begin)).await;
        assert!(missed(&first).is_empty(), "before the first socket nothing was missed");
        first.active_in(&Spot::new("C2", Some("1749999000.000100")), Some(begin)).await;
        clock.advance(Duration::from_secs(600));
        assert!(first.heard_until_now());
        first.store_alive().await;

        let second = process(&shelf, &clock);
        clock.advance(Duration::from_secs(3_600));
        second.load_active().await.unwrap();
        second.begins_to_hear().await;
        let since = Ts::of(HandClock::BEGIN.plus(Duration::from_secs(600)).minus(MARGIN));
        let mut all = missed(&second);
        all.sort();
        assert_eq!(all, [("C1".into(), since), ("C2".into(), since), ("C2/1749999000.000100".into(), since)]);
        assert!(!second.heard_until_now(), "until it is read nothing counts as heard");
        for (name, after) in &all {
            second.mark(&spot(name), Some(*after)).await;
        }
        // What is handed in meanwhile hides nothing of it from the next process.
        second.active_in(&Spot::new("C1", None), Some(Ts::of(clock_now(&clock)))).await;
        let third = process(&shelf, &clock);
        third.load_active().await.unwrap();
        assert!(missed(&third).contains(&("C1".to_owned(), since)));
    }

    fn clock_now(clock: &HandClock) -> Timestamp {
        wilco_core::Clock::now(clock)
    }

    #[tokio::test]
    async fn nothing_very_old_is_read_and_quiet_places_are_forgotten() {
        let (clock, shelf) = (HandClock::new(), Arc::<MemoryShelf>::default());
        let first = process(&shelf, &clock);
        first.load_active().await.unwrap();
        first.begins_to_hear().await;
        first.active_in(&Spot::new("C1", None), Some(Ts::of(HandClock::BEGIN))).await;
        clock.advance(Duration::from_secs(3 * 24 * 3_600));
        let second = process(&shelf, &clock);
        second.load_active().await.unwrap();
        assert_eq!(missed(&second), [("C1".into(), Ts::of(clock_now(&clock).minus(DAY)))]);
        clock.advance(QUIET);
        let third = process(&shelf, &clock);
        third.load_active().await.unwrap();
        assert!(missed(&third).is_empty());
        third.ears.tasks.close();
        third.ears.tasks.wait().await;
        assert!(shelf.keys(KEY).is_empty());
    }

    #[tokio::test]
    async fn a_channel_that_is_used_in_its_threads_alone_is_not_quiet() {
        let (clock, shelf) = (HandClock::new(), Arc::<MemoryShelf>::default());
        let first = process(&shelf, &clock);
        first.load_active().await.unwrap();
        first.begins_to_hear().await;
        first.active_in(&Spot::new("C1", None), Some(Ts::of(HandClock::BEGIN))).await;
        first.active_in(&Spot::new("C3", None), Some(Ts::of(HandClock::BEGIN))).await;
        clock.advance(QUIET);
        first.active_in(&Spot::new("C1", Some("1749999000.000100")), Some(Ts::of(clock_now(&clock)))).await;
        first.ears.tasks.close();
        first.ears.tasks.wait().await;
        let rows = ["seen:C1", "seen:C1/1749999000.000100"];
        assert_eq!(shelf.keys(KEY), rows, "what is quiet is cleared away while the process runs");
        let second = process(&shelf, &clock);
        clock.advance(DAY);
        second.load_active().await.unwrap();
        assert!(missed(&second).iter().any(|(name, _)| name == "C1"));
    }

    #[tokio::test]
    async fn there_are_only_so_many_and_what_is_unread_stays() {
        let mut memory = Memory::default();
        let at = |n: usize| Ts::of(HandClock::BEGIN.plus(Duration::from_secs(n as u64)));
        for n in 0..MOST + 2 {
            let unread = (n == 0).then(|| at(0));
            let seen = Seen { last: at(n), spoken: at(n), lately: Default::default(), unread, visited: false };
            memory.places.insert(format!("C1/{n}"), seen);
        }
        assert_eq!(memory.prune(at(MOST)), ["C1/1", "C1/2"]);
        assert_eq!(memory.places.len(), MOST);
    }

    #[tokio::test]
    async fn what_does_not_read_stays_on_the_shelf() {
        let (clock, shelf) = (HandClock::new(), Arc::<MemoryShelf>::default());
        wilco_core::Shelf::put(&*shelf, "seen:C1", "{\"of\": \"another version\"}").await.unwrap();
        let slack = process(&shelf, &clock);
        slack.load_active().await.unwrap();
        slack.ears.tasks.close();
        slack.ears.tasks.wait().await;
        assert_eq!(shelf.keys(KEY).len(), 1);
    }

    #[tokio::test]
    async fn a_store_that_does_not_answer_is_no_empty_one() {
        let (clock, shelf) = (HandClock::new(), Arc::<MemoryShelf>::default());
        shelf.refuse(true);
        let slack = process(&shelf, &clock);
        assert!(slack.load_active().await.is_err());
        slack.begins_to_hear().await;
        assert!(!locked(&slack.ears.active.0).first, "what could not be looked up may stand there all the same");
    }
}
