//! What is counted of things that were scheduled: each due time by its row in the store and by what stands in the
//! channels, never by the program's own figures.

use std::collections::BTreeSet;

use async_trait::async_trait;
use wilco_core::followup::Origin;
use wilco_core::job::Input;
use wilco_core::{Timestamp, WorkerId};
use wilco_sim::{Entry, Message, Profile, Snapshot};
use wilco_store::engine::{Row, Tx};
use wilco_store::{Change, StoreError, args};

use super::Home;
use super::count::{self, Tally};
use super::kinds::result_of;
use super::planners::{Plan, Planned, open_store};

const OCCURRENCES: &str = "SELECT occurrences.id AS id, occurrences.followup AS followup, due, \
    occurrences.state AS state, occurrences.reason AS reason, fired_at, settled_at, worker, followups.thread AS thread, \
    (SELECT COUNT(*) FROM workers WHERE workers.occurrence = occurrences.id) AS linked, \
    (SELECT COUNT(*) FROM inbox WHERE inbox.event = 'followup/' || occurrences.id) AS taken \
    FROM occurrences JOIN followups ON followups.id = occurrences.followup ORDER BY due";
const JOBS: &str = "SELECT id, input, thread, occurrence FROM workers";

/// One due time, as the store keeps it.
#[derive(Clone, Debug)]
pub struct Occurrence {
    id: String,
    followup: String,
    due: Timestamp,
    state: String,
    reason: Option<String>,
    fired: Option<Timestamp>,
    settled: bool,
    worker: Option<WorkerId>,
    thread: Option<String>,
    /// How many jobs say that they are of it.
    linked: i64,
    /// How many events of the inbox are of it.
    taken: i64,
}

impl Occurrence {
    fn of_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text("id")?,
            followup: row.text("followup")?,
            due: row.time("due")?,
            state: row.text("state")?,
            reason: row.opt_text("reason")?,
            fired: row.opt_time("fired_at")?,
            settled: row.opt_time("settled_at")?.is_some(),
            worker: row.opt_text("worker")?.map(WorkerId::new),
            thread: row.opt_text("thread")?,
            linked: row.int("linked")?,
            taken: row.int("taken")?,
        })
    }
}

/// The rows that matter here.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    occurrences: Vec<Occurrence>,
    jobs: Vec<Job>,
}

/// One job, as the store keeps it.
#[derive(Clone, Debug)]
struct Job {
    worker: WorkerId,
    thread: Option<String>,
    /// The occurrence that it says it is of.
    occurrence: Option<String>,
    /// Whether it tells of a follow-up that did not run.
    notice: bool,
}

impl Job {
    fn of_row(row: &Row) -> Result<Self, StoreError> {
        let input: Input = row.json("input")?;
        Ok(Self {
            worker: WorkerId::new(row.text("id")?),
            thread: row.opt_text("thread")?,
            occurrence: row.opt_text("occurrence")?,
            notice: matches!(input.origin, Origin::Notice { .. }),
        })
    }
}

struct ReadFacts;

#[async_trait]
impl Change for ReadFacts {
    type Out = Facts;

    fn name(&self) -> &'static str {
        "facts"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Facts, StoreError> {
        let rows = tx.rows(OCCURRENCES, args![]).await?;
        let occurrences = rows.iter().map(Occurrence::of_row).collect::<Result<_, _>>()?;
        let rows = tx.rows(JOBS, args![]).await?;
        let jobs = rows.iter().map(Job::of_row).collect::<Result<_, _>>()?;
        Ok(Facts { occurrences, jobs })
    }
}

/// Reads the rows of a home, whether a bot runs there or not.
///
/// # Errors
/// Why the store cannot be read.
pub async fn facts(home: &Home) -> Result<Facts, String> {
    let store = open_store(home).await?;
    let facts = store.read(ReadFacts).await;
    store.close().await;
    facts.map_err(|error| error.to_string())
}

