//! Carrying out what the rule of deliveries has decided.

use std::time::Duration;

use wilco_core::contract::{ContractSignal, Terms};
use wilco_core::journal::Event;
use wilco_core::receipt::{ReceiptKind, Verdict};
use wilco_core::schedule::{self, REASSERT_AFTER};
use wilco_core::{Address, Cause, MessageRef, Scope, Timestamp, WorkerId};

use super::claim;
use super::contract::{self, At, Draft, Due, SUPERSEDED};
use super::edit::QUESTION_PRINT;
use super::settle::{Settled, message_id};
use super::{Fresh, route};
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{ContractRow, ReceiptRow, json};

const SURFACED: &str = "UPDATE receipts SET state = 'surfaced', message = $1, settled_at = $2, attempts = attempts + 1, reassert_at = $3, \
                        edit_open = 0, doubt = 0, lease_owner = NULL, lease_until = NULL WHERE id = $4";
const ACKED: &str = "UPDATE contracts SET message = $1, acked_at = COALESCE(acked_at, $2), ack_deadline = NULL, \
                     shown_at = $2, progress_deadline = $3 WHERE id = $4";
const SHOWN: &str =
    "UPDATE contracts SET shown_at = $1, shown_print = $2, edit_open = 0, edit_until = NULL WHERE id = $3";
pub(super) const CLOSE_EDIT: &str = "UPDATE contracts SET edit_open = $1, edit_until = NULL, \
                          doubt_at = CASE WHEN $1 = 1 THEN $2 ELSE doubt_at END WHERE id = $3";
const AGAIN: &str = "UPDATE receipts SET state = 'pending', due_at = $1, parked_until = $2, attempts = $3, doubt = $4, \
                     edit_open = CASE WHEN $5 = 1 THEN 1 ELSE edit_open END, last_error = $6, \
                     lease_owner = NULL, lease_until = NULL WHERE id = $7";
const RESHAPE: &str = "UPDATE receipts SET state = 'pending', due_at = $1, parked_until = $2, shape = $3, \
                       last_error = $4, lease_owner = NULL, lease_until = NULL WHERE id = $5";
const PARK_ONE: &str = "UPDATE receipts SET state = 'pending', due_at = $1, parked_until = $2, \
                        lease_owner = NULL, lease_until = NULL WHERE id = $3";
/// What is due later is told as well, because it may be hurried.
macro_rules! park {
    () => {
        "UPDATE receipts SET due_at = CASE WHEN due_at < $1 THEN $1 ELSE due_at END, \
         parked_until = CASE WHEN parked_until > $1 THEN parked_until ELSE $1 END \
         WHERE settled_at IS NULL AND due_at IS NOT NULL AND account = $2"
    };
}
pub(super) const PARK_CHAT: &str = concat!(park!(), " AND channel = $3");
pub(super) const PARK_ACCOUNT: &str = park!();
const PARK: &str = "INSERT INTO parks (account, channel, until) VALUES ($1, $2, $3) \
                    ON CONFLICT (account, channel) DO UPDATE SET until = CASE WHEN excluded.until > parks.until \
                    THEN excluded.until ELSE parks.until END";
/// A time without an open window is no call under way: it says that none may leave for this message before.
const REST_MESSAGE: &str = "UPDATE contracts SET edit_until = $1 WHERE id = $2 AND edit_open = 0";
const WAIT: &str = "UPDATE receipts SET state = 'waiting', due_at = NULL, fallbacks = $1, message = NULL, \
                    last_error = $2, lease_owner = NULL, lease_until = NULL WHERE id = $3";
const FORGET: &str =
    "UPDATE contracts SET message = NULL, edit_open = 0, edit_until = NULL, shown_print = NULL WHERE id = $1";
const PAUSE: &str = "INSERT INTO paused_accounts (account, reason, since) VALUES ($1, $2, $3) \
                     ON CONFLICT (account) DO UPDATE SET reason = excluded.reason";
