//! What the end of a task means, and what its result brings along.

use std::path::PathBuf;

use wilco_core::job::Failure;
use wilco_core::plan;
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{FileRef, Short, Timestamp, WorkerId, text};

use super::running::StopReason;
use crate::host::Mailbox;
use crate::shared::Shared;
use crate::supervisor::TaskEnd;

pub(super) fn is_result(end: &TaskEnd) -> bool {
    matches!(end, TaskEnd::Returned { result: Ok(_), .. })
}

/// How a task's end is told. A result that was finished stands, whatever was asked for meanwhile.
pub(super) fn of_task(end: TaskEnd, reason: Option<StopReason>, now: Timestamp) -> Ending {
    let stopped = |reason: Option<StopReason>| match reason {
        Some(StopReason::Cancel) => Ending::bare(EndKind::Cancelled, ""),
        Some(StopReason::TimedOut(limit)) => Ending::bare(EndKind::TimedOut, limit),
        Some(StopReason::Drain) | None => {
            Ending::bare(EndKind::Interrupted, format!("bot stopped at {}", now.clock_time()))
        }
    };
    match end {
        TaskEnd::Returned { result: Ok(output), .. } => Ending { text: output.text, ..Ending::bare(EndKind::Done, "") },
        TaskEnd::Returned { result: Err(_), told: true } => stopped(reason),
        TaskEnd::Returned { result: Err(failure), told: false } => failed(failure),
        TaskEnd::Panicked(words) => Ending { text: words, ..Ending::bare(EndKind::Failed, "panicked") },
        TaskEnd::Aborted => stopped(reason),
    }
}

/// A failure that no gate takes care of. One that only a person can mend says in its text what to do.
pub(super) fn failed(failure: Failure) -> Ending {
    let (detail, text) = match failure {
        Failure::SessionExpired => {
            ("session expired".to_owned(), "Sign in to the backend again, then run it again.".to_owned())
        }
        Failure::NeedsCredit => {
            ("no credit".to_owned(), "The backend has no credit left. Top it up, then run it again.".to_owned())
        }
        Failure::NeedsKey => {
            ("no valid key".to_owned(), "The backend needs a valid key. Give it one, then run it again.".to_owned())
        }
        Failure::Retryable(cause) | Failure::Permanent(cause) => (cause.code, cause.text),
    };
    Ending { text, ..Ending::bare(EndKind::Failed, wilco_core::wording::one_line(&detail)) }
}

/// Adds the files that the job has attached, and the whole text as a file where it needs one.
pub(super) fn complete(
    shared: &Shared,
    worker: &WorkerId,
    short: &Short,
    kind: &str,
    mailbox: &Mailbox,
    mut ending: Ending,
) -> Ending {
    ending.files = mailbox.files().into_iter().filter_map(|(name, path)| file(name, path)).collect();
    if ending.text.is_empty() {
        ending.text = mailbox.partial().unwrap_or_default();
    }
    let needed = shared.adapters().any(|adapter| plan::needs_file(&plan::body_text(&ending), adapter.limits()));
    if needed {
        let name = format!("{kind}-{short}.md");
        let path = shared.folder(worker).join(&name);
        let clean = plan::body_text(&ending);
        let folder = shared.folder(worker);
        // A few megabytes at the most, in a task of their own: the loop does not wait for the disk.
        match crate::supervisor::private_folder(&folder).and_then(|()| std::fs::write(&path, clean)) {
            Ok(()) => ending.whole = file(name, path),
            // The result itself is stored in any case; the message says where the whole text is.
            Err(error) => {
                tracing::warn!(worker_id = %worker, %error, "the whole text could not be written to a file");
            }
        }
    }
    ending.text = cap(&ending.text);
    ending
}

fn file(name: String, path: PathBuf) -> Option<FileRef> {
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Some(FileRef { name, path, size: metadata.len() }),
        Ok(_) => None,
        Err(error) => {
            tracing::warn!(file = name, %error, "an attached file is not there any more");
            None
        }
    }
}

/// At most a megabyte is stored, head and tail.
fn cap(whole: &str) -> String {
    use wilco_core::wording::RESULT_CAP;
    if whole.len() <= RESULT_CAP {
        return whole.to_owned();
    }
    let half = RESULT_CAP / 2 - 32;
    let head = text::head(whole, half, text::Unit::Bytes);
    let mut from = whole.len() - half;
    while !whole.is_char_boundary(from) {
        from += 1;
    }
    format!("{head}\n\n… {} left out …\n\n{}", text::bytes((whole.len() - 2 * half) as u64), &whole[from..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_huge_result_keeps_head_and_tail() {
        let whole = format!("first\n{}\nlast", "x".repeat(3 << 20));
        let capped = cap(&whole);
        assert!(capped.len() <= wilco_core::wording::RESULT_CAP);
        assert!(capped.starts_with("first") && capped.ends_with("last") && capped.contains("left out"));
    }
}
