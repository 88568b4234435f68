//! What people read. Every sentence that wilco writes into a channel is made here and nowhere else.
//!
//! The first word is the state; then always state · what · id · elapsed; no apologies.

use std::time::Duration;

use crate::command::{NO_REASON, TABLE};
use crate::contract::ContractState;
use crate::envelope::{Body, Button, FileRef, Press};
use crate::followup::Origin;
use crate::ids::{DeliveryKey, Short};
use crate::inbound::{Person, Reply};
use crate::job::{Progress, SAY};
use crate::text;
use crate::time::Timestamp;
use crate::worker::{EndKind, Ending, WorkerState};

mod access;
mod followups;
mod gates;
mod marks;
mod replies;
pub use access::*;
pub use followups::*;
pub use gates::*;
pub use marks::*;
pub use replies::*;

/// The job that a message speaks of.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The worker kind's name.
    pub kind: &'a str,
    /// Its short id.
    pub short: &'a Short,
}

/// How many lines of progress a message shows.
const LINES: usize = 5;
/// How long such a line may be, in characters.
const LINE: usize = 120;

/// What a progress message shows besides its header. Kept in the store, so that a restart goes on
/// from the same picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shown {
    /// The step, from 1, and how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<(u32, u32)>,
    /// The last lines, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// The tool that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What would be delivered if the job were stopped now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// How much of a partial result is kept: as much as a result, 1 MiB.
pub const RESULT_CAP: usize = 1 << 20;

impl Shown {
    /// Takes one sign of progress in; hostile text is made harmless here, before it is stored.
    pub fn take(&mut self, progress: &Progress) {
        match progress {
            Progress::Line(line) => self.push(line),
            Progress::Step { at, of, text } => {
                self.step = Some((*at, *of));
                if !text.trim().is_empty() {
                    self.push(text);
                }
            }
            Progress::ToolStarted(tool) => self.tool = Some(one_line(tool)),
            Progress::ToolCompleted(_) => self.tool = None,
            Progress::Partial(partial) => {
                let clean = text::sanitise(partial);
                self.partial = Some(text::cut(&clean, RESULT_CAP, text::Unit::Bytes).into_owned());
            }
            Progress::Alive => {}
        }
    }

