//! Retention: what is kept for how long after a job or a follow-up has ended. A job with a receipt that is
//! not settled is never touched, nor is an occurrence that is open (requirement R13).

use async_trait::async_trait;
use wilco_core::followup::Task;
use wilco_core::settings::Retention;
use wilco_core::{Person, Timestamp, WorkerId};

use crate::engine::{Change, Tx, args};
use crate::error::StoreError;
use crate::rows::json;

pub(super) const OLD_BODIES: &str = "SELECT id FROM workers WHERE ended_at <= $1 AND kept = 1 AND NOT EXISTS \
                          (SELECT 1 FROM receipts WHERE receipts.worker = workers.id AND receipts.settled_at IS NULL) \
                          ORDER BY ended_at LIMIT $2";
pub(super) const OLD_ROWS: &str = "SELECT id FROM workers WHERE ended_at <= $1 AND NOT EXISTS \
                        (SELECT 1 FROM receipts WHERE receipts.worker = workers.id AND receipts.settled_at IS NULL) \
                        ORDER BY ended_at LIMIT $2";
/// The person stays named by id alone; what was asked and answered is gone. The states in which a worker
/// has ended and the kinds of its end have the same names, so that how it ended stays known.
const EMPTY_WORKER: &str = "UPDATE workers SET kept = 0, input = $1, shown = '{}', person_name = '', cancel_by = '', \
                            cancel_reason = '', ending = '{\"kind\":\"' || state || '\"}' WHERE id = $2";
const EMPTY_CONTRACTS: &str = "UPDATE contracts SET person = $1 WHERE worker = $2";
const EMPTY_RECEIPTS: &str = "UPDATE receipts SET body = NULL WHERE worker = $1";
const DROP: [&str; 5] = [
    "DELETE FROM journal WHERE worker = $1",
    "DELETE FROM questions WHERE worker = $1",
    "DELETE FROM receipts WHERE worker = $1",
    "DELETE FROM contracts WHERE worker = $1",
    "DELETE FROM workers WHERE id = $1",
];
const DROP_TEXTS: [&str; 2] = ["DELETE FROM journal WHERE worker = $1", "DELETE FROM questions WHERE worker = $1"];
pub(super) const OLD_INBOX: &str = "DELETE FROM inbox WHERE received_at <= $1";
const OLD_PARKS: &str = "DELETE FROM parks WHERE until <= $1";
pub(super) const OLD_TASKS: &str =
    "SELECT id, task, person_id FROM followups WHERE ended_at <= $1 AND kept = 1 ORDER BY ended_at LIMIT $2";
/// What it was, for whom and where stays known by ids alone, as with a job.
const EMPTY_FOLLOWUP: &str = "UPDATE followups SET kept = 0, task = $1, person = $2, purpose = '', dedupe = NULL, \
                              reason = NULL WHERE id = $3";
/// A reason may quote what a job said, whether its follow-up is over or goes on.
pub(super) const OLD_REASONS: &str = "UPDATE occurrences SET reason = '', last_error = NULL WHERE id IN \
                                      (SELECT id FROM occurrences WHERE settled_at <= $1 AND reason <> '' \
                                      ORDER BY settled_at LIMIT $2)";
pub(super) const OLD_OCCURRENCES: &str = "DELETE FROM occurrences WHERE id IN \
                                          (SELECT id FROM occurrences WHERE settled_at <= $1 \
                                          ORDER BY settled_at LIMIT $2)";
/// The occurrences go first, each at its own age, so that no commit removes those of a year at once.
pub(super) const OLD_FOLLOWUPS: &str = "DELETE FROM followups WHERE id IN \
                                        (SELECT id FROM followups WHERE ended_at <= $1 AND NOT EXISTS \
                                        (SELECT 1 FROM occurrences WHERE occurrences.followup = followups.id) \
                                        ORDER BY ended_at LIMIT $2)";
const EMPTY_INPUT: &str = r#"{"text":"","person":{"id":"","name":""}}"#;
const EMPTY_PERSON: &str = r#"{"id":"","name":""}"#;

