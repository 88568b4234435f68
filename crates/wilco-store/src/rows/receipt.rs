use wilco_core::desk::ReceiptView;
use wilco_core::receipt::{InOrder, ReceiptKind, ReceiptState, Shape};
use wilco_core::{Address, Body, ContractId, MessageRef, ReceiptId, Short, Timestamp, WorkerId};

use super::{address, named, opt_named};
use crate::engine::Row;
use crate::error::StoreError;

pub(crate) const RECEIPT_BY_ID: &str = "SELECT * FROM receipts WHERE id = $1";
pub(crate) const RECEIPTS_OF_CONTRACT: &str =
    "SELECT * FROM receipts WHERE contract = $1 ORDER BY created_at, part, generation, id";

/// One row of `receipts`.
#[derive(Clone, Debug)]
pub(crate) struct ReceiptRow {
    pub(crate) id: ReceiptId,
    pub(crate) contract: ContractId,
    pub(crate) worker: WorkerId,
    pub(crate) kind: ReceiptKind,
    pub(crate) part: u32,
    pub(crate) generation: u32,
    pub(crate) state: ReceiptState,
    pub(crate) address: Address,
    pub(crate) body: Option<Body>,
    pub(crate) message: Option<MessageRef>,
    /// The shape in which it is sent, and at last the one in which it was accepted.
    pub(crate) shape: Shape,
    /// The shape in which it is repeated, when another than that.
    pub(crate) reassert_shape: Option<Shape>,
    pub(crate) attempts: u32,
    pub(crate) fallbacks: u32,
    pub(crate) first_due: Option<Timestamp>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) first_attempt: Option<Timestamp>,
    pub(crate) doubt: bool,
    pub(crate) edit_open: bool,
    pub(crate) fence: i64,
    pub(crate) last_error: Option<String>,
    pub(crate) reason: Option<String>,
    /// It failed only because another one took its place.
    pub(crate) replaced: bool,
    pub(crate) created: Timestamp,
    pub(crate) settled: Option<Timestamp>,
    /// Why what it shows cannot be read; the fields that only show something are empty then.
    pub(crate) unreadable: Option<String>,
}

impl ReceiptRow {
    pub(crate) fn decode(row: &Row) -> Result<Self, StoreError> {
        let mut one = Self::decode_order(row)?;
        one.body = row.opt_json("body")?;
        one.message = row.opt_json("message")?;
        one.shape = named(row, "shape", Shape::from_name)?;
        one.reassert_shape = opt_named(row, "reassert_shape", Shape::from_name)?;
        Ok(one)
    }

    /// As [`ReceiptRow::decode`], but a row whose body, message or shape is broken still takes its place
    /// in the order of its contract and says why it can never go. Otherwise one broken row would keep
    /// every other receipt of its contract from settling.
    pub(crate) fn decode_what_can_be(row: &Row) -> Result<Self, StoreError> {
        match Self::decode(row) {
            Err(StoreError::Undecodable { what, why }) => {
                let mut one = Self::decode_order(row)?;
                one.unreadable = Some(format!("{what}: {why}"));
                Ok(one)
            }
            decoded => decoded,
        }
    }

    fn decode_order(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ReceiptId::new(row.text("id")?),
            contract: ContractId::new(row.text("contract")?),
            worker: WorkerId::new(row.text("worker")?),
            kind: named(row, "kind", ReceiptKind::from_name)?,
            part: row.count("part")?,
            generation: row.count("generation")?,
            state: named(row, "state", ReceiptState::from_name)?,
            address: address(row)?,
            body: None,
            message: None,
            shape: Shape::Rich,
            reassert_shape: None,
            attempts: row.count("attempts")?,
            fallbacks: row.count("fallbacks")?,
            first_due: row.opt_time("first_due")?,
            due: row.opt_time("due_at")?,
            first_attempt: row.opt_time("first_attempt")?,
            doubt: row.flag("doubt")?,
            edit_open: row.flag("edit_open")?,
            fence: row.int("fence")?,
            last_error: row.opt_text("last_error")?,
            reason: row.opt_text("reason")?,
            replaced: row.flag("replaced")?,
            created: row.time("created_at")?,
            settled: row.opt_time("settled_at")?,
            unreadable: None,
        })
    }

    /// The receipt as the order of its contract sees it.
    pub(crate) fn in_order(&self) -> InOrder {
        InOrder { kind: self.kind, part: self.part, generation: self.generation, state: self.state }
    }

    /// Where its message stands: what moved along with its chat after it had settled keeps the address that it had.
    pub(crate) fn stands_at(&self) -> &Address {
        self.message.as_ref().map_or(&self.address, |message| &message.address)
    }

    /// The receipt as people see it.
    pub(crate) fn view(&self, short: &Short) -> ReceiptView {
        ReceiptView {
            id: self.id.clone(),
            short: short.clone(),
            contract: self.contract.clone(),
            kind: self.kind,
            part: self.part,
            generation: self.generation,
            state: self.state,
            address: self.address.clone(),
            message: self.message.as_ref().map(|message| message.message.clone()),
            attempts: self.attempts,
            next: self.due,
            last_error: self.last_error.clone(),
            reason: self.reason.clone(),
            created: self.created,
            settled: self.settled,
        }
    }
}

/// The newest receipt of a kind and part among the receipts of one contract.
pub(crate) fn newest(receipts: &[ReceiptRow], kind: ReceiptKind, part: u32) -> Option<&ReceiptRow> {
    receipts.iter().filter(|one| one.kind == kind && one.part == part).max_by_key(|one| one.generation)
}
