//! What time and death do: deadlines, leases, the takeover of what a dead process has left, and retention.

use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, WorkerState};

use super::jobs::LEASE;
use super::order::Sign;
use super::{Ending, KEEP_ROWS, KEEP_TEXTS, Model, SILENCE_LIMIT};
use crate::command::Answer;
use crate::names::{Contract, Job, Kind, Ms, Receipt};

/// How often a job is run again after crashes.
const RERUNS: u32 = 2;

impl Model {
    /// Another process takes over: the only one there is, or one that looks for leases that have run out.
    pub(super) fn recover(&mut self, alone: bool) -> Answer {
        let now = self.now;
        let lost = |lease: Option<Ms>| lease.is_some_and(|until| alone || until <= now);
        let (mut rerun, mut ended, mut in_doubt) = (0, 0, 0);
        let sending: Vec<Receipt> =
            self.receipts.iter().filter(|(_, one)| lost(one.lease)).map(|(name, _)| *name).collect();
        for receipt in sending {
            // Nobody knows whether the call was made: never sent blind (requirement U3).
            self.due_after_silence(receipt);
            let create = matches!(receipt.kind, ReceiptKind::Stub | ReceiptKind::Ping);
            let one = self.receipt(receipt);
            (one.doubt, one.edit_open) = (create, !create);
            in_doubt += 1;
        }
        if alone {
            for one in self.contracts.values_mut().filter(|one| one.edit_open) {
                (one.edit_until, one.doubt) = (None, Some(now));
            }
            self.wake(|_| true);
        }
        let released = self.release_occurrences(alone);
        let jobs: Vec<Job> = self.jobs.iter().filter(|(_, job)| lost(job.lease)).map(|(name, _)| *name).collect();
        for name in jobs {
            self.note(name, "recovered");
            let job = self.job(name);
            // A reminder brought no process down, and is never given up for one.
            let again = job.kind == Kind::Say || (job.kind == Kind::Agent && job.reruns < RERUNS);
            if again && job.state != WorkerState::Cancelling {
                (job.state, job.lease, job.deadline, job.hard) = (WorkerState::Queued, None, None, None);
                (job.ahead, job.reruns, job.attempt) = (None, job.reruns + 1, job.attempt.saturating_sub(1));
                self.nothing_is_due(name);
                rerun += 1;
            } else {
                self.terminate(name, Ending::bare(EndKind::Interrupted));
                ended += 1;
            }
        }
        Answer::Recovered { rerun, ended, in_doubt, released }
    }

    /// Due now, or when the silence ends for which its address has asked, or it alone was asked for.
    fn due_after_silence(&mut self, receipt: Receipt) {
        let own = self.receipts[&receipt].parked.filter(|until| *until > self.now);
        let (due, parked) = self.may_leave(&self.receipts[&receipt].at, own.unwrap_or(self.now));
        let parked = parked.max(own).filter(|until| *until > self.now);
        let one = self.receipt(receipt);
        (one.state, one.due, one.parked, one.lease) = (ReceiptState::Pending, due, parked, None);
    }

    pub(super) fn resume_accounts(&mut self) -> Answer {
        let paused = self.paused.len() as u64;
        self.paused.clear();
        let held = |one: &super::ReceiptRecord| one.state == ReceiptState::Pending && one.due.is_none();
        let held: Vec<Receipt> = self.receipts.iter().filter(|(_, one)| held(one)).map(|(name, _)| *name).collect();
        held.into_iter().for_each(|receipt| self.due_after_silence(receipt));
        Answer::Count(paused)
    }

    pub(super) fn renew_leases(&mut self) -> Answer {
        for job in self.jobs.values_mut().filter(|job| job.lease.is_some()) {
            job.lease = Some(self.now + LEASE);
        }
        Answer::None
    }