impl Facts {
    /// The due times of what was scheduled in a thread that fired, in their order.
    pub fn fired_in(&self, thread: &str) -> Vec<Timestamp> {
        let there = self.occurrences.iter().filter(|one| one.thread.as_deref() == Some(thread));
        there.filter(|one| one.fired.is_some()).map(|one| one.due).collect()
    }

    fn of<'a>(&'a self, planned: &'a Planned) -> impl Iterator<Item = &'a Occurrence> {
        self.occurrences.iter().filter(|one| one.thread.as_deref() == Some(planned.tag.as_str()))
    }
}

/// What is still missing before everything has settled; empty when nothing is.
pub fn open(planned: &[Planned], log: &[Entry], snapshot: &Snapshot, facts: &Facts, profile: Profile) -> Vec<String> {
    let mut open = count::unanswered(log);
    for planned in planned {
        if facts.of(planned).next().is_none() {
            open.push(format!("{} ({:?}) is not stored", planned.tag, planned.plan));
        }
        let results = results_in(snapshot, planned);
        if planned.plan.occurrences().is_some() && results.is_empty() {
            open.push(format!("{} ({:?}) shows nothing", planned.tag, planned.plan));
        }
    }
    let unsettled = facts.occurrences.iter().filter(|one| !one.settled);
    open.extend(unsettled.map(|one| format!("occurrence {} of {:?} is {}", one.id, one.thread, one.state)));
    open.extend(count::unfinished(snapshot, profile));
    open
}

fn results_in<'a>(snapshot: &'a Snapshot, planned: &Planned) -> Vec<&'a Message> {
    let workers: BTreeSet<&WorkerId> = snapshot
        .messages
        .iter()
        .filter(|message| message.address == planned.place.address && message.is_visible_bot())
        .filter_map(|message| message.worker.as_ref())
        .collect();
    let results = workers.into_iter().flat_map(|worker| snapshot.visible_results(worker));
    results.filter(|message| message.address == planned.place.address).collect()
}

/// The count, when everything has settled.
pub fn tally(planned: &[Planned], log: &[Entry], snapshot: &Snapshot, facts: &Facts, profile: Profile) -> Tally {
    let mut tally = Tally { asked: planned.len(), ..Tally::default() };
    let answers = count::answers(log);
    for planned in planned {
        if let Some(event) = &planned.event {
            count::accepted(&planned.tag, event, &answers, &mut tally);
        }
        one(planned, snapshot, facts, &mut tally);
    }
    count::channels(log, snapshot, profile, planned.iter().map(|one| one.tag.as_str()), &mut tally);
    of_nobody(snapshot, facts, &mut tally);
    tally
}

/// One plan: one follow-up, each of its due times a row of its own, and each that fired visible once.
fn one(planned: &Planned, snapshot: &Snapshot, facts: &Facts, tally: &mut Tally) {
    let (tag, plan) = (&planned.tag, planned.plan);
    let rows: Vec<&Occurrence> = facts.of(planned).collect();
    let followups: BTreeSet<&str> = rows.iter().map(|row| row.followup.as_str()).collect();
    if followups.len() != 1 {
        tally.wrong.push(format!("{tag} ({plan:?}) is {} follow-ups", followups.len()));
    }
    if plan.occurrences().is_some_and(|expected| rows.len() != expected) {
        tally.wrong.push(format!("{tag} ({plan:?}) has {} occurrences: {rows:?}", rows.len()));
    }
    let mut fired = 0;
    for row in &rows {
        match row.worker.is_some() || row.fired.is_some() {
            true => {
                fired += 1;
                visible_once(planned, row, snapshot, tally);
            }
            false => left_out(planned, row, tally),
        }
    }
    // Of several that passed while nobody was there one runs; of another one people may be told that it did not.
    let notices: Vec<&Job> = facts.jobs.iter().filter(|job| job.notice && job.thread.as_ref() == Some(tag)).collect();
    let missed = rows.iter().filter(|row| row.state == "missed").count();
    if notices.len() > missed {
        tally.wrong.push(format!("{tag} ({plan:?}) has missed {missed} and tells of {}", notices.len()));
    }
    let shown = results_in(snapshot, planned).len();
    if shown != fired + notices.len() {
        let notices = notices.len();
        tally.wrong.push(format!("{tag} ({plan:?}): {fired} fired, {notices} notices, and {shown} results are shown"));
    }
    // A due time without a row would be one that was lost.
    let gaps: BTreeSet<i64> = rows.windows(2).map(|pair| pair[1].due.0 - pair[0].due.0).collect();
    if gaps.len() > 1 {
        tally.wrong.push(format!("{tag} ({plan:?}) has occurrences at unequal distances: {gaps:?} ms"));
    }
}

