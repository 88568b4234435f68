//! The order in which a contract delivers its receipts, and what they say about it together.

use super::{ReceiptKind, ReceiptState};

/// One receipt as the order of a contract sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InOrder {
    /// What it promises.
    pub kind: ReceiptKind,
    /// Which part.
    pub part: u32,
    /// Which generation; only the newest of a kind and part counts.
    pub generation: u32,
    /// Where it stands.
    pub state: ReceiptState,
}

/// The positions of the waiting receipts that may become pending now.
///
/// Within a contract the order is: every stub, question, content, parts, files, ping. A fill waits for
/// all stubs of the contract, so that no part appears before the place of the next one exists; each
/// fill waits for the one before it; a ping waits for everything that it announces.
pub fn ready(receipts: &[InOrder]) -> Vec<usize> {
    let current = |one: &InOrder| {
        !receipts
            .iter()
            .any(|other| other.kind == one.kind && other.part == one.part && other.generation > one.generation)
    };
    let open = |one: &InOrder| current(one) && !one.state.is_settled();
    receipts
        .iter()
        .enumerate()
        .filter(|(_, one)| one.state == ReceiptState::Waiting && current(one))
        .filter(|(at, one)| {
            receipts
                .iter()
                .enumerate()
                .all(|(other_at, other)| other_at == *at || !open(other) || !goes_before(other, one))
        })
        .map(|(at, _)| at)
        .collect()
}

/// Whether `first` has to settle before `then` may start.
fn goes_before(first: &InOrder, then: &InOrder) -> bool {
    use ReceiptKind as K;
    match (first.kind, then.kind) {
        (K::Stub, K::Stub) => first.part < then.part,
        (K::Stub, K::Question) => first.part == 0,
        (K::Stub, K::Content | K::Part | K::File) => true,
        // The acknowledgement has to be there before somebody is pinged about it.
        (K::Stub, K::Ping) => true,
        (K::Question, K::Question) => first.part < then.part,
        // The ping of a question carries the question's number and follows it alone.
        (K::Question, K::Ping) => first.part == then.part,
        // A question that is still on its way when the work ends is overtaken by the result.
        (K::Question, K::Stub | K::Content | K::Part | K::File) => false,
        // Only the ping of the end, number 0, announces the result; the receipt of the result waits from
        // the start, and a question's ping must not wait for it.
        (K::Content | K::Part | K::File, K::Ping) => then.part == 0,
        (K::Content, K::Part | K::File) => true,
        (K::Part, K::Part) => first.part < then.part,
        (K::Part, K::File) => true,
        (K::File, K::File) => first.part < then.part,
        (K::Ping, K::Ping) => first.part < then.part,
        (K::Content, K::Stub | K::Content | K::Question)
        | (K::Part, K::Stub | K::Content | K::Question)
        | (K::File, K::Stub | K::Content | K::Part | K::Question)
        | (K::Ping, K::Stub | K::Content | K::Part | K::File | K::Question) => false,
    }
}

/// What the settled receipts of a contract say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Some terminal receipt is still open, or the worker has not ended.
    Open,
    /// All of them are visible.
    AllSurfaced,
    /// One has failed for good.
    OneFailed,
}

/// How a contract stands by its newest content, part and file receipts. A waiting content receipt of
/// a worker that still runs keeps it open.
pub fn standing(receipts: &[InOrder]) -> Standing {
    let newest = receipts.iter().filter(|one| {
        one.kind.is_terminal()
            && !receipts
                .iter()
                .any(|other| other.kind == one.kind && other.part == one.part && other.generation > one.generation)
    });
    let (mut any, mut all, mut failed) = (false, true, false);
    for one in newest {
        any = true;
        all &= one.state == ReceiptState::Surfaced;
        failed |= one.state == ReceiptState::Failed;
    }
    match (failed, any && all) {
        (true, true | false) => Standing::OneFailed,
        (false, true) => Standing::AllSurfaced,
        (false, false) => Standing::Open,
    }
}
