//! Jobs from their acceptance to their last sign of life.

use wilco_core::Address;
use wilco_core::question::QuestionState;
use wilco_core::receipt::ReceiptKind;
use wilco_core::worker::{EndKind, WorkerState};

use super::order::{PROGRESS, Sign};
use super::{
    CHANNEL_OPEN, Ending, JobState, KIND_RUNNING, Model, PERSON_QUEUED, PERSON_RUNNING, QUESTION_LIMIT, QuestionRecord,
    SILENCE_LIMIT,
};
use crate::command::Answer;
use crate::names::{Contract, Job, Kind, MINUTE, Ms, Receipt, SECOND, Spot, Who};

/// The limit of a whole run, and for how long a process keeps a job without saying that it lives.
const RUN_LIMIT: Ms = 30 * MINUTE;
pub(super) const LEASE: Ms = 15 * SECOND;

/// The addresses that a contract of a place may use, in order: a public thread, its channel, the person's
/// direct message; none is read by more people than the first (requirement D10).
pub(crate) fn route(spot: Spot, who: Who) -> Vec<Address> {
    let ops = || Address::channel("sim", "ops");
    let direct = Address::channel("sim", format!("dm-{}", who.name()));
    match spot {
        Spot::Thread => vec![ops().in_thread("t1"), ops(), direct],
        Spot::Channel => vec![ops(), direct],
        Spot::Direct => vec![direct],
        Spot::Far => vec![Address::channel("other", "hall")],
    }
}

impl Model {
    pub(super) fn offer(&mut self, n: u32, who: Who, spot: Spot, kind: Kind) -> Answer {
        let route = route(spot, who);
        self.heard.insert(n, None);
        if kind == Kind::Agent && self.gate.is_some() {
            self.told.insert((route[0].account.as_str().to_owned(), who));
            return Answer::Is("gated");
        }
        match self.admit(who, &route[0], kind) {
            Ok(ahead) => {
                let job = Job::Asked(n);
                self.heard.insert(n, Some(job));
                self.accept(job, who, route, kind, ahead);
                Answer::Accepted { ahead }
            }
            Err(refused) => Answer::Is(refused),
        }
    }

