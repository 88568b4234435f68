//! The channel as a person sees it: what a snapshot test reads.

use wilco_core::{Address, text};

use crate::message::{Author, Message, Note};
use crate::snapshot::Snapshot;

impl Snapshot {
    /// One address, edits folded. Ids and times are left out, so that the text is stable.
    pub fn transcript(&self, address: &Address) -> String {
        self.write(address, false)
    }

    /// The same, and each changed message says how many times it was changed.
    pub fn transcript_with_edits(&self, address: &Address) -> String {
        self.write(address, true)
    }

    /// Every address under a heading of its own.
    pub fn whole_transcript(&self) -> String {
        let mut addresses: Vec<&Address> = self.addresses();
        for note in &self.notes {
            if !addresses.contains(&&note.address) {
                addresses.push(&note.address);
            }
        }
        let blocks = addresses.into_iter().map(|address| {
            let thread = address.thread.as_ref().map(|thread| format!(" / {thread}")).unwrap_or_default();
            format!("# {}{thread}\n{}", address.channel, self.transcript(address))
        });
        blocks.collect::<Vec<_>>().join("\n")
    }

    fn write(&self, address: &Address, edits: bool) -> String {
        let messages = self.at(address).map(|message| (message.versions[0].seq, self.message_block(message, edits)));
        let notes = self.notes.iter().filter(|note| note.address == *address).map(|note| (note.seq, note_block(note)));
        let mut blocks: Vec<(u64, String)> = messages.chain(notes).collect();
        blocks.sort_by_key(|(seq, _)| *seq);
        blocks.into_iter().map(|(_, block)| block).collect()
    }

    fn message_block(&self, message: &Message, edits: bool) -> String {
        let who = match &message.author {
            Author::Bot => "bot",
            Author::Person(person) => &person.name,
        };
        if message.deleted {
            return block(who, vec!["— deleted —".to_owned()]);
        }
        let shown = message.shown();
        let mut first = String::new();
        if message.reply_to.is_some() {
            first.push_str("↳ ");
        }
        if let Some(person) = &shown.mention {
            first.push_str(&format!("@{} ", person.name));
        }
        let mut lines: Vec<String> = format!("{first}{}", shown.text).lines().map(str::to_owned).collect();
        if edits && message.edits() > 0 {
            let suffix = format!(" (edited {}×)", message.edits());
            match lines.last_mut() {
                Some(last) => last.push_str(&suffix),
                None => lines.push(suffix.trim_start().to_owned()),
            }
        }
        if let Some(file) = &shown.file {
            lines.push(format!("(file {}, {})", file.name, text::bytes(file.size)));
        }
        lines.extend(buttons(&shown.buttons));
        if self.repeats(message).is_some() {
            lines.push("‼ duplicate".to_owned());
        }
        block(who, lines)
    }
}

fn note_block(note: &Note) -> String {
    let mut lines: Vec<String> = note.text.lines().map(str::to_owned).collect();
    lines.extend(buttons(&note.buttons));
    for row in &note.rows {
        lines.extend(row.text.lines().map(|line| format!("- {line}")));
        lines.extend(buttons(&row.buttons).map(|buttons| format!("  {buttons}")));
    }
    block(&format!("only {} sees", note.name), lines)
}

fn buttons(buttons: &[wilco_core::Button]) -> Option<String> {
    let labels = buttons.iter().map(|button| format!("[{}]", button.label)).collect::<Vec<_>>();
    (!labels.is_empty()).then(|| labels.join(" "))
}

/// The name before the first line; the further lines stand under it.
fn block(who: &str, lines: Vec<String>) -> String {
    let indent = " ".repeat(who.chars().count() + 3);
    let mut block = String::new();
    for (at, line) in lines.iter().enumerate() {
        let line = if at == 0 { format!("{who} | {line}") } else { format!("{indent}{line}") };
        block.push_str(line.trim_end());
        block.push('\n');
    }
    if lines.is_empty() {
        block = format!("{who} |\n");
    }
    block
}