pub(super) const HOLD: &str =
    "UPDATE receipts SET due_at = NULL WHERE settled_at IS NULL AND account = $1 AND due_at IS NOT NULL";
const SUPERSEDE: &str = "UPDATE receipts SET state = 'failed', replaced = 1, reason = $1, settled_at = $2, last_error = $3, \
                         lease_owner = NULL, lease_until = NULL, due_at = NULL WHERE id = $4";
pub(super) const NEWEST_STUB: &str =
    "SELECT MAX(generation) AS newest FROM receipts WHERE contract = $1 AND kind = 'stub' AND part = $2";

/// One receipt whose verdict has to be carried out, with everything around it.
pub(crate) struct Case<'a> {
    pub(crate) receipt: &'a ReceiptRow,
    pub(crate) contract: ContractRow,
    pub(crate) worker: &'a WorkerId,
    pub(crate) running: bool,
    pub(crate) ended: bool,
    pub(crate) terms: Terms,
    pub(crate) now: Timestamp,
    pub(crate) jitter: f64,
    pub(crate) fresh: Fresh,
    pub(crate) events: &'a mut Vec<Event>,
}

impl Case<'_> {
    pub(crate) async fn carry_out(&mut self, tx: &mut Tx<'_>, verdict: Verdict) -> Result<Settled, StoreError> {
        match verdict {
            Verdict::Surfaced { message, reassert } => self.surfaced(tx, &message, reassert).await,
            Verdict::Again { delay, spent, doubt, cause } => self.again(tx, delay, spent, doubt, &cause).await,
            Verdict::Park { scope, delay } => self.park(tx, scope, delay).await,
            Verdict::NextGeneration { cause } => self.next_generation(tx, &cause, false).await,
            Verdict::Replace { cause } => self.replace(tx, &cause).await,
            Verdict::Plainer { shape, cause } => {
                self.edit_ended(tx, false).await?;
                let due = contract::due(tx, &self.receipt.address, self.now).await?;
                let why = cause.to_string();
                tx.run(RESHAPE, args![due.at, due.parked, shape.name(), why, &self.receipt.id]).await?;
                Ok(Settled::Rerouted)
            }
            Verdict::Moved { to } => {
                self.edit_ended(tx, false).await?;
                self.moved(tx, &to).await
            }
            Verdict::NextAddress { cause } => {
                self.edit_ended(tx, false).await?;
                route::next_address(tx, self, &cause).await
            }
            Verdict::PauseAccount { cause } => self.pause(tx, &cause).await,
            Verdict::Fail { cause } => {
                self.edit_ended(tx, false).await?;
                contract::fail(tx, self.receipt, &cause, self.now, self.events).await?;
                Ok(Settled::FailedForGood(cause))
            }
        }
    }

    async fn surfaced(&mut self, tx: &mut Tx<'_>, message: &MessageRef, reassert: bool) -> Result<Settled, StoreError> {
        let receipt = self.receipt;
        let main = receipt.part_of_main();
        // Where its chat got a new id while this was on its way, it is looked for there, as every other message is.
        let inside = message.address.channel == receipt.address.channel;
        let address = if inside { message.address.clone() } else { receipt.address.clone() };
        let message = &MessageRef { address, message: message.message.clone() };
        let again = reassert.then(|| self.now.plus(REASSERT_AFTER));
        tx.run(SURFACED, args![json(message), self.now, again, &receipt.id]).await?;
        match receipt.kind {
            ReceiptKind::Stub if main => {
                let progress = self.running.then(|| self.now.plus(self.terms.progress()));
                tx.run(ACKED, args![json(message), self.now, progress, &self.contract.id]).await?;
                self.contract.message = Some(message.clone());
                self.contract.acked = self.contract.acked.or(Some(self.now));
                contract::step(tx, &mut self.contract, ContractSignal::StubSurfaced, self.events).await?;
            }
            ReceiptKind::Question | ReceiptKind::Content => {
                tx.run(SHOWN, args![self.now, QUESTION_PRINT, &self.contract.id]).await?;
                self.contract.edit_until = None;
                self.contract.edit_open = false;
            }
            ReceiptKind::Stub | ReceiptKind::Part | ReceiptKind::File | ReceiptKind::Ping => {}
        }
        self.events.push(Event::ReceiptSettled {
            contract: self.contract.id.clone(),
            receipt: receipt.kind,
            part: receipt.part,
            status: "surfaced".to_owned(),
            message: message_id(message),
            reason: None,
        });
        Ok(Settled::Surfaced)
    }

    async fn again(
        &mut self,
        tx: &mut Tx<'_>,
        delay: Duration,
        spent: bool,
        doubt: bool,
        cause: &Cause,
    ) -> Result<Settled, StoreError> {
        let receipt = self.receipt;
        let attempts = receipt.attempts + u32::from(spent);
        let due = contract::due(tx, &receipt.address, self.now.plus(delay.mul_f64(self.jitter))).await?;
        // An edit in doubt may land later: whatever is shown there next is asserted once more.
        let (create_doubt, edit_doubt) =
            if receipt.kind.is_fill() { (false, doubt) } else { (doubt || (receipt.doubt && spent), false) };
        let why = cause.to_string();
        tx.run(AGAIN, args![due.at, due.parked, attempts, create_doubt, edit_doubt, why, &receipt.id]).await?;
        self.edit_ended(tx, edit_doubt).await?;
        self.note_next(due.at);
        Ok(Settled::RetryScheduled { at: due.at, attempts })
    }

    /// A question's edit holds the contract's edit window; it ends with a definite answer.
    async fn edit_ended(&mut self, tx: &mut Tx<'_>, in_doubt: bool) -> Result<(), StoreError> {
        if self.receipt.kind == ReceiptKind::Question {
            tx.run(CLOSE_EDIT, args![in_doubt, self.now, &self.contract.id]).await?;
            self.contract.edit_until = None;
            self.contract.edit_open = in_doubt;
        }
        Ok(())
    }

    fn note_next(&mut self, due: Option<Timestamp>) {
        if let Some(Event::ReceiptAttempt { next, .. }) = self.events.first_mut() {
            *next = due;
        }
    }

    async fn park(&mut self, tx: &mut Tx<'_>, scope: Scope, delay: Duration) -> Result<Settled, StoreError> {
        let receipt = self.receipt;
        let until = self.now.plus(delay);
        self.edit_ended(tx, false).await?;
        park(tx, &receipt.address, scope, until).await?;
        // The result may overtake the question, and is an edit of the same message.
        if scope == Scope::Message && receipt.kind == ReceiptKind::Question {
            rest_message(tx, &self.contract.id, until).await?;
            self.contract.edit_until = Some(until);
        }
        let due = contract::due(tx, &receipt.address, until).await?;
        let parked = due.parked.map_or(until, |longer| longer.max(until));
        tx.run(PARK_ONE, args![due.at, parked, &receipt.id]).await?;
        self.note_next(due.at);
        Ok(Settled::RetryScheduled { at: due.at, attempts: receipt.attempts })
    }

    /// Posts the next generation of a stub: nobody can know whether this one exists.
    ///
    /// With `replaced` it was there and somebody deleted it, which the rule allows once.
    async fn next_generation(&mut self, tx: &mut Tx<'_>, cause: &Cause, replaced: bool) -> Result<Settled, StoreError> {
        let receipt = self.receipt;
        let spent = receipt.attempts + 1;
        let first_due = receipt.first_due.unwrap_or(receipt.created);
        let Some(delay) = schedule::next_attempt(receipt.kind, spent, self.now.since(first_due)) else {
            let cause = Cause::new("exhausted", format!("gave up after {spent} attempts; last: {cause}"));
            contract::fail(tx, receipt, &cause, self.now, self.events).await?;
            return Ok(Settled::FailedForGood(cause));
        };
        if receipt.kind != ReceiptKind::Stub {
            // A ping carries no content and may repeat: it has no generations and is simply sent again.
            let due = contract::due(tx, &receipt.address, self.now.plus(delay.mul_f64(self.jitter))).await?;
            let why = cause.to_string();
            tx.run(AGAIN, args![due.at, due.parked, spent, false, false, why, &receipt.id]).await?;
            self.note_next(due.at);
            return Ok(Settled::RetryScheduled { at: due.at, attempts: spent });
        }
        self.supersede(tx, cause).await?;
        let id = self.fresh.receipt();
        let draft = Draft {
            generation: receipt.generation + 1,
            attempts: spent,
            fallbacks: receipt.fallbacks + u32::from(replaced),
            first_due: Some(first_due),
            delay: delay.mul_f64(self.jitter),
            body: receipt.body.as_ref(),
            ..Draft::pending(&id, ReceiptKind::Stub, receipt.part)
        };
        contract::insert(tx, &At::of(&self.contract), &draft, self.now).await?;
        Ok(Settled::Rerouted)
    }

    pub(crate) async fn supersede(&mut self, tx: &mut Tx<'_>, cause: &Cause) -> Result<(), StoreError> {
        let reason = format!("{SUPERSEDED}: {cause}");
        tx.run(SUPERSEDE, args![reason, self.now, cause.to_string(), &self.receipt.id]).await?;
        Ok(())
    }

    /// The message is lost but its address works: a new stub, then this fill again.
    async fn replace(&mut self, tx: &mut Tx<'_>, cause: &Cause) -> Result<Settled, StoreError> {
        let receipt = self.receipt;
        if receipt.kind == ReceiptKind::Stub {
            return self.next_generation(tx, cause, true).await;
        }
        self.edit_ended(tx, false).await?;
        if receipt.part_of_main() {
            tx.run(FORGET, args![&self.contract.id]).await?;
            self.contract.message = None;
            self.contract.edit_until = None;
            self.contract.edit_open = false;
        }
        tx.run(WAIT, args![receipt.fallbacks + 1, cause.to_string(), &receipt.id]).await?;
        self.new_stub(tx, receipt.stub_part(), receipt).await?;
        Ok(Settled::Rerouted)
    }

    /// Inserts the next generation of a part's stub at the contract's present address. It waits for
    /// the stubs before it, so that the parts stand in their order there, too.
    pub(crate) async fn new_stub(&mut self, tx: &mut Tx<'_>, part: u32, like: &ReceiptRow) -> Result<(), StoreError> {
        let newest = match tx.row(NEWEST_STUB, args![&self.contract.id, part]).await? {
            Some(row) => row.opt_int("newest")?.unwrap_or(-1),
            None => -1,
        };
        let id = self.fresh.receipt();
        let body = if like.kind == ReceiptKind::Stub { like.body.as_ref() } else { None };
        let placeholder = wilco_core::Body::text("On its way");
        let body = if part > 0 { body.or(Some(&placeholder)) } else { None };
        let draft = Draft {
            generation: u32::try_from(newest + 1).unwrap_or(0),
            ..Draft::waiting(&id, ReceiptKind::Stub, part, body)
        };
        contract::insert(tx, &At::of(&self.contract), &draft, self.now).await?;
        Ok(())
    }

    async fn moved(&mut self, tx: &mut Tx<'_>, to: &Address) -> Result<Settled, StoreError> {
        let from = self.receipt.address.clone();
        if from != *to {
            route::rewrite(tx, &self.contract.id, &from, to, self.now).await?;
        }
        let address = claim::load(tx, &self.receipt.id).await?.map(|receipt| receipt.address);
        if address.is_none_or(|address| address == from) {
            // Nothing would change, and the next attempt would be told the same at once.
            let age = self.now.since(self.receipt.first_due.unwrap_or(self.receipt.created));
            let cause = Cause::new("moved", "the platform names the address that was used");
            let spent = self.receipt.attempts + 1;
            return match schedule::next_attempt(self.receipt.kind, spent, age) {
                Some(delay) => self.again(tx, delay, true, false, &cause).await,
                None => {
                    contract::fail(tx, self.receipt, &cause, self.now, self.events).await?;
                    Ok(Settled::FailedForGood(cause))
                }
            };
        }
        self.contract = contract::load(tx, &self.contract.id).await?;
        let due = contract::due(tx, to, self.now).await?;
        let cause = route::moved_to(to);
        self.put_back(tx, due, &cause).await?;
        self.events.push(Event::RouteStep {
            contract: self.contract.id.clone(),
            from,
            to: to.clone(),
            reason: cause.to_string(),
        });
        // Somebody follows the job in a chat where it runs, under the chat's old id.
        if let Some(twin) = route::twin(tx, &self.contract).await? {
            route::merge(tx, &mut self.contract, &twin.id, self.now, self.events).await?;
            return Ok(Settled::Surfaced);
        }
        Ok(Settled::Rerouted)
    }

    async fn pause(&mut self, tx: &mut Tx<'_>, cause: &Cause) -> Result<Settled, StoreError> {
        self.edit_ended(tx, false).await?;
        pause_account(tx, &self.receipt.address, cause, self.now).await?;
        let due = contract::due(tx, &self.receipt.address, self.now).await?;
        self.put_back(tx, due, cause).await?;
        Ok(Settled::RetryScheduled { at: due.at, attempts: self.receipt.attempts })
    }

    /// Makes it pending again as it was: no attempt is spent.
    async fn put_back(&self, tx: &mut Tx<'_>, due: Due, cause: &Cause) -> Result<(), StoreError> {
        let one = self.receipt;
        tx.run(AGAIN, args![due.at, due.parked, one.attempts, one.doubt, false, cause.to_string(), &one.id]).await?;
        Ok(())
    }
}

