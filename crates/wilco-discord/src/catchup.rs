//! What was written while nobody listened. A session that cannot be resumed has lost its events; the messages of the
//! channels in which wilco is spoken to, and of those in which something was said meanwhile, are then read over REST.
//! What was handed in before is recognised by its id.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serenity::all::ChannelId;
use serenity::http::Route;
use tracing::{debug, info, warn};
use wilco_core::shelf::ShelfError;
use wilco_core::{Inbox, Timestamp};

use crate::discord::Discord;
use crate::messages::Taken;
use crate::payload::Message;
use crate::rest::{Answer, Call};
use crate::snowflake::Snowflake;

/// Before the key of a channel on the shelf.
const KEY: &str = "seen:";
/// Where it stands until when events were heard.
const ALIVE: &str = "gateway:alive";
/// How often that is stored.
const EVERY: Duration = Duration::from_secs(60);
/// What may have been under way when it was stored.
const SLACK: Duration = Duration::from_secs(120);
/// What is older is not read: whoever wrote it has given it up or given it again.
const OLDEST: Duration = Duration::from_secs(24 * 3_600);
/// A channel in which nobody spoke to wilco for so long is not looked at.
const QUIET: Duration = Duration::from_secs(30 * 24 * 3_600);
/// How many channels are read, those last spoken in first.
const CHANNELS: usize = 200;
/// The most messages of one answer (Discord API, "Get Channel Messages").
const PAGE: usize = 100;
/// The first pause after a page that could not be read; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a page is tried, which takes about half an hour.
const TRIES: u32 = 30;
/// Rows of one look at the shelf.
const ROWS: u32 = 500;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    /// The last message there that was handed in, or when the channel was first spoken in.
    last: Snowflake,
    guild: Option<Snowflake>,
    /// After which message the channel still has to be read; none when nothing is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unread: Option<Snowflake>,
    /// Whether it is kept for that alone, because nobody has spoken to wilco there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    visited: bool,
}

/// The channels in which wilco is spoken to.
#[derive(Default)]
pub(crate) struct Active(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    loaded: bool,
    channels: BTreeMap<Snowflake, Seen>,
    alive: Option<Timestamp>,
    stored: Option<Timestamp>,
    /// Whether the session that is about to begin is the very first, before which nothing was missed.
    first: bool,
    /// How many gaps are not read yet: until then nothing counts as heard.
    behind: u32,
}

impl Active {
    fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is to be read, as it stood when the session was lost.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The last message before the gap; none before the very first session.
    pub(crate) since: Option<Snowflake>,
    channels: Vec<Unread>,
}

/// A channel that still has to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unread {
    channel: Snowflake,
    guild: Option<Snowflake>,
    /// From the message after this one.
    after: Snowflake,
    /// When the next page may be asked for, on the steady clock.
    due: Duration,
    pause: Duration,
    /// How often in a row the next page was not to be had.
    failed: u32,
}

/// Everything that still has to be read.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    channels: VecDeque<Unread>,
    gaps: u32,
    read: usize,
    meant: usize,
}

impl Backlog {
    /// When the next page is due, on the steady clock; none when there is nothing to read.
    pub(crate) fn due(&self) -> Option<Duration> {
        self.channels.iter().map(|unread| unread.due).min()
    }
}

impl Discord {
    /// Brings back what a process before this one knew.
    ///
    /// # Errors
    /// The store does not answer: what was missed is not known then.
    pub(crate) async fn load_active(&self) -> Result<(), ShelfError> {
        if self.ears.active.with(|memory| memory.loaded) {
            return Ok(());
        }
        let mut rows: Vec<(String, String)> = Vec::new();
        loop {
            let after = rows.last().map(|(key, _)| key.as_str());
            let next = self.shelf.scan(KEY, after, ROWS).await?;
            if next.is_empty() {
                break;
            }
            rows.extend(next);
        }
        let alive = self.shelf.get(ALIVE).await?.and_then(|text| text.parse().ok()).map(Timestamp);
        let now = self.clock.now();
        let mut channels = BTreeMap::new();
        for (key, text) in rows {
            let id = key.strip_prefix(KEY).and_then(|id| id.parse::<Snowflake>().ok());
            match (id, serde_json::from_str::<Seen>(&text)) {
                (Some(id), Ok(seen)) if seen.last.is_younger(QUIET, now) => {
                    channels.insert(id, seen);
                }
                (_, _) => self.forget(&key).await,
            }
        }
        self.ears.active.with(|memory| {
            memory.loaded = true;
            memory.alive = memory.alive.max(alive);
            memory.stored = alive;
            for (id, seen) in channels {
                memory.channels.entry(id).or_insert(seen);
            }
        });
        Ok(())
    }