    /// Judges every deadline that has passed, and ends what has run out of time.
    pub(super) fn judge(&mut self) -> Answer {
        let now = self.now;
        let passed = |at: Option<Ms>| at.is_some_and(|at| at <= now);
        for contract in self.contracts.keys().copied().collect::<Vec<_>>() {
            let one = self.contract(contract);
            let (late, silent, unseen) = (
                passed(one.ack_deadline),
                passed(one.progress_deadline),
                one.state == wilco_core::contract::ContractState::Created,
            );
            if late {
                one.ack_deadline = None;
            }
            if silent {
                one.progress_deadline = None;
            }
            if late && unseen {
                self.hurry_stub(contract);
                self.note(contract.0, "ack_missed");
            }
            if silent {
                self.sign(contract, Sign::Silence);
            }
        }
        let mut timed_out = Vec::new();
        for (name, job) in self.jobs.iter().filter(|(_, job)| passed(job.deadline)) {
            let silent = job.kind == Kind::Agent && passed(job.alive.map(|alive| alive + SILENCE_LIMIT));
            let why = match job.state {
                WorkerState::Running if passed(job.hard) => "limit",
                WorkerState::Running if silent => "silent",
                WorkerState::WaitingForInput => "unanswered",
                // The limit holds while it rests between two attempts, too.
                WorkerState::Queued if passed(job.hard) => "limit",
                _ => continue,
            };
            timed_out.push((*name, why));
        }
        for (name, _) in &timed_out {
            self.terminate(*name, Ending::bare(EndKind::TimedOut));
        }
        Answer::TimedOut(timed_out)
    }

    /// The stub is made due now, unless it is in flight or its address asked for silence (W6).
    fn hurry_stub(&mut self, of: Contract) {
        let now = self.now;
        let stub = self.newest(of, ReceiptKind::Stub, 0).expect("every contract has one");
        let one = self.receipt(stub);
        if one.due.is_some_and(|due| due > now) && one.parked.is_none_or(|until| until <= now) {
            one.due = Some(now);
        }
    }

    /// The process was not running for so long: no deadline counts that time (requirement W21).
    pub(super) fn extend(&mut self, by: Ms) -> Answer {
        for one in self.contracts.values_mut() {
            one.ack_deadline = one.ack_deadline.map(|at| at + by);
            one.progress_deadline = one.progress_deadline.map(|at| at + by);
        }
        for job in self.jobs.values_mut().filter(|job| job.deadline.is_some()) {
            job.deadline = job.deadline.map(|at| at + by);
            job.hard = job.hard.map(|at| at + by);
            job.alive = job.alive.map(|at| at + by);
        }
        Answer::None
    }

    /// The retention: texts go first, rows later, and nothing of a job with an open receipt (R13).
    pub(super) fn prune(&mut self) -> Answer {
        let now = self.now;
        let open: Vec<Job> =
            self.receipts.iter().filter(|(_, one)| one.settled.is_none()).map(|(name, _)| name.of.0).collect();
        let old = |job: &super::JobState, age: Ms| job.ended.is_some_and(|ended| ended <= now - age);
        let done = self.jobs.iter().filter(|(name, _)| !open.contains(name));
        let drop: Vec<Job> = done.clone().filter(|(_, job)| old(job, KEEP_ROWS)).map(|(name, _)| *name).collect();
        let empty = done.filter(|(_, job)| old(job, KEEP_TEXTS) && !old(job, KEEP_ROWS) && job.kept);
        let empty: Vec<Job> = empty.map(|(name, _)| *name).collect();
        for name in &empty {
            let job = self.job(*name);
            job.kept = false;
            job.by_person = true;
            if let Some(ending) = &mut job.ending {
                *ending = Ending::bare(ending.kind);
            }
        }
        self.receipts
            .iter_mut()
            .filter(|(name, _)| empty.contains(&name.of.0))
            .for_each(|(_, one)| one.forgotten = true);
        self.jobs.retain(|name, _| !drop.contains(name));
        self.contracts.retain(|name, _| !drop.contains(&name.0));
        self.receipts.retain(|name, _| !drop.contains(&name.of.0));
        self.questions.retain(|(name, _), _| !drop.contains(name) && !empty.contains(name));
        self.parks.retain(|_, until| *until > now);
        let followups = self.prune_followups();
        let dropped = u32::try_from(drop.len()).expect("few jobs");
        let mut emptied = [drop, empty].concat();
        emptied.sort_unstable();
        Answer::Pruned { emptied, dropped, followups }
    }
}
