//! Progress edits. They are no receipts: one that is lost is simply overtaken by the next. What is
//! stored is that one may be on its way, because the result must have the last word.

use async_trait::async_trait;
use wilco_core::pacing;
use wilco_core::schedule::REQUEST_LIMIT;
use wilco_core::worker::WorkerState;
use wilco_core::{
    Address, Body, ContractId, DeliveryKey, DeliveryOutcome, Envelope, EnvelopeKind, MessageRef, NotSurfaced, Scope,
    Timestamp, WorkerId,
};
use wilco_core::{text, wording};

use super::{Platforms, claim, contract, verdict};
use crate::crash;
use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::{ContractRow, WORKER_BY_ID, WorkerRow};

const OPEN: &str = "UPDATE contracts SET edit_open = 1, edit_until = $1 WHERE id = $2";
const CLOSE: &str = "UPDATE contracts SET edit_open = $1, edit_until = NULL, shown_at = $2, shown_print = $3, \
                     doubt_at = CASE WHEN $1 = 1 THEN $2 ELSE doubt_at END WHERE id = $4";
pub(super) const WAKE: &str = "UPDATE receipts SET due_at = CASE WHEN parked_until > $1 THEN parked_until ELSE $1 END \
                    WHERE contract = $2 AND state = 'pending' AND kind IN ('content', 'question') AND attempts = 0 \
                    AND due_at > CASE WHEN parked_until > $1 THEN parked_until ELSE $1 END";
pub(super) const QUESTION_DUE: &str =
    "SELECT 1 AS one FROM receipts WHERE contract = $1 AND kind = 'question' AND settled_at IS NULL LIMIT 1";

/// What stands in the place of a fingerprint while a question is shown.
pub(crate) const QUESTION_PRINT: &str = "question";

/// Asks which messages of a worker may be edited now, and opens their windows.
#[derive(Clone, Debug)]
pub struct StartEdits {
    /// Whose.
    pub worker: WorkerId,
    /// When.
    pub now: Timestamp,
    /// The measures of the accounts.
    pub platforms: Platforms,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Windows {
    /// Send these, and call [`EndEdit`] for each.
    pub open: Vec<EditClaim>,
    /// Further ones may leave, but not before this time.
    pub later: Option<Timestamp>,
    /// Where nothing but the acknowledgement of the running job stands, no edit was begun, and a call may leave now.
    pub bare: Vec<(ContractId, Address)>,
}

/// A progress edit that may leave.
#[derive(Clone, Debug)]
pub struct EditClaim {
    /// Which contract.
    pub contract: ContractId,
    /// Which worker.
    pub worker: WorkerId,
    /// The message to edit.
    pub message: MessageRef,
    /// What it shall show.
    pub envelope: Envelope,
    /// The fingerprint of that, for [`EndEdit`].
    pub print: String,
    /// The fingerprint of what it shows now.
    pub before: Option<String>,
}

/// Whether one message may be edited.
enum Window {
    Open(Box<EditClaim>),
    Later(Timestamp),
    Bare(ContractId, Address),
    Closed,
}

#[async_trait]
impl Change for StartEdits {
    type Out = Windows;

