//! A press on an answer.

use wilco_core::journal::Event;
use wilco_core::question::QuestionState;
use wilco_core::worker::{WorkerSignal, WorkerState};
use wilco_core::{QuestionId, Short, Timestamp, WorkerId};

use super::ask::QuestionRow;
use super::resolve::{self, Asker};
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::journal;
use crate::rows::{WORKER_BY_ID, WorkerRow};

const ANSWER: &str = "UPDATE questions SET state = 'answered', answer = $1, answered_by = $2, settled_at = $3 \
                      WHERE id = $4 AND state = 'open'";
pub(super) const OPEN_LEFT: &str = "SELECT COUNT(*) AS open FROM questions WHERE worker = $1 AND state = 'open'";
const GO_ON: &str = "UPDATE workers SET state = $1, deadline = $2, alive_at = $3 WHERE id = $4";
pub(super) const PROGRESS_ON: &str =
    "UPDATE contracts SET progress_deadline = $1 WHERE worker = $2 AND state IN ('acked', 'progressing', 'sla_missed')";
const LONGER: &str = "UPDATE workers SET hard_deadline = $1 WHERE id = $2";
pub(super) const ASKED_AT: &str = "SELECT \
    (SELECT MIN(asked_at) FROM questions WHERE worker = $1 AND state = 'open') AS asked, \
    (SELECT MAX(settled_at) FROM questions WHERE worker = $1) AS settled";

/// What a press on an answer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerDone {
    /// Stored; the job goes on.
    Answered {
        /// Which worker.
        worker: WorkerId,
        /// The id that people type.
        short: Short,
        /// The question's number.
        number: u32,
        /// The chosen position.
        choice: u32,
        /// The chosen text.
        text: String,
    },
    /// Somebody was faster.
    Before {
        /// The id that people type.
        short: Short,
        /// What was chosen.
        text: String,
        /// By whom.
        by: String,
    },
    /// The job ended before anybody answered.
    Expired {
        /// The id that people type.
        short: Short,
        /// When.
        at: Timestamp,
    },
    /// This person may see it, but not answer.
    NotAllowed(Short),
    /// No such question, or none that this person may see.
    NotFound,
}

pub(crate) async fn answer(
    tx: &mut Tx<'_>,
    asker: &Asker,
    question: &str,
    choice: u32,
    now: Timestamp,
) -> Result<AnswerDone, StoreError> {
    let Some(question) = QuestionRow::by_id(tx, &QuestionId::new(question)).await? else {
        return Ok(AnswerDone::NotFound);
    };
    let Some(row) = tx.row(WORKER_BY_ID, args![&question.worker]).await? else {
        return Ok(AnswerDone::NotFound);
    };
    let mut worker = WorkerRow::decode(&row)?;
    let standing = resolve::standing(tx, asker, &worker).await?;
    if !standing.may_read() {
        return Ok(AnswerDone::NotFound);
    }
    if !standing.may_cancel() {
        return Ok(AnswerDone::NotAllowed(worker.short));
    }
    let chosen = |at: u32| question.choices.get(at as usize).cloned();
    match question.state {
        QuestionState::Expired => {
            let at = question.settled.or(worker.ended).unwrap_or(now);
            return Ok(AnswerDone::Expired { short: worker.short, at });
        }
        QuestionState::Answered => {
            let text = question.answer.and_then(chosen).unwrap_or_default();
            let by = question.answered_by.clone().unwrap_or_default();
            return Ok(AnswerDone::Before { short: worker.short, text, by });
        }
        QuestionState::Open => {}
    }
    // A job that is being stopped does not go on, whatever is answered.
    if let (WorkerState::Cancelling, Some(cancel)) = (worker.state, &worker.cancel) {
        return Ok(AnswerDone::Expired { short: worker.short.clone(), at: cancel.at });
    }
    let Some(text) = chosen(choice) else {
        return Ok(AnswerDone::NotFound);
    };
    let waits = worker.state == WorkerState::WaitingForInput;
    if waits {
        rested(tx, &mut worker, now).await?;
    }
    tx.run(ANSWER, args![choice, asker.name(), now, &question.id]).await?;
    let open = match tx.row(OPEN_LEFT, args![&worker.id]).await? {
        Some(row) => row.count("open")?,
        None => 0,
    };
    // One that was lost in a crash, or that rests, takes its answer when it asks again.
    if waits && open == 0 {
        go_on(tx, &mut worker, now).await?;
    }
    let event = Event::Answered { choice: text.clone(), by: asker.name().to_owned() };
    journal::append(tx, &worker.id, now, &[event]).await?;
    Ok(AnswerDone::Answered { worker: worker.id, short: worker.short, number: question.number, choice, text })
}

/// The time that people take does not count against the job: its hard limit moves by the time for which a
/// question has stood open since the last one was answered, so that several at once count once.
async fn rested(tx: &mut Tx<'_>, worker: &mut WorkerRow, now: Timestamp) -> Result<(), StoreError> {
    let (asked, settled) = match tx.row(ASKED_AT, args![&worker.id]).await? {
        Some(row) => (row.opt_time("asked")?, row.opt_time("settled")?),
        None => (None, None),
    };
    // One that was asked before a crash did not keep this run waiting until it was asked again.
    let since = asked.max(settled).max(worker.started).unwrap_or(now);
    worker.hard_deadline = worker.hard_deadline.map(|deadline| deadline.plus(now.since(since)));
    tx.run(LONGER, args![worker.hard_deadline, &worker.id]).await?;
    Ok(())
}

async fn go_on(tx: &mut Tx<'_>, worker: &mut WorkerRow, now: Timestamp) -> Result<(), StoreError> {
    worker.state = worker.state.step(WorkerSignal::Answered);
    worker.alive_at = Some(now);
    let deadline = worker.next_deadline(now);
    tx.run(GO_ON, args![worker.state.name(), deadline, now, &worker.id]).await?;
    tx.run(PROGRESS_ON, args![now.plus(worker.rules.terms.progress()), &worker.id]).await?;
    Ok(())
}