    /// Whoever read what was missed is gone: the next session finds out anew what that is.
    pub(crate) fn forget_gaps(&self) {
        self.ears.active.with(|memory| memory.behind = 0);
    }

    async fn forget(&self, key: &str) {
        if let Err(why) = self.shelf.remove(key).await {
            debug!(%why, "discord: a channel that nobody speaks in stays on the shelf");
        }
    }

    /// Notes that wilco was spoken to in a channel. `handed_in` is the message that is done with; a command has none.
    pub(crate) async fn active_in(&self, channel: Snowflake, guild: Option<Snowflake>, handed_in: Option<Snowflake>) {
        let now = Snowflake::before(self.clock.now());
        let changed = self.ears.active.with(|memory| {
            let known = memory.channels.get(&channel).copied();
            let last = match (known, handed_in) {
                // A command says nothing of the messages before it, which may still have to be read.
                (Some(known), None) => known.last,
                (None, None) => memory.alive.map_or(now, |alive| Snowflake::before(alive.minus(SLACK))),
                (Some(known), Some(message)) => known.last.max(message),
                (None, Some(message)) => message,
            };
            let seen = Seen { last, guild, unread: known.and_then(|known| known.unread), visited: false };
            memory.channels.insert(channel, seen);
            (known != Some(seen)).then_some(seen)
        });
        if let Some(seen) = changed {
            self.store_seen(channel, &seen).await;
        }
    }

    async fn store_seen(&self, channel: Snowflake, seen: &Seen) {
        let Ok(text) = serde_json::to_string(seen) else { return };
        if let Err(why) = self.shelf.put(&format!("{KEY}{channel}"), &text).await {
            debug!(%why, "discord: the last message of a channel is kept in memory alone");
        }
    }

    /// Notes before the very first session that from now on nothing may be missed, however soon the process dies.
    pub(crate) async fn begins_to_hear(&self) {
        let now = self.clock.now();
        let first = self.ears.active.with(|memory| {
            // What could not be looked up may stand there all the same.
            let first = memory.loaded && memory.alive.is_none();
            if first {
                (memory.alive, memory.stored, memory.first) = (Some(now), Some(now), true);
            }
            first
        });
        if first && let Err(why) = self.shelf.put_new(ALIVE, &now.0.to_string()).await {
            debug!(%why, "discord: when events were first heard is not stored");
        }
    }

    /// Notes that events were heard until now. Answers whether that is to be stored.
    pub(crate) fn heard_until_now(&self) -> bool {
        let now = self.clock.now();
        // What waits to be handed in is not heard yet: a process that dies now leaves it to the next one.
        let nothing_waits = self.ears.waiting.is_none();
        self.ears.active.with(|memory| {
            if memory.behind > 0 || !nothing_waits {
                return false;
            }
            memory.alive = Some(now);
            let due = memory.stored.is_none_or(|at| now.since(at) >= EVERY || at > now);
            if due {
                memory.stored = Some(now);
            }
            due
        })
    }

    /// Stores until when events were heard.
    pub(crate) async fn store_alive(&self) {
        let Some(at) = self.ears.active.with(|memory| memory.alive) else { return };
        if let Err(why) = self.shelf.put(ALIVE, &at.0.to_string()).await {
            debug!(%why, "discord: until when events were heard is not stored; more is read again than is needed");
        }
    }

