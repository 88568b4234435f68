//! Standard output and standard error, for answers and errors.

use std::io::{self, ErrorKind, Write};

use crate::logs::redact;

/// Writes an answer to standard output. A reader that has gone away, as `head` does, has read enough.
///
/// # Errors
/// When standard output cannot be written for any other reason.
pub(crate) fn answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes an answer as JSON, as the API gives it.
///
/// # Errors
/// As [`answer`].
pub(crate) fn json(value: &impl serde::Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    answer(&format!("{text}\n"))
}

/// Tells the person at the terminal what a running bot is doing. A closed terminal stops no bot.
pub(crate) fn tell(text: &str) {
    if let Err(error) = answer(&format!("{text}\n")) {
        tracing::debug!(%error, "standard output is closed");
    }
}

/// Writes an error to standard error as the API writes its own: one line of JSON, with secrets masked.
pub(crate) fn complain_json(code: &str, sentence: &str) {
    let error = serde_json::json!({ "error": { "code": code, "message": redact(sentence) } });
    drop(writeln!(io::stderr(), "{error}"));
}

/// Writes a sentence to standard error in which every secret is masked already.
pub(crate) fn complain_masked(sentence: &str) {
    drop(writeln!(io::stderr(), "wilco: {sentence}"));
}

/// Writes a sentence to standard error, with everything masked that looks like a secret.
pub(crate) fn complain(sentence: &str) {
    // Where standard error is closed, the exit code still says what happened.
    drop(writeln!(io::stderr(), "wilco: {}", redact(sentence)));
}