    fn push(&mut self, line: &str) {
        let line = one_line(line);
        if line.is_empty() {
            return;
        }
        if self.lines.len() >= LINES {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }

    /// What the journal keeps of it: the step and the newest line.
    pub fn summary(&self) -> String {
        let step = self.step.map(|(at, of)| format!("step {at}/{of}"));
        let parts: Vec<&str> = step.as_deref().into_iter().chain(self.lines.last().map(String::as_str)).collect();
        parts.join(" · ")
    }

    /// Whether there is nothing that people could see.
    pub fn is_empty(&self) -> bool {
        self.step.is_none() && self.tool.is_none() && self.lines.is_empty()
    }

    /// The text whose fingerprint tells whether a further edit would show anything new.
    pub fn visible(&self) -> String {
        format!("{:?}{:?}{}", self.step, self.tool, self.lines.join("\n"))
    }
}

/// A text as one clean line of at most 120 characters.
pub fn one_line(raw: &str) -> String {
    let clean = text::sanitise(raw);
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    text::cut(&line, LINE, text::Unit::Chars).into_owned()
}

/// A line that markup cannot break: shown as code, so that no asterisk or bracket of a worker's
/// output changes what stands around it.
fn quoted(lines: &[String]) -> String {
    format!("```\n{}\n```", lines.iter().map(|line| line.replace("```", "'''")).collect::<Vec<_>>().join("\n"))
}

/// The acknowledgement. While the job waits for a slot it says behind how many.
pub fn stub(job: Job<'_>, key: &DeliveryKey, ahead: Option<u32>, origin: &Origin) -> Body {
    if let Some(said) = said_by_itself(job, origin) {
        return Body::text(format!("{said} · on its way"));
    }
    let mut text = match ahead {
        Some(0) => format!("Queued · {} · {} · next", job.kind, job.short),
        Some(ahead) => format!("Queued · {} · {} · {ahead} ahead", job.kind, job.short),
        None => format!("On it · {} · {}", job.kind, job.short),
    };
    if let Some(scheduled) = origin.scheduled() {
        text.push_str(&format!("\n{}", scheduled_note(scheduled, false)));
    }
    Body::text(text).with_buttons(vec![cancel_button(key)])
}

/// The first words of a message that speaks for a follow-up alone: nobody thinks of it as a job.
fn said_by_itself(job: Job<'_>, origin: &Origin) -> Option<String> {
    match origin {
        Origin::Person => None,
        Origin::Notice { followup } => Some(format!("Notice · {followup}")),
        Origin::Scheduled(scheduled) if job.kind == SAY => {
            Some(format!("Reminder · {} · from {}", scheduled.followup, harmless(&scheduled.originator)))
        }
        Origin::Scheduled(_) => None,
    }
}

fn cancel_button(key: &DeliveryKey) -> Button {
    Button::new("Cancel", Press::CancelStub { key: key.clone() })
}

/// How far the job is.
pub fn working(job: Job<'_>, key: &DeliveryKey, elapsed: Duration, shown: &Shown) -> Body {
    let mut text = format!("Working · {} · {}", job.short, text::duration(elapsed));
    if let Some((at, of)) = shown.step {
        text.push_str(&format!(" · step {at}/{of}"));
    }
    if let Some(tool) = &shown.tool {
        text.push_str(&format!(" · {tool}"));
    }
    if !shown.lines.is_empty() {
        text.push('\n');
        text.push_str(&quoted(&shown.lines));
    }
    Body::text(text).with_buttons(vec![cancel_button(key)])
}

/// The quiet note: nothing moved, and the message says so instead of pretending (requirement W7).
pub fn quiet(job: Job<'_>, key: &DeliveryKey, elapsed: Duration, silent: Duration) -> Body {
    Body::text(format!(
        "Working · {} · {} · no output for {}",
        job.short,
        text::duration(elapsed),
        text::duration(silent)
    ))
    .with_buttons(vec![cancel_button(key)])
}

/// A cancel is stored and the job has not stopped yet.
pub fn cancelling(job: Job<'_>, by: &str, reason: &str) -> Body {
    Body::text(format!("Cancelling · {} · asked by {}{}", job.short, harmless(by), because(reason)))
}

/// The line with the reason of a cancel; nothing when none was given.
fn because(reason: &str) -> String {
    if reason == NO_REASON { String::new() } else { format!("\nreason: {}", harmless(reason)) }
}

/// A person's words as one line in which no platform reads markup. The marks themselves are exchanged
/// for characters that look like them, because there is no escape that every platform understands. A
/// command among them is marked as theirs by [`THEIRS`], so that it stays as they have written it.
pub fn harmless(words: &str) -> String {
    let line = one_line(words);
    let mut result = String::with_capacity(line.len());
    let mut letters = line.char_indices().peekable();
    let mut before = ' ';
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map_or(' ', |(_, next)| *next);
        match letter {
            '/' if !before.is_alphanumeric() && names_a_command(line.get(at + 1..).unwrap_or_default()) => {
                result.extend([THEIRS, '/']);
            }
            '`' => result.push('\''),
            '*' => result.push('∗'),
            '~' => result.push('∼'),
            '|' => result.push('¦'),
            '\\' => result.push('∖'),
            // Inside of a word, as in `snake_case`, it is no mark.
            '_' if !(before.is_alphanumeric() && next.is_alphanumeric()) => result.push('＿'),
            '(' if before == ']' => result.push_str(" ("),
            other => result.push(other),
        }
        before = letter;
    }
    result
}

