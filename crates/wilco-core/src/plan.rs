//! How a result becomes messages: at most three parts, else a head and a file. Planned from the
//! platform's measures before anything is sent, so that a size is never found out by a refusal.

use serde::{Deserialize, Serialize};

use crate::envelope::{Body, FileRef};
use crate::messaging::Limits;
use crate::receipt::Shape;
use crate::text::{self, Split};
use crate::wording::{self, EndFacts, Job};
use crate::worker::Ending;

/// How many messages a result may take before it becomes a file.
pub const MAX_PARTS: usize = 3;
/// How many files one job delivers.
pub const MAX_FILES: usize = 10;
/// How long a header with its notes and the blank line below it may be. The mark of a follow-up and a cancel
/// by people with the longest names would be longer. Every part leaves so much room, so that the split does
/// not depend on the header.
const HEADER: usize = 450;
/// The length of the blank line below a header.
const BLANK: usize = 2;
/// Room that is left for what an adapter adds: a mention, an escaped character, a closing fence.
const RESERVE: usize = 40;

/// Every message that one contract needs for a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Fills the worker's own message.
    pub content: Body,
    /// Fill further messages, in order.
    pub parts: Vec<Body>,
    /// Files that get messages of their own, in order.
    pub files: Vec<FileRef>,
}

/// Whether a result needs its whole text as a file on a platform with these measures.
pub fn needs_file(text: &str, limits: &Limits) -> bool {
    matches!(text::split(text, room(limits), limits.unit, MAX_PARTS), Split::TooLong)
}

fn room(limits: &Limits) -> usize {
    limits.text.saturating_sub(HEADER).max(limits.text / 2)
}

/// Plans the messages of an end.
pub fn plan(facts: &EndFacts<'_>, limits: &Limits) -> Plan {
    let header = header(facts);
    let header = text::cut(&header, HEADER.min(limits.text / 2).saturating_sub(BLANK), limits.unit);
    let text = body_text(facts.ending);
    let mut files: Vec<FileRef> = facts.ending.files.clone();
    let (first, rest) = match text::split(&text, room(limits), limits.unit, MAX_PARTS) {
        Split::Parts(parts) => {
            let mut parts = parts.into_iter();
            (parts.next().unwrap_or_default(), parts.collect::<Vec<_>>())
        }
        Split::TooLong => {
            let whole = facts.ending.whole.as_ref().filter(|file| limits.abilities.files && file.size <= limits.file);
            if let Some(whole) = whole {
                files.insert(0, whole.clone());
            }
            let note = wording::whole_text_note(facts.job.short, whole);
            let head = text::head(&text, room(limits).saturating_sub(RESERVE + note.len()), limits.unit);
            (format!("{head}\n\n{note}"), Vec::new())
        }
    };
    files.truncate(MAX_FILES);
    let of = u32::try_from(rest.len() + 1).unwrap_or(u32::MAX);
    let content = join(&header, &first);
    let parts = (1_u32..)
        .zip(rest)
        .map(|(part, text)| Body::text(join(&wording::part_header(facts.job, part, of), &text)))
        .collect();
    Plan { content: Body::text(content).with_buttons(buttons(facts, limits)), parts, files }
}

fn buttons(facts: &EndFacts<'_>, limits: &Limits) -> Vec<crate::envelope::Button> {
    if limits.abilities.buttons { wording::end_buttons(facts) } else { Vec::new() }
}

fn header(facts: &EndFacts<'_>) -> String {
    let mut header = wording::end_header(facts);
    for note in [wording::origin_note(facts), wording::cancel_note(facts)].into_iter().flatten() {
        header.push('\n');
        header.push_str(&note);
    }
    header
}

fn join(header: &str, text: &str) -> String {
    if text.trim().is_empty() { header.to_owned() } else { format!("{header}\n\n{text}") }
}

/// The clean text of an end.
pub fn body_text(ending: &Ending) -> String {
    text::sanitise(ending.text.trim_end()).into_owned()
}

