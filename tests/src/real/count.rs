//! What is counted after the kills, from the platform's log and from what stands in its channels, never from
//! the program's own figures.

use std::collections::{BTreeMap, BTreeSet};

use wilco_core::EnvelopeKind;
use wilco_sim::{Entry, Logged, Message, Profile, Snapshot, Verb};

use super::crowd::{Form, Said};
use super::kinds::{LINES, line_of, result_of};

/// What everybody saw in the end.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many jobs were asked for.
    pub asked: usize,
    /// How they ended, by the first word of their terminal message.
    pub ends: BTreeMap<String, usize>,
    /// Acknowledgements that were posted twice, by platform; they hold no result.
    pub strays: BTreeMap<&'static str, usize>,
    /// Requests that were not accepted and of which their person knows it, so that they were given again.
    pub again: usize,
    /// Requests that were accepted without their person learning of it, who gave them again: two jobs.
    pub doubled: usize,
    /// How often each fault of the weather met a call or a connection.
    pub faults: BTreeMap<String, usize>,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl Tally {
    /// Takes another one in.
    pub fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.again += other.again;
        self.doubled += other.doubled;
        for (platform, count) in other.strays {
            *self.strays.entry(platform).or_default() += count;
        }
        self.wrong.extend(other.wrong);
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ends: Vec<String> = self.ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        let strays: Vec<String> =
            self.strays.iter().map(|(platform, count)| format!("{count} on {platform}")).collect();
        let strays = if strays.is_empty() { "none".to_owned() } else { strays.join(", ") };
        write!(f, "{} jobs asked for: {}; stray acknowledgements: {strays}", self.asked, ends.join(", "))?;
        if self.again > 0 {
            write!(f, "; not accepted, known to their person, and given again: {}", self.again)?;
        }
        if self.doubled > 0 {
            write!(f, "; accepted, not known to their person, and given again: {}", self.doubled)?;
        }
        if !self.faults.is_empty() {
            let faults: Vec<String> = self.faults.iter().map(|(fault, count)| format!("{fault} {count}")).collect();
            write!(f, "; faults met: {}", faults.join(", "))?;
        }
        Ok(())
    }
}

/// How the events of people were answered: event, then the answers in order.
pub(super) fn answers(log: &[Entry]) -> BTreeMap<&str, Vec<&str>> {
    let mut answers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in log {
        match &entry.what {
            Logged::Said { event, .. } | Logged::Pressed { event, .. } => {
                answers.entry(event).or_default();
            }
            Logged::Answered { event, answer } => answers.entry(event).or_default().push(answer),
            Logged::Call(_)
            | Logged::Posted { .. }
            | Logged::Recognised { .. }
            | Logged::Edited { .. }
            | Logged::Unchanged { .. }
            | Logged::Fizzled { .. }
            | Logged::Signed { .. }
            | Logged::Noted { .. }
            | Logged::Deleted { .. } => {}
        }
    }
    answers
}

/// What is still missing before everything has settled; empty when nothing is.
pub fn open(said: &[Said], log: &[Entry], snapshot: &Snapshot, profile: Profile) -> Vec<String> {
    let mut open = unanswered(log);
    for said in said {
        if results(snapshot, said).is_empty() {
            open.push(format!("{} ({:?}) shows no result", said.tag, said.form));
        }
    }
    open.extend(unfinished(snapshot, profile));
    open
}

/// The events of people that nobody has answered for good.
pub(super) fn unanswered(log: &[Entry]) -> Vec<String> {
    let answers = answers(log).into_iter();
    let open = answers.filter(|(_, answers)| answers.iter().all(|answer| *answer == "busy"));
    open.map(|(event, _)| format!("event {event} has no answer")).collect()
}

/// The messages that have not come to their end and may not stay so.
pub(super) fn unfinished(snapshot: &Snapshot, profile: Profile) -> Vec<String> {
    let open = snapshot.unfinished().into_iter().filter(|message| !may_be_stray(message, profile));
    open.map(|message| {
        format!("{} still shows {:?}", message.address, message.shown().text.lines().next().unwrap_or_default())
    })
    .collect()
}

/// A stub whose existence nobody could learn of in time: it stands where a repeated create is not recognised, and
/// was never edited, except to say where the job goes on once a press had shown it. A look-up alone does not rule
/// it out, because the create of a killed process may land after it.
fn may_be_stray(message: &Message, profile: Profile) -> bool {
    let (abilities, shown) = (profile.limits().abilities, message.shown());
    let untouched = message.edits() == 0 || shown.text.starts_with("Continued below");
    abilities.nonce_window.is_none() && shown.kind == Some(EnvelopeKind::Stub) && untouched
}

/// Acknowledgements that were sent again without a look, although the first one may have been applied: no create is
/// ever repeated blindly where the platform does not recognise it.
fn blind(log: &[Entry], profile: Profile) -> Vec<String> {
    let abilities = profile.limits().abilities;
    if abilities.nonce_window.is_some() {
        return Vec::new();
    }
    let (mut applied, mut looked, mut blind) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for call in log.iter().filter_map(Entry::call) {
        let Some(key) = &call.key else { continue };
        match call.verb {
            Verb::Find => drop(looked.insert(key)),
            Verb::Post if call.kind == Some(EnvelopeKind::Stub) => {
                if applied.contains(key) && !looked.contains(key) {
                    blind.push(format!("{} was sent again blindly into {}", key, call.address));
                }
                if !matches!(call.outcome.as_str(), "retry" | "retry_after") {
                    applied.insert(key);
                }
            }
            Verb::Post | Verb::Edit | Verb::Probe | Verb::Status => {}
        }
    }
    blind
}

