//! What was committed when a process died, as the next one finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::path::Path;

use sqlx::{Connection, Row};
use wilco_core::Timestamp;

use super::rows::connect;

const STATES: &str = "SELECT 'worker' AS what, id AS one, state AS two, journal_seq AS number FROM workers \
    UNION ALL SELECT 'contract', id, state, 0 FROM contracts \
    UNION ALL SELECT 'receipt', id, state, 0 FROM receipts \
    UNION ALL SELECT 'question', id, state, 0 FROM questions \
    UNION ALL SELECT 'followup', id, state, 0 FROM followups WHERE delete_after_run = 0 \
    UNION ALL SELECT 'occurrence', id, state, 0 FROM occurrences \
    WHERE followup IN (SELECT id FROM followups WHERE delete_after_run = 0) \
    UNION ALL SELECT 'inbox', account, event, 0 FROM inbox";
const CLAIMS: &str = "SELECT id, fence, lease_owner FROM receipts \
    WHERE state = 'sending' AND lease_owner IS NOT NULL ORDER BY id";
const JOURNAL: &str = "SELECT worker, at, event, body FROM journal ORDER BY worker, seq";

/// What was committed when a process died.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Death {
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// Each worker's last number in the journal.
    pub workers: BTreeMap<String, i64>,
    /// Each worker's state.
    pub worker_states: BTreeMap<String, String>,
    /// A print of each worker's journal, see [`print`].
    pub journals: BTreeMap<String, u64>,
    /// Each contract's state.
    pub contracts: BTreeMap<String, String>,
    /// Each receipt's state.
    pub receipts: BTreeMap<String, String>,
    /// Each question's state.
    pub questions: BTreeMap<String, String>,
    /// The state of each follow-up that is not removed after its run.
    pub followups: BTreeMap<String, String>,
    /// The state of each occurrence of these.
    pub occurrences: BTreeMap<String, String>,
    /// Account and id of each event that was taken.
    pub inbox: BTreeSet<(String, String)>,
    /// What it was sending.
    pub claims: Vec<HeldClaim>,
}

/// A receipt that a process was sending when it died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldClaim {
    /// Which.
    pub receipt: String,
    /// The number of the claim.
    pub fence: i64,
    /// Whose claim it was.
    pub owner: String,
}

impl Death {
    /// Reads what a process has left behind: the copy that the next one will be started on.
    ///
    /// # Panics
    /// When the store cannot be read.
    pub async fn read(path: &Path, at: Timestamp) -> Self {
        let mut connection = connect(path).await;
        let mut death = Self { at, ..Self::default() };
        let rows = sqlx::query(STATES).persistent(false).fetch_all(&mut connection).await;
        for row in rows.expect("the states can be read") {
            let (what, one, two): (&str, String, String) = (row.get(0), row.get(1), row.get(2));
            let states = match what {
                "worker" => {
                    death.workers.insert(one.clone(), row.get(3));
                    &mut death.worker_states
                }
                "contract" => &mut death.contracts,
                "receipt" => &mut death.receipts,
                "question" => &mut death.questions,
                "followup" => &mut death.followups,
                "occurrence" => &mut death.occurrences,
                _ => {
                    death.inbox.insert((one, two));
                    continue;
                }
            };
            states.insert(one, two);
        }
        let rows = sqlx::query(JOURNAL).persistent(false).fetch_all(&mut connection).await;
        for row in rows.expect("the journal can be read") {
            let (worker, event, body): (&str, &str, &str) = (row.get(0), row.get(2), row.get(3));
            match death.journals.get_mut(worker) {
                Some(so_far) => *so_far = print(*so_far, row.get(1), event, body),
                None => drop(death.journals.insert(worker.to_owned(), print(0, row.get(1), event, body))),
            }
        }
        let rows = sqlx::query(CLAIMS).persistent(false).fetch_all(&mut connection).await;
        for row in rows.expect("the claims can be read") {
            death.claims.push(HeldClaim { receipt: row.get(0), fence: row.get(1), owner: row.get(2) });
        }
        connection.close().await.expect("the check's connection closes");
        death
    }
}

/// The print of a history that goes on by one line. Two histories with the same print are the same lines in
/// the same order.
pub fn print(so_far: u64, at: i64, event: &str, body: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write_u64(so_far);
    hasher.write_i64(at);
    hasher.write(event.as_bytes());
    hasher.write_u8(0);
    hasher.write(body.as_bytes());
    hasher.finish()
}
