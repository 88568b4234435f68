//! The plain model of the store: maps, and the requirements as they would be told to a person. It knows no
//! SQL and calls none of the rules of the core; it uses only their words.

mod edits;
mod end;
mod firing;
mod followups;
mod jobs;
mod order;
mod outbox;
mod people;
mod recovery;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use wilco_core::contract::ContractState;
use wilco_core::question::QuestionState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, WorkerState};
use wilco_core::{Address, MessageRef};

use crate::command::{Answer, Command};
use crate::names::{Claim, Contract, Edit, Firing, Job, Kind, Ms, Occurrence, Receipt, Who};
use crate::view::{ContractView, FollowupView, JobView, OccurrenceView, ReceiptView, View};

pub(crate) use followups::{FollowupState, OccurrenceState};

/// The numbers that hold in these tests, small enough that sequences meet them.
pub(crate) const PERSON_RUNNING: usize = 2;
pub(crate) const PERSON_QUEUED: usize = 2;
pub(crate) const CHANNEL_OPEN: usize = 3;
pub(crate) const KIND_RUNNING: usize = 3;
pub(crate) const FOLLOWUPS: usize = 3;
pub(crate) const PAUSE_AFTER: u32 = 2;
pub(crate) const MISSED_AGE: Ms = 3_600_000;
pub(crate) const KEEP_TEXTS: Ms = 3_600_000;
pub(crate) const KEEP_ROWS: Ms = 3 * 3_600_000;
pub(crate) const QUESTION_LIMIT: Ms = 600_000;
pub(crate) const SILENCE_LIMIT: Ms = 120_000;

#[derive(Clone)]
pub(crate) struct JobState {
    /// In which order jobs were accepted.
    pub(crate) born: u64,
    pub(crate) kind: Kind,
    pub(crate) who: Who,
    pub(crate) at: Address,
    pub(crate) created: Ms,
    pub(crate) state: WorkerState,
    pub(crate) ahead: Option<u32>,
    pub(crate) started: Option<Ms>,
    pub(crate) ended: Option<Ms>,
    pub(crate) attempt: u32,
    pub(crate) reruns: u32,
    /// When its next attempt is due, while it rests.
    pub(crate) due: Option<Ms>,
    /// When the deadline watch looks at it.
    pub(crate) deadline: Option<Ms>,
    /// The limit of the whole run.
    pub(crate) hard: Option<Ms>,
    pub(crate) alive: Option<Ms>,
    /// Until when its process need not say that it lives; none while no process has it.
    pub(crate) lease: Option<Ms>,
    /// The line that it shows.
    pub(crate) shown: Option<u8>,
    pub(crate) cancelled_by: Option<&'static str>,
    pub(crate) ending: Option<Ending>,
    /// Whether a person asked for it there and then.
    pub(crate) by_person: bool,
    pub(crate) occurrence: Option<u32>,
    /// Whether its texts are still kept.
    pub(crate) kept: bool,
}

/// How a job ended and what it has to show.
#[derive(Clone)]
pub(crate) struct Ending {
    pub(crate) kind: EndKind,
    pub(crate) text: String,
    pub(crate) parts: u32,
    pub(crate) files: u32,
    /// Its person has been told before that the gate is closed, and is not called again.
    pub(crate) told: bool,
    /// It stood behind a closed gate and was never started.
    pub(crate) gated: bool,
}

#[derive(Clone)]
pub(crate) struct ContractRecord {
    pub(crate) state: ContractState,
    pub(crate) route: Vec<Address>,
    pub(crate) step: usize,
    pub(crate) at: Address,
    pub(crate) message: Option<MessageRef>,
    pub(crate) acked: bool,
    pub(crate) ack_deadline: Option<Ms>,
    pub(crate) progress_deadline: Option<Ms>,
    /// What the message shows, besides its header.
    pub(crate) picture: Option<String>,
    pub(crate) pictured: Option<Ms>,
    /// An edit of the message is under way, or nobody knows how it ended.
    pub(crate) edit_open: bool,
    pub(crate) edit_until: Option<Ms>,
    /// When an edit was last in doubt.
    pub(crate) doubt: Option<Ms>,
    pub(crate) edits: u32,
}

/// How rich the content may still be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Rich,
    Plain,
    Excerpt,
}

#[derive(Clone)]
pub(crate) struct ReceiptRecord {
    pub(crate) born: u64,
    pub(crate) state: ReceiptState,
    pub(crate) at: Address,
    pub(crate) message: Option<MessageRef>,
    pub(crate) shape: Shape,
    pub(crate) reassert_shape: Option<Shape>,
    pub(crate) attempts: u32,
    pub(crate) fallbacks: u32,
    pub(crate) first_due: Option<Ms>,
    pub(crate) due: Option<Ms>,
    /// Until when its address asked for silence, as far as it knows.
    pub(crate) parked: Option<Ms>,
    /// A create that may have been applied.
    pub(crate) doubt: bool,
    /// An edit that may still land.
    pub(crate) edit_open: bool,
    pub(crate) reassert: Option<Ms>,
    pub(crate) lease: Option<Ms>,
    pub(crate) fence: i64,
    pub(crate) replaced: bool,
    /// Its text was removed by the retention.
    pub(crate) forgotten: bool,
    pub(crate) settled: Option<Ms>,
    pub(crate) created: Ms,
}

