//! The statements whose cost must not grow with what is stored.

use super::{
    accept, answer, ask, begin, claim, contract, deadlines, edit, finish, gate, offer, prune, recover, resolve, retry,
    route, verdict,
};
use crate::rows::{CONTRACT_BY_ID, CONTRACTS_OF_WORKER, RECEIPT_BY_ID, RECEIPTS_OF_CONTRACT, WORKER_BY_ID};

pub(crate) fn hot() -> Vec<(&'static str, &'static str)> {
    let mut all = jobs();
    all.extend(super::followup::hot());
    all
}

fn jobs() -> Vec<(&'static str, &'static str)> {
    vec![
        ("accept.LOAD", accept::LOAD),
        ("accept.KIND_LOAD", accept::KIND_LOAD),
        ("accept.TAKEN", accept::TAKEN),
        ("answer.OPEN_LEFT", answer::OPEN_LEFT),
        ("answer.ASKED_AT", answer::ASKED_AT),
        ("answer.PROGRESS_ON", answer::PROGRESS_ON),
        ("ask.EXISTING", ask::EXISTING),
        ("begin.QUEUED", begin::QUEUED),
        ("begin.RUNNING", begin::RUNNING),
        ("begin.PROGRESS_ON", begin::PROGRESS_ON),
        ("claim.DUE", claim::DUE),
        ("claim.REASSERT", claim::REASSERT),
        ("contract.EXISTING", contract::EXISTING),
        ("contract.WHEN", contract::WHEN),
        ("deadlines.ACKS", deadlines::ACKS),
        ("deadlines.PROGRESS", deadlines::PROGRESS),
        ("deadlines.WORKERS", deadlines::WORKERS),
        ("deadlines.STUB_NOW", deadlines::STUB_NOW),
        ("deadlines.EXTEND_ACKS", deadlines::EXTEND_ACKS),
        ("deadlines.EXTEND_PROGRESS", deadlines::EXTEND_PROGRESS),
        ("deadlines.EXTEND_WORKERS", deadlines::EXTEND_WORKERS),
        ("edit.WAKE", edit::WAKE),
        ("edit.QUESTION_DUE", edit::QUESTION_DUE),
        ("finish.EXPIRE", finish::EXPIRE),
        ("finish.BODY", finish::BODY),
        ("gate.ONE", gate::ONE),
        ("offer.LINKED", offer::LINKED),
        ("prune.OLD_BODIES", prune::OLD_BODIES),
        ("prune.OLD_ROWS", prune::OLD_ROWS),
        ("prune.OLD_INBOX", prune::OLD_INBOX),
        ("prune.OLD_TASKS", prune::OLD_TASKS),
        ("prune.OLD_REASONS", prune::OLD_REASONS),
        ("prune.OLD_OCCURRENCES", prune::OLD_OCCURRENCES),
        ("prune.OLD_FOLLOWUPS", prune::OLD_FOLLOWUPS),
        ("recover.LOST", recover::LOST),
        ("recover.IN_DOUBT", recover::IN_DOUBT),
        ("recover.WINDOWS", recover::WINDOWS),
        ("recover.WAKE", recover::WAKE),
        ("recover.RENEW", recover::RENEW),
        ("recover.RELEASE", recover::RELEASE),
        ("resolve.BY_SHORT", resolve::BY_SHORT),
        ("resolve.BY_PREFIX", resolve::BY_PREFIX),
        ("resolve.BY_KIND", resolve::BY_KIND),
        ("resolve.LAST_OF_KIND", resolve::LAST_OF_KIND),
        ("resolve.HERE", resolve::HERE),
        ("resolve.SHOWN_IN", resolve::SHOWN_IN),
        ("retry.BY_PREFIX", retry::BY_PREFIX),
        ("route.READDRESS", route::READDRESS),
        ("route.MERGE", route::MERGE),
        ("route.MOVED_CONTRACTS", route::MOVED_CONTRACTS),
        ("route.MOVE_RECEIPTS", route::MOVE_RECEIPTS),
        ("verdict.PARK_CHAT", verdict::PARK_CHAT),
        ("verdict.PARK_ACCOUNT", verdict::PARK_ACCOUNT),
        ("verdict.HOLD", verdict::HOLD),
        ("verdict.NEWEST_STUB", verdict::NEWEST_STUB),
        ("rows.WORKER_BY_ID", WORKER_BY_ID),
        ("rows.CONTRACT_BY_ID", CONTRACT_BY_ID),
        ("rows.CONTRACTS_OF_WORKER", CONTRACTS_OF_WORKER),
        ("rows.RECEIPT_BY_ID", RECEIPT_BY_ID),
        ("rows.RECEIPTS_OF_CONTRACT", RECEIPTS_OF_CONTRACT),
    ]
}