/// Stands before a command that somebody has written in a text of theirs. It takes no room and is not seen (U+2060, WORD
/// JOINER). A platform on which commands are typed in another way names those of this program so, and leaves theirs alone.
pub const THEIRS: char = '\u{2060}';

/// Whether a text begins with the name of a command.
fn names_a_command(text: &str) -> bool {
    let word = text.split(|letter: char| !letter.is_ascii_lowercase()).next().unwrap_or_default();
    TABLE.iter().any(|spec| spec.verb == word || spec.alias == Some(word))
}

/// Where a job stands, for people; [`WorkerState::name`] is for the store and for programs.
pub fn state_words(state: WorkerState) -> &'static str {
    match state {
        WorkerState::WaitingForInput => "waiting for you",
        WorkerState::TimedOut => "timed out",
        WorkerState::Queued
        | WorkerState::Running
        | WorkerState::Cancelling
        | WorkerState::Done
        | WorkerState::Failed
        | WorkerState::Cancelled
        | WorkerState::Interrupted => state.name(),
    }
}

/// What became of a promise, for people; [`ContractState::name`] is for the store and for programs.
pub fn contract_words(state: ContractState) -> &'static str {
    match state {
        ContractState::Created => "accepted",
        ContractState::Acked => "acknowledged",
        ContractState::Progressing => "progressing",
        ContractState::SlaMissed => "quiet",
        ContractState::TerminalPending => "result on its way",
        ContractState::TerminalAcked => "result shown",
        ContractState::TerminalFailed => "result failed",
    }
}

/// A question in the worker's own message.
pub fn question(job: Job<'_>, question: &str, text: &str, choices: &[String], key: &DeliveryKey) -> Body {
    let mut buttons: Vec<Button> = (0_u32..)
        .zip(choices)
        .map(|(choice, label)| Button::new(one_line(label), Press::Answer { question: question.to_owned(), choice }))
        .collect();
    buttons.push(cancel_button(key));
    Body::text(format!("Waiting for you · {}\n{}", job.short, one_line(text))).with_buttons(buttons)
}

/// The ping under a question.
pub fn question_ping(job: Job<'_>, person: &Person) -> Body {
    Body { mention: Some(person.clone()), ..Body::text(format!("question: {} ({})", job.kind, job.short)) }
}

/// What the end of a job needs for its header.
#[derive(Clone, Debug)]
pub struct EndFacts<'a> {
    /// The job.
    pub job: Job<'a>,
    /// How long it ran, or waited when it never ran.
    pub elapsed: Duration,
    /// The end.
    pub ending: &'a Ending,
    /// Who cancelled it and why, when somebody asked for it.
    pub cancel: Option<(&'a str, &'a str)>,
    /// The last known step.
    pub step: Option<(u32, u32)>,
    /// How the job came to be.
    pub origin: &'a Origin,
}

/// The first line of the terminal message.
pub fn end_header(facts: &EndFacts<'_>) -> String {
    if facts.ending.kind == EndKind::Done
        && let Some(said) = said_by_itself(facts.job, facts.origin)
    {
        return said;
    }
    let (word, short, elapsed) = (facts.ending.word(), facts.job.short, text::duration(facts.elapsed));
    let detail = &facts.ending.detail;
    // What ended as it began ran for no time that anybody would want to read.
    let brief = facts.elapsed < Duration::from_secs(1);
    let after = match facts.ending.attempts {
        // How often it was tried says more than how long the last try took.
        Some(attempts) if attempts > 1 => format!("after {attempts} attempts"),
        Some(_) | None if brief => String::new(),
        Some(_) | None => format!("after {elapsed}"),
    };
    let said = match facts.ending.kind {
        EndKind::Done => elapsed,
        // What a person has to do, and nothing after it.
        EndKind::Failed if facts.ending.halt.is_some() => detail.clone(),
        EndKind::Failed => format!("{detail} {after}").trim().to_owned(),
        EndKind::TimedOut | EndKind::Interrupted if detail.is_empty() => after,
        EndKind::TimedOut | EndKind::Interrupted => detail.clone(),
        EndKind::Cancelled => facts.step.map_or(after, |(at, _)| format!("stopped at step {at}")),
    };
    if said.is_empty() { format!("{word} · {short}") } else { format!("{word} · {short} · {said}") }
}

