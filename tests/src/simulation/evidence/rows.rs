//! The tables as they are, read by plain SQL on a connection of the check's own: nothing of the store's
//! code has a say in what the invariants see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{ConnectOptions, Connection};
use wilco_core::{AccountId, Address};

/// What stands in one column.
trait Cell: Sized {
    fn of(row: &SqliteRow, column: usize) -> Self;

    /// The text of it, when it holds one.
    fn text(&self) -> Option<&str>;
}

impl Cell for String {
    fn of(row: &SqliteRow, column: usize) -> Self {
        row.get(column)
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Cell for Option<String> {
    fn of(row: &SqliteRow, column: usize) -> Self {
        row.get(column)
    }

    fn text(&self) -> Option<&str> {
        self.as_deref()
    }
}

impl Cell for i64 {
    fn of(row: &SqliteRow, column: usize) -> Self {
        row.get(column)
    }

    fn text(&self) -> Option<&str> {
        None
    }
}

impl Cell for Option<i64> {
    fn of(row: &SqliteRow, column: usize) -> Self {
        row.get(column)
    }

    fn text(&self) -> Option<&str> {
        None
    }
}

/// One table. The fields are its columns under their own names, so that the statement is made of them and
/// a value cannot come from another column.
macro_rules! table {
    ($(#[$doc:meta])* $row:ident, $table:literal, $order:literal: $($field:ident: $kind:ty),+ $(,)?) => {
        $(#[$doc])*
        #[expect(missing_docs, reason = "the columns are described where they are made, in migrations/")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $row {
            $(pub $field: $kind),+
        }

        impl $row {
            /// The table.
            pub const TABLE: &'static str = $table;
            /// Every column of it, in the order of the fields.
            pub const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];
            const READ: &'static str =
                concat!("SELECT ", $(stringify!($field), ", ",)+ "1 FROM ", $table, " ORDER BY ", $order);

            async fn all(connection: &mut SqliteConnection) -> Vec<Self> {
                let rows = sqlx::query(Self::READ).persistent(false).fetch_all(connection).await;
                rows.expect("the table can be read").iter().map(Self::of).collect()
            }

            #[expect(unused_assignments, reason = "the count after the last column is nobody's column")]
            fn of(row: &SqliteRow) -> Self {
                let mut column = 0;
                $(
                    let $field = Cell::of(row, column);
                    column += 1;
                )+
                Self { $($field),+ }
            }

            fn texts<'a>(&'a self, each: &mut impl FnMut(&'static str, &'static str, &'a str)) {
                $(
                    if let Some(text) = self.$field.text() {
                        each($table, stringify!($field), text);
                    }
                )+
            }
        }
    };
}

table! {
    /// One run of a long job.
    WorkerRow, "workers", "created_at, id":
    id: String, short: String, kind: String, input: String, rules: String, state: String, person_id: String,
    person_name: String, account: String, channel: String, thread: Option<String>, ahead: Option<i64>, reruns: i64,
    created_at: i64, started_at: Option<i64>, ended_at: Option<i64>, owner: Option<String>, lease_until: Option<i64>,
    hard_deadline: Option<i64>, deadline: Option<i64>, alive_at: Option<i64>, shown: String, cancel_by: Option<String>,
    cancel_reason: Option<String>, cancel_at: Option<i64>, ending: Option<String>, journal_seq: i64, kept: i64,
    attempt: i64, due_at: Option<i64>, retry_cause: Option<String>, backend: Option<String>, occurrence: Option<String>,
}

table! {
    /// What is owed to one route.
    ContractRow, "contracts", "worker, number":
    id: String, worker: String, number: i64, state: String, person: String, route: String, step: i64, account: String,
    channel: String, thread: Option<String>, message: Option<String>, ack_deadline: Option<i64>,
    progress_deadline: Option<i64>, acked_at: Option<i64>, shown_print: Option<String>, shown_at: Option<i64>,
    edit_open: i64, edit_until: Option<i64>, doubt_at: Option<i64>, created_at: i64,
}

table! {
    /// One message that has to become visible.
    ReceiptRow, "receipts", "contract, kind, part, generation":
    id: String, contract: String, worker: String, kind: String, part: i64, generation: i64, state: String,
    account: String, channel: String, thread: Option<String>, body: Option<String>, message: Option<String>,
    shape: String, reassert_shape: Option<String>, attempts: i64, fallbacks: i64, first_due: Option<i64>, due_at: Option<i64>,
    parked_until: Option<i64>, first_attempt: Option<i64>, doubt: i64, edit_open: i64, reassert_at: Option<i64>,
    lease_owner: Option<String>, lease_until: Option<i64>, fence: i64, last_error: Option<String>,
    reason: Option<String>, replaced: i64, created_at: i64, settled_at: Option<i64>,
}

table! {
    /// One question to a person.
    QuestionRow, "questions", "worker, number":
    id: String, worker: String, number: i64, text: String, choices: String, state: String, answer: Option<i64>,
    answered_by: Option<String>, asked_at: i64, settled_at: Option<i64>,
}

table! {
    /// One line of a worker's history.
    JournalRow, "journal", "worker, seq": worker: String, seq: i64, at: i64, event: String, body: String,
}

table! {
    /// What shall happen later.
    FollowupRow, "followups", "created_at, id":
    id: String, short: String, task: String, kind: String, schedule: String, recurring: i64, state: String,
    reason: Option<String>, purpose: String, dedupe: Option<String>, delete_after_run: i64, failures: i64,
    pause_after: i64, person: String, person_id: String, account: String, channel: String, thread: Option<String>,
    place: String, created_at: i64, ended_at: Option<i64>, kept: i64, guild: Option<String>,
}

table! {
    /// One due time of a follow-up.
    OccurrenceRow, "occurrences", "followup, due, manual":
    id: String, followup: String, due: i64, manual: i64, state: String, due_at: Option<i64>, reason: Option<String>,
    attempts: i64, last_error: Option<String>, lease_owner: Option<String>, lease_until: Option<i64>, fence: i64,
    fired_at: Option<i64>, late: Option<String>, worker: Option<String>, gate: Option<String>, settled_at: Option<i64>,
}

table! {
    /// One event of a platform that changed something.
    InboxRow, "inbox", "account, event":
    account: String, event: String, received_at: i64, worker: Option<String>, followup: Option<String>,
}

table! {
    /// A closed gate.
    GateRow, "gates", "backend": backend: String, reason: String, closed_at: i64, job: String, stamp: Option<String>,
}

table! {
    /// Who was told what to do about a closed gate.
    GateNoticeRow, "gate_notices", "backend": backend: String, account: String, person_id: String,
}

table! {
    /// A scope that asked for silence.
    ParkRow, "parks", "account, channel": account: String, channel: String, until: i64,
}

table! {
    /// An account that waits for a person.
    PausedRow, "paused_accounts", "account": account: String, reason: String, since: i64,
}

table! {
    /// What an adapter remembers.
    ShelfRow, "shelf", "account, key": account: String, key: String, value: String,
}

table! {
    /// A time zone that somebody has set.
    ZoneRow, "zones", "account": account: String, person: String, channel: String, zone: String,
}

table! {
    /// When the bot was last seen alive.
    PulseRow, "pulse", "id": id: i64, alive_at: i64, gap_from: Option<i64>, gap_to: Option<i64>,
}

table! {
    /// A right that was given to somebody while the bot ran.
    GrantRow, "grants", "account, person": account: String, person: String, name: String, role: String, granted_at: i64,
}

table! {
    /// The pairing code that may be open.
    PairingRow, "pairing", "id": id: i64, digest: String, expires_at: i64, wrong: i64, used_at: Option<i64>,
}

table! {
    /// A wrong try of a pairing code.
    PairingTryRow, "pairing_tries", "account, person, event":
    account: String, person: String, event: String, tried_at: i64,
}

impl ContractRow {
    /// Where it stands now.
    pub fn address(&self) -> Address {
        address(&self.account, &self.channel, self.thread.as_deref())
    }
}

impl WorkerRow {
    /// Whether it has ended for good.
    pub fn has_ended(&self) -> bool {
        matches!(self.state.as_str(), "done" | "failed" | "cancelled" | "timed_out" | "interrupted")
    }
}

impl ReceiptRow {
    /// Whether it carries the result or a piece of it.
    pub fn is_terminal(&self) -> bool {
        matches!(self.kind.as_str(), "content" | "part" | "file")
    }

    /// Whether nothing more will happen to it by itself.
    pub fn is_settled(&self) -> bool {
        matches!(self.state.as_str(), "surfaced" | "failed")
    }
}

fn address(account: &str, channel: &str, thread: Option<&str>) -> Address {
    Address { account: AccountId::new(account), channel: channel.to_owned(), thread: thread.map(str::to_owned) }
}

/// Every table of a store, each read once, and the files that its rows name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The runs.
    pub workers: Vec<WorkerRow>,
    /// What is owed, by worker and number.
    pub contracts: Vec<ContractRow>,
    /// The messages, by contract.
    pub receipts: Vec<ReceiptRow>,
    /// The questions, by worker and number.
    pub questions: Vec<QuestionRow>,
    /// The histories, by worker and number.
    pub journal: Vec<JournalRow>,
    /// The follow-ups.
    pub followups: Vec<FollowupRow>,
    /// Their due times, by follow-up and time.
    pub occurrences: Vec<OccurrenceRow>,
    /// The events that were taken.
    pub inbox: Vec<InboxRow>,
    /// The closed gates.
    pub gates: Vec<GateRow>,
    /// Who was told of them.
    pub gate_notices: Vec<GateNoticeRow>,
    /// The scopes that asked for silence.
    pub parks: Vec<ParkRow>,
    /// The accounts that wait for a person.
    pub paused: Vec<PausedRow>,
    /// What adapters remember.
    pub shelf: Vec<ShelfRow>,
    /// The time zones.
    pub zones: Vec<ZoneRow>,
    /// The sign of life.
    pub pulse: Vec<PulseRow>,
    /// The rights that were given.
    pub grants: Vec<GrantRow>,
    /// The pairing code.
    pub pairing: Vec<PairingRow>,
    /// The wrong tries of it.
    pub pairing_tries: Vec<PairingTryRow>,
    /// The files of results, by their paths, as far as they are there.
    pub files: BTreeMap<PathBuf, Kept>,
}

macro_rules! rows {
    ($($field:ident: $row:ident),+ $(,)?) => {
        impl Rows {
            /// Reads a store that a process may hold open, or that none does.
            ///
            /// # Panics
            /// When it cannot be read: then nothing can be said about what was promised.
            pub async fn read(path: &Path) -> Self {
                let mut connection = connect(path).await;
                $(let $field = $row::all(&mut connection).await;)+
                connection.close().await.expect("the check's connection closes");
                let mut rows = Self { $($field,)+ files: BTreeMap::new() };
                rows.files = kept(&rows.receipts);
                rows
            }

            /// Every text of every row: table, column, text.
            pub fn texts<'a>(&'a self, mut each: impl FnMut(&'static str, &'static str, &'a str)) {
                $(
                    for row in &self.$field {
                        row.texts(&mut each);
                    }
                )+
            }

            /// Every table that is read, with its columns.
            pub fn tables() -> Vec<(&'static str, &'static [&'static str])> {
                vec![$(($row::TABLE, $row::COLUMNS)),+]
            }
        }
    };
}

rows! {
    workers: WorkerRow, contracts: ContractRow, receipts: ReceiptRow, questions: QuestionRow, journal: JournalRow, followups: FollowupRow, occurrences: OccurrenceRow, inbox: InboxRow, gates: GateRow, gate_notices: GateNoticeRow, parks: ParkRow, paused: PausedRow, shelf: ShelfRow, zones: ZoneRow, pulse: PulseRow, grants: GrantRow, pairing: PairingRow, pairing_tries: PairingTryRow,
}

/// A file of a result, as it lies on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// FNV-1a, 64 bits, of its bytes, as 16 hexadecimal digits: so the scripted platform prints what it is given.
    pub hash: String,
    /// Its text, when it is one.
    pub text: Option<String>,
}

fn kept(receipts: &[ReceiptRow]) -> BTreeMap<PathBuf, Kept> {
    let named = receipts.iter().filter(|row| row.kind == "file").filter_map(|row| row.body.as_deref());
    let bodies = named.filter_map(|body| serde_json::from_str::<wilco_core::Body>(body).ok());
    let files = bodies.filter_map(|body| Some(body.file?.path));
    files.filter_map(|path| Some((path.clone(), Kept::of(std::fs::read(path).ok()?)))).collect()
}

impl Kept {
    fn of(bytes: Vec<u8>) -> Self {
        let hash = bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        Self { hash: format!("{hash:016x}"), text: String::from_utf8(bytes).ok() }
    }
}

/// A connection that changes nothing but may have to finish what a killed process left in the log file.
pub(super) async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false).disable_statement_logging();
    options.connect().await.expect("the check can open the store")
}