/// An occurrence that fired: not early, one event, one job, one result of its own, settled as that says.
fn visible_once(planned: &Planned, row: &Occurrence, snapshot: &Snapshot, tally: &mut Tally) {
    let name = format!("{} ({:?}), due {}", planned.tag, planned.plan, row.due);
    let mut wrong = |what: String| tally.wrong.push(format!("{name}: {what}"));
    if row.fired.is_none_or(|fired| fired < row.due) {
        wrong(format!("it fired at {:?}", row.fired));
    }
    if row.linked != 1 || row.taken != 1 {
        wrong(format!("{} jobs and {} events are of it", row.linked, row.taken));
    }
    let results = row.worker.as_ref().map(|worker| snapshot.visible_results(worker)).unwrap_or_default();
    let [result] = results.as_slice() else {
        return wrong(format!("it shows {} results", results.len()));
    };
    if result.address != planned.place.address {
        wrong(format!("it shows its result in {}", result.address));
    }
    let text = &result.shown().text;
    let end = text.split_whitespace().next().unwrap_or("nothing").to_owned();
    // Work that was hit by three kills is given up and says so; what only says something never is.
    let as_it_should = match (planned.plan, end.as_str()) {
        (Plan::Reminder | Plan::Ticks, "Reminder") | (Plan::Turn | Plan::Command, "Done") => {
            row.state == "success" && text.contains(&result_of(&planned.tag))
        }
        (Plan::Turn | Plan::Command, "Interrupted") => row.state == "failed",
        _ => false,
    };
    if !row.settled || !as_it_should {
        wrong(format!("it is {} ({:?}) and shows {text:?}", row.state, row.reason));
    }
    *tally.ends.entry(end).or_default() += 1;
}

/// An occurrence that never fired: only one of many, with a reason, and nothing came of it.
fn left_out(planned: &Planned, row: &Occurrence, tally: &mut Tally) {
    let may_be = planned.plan.occurrences().is_none()
        && matches!(row.state.as_str(), "missed" | "skipped" | "cancelled")
        && row.settled
        && row.reason.is_some();
    if !may_be || row.linked != 0 || row.taken != 0 {
        tally.wrong.push(format!("{} ({:?}) was left out: {row:?}", planned.tag, planned.plan));
    }
    *tally.ends.entry(row.state.clone()).or_default() += 1;
}

/// No job without an occurrence but a notice, no occurrence with two, and no message of a job that the store does not know.
fn of_nobody(snapshot: &Snapshot, facts: &Facts, tally: &mut Tally) {
    let linked: BTreeSet<(&str, &WorkerId)> =
        facts.occurrences.iter().filter_map(|row| Some((row.id.as_str(), row.worker.as_ref()?))).collect();
    for Job { worker, occurrence, notice, .. } in &facts.jobs {
        let known = match occurrence {
            Some(occurrence) => linked.contains(&(occurrence.as_str(), worker)) && !notice,
            None => *notice && snapshot.visible_results(worker).len() == 1,
        };
        if !known {
            tally.wrong.push(format!("job {worker} is of nothing (occurrence {occurrence:?}, a notice: {notice})"));
        }
    }
    let jobs: BTreeSet<&WorkerId> = facts.jobs.iter().map(|job| &job.worker).collect();
    for message in snapshot.messages.iter().filter(|message| message.is_visible_bot()) {
        if message.worker.as_ref().is_some_and(|worker| !jobs.contains(worker)) {
            tally.wrong.push(format!("{} speaks of a job that is not stored", message.id));
        }
    }
}
