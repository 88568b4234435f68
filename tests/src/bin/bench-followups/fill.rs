//! Many follow-ups at once: rows as the store writes them, in a few statements.

use async_trait::async_trait;
use wilco_core::followup::Task;
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::{Address, Person, Place, Timestamp};
use wilco_store::engine::Tx;
use wilco_store::{Change, StoreError, args};

/// The account of the scripted platform.
pub(crate) const ACCOUNT: &str = "bench";
/// Whoever has this role there may schedule.
pub(crate) const CREW: &str = "crew";
/// Over how many people they are spread; there are a fifth as many channels, and a thread for each follow-up.
const PEOPLE: i64 = 5_000;
/// Stands in a template for the due time.
const AT: Timestamp = Timestamp(1_111_111_111_111);
/// How many rows one transaction holds.
pub(crate) const CHUNK: i64 = 50_000;

const FOLLOWUPS: &str = "WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2) \
    INSERT INTO followups (id, short, task, kind, schedule, recurring, state, purpose, delete_after_run, pause_after, \
    person, person_id, account, channel, thread, place, created_at) \
    SELECT $3 || printf('%08d', i), $3 || i, $4, 'turn', replace($5, $6, $7 + i * $8), 0, 'pending', \
    CASE WHEN $9 > 0 AND i % $9 = 0 THEN 'refused ' || (1 + i / $9 % 4) ELSE 'a benchmark' END, 0, 5, \
    replace($10, '@p', 'p' || i % $11), 'p' || i % $11, $12, 'c' || i % ($11 / 5), 't' || i, \
    replace(replace($13, '@c', 'c' || i % ($11 / 5)), '@t', 't' || i), $14 FROM n";
const OCCURRENCES: &str = "WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2) \
    INSERT INTO occurrences (id, followup, due, manual, state, due_at) \
    SELECT 'o' || $3 || printf('%08d', i), $3 || printf('%08d', i), $4 + i * $5, 0, 'scheduled', $4 + i * $5 FROM n";

/// One-shot reminders with evenly spread due times.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    /// The beginning of their ids.
    pub(crate) prefix: String,
    /// The number of the first.
    pub(crate) from: i64,
    /// The number after the last.
    pub(crate) to: i64,
    /// The due time of number 0.
    pub(crate) first: Timestamp,
    /// The milliseconds between two.
    pub(crate) step: i64,
    /// Every so many are refused one to four times before they are taken or dropped; 0 refuses none.
    pub(crate) refused: i64,
    /// When they were scheduled.
    pub(crate) now: Timestamp,
}

fn template(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Refused(error.to_string()))
}

#[async_trait]
impl Change for Fill {
    type Out = ();

    fn name(&self) -> &'static str {
        "fill"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let parent = Address::channel(ACCOUNT, "@c");
        let address = parent.clone().in_thread("@t");
        let place = Place { parent: Some(parent), ..Place::public(address) };
        let person = Person { roles: vec![CREW.to_owned()], ..Person::new("@p", "@p") };
        let schedule = Schedule { zone: Zone::UTC, rule: Rule::Once { at: AT } };
        let task = Task::Turn { text: "look at the report".to_owned() };
        tx.run(
            FOLLOWUPS,
            args![
                self.from,
                self.to,
                self.prefix.as_str(),
                template(&task)?,
                template(&schedule)?,
                AT.0.to_string(),
                self.first,
                self.step,
                self.refused,
                template(&person)?,
                PEOPLE,
                ACCOUNT,
                template(&place)?,
                self.now
            ],
        )
        .await?;
        tx.run(OCCURRENCES, args![self.from, self.to, self.prefix.as_str(), self.first, self.step]).await?;
        Ok(())
    }
}

/// From now on the database itself refuses the first attempts of those that are to be refused: the injection fails
/// inside of a healthy store, late enough that everything before it was done.
pub(crate) struct Refuse;

#[async_trait]
impl Change for Refuse {
    type Out = ();

    fn name(&self) -> &'static str {
        "refuse"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        const TRIGGER: &str = "CREATE TRIGGER IF NOT EXISTS bench_refuses BEFORE UPDATE OF occurrence ON workers \
            WHEN EXISTS (SELECT 1 FROM occurrences JOIN followups ON followups.id = occurrences.followup \
                         WHERE occurrences.id = NEW.occurrence AND followups.purpose LIKE 'refused %' \
                         AND occurrences.attempts < CAST(substr(followups.purpose, 9) AS INTEGER)) \
            BEGIN SELECT RAISE(ABORT, 'the benchmark refuses this attempt'); END";
        tx.run(TRIGGER, args![]).await?;
        Ok(())
    }
}

/// What became of one of them.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Its thread.
    pub(crate) thread: String,
    /// When it was due.
    pub(crate) due: Timestamp,
    /// When it fired.
    pub(crate) fired: Option<Timestamp>,
    /// Whether it was to be refused.
    pub(crate) refused: bool,
    /// Its state.
    pub(crate) state: String,
    /// How many attempts it took.
    pub(crate) attempts: i64,
}

/// Asks what became of those whose ids begin so.
pub(crate) struct Outcomes {
    /// The beginning of their ids.
    pub(crate) prefix: String,
}

#[async_trait]
impl Change for Outcomes {
    type Out = Vec<Outcome>;

    fn name(&self) -> &'static str {
        "outcomes"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Outcome>, StoreError> {
        const ALL: &str = "SELECT followups.thread AS thread, due, fired_at, purpose, occurrences.state AS state, attempts \
                           FROM occurrences JOIN followups ON followups.id = occurrences.followup \
                           WHERE occurrences.id >= $1 AND occurrences.id < $2";
        let (from, to) = (format!("o{}0", self.prefix), format!("o{}:", self.prefix));
        let rows = tx.rows(ALL, args![from, to]).await?;
        let outcome = |row: &wilco_store::engine::Row| {
            Ok(Outcome {
                thread: row.text("thread")?,
                due: row.time("due")?,
                fired: row.opt_time("fired_at")?,
                refused: row.text("purpose")?.starts_with("refused "),
                state: row.text("state")?,
                attempts: row.int("attempts")?,
            })
        };
        rows.iter().map(outcome).collect()
    }
}
