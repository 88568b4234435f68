//! The journal: what happened to a worker, in order. The only history; every timeline is a projection of it.

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::contract::ContractState;
use crate::followup::Scheduled;
use crate::ids::ContractId;
use crate::receipt::ReceiptKind;
use crate::time::Timestamp;
use crate::worker::EndKind;

/// One thing that happened. Serialises as an object whose `event` names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The job was accepted and stored.
    Accepted {
        /// The worker kind's name.
        kind: String,
        /// What was asked.
        input: String,
        /// The name of who asked.
        by: String,
        /// Where it was asked.
        address: Address,
        /// The mark of a follow-up's job.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scheduled: Option<Scheduled>,
    },
    /// It has to wait for a slot.
    Queued {
        /// How many stand before it.
        ahead: u32,
    },
    /// The task started.
    Started {
        /// The worker kind's name.
        kind: String,
        /// How many times it was lost before.
        rerun: u32,
    },
    /// A progress text that people may see.
    Status {
        /// The text.
        text: String,
    },
    /// A tool began.
    ToolStarted {
        /// Its name.
        tool: String,
    },
    /// A tool ended.
    ToolCompleted {
        /// Its name.
        tool: String,
    },
    /// It needs a person's leave for something.
    Permission {
        /// What for.
        text: String,
    },
    /// It asked a person.
    Question {
        /// What was asked.
        text: String,
        /// The choices.
        choices: Vec<String>,
    },
    /// A person answered.
    Answered {
        /// The chosen answer.
        choice: String,
        /// Who.
        by: String,
    },
    /// The stub was not visible by its deadline.
    AckMissed {
        /// Of which contract.
        contract: ContractId,
    },
    /// A contract moved.
    ContractMoved {
        /// Which.
        contract: ContractId,
        /// From.
        from: ContractState,
        /// To.
        to: ContractState,
    },
    /// A platform answered one attempt.
    ReceiptAttempt {
        /// Of which contract.
        contract: ContractId,
        /// What the receipt promises.
        receipt: ReceiptKind,
        /// Which part.
        part: u32,
        /// Which attempt, from 1; attempts that spent nothing repeat the number.
        n: u32,
        /// The outcome's name.
        outcome: String,
        /// What the platform said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
        /// When the next attempt is due.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<Timestamp>,
    },
    /// A receipt settled.
    ReceiptSettled {
        /// Of which contract.
        contract: ContractId,
        /// What it promised.
        receipt: ReceiptKind,
        /// Which part.
        part: u32,
        /// `surfaced` or `failed`.
        status: String,
        /// The platform's message, when it surfaced.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// Why it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The route's next address took over.
    RouteStep {
        /// Of which contract.
        contract: ContractId,
        /// The address that was left.
        from: Address,
        /// The address that follows.
        to: Address,
        /// Why.
        reason: String,
    },
    /// A person wants it to stop.
    CancelRequested {
        /// Who.
        by: String,
        /// Why, as it will be shown everywhere.
        reason: String,
    },
    /// Somebody follows it from a further place.
    Watched {
        /// Who.
        by: String,
        /// From where.
        address: Address,
    },
    /// A time limit ended it.
    TimedOut {
        /// Which limit.
        limit: String,
    },
    /// An attempt failed, and a further one is due.
    Retrying {
        /// The attempt that will follow, from 2.
        attempt: u32,
        /// How many there are at the most.
        of: u32,
        /// Why the one before failed, in one line.
        cause: String,
        /// When it is due.
        at: Timestamp,
    },
    /// Its process was gone.
    Recovered {
        /// Whether it runs again.
        rerun: bool,
    },
    /// It ended.
    Completed {
        /// How.
        end: EndKind,
        /// The reason after the state.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        detail: String,
        /// The first line of the result, at most 200 characters.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        summary: String,
    },
}

impl Event {
    /// The stable name in the database, the API and the logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Queued { .. } => "queued",
            Self::Started { .. } => "started",
            Self::Status { .. } => "status",
            Self::ToolStarted { .. } => "tool_started",
            Self::ToolCompleted { .. } => "tool_completed",
            Self::Permission { .. } => "permission",
            Self::Question { .. } => "question",
            Self::Answered { .. } => "answered",
            Self::AckMissed { .. } => "ack_missed",
            Self::ContractMoved { .. } => "contract_moved",
            Self::ReceiptAttempt { .. } => "receipt_attempt",
            Self::ReceiptSettled { .. } => "receipt_settled",
            Self::RouteStep { .. } => "route_step",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::Watched { .. } => "watched",
            Self::TimedOut { .. } => "timed_out",
            Self::Retrying { .. } => "retrying",
            Self::Recovered { .. } => "recovered",
            Self::Completed { .. } => "completed",
        }
    }
}

/// One row of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the worker's history, from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o4_the_stored_name_is_the_serialised_name() {
        let all = [
            Event::Queued { ahead: 2 },
            Event::Status { text: "x".into() },
            Event::AckMissed { contract: ContractId::new("c") },
            Event::TimedOut { limit: "30m".into() },
            Event::Retrying { attempt: 2, of: 3, cause: "exit 2".into(), at: Timestamp(4) },
            Event::Completed { end: EndKind::Done, detail: String::new(), summary: String::new() },
        ];
        for event in all {
            let json = serde_json::to_value(&event).unwrap();
            assert_eq!(json["event"], event.name());
            assert_eq!(serde_json::from_value::<Event>(json).unwrap(), event);
        }
    }
}
