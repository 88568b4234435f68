//! What a message is for, told from what a person reads. No platform carries it, so a test that
//! spoils "the result" or counts results goes by wilco's own wording.

use wilco_core::{EnvelopeKind, Short};

/// What a text is for; none when it is none of wilco's messages.
pub fn of(text: &str) -> Option<EnvelopeKind> {
    let line = first_line(text);
    if let Some(rest) = line.strip_prefix("<@") {
        return rest.contains('(').then_some(EnvelopeKind::Ping);
    }
    if line.ends_with(" · on its way") {
        return Some(EnvelopeKind::Stub);
    }
    let (word, _) = line.split_once(" · ")?;
    match word {
        "On it" | "Queued" | "Continued below" => Some(EnvelopeKind::Stub),
        "Working" | "Cancelling" => Some(EnvelopeKind::Progress),
        "Waiting for you" => Some(EnvelopeKind::Question),
        "Done" | "Failed" | "Cancelled" | "Timed out" | "Interrupted" | "Paused" | "Reminder" | "Notice" => {
            Some(EnvelopeKind::Content)
        }
        "File" => Some(EnvelopeKind::File),
        _ if word.starts_with("Part ") => Some(EnvelopeKind::Part),
        _ => None,
    }
}

/// The short id of the job that a text speaks of.
pub fn short(text: &str) -> Option<String> {
    let line = first_line(text);
    let is_one = |word: &&str| Short::looks_like(word);
    line.split(" · ").map(str::trim).skip(1).find(is_one).map(str::to_owned)
}

/// The first line without markup.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().replace(['*', '`', '\\'], "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilcos_messages_are_told_apart() {
        for (text, kind, id) in [
            ("On it · report · k7f2", Some(EnvelopeKind::Stub), Some("k7f2")),
            ("Part 2 of 3 · k7f2 · on its way", Some(EnvelopeKind::Stub), Some("k7f2")),
            ("**Working** · k7f2 · 3s", Some(EnvelopeKind::Progress), Some("k7f2")),
            ("Done · k7f2 · 4s\n\nall is well", Some(EnvelopeKind::Content), Some("k7f2")),
            ("Part 2 of 3 · k7f2\nmore", Some(EnvelopeKind::Part), Some("k7f2")),
            ("File · k7f2 · a.txt (3 B)", Some(EnvelopeKind::File), Some("k7f2")),
            ("Waiting for you · k7f2\nGo on?", Some(EnvelopeKind::Question), Some("k7f2")),
            ("<@7> done: report (k7f2)", Some(EnvelopeKind::Ping), None),
            ("hello", None, None),
            ("", None, None),
        ] {
            assert_eq!(of(text), kind, "{text}");
            assert_eq!(short(text).as_deref(), id, "{text}");
        }
    }
}
