//! What was written while nobody listened. Slack brings an event again for some minutes, and what happened while no
//! socket was open for longer it never brings. So after a start, and after a time without any socket, the conversations
//! and threads in which wilco is spoken to are read, and then those in which it merely is: somebody may have spoken to it
//! there for the first time. What was handed in before is recognised by its id.
//!
//! `conversations.history` tells the newest first and shows no answers of threads. So a conversation is read as a whole
//! before the first of its messages is handed in, and the threads under what was said within the last day are looked at
//! for answers that came meanwhile. After a short cut only those in which wilco was spoken to before are: what was said in
//! others Slack itself brings again.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tracing::{debug, info, warn};
use wilco_core::{Inbox, NotSurfaced};

use crate::active::{MARGIN, key};
use crate::hear::{Carries, Envelope};
use crate::history::next_cursor;
use crate::outcome::{Called, lacks_a_right, settle};
use crate::payload::Written;
use crate::place::Spot;
use crate::rest::{Answer, Call, Lane, Method};
use crate::slack::Slack;
use crate::ts::Ts;

/// What is older is not read: whoever wrote it has given it up or given it again.
const OLDEST: Duration = Duration::from_secs(24 * 3_600);
/// The kinds of conversations (Slack, `users.conversations`, argument `types`), and the scope that each needs.
const KINDS: [(&str, &str); 4] =
    [("public_channel", "channels:read"), ("private_channel", "groups:read"), ("mpim", "mpim:read"), ("im", "im:read")];
/// Events of so long ago Slack still brings again, those of older threads among them: it tries at once, after one minute,
/// and after five (Slack, "Events API", "Retries").
const SHORT: Duration = Duration::from_secs(4 * 60);
/// Messages of a page, and of a conversation. Slack advises 200 of a page at most, and gives some apps 15.
const PAGE: u32 = 200;
const MOST: usize = 5_000;
/// The first pause after a page that could not be read; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a page is tried, which takes about half an hour.
const TRIES: u32 = 30;
/// So much may be on its way to the inbox while more is read.
const BUSY: usize = 256;

/// A conversation that still has to be read.
#[derive(Clone, Debug)]
struct Unread {
    spot: Spot,
    /// From the message after this one.
    after: Ts,
    /// So much older are the messages whose threads are looked for.
    back: Duration,
    /// The next page; none for the first one.
    cursor: Option<String>,
    /// How many messages were read.
    read: usize,
    /// What was found and is not handed in yet.
    found: Vec<(Ts, Written, Value)>,
    /// When the next page may be asked for, on the steady clock.
    due: Duration,
    pause: Duration,
    /// How often in a row the next page was not to be had.
    failed: u32,
}

/// What is to be read, as it stood when nothing could be heard.
#[derive(Debug, Default)]
pub(crate) struct Gap {
    backlog: VecDeque<Unread>,
    /// Since when nothing was heard; none where nothing was missed.
    since: Option<Ts>,
    /// So much older are the messages whose threads are looked for.
    back: Duration,
}

/// How much was read.
#[derive(Debug, Default)]
struct Tally {
    /// The names of what is to be read or was, because a channel names its threads again.
    known: BTreeSet<String>,
    /// How many messages were meant for the bot.
    meant: usize,
    /// How many of them could not be read.
    left: usize,
}

/// What came of asking in which conversations the bot is.
enum Listed {
    /// These are all.
    All(Vec<String>),
    /// It could not be asked for now; these are some of them.
    Some(Vec<String>),
    /// The app may not ask.
    NotAllowed,
}

/// What came of one page.
enum Page {
    /// There is more.
    More,
    /// That was all.
    Whole,
    /// It cannot be read any more, or never could.
    Gone,
    Later(Option<Duration>),
    /// The rate limit has no room for it yet.
    Held(Duration),
}

impl Slack {
    /// What has to be read now that a socket is there and none was. Nothing at the very first.
    pub(crate) fn gap(&self) -> Gap {
        let (oldest, due) = (Ts::of(self.clock.now().minus(OLDEST)), self.clock.monotonic());
        let Some(since) = self.deaf_since().map(|since| since.max(oldest)) else { return Gap::default() };
        // A short cut is no reason to read a day of every conversation.
        let back = if Ts::of(self.clock.now().minus(SHORT)).minus(MARGIN) <= since { Duration::ZERO } else { OLDEST };
        let missed = self.missed(since, oldest).into_iter();
        let backlog = missed.map(|(spot, after)| {
            // What an earlier one has left is older.
            Unread::new(spot, after, due, if after < since { OLDEST } else { back })
        });
        Gap { backlog: backlog.collect(), since: Some(since), back }
    }