/// The same message in a plainer shape, after the platform refused the one before.
pub fn reshape(body: &Body, shape: Shape, limits: &Limits, short: &crate::ids::Short) -> Body {
    match shape {
        Shape::Rich => body.clone(),
        Shape::Plain => {
            let text = text::cut(&text::plain(&body.text), limits.text, limits.unit).into_owned();
            Body { text, plain: true, ..body.clone() }
        }
        Shape::Excerpt => {
            // Of a file nothing can be excerpted: its message says that it was refused and where it is kept.
            let text = match &body.file {
                Some(file) => text::plain(&wording::file_refused(Job { kind: "", short }, file).text),
                None => {
                    let note = wording::whole_text_note(short, None);
                    let room = (limits.text / 2).saturating_sub(note.len());
                    format!("{}\n\n{}", text::head(&text::plain(&body.text), room, limits.unit), text::plain(&note))
                }
            };
            Body { text, plain: true, file: None, ..body.clone() }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::followup::Origin;
    use crate::ids::Short;
    use crate::messaging::Abilities;
    use crate::text::Unit;
    use crate::worker::EndKind;

    fn limits(text: usize) -> Limits {
        Limits {
            unit: Unit::Chars,
            text,
            file: 1 << 20,
            edit_pace: Duration::from_secs(3),
            abilities: Abilities { edit: true, nonce_window: None, look_up: true, files: true, buttons: true },
        }
    }

    fn planned(ending: &Ending, limits: &Limits) -> Plan {
        let short = Short::new("k7f2");
        let job = Job { kind: "report", short: &short };
        let facts = EndFacts {
            job,
            elapsed: Duration::from_secs(252),
            ending,
            cancel: None,
            step: None,
            origin: &Origin::Person,
        };
        plan(&facts, limits)
    }

    #[test]
    fn a_short_result_is_one_message() {
        let ending = Ending { text: "All is well.\n".into(), ..Ending::bare(EndKind::Done, "") };
        let plan = planned(&ending, &limits(2_000));
        assert_eq!(plan.content.text, "Done · k7f2 · 4m 12s\n\nAll is well.");
        assert!(plan.parts.is_empty() && plan.files.is_empty());
    }

    #[test]
    fn r16_a_longer_one_is_up_to_three_parts_and_each_fits() {
        let ending = Ending { text: "one line of text\n".repeat(200), ..Ending::bare(EndKind::Done, "") };
        let limits = limits(2_000);
        let plan = planned(&ending, &limits);
        assert_eq!(plan.parts.len(), 2);
        for body in std::iter::once(&plan.content).chain(&plan.parts) {
            assert!(limits.unit.len(&body.text) <= limits.text);
        }
        assert!(plan.parts[1].text.starts_with("Part 3 of 3 · k7f2"));
    }

    #[test]
    fn f1_the_longest_mark_and_cancel_still_fit_above_a_part_that_is_full() {
        let long = "n".repeat(500);
        let (zone, now) = (crate::when::Zone::UTC, crate::time::Timestamp(1_772_438_700_000));
        let late = crate::followup::Late { by_ms: 9_000_000, offline: Some((now, now)), missed: 9 };
        let origin = Origin::Scheduled(crate::followup::Scheduled {
            followup: Short::new("f3k9"),
            due: now,
            fired: now,
            zone,
            originator: long.clone(),
            reason: long.clone(),
            manual: false,
            late: Some(late),
        });
        let (short, limits) = (Short::new("k7f2"), limits(2_000));
        let ending = Ending { text: "x".repeat(3 * room(&limits)), ..Ending::bare(EndKind::Done, "") };
        let plan = plan(
            &EndFacts {
                job: Job { kind: "report", short: &short },
                elapsed: Duration::from_secs(252),
                ending: &ending,
                cancel: Some((&long, &long)),
                step: None,
                origin: &origin,
            },
            &limits,
        );
        assert_eq!(plan.parts.len(), 2);
        for body in std::iter::once(&plan.content).chain(&plan.parts) {
            assert!(limits.unit.len(&body.text) <= limits.text, "{}", limits.unit.len(&body.text));
        }
        assert!(plan.content.text.starts_with("Done · k7f2 · 4m 12s\nLate by 2h 30m"), "{}", plan.content.text);
    }

    #[test]
    fn a_very_long_one_is_a_head_and_a_file() {
        let whole = FileRef { name: "report.md".into(), path: "/x".into(), size: 38_000 };
        let text = "one line of text\n".repeat(20_000);
        let ending = Ending { text, whole: Some(whole.clone()), ..Ending::bare(EndKind::Done, "") };
        let limits = limits(2_000);
        assert!(needs_file(&ending.text, &limits));
        let plan = planned(&ending, &limits);
        assert!(plan.parts.is_empty());
        assert_eq!(plan.files, [whole]);
        assert!(plan.content.text.ends_with("report.md attached (38 KB)"), "{}", plan.content.text);
        assert!(limits.unit.len(&plan.content.text) <= limits.text);
    }

    #[test]
    fn m10_a_refused_body_is_resent_plain_then_as_an_excerpt() {
        let ending = Ending { text: "**bold** ".repeat(100), ..Ending::bare(EndKind::Done, "") };
        let limits = limits(2_000);
        let content = planned(&ending, &limits).content;
        let short = Short::new("k7f2");
        let plain = reshape(&content, Shape::Plain, &limits, &short);
        assert!(plain.plain && !plain.text.contains("**") && plain.text.contains("bold"));
        let excerpt = reshape(&content, Shape::Excerpt, &limits, &short);
        assert!(excerpt.text.contains("wilco jobs show k7f2"), "{}", excerpt.text);
        assert!(limits.unit.len(&excerpt.text) <= limits.text / 2 + RESERVE);
    }

    #[test]
    fn r17_a_refused_file_leaves_a_message_that_says_where_it_is_kept() {
        let short = Short::new("k7f2");
        let file = FileRef { name: "report.pdf".into(), path: "/x".into(), size: 39_000 };
        let body = wording::file(Job { kind: "report", short: &short }, &file);
        let refused = reshape(&body, Shape::Excerpt, &limits(2_000), &short);
        assert_eq!(refused.file, None);
        assert_eq!(refused.text, "File · k7f2 · report.pdf (39 KB) was refused here. It is kept: wilco jobs show k7f2");
    }
}