fn in_thread<'a>(snapshot: &'a Snapshot, said: &'a Said) -> impl Iterator<Item = &'a Message> {
    snapshot.at(&said.place.address).filter(|message| message.is_visible_bot())
}

fn of_kind<'a>(snapshot: &'a Snapshot, said: &'a Said, kind: EnvelopeKind) -> Vec<&'a Message> {
    in_thread(snapshot, said).filter(|message| message.shown().kind == Some(kind)).collect()
}

fn results<'a>(snapshot: &'a Snapshot, said: &'a Said) -> Vec<&'a Message> {
    of_kind(snapshot, said, EnvelopeKind::Content)
}

/// The count, when everything has settled.
pub fn tally(said: &[Said], log: &[Entry], snapshot: &Snapshot, profile: Profile) -> Tally {
    let mut tally = Tally { asked: said.len(), ..Tally::default() };
    let answers = answers(log);
    for said in said {
        accepted(&said.tag, &said.event, &answers, &mut tally);
        one(said, snapshot, &mut tally);
    }
    channels(log, snapshot, profile, said.iter().map(|said| said.tag.as_str()), &mut tally);
    tally
}

/// What was said was accepted, and stored once.
pub(super) fn accepted(tag: &str, event: &str, answers: &BTreeMap<&str, Vec<&str>>, tally: &mut Tally) {
    let given = answers.get(event).map(Vec::as_slice).unwrap_or_default();
    if !given.iter().any(|answer| matches!(*answer, "stored" | "duplicate")) {
        tally.wrong.push(format!("{tag} was answered {given:?}"));
    }
    if given.iter().filter(|answer| **answer == "stored").count() > 1 {
        tally.wrong.push(format!("{tag} was stored twice: {given:?}"));
    }
}

/// What must not stand in any channel, whoever asked for what: a result twice, a create that could repeat a result,
/// a message without its end, anything outside of the threads in which somebody asked.
pub(super) fn channels<'a>(
    log: &[Entry],
    snapshot: &Snapshot,
    profile: Profile,
    threads: impl Iterator<Item = &'a str>,
    tally: &mut Tally,
) {
    for (earlier, later) in snapshot.duplicates() {
        tally.wrong.push(format!("shown twice in {}: {} and {}", later.address, earlier.id, later.id));
    }
    for message in snapshot.created_with_content() {
        tally.wrong.push(format!("{} was created with content in it", message.id));
    }
    for message in snapshot.unfinished() {
        if may_be_stray(message, profile) {
            *tally.strays.entry(profile.name()).or_default() += 1;
        } else {
            tally.wrong.push(format!("{} is left as {:?}", message.address, message.shown().text));
        }
    }
    tally.wrong.extend(blind(log, profile));
    let threads: BTreeSet<&str> = threads.collect();
    for message in snapshot.messages.iter().filter(|message| message.is_visible_bot()) {
        if !message.address.thread.as_deref().is_some_and(|thread| threads.contains(thread)) {
            tally.wrong.push(format!("{} stands in {}, where nobody asked", message.id, message.address));
        }
    }
}

/// One request: one job, one result, and nothing of anybody else's.
fn one(said: &Said, snapshot: &Snapshot, tally: &mut Tally) {
    let tag = &said.tag;
    let workers: BTreeSet<_> = in_thread(snapshot, said).filter_map(|message| message.worker.as_ref()).collect();
    if workers.len() != 1 {
        tally.wrong.push(format!("{tag} has started {} jobs", workers.len()));
    }
    let texts = |messages: Vec<&'_ Message>| messages.into_iter().map(|one| one.shown().text.clone()).collect();
    Shows {
        results: texts(results(snapshot, said)),
        parts: texts(of_kind(snapshot, said, EnvelopeKind::Part)),
        files: of_kind(snapshot, said, EnvelopeKind::File).len(),
    }
    .judge(tag, said.form, tally);
}

/// What stands there of one request in the end.
pub(super) struct Shows {
    /// The texts of its results.
    pub(super) results: Vec<String>,
    /// The texts of the further parts of its result.
    pub(super) parts: Vec<String>,
    /// How many files it has.
    pub(super) files: usize,
}

impl Shows {
    /// One result, its own and whole.
    pub(super) fn judge(&self, tag: &str, form: Form, tally: &mut Tally) {
        let [text] = self.results.as_slice() else {
            tally.wrong.push(format!("{tag} ({form:?}) shows {} results", self.results.len()));
            return;
        };
        let end = text.split_whitespace().next().unwrap_or("nothing").to_owned();
        let done = end == "Done";
        *tally.ends.entry(end).or_default() += 1;
        if done && !text.contains(&result_of(tag)) {
            tally.wrong.push(format!("{tag} shows somebody else's result: {text:?}"));
        }
        if done && form == Form::Parts {
            for number in 1..=LINES {
                let line = line_of(tag, number);
                let all = std::iter::once(text).chain(&self.parts);
                let times: usize = all.map(|text| text.matches(&line).count()).sum();
                if times != 1 {
                    tally.wrong.push(format!("{tag} shows line {number} {times} times"));
                }
            }
        } else if !self.parts.is_empty() {
            tally.wrong.push(format!("{tag} ({form:?}) has {} further parts", self.parts.len()));
        }
        let expected = usize::from(done && form == Form::File);
        // A command that prints leaves its log as a file.
        if self.files != expected && !matches!(form, Form::Spin | Form::Left | Form::Counts) {
            tally.wrong.push(format!("{tag} ({form:?}, done: {done}) shows {} files", self.files));
        }
    }
}
