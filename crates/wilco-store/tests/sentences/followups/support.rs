//! What a test does with follow-ups, and their rows as lines that can be read.

use std::time::Duration;

use wilco_core::desk::{FollowupDone, FollowupSet};
use wilco_core::followup::{FollowupAct, Origin, Scheduled, Task, Trouble, Wanted};
use wilco_core::gate::GateReason;
use wilco_core::job::{Input, SAY};
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{BackendId, FollowupId, InstanceId, OccurrenceId, Person, Place, Short, Timestamp};
use wilco_store::args;
use wilco_store::changes::{
    Act, Asker, ChangeFollowup, ClaimOccurrences, ClaimedOccurrences, DispatchFailed, Fire, Fired, FiredHow, Firing,
    FollowupTold, FollowupUnresolved, NewFollowup, NewJob, OfferItem, Pulse, Risen, ScheduleFollowup, Scheduling,
};
use wilco_store::engine::Row;

use crate::support::*;

pub(crate) fn minutes(minutes: u64) -> Duration {
    secs(60 * minutes)
}

/// The moment that lies so many minutes after the start of every test, by the wall clock.
pub(crate) fn at(minutes: i64) -> Timestamp {
    Timestamp(START.0 + AHEAD + 60_000 * minutes)
}

pub(crate) fn claude() -> BackendId {
    BackendId::new("claude")
}

/// What the follow-ups of these tests say; the words about them are those of the core.
pub(crate) fn deploy() -> Task {
    Task::Turn { text: "check the deploy".into() }
}

/// Says something once, so long from now.
pub(crate) fn once(w: &World, after: Duration) -> Wanted {
    let first = w.wall().plus(after);
    Wanted {
        task: deploy(),
        schedule: Schedule { zone: Zone::UTC, rule: Rule::Once { at: first } },
        first,
        reason: "/followup later".into(),
        key: None,
        delete_after_run: false,
    }
}

/// Says something every so many minutes from now on.
pub(crate) fn every(w: &World, interval: u64) -> Wanted {
    let rule = Rule::Every { every: minutes(interval), from: w.wall() };
    let first = w.wall().plus(minutes(interval));
    Wanted { schedule: Schedule { zone: Zone::UTC, rule }, first, ..once(w, minutes(interval)) }
}

pub(crate) fn with_key(key: &str, wanted: Wanted) -> Wanted {
    Wanted { key: Some(key.to_owned()), ..wanted }
}

/// A time as people would count it from the start of the test: `+30m`, `+30m200ms`.
fn since_start(at: Timestamp) -> String {
    let millis = at.0 - START.0 - AHEAD;
    let (minutes, rest) = (millis.div_euclid(60_000), millis.rem_euclid(60_000));
    if rest == 0 { format!("{minutes:+}m") } else { format!("{minutes:+}m{rest}ms") }
}

/// An occurrence on one line: due, state, and everything that is not as it is with most.
fn line(row: &Row) -> String {
    let (due, due_at) = (row.time("due").unwrap(), row.opt_time("due_at").unwrap());
    let mut line = format!("{} {}", since_start(due), row.text("state").unwrap());
    if row.flag("manual").unwrap() {
        line.push_str(" by hand");
    }
    match due_at {
        Some(at) if at != due => line.push_str(&format!(" at {}", since_start(at))),
        None if row.text("state").unwrap() == "scheduled" => line.push_str(" without a time"),
        _ => {}
    }
    if let Some(gate) = row.opt_text("gate").unwrap() {
        line.push_str(&format!(" behind {gate}"));
    }
    if let Some(reason) = row.opt_text("reason").unwrap() {
        line.push_str(&format!(": {reason}"));
    }
    line
}

impl World {
    pub(crate) fn new_followup(&self, wanted: Wanted) -> NewFollowup {
        NewFollowup {
            id: FollowupId::new(self.dice.uuid(self.now)),
            occurrence: OccurrenceId::new(self.dice.uuid(self.now)),
            shorts: self.dice.followup_shorts(),
            wanted,
            pause_after: self.settings.followups.pause_after,
            per_person: self.settings.followups.per_person,
            rolled: false,
        }
    }

    /// A request to schedule something, as the command line or the API makes it.
    pub(crate) fn request(&mut self, person: &str, place: Place, wanted: Wanted) -> ScheduleFollowup {
        ScheduleFollowup {
            account: place.address.account.clone(),
            event: self.event(),
            person: Person::new(person, person),
            place,
            new: self.new_followup(wanted),
            now: self.now,
            wall: self.wall(),
        }
    }