impl ReceiptRecord {
    /// Where its message stands, which moves along with its chat.
    pub(crate) fn stands_at(&self) -> &Address {
        self.message.as_ref().map_or(&self.at, |message| &message.address)
    }
}

#[derive(Clone)]
pub(crate) struct QuestionRecord {
    pub(crate) text: u8,
    pub(crate) state: QuestionState,
    pub(crate) answer: u32,
    pub(crate) asked: Ms,
    pub(crate) settled: Option<Ms>,
}

/// A claimed receipt in the hands of the outbox.
#[derive(Clone)]
pub(crate) struct InHand {
    pub(crate) at: Address,
    pub(crate) edits: Option<MessageRef>,
    pub(crate) reassert: bool,
    pub(crate) doubt: bool,
}

/// A progress edit in the hands of the loop.
#[derive(Clone)]
pub(crate) struct EditInHand {
    pub(crate) message: MessageRef,
    pub(crate) picture: String,
    pub(crate) before: Option<String>,
}

/// Everything that is stored, and what was handed out.
#[derive(Clone, Default)]
pub(crate) struct Model {
    pub(crate) now: Ms,
    /// By how much the wall clock was stepped.
    pub(crate) stepped: Ms,
    pub(crate) births: u64,
    pub(crate) jobs: BTreeMap<Job, JobState>,
    pub(crate) contracts: BTreeMap<Contract, ContractRecord>,
    pub(crate) receipts: BTreeMap<Receipt, ReceiptRecord>,
    pub(crate) questions: BTreeMap<(Job, u32), QuestionRecord>,
    pub(crate) followups: BTreeMap<u32, FollowupState>,
    pub(crate) occurrences: BTreeMap<u32, OccurrenceState>,
    /// Until when a channel, or with an empty name a whole account, asked for silence.
    pub(crate) parks: BTreeMap<(String, String), Ms>,
    pub(crate) paused: BTreeSet<String>,
    /// The stamp with which the gate was closed.
    pub(crate) gate: Option<u8>,
    /// Who was told, on which account, since it was closed.
    pub(crate) told: BTreeSet<(String, Who)>,
    /// Every event that was taken, with the job that it started.
    pub(crate) heard: BTreeMap<u32, Option<Job>>,
    /// Every wish that was taken, with the follow-up that came of it.
    pub(crate) wished: BTreeMap<u32, bool>,
    pub(crate) in_hand: BTreeMap<Claim, InHand>,
    pub(crate) edits: BTreeMap<Edit, EditInHand>,
    pub(crate) firings: BTreeMap<Firing, u32>,
    /// How many jobs a follow-up has started, and how many notices tell of it.
    pub(crate) fired: BTreeMap<u32, u32>,
    pub(crate) notices: BTreeMap<u32, u32>,
    pub(crate) steps: u32,
    pub(crate) answer: Answer,
    pub(crate) journal: BTreeMap<Job, Vec<String>>,
}

/// The input of a failing test is the commands; everything else follows from them.
impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a store after {} commands", self.steps)
    }
}

impl Model {
    /// What a command does, and what it answers.
    pub(crate) fn apply(mut self, command: &Command) -> Self {
        self.steps += 1;
        self.journal.clear();
        let answer = match command.clone() {
            Command::Offer { n, who, spot, kind } => self.offer(n, who, spot, kind),
            Command::OfferAgain { n } => Answer::Duplicate(self.heard[&n].filter(|job| self.jobs.contains_key(job))),
            Command::Watch { job, by, spot } => self.watch(job, by, spot),
            Command::Cancel { job, by, followups } => self.cancel(job, by, followups),
            Command::StopHere { who, spot } => self.stop_here(who, spot),
            Command::Answer { job, question, by, choice } => self.answer(job, question, by, choice),
            Command::Schedule { n, who, spot, when, key, delete } => self.schedule(n, who, spot, when, key, delete),
            Command::ScheduleAgain { n } => self.schedule_again(n),
            Command::Act { followup, by, act } => self.act(followup, by, act),
            Command::RetryReceipt { receipt } => self.retry_receipt(receipt),
            Command::OpenGates { stamp } => self.open_gates(stamp),
            Command::Begin => self.begin(),
            Command::Record { job, line } => self.record(job, line),
            Command::Ask { job, question, text } => self.ask(job, question, text),
            Command::Finish { job, end, long, file } => {
                let text = format!("result {}", self.steps);
                let (parts, files) = (if long { 2 } else { 0 }, u32::from(file));
                self.finish(job, Ending { kind: end, text, parts, files, told: false, gated: false })
            }
            Command::Halt { job, stamp } => self.halt(job, stamp),
            Command::RetryLater { job, rest } => self.retry_later(job, rest),
            Command::OpenEdits { job } => self.open_edits(job),
            Command::CloseEdit { edit, said } => self.close_edit(edit, &said),
            Command::Claim => self.claim(),
            Command::Settle { claim, learnt } => self.settle(claim, &learnt),
            Command::ResumeAccounts => self.resume_accounts(),
            Command::Judge => self.judge(),
            Command::Extend { by } => self.extend(by),
            Command::ClaimOccurrences => self.claim_occurrences(),
            Command::Fire { firing, turn } => self.fire(firing, turn),
            Command::DispatchFailed { firing, kept } => self.dispatch_failed(firing, kept),
            Command::RenewLeases => self.renew_leases(),
            Command::Prune => self.prune(),
            Command::Die => self.recover(true),
            Command::Rescue => self.recover(false),
            Command::Pass { by } => {
                self.now += by;
                Answer::None
            }
            Command::StepWallClock { by } => {
                self.stepped += by;
                Answer::None
            }
        };
        self.answer = answer.in_order();
        self
    }

