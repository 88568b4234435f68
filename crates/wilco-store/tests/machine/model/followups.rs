//! Follow-ups as people see them: scheduled, replaced, paused, resumed, called off.

use wilco_core::Address;
use wilco_core::followup::{FollowupAct, FollowupState as State, OccurrenceState as Of};

use super::jobs::route;
use super::{FOLLOWUPS, KEEP_ROWS, Model};
use crate::command::{Answer, Stopped, When};
use crate::names::{By, Job, Kind, Ms, Spot, Who};

#[derive(Clone)]
pub(crate) struct FollowupState {
    pub(crate) state: State,
    pub(crate) who: Who,
    pub(crate) spot: Spot,
    pub(crate) at: Address,
    pub(crate) when: When,
    /// The wall clock's time from which it counts.
    pub(crate) from: Ms,
    pub(crate) key: Option<u8>,
    pub(crate) delete: bool,
    pub(crate) failures: u32,
    pub(crate) ended: Option<Ms>,
}

#[derive(Clone)]
pub(crate) struct OccurrenceState {
    pub(crate) followup: u32,
    pub(crate) due: Ms,
    pub(crate) manual: bool,
    pub(crate) state: Of,
    /// When it is claimed next.
    pub(crate) due_at: Option<Ms>,
    pub(crate) attempts: u32,
    pub(crate) fence: i64,
    pub(crate) lease: Option<Ms>,
    pub(crate) late: bool,
    pub(crate) job: Option<Job>,
    /// It waits for a gate.
    pub(crate) gate: bool,
    pub(crate) settled: Option<Ms>,
}

impl FollowupState {
    pub(super) fn recurs(&self) -> bool {
        matches!(self.when, When::Every { .. })
    }

    /// The first due time after a moment.
    pub(super) fn next_after(&self, after: Ms) -> Option<Ms> {
        match self.when {
            When::Once { after: first } => Some(self.from + first).filter(|at| *at > after),
            When::Every { every } => Some(self.from + ((after - self.from).max(0) / every + 1) * every),
        }
    }
}

impl Model {
    pub(super) fn schedule(
        &mut self,
        n: u32,
        who: Who,
        spot: Spot,
        when: When,
        key: Option<u8>,
        delete: bool,
    ) -> Answer {
        let (at, from) = (route(spot, who)[0].clone(), self.wall());
        let mine = |one: &FollowupState| one.state.is_open() && one.who == who && one.at.account == at.account;
        let same = |one: &FollowupState| key.is_some() && one.key == key;
        let replaced = self.followups.iter().find(|(_, one)| mine(one) && same(one)).map(|(id, _)| *id);
        if let Some(replaced) = replaced {
            self.call_off(replaced);
        }
        // One that was replaced has made room for this one (requirement F3).
        if self.followups.values().filter(|one| mine(one)).count() >= FOLLOWUPS {
            self.wished.insert(n, false);
            return Answer::Is("too many");
        }
        self.wished.insert(n, true);
        let state = State::Pending;
        let new = FollowupState { state, who, spot, at, when, from, key, delete, failures: 0, ended: None };
        self.followups.insert(n, new);
        let first = self.followups[&n].next_after(from).expect("it lies ahead");
        self.insert_occurrence(n, first, false);
        Answer::Scheduled { first, replaced }
    }

    /// The same wish, given again, is answered as it was and schedules nothing.
    pub(super) fn schedule_again(&self, n: u32) -> Answer {
        let Some(followup) = self.followups.get(&n).filter(|_| self.wished[&n]) else {
            return Answer::Is("given before");
        };
        let first = self.occurrences.values().filter(|one| one.followup == n).map(|one| one.due).min();
        Answer::Scheduled { first: first.unwrap_or(followup.from), replaced: None }
    }