    /// Reads what was missed, and takes its messages as if they had just been written. False when something could not be
    /// read: then the gap stays open, and is read anew some time later.
    pub(crate) async fn read_gap(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, gap: Gap) -> bool {
        let Some(since) = gap.since else { return true };
        let mut backlog = gap.backlog;
        // First of all: what is handed in from now on must not hide what was written before.
        for unread in &backlog {
            self.mark(&unread.spot, Some(unread.after)).await;
        }
        let known = backlog.iter().map(|unread| key(&unread.spot)).collect();
        let mut tally = Tally { known, meant: 0, left: 0 };
        let ((others, listed), ()) = tokio::join!(self.others(), self.read_each(inbox, &mut backlog, &mut tally));
        let due = self.clock.monotonic();
        let others = others.into_iter().map(|channel| Unread::new(Spot::new(channel, None), since, due, gap.back));
        backlog.extend(others.filter(|other| tally.known.insert(key(&other.spot))));
        self.read_each(inbox, &mut backlog, &mut tally).await;
        let whole = listed && tally.left == 0;
        if whole {
            self.caught_up();
        }
        info!(account = %self.options.account, read = tally.known.len(), left = tally.left, meant = tally.meant,
            "slack: caught up with what was written while nobody listened");
        whole
    }

    /// Every conversation that the bot is in, and whether that could be asked for. Slack answers nothing at all when the
    /// scope of one kind is missing, so then each kind is asked for by itself.
    async fn others(&self) -> (Vec<String>, bool) {
        match self.conversations(&KINDS.map(|(kind, _)| kind).join(",")).await {
            Listed::All(all) => return (all, true),
            Listed::Some(some) => return (some, false),
            Listed::NotAllowed => {}
        }
        let (mut all, mut listed, mut lacking) = (Vec::new(), true, Vec::new());
        for (kind, scope) in KINDS {
            match self.conversations(kind).await {
                Listed::All(of_kind) => all.extend(of_kind),
                Listed::Some(of_kind) => {
                    all.extend(of_kind);
                    listed = false;
                }
                Listed::NotAllowed => lacking.push(scope),
            }
        }
        warn!(account = %self.options.account, scopes = lacking.join(", "),
            "slack: in which conversations of some kinds the bot is cannot be read, because the app lacks scopes; what was \
             missed there is found only where wilco was spoken to before; add them and install the app again");
        (all, listed)
    }