/// Keeps a scope silent until a time: what is due moves behind it, and what comes later looks it up.
pub(crate) async fn park(tx: &mut Tx<'_>, address: &Address, scope: Scope, until: Timestamp) -> Result<(), StoreError> {
    match scope {
        Scope::Message => {}
        Scope::Chat | Scope::Route => {
            tx.run(PARK, args![&address.account, &address.channel, until]).await?;
            tx.run(PARK_CHAT, args![until, &address.account, &address.channel]).await?;
        }
        Scope::Account | Scope::Ip => {
            tx.run(PARK, args![&address.account, "", until]).await?;
            tx.run(PARK_ACCOUNT, args![until, &address.account]).await?;
        }
    }
    Ok(())
}

/// Keeps one message silent until a time, which `park` leaves to it: that of a contract, for every kind of edit.
/// Its window is closed; what is stored is no edit under way, so a restart leaves it as it is.
pub(crate) async fn rest_message(
    tx: &mut Tx<'_>,
    contract: &wilco_core::ContractId,
    until: Timestamp,
) -> Result<(), StoreError> {
    tx.run(REST_MESSAGE, args![until, contract]).await?;
    Ok(())
}

/// Pauses an account: nothing of it is due until it is resumed.
pub(crate) async fn pause_account(
    tx: &mut Tx<'_>,
    address: &Address,
    cause: &Cause,
    now: Timestamp,
) -> Result<(), StoreError> {
    tracing::error!(account = %address.account, reason = %cause, "account paused until a person acts");
    tx.run(PAUSE, args![&address.account, cause.to_string(), now]).await?;
    tx.run(HOLD, args![&address.account]).await?;
    Ok(())
}
