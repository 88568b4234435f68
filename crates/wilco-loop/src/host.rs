//! What a running job speaks to: a mailbox that holds the latest picture.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use wilco_core::WorkerId;
use wilco_core::job::{Ask, Host, NoAnswer, Progress};
use wilco_core::journal;
use wilco_core::plan::MAX_FILES;
use wilco_core::wording::{self, Shown};

use crate::event::Event;

/// How many tool events wait for the journal at the most; a job that calls tools faster loses the middle.
const TOOL_EVENTS: usize = 100;

/// The latest of what a job has said. The job writes, the loop takes.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<Content>);

#[derive(Default)]
struct Content {
    shown: Shown,
    tools: Vec<journal::Event>,
    files: Vec<(String, PathBuf)>,
    dirty: bool,
}

impl Mailbox {
    fn with<T>(&self, change: impl FnOnce(&mut Content) -> T) -> T {
        // Nothing in here can be left half done by a panic.
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is new since the last take; none when nothing is.
    pub(crate) fn take(&self) -> Option<(Shown, Vec<journal::Event>)> {
        self.with(|content| {
            std::mem::take(&mut content.dirty).then(|| (content.shown.clone(), std::mem::take(&mut content.tools)))
        })
    }

    /// Whether something waits to be taken.
    pub(crate) fn is_dirty(&self) -> bool {
        self.with(|content| content.dirty)
    }

    /// Says that what was taken could not be stored and has to be taken again.
    pub(crate) fn put_back(&self, tools: Vec<journal::Event>) {
        self.with(|content| {
            let newer = std::mem::replace(&mut content.tools, tools);
            content.tools.extend(newer);
            content.tools.truncate(TOOL_EVENTS);
            content.dirty = true;
        });
    }

    /// The files that the job has attached.
    pub(crate) fn files(&self) -> Vec<(String, PathBuf)> {
        self.with(|content| content.files.clone())
    }

    /// The last known step.
    pub(crate) fn partial(&self) -> Option<String> {
        self.with(|content| content.shown.partial.clone())
    }
}

/// The loop's side of a running job.
pub(crate) struct LoopHost {
    pub(crate) worker: WorkerId,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) events: mpsc::UnboundedSender<Event>,
    pub(crate) questions: AtomicU32,
}

#[async_trait]
impl Host for LoopHost {
    fn progress(&self, progress: Progress) {
        let wake = self.mailbox.with(|content| {
            let tool = match &progress {
                Progress::ToolStarted(tool) => Some(journal::Event::ToolStarted { tool: wording::one_line(tool) }),
                Progress::ToolCompleted(tool) => Some(journal::Event::ToolCompleted { tool: wording::one_line(tool) }),
                Progress::Line(_) | Progress::Step { .. } | Progress::Partial(_) | Progress::Alive => None,
            };
            content.tools.extend(tool.filter(|_| content.tools.len() < TOOL_EVENTS));
            content.shown.take(&progress);
            !std::mem::replace(&mut content.dirty, true)
        });
        // One event for any number of lines: the channel holds at most one for each running job.
        if wake {
            // A loop that is gone has nobody left to show it to.
            drop(self.events.send(Event::Dirty(self.worker.clone())));
        }
    }

    async fn ask(&self, ask: Ask) -> Result<usize, NoAnswer> {
        let ask = check(ask)?;
        let number = self.questions.fetch_add(1, Ordering::Relaxed) + 1;
        let (reply, answer) = oneshot::channel();
        let worker = self.worker.clone();
        self.events.send(Event::Ask { worker, number, ask, reply }).map_err(|_| NoAnswer::Stopped)?;
        answer.await.unwrap_or(Err(NoAnswer::Stopped))
    }

    fn attach(&self, name: String, path: PathBuf) {
        let name = wording::one_line(&name).replace(['/', '\\'], "_");
        self.mailbox.with(|content| {
            if content.files.len() < MAX_FILES && !content.files.iter().any(|(_, known)| *known == path) {
                content.files.push((name, path));
            }
        });
    }
}

fn check(ask: Ask) -> Result<Ask, NoAnswer> {
    let text = wording::one_line(&ask.text);
    let choices: Vec<String> = ask.choices.iter().map(|choice| wording::one_line(choice)).collect();
    if text.is_empty() {
        return Err(NoAnswer::Refused("it has no text".to_owned()));
    }
    if !(1..=5).contains(&choices.len()) {
        return Err(NoAnswer::Refused(format!("it has {} choices; 1 to 5 can be shown", choices.len())));
    }
    if choices.iter().any(|choice| choice.is_empty() || choice.chars().count() > 40) {
        return Err(NoAnswer::Refused("each choice has to have 1 to 40 characters".to_owned()));
    }
    Ok(Ask { text, choices })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(text: &str, choices: &[&str]) -> Ask {
        Ask { text: text.into(), choices: choices.iter().map(|&choice| choice.to_owned()).collect() }
    }

    #[test]
    fn a_question_that_cannot_be_shown_is_refused_with_a_sentence() {
        assert!(check(ask("Go?", &["Yes", "No"])).is_ok());
        for bad in [ask(" ", &["Yes"]), ask("Go?", &[]), ask("Go?", &["a", "b", "c", "d", "e", "f"]), ask("Go?", &[""])]
        {
            assert!(matches!(check(bad), Err(NoAnswer::Refused(why)) if !why.is_empty()));
        }
    }

    #[test]
    fn the_latest_picture_wins_and_one_event_wakes_the_loop() {
        let (events, mut woken) = mpsc::unbounded_channel();
        let host =
            LoopHost { worker: WorkerId::new("w"), mailbox: Arc::default(), events, questions: AtomicU32::new(0) };
        for step in 1..=1_000 {
            host.progress(Progress::Step { at: step, of: 1_000, text: format!("line {step}") });
        }
        assert!(woken.try_recv().is_ok() && woken.try_recv().is_err(), "one event for a thousand lines");
        let (shown, _) = host.mailbox.take().unwrap();
        assert_eq!(shown.step, Some((1_000, 1_000)));
        assert_eq!(shown.lines.len(), 5);
        assert!(host.mailbox.take().is_none());
    }
}
