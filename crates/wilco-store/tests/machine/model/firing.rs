//! Follow-ups as the loop sees them: what is due is claimed, injected and settled, each due time at most
//! once (requirements F4 to F12, F17 to F20).

use wilco_core::followup::{FollowupState as State, OccurrenceState as Of};

use super::jobs::route;
use super::{MISSED_AGE, Model, PAUSE_AFTER};
use crate::command::{Answer, Kept, Told, Turn};
use crate::names::{Firing, Job, Kind, MINUTE, Ms, Occurrence};

/// Up to here a fire is on time.
const PUNCTUAL: Ms = MINUTE;
/// How long a claimed occurrence belongs to its claimer.
const LEASE: Ms = MINUTE;

impl Model {
    pub(super) fn claim_occurrences(&mut self) -> Answer {
        self.release_occurrences(false);
        let wall = self.wall();
        let mut due: Vec<(Ms, u32)> = Vec::new();
        for (id, one) in &self.occurrences {
            due.extend(one.due_at.filter(|at| *at <= wall).map(|at| (at, *id)));
        }
        due.sort_unstable();
        let (mut firings, mut told) = (Vec::new(), Vec::new());
        for (_, id) in due {
            if self.occurrences.contains_key(&id)
                && let Some((id, late)) = self.decide(id, &mut told)
            {
                let lease = Some(self.now + LEASE);
                let one = self.occurrence(id);
                (one.state, one.due_at, one.lease) = (Of::Running, None, lease);
                one.late |= late;
                one.fence += 1;
                let name = Occurrence { followup: one.followup, due: one.due, manual: one.manual };
                let (firing, late, attempts) = (Firing(name, one.fence), one.late, one.attempts);
                self.firings.insert(firing, id);
                firings.push((firing, late, attempts));
            }
        }
        firings.sort_unstable();
        Answer::Firings(firings, told)
    }

    /// Whether an occurrence fires now, or which one does in its place; and whether that is late.
    fn decide(&mut self, id: u32, told: &mut Told) -> Option<(u32, bool)> {
        let one = self.occurrences[&id].clone();
        let followup = self.followups[&one.followup].clone();
        match followup.state {
            State::Pending => {}
            State::Paused if one.manual => {}
            State::Paused => {
                self.hold(one.followup);
                return None;
            }
            State::Ended | State::Cancelled => {
                self.settle_occurrence(id, Of::Cancelled, false, false, told);
                return None;
            }
        }
        let (id, late) = if one.attempts > 0 || one.manual {
            (id, false)
        } else if followup.recurs() {
            self.latest_of(id, told)?
        } else {
            let late = self.wall() - one.due;
            if late > MISSED_AGE {
                self.settle_occurrence(id, Of::Missed, false, false, told);
                self.tell(one.followup);
                return None;
            }
            (id, late > PUNCTUAL)
        };
        if self.another_runs(id) {
            self.settle_occurrence(id, Of::Skipped, false, false, told);
            return None;
        }
        (self.occurrences[&id].state == Of::Scheduled).then_some((id, late))
    }

