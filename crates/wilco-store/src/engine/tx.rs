//! One transaction in progress, and the values that go into it.
//!
//! The body of a change sees nothing of the database behind it: SQL with `$1` placeholders, a list
//! of [`Arg`]s, and [`Row`]s back.

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use wilco_core::{
    AccountId, BackendId, ContractId, DeliveryKey, FollowupId, InstanceId, OccurrenceId, QuestionId, ReceiptId, Short,
    Timestamp, WorkerId,
};

pub use super::row::Row;
use crate::error::StoreError;

/// What is said in the log once a change is durable.
type Line = Box<dyn FnOnce() + Send>;

/// A transaction in progress on one of the databases.
pub enum Tx<'c> {
    /// On SQLite.
    Sqlite(SqliteTx<'c>),
}

/// A transaction in progress on a SQLite connection.
pub struct SqliteTx<'c> {
    connection: &'c mut SqliteConnection,
    /// The first error after which the transaction may be gone. Nothing runs after it, because a
    /// statement would then commit by itself although the change fails.
    spoiled: Option<StoreError>,
    lines: Vec<Line>,
}

impl<'c> Tx<'c> {
    pub(crate) fn sqlite(connection: &'c mut SqliteConnection) -> Self {
        Self::Sqlite(SqliteTx { connection, spoiled: None, lines: Vec::new() })
    }

    /// The error that spoiled the transaction, if one did, even when the change swallowed it.
    pub(crate) fn spoiled(self) -> Option<StoreError> {
        match self {
            Self::Sqlite(tx) => tx.spoiled,
        }
    }

    /// Keeps a log line until the change is durable. A change that is undone or applied again has
    /// not happened, and the log must not say that it has.
    pub fn tell(&mut self, line: impl FnOnce() + Send + 'static) {
        match self {
            Self::Sqlite(tx) => tx.lines.push(Box::new(line)),
        }
    }

    /// Takes the lines that are kept.
    pub(crate) fn take_lines(&mut self) -> Vec<Box<dyn FnOnce() + Send>> {
        match self {
            Self::Sqlite(tx) => std::mem::take(&mut tx.lines),
        }
    }

    /// Begins a part of the change that may be undone alone. Answers what [`Tx::undo_part`] needs.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub(crate) async fn begin_part(&mut self) -> Result<usize, StoreError> {
        self.run("SAVEPOINT part", Vec::new()).await?;
        match self {
            Self::Sqlite(tx) => Ok(tx.lines.len()),
        }
    }

    /// The part stays as far as the change does.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub(crate) async fn keep_part(&mut self) -> Result<(), StoreError> {
        self.run("RELEASE SAVEPOINT part", Vec::new()).await.map(drop)
    }

    /// Undoes the part, what it wanted to say included; the change goes on.
    ///
    /// # Errors
    /// As [`Tx::run`]; also when the part had spoiled the whole transaction.
    pub(crate) async fn undo_part(&mut self, lines: usize) -> Result<(), StoreError> {
        self.run("ROLLBACK TO SAVEPOINT part", Vec::new()).await?;
        self.run("RELEASE SAVEPOINT part", Vec::new()).await?;
        match self {
            Self::Sqlite(tx) => tx.lines.truncate(lines),
        }
        Ok(())
    }

    /// Runs one statement and answers how many rows it inserted, updated or deleted.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the database refuses it; the transaction lives on, and the
    /// change may go on. Any other error ends the transaction.
    pub async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.run(sql, args).await,
        }
    }

    /// Runs one statement to its end and answers all its rows, also those of `RETURNING`.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn rows(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::Sqlite(tx) => tx.rows(sql, args).await,
        }
    }

    /// Runs one statement to its end and answers its first row, if it has any.
    ///
    /// # Errors
    /// As [`Tx::run`].
    pub async fn row(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }
}

impl SqliteTx<'_> {
    async fn run(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64, StoreError> {
        self.alive()?;
        let done = bound(sql, args).execute(&mut *self.connection).await;
        self.note(done).map(|done| done.rows_affected())
    }

    async fn rows(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<Vec<Row>, StoreError> {
        self.alive()?;
        let rows = bound(sql, args).fetch_all(&mut *self.connection).await;
        Row::all_from_sqlite(&self.note(rows)?)
    }

    fn alive(&self) -> Result<(), StoreError> {
        self.spoiled.clone().map_or(Ok(()), Err)
    }

    fn note<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            let error = StoreError::from_sqlite(&error, None);
            if error.spoils_transaction() {
                self.spoiled = Some(error.clone());
            }
            error
        })
    }
}

fn bound(sql: &'static str, args: Vec<Arg>) -> sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Null => query.bind(Option::<i64>::None),
        Arg::Int(number) => query.bind(number),
        Arg::Text(text) => query.bind(text),
    })
}

/// One value for a placeholder. Made by [`args!`](crate::args).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// No value.
    Null,
    /// A whole number; also moments (milliseconds, UTC) and flags (0 or 1).
    Int(i64),
    /// A text; also ids and JSON.
    Text(String),
}

/// The values for `$1`, `$2`, … in their order: `args![worker, now, "done"]`.
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => {
        ::std::vec![$($crate::engine::Arg::from($value)),*]
    };
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for Arg {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u32> for Arg {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<usize> for Arg {
    /// Saturates at the end of the stored range, which no length in memory reaches.
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u64> for Arg {
    /// Saturates at the end of the stored range.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Arg {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<Timestamp> for Arg {
    fn from(moment: Timestamp) -> Self {
        Self::Int(moment.0)
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! ids {
    ($($id:ty),*) => {
        $(
            impl From<&$id> for Arg {
                fn from(id: &$id) -> Self {
                    Self::Text(id.as_str().to_owned())
                }
            }
        )*
    };
}

ids!(
    AccountId,
    BackendId,
    ContractId,
    DeliveryKey,
    FollowupId,
    InstanceId,
    OccurrenceId,
    QuestionId,
    ReceiptId,
    Short,
    WorkerId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_arguments() {
        let worker = WorkerId::new("w1");
        let none: Option<&str> = None;
        assert_eq!(
            args![7_i64, 8_u32, true, "text", Timestamp(9), &worker, none, Some(&worker)],
            vec![
                Arg::Int(7),
                Arg::Int(8),
                Arg::Int(1),
                Arg::Text("text".into()),
                Arg::Int(9),
                Arg::Text("w1".into()),
                Arg::Null,
                Arg::Text("w1".into()),
            ]
        );
        assert_eq!(Arg::from(u64::MAX), Arg::Int(i64::MAX));
    }
}
