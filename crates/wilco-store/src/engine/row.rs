//! One row that a statement answered, owned and free of the database it came from.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Decode as _, Row as _, Sqlite, TypeInfo as _, ValueRef as _};
use wilco_core::Timestamp;

use crate::error::StoreError;

/// A row, read by column name. A value of the wrong type, a missing column and an unexpected NULL
/// are [`StoreError::Undecodable`]; nothing is ever replaced by a default.
#[derive(Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Value>,
}

#[derive(Clone)]
enum Value {
    Null,
    Int(i64),
    Text(String),
    /// A kind of value that no table of ours holds, such as a float.
    Foreign(String),
}

impl fmt::Debug for Row {
    /// The columns alone: what people wrote does not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Row {
    pub(super) fn all_from_sqlite(rows: &[SqliteRow]) -> Result<Vec<Self>, StoreError> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
        rows.iter()
            .map(|row| {
                let values = (0..columns.len()).map(|at| value(row, at, &columns[at])).collect::<Result<_, _>>()?;
                Ok(Self { columns: Arc::clone(&columns), values })
            })
            .collect()
    }

    fn value(&self, column: &str) -> Result<&Value, StoreError> {
        let at = self.columns.iter().position(|name| name == column);
        at.and_then(|at| self.values.get(at)).ok_or_else(|| bad(column, "the statement does not answer this column"))
    }

    fn some<T>(column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| bad(column, "a value was expected and there is none (NULL)"))
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`StoreError::Undecodable`], as every method of a row.
    pub fn int(&self, column: &str) -> Result<i64, StoreError> {
        Self::some(column, self.opt_int(column)?)
    }

    /// A whole number, or none.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(number) => Ok(Some(*number)),
            Value::Text(_) => Err(bad(column, "a whole number was expected and it is a text")),
            Value::Foreign(kind) => Err(bad(column, &format!("a whole number was expected and it is {kind}"))),
        }
    }

    /// A text.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn text(&self, column: &str) -> Result<String, StoreError> {
        Self::some(column, self.opt_text(column)?)
    }

    /// A text, or none.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.opt_str(column)?.map(str::to_owned))
    }

    fn opt_str(&self, column: &str) -> Result<Option<&str>, StoreError> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            Value::Int(_) => Err(bad(column, "a text was expected and it is a number")),
            Value::Foreign(kind) => Err(bad(column, &format!("a text was expected and it is {kind}"))),
        }
    }

    /// A moment, stored as milliseconds since 1970 in UTC.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp)
    }

    /// A moment, or none.
    ///
    /// # Errors
    /// As [`Row::int`].
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.opt_int(column)?.map(Timestamp))
    }

    /// A count: a number from 0 to 4,294,967,295.
    ///
    /// # Errors
    /// As [`Row::int`], also for a number outside of the range.
    pub fn count(&self, column: &str) -> Result<u32, StoreError> {
        let number = self.int(column)?;
        u32::try_from(number).map_err(|_| bad(column, &format!("a count was expected and it is {number}")))
    }

    /// A flag: 0 or 1.
    ///
    /// # Errors
    /// As [`Row::int`], also for any other number.
    pub fn flag(&self, column: &str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            number => Err(bad(column, &format!("0 or 1 was expected and it is {number}"))),
        }
    }

    /// A value stored as JSON.
    ///
    /// # Errors
    /// As [`Row::int`], also for JSON of another shape.
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        Self::some(column, self.opt_json(column)?)
    }

    /// A value stored as JSON, or none.
    ///
    /// # Errors
    /// As [`Row::json`].
    pub fn opt_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.opt_str(column)?
            .map(|text| {
                serde_json::from_str(text).map_err(|error| {
                    // The parser's own sentence quotes the value, which may be private; its place is enough.
                    let (kind, line, at) = (error.classify(), error.line(), error.column());
                    bad(column, &format!("JSON of another shape ({kind:?} at line {line}, column {at})"))
                })
            })
            .transpose()
    }
}

fn value(row: &SqliteRow, at: usize, column: &str) -> Result<Value, StoreError> {
    let raw = row.try_get_raw(at).map_err(|error| bad(column, &error.to_string()))?;
    if raw.is_null() {
        return Ok(Value::Null);
    }
    let kind = raw.type_info().name().to_owned();
    match kind.as_str() {
        "INTEGER" => {
            <i64 as sqlx::Decode<Sqlite>>::decode(raw).map(Value::Int).map_err(|error| bad(column, &error.to_string()))
        }
        "TEXT" => String::decode(raw).map(Value::Text).map_err(|_| bad(column, "the text is not UTF-8")),
        _ => Ok(Value::Foreign(kind)),
    }
}

fn bad(column: &str, why: &str) -> StoreError {
    StoreError::Undecodable { what: column.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(column: &str, value: Value) -> Row {
        Row { columns: [column.to_owned()].into_iter().collect(), values: vec![value] }
    }

    fn undecodable<T: fmt::Debug>(answer: Result<T, StoreError>) -> bool {
        matches!(answer, Err(StoreError::Undecodable { what, .. }) if what == "c")
    }

    #[test]
    fn a_value_of_the_right_type_is_read() {
        assert_eq!(row("c", Value::Int(7)).int("c").unwrap(), 7);
        assert_eq!(row("c", Value::Int(7)).time("c").unwrap(), Timestamp(7));
        assert_eq!(row("c", Value::Int(7)).count("c").unwrap(), 7);
        assert!(row("c", Value::Int(1)).flag("c").unwrap());
        assert_eq!(row("c", Value::Text("x".into())).text("c").unwrap(), "x");
        assert_eq!(row("c", Value::Text("[1,2]".into())).json::<Vec<u8>>("c").unwrap(), vec![1, 2]);
        let null = row("c", Value::Null);
        assert_eq!(null.opt_int("c").unwrap(), None);
        assert_eq!(null.opt_text("c").unwrap(), None);
        assert_eq!(null.opt_time("c").unwrap(), None);
        assert_eq!(null.opt_json::<u8>("c").unwrap(), None);
    }

    #[test]
    fn anything_else_is_undecodable_and_never_a_default() {
        let null = row("c", Value::Null);
        assert!(undecodable(null.int("c")) && undecodable(null.text("c")) && undecodable(null.time("c")));
        assert!(undecodable(null.count("c")) && undecodable(null.flag("c")) && undecodable(null.json::<u8>("c")));
        assert!(undecodable(row("c", Value::Text("7".into())).int("c")));
        assert!(undecodable(row("c", Value::Int(7)).text("c")));
        assert!(undecodable(row("c", Value::Int(-1)).count("c")));
        assert!(undecodable(row("c", Value::Int(2)).flag("c")));
        assert!(undecodable(row("c", Value::Foreign("REAL".into())).opt_int("c")));
        assert!(undecodable(row("other", Value::Int(1)).int("c")));
    }

    #[test]
    fn an_error_about_json_does_not_quote_it() {
        let error = row("c", Value::Text("{\"token\":\"canary\"}".into())).json::<u8>("c").unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
        assert!(!format!("{:?}", row("c", Value::Text("canary".into()))).contains("canary"));
    }
}