    /// At most one occurrence has the same follow-up, due time and manner. Answers whether it is new.
    pub(super) fn insert_occurrence(&mut self, followup: u32, due: Ms, manual: bool) -> bool {
        let mut all = self.occurrences.values();
        if all.any(|one| (one.followup, one.due, one.manual) == (followup, due, manual)) {
            return false;
        }
        let id = u32::try_from(self.born()).expect("few things");
        let new = OccurrenceState {
            followup,
            due,
            manual,
            state: Of::Scheduled,
            due_at: Some(due),
            attempts: 0,
            fence: 0,
            lease: None,
            late: false,
            job: None,
            gate: false,
            settled: None,
        };
        self.occurrences.insert(id, new);
        true
    }

    /// The open occurrences of a follow-up, by their due times.
    pub(super) fn open_of(&self, followup: u32) -> Vec<u32> {
        let mine = self.occurrences.iter().filter(|(_, one)| one.followup == followup && one.settled.is_none());
        let mut mine: Vec<(Ms, bool, u32)> = mine.map(|(id, one)| (one.due, one.manual, *id)).collect();
        mine.sort_unstable();
        mine.into_iter().map(|(_, _, id)| id).collect()
    }

    pub(super) fn occurrence(&mut self, id: u32) -> &mut OccurrenceState {
        self.occurrences.get_mut(&id).expect("the occurrence is stored")
    }

    pub(super) fn followup(&mut self, id: u32) -> &mut FollowupState {
        self.followups.get_mut(&id).expect("the follow-up is stored")
    }

    /// Everything of it that has not become a job is cancelled; a job that runs has a Cancel of its own.
    pub(super) fn call_off(&mut self, id: u32) {
        let now = self.now;
        for one in self.open_of(id) {
            let one = self.occurrence(one);
            if one.job.is_none() {
                (one.state, one.settled, one.due_at) = (Of::Cancelled, Some(now), None);
                (one.gate, one.lease) = (false, None);
            }
        }
        let followup = self.followup(id);
        (followup.state, followup.ended) = (State::Cancelled, Some(now));
    }

    /// What is scheduled keeps its place and loses its time (requirement F20).
    pub(super) fn hold(&mut self, id: u32) {
        for one in self.open_of(id) {
            if self.occurrences[&one].state == Of::Scheduled {
                self.occurrence(one).due_at = None;
            }
        }
    }

    pub(super) fn act(&mut self, id: u32, by: By, act: FollowupAct) -> Answer {
        let Some(followup) = self.followups.get(&id).filter(|_| by != By::Stranger) else {
            return Answer::Is("not found");
        };
        match (act, followup.state) {
            (_, State::Ended | State::Cancelled)
            | (FollowupAct::Pause, State::Paused)
            | (FollowupAct::Resume, State::Pending) => Answer::Is("unchanged"),
            (FollowupAct::Cancel, _) => {
                self.call_off(id);
                Answer::Is("cancelled")
            }
            (FollowupAct::Pause, _) => {
                self.followup(id).state = State::Paused;
                self.hold(id);
                Answer::Is("paused")
            }
            (FollowupAct::Resume, _) => self.resume(id),
            (FollowupAct::Run, _) => self.run(id),
        }
    }

    /// The next due time comes from the schedule; what passed meanwhile is kept as skipped, and a one-shot
    /// whose time has passed fires at once.
    fn resume(&mut self, id: u32) -> Answer {
        let wall = self.wall();
        let followup = self.followup(id);
        (followup.state, followup.failures) = (State::Pending, 0);
        let followup = followup.clone();
        let open = self.open_of(id);
        let latest = open.iter().map(|one| self.occurrences[one].due).max().unwrap_or(wall).max(wall);
        let (mut next, mut regular, mut skipped) = (None::<Ms>, false, Vec::new());
        for one in open.iter().copied() {
            let occurrence = self.occurrence(one);
            let passed = occurrence.due <= wall;
            if occurrence.state != Of::Scheduled {
                continue;
            }
            if followup.recurs() && !occurrence.manual && passed {
                skipped.push(one);
                continue;
            }
            regular |= !occurrence.manual;
            let at = occurrence.due.max(wall);
            next = Some(next.map_or(at, |next| next.min(at)));
            if !occurrence.gate {
                (occurrence.due_at, occurrence.manual) = (Some(at), occurrence.manual || passed);
            }
        }
        if (next.is_none() || (followup.recurs() && !regular))
            && let Some(added) = followup.next_after(latest)
        {
            self.insert_occurrence(id, added, false);
            next = Some(next.map_or(added, |next| next.min(added)));
        }
        for one in skipped {
            self.settle_occurrence(one, Of::Skipped, false, false, &mut Vec::new());
        }
        let held = self.open_of(id).iter().any(|one| self.occurrences[one].gate);
        match next {
            _ if held && !followup.recurs() => Answer::Is("waits for the gate"),
            Some(next) => Answer::Resumed(next),
            None => Answer::Is("unchanged"),
        }
    }