    /// What has to be read now that a session begins of which the last one knows nothing. Nothing at the very first.
    pub(crate) fn gap(&self) -> Gap {
        let (now, due) = (self.clock.now(), self.clock.monotonic());
        let oldest = Snowflake::before(now.minus(OLDEST));
        self.ears.active.with(|memory| {
            memory.behind += 1;
            let first = std::mem::take(&mut memory.first);
            let Some(alive) = memory.alive.filter(|_| !first) else { return Gap::default() };
            let since = Snowflake::before(alive.minus(SLACK)).max(oldest);
            let mut all: Vec<(Snowflake, Seen)> = memory.channels.iter().map(|(id, seen)| (*id, *seen)).collect();
            all.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.last));
            if all.len() > CHANNELS {
                warn!(channels = all.len(), read = CHANNELS, "discord: the quietest channels are not read again");
            }
            let channels = all.into_iter().take(CHANNELS).map(|(channel, seen)| {
                let after = seen.unread.map_or(seen.last.max(since), |unread| unread.max(oldest));
                Unread { channel, guild: seen.guild, after, due, pause: PAUSE, failed: 0 }
            });
            Gap { since: Some(since), channels: channels.collect() }
        })
    }

    /// Notes that a gap has to be read, so that a process that dies meanwhile leaves it to the next one: what is written
    /// now and handed in says nothing of what was written before.
    pub(crate) async fn begin_to_read(&self, backlog: &mut Backlog, gap: Gap) {
        for unread in gap.channels {
            self.add(backlog, unread).await;
        }
    }

    /// Takes in where something was said meanwhile, as the guilds have told it by now: wilco may have been spoken to
    /// there for the first time.
    pub(crate) async fn widen(&self, backlog: &mut Backlog, since: Option<Snowflake>) {
        backlog.gaps += 1;
        let due = self.clock.monotonic();
        let spoken_in = since.map(|since| self.ears.directory().spoken_in_since(since)).unwrap_or_default();
        for (channel, guild) in spoken_in {
            if backlog.channels.len() >= CHANNELS {
                warn!(read = CHANNELS, "discord: something was said in more channels than are read again");
                break;
            }
            // Also one that has come to be known since the session began, by a command that was just given there: that
            // says nothing of what was written before.
            let is_read = backlog.channels.iter().any(|unread| unread.channel == channel);
            if let Some(after) = since.filter(|_| !is_read) {
                self.add(backlog, Unread { channel, guild, after, due, pause: PAUSE, failed: 0 }).await;
            }
        }
        self.look_whether_all_is_read(backlog);
    }

    async fn add(&self, backlog: &mut Backlog, unread: Unread) {
        let seen = self.ears.active.with(|memory| {
            let Unread { channel, guild, after, .. } = unread;
            let new = Seen { last: after, guild, unread: None, visited: true };
            let seen = memory.channels.entry(channel).or_insert(new);
            seen.unread = Some(after);
            *seen
        });
        self.store_seen(unread.channel, &seen).await;
        // An earlier gap of this channel that is still open reaches back further and ends at the same place.
        if !backlog.channels.iter().any(|other| other.channel == unread.channel) {
            backlog.channels.push_back(unread);
        }
    }

    /// Notes how far a channel was read; none when nothing is missing any more.
    async fn mark(&self, channel: Snowflake, unread: Option<Snowflake>) {
        let seen = self.ears.active.with(|memory| {
            let seen = memory.channels.get_mut(&channel)?;
            seen.unread = unread;
            let seen = *seen;
            if seen.visited && unread.is_none() {
                memory.channels.remove(&channel);
            }
            Some(seen)
        });
        match seen {
            Some(seen) if seen.visited && unread.is_none() => self.forget(&format!("{KEY}{channel}")).await,
            Some(seen) => self.store_seen(channel, &seen).await,
            None => {}
        }
    }

    fn look_whether_all_is_read(&self, backlog: &mut Backlog) {
        if !backlog.channels.is_empty() {
            return;
        }
        let Backlog { gaps, read, meant, .. } = std::mem::take(backlog);
        self.ears.active.with(|memory| memory.behind = memory.behind.saturating_sub(gaps));
        info!(read, meant, "discord: caught up with what was written while nobody listened");
    }

    /// Reads one page of what was missed and takes its messages as if they had just been written.
    pub(crate) async fn read_on(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, backlog: &mut Backlog) {
        let now = self.clock.monotonic();
        let Some(at) = backlog.channels.iter().position(|unread| unread.due <= now) else { return };
        let Some(mut unread) = backlog.channels.remove(at) else { return };
        match self.page_of_missed(&unread).await {
            Page::Read { messages, full } => {
                backlog.read += messages.len();
                unread.after = messages.iter().map(|message| message.id).max().unwrap_or(unread.after);
                for message in messages {
                    // What is read later does not say its guild, and a person's roles depend on it.
                    let message = Message { guild_id: unread.guild, ..message };
                    if self.take_message(inbox, &message).await == Taken::Meant {
                        backlog.meant += 1;
                        self.active_in(message.channel_id, message.guild_id, Some(message.id)).await;
                    }
                }
                self.mark(unread.channel, full.then_some(unread.after)).await;
                if full {
                    (unread.pause, unread.failed) = (PAUSE, 0);
                    // The other channels do not wait for this one.
                    backlog.channels.push_back(unread);
                }
            }
            Page::Gone => {
                self.ears.active.with(|memory| memory.channels.remove(&unread.channel));
                self.forget(&format!("{KEY}{}", unread.channel)).await;
            }
            Page::Later(wait) => {
                unread.due = self.clock.monotonic() + wait.unwrap_or_default().max(unread.pause);
                unread.pause = (unread.pause * 2).min(LONGEST_PAUSE);
                unread.failed += 1;
                if unread.failed < TRIES {
                    backlog.channels.push_back(unread);
                } else {
                    // How far it was read stays on the shelf.
                    warn!(channel = %unread.channel, "discord: what was missed in a channel is left to the next session");
                }
            }
        }
        self.look_whether_all_is_read(backlog);
    }

    async fn page_of_missed(&self, unread: &Unread) -> Page {
        let channel = unread.channel;
        let route = Route::ChannelMessages { channel_id: ChannelId::new(channel.0.max(1)) };
        let params = vec![("after", unread.after.to_string()), ("limit", PAGE.to_string())];
        match self.rest.call(Call::get(route, params)).await {
            Answer::Done { body, .. } => match serde_json::from_slice::<Vec<Value>>(&body) {
                Ok(all) => {
                    let full = all.len() >= PAGE;
                    let mut messages = Vec::new();
                    for one in all {
                        match Message::deserialize(one) {
                            Ok(message) => messages.push(message),
                            Err(why) => warn!(%channel, %why, "discord: a message does not read and is left out"),
                        }
                    }
                    messages.sort_by_key(|message: &Message| message.id);
                    // A page of which nothing reads would be asked for again and again.
                    let full = full && !messages.is_empty();
                    Page::Read { messages, full }
                }
                Err(why) => {
                    // Half an answer, or that of something in between.
                    warn!(%channel, %why, "discord: what was missed in a channel does not read; it is asked for again");
                    Page::Later(None)
                }
            },
            Answer::Held { delay, .. } => Page::Later(Some(delay)),
            Answer::Refused(refusal) if refusal.json && matches!(refusal.status, 403 | 404) => {
                debug!(%channel, status = refusal.status, "discord: a channel cannot be read any more");
                Page::Gone
            }
            Answer::Refused(refusal) => Page::Later(refusal.retry_after),
            Answer::NotSent(_) | Answer::Unknown(_) => Page::Later(None),
        }
    }
}

