//! Looking at the rows of a store, by portable statements. What it finds it names as the commands do.

use std::collections::BTreeMap;

use wilco_core::contract::ContractState;
use wilco_core::followup::{FollowupState, OccurrenceState, Origin};
use wilco_core::job::Input;
use wilco_core::question::QuestionState;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{Ending, WorkerState};
use wilco_core::{AccountId, Address, ContractId, MessageRef, ReceiptId, Short, WorkerId};
use wilco_store::StoreError;
use wilco_store::engine::Row;

use super::{Sut, Trouble, steady, wall};
use crate::backend::Backend;
use crate::command::Answer;
use crate::names::{Contract, Job, Occurrence, Receipt};
use crate::view::{ContractView, FollowupView, JobView, OccurrenceView, ReceiptView, View};

const WORKERS: &str =
    "SELECT id, state, attempt, reruns, due_at, deadline, ending, input FROM workers ORDER BY created_at, id";
const CONTRACTS: &str = "SELECT id, worker, number, state, account, channel, thread, message, ack_deadline, \
                         progress_deadline FROM contracts ORDER BY id";
const RECEIPTS: &str = "SELECT id, contract, kind, part, generation, state, account, channel, thread, message, \
                        attempts, due_at, reassert_at, replaced FROM receipts ORDER BY id";
const QUESTIONS: &str = "SELECT worker, number, state FROM questions ORDER BY id";
const FOLLOWUPS: &str = "SELECT short, state, failures FROM followups ORDER BY id";
const OCCURRENCES: &str = "SELECT followups.short AS short, occurrences.* FROM occurrences \
                           JOIN followups ON followups.id = occurrences.followup ORDER BY occurrences.id";
const PAUSED: &str = "SELECT account FROM paused_accounts ORDER BY account";
const GATES: &str = "SELECT backend FROM gates ORDER BY backend";
const JOURNAL: &str = "SELECT worker, seq, event FROM journal ORDER BY worker, seq";

fn unreadable(error: StoreError) -> Trouble {
    format!("a row cannot be read: {error}")
}

fn named<T>(row: &Row, name: fn(&str) -> Option<T>) -> Result<T, Trouble> {
    let state = row.text("state").map_err(unreadable)?;
    name(&state).ok_or_else(|| format!("{state} is no state"))
}

fn message(row: &Row) -> Result<Option<String>, Trouble> {
    let message: Option<MessageRef> = row.opt_json("message").map_err(unreadable)?;
    Ok(message.map(|message| message.message))
}

fn at(row: &Row) -> Result<Address, StoreError> {
    let account = AccountId::new(row.text("account")?);
    Ok(Address { account, channel: row.text("channel")?, thread: row.opt_text("thread")? })
}

impl<B: Backend> Sut<B> {
    /// Everything that is compared.
    pub(crate) async fn look(&mut self, answer: Answer) -> Result<View, Trouble> {
        let tables = vec![WORKERS, CONTRACTS, RECEIPTS, QUESTIONS, FOLLOWUPS, OCCURRENCES, PAUSED, GATES, JOURNAL];
        let mut tables = self.rows(tables).await?.into_iter();
        let mut next = || tables.next().unwrap_or_default();
        let jobs = self.jobs_in(next())?;
        let contracts = self.contracts_in(next())?;
        let receipts = self.receipts_in(next())?;
        let mut view = View { answer, jobs, contracts, receipts, ..View::default() };
        for row in next() {
            let job = self.job_of(&row, "worker")?;
            let number = row.count("number").map_err(unreadable)?;
            view.questions.insert((job, number), named(&row, QuestionState::from_name)?);
        }
        for row in next() {
            let failures = row.count("failures").map_err(unreadable)?;
            let state = named(&row, FollowupState::from_name)?;
            view.followups.insert(self.followup_of(&row)?, FollowupView { state, failures });
        }
        for row in next() {
            let (name, seen) = self.occurrence(&row)?;
            view.occurrences.insert(name, seen);
        }
        for row in next() {
            view.paused.insert(row.text("account").map_err(unreadable)?);
        }
        view.gate_closed = !next().is_empty();
        view.journal = self.new_in_the_journals(next())?;
        Ok(view)
    }

    /// Where a receipt goes now.
    pub(super) async fn address_of(&self, receipt: Receipt) -> Result<Option<Address>, Trouble> {
        let rows = self.rows(vec![RECEIPTS]).await?.concat();
        let id = &self.receipt_ids[&receipt];
        let row = rows.iter().find(|row| row.text("id").is_ok_and(|text| text == id.as_str()));
        row.map(at).transpose().map_err(unreadable)
    }

    fn job_of(&self, row: &Row, column: &str) -> Result<Job, Trouble> {
        let id = WorkerId::new(row.text(column).map_err(unreadable)?);
        self.jobs.get(&id).copied().ok_or_else(|| format!("nobody knows of the worker {id}"))
    }

    fn followup_of(&self, row: &Row) -> Result<u32, Trouble> {
        let short = Short::new(row.text("short").map_err(unreadable)?);
        self.followups.get(&short).copied().ok_or_else(|| format!("nobody knows of the follow-up {short}"))
    }

