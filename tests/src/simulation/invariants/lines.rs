//! The lines of the journal, read by a reader of the check's own.

use std::borrow::Cow;

use serde::Deserialize;
use wilco_core::Address;

use crate::simulation::evidence::JournalRow;

/// One line of a worker's history, as far as the invariants read it.
#[derive(Clone, Debug)]
pub struct Line<'a> {
    /// The row.
    pub row: &'a JournalRow,
    /// What it says.
    pub says: Says<'a>,
}

/// What a line of the journal says, as far as an invariant asks.
#[derive(Clone, Debug)]
pub enum Says<'a> {
    /// A contract moved.
    Moved(Moved<'a>),
    /// A receipt settled.
    Settled(Settled<'a>),
    /// A platform answered an attempt.
    Attempt(Attempt<'a>),
    /// The next address took over.
    Step(Step<'a>),
    /// A cancel was stored.
    Cancel(Cancel<'a>),
    /// It ended.
    Completed(Completed<'a>),
    /// Its process was gone.
    Recovered(Recovered),
    /// Anything else; the row's name says what.
    Other,
}

/// `contract_moved`.
#[derive(Clone, Debug, Deserialize)]
pub struct Moved<'a> {
    /// Which contract.
    pub contract: &'a str,
    /// From this state.
    pub from: &'a str,
    /// To this one.
    pub to: &'a str,
}

/// `receipt_settled`.
#[derive(Clone, Debug, Deserialize)]
pub struct Settled<'a> {
    /// Of which contract.
    pub contract: &'a str,
    /// The kind.
    pub receipt: &'a str,
    /// The part.
    pub part: i64,
    /// `surfaced` or `failed`.
    pub status: &'a str,
    /// The message, when it surfaced.
    #[serde(borrow, default)]
    pub message: Option<Cow<'a, str>>,
    /// Why it failed.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
}

/// `receipt_attempt`.
#[derive(Clone, Debug, Deserialize)]
pub struct Attempt<'a> {
    /// Of which contract.
    pub contract: &'a str,
    /// The kind.
    pub receipt: &'a str,
    /// The part.
    pub part: i64,
    /// Which attempt.
    pub n: i64,
    /// What the platform said.
    #[serde(borrow)]
    pub outcome: Cow<'a, str>,
}

/// `route_step`.
#[derive(Clone, Debug, Deserialize)]
pub struct Step<'a> {
    /// Of which contract.
    pub contract: &'a str,
    /// The address that was left.
    pub from: Address,
    /// The address that followed.
    pub to: Address,
    /// Why.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// `cancel_requested`.
#[derive(Clone, Debug, Deserialize)]
pub struct Cancel<'a> {
    /// Who.
    #[serde(borrow)]
    pub by: Cow<'a, str>,
    /// Why.
    #[serde(borrow)]
    pub reason: Cow<'a, str>,
}

/// `completed`.
#[derive(Clone, Debug, Deserialize)]
pub struct Completed<'a> {
    /// How.
    pub end: &'a str,
}

/// `recovered`.
#[derive(Clone, Debug, Deserialize)]
pub struct Recovered {
    /// Whether it runs again.
    pub rerun: bool,
}

/// Reads one line.
pub(super) fn says(row: &JournalRow) -> Result<Says<'_>, serde_json::Error> {
    let body = row.body.as_str();
    Ok(match row.event.as_str() {
        "contract_moved" => Says::Moved(serde_json::from_str(body)?),
        "receipt_settled" => Says::Settled(serde_json::from_str(body)?),
        "receipt_attempt" => Says::Attempt(serde_json::from_str(body)?),
        "route_step" => Says::Step(serde_json::from_str(body)?),
        "cancel_requested" => Says::Cancel(serde_json::from_str(body)?),
        "completed" => Says::Completed(serde_json::from_str(body)?),
        "recovered" => Says::Recovered(serde_json::from_str(body)?),
        _ => Says::Other,
    })
}
