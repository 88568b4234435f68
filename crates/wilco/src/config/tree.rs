//! A document as plain values that know where they stand.

use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) at: Origin,
    pub(super) raw: Raw,
}

/// A value before anybody has looked at what it should be.
#[derive(Clone)]
pub(super) enum Raw {
    Text(String),
    /// Numbers beyond the range are held at its ends; no key allows them anyway.
    Whole(i64),
    Fraction,
    Flag(bool),
    Moment,
    List(Vec<Node>),
    Table(Vec<Entry>),
}

/// A key of a table with its own place.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) at: Origin,
    pub(super) node: Node,
}

impl Raw {
    /// What it is, for a sentence about what it should have been.
    pub(super) fn is(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Whole(_) => "a whole number",
            Self::Fraction => "a fraction",
            Self::Flag(_) => "true or false",
            Self::Moment => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// How a place in a text becomes an origin.
pub(super) enum Places<'a> {
    /// The compiled-in text, or one that came by another way: everything has the same origin.
    Same(Origin),
    /// A file: the beginnings of its lines tell lines and columns.
    File { path: Arc<Path>, text: &'a str, starts: Vec<usize> },
}

impl<'a> Places<'a> {
    /// The places of a file.
    pub(super) fn file(path: &Path, text: &'a str) -> Self {
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self::File { path: path.into(), text, starts: std::iter::once(0).chain(after).collect() }
    }

    fn at(&self, offset: usize) -> Origin {
        match self {
            Self::Same(origin) => origin.clone(),
            Self::File { path, text, starts } => {
                let line = starts.partition_point(|start| *start <= offset);
                let start = starts.get(line - 1).copied().unwrap_or(0);
                let column = text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
                Origin::File { path: Arc::clone(path), line, column }
            }
        }
    }
}

/// Reads a document. Every syntax error is reported, not only the first.
pub(super) fn parse(text: &str, places: &Places<'_>) -> Result<Vec<Entry>, Vec<Problem>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return Ok(entries(document.get_ref(), places));
    }
    let problem = |error: &toml::de::Error| {
        let offset = error.span().map_or(0, |span| span.start);
        // The message alone: the whole display repeats the line, which may hold a secret.
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        Problem::new(places.at(offset), "", format!("this is no TOML: {message}"))
    };
    Err(errors.iter().map(problem).collect())
}

fn entries(table: &DeTable<'_>, places: &Places<'_>) -> Vec<Entry> {
    let mut all: Vec<(usize, Entry)> = table
        .iter()
        .map(|(name, value)| {
            let offset = name.span().start;
            let node = node(value, places);
            (offset, Entry { name: name.get_ref().to_string(), at: places.at(offset), node })
        })
        .collect();
    // The table sorts by name; people read from the top.
    all.sort_by_key(|(offset, _)| *offset);
    all.into_iter().map(|(_, entry)| entry).collect()
}

fn node(value: &toml::Spanned<DeValue<'_>>, places: &Places<'_>) -> Node {
    let raw = match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Whole(whole(number.as_str(), number.radix())),
        DeValue::Float(_) => Raw::Fraction,
        DeValue::Boolean(flag) => Raw::Flag(*flag),
        DeValue::Datetime(_) => Raw::Moment,
        DeValue::Array(list) => Raw::List(list.iter().map(|item| node(item, places)).collect()),
        DeValue::Table(table) => Raw::Table(entries(table, places)),
    };
    Node { at: places.at(value.span().start), raw }
}

fn whole(digits: &str, radix: u32) -> i64 {
    let end = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
    i64::from_str_radix(digits, radix).unwrap_or(end)
}

/// A document of one value below its sections.
pub(super) fn single(path: &[String], at: &Origin, raw: Raw) -> Vec<Entry> {
    let mut node = Node { at: at.clone(), raw };
    for name in path.iter().skip(1).rev() {
        let entry = Entry { name: name.clone(), at: at.clone(), node };
        node = Node { at: at.clone(), raw: Raw::Table(vec![entry]) };
    }
    path.first().map(|name| Entry { name: name.clone(), at: at.clone(), node }).into_iter().collect()
}
