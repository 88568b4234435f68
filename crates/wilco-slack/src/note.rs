//! What one person alone is told: a note in the conversation that nobody else sees, or else a direct message.

use serde_json::Value;
use wilco_core::text::{Split, fingerprint, head, split};
use wilco_core::{Address, Button, Cause, MessageRef, NotSurfaced, Reply};

use crate::blocks::{self, Part, SECTION, UNIT};
use crate::commands::as_typed;
use crate::message::is_person;
use crate::outcome::{Act, Called, settle};
use crate::render::{entities, render, unmarked};
use crate::rest::{Call, Lane, Method};
use crate::slack::Slack;

/// Blocks of one note (Slack: 50 of a message), and characters of all of them together.
const BLOCKS: usize = 45;
const CHARACTERS: usize = 12_000;
/// Notes that one answer becomes at most.
const NOTES: usize = 5;
/// So much of a text is left for its escapes.
const PART: usize = SECTION / 2;
/// The longest text beside the blocks, before its escapes.
const SUMMARY: usize = 500;

/// One note.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Note {
    /// For notifications and screen readers.
    text: String,
    blocks: Vec<Value>,
    characters: usize,
}

impl Note {
    /// The text for notifications, and the blocks.
    pub(crate) fn into_parts(self) -> (String, Vec<Value>) {
        (self.text, self.blocks)
    }
}

/// The notes that show an answer, at least one where there is something to say. Its commands are named as they are typed
/// where it is read, behind these words.
pub(crate) fn notes(reply: &Reply, key: &str, before: &str) -> Vec<Note> {
    let mut all: Vec<Note> = Vec::new();
    let mut put = |text: &str, buttons: &[Button]| {
        let mut pieces: Vec<(String, Option<Part>)> =
            parts(text).into_iter().map(|part| (head(&unmarked(text), SUMMARY, UNIT), Some(part))).collect();
        if !buttons.is_empty() {
            pieces.push((String::new(), None));
        }
        for (summary, part) in pieces {
            let length = part.as_ref().map_or(0, |part| UNIT.len(part.text()));
            let fits =
                all.last().is_some_and(|note| note.blocks.len() < BLOCKS && note.characters + length <= CHARACTERS);
            if !fits {
                all.push(Note { text: entities(&summary), ..Note::default() });
            }
            let Some(note) = all.last_mut() else { continue };
            let at = note.blocks.len();
            note.characters += length;
            match part {
                Some(part) => note.blocks.push(blocks::section(&part, key, at)),
                None => note.blocks.extend(blocks::row(buttons, key, at)),
            }
        }
    };
    put(&as_typed(&reply.text, before), &reply.buttons);
    for row in &reply.rows {
        put(&as_typed(&row.text, before), &row.buttons);
    }
    if all.len() > NOTES {
        all.truncate(NOTES);
        if let Some(last) = all.last_mut() {
            let at = last.blocks.len();
            last.blocks.push(blocks::section(&Part::Plain("…".to_owned()), key, at));
        }
    }
    all
}

/// A text in sections.
fn parts(text: &str) -> Vec<Part> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let texts = match split(text, PART, UNIT, NOTES * CHARACTERS / PART) {
        Split::Parts(parts) => parts,
        Split::TooLong => vec![head(text, PART, UNIT), "…".to_owned()],
    };
    let as_part = |text: String| {
        let marked = render(&text);
        if UNIT.fits(&marked, SECTION) { Part::Marked(marked) } else { Part::Plain(unmarked(&text)) }
    };
    texts.into_iter().filter(|text| !text.trim().is_empty()).map(as_part).collect()
}

impl Slack {
    /// Tells a person something. Where they are no member of the conversation, they read it in their direct message.
    pub(crate) async fn note(&self, address: &Address, person: &str, reply: &Reply) -> Result<MessageRef, NotSurfaced> {
        if !is_person(person) {
            return Err(NotSurfaced::Gone(Cause::new("unknown_person", "this is no id of a Slack user")));
        }
        match self.ephemeral(address, person, reply).await {
            Err(NotSurfaced::Gone(cause)) if address.account == self.options.account => {
                tracing::debug!(account = %self.options.account, %cause, "slack: a note goes by direct message");
                self.direct_note(person, reply).await
            }
            other => other,
        }
    }