    pub(crate) fn wall(&self) -> Ms {
        self.now + self.stepped
    }

    fn born(&mut self) -> u64 {
        self.births += 1;
        self.births
    }

    /// Adds an event to the journal of a job.
    fn note(&mut self, job: Job, event: &str) {
        self.journal.entry(job).or_default().push(event.to_owned());
    }

    fn contracts_of(&self, job: Job) -> Vec<Contract> {
        self.contracts.keys().filter(|contract| contract.0 == job).copied().collect()
    }

    fn receipts_of(&self, contract: Contract) -> Vec<Receipt> {
        self.receipts.keys().filter(|receipt| receipt.of == contract).copied().collect()
    }

    fn contract(&mut self, contract: Contract) -> &mut ContractRecord {
        self.contracts.get_mut(&contract).expect("the contract is stored")
    }

    fn receipt(&mut self, receipt: Receipt) -> &mut ReceiptRecord {
        self.receipts.get_mut(&receipt).expect("the receipt is stored")
    }

    fn job(&mut self, job: Job) -> &mut JobState {
        self.jobs.get_mut(&job).expect("the job is stored")
    }

    fn ended(&self, job: Job) -> bool {
        self.jobs[&job].state.is_terminal()
    }

    /// The newest generation of a kind and part.
    fn newest(&self, of: Contract, kind: ReceiptKind, part: u32) -> Option<Receipt> {
        self.receipts_of(of).into_iter().rfind(|one| one.kind == kind && one.part == part)
    }

    /// How it has to look.
    pub(crate) fn view(&self) -> View {
        let id = |message: &Option<MessageRef>| message.as_ref().map(|message| message.message.clone());
        let job = |(name, job): (&Job, &JobState)| {
            let ending = job.ending.as_ref().map(|ending| (ending.kind, ending.text.clone()));
            let (state, attempt, reruns, due) = (job.state, job.attempt, job.reruns, job.due);
            (*name, JobView { state, attempt, reruns, due, deadline: job.deadline, ending })
        };
        let contract = |(name, one): (&Contract, &ContractRecord)| {
            let (ack_deadline, progress_deadline) = (one.ack_deadline, one.progress_deadline);
            let (state, at, message) = (one.state, one.at.clone(), id(&one.message));
            (*name, ContractView { state, at, message, ack_deadline, progress_deadline })
        };
        let receipt = |(name, one): (&Receipt, &ReceiptRecord)| {
            let (state, at, message) = (one.state, one.at.clone(), id(&one.message));
            let (attempts, due, reassert, replaced) = (one.attempts, one.due, one.reassert, one.replaced);
            (*name, ReceiptView { state, at, message, attempts, due, reassert, replaced })
        };
        let occurrence = |one: &OccurrenceState| {
            let name = Occurrence { followup: one.followup, due: one.due, manual: one.manual };
            let (state, due, attempts, gate) = (one.state, one.due_at, one.attempts, one.gate);
            (name, OccurrenceView { state, due, attempts, job: one.job, gate })
        };
        let followup =
            |(name, one): (&u32, &FollowupState)| (*name, FollowupView { state: one.state, failures: one.failures });
        let mut journal = self.journal.clone();
        journal.retain(|job, _| self.jobs.contains_key(job));
        journal.values_mut().for_each(|events| events.sort());
        View {
            answer: self.answer.clone(),
            jobs: self.jobs.iter().map(job).collect(),
            contracts: self.contracts.iter().map(contract).collect(),
            receipts: self.receipts.iter().map(receipt).collect(),
            questions: self.questions.iter().map(|(name, one)| (*name, one.state)).collect(),
            followups: self.followups.iter().map(followup).collect(),
            occurrences: self.occurrences.values().map(occurrence).collect(),
            paused: self.paused.clone(),
            gate_closed: self.gate.is_some(),
            journal,
        }
    }
}
