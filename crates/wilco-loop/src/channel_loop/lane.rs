//! The writes of one worker: one at a time, in order (requirement L3).

use std::collections::VecDeque;
use std::time::Duration;

use wilco_core::job::Ask;
use wilco_core::worker::Ending;
use wilco_core::{Cause, DeliveryOutcome, QuestionId, Short, WorkerId, journal};
use wilco_store::StoreError;
use wilco_store::changes::{
    AskQuestion, CloseGate, DeadlineMissed, EditClaim, EndEdit, Finish, Missed, Record, RetryLater, StartEdits,
};

use crate::event::Answer;
use crate::host::Mailbox;
use crate::shared::Shared;

/// One write of a worker.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    /// What the mailbox holds.
    Record,
    /// A question.
    Ask { number: u32, question: QuestionId, ask: Ask },
    /// May its messages be edited now?
    StartEdits,
    /// What became of an edit.
    EndEdit { claim: Box<EditClaim>, outcome: DeliveryOutcome },
    /// A deadline to be judged.
    Judge(Missed),
    /// The end, and what it means for the backend's gate.
    Finish { ending: Box<Ending>, gate: Option<CloseGate> },
    /// The end of an attempt that is not the last.
    Retry { cause: Cause, rest: Duration, of: u32 },
}

/// The queue of one worker's writes.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    queue: VecDeque<Write>,
    busy: Option<Write>,
    /// The store did not take the last write: nothing is given to it before the pause is over.
    resting: bool,
}

impl Lane {
    /// Adds a write; one that waits already and would do the same is not added twice.
    pub(crate) fn push(&mut self, write: Write) {
        let same = |other: &Write| match (&write, other) {
            (Write::Record, Write::Record) | (Write::StartEdits, Write::StartEdits) => true,
            (Write::Judge(one), Write::Judge(other)) => one == other,
            (
                Write::Record
                | Write::Ask { .. }
                | Write::StartEdits
                | Write::EndEdit { .. }
                | Write::Judge(_)
                | Write::Finish { .. }
                | Write::Retry { .. },
                _,
            ) => false,
        };
        if !self.queue.iter().any(same) {
            self.queue.push_back(write);
        }
    }

    /// The next write, when none is under way.
    pub(crate) fn start(&mut self) -> Option<Write> {
        if self.busy.is_some() || self.resting {
            return None;
        }
        self.busy = Some(self.queue.pop_front()?);
        self.busy.clone()
    }

    /// The write that was under way has been answered.
    pub(crate) fn end(&mut self) -> Option<Write> {
        self.busy.take()
    }

    /// Puts a write back to the front, to be tried again after the pause.
    pub(crate) fn put_back(&mut self, write: Write) {
        self.queue.push_front(write);
        self.resting = true;
    }

    /// What the job has said could not be stored: no deadline of it is judged before that is. The watch asks again.
    pub(crate) fn forget_judgements(&mut self) {
        self.queue.retain(|write| !matches!(write, Write::Judge(_)));
    }

    /// The pause is over.
    pub(crate) fn wake(&mut self) {
        self.resting = false;
    }

    /// The answered edits that have not been noted yet: the result of a job that has ended waits for them.
    pub(crate) fn edits_left(&mut self) -> Vec<(EditClaim, DeliveryOutcome)> {
        let left = std::mem::take(&mut self.queue).into_iter().filter_map(|write| match write {
            Write::EndEdit { claim, outcome } => Some((*claim, outcome)),
            Write::Record
            | Write::Ask { .. }
            | Write::StartEdits
            | Write::Judge(_)
            | Write::Finish { .. }
            | Write::Retry { .. } => None,
        });
        left.collect()
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.busy.is_none() && self.queue.is_empty()
    }
}

/// Carries out one write.
pub(crate) async fn perform(
    shared: Shared,
    worker: WorkerId,
    short: Short,
    mailbox: std::sync::Arc<Mailbox>,
    write: Write,
) -> Result<Answer, StoreError> {
    let store = shared.store();
    let now = shared.now();
    let answer = match write {
        Write::Record => record(&shared, &worker, &mailbox).await?,
        Write::Ask { number, question, ask } => {
            let change = AskQuestion { worker: worker.clone(), question, number, ask, now, fresh: shared.fresh() };
            Answer::Asked(store.write(change).await?)
        }
        Write::StartEdits => {
            let change = StartEdits { worker: worker.clone(), now, platforms: shared.platforms() };
            return store.write(change).await.map(Answer::Windows);
        }
        Write::EndEdit { claim, outcome } => {
            store.write(EndEdit { claim: *claim, outcome, now }).await?;
            Answer::EditEnded
        }
        Write::Judge(missed) => Answer::Judged(store.write(DeadlineMissed { missed, now }).await?),
        Write::Retry { cause, rest, of } => {
            let (now, platforms, fresh) = (shared.now(), shared.platforms(), shared.fresh());
            let change = RetryLater { worker: worker.clone(), cause, rest, of, now, platforms, fresh };
            Answer::Resting(store.write(change).await?)
        }
        Write::Finish { ending, gate } => {
            let change = Finish {
                worker: worker.clone(),
                ending: *ending,
                gate,
                now: shared.now(),
                platforms: shared.platforms(),
                fresh: shared.fresh(),
            };
            store.write(change).await?;
            Answer::Finished
        }
    };
    shared.notify(&worker, &short);
    Ok(answer)
}

async fn record(shared: &Shared, worker: &WorkerId, mailbox: &Mailbox) -> Result<Answer, StoreError> {
    let Some((shown, tools)) = mailbox.take() else {
        return Ok(Answer::Recorded);
    };
    let mut events = tools.clone();
    let summary = shown.summary();
    if !summary.is_empty() {
        events.push(journal::Event::Status { text: summary });
    }
    let change = Record { worker: worker.clone(), shown, events, now: shared.now() };
    match shared.store().write(change).await {
        Ok(_) => Ok(Answer::Recorded),
        Err(error) => {
            mailbox.put_back(tools);
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use wilco_store::changes::MissedKind;

    use super::*;

    #[test]
    fn l3_one_write_at_a_time_and_no_write_twice() {
        let mut lane = Lane::default();
        lane.push(Write::Record);
        lane.push(Write::Record);
        lane.push(Write::StartEdits);
        assert!(matches!(lane.start(), Some(Write::Record)));
        assert!(lane.start().is_none(), "one is under way");
        lane.push(Write::Record);
        assert!(lane.end().is_some());
        assert!(matches!(lane.start(), Some(Write::StartEdits)));
        assert!(lane.end().is_some());
        assert!(matches!(lane.start(), Some(Write::Record)), "what came meanwhile is not lost");
        assert!(lane.end().is_some() && lane.is_empty());
    }

    #[test]
    fn w10_no_deadline_is_judged_before_what_the_job_has_said_is_stored() {
        let mut lane = Lane::default();
        let worker = WorkerId::new("w");
        lane.push(Write::Record);
        lane.push(Write::Judge(Missed { worker, kind: MissedKind::Worker }));
        lane.push(Write::StartEdits);
        assert!(matches!(lane.start(), Some(Write::Record)));
        assert!(lane.end().is_some());
        // The store did not take it.
        lane.forget_judgements();
        assert!(matches!(lane.start(), Some(Write::StartEdits)));
        assert!(lane.end().is_some() && lane.is_empty());
    }
}