    async fn ephemeral(&self, address: &Address, person: &str, reply: &Reply) -> Result<MessageRef, NotSurfaced> {
        let (channel, thread) = self.place(address)?;
        let base = Call::new(Method::PostEphemeral, Lane::Normal)
            .with("channel", channel)
            .with("user", person)
            .with_some("thread_ts", thread);
        self.say(address, base, reply, "message_ts").await
    }

    async fn direct_note(&self, person: &str, reply: &Reply) -> Result<MessageRef, NotSurfaced> {
        let address = self.direct(person).await?;
        let base = Call::new(Method::PostMessage, Lane::Normal)
            .with("channel", address.channel.as_str())
            .with("unfurl_links", false)
            .with("unfurl_media", false);
        self.say(&address, base, reply, "ts").await
    }

    async fn say(&self, address: &Address, base: Call, reply: &Reply, id: &str) -> Result<MessageRef, NotSurfaced> {
        let key = format!("n{:016x}", fingerprint(&format!("{reply:?}")));
        let called = Called { act: Act::Create, lane: Lane::Normal };
        let mut first = None;
        for note in notes(reply, &key, &self.before_commands(address.thread.is_some())) {
            let call = base
                .clone()
                .with("text", note.text)
                .with("blocks", note.blocks)
                .with("parse", "none")
                .with("link_names", false);
            let body = settle(self.rest.call(call).await, called)?;
            let message = body.get(id).and_then(Value::as_str).unwrap_or_default().to_owned();
            first.get_or_insert(MessageRef { address: address.clone(), message });
        }
        first.ok_or_else(|| NotSurfaced::Bug(Cause::new("empty_note", "there was nothing to say")))
    }
}

#[cfg(test)]
mod tests {
    use wilco_core::Press;
    use wilco_core::inbound::ReplyRow;

    use super::*;
    use crate::commands::COMMAND;

    #[test]
    fn an_answer_is_its_text_then_its_rows_each_with_its_buttons() {
        let button = |label: &str| Button::new(label, Press::Cancel { id: label.to_lowercase() });
        let row = |text: &str| ReplyRow { text: text.into(), buttons: vec![button(text)] };
        let reply = Reply { text: "Two jobs <3".into(), buttons: vec![button("All")], rows: vec![row("A"), row("B")] };
        let notes = notes(&reply, "k", COMMAND);
        assert_eq!(notes.len(), 1);
        let kinds: Vec<&str> = notes[0].blocks.iter().map(|block| block["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["section", "actions", "section", "actions", "section", "actions"]);
        assert_eq!(notes[0].text, "Two jobs &lt;3");
        let mut ids: Vec<&str> = notes[0].blocks.iter().map(|block| block["block_id"].as_str().unwrap()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 6);
    }

    #[test]
    fn a_long_answer_is_a_few_notes_and_ends_visibly() {
        let rows = (0..400).map(|n| ReplyRow { text: format!("row {n} {}", "<".repeat(200)), buttons: Vec::new() });
        let notes = notes(&Reply { text: "many".into(), buttons: Vec::new(), rows: rows.collect() }, "k", COMMAND);
        assert_eq!(notes.len(), NOTES);
        for note in &notes {
            assert!(note.blocks.len() <= 50 && note.characters <= CHARACTERS, "{}", note.characters);
            for block in &note.blocks {
                assert!(block["text"]["text"].as_str().unwrap().chars().count() <= SECTION);
            }
        }
        assert_eq!(notes[4].blocks.last().unwrap()["text"]["text"], "…");
        assert!(super::notes(&Reply::default(), "k", COMMAND).is_empty());
    }
}