/// The line below the header that a cancel leaves behind: it never claims a stop that did not happen.
pub fn cancel_note(facts: &EndFacts<'_>) -> Option<String> {
    let (by, reason) = facts.cancel?;
    let by = harmless(by);
    Some(match facts.ending.kind {
        EndKind::Cancelled => format!("asked by {by}{}", because(reason)),
        EndKind::Done | EndKind::Failed | EndKind::TimedOut | EndKind::Interrupted => {
            format!("{by} asked to cancel it, but it had ended already; this is its real result")
        }
    })
}

/// The lines below the header that mark a follow-up's job.
pub fn origin_note(facts: &EndFacts<'_>) -> Option<String> {
    let scheduled = facts.origin.scheduled()?;
    if said_by_itself(facts.job, facts.origin).is_some() && facts.ending.kind == EndKind::Done {
        return Some(reminder_note(scheduled));
    }
    Some(scheduled_note(scheduled, true))
}

/// The buttons under a terminal message.
pub fn end_buttons(facts: &EndFacts<'_>) -> Vec<Button> {
    let id = facts.job.short.to_string();
    let details = Button::new("Details", Press::Details { id: id.clone() });
    match facts.ending.kind {
        EndKind::Done => vec![details],
        EndKind::Failed | EndKind::Cancelled | EndKind::TimedOut | EndKind::Interrupted => {
            vec![Button::new("Run again", Press::RunAgain { id }), details]
        }
    }
}

/// The empty place of a further part.
pub fn part_stub(job: Job<'_>, part: u32, of: u32) -> Body {
    Body::text(format!("Part {} of {of} · {} · on its way", part + 1, job.short))
}

/// The first line of a further part.
pub fn part_header(job: Job<'_>, part: u32, of: u32) -> String {
    format!("Part {} of {of} · {}", part + 1, job.short)
}

/// The empty place of a file.
pub fn file_stub(job: Job<'_>, name: &str) -> Body {
    Body::text(format!("File · {} · {} · on its way", job.short, one_line(name)))
}

/// The file's message.
pub fn file(job: Job<'_>, file: &FileRef) -> Body {
    Body {
        file: Some(file.clone()),
        ..Body::text(format!("File · {} · {} ({})", job.short, one_line(&file.name), text::bytes(file.size)))
    }
}

/// The file's message where the platform refused the file itself.
pub fn file_refused(job: Job<'_>, file: &FileRef) -> Body {
    Body::text(format!(
        "File · {} · {} ({}) was refused here. It is kept: `wilco jobs show {}`",
        job.short,
        one_line(&file.name),
        text::bytes(file.size),
        job.short
    ))
}

/// Where the whole text is, when a message shows only its head.
pub fn whole_text_note(short: &Short, file: Option<&FileRef>) -> String {
    match file {
        Some(file) => format!("{} attached ({})", file.name, text::bytes(file.size)),
        None => format!("whole text: `wilco jobs show {short}`"),
    }
}

/// The short message that notifies, because edits do not.
pub fn ping(job: Job<'_>, person: &Person, ending: &Ending, origin: &Origin) -> Body {
    let text = match origin {
        Origin::Notice { followup } => format!("notice: follow-up ({followup})"),
        Origin::Scheduled(scheduled) if job.kind == SAY && ending.kind == EndKind::Done => {
            format!("reminder ({})", scheduled.followup)
        }
        Origin::Scheduled(_) | Origin::Person => {
            format!("{}: {} ({})", ending.word().to_lowercase(), job.kind, job.short)
        }
    };
    Body { mention: Some(person.clone()), ..Body::text(text) }
}