/// What came of one page.
enum Page {
    /// `full` when there may be more.
    Read {
        messages: Vec<Message>,
        full: bool,
    },
    Gone,
    Later(Option<Duration>),
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
    async fn a_command_that_makes_a_channel_known_hides_nothing_that_was_written_there_before() {
        let (clock, shelf) = (HandClock::new(), Arc::new(MemoryShelf::default()));
        let options = Options::new("discord", Secret::new("token"));
        let discord = Discord::new(options, shelf, clock.clone(), Arc::new(Dice::seeded(1))).unwrap();
        discord.load_active().await.unwrap();
        discord.begins_to_hear().await;
        assert_eq!(discord.gap(), Gap::default(), "before the first session nothing was missed");
        clock.advance(Duration::from_secs(300));
        let gap = discord.gap();
        let (guild, channel) = (Snowflake(1), Snowflake(10));
        let newest = Snowflake::before(discord.clock.now());
        discord.ears.directory().apply(
            "GUILD_CREATE",
            &json!({
                "id": guild, "owner_id": "9", "roles": [{ "id": guild, "permissions": "68608" }],
                "members": [{ "user": { "id": "0", "username": "wilco" }, "roles": [] }],
                "channels": [{ "id": channel, "type": 0, "last_message_id": newest }],
            }),
        );
        // The session has begun, and somebody gives a command there before anything was read.
        discord.active_in(channel, Some(guild), None).await;
        let (mut backlog, since) = (Backlog::default(), gap.since);
        discord.begin_to_read(&mut backlog, gap).await;
        discord.widen(&mut backlog, since).await;
        let unread: Vec<_> = backlog.channels.iter().map(|unread| (unread.channel, Some(unread.after))).collect();
        assert_eq!(unread, [(channel, since)]);
    }
}