    fn jobs_in(&mut self, rows: Vec<Row>) -> Result<BTreeMap<Job, JobView>, Trouble> {
        let mut jobs = BTreeMap::new();
        for row in rows {
            let id = WorkerId::new(row.text("id").map_err(unreadable)?);
            if !self.jobs.contains_key(&id) {
                let input: Input = row.json("input").map_err(unreadable)?;
                self.know_notice(id.clone(), &input.origin)?;
            }
            let ending: Option<Ending> = row.opt_json("ending").map_err(unreadable)?;
            let text = |ending: Ending| match ending.halt {
                Some(_) => "gate".to_owned(),
                None => ending.text.lines().next().unwrap_or_default().to_owned(),
            };
            let job = JobView {
                state: named(&row, WorkerState::from_name)?,
                attempt: row.count("attempt").map_err(unreadable)?,
                reruns: row.count("reruns").map_err(unreadable)?,
                due: row.opt_time("due_at").map_err(unreadable)?.map(steady),
                deadline: row.opt_time("deadline").map_err(unreadable)?.map(steady),
                ending: ending.map(|ending| (ending.kind, text(ending))),
            };
            jobs.insert(self.jobs[&id], job);
        }
        Ok(jobs)
    }

    /// A job that nobody asked for tells of a follow-up.
    fn know_notice(&mut self, id: WorkerId, origin: &Origin) -> Result<(), Trouble> {
        let Origin::Notice { followup } = origin else { return Err(format!("nobody asked for {id}")) };
        let followup = self.followups[followup];
        let n = self.notices.entry(followup).or_default();
        let job = Job::Notice { followup, n: *n };
        *n += 1;
        self.know_job(job, id, self.originators[&followup]);
        Ok(())
    }

    fn contracts_in(&mut self, rows: Vec<Row>) -> Result<BTreeMap<Contract, ContractView>, Trouble> {
        let mut contracts = BTreeMap::new();
        for row in rows {
            let name = Contract(self.job_of(&row, "worker")?, row.count("number").map_err(unreadable)?);
            self.contracts.insert(ContractId::new(row.text("id").map_err(unreadable)?), name);
            let contract = ContractView {
                state: named(&row, ContractState::from_name)?,
                at: at(&row).map_err(unreadable)?,
                message: message(&row)?,
                ack_deadline: row.opt_time("ack_deadline").map_err(unreadable)?.map(steady),
                progress_deadline: row.opt_time("progress_deadline").map_err(unreadable)?.map(steady),
            };
            contracts.insert(name, contract);
        }
        Ok(contracts)
    }

    fn receipts_in(&mut self, rows: Vec<Row>) -> Result<BTreeMap<Receipt, ReceiptView>, Trouble> {
        let mut receipts = BTreeMap::new();
        for row in rows {
            let kind = row.text("kind").map_err(unreadable)?;
            let name = Receipt {
                of: self.contracts[&ContractId::new(row.text("contract").map_err(unreadable)?)],
                kind: ReceiptKind::from_name(&kind).ok_or_else(|| format!("{kind} is no kind"))?,
                part: row.count("part").map_err(unreadable)?,
                generation: row.count("generation").map_err(unreadable)?,
            };
            let id = ReceiptId::new(row.text("id").map_err(unreadable)?);
            self.receipts.insert(id.clone(), name);
            self.receipt_ids.insert(name, id);
            let receipt = ReceiptView {
                state: named(&row, ReceiptState::from_name)?,
                at: at(&row).map_err(unreadable)?,
                message: message(&row)?,
                attempts: row.count("attempts").map_err(unreadable)?,
                due: row.opt_time("due_at").map_err(unreadable)?.map(steady),
                reassert: row.opt_time("reassert_at").map_err(unreadable)?.map(steady),
                replaced: row.flag("replaced").map_err(unreadable)?,
            };
            if receipts.insert(name, receipt).is_some() {
                return Err(format!("{name:?} is stored twice"));
            }
        }
        Ok(receipts)
    }

    fn occurrence(&self, row: &Row) -> Result<(Occurrence, OccurrenceView), Trouble> {
        let name = Occurrence {
            followup: self.followup_of(row)?,
            due: wall(row.time("due").map_err(unreadable)?),
            manual: row.flag("manual").map_err(unreadable)?,
        };
        let worker = row.opt_text("worker").map_err(unreadable)?.map(WorkerId::new);
        let seen = OccurrenceView {
            state: named(row, OccurrenceState::from_name)?,
            due: row.opt_time("due_at").map_err(unreadable)?.map(wall),
            attempts: row.count("attempts").map_err(unreadable)?,
            job: worker.map(|worker| self.jobs[&worker]),
            gate: row.opt_text("gate").map_err(unreadable)?.is_some(),
        };
        Ok((name, seen))
    }

    /// The names of the events that the last command added; their numbers have no gaps (requirement J3).
    fn new_in_the_journals(&mut self, rows: Vec<Row>) -> Result<BTreeMap<Job, Vec<String>>, Trouble> {
        let mut journal: BTreeMap<Job, Vec<String>> = BTreeMap::new();
        for row in rows {
            let (job, seq) = (self.job_of(&row, "worker")?, row.int("seq").map_err(unreadable)?);
            let seen = self.seen.entry(self.worker_ids[&job].clone()).or_default();
            if seq <= *seen {
                continue;
            }
            if seq != *seen + 1 {
                return Err(format!("the journal of {job:?} goes from {seen} to {seq}"));
            }
            *seen = seq;
            journal.entry(job).or_default().push(row.text("event").map_err(unreadable)?);
        }
        journal.values_mut().for_each(|events| events.sort());
        Ok(journal)
    }
}
