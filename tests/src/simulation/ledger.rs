//! The book of a long run, from which it goes on where it was stopped.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::life::Figures;

/// What was lived so far. One book belongs to one commit: lives of different programs are not added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The commit that was simulated.
    pub commit: String,
    /// The first seed.
    pub from: u64,
    /// The first seed that was not lived yet; everything before it was.
    pub next: u64,
    /// How long it took, in seconds, all stretches together.
    pub seconds: u64,
    /// What happened.
    pub figures: Figures,
    /// The seeds that broke the promise.
    pub broken: Vec<u64>,
}

impl Ledger {
    /// Opens the book, or begins one.
    ///
    /// # Errors
    /// When the file cannot be read, is no book, or belongs to another commit; it is left as it is.
    pub fn open(path: &Path, commit: &str, from: u64) -> Result<Self, String> {
        let new = Self { commit: commit.to_owned(), from, next: from, ..Self::default() };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(new),
            Err(error) => return Err(format!("{} could not be read: {error}", path.display())),
        };
        let book: Self = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        if book.commit != commit {
            let known = &book.commit;
            return Err(format!("{} belongs to commit {known}, and this is {commit}; begin another", path.display()));
        }
        Ok(book)
    }

    /// Writes the book; the old one stays until the new one is whole.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        let beside = path.with_extension("new");
        let written = std::fs::write(&beside, text + "\n").and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|error| format!("{} could not be written: {error}", path.display()))
    }
}