    async fn conversations(&self, kinds: &str) -> Listed {
        let (mut all, mut cursor, mut pause, mut failed) = (Vec::new(), None::<String>, PAUSE, 0);
        loop {
            let call = Call::new(Method::OwnConversations, Lane::Normal)
                .with("types", kinds)
                .with("exclude_archived", true)
                .with("limit", PAGE)
                .with_some("cursor", cursor.as_deref());
            let answer = self.rest.call(call).await;
            if lacks_a_right(&answer) {
                return Listed::NotAllowed;
            }
            let wait = match settle(answer, Called::LIGHT) {
                Ok(body) => {
                    let channels = body.get("channels").and_then(Value::as_array).into_iter().flatten();
                    all.extend(channels.filter_map(|one| one.get("id")?.as_str()).map(str::to_owned));
                    cursor = next_cursor(&body);
                    if cursor.is_none() {
                        return Listed::All(all);
                    }
                    continue;
                }
                Err(NotSurfaced::RetryAfter { delay, .. }) => delay,
                Err(reason) => {
                    debug!(outcome = reason.name(), "slack: a page of the bot's conversations could not be read");
                    failed += 1;
                    pause
                }
            };
            if failed >= TRIES {
                warn!(account = %self.options.account,
                    "slack: in which conversations the bot is could not be read; it is asked for again later");
                return Listed::Some(all);
            }
            self.clock.sleep_until(self.clock.monotonic() + wait.max(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reads everything that is to be read, each part when its time has come.
    async fn read_each(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, backlog: &mut VecDeque<Unread>, tally: &mut Tally) {
        while let Some(due) = backlog.iter().map(|unread| unread.due).min() {
            self.clock.sleep_until(due).await;
            let now = self.clock.monotonic();
            let Some(at) = backlog.iter().position(|unread| unread.due <= now) else { continue };
            let Some(mut unread) = backlog.remove(at) else { continue };
            let mut threads = Vec::new();
            let page = self.page_of(&mut unread, &mut threads).await;
            threads.retain(|thread| tally.known.insert(key(&thread.spot)));
            for thread in threads {
                // Before the channel counts as read: a process that dies in between leaves the thread to the next one.
                self.visit(&thread.spot, thread.after).await;
                backlog.push_back(thread);
            }
            match page {
                Page::More => {
                    (unread.pause, unread.failed, unread.due) = (PAUSE, 0, now);
                    // The other conversations do not wait for this one.
                    backlog.push_back(unread);
                }
                Page::Whole => {
                    tally.meant += unread.found.len();
                    if self.hand_in_found(inbox, &mut unread).await {
                        self.mark(&unread.spot, None).await;
                    } else {
                        tally.left += 1;
                    }
                }
                Page::Gone => self.not_active_in(&unread.spot).await,
                Page::Held(wait) => {
                    unread.due = self.clock.monotonic() + wait;
                    backlog.push_back(unread);
                }
                Page::Later(wait) => {
                    unread.due = self.clock.monotonic() + wait.unwrap_or_default().max(unread.pause);
                    unread.pause = (unread.pause * 2).min(LONGEST_PAUSE);
                    unread.failed += 1;
                    if unread.failed < TRIES {
                        backlog.push_back(unread);
                    } else {
                        tally.left += 1;
                        warn!(place = %key(&unread.spot), "slack: what was missed in a conversation is read later");
                    }
                }
            }
        }
    }

    /// Hands in what was found, in the order in which it was written, and waits until it is done with. False when some of
    /// it was given up.
    async fn hand_in_found(self: &Arc<Self>, inbox: &Arc<dyn Inbox>, unread: &mut Unread) -> bool {
        unread.found.sort_by_key(|(ts, ..)| *ts);
        let mut fates = Vec::new();
        for (_, written, event) in unread.found.drain(..) {
            let payload = serde_json::json!({ "event": event });
            let envelope = Envelope { carries: Carries::EventsApi, payload };
            loop {
                self.ears.waiting.until_below(BUSY).await;
                if let Some(fate) = self.take_written(inbox, written.clone(), envelope.clone(), None) {
                    fates.push(fate);
                    break;
                }
            }
        }
        let mut all = true;
        for fate in fates {
            all &= fate.known().await;
        }
        all
    }

    async fn page_of(&self, unread: &mut Unread, threads: &mut Vec<Unread>) -> Page {
        let channel = unread.spot.channel.clone();
        // A thread under an older message is found by that message.
        let back = if unread.spot.thread.is_some() { Duration::ZERO } else { unread.back };
        let method = if unread.spot.thread.is_some() { Method::Replies } else { Method::History };
        // Whoever speaks now needs the same methods, and must not wait for what was missed.
        let call = Call::new(method, Lane::Progress)
            .with("channel", channel.as_str())
            .with_some("ts", unread.spot.thread.as_deref())
            .with("oldest", unread.after.minus(back).to_string())
            .with("limit", PAGE)
            .with_some("cursor", unread.cursor.as_deref());
        let answer = self.rest.call(call).await;
        if lacks_a_right(&answer) {
            warn!(account = %self.options.account, %channel,
                "slack: what was written while nobody listened cannot be read without the scopes channels:history, \
                 groups:history, im:history and mpim:history; add them to the app and install it again");
            return Page::Gone;
        }
        if let Answer::Held { delay, .. } = answer {
            return Page::Held(delay);
        }
        if answer.code() == Some("invalid_cursor") {
            // It is read from its beginning.
            (unread.cursor, unread.read) = (None, 0);
            unread.found.clear();
            return Page::Later(None);
        }
        let body = match settle(answer, Called::LIGHT) {
            Ok(body) => body,
            Err(NotSurfaced::RetryAfter { delay, .. }) => return Page::Later(Some(delay)),
            Err(NotSurfaced::Gone(cause)) => {
                debug!(%channel, %cause, "slack: a conversation cannot be read any more");
                return Page::Gone;
            }
            Err(reason) => {
                debug!(%channel, outcome = reason.name(), "slack: a page of what was missed could not be read");
                return Page::Later(None);
            }
        };
        let Some(messages) = body.get("messages").and_then(Value::as_array) else { return Page::Later(None) };
        for event in messages {
            match Written::deserialize(event) {
                Ok(written) => self.look_at(unread, written, event, threads),
                Err(why) => warn!(%channel, %why, "slack: a message does not read and is left out"),
            }
        }
        // A page without messages counts as well, so that there is an end.
        unread.read += messages.len().max(1);
        unread.cursor = next_cursor(&body);
        if unread.cursor.is_none() {
            return Page::Whole;
        }
        if unread.read >= MOST {
            warn!(%channel, messages = unread.read, "slack: more was written than is read again; the rest is left out");
            return Page::Whole;
        }
        Page::More
    }

    fn look_at(&self, unread: &mut Unread, written: Written, event: &Value, threads: &mut Vec<Unread>) {
        let channel = unread.spot.channel.clone();
        let answered = written.latest_reply.as_deref().and_then(Ts::read).is_some_and(|last| last > unread.after);
        if let Some(thread) = written.ts.as_deref().filter(|_| answered && unread.spot.thread.is_none()) {
            threads.push(Unread::new(Spot::new(channel.as_str(), Some(thread)), unread.after, unread.due, unread.back));
        }
        let written = Written { channel: Some(channel.clone()), ..written };
        if let Some((_, ts)) = written.name().filter(|(_, ts)| *ts > unread.after)
            && self.is_for_us(&written)
            && !self.is_done_with(&unread.spot, ts)
        {
            let mut event = event.clone();
            event["channel"] = Value::from(channel);
            unread.found.push((ts, written, event));
        }
    }
}

impl Unread {
    fn new(spot: Spot, after: Ts, due: Duration, back: Duration) -> Self {
        Self { spot, after, back, cursor: None, read: 0, found: Vec::new(), due, pause: PAUSE, failed: 0 }
    }
}