    /// Fires beside the schedule: a one-shot now instead of later, a recurring one additionally.
    fn run(&mut self, id: u32) -> Answer {
        let wall = self.wall();
        let open = self.open_of(id);
        if open.iter().any(|one| self.occurrences[one].state == Of::Running) {
            return Answer::Is("unchanged");
        }
        if let Some(one) = open.first().filter(|_| !self.followups[&id].recurs()) {
            let followup = self.followup(id);
            if followup.state == State::Paused {
                (followup.state, followup.failures) = (State::Pending, 0);
            }
            let one = self.occurrence(*one);
            (one.due_at, one.manual, one.gate) = (Some(wall), true, false);
            return Answer::Is("runs");
        }
        // A second press is no second run; one that a pause keeps waiting is what is wished for now.
        match open.into_iter().find(|one| self.occurrences[one].manual) {
            Some(one) if self.occurrences[&one].due_at.is_some() => return Answer::Is("unchanged"),
            Some(one) => self.occurrence(one).due_at = Some(wall),
            None => drop(self.insert_occurrence(id, wall, true)),
        }
        Answer::Is("runs")
    }

    /// Everything of one person in exactly this place is called off; what others have there stays (F15).
    pub(super) fn stop(&mut self, who: Who, at: &Address) -> Stopped {
        let here = self.followups.iter().filter(|(_, one)| one.state.is_open() && one.at == *at);
        let (mine, others): (Vec<_>, Vec<_>) = here.map(|(id, one)| (*id, one.who)).partition(|(_, by)| *by == who);
        let followups: Vec<u32> = mine.into_iter().map(|(id, _)| id).collect();
        followups.iter().for_each(|id| self.call_off(*id));
        let shown = |job: &Job| self.contracts_of(*job).iter().any(|contract| self.contracts[contract].at == *at);
        let running = self.jobs.iter().filter(|(name, job)| {
            job.who == who && job.at.account == at.account && !job.state.is_terminal() && shown(name)
        });
        Stopped { followups, kept: others.len(), running: running.map(|(name, _)| *name).collect() }
    }

    pub(super) fn open_gates(&mut self, stamp: Option<u8>) -> Answer {
        if self.gate.is_none() || (stamp.is_some() && stamp != self.gate) {
            return Answer::Count(0);
        }
        let wall = self.wall();
        self.gate = None;
        self.told.clear();
        for one in self.occurrences.values_mut().filter(|one| one.gate) {
            (one.gate, one.due_at) = (false, Some(wall));
        }
        Answer::Count(1)
    }

    /// What is told about a follow-up that did not run takes the same road as any result (F12).
    pub(super) fn tell(&mut self, id: u32) {
        let followup = self.followups[&id].clone();
        let n = self.notices.entry(id).or_default();
        let notice = Job::Notice { followup: id, n: *n };
        *n += 1;
        self.accept(notice, followup.who, route(followup.spot, followup.who), Kind::Say, None);
    }

    pub(super) fn prune_followups(&mut self) -> u64 {
        let now = self.now;
        let old = |at: Option<Ms>, age: Ms| at.is_some_and(|at| at <= now - age);
        self.occurrences.retain(|_, one| !old(one.settled, KEEP_ROWS));
        let used: Vec<u32> = self.occurrences.values().map(|one| one.followup).collect();
        let before = self.followups.len();
        self.followups.retain(|id, one| !old(one.ended, KEEP_ROWS) || used.contains(id));
        (before - self.followups.len()) as u64
    }
}