    fn name(&self) -> &'static str {
        "start_edits"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Windows, StoreError> {
        let mut windows = Windows::default();
        let worker = match tx.row(WORKER_BY_ID, args![&self.worker]).await? {
            Some(row) => WorkerRow::decode(&row)?,
            None => return Ok(windows),
        };
        for contract in contract::of_worker(tx, &worker.id).await? {
            match self.window(tx, &worker, contract).await? {
                Window::Open(claim) => windows.open.push(*claim),
                Window::Later(at) => windows.later = Some(windows.later.map_or(at, |earlier| earlier.min(at))),
                Window::Bare(contract, address) => windows.bare.push((contract, address)),
                Window::Closed => {}
            }
        }
        if !windows.open.is_empty() {
            crash::point("store.edit.opened");
        }
        Ok(windows)
    }
}

impl StartEdits {
    async fn window(&self, tx: &mut Tx<'_>, worker: &WorkerRow, contract: ContractRow) -> Result<Window, StoreError> {
        let Some(message) = contract.message.clone().filter(|_| contract.state.is_open()) else {
            return Ok(Window::Closed);
        };
        if tx.row(QUESTION_DUE, args![&contract.id]).await?.is_some() {
            return Ok(Window::Closed);
        }
        let Some((body, visible)) = self.picture(tx, worker, &contract).await? else {
            let untouched = contract.shown_print.is_none() && !contract.edit_open;
            if worker.state != WorkerState::Running || !untouched || !self.may_call(tx, &contract.address).await? {
                return Ok(Window::Closed);
            }
            return Ok(Window::Bare(contract.id, message.address));
        };
        let print = format!("{:016x}", text::fingerprint(&visible));
        if contract.shown_print.as_deref() == Some(&print) {
            return Ok(Window::Closed);
        }
        if let Some(until) = contract.edit_until.filter(|until| *until > self.now) {
            return Ok(Window::Later(until));
        }
        match self.earliest(tx, worker, &contract).await? {
            Some(at) if at > self.now => return Ok(Window::Later(at)),
            Some(_) => {}
            None => return Ok(Window::Closed),
        }
        tx.run(OPEN, args![self.now.plus(REQUEST_LIMIT), &contract.id]).await?;
        Ok(Window::Open(Box::new(EditClaim {
            envelope: Envelope {
                address: message.address.clone(),
                kind: EnvelopeKind::Progress,
                body,
                receipt: None,
                worker: Some(worker.id.clone()),
                key: DeliveryKey::new(contract.id.as_str()),
                reply_to: None,
            },
            contract: contract.id,
            worker: worker.id.clone(),
            message,
            print,
            before: contract.shown_print,
        })))
    }

    async fn may_call(&self, tx: &mut Tx<'_>, address: &Address) -> Result<bool, StoreError> {
        Ok(contract::due(tx, address, self.now).await?.at.is_some_and(|at| at <= self.now))
    }

    /// When the pace and the platform allow it; none while the account is paused, because only a person can say
    /// when that is over.
    async fn earliest(
        &self,
        tx: &mut Tx<'_>,
        worker: &WorkerRow,
        contract: &ContractRow,
    ) -> Result<Option<Timestamp>, StoreError> {
        let address = &contract.address;
        let contract::Due { at: Some(allowed), parked } = contract::due(tx, address, self.now).await? else {
            return Ok(None);
        };
        let pace = self.platforms.limits(&address.account).edit_pace;
        let started = worker.started.unwrap_or(worker.created);
        // The first picture after the acknowledgement or an answer replaces a text that is no longer true.
        let stale = contract.shown_print.as_deref().is_none_or(|print| print == QUESTION_PRINT);
        let last = contract.shown_at.filter(|_| !stale);
        Ok(Some(match last {
            Some(last) => pacing::next_edit_at(last, started, pace, parked),
            None => allowed,
        }))
    }