    /// However many times of a recurring follow-up have passed, at most the last one runs, the others are
    /// kept as missed, and the next one lies ahead (requirements F17, F18).
    fn latest_of(&mut self, id: u32, told: &mut Told) -> Option<(u32, bool)> {
        let (wall, one) = (self.wall(), self.occurrences[&id].clone());
        let followup = self.followups[&one.followup].clone();
        let later = self.open_of(one.followup).into_iter().map(|id| &self.occurrences[&id]);
        let later = later.filter(|other| other.due > one.due && !other.manual).map(|other| other.due).min();
        let (mut missed, mut last) = (Vec::new(), one.due);
        let fires = match later {
            // A process died after it had stored a later one: only this one is judged.
            Some(later) => {
                let fires = later > wall && wall - one.due <= MISSED_AGE;
                missed.extend((!fires).then_some(one.due));
                fires
            }
            None => {
                while let Some(next) = followup.next_after(last).filter(|next| *next <= wall) {
                    missed.push(last);
                    last = next;
                }
                let fires = wall - last <= MISSED_AGE;
                missed.extend((!fires).then_some(last));
                let next = followup.next_after(wall.max(last)).expect("it recurs");
                self.insert_occurrence(one.followup, next, false);
                fires
            }
        };
        if fires && last != one.due {
            self.insert_occurrence(one.followup, last, false);
        }
        for at in &missed {
            if *at == one.due {
                self.settle_occurrence(id, Of::Missed, false, false, told);
            } else if self.insert_occurrence(one.followup, *at, false) {
                let now = self.now;
                let row = self.occurrences.values_mut().rfind(|row| row.due == *at && row.followup == one.followup);
                let row = row.expect("just inserted");
                (row.state, row.settled, row.due_at) = (Of::Missed, Some(now), None);
            }
        }
        if !fires {
            self.tell(one.followup);
            return None;
        }
        let at = |row: &super::OccurrenceState| (row.followup, row.due, row.manual) == (one.followup, last, false);
        let (id, row) = self.occurrences.iter().find(|(_, row)| at(row)).expect("it is stored");
        (row.state == Of::Scheduled).then_some((*id, wall - last > PUNCTUAL || !missed.is_empty()))
    }

    /// Whether the job of another occurrence of the same follow-up is not over.
    fn another_runs(&self, id: u32) -> bool {
        let mine = self.open_of(self.occurrences[&id].followup);
        mine.into_iter().any(|other| other != id && self.occurrences[&other].job.is_some())
    }

    /// The occurrence of a claim that still holds it.
    fn held(&self, firing: Firing) -> Option<u32> {
        let id = self.firings[&firing];
        let one = self.occurrences.get(&id)?;
        (one.state == Of::Running && one.lease.is_some() && one.fence == firing.1).then_some(id)
    }

    pub(super) fn fire(&mut self, firing: Firing, turn: Turn) -> Answer {
        let mut told = Vec::new();
        let Some(id) = self.held(firing) else { return Answer::Fired("superseded", told) };
        let one = self.occurrences[&id].clone();
        let followup = self.followups[&one.followup].clone();
        if followup.state == State::Paused && !one.manual {
            let one = self.occurrence(id);
            (one.state, one.due_at, one.lease) = (Of::Scheduled, None, None);
            return Answer::Fired("held", told);
        }
        if self.another_runs(id) {
            self.settle_occurrence(id, Of::Skipped, false, false, &mut told);
            return Answer::Fired("superseded", told);
        }
        if turn == Turn::Start(Kind::Agent) && self.gate.is_some() {
            self.behind_gate(id, &mut told);
            return Answer::Fired("held", told);
        }
        self.occurrence(id).attempts += 1;
        match turn {
            Turn::Start(kind) => {
                let n = self.fired.entry(one.followup).or_default();
                let job = Job::Fired { followup: one.followup, n: *n };
                *n += 1;
                let route = route(followup.spot, followup.who);
                // What a follow-up asks for was admitted when it was scheduled: a full queue queues it (F5).
                let queued = self.queued(followup.who, &route[0]);
                let ahead = self.admit(followup.who, &route[0], kind).unwrap_or(Some(queued));
                self.accept(job, followup.who, route, kind, ahead);
                self.job(job).occurrence = Some(id);
                let one = self.occurrence(id);
                (one.job, one.lease) = (Some(job), None);
                return Answer::Fired("job", told);
            }
            Turn::Done => self.settle_occurrence(id, Of::Success, false, false, &mut told),
            Turn::InVain => self.settle_occurrence(id, Of::Failed, true, false, &mut told),
        }
        Answer::Fired("turn", told)
    }