/// What a stray stub is edited to once somebody's press has shown where it is.
pub fn stray(job: Job<'_>) -> Body {
    Body::text(format!("Continued below · {} · {}", job.kind, job.short))
}

/// The reason of an interruption.
pub fn restarted_at(at: Timestamp) -> String {
    format!("bot restarted at {}", at.clock_time())
}

/// The reason of a time-out by the hard limit.
pub fn limit(limit: Duration) -> String {
    format!("limit {}", text::duration(limit))
}

/// The reason of a time-out by silence.
pub fn silence(limit: Duration) -> String {
    format!("no sign of life for {}", text::duration(limit))
}

/// The reason of a time-out by a question that nobody answered.
pub fn unanswered(limit: Duration) -> String {
    format!("no answer for {}", text::duration(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c4_a_reason_is_one_line_in_which_nothing_is_markup() {
        for (typed, shown) in [
            ("wrong branch", "wrong branch"),
            ("snake_case is kept, _this_ is no emphasis", "snake_case is kept, ＿this＿ is no emphasis"),
            ("**bold** `code` ~~no~~ ||spoiler||", "∗∗bold∗∗ 'code' ∼∼no∼∼ ¦¦spoiler¦¦"),
            ("[name](https://example.org)", "[name] (https://example.org)"),
            ("look at /status, and/or /etc", "look at \u{2060}/status, and/or /etc"),
            ("a\n```\nb\\*", "a ''' b∖∗"),
        ] {
            assert_eq!(harmless(typed), shown);
            assert_eq!(text::plain(shown), shown, "no mark is left");
        }
    }

    #[test]
    fn c4_a_message_leaves_the_reason_out_when_none_was_given() {
        let short = Short::new("k7f2");
        let job = Job { kind: "report", short: &short };
        let given = crate::command::cancel_reason(Some(" wrong  branch "));
        assert_eq!(cancelling(job, "bo", &given).text, "Cancelling · k7f2 · asked by bo\nreason: wrong branch");
        let none = crate::command::cancel_reason(None);
        assert_eq!(cancelling(job, "bo", &none).text, "Cancelling · k7f2 · asked by bo");
    }

    #[test]
    fn what_ended_within_a_second_ran_for_no_time() {
        let short = Short::new("k7f2");
        let header = |kind, detail: &str, millis| {
            let ending = Ending { detail: detail.to_owned(), ..Ending::bare(kind, "") };
            let job = Job { kind: "report", short: &short };
            let elapsed = Duration::from_millis(millis);
            end_header(&EndFacts { job, elapsed, ending: &ending, cancel: None, step: None, origin: &Origin::Person })
        };
        assert_eq!(header(EndKind::Failed, "cannot start", 20), "Failed · k7f2 · cannot start");
        assert_eq!(header(EndKind::Failed, "cannot start", 1_000), "Failed · k7f2 · cannot start after 1s");
        assert_eq!(header(EndKind::Failed, "", 999), "Failed · k7f2");
        assert_eq!(header(EndKind::Failed, "", 2_000), "Failed · k7f2 · after 2s");
        assert_eq!(header(EndKind::Cancelled, "", 0), "Cancelled · k7f2");
        assert_eq!(header(EndKind::Interrupted, "", 0), "Interrupted · k7f2");
        assert_eq!(header(EndKind::Done, "", 0), "Done · k7f2 · 0s");
    }

    #[test]
    fn states_are_told_in_words_that_people_use() {
        let all = ContractState::ALL.map(contract_words).join(", ");
        assert_eq!(all, "accepted, acknowledged, progressing, quiet, result on its way, result shown, result failed");
        for state in WorkerState::ALL {
            assert!(!state_words(state).contains('_'), "{}", state.name());
        }
        assert_eq!(state_words(WorkerState::WaitingForInput), "waiting for you");
    }
}