/// How long an event of a platform is recognised as a repetition.
const INBOX_DAYS: u32 = 7;
/// How many jobs one pass touches, and how many follow-ups, so that no commit grows large.
const BATCH: i64 = 100;
/// How many occurrences, of which each is one small row.
const OCCURRENCES: i64 = 1_000;

/// One pass of the retention.
#[derive(Clone, Copy, Debug)]
pub struct Prune {
    /// When.
    pub now: Timestamp,
    /// How long things are kept.
    pub retention: Retention,
}

/// What a pass removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Jobs whose texts are gone; their folders can be removed.
    pub emptied: Vec<WorkerId>,
    /// Jobs that are gone as a whole.
    pub dropped: u32,
    /// Follow-ups that are gone as a whole.
    pub followups: u64,
    /// Whether there is more to do.
    pub more: bool,
}

#[async_trait]
impl Change for Prune {
    type Out = Pruned;

    fn name(&self) -> &'static str {
        "prune"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Pruned, StoreError> {
        let day = std::time::Duration::from_secs(24 * 3_600);
        let mut pruned = Pruned::default();
        let old = tx.rows(OLD_ROWS, args![self.now.minus(self.retention.receipts), BATCH]).await?;
        for row in &old {
            let id = WorkerId::new(row.text("id")?);
            for sql in DROP {
                tx.run(sql, args![&id]).await?;
            }
            pruned.emptied.push(id);
            pruned.dropped += 1;
        }
        let bodies = tx.rows(OLD_BODIES, args![self.now.minus(self.retention.bodies), BATCH]).await?;
        for row in &bodies {
            let id = WorkerId::new(row.text("id")?);
            tx.run(EMPTY_WORKER, args![EMPTY_INPUT, &id]).await?;
            tx.run(EMPTY_CONTRACTS, args![EMPTY_PERSON, &id]).await?;
            tx.run(EMPTY_RECEIPTS, args![&id]).await?;
            for sql in DROP_TEXTS {
                tx.run(sql, args![&id]).await?;
            }
            pruned.emptied.push(id);
        }
        tx.run(OLD_INBOX, args![self.now.minus(day * INBOX_DAYS)]).await?;
        tx.run(OLD_PARKS, args![self.now]).await?;
        pruned.more = old.len() as i64 == BATCH || bodies.len() as i64 == BATCH;
        self.followups(tx, &mut pruned).await?;
        Ok(pruned)
    }
}

impl Prune {
    async fn followups(&self, tx: &mut Tx<'_>, pruned: &mut Pruned) -> Result<(), StoreError> {
        let (rows, texts) = (self.now.minus(self.retention.receipts), self.now.minus(self.retention.bodies));
        let occurrences = tx.run(OLD_OCCURRENCES, args![rows, OCCURRENCES]).await?;
        pruned.followups = tx.run(OLD_FOLLOWUPS, args![rows, BATCH]).await?;
        let tasks = tx.rows(OLD_TASKS, args![texts, BATCH]).await?;
        for row in &tasks {
            // One that cannot be read loses its text as well.
            let task = emptied(row.json("task").unwrap_or(Task::Turn { text: String::new() }));
            let person = Person::new(row.text("person_id")?, "");
            tx.run(EMPTY_FOLLOWUP, args![json(&task), json(&person), row.text("id")?]).await?;
        }
        let reasons = tx.run(OLD_REASONS, args![texts, OCCURRENCES]).await?;
        pruned.more |= tasks.len() as i64 == BATCH || pruned.followups == BATCH.unsigned_abs();
        pruned.more |= occurrences.max(reasons) == OCCURRENCES.unsigned_abs();
        Ok(())
    }
}

/// The kind of work stays, what was said is gone.
fn emptied(task: Task) -> Task {
    let text = String::new();
    match task {
        Task::Turn { .. } => Task::Turn { text },
        Task::Command { worker, .. } => Task::Command { worker, text },
        Task::Agent { worker, .. } => Task::Agent { worker, text },
    }
}