    pub(crate) async fn schedules(&mut self, person: &str, place: Place, wanted: Wanted) -> Scheduling {
        let change = self.request(person, place, wanted);
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn scheduled(&mut self, person: &str, place: Place, wanted: Wanted) -> FollowupSet {
        match self.schedules(person, place, wanted).await {
            Scheduling::Set(set) => *set,
            other => panic!("not scheduled: {other:?}"),
        }
    }

    /// Ana schedules something in her thread; answers its short id.
    pub(crate) async fn ana_schedules(&mut self, wanted: Wanted) -> Short {
        self.scheduled("ana", thread_place("ana"), wanted).await.followup.short
    }

    pub(crate) fn claim_due(&self, limit: u32) -> ClaimOccurrences {
        ClaimOccurrences {
            owner: self.owner.clone(),
            now: self.now,
            wall: self.wall(),
            limit,
            settings: self.settings.followups,
            fresh: self.fresh(),
        }
    }

    pub(crate) async fn claims(&mut self) -> ClaimedOccurrences {
        let change = self.claim_due(64);
        self.engine.write(change).await.unwrap()
    }

    /// Claims exactly one occurrence.
    pub(crate) async fn firing(&mut self) -> Firing {
        let mut claimed = self.claims().await;
        assert_eq!(claimed.firings.len(), 1, "{claimed:?}");
        claimed.firings.remove(0)
    }

    /// The job that a fire starts, marked as the loop marks it.
    pub(crate) fn scheduled_job(&self, firing: &Firing, kind: &str) -> NewJob {
        let origin = Origin::Scheduled(Scheduled {
            followup: firing.short.clone(),
            due: firing.due,
            fired: self.wall(),
            zone: firing.zone,
            originator: firing.person.name.clone(),
            reason: firing.purpose.clone(),
            manual: firing.manual,
            late: firing.late,
        });
        let input = Input { origin, ..Input::new(firing.task.text(), firing.person.clone()) };
        NewJob { input, ..self.new_job(kind, &firing.person.id) }
    }

    pub(crate) fn fire_of(&self, firing: &Firing, act: Act) -> Fire {
        let asker = self.asker(&firing.person.id, &firing.place.address);
        let event = format!("followup/{}", firing.occurrence);
        Fire {
            occurrence: firing.occurrence.clone(),
            fence: firing.fence,
            owner: self.owner.clone(),
            item: OfferItem { event, asker, place: firing.place.clone(), act },
            now: self.now,
            wall: self.wall(),
            platforms: self.platforms(),
            fresh: self.fresh(),
        }
    }

    pub(crate) async fn fires(&mut self, firing: &Firing, act: Act) -> Fired {
        let change = self.fire_of(firing, act);
        self.engine.write(change).await.unwrap()
    }

    /// Injects a claimed occurrence; it starts a report.
    pub(crate) async fn fire(&mut self, firing: &Firing) -> Job {
        let new = self.scheduled_job(firing, "report");
        self.fire_job(firing, new).await
    }

    pub(crate) async fn fire_job(&mut self, firing: &Firing, new: NewJob) -> Job {
        let ids = new.clone();
        let fired = self.fires(firing, start(new)).await;
        let FiredHow::Job { worker, short } = fired.how else { panic!("no job: {fired:?}") };
        assert_eq!(worker, ids.id);
        Job { worker, short, contract: ids.contract, stub: ids.stub, content: ids.content, ahead: None }
    }

    /// Fires what is due, and lets its job run.
    pub(crate) async fn fired(&mut self) -> Job {
        let firing = self.firing().await;
        let job = self.fire(&firing).await;
        assert!(self.begin().await.iter().any(|run| run.worker == job.worker));
        job
    }

    /// Fires what is due, and lets its job do what it has to; answers what was claimed.
    pub(crate) async fn runs(&mut self) -> Firing {
        let firing = self.firing().await;
        let job = self.fire(&firing).await;
        assert!(self.begin().await.iter().any(|run| run.worker == job.worker));
        self.done(&job, "fine").await;
        firing
    }

    /// Fires what is due, and lets its job fail.
    pub(crate) async fn fails_once(&mut self) {
        let job = self.fired().await;
        assert_eq!(self.finish(&job, Ending::bare(EndKind::Failed, "exit 2")).await, Some(WorkerState::Failed));
    }

    pub(crate) async fn kept_from(&mut self, firing: &Firing, trouble: Trouble) -> Vec<FollowupTold> {
        let change = DispatchFailed {
            occurrence: firing.occurrence.clone(),
            fence: firing.fence,
            owner: self.owner.clone(),
            trouble,
            now: self.now,
            wall: self.wall(),
            fresh: self.fresh(),
        };
        self.engine.write(change).await.unwrap()
    }

    pub(crate) async fn acts(
        &mut self,
        asker: Asker,
        name: &str,
        act: FollowupAct,
    ) -> Result<FollowupDone, FollowupUnresolved> {
        let (now, wall, fresh) = (self.now, self.wall(), self.fresh());
        self.engine.write(ChangeFollowup { asker, name: name.to_owned(), act, now, wall, fresh }).await.unwrap()
    }

    /// Ana does something with a follow-up, from her thread.
    pub(crate) async fn ana(&mut self, short: &Short, act: FollowupAct) -> FollowupDone {
        let asker = self.asker("ana", &thread_place("ana").address);
        self.acts(asker, short.as_str(), act).await.unwrap()
    }

    /// The bot is gone for so long, and starts again.
    pub(crate) async fn is_offline(&mut self, owner: &str, by: Duration) {
        let died = self.wall();
        self.engine.write(Pulse { wall: died }).await.unwrap();
        self.pass(by);
        self.engine.write(Risen { wall: self.wall() }).await.unwrap();
        self.recover(owner, true).await;
        assert_eq!(self.owner, InstanceId::new(owner));
    }

    /// A job of somebody finds out that its session has expired.
    pub(crate) async fn close_gate(&mut self) {
        let mut new = self.new_job("agent", "zoe");
        new.backend = Some(claude());
        let job = Job {
            worker: new.id.clone(),
            short: new.shorts[0].clone(),
            contract: new.contract.clone(),
            stub: new.stub.clone(),
            content: new.content.clone(),
            ahead: None,
        };
        self.one("zoe", Place::public(ops()), start(new)).await;
        assert!(self.begin().await.iter().any(|run| run.worker == job.worker));
        assert_eq!(self.halt(&job, GateReason::SessionExpired, None).await, Some(WorkerState::Failed));
    }

    pub(crate) async fn opens_the_gate(&mut self) {
        assert_eq!(self.open_gates(None, None).await.len(), 1);
    }

    // What can be seen.

    /// The raw row of a follow-up.
    pub(crate) async fn followup(&self, short: &Short) -> Row {
        self.rows("SELECT * FROM followups WHERE short = $1", args![short]).await.remove(0)
    }

    /// A follow-up's state with its reason.
    pub(crate) async fn standing(&self, short: &Short) -> String {
        let row = self.followup(short).await;
        let state = row.text("state").unwrap();
        match row.opt_text("reason").unwrap() {
            Some(reason) => format!("{state}: {reason}"),
            None => state,
        }
    }

    /// The raw rows of a follow-up's occurrences in the order of their due times.
    pub(crate) async fn occurrences(&self, short: &Short) -> Vec<Row> {
        let sql = "SELECT occurrences.* FROM occurrences JOIN followups ON followups.id = occurrences.followup \
                   WHERE followups.short = $1 ORDER BY due, manual";
        self.rows(sql, args![short]).await
    }

    /// The occurrences of a follow-up as lines.
    pub(crate) async fn story(&self, short: &Short) -> Vec<String> {
        self.occurrences(short).await.iter().map(line).collect()
    }

    /// What was told about follow-ups: text and address of every notice, oldest first.
    pub(crate) async fn notices(&self) -> Vec<(String, String)> {
        let sql = "SELECT * FROM workers WHERE kind = $1 ORDER BY created_at, id";
        let rows = self.rows(sql, args![SAY]).await;
        let notices = rows.iter().map(|row| (row.json::<Input>("input").unwrap(), row));
        notices
            .filter(|(input, _)| matches!(input.origin, Origin::Notice { .. }))
            .map(|(input, row)| {
                let (channel, thread) = (row.text("channel").unwrap(), row.opt_text("thread").unwrap());
                (input.text, thread.map_or(channel.clone(), |thread| format!("{channel}/{thread}")))
            })
            .collect()
    }

    /// How many rows a table holds.
    pub(crate) async fn count_of(&self, sql: &'static str) -> i64 {
        self.rows(sql, vec![]).await[0].int("n").unwrap()
    }
}