    /// Only what will not mend by itself drops at once; a busy store is tried three times more.
    pub(super) fn dispatch_failed(&mut self, firing: Firing, kept: Kept) -> Answer {
        let mut told = Vec::new();
        let Some(id) = self.held(firing) else { return Answer::Told(told) };
        let wall = self.wall();
        let one = self.occurrence(id);
        one.attempts += 1;
        let waits = [200, 400, 800];
        let wait = waits.get(one.attempts as usize - 1).filter(|_| kept == Kept::Busy);
        if let Some(wait) = wait {
            (one.state, one.due_at, one.lease) = (Of::Scheduled, Some(wall + wait), None);
            return Answer::Told(told);
        }
        match kept {
            Kept::Refused => self.settle_occurrence(id, Of::Failed, true, false, &mut told),
            Kept::Busy => self.settle_occurrence(id, Of::FailedDropped, true, false, &mut told),
            Kept::Gone | Kept::NotAllowed => self.settle_occurrence(id, Of::FailedDropped, true, true, &mut told),
        }
        Answer::Told(told)
    }

    /// Settles an occurrence and does what follows for its follow-up; what is settled stays so (F8, F10).
    /// `tells` says that the originator is told of a failure, `for_good` that it would fail again.
    pub(super) fn settle_occurrence(&mut self, id: u32, state: Of, tells: bool, for_good: bool, told: &mut Told) {
        let (now, wall) = (self.now, self.wall());
        let one = self.occurrence(id);
        if one.settled.is_some() {
            return;
        }
        (one.state, one.settled, one.due_at, one.lease) = (state, Some(now), None, None);
        let (of, due) = (one.followup, one.due);
        told.push((of, state));
        let failed = matches!(state, Of::Failed | Of::FailedDropped);
        let followup = self.followup(of);
        followup.failures = match state {
            Of::Success => 0,
            _ => followup.failures + u32::from(failed),
        };
        let rests = failed && followup.recurs() && followup.state == State::Pending;
        if rests && (for_good || followup.failures >= PAUSE_AFTER) {
            followup.state = State::Paused;
            self.hold(of);
            self.tell(of);
        } else if tells && failed {
            self.tell(of);
        }
        // Without any occurrence ahead of it a follow-up is over; one whose schedule goes on never is.
        let followup = self.followups[&of].clone();
        if !followup.state.is_open() || !self.open_of(of).is_empty() {
            return;
        }
        if followup.recurs() {
            let next = followup.next_after(wall.max(due)).expect("it recurs");
            self.insert_occurrence(of, next, false);
        } else if followup.delete && matches!(state, Of::Success | Of::FailedDropped) {
            self.followups.remove(&of);
            self.occurrences.retain(|_, one| one.followup != of);
        } else {
            let followup = self.followup(of);
            (followup.state, followup.ended) = (State::Ended, Some(now));
        }
    }

    /// A closed gate: skipped without a call, and the originator told once for each closing. A one-shot
    /// keeps waiting and is due as soon as the gate opens (requirement H9).
    pub(super) fn behind_gate(&mut self, id: u32, told: &mut Told) {
        let one = self.occurrences[&id].clone();
        let followup = self.followups[&one.followup].clone();
        if !followup.recurs() && self.insert_occurrence(one.followup, one.due + 1, one.manual) {
            let waits = self.occurrences.values_mut().next_back().expect("just inserted");
            (waits.gate, waits.due_at) = (true, None);
        }
        self.settle_occurrence(id, Of::Skipped, false, false, told);
        if self.told.insert((followup.at.account.as_str().to_owned(), followup.who)) {
            self.tell(one.followup);
        }
    }

    /// What was claimed and not injected by a process that is gone has not fired (requirement F19).
    pub(super) fn release_occurrences(&mut self, alone: bool) -> u64 {
        let (now, wall) = (self.now, self.wall());
        let mut released = 0;
        for one in self.occurrences.values_mut() {
            if one.lease.is_some_and(|until| alone || until <= now) {
                let held = self.followups[&one.followup].state == State::Paused && !one.manual;
                (one.state, one.lease, one.due_at) = (Of::Scheduled, None, (!held).then_some(wall));
                released += 1;
            }
        }
        released
    }
}