    /// Whether a job is taken, and behind how many others it waits then.
    pub(super) fn admit(&self, who: Who, at: &Address, kind: Kind) -> Result<Option<u32>, &'static str> {
        let count = |of: &dyn Fn(&JobState) -> bool| self.jobs.values().filter(|job| of(job)).count();
        let mine = |job: &JobState| job.who == who && job.at.account == at.account;
        let here = |job: &JobState| job.at.account == at.account && job.at.channel == at.channel;
        let queued = count(&|job| mine(job) && waits(job));
        let person_free = count(&|job| mine(job) && has_slot(job)) + queued < PERSON_RUNNING;
        let kind_waits = count(&|job| job.kind == kind && waits(job));
        let kind_free = count(&|job| job.kind == kind && has_slot(job)) + kind_waits < KIND_RUNNING;
        if count(&|job| here(job) && !job.state.is_terminal()) >= CHANNEL_OPEN {
            return Err("channel full");
        }
        if person_free && kind_free {
            return Ok(None);
        }
        if queued >= PERSON_QUEUED {
            return Err("person full");
        }
        let ahead = if person_free { kind_waits } else { queued };
        Ok(Some(u32::try_from(ahead).expect("few jobs")))
    }

    /// How many jobs of a person wait for a slot.
    pub(super) fn queued(&self, who: Who, at: &Address) -> u32 {
        let mine = |job: &&JobState| job.who == who && job.at.account == at.account && waits(job);
        u32::try_from(self.jobs.values().filter(mine).count()).expect("few jobs")
    }

    pub(super) fn accept(&mut self, job: Job, who: Who, route: Vec<Address>, kind: Kind, ahead: Option<u32>) {
        let state = JobState {
            born: self.born(),
            kind,
            who,
            at: route[0].clone(),
            created: self.now,
            state: WorkerState::Queued,
            ahead,
            started: None,
            ended: None,
            attempt: 0,
            reruns: 0,
            due: None,
            deadline: None,
            hard: None,
            alive: None,
            lease: None,
            shown: None,
            cancelled_by: None,
            ending: None,
            by_person: matches!(job, Job::Asked(_)),
            occurrence: None,
            kept: true,
        };
        self.jobs.insert(job, state);
        self.open_contract(Contract(job, 0), route);
        self.note(job, "accepted");
        if ahead.is_some() {
            self.note(job, "queued");
        }
    }

    /// Starts what waits, oldest first, as far as there are slots. One behind a closed gate ends unstarted.
    pub(super) fn begin(&mut self) -> Answer {
        let mut queued: Vec<(Ms, u64, Job)> = Vec::new();
        for (name, job) in &self.jobs {
            if job.state == WorkerState::Queued && job.due.is_none_or(|due| due <= self.now) {
                queued.push((job.created, job.born, *name));
            }
        }
        queued.sort_unstable();
        let mut begun = Vec::new();
        for (_, _, name) in queued {
            let job = &self.jobs[&name];
            if job.kind == Kind::Agent && self.gate.is_some() {
                let told = !self.told.insert((job.at.account.as_str().to_owned(), job.who));
                self.terminate(name, gate_ending(told, true));
                continue;
            }
            let mine = |other: &&JobState| other.who == job.who && other.at.account == job.at.account;
            let person = self.jobs.values().filter(mine).filter(|other| has_slot(other)).count();
            let kind = self.jobs.values().filter(|other| other.kind == job.kind && has_slot(other)).count();
            if job.kind == Kind::Say || (person < PERSON_RUNNING && kind < KIND_RUNNING) {
                self.start(name);
                begun.push((name, self.jobs[&name].attempt));
            }
        }
        Answer::Begun(begun)
    }

    fn start(&mut self, name: Job) {
        let now = self.now;
        let job = self.job(name);
        // A job does not get longer by failing: the limit counts from its first start.
        let hard = job.hard.filter(|_| job.attempt > 0).unwrap_or(now + RUN_LIMIT);
        (job.state, job.started, job.alive, job.due) = (WorkerState::Running, Some(now), Some(now), None);
        (job.hard, job.lease) = (Some(hard), Some(now + LEASE));
        job.attempt += 1;
        job.deadline = next_deadline(job, now);
        self.note(name, "started");
        self.progress_is_due(name);
    }

    /// A running job that is acknowledged has to show a sign of life by and by.
    pub(super) fn progress_is_due(&mut self, name: Job) {
        let at = self.now + PROGRESS;
        for contract in self.contracts_of(name) {
            let one = self.contract(contract);
            if one.state.is_open() && one.acked {
                one.progress_deadline = Some(at);
            }
        }
    }

    pub(super) fn nothing_is_due(&mut self, name: Job) {
        for contract in self.contracts_of(name) {
            self.contract(contract).progress_deadline = None;
        }
    }

    pub(super) fn record(&mut self, name: Job, line: u8) -> Answer {
        let now = self.now;
        let Some(job) = self.jobs.get_mut(&name).filter(|job| is_under_way(job.state)) else {
            return Answer::Is("gone");
        };
        (job.shown, job.alive) = (Some(line), Some(now));
        if job.state == WorkerState::Running {
            job.deadline = next_deadline(job, now);
            for contract in self.contracts_of(name) {
                self.sign(contract, Sign::Life);
            }
            self.progress_is_due(name);
        }
        self.note(name, "status");
        Answer::Is("recorded")
    }

    /// A person's time is not the job's: the progress deadline rests, and a limit of its own holds (W20).
    pub(super) fn ask(&mut self, name: Job, first: u32, text: u8) -> Answer {
        let now = self.now;
        let running = |job: &&JobState| matches!(job.state, WorkerState::Running | WorkerState::WaitingForInput);
        if self.jobs.get(&name).filter(running).is_none() {
            return Answer::Is("stopped");
        }
        let mut number = first;
        let mut new = true;
        while let Some(earlier) = self.questions.get(&(name, number)) {
            if earlier.text == text && earlier.state == QuestionState::Answered {
                return Answer::Answered(earlier.answer);
            }
            if earlier.text == text && earlier.state == QuestionState::Open {
                new = false;
                break;
            }
            number += 1;
        }
        if new {
            let state = QuestionState::Open;
            self.questions.insert((name, number), QuestionRecord { text, state, answer: 0, asked: now, settled: None });
            self.note(name, "question");
        }
        let job = self.job(name);
        (job.state, job.alive, job.deadline) = (WorkerState::WaitingForInput, Some(now), Some(now + QUESTION_LIMIT));
        self.nothing_is_due(name);
        for contract in self.contracts_of(name) {
            self.sign(contract, Sign::Life);
            self.show_question(contract, number);
        }
        Answer::Waits(number)
    }

    /// A question is shown wherever the job is, with one ping, however often it is shown anew.
    fn show_question(&mut self, of: Contract, part: u32) {
        let settled = |model: &Self, receipt: Receipt| model.receipts[&receipt].settled.is_some();
        if self.newest(of, ReceiptKind::Content, 0).is_some_and(|content| settled(self, content)) {
            // Merged with another contract at the same address.
            return;
        }
        let earlier = self.newest(of, ReceiptKind::Question, part);
        if earlier.is_none_or(|earlier| settled(self, earlier)) {
            let generation = earlier.map_or(0, |earlier| earlier.generation + 1);
            self.insert_waiting(Receipt { of, kind: ReceiptKind::Question, part, generation });
        }
        if earlier.is_none() {
            self.insert_waiting(Receipt { of, kind: ReceiptKind::Ping, part, generation: 0 });
        }
        self.reconsider(of);
    }

    /// An attempt failed and the next one rests; a stored cancel comes before it (requirement C7).
    pub(super) fn retry_later(&mut self, name: Job, rest: Ms) -> Answer {
        let at = self.now + rest;
        let Some(job) = self.jobs.get_mut(&name) else { return Answer::Due(None) };
        match job.state {
            WorkerState::Running | WorkerState::WaitingForInput => {}
            WorkerState::Cancelling => {
                self.terminate(name, Ending::bare(EndKind::Cancelled));
                return Answer::Due(None);
            }
            _ => return Answer::Due(None),
        }
        (job.state, job.due, job.deadline) = (WorkerState::Queued, Some(at), job.hard);
        (job.lease, job.ahead, job.shown) = (None, None, None);
        self.nothing_is_due(name);
        self.note(name, "retrying");
        Answer::Due(Some(at))
    }

    /// A job found out that nothing can succeed: its gate closes in the same step (requirement H8).
    pub(super) fn halt(&mut self, name: Job, stamp: u8) -> Answer {
        let Some(job) = self.jobs.get(&name) else { return Answer::State(None) };
        let (ended, person) = (job.state.is_terminal(), (job.at.account.as_str().to_owned(), job.who));
        self.gate = self.gate.or(Some(stamp));
        if !ended {
            let told = !self.told.insert(person);
            self.terminate(name, gate_ending(told, false));
        }
        Answer::State(Some(self.jobs[&name].state))
    }
}

fn gate_ending(told: bool, gated: bool) -> Ending {
    Ending { text: "gate".to_owned(), told, gated, ..Ending::bare(EndKind::Failed) }
}

/// What rests between two attempts waits for its time, and what only says something for nothing.
fn waits(job: &JobState) -> bool {
    job.state == WorkerState::Queued && job.due.is_none() && job.kind != Kind::Say
}

/// A job that waits for a person holds no slot (requirement W20), nor does one that only says something.
fn has_slot(job: &JobState) -> bool {
    matches!(job.state, WorkerState::Running | WorkerState::Cancelling) && job.kind != Kind::Say
}

fn is_under_way(state: WorkerState) -> bool {
    matches!(state, WorkerState::Running | WorkerState::WaitingForInput | WorkerState::Cancelling)
}

/// The earliest limit of a job that runs: the hard one, or that of its silence.
pub(super) fn next_deadline(job: &JobState, now: Ms) -> Option<Ms> {
    let silence = (job.kind == Kind::Agent).then(|| job.alive.unwrap_or(now) + SILENCE_LIMIT);
    job.hard.into_iter().chain(silence).min()
}