    /// What the message shall show now, and the part of it whose change is worth an edit.
    async fn picture(
        &self,
        tx: &mut Tx<'_>,
        worker: &WorkerRow,
        contract: &ContractRow,
    ) -> Result<Option<(Body, String)>, StoreError> {
        use wilco_core::contract::ContractState;
        let job = worker.job();
        let key = claim::main_key(tx, contract).await?;
        let started = worker.started.unwrap_or(worker.created);
        let elapsed = self.now.since(started);
        let mut picture = match (worker.state, contract.state) {
            (WorkerState::Running, ContractState::SlaMissed) => {
                let silent = self.now.since(worker.alive_at.unwrap_or(started));
                (wording::quiet(job, &key, elapsed, silent), "quiet".to_owned())
            }
            (
                WorkerState::Running,
                ContractState::Created
                | ContractState::Acked
                | ContractState::Progressing
                | ContractState::TerminalPending
                | ContractState::TerminalAcked
                | ContractState::TerminalFailed,
            ) => {
                // The acknowledgement stands until there is something to show beside it.
                let again = worker.attempt > 1;
                if contract.shown_print.is_none() && worker.ahead.is_none() && worker.shown.is_empty() && !again {
                    return Ok(None);
                }
                let body = wording::working(job, &key, elapsed, &worker.shown);
                match worker.rules.retry {
                    Some(retry) if again => (
                        wording::of_attempt(body, worker.attempt, retry.attempts),
                        format!("{}{}", worker.attempt, worker.shown.visible()),
                    ),
                    Some(_) | None => (body, worker.shown.visible()),
                }
            }
            (WorkerState::Queued, _) => match worker.due_at.zip(worker.rules.retry) {
                Some((at, retry)) => {
                    let (next, cause) = (worker.attempt.saturating_add(1), worker.retry_cause.as_deref());
                    let wait = at.since(self.now);
                    let body = wording::retrying(job, &key, next, retry.attempts, wait, cause.unwrap_or_default());
                    (body, format!("attempt {next}"))
                }
                None => return Ok(None),
            },
            (WorkerState::Cancelling, _) => {
                let Some(cancel) = &worker.cancel else { return Ok(None) };
                (wording::cancelling(job, &cancel.by, &cancel.reason), "cancelling".to_owned())
            }
            (
                WorkerState::WaitingForInput
                | WorkerState::Done
                | WorkerState::Failed
                | WorkerState::Cancelled
                | WorkerState::TimedOut
                | WorkerState::Interrupted,
                _,
            ) => return Ok(None),
        };
        let limits = self.platforms.limits(&contract.address.account);
        picture.0.text = text::cut(&picture.0.text, limits.text, limits.unit).into_owned();
        if !limits.abilities.buttons {
            picture.0.buttons.clear();
        }
        Ok(Some(picture))
    }
}

/// Closes the window of a progress edit with what the platform answered.
#[derive(Clone, Debug)]
pub struct EndEdit {
    /// The edit.
    pub claim: EditClaim,
    /// The answer.
    pub outcome: DeliveryOutcome,
    /// When.
    pub now: Timestamp,
}

#[async_trait]
impl Change for EndEdit {
    type Out = ();

    fn name(&self) -> &'static str {
        "end_edit"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let claim = &self.claim;
        let contract = contract::load(tx, &claim.contract).await?;
        let mut rests = None;
        let (shown, in_doubt) = match &self.outcome {
            DeliveryOutcome::Surfaced(_) => (true, false),
            DeliveryOutcome::NotSurfaced(reason) => match reason {
                NotSurfaced::RetryAfter { delay, scope } => {
                    let until = self.now.plus(*delay);
                    verdict::park(tx, &claim.envelope.address, *scope, until).await?;
                    rests = (*scope == Scope::Message).then_some(until);
                    (false, false)
                }
                NotSurfaced::Ambiguous(_) => (true, true),
                NotSurfaced::StopAccount(cause) => {
                    verdict::pause_account(tx, &claim.envelope.address, cause, self.now).await?;
                    (false, false)
                }
                // Dropped: the next picture replaces it, and the terminal finds a lost message itself.
                NotSurfaced::Fallback(_) | NotSurfaced::Gone(_) | NotSurfaced::Bug(_) | NotSurfaced::Reshape(_) => {
                    (true, false)
                }
                NotSurfaced::Silent | NotSurfaced::Retry(_) | NotSurfaced::Moved(_) => (false, false),
            },
        };
        // What it says of a chat or an account was kept above; the message itself is another one by now.
        if contract.message.as_ref() != Some(&claim.message) {
            return Ok(());
        }
        // After its time limit something else may be under way on the same message already; which of
        // the two lands last is not known.
        let late = contract.edit_until.is_none_or(|until| until <= self.now);
        let in_doubt = in_doubt || (late && matches!(self.outcome, DeliveryOutcome::Surfaced(_)));
        let print = if shown { Some(claim.print.clone()) } else { claim.before.clone() };
        tx.run(CLOSE, args![in_doubt, self.now, print, &claim.contract]).await?;
        if let Some(until) = rests {
            verdict::rest_message(tx, &claim.contract, until).await?;
        }
        tx.run(WAKE, args![self.now, &claim.contract]).await?;
        crash::point("store.edit.closed");
        Ok(())
    }
}
