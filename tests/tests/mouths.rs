//! What the tests of mouths share: a mouth keeps nothing across a restart, and what it answers is one of two things.

use wilco_core::{DeliveryOutcome, MessageRef, NotSurfaced};

/// The message of what has to surface.
#[track_caller]
pub(crate) fn surfaced(outcome: DeliveryOutcome) -> MessageRef {
    match outcome {
        DeliveryOutcome::Surfaced(message) => message,
        DeliveryOutcome::NotSurfaced(reason) => panic!("{reason:?}"),
    }
}

/// The reason of what may not surface.
#[track_caller]
pub(crate) fn reason(outcome: DeliveryOutcome) -> NotSurfaced {
    match outcome {
        DeliveryOutcome::NotSurfaced(reason) => reason,
        DeliveryOutcome::Surfaced(message) => panic!("surfaced: {message:?}"),
    }
}
