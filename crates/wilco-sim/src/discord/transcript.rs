//! The channels as people see them: what a snapshot test reads and what tests count.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_core::{EnvelopeKind, Timestamp, text};

use super::FakeDiscord;
use super::ids::Id;
use super::interactions::Interaction;
use super::kinds;
use super::state::State;
use super::world::{Message, World, buttons};
use crate::draw::fnv;

/// A file under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// FNV-1a, 64 bits, of the bytes, as 16 hexadecimal digits.
    pub hash: String,
}

/// A button under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What a person reads.
    pub label: String,
    /// What travels when it is pressed.
    pub custom_id: String,
    /// Whether it cannot be pressed.
    pub disabled: bool,
}

/// One message as it stands, or as it stood when it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its id.
    pub id: Id,
    /// The channel or thread.
    pub channel: Id,
    /// Its name; a thread's with that of its channel before it.
    pub place: String,
    /// Who wrote it, by name.
    pub author: String,
    /// Whether the bot did.
    pub by_bot: bool,
    /// When it appeared.
    pub at: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// The text, with names in place of ids.
    pub text: String,
    /// The text as it was sent.
    pub raw: String,
    /// What it is for now.
    pub kind: Option<EnvelopeKind>,
    /// What it was for when it was created.
    pub first_kind: Option<EnvelopeKind>,
    /// The short id of the job that it speaks of.
    pub job: Option<String>,
    /// How many times it was changed.
    pub edits: usize,
    /// Its files.
    pub files: Vec<File>,
    /// Its buttons.
    pub buttons: Vec<Button>,
    /// The emojis under it.
    pub reactions: Vec<String>,
    /// The message that it answers.
    pub reply_to: Option<Id>,
    /// The only person who sees it, by name.
    pub only_for: Option<String>,
    /// "is thinking…".
    pub loading: bool,
    /// That the application did not respond: a deferral whose token has died.
    pub unanswered: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Whom it names and notifies.
    pub notifies: Vec<String>,
    /// Whether it notified everybody.
    pub everyone: bool,
    /// Addresses in it that are shown with a preview.
    pub previews: Vec<String>,
}

impl Shown {
    fn of(world: &World, message: &Message) -> Self {
        let shown = message.shown();
        let files = shown.attachments.iter().map(|one| File {
            name: one.name.clone(),
            size: one.bytes.len() as u64,
            hash: format!("{:016x}", fnv(&one.bytes)),
        });
        let word = |one: &serde_json::Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
        let all = buttons(&shown.components).map(|one| Button {
            label: word(one, "label"),
            custom_id: word(one, "custom_id"),
            disabled: one["disabled"] == true,
        });
        let fills = usize::from(message.interaction.is_some() && message.versions[0].content.is_empty());
        Self {
            id: message.id,
            channel: message.channel,
            place: world.channel_name(message.channel),
            author: world.name(message.author).to_owned(),
            by_bot: message.author == world.bot,
            at: message.versions[0].at,
            changed: shown.at,
            text: named(world, &shown.content),
            raw: shown.content.clone(),
            kind: shown.kind,
            first_kind: message.versions[0].kind,
            job: kinds::short(&shown.content),
            edits: message.edits().saturating_sub(fills),
            files: files.collect(),
            buttons: all.collect(),
            reactions: message.reactions.iter().map(|(emoji, _)| emoji.clone()).collect(),
            reply_to: message.reference,
            only_for: message.only_for.map(|id| world.name(id).to_owned()),
            loading: message.loading,
            unanswered: false,
            deleted: !message.stands(),
            notifies: shown.mentions.iter().map(|id| world.name(*id).to_owned()).collect(),
            everyone: shown.everyone,
            previews: previews(&shown.content, shown.flags),
        }
    }

    /// Whether this is a result or a piece of one.
    pub fn is_terminal(&self) -> bool {
        match self.kind {
            Some(EnvelopeKind::Content | EnvelopeKind::Part | EnvelopeKind::File) => true,
            Some(EnvelopeKind::Stub | EnvelopeKind::Progress | EnvelopeKind::Question | EnvelopeKind::Ping) | None => {
                false
            }
        }
    }

    /// Whether it repeats an earlier message that stands in the same place: a second result of the same
    /// job, or a piece that says the same again.
    pub fn repeats(&self, earlier: &Self) -> bool {
        let standing = |one: &Self| one.by_bot && !one.deleted && one.only_for.is_none() && one.is_terminal();
        let results = self.kind == Some(EnvelopeKind::Content) && earlier.kind == Some(EnvelopeKind::Content);
        let same_job = self.job.is_some() && self.job == earlier.job;
        let same_piece = self.raw == earlier.raw && self.files == earlier.files;
        self.id > earlier.id
            && self.channel == earlier.channel
            && standing(self)
            && standing(earlier)
            && ((results && same_job) || same_piece)
    }
}

/// Ids in a text as the names that people read.
fn named(world: &World, content: &str) -> String {
    let mut result = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('<') {
        result.push_str(&rest[..at]);
        // After a backslash it is text.
        let is_text = rest[..at].ends_with('\\');
        let piece = rest[at..].find('>').filter(|_| !is_text).map(|end| (&rest[at + 1..at + end], end));
        let read = piece.and_then(|(inside, end)| {
            let id = |prefix: &str| inside.strip_prefix(prefix).and_then(|id| id.parse::<Id>().ok());
            if let Some(user) = id("@!").or_else(|| id("@")) {
                return Some((format!("@{}", world.name(user)), end));
            }
            id("#").map(|channel| (format!("#{}", world.channel_name(channel)), end))
        });
        match read {
            Some((name, end)) => {
                result.push_str(&name);
                rest = &rest[at + end + 1..];
            }
            None => {
                result.push('<');
                rest = &rest[at + 1..];
            }
        }
    }
    result.push_str(rest);
    result
}

/// The addresses that Discord would show a preview of.
fn previews(content: &str, flags: u64) -> Vec<String> {
    if flags & 1 << 2 != 0 {
        return Vec::new();
    }
    // What stands in angle brackets or in code has none.
    let outside = content.split('`').step_by(2);
    let words = outside.flat_map(|part| part.split(|one: char| one.is_whitespace() || one == '(' || one == ')'));
    words.filter(|word| word.starts_with("https://") || word.starts_with("http://")).map(str::to_owned).collect()
}

impl State {
    fn snapshot(&self, now: Duration) -> Vec<Shown> {
        let show = |message: &Message| {
            let shown = Shown::of(&self.world, message);
            let asked = message.interaction.and_then(|id| self.interactions.get(&id));
            let unanswered = shown.loading && asked.is_some_and(|asked| !asked.lives(now));
            Shown { loading: shown.loading && !unanswered, unanswered, ..shown }
        };
        self.world.messages.values().map(show).collect()
    }

    fn transcript(&self, channel: Id, now: Duration, edits: bool) -> String {
        let all: Vec<Shown> = self.snapshot(now).into_iter().filter(|one| one.channel == channel).collect();
        let block = |one: &Shown| {
            let repeated = all.iter().any(|earlier| one.repeats(earlier));
            (one.id, message_block(one, edits, repeated))
        };
        let mut blocks: Vec<(Id, String)> = all.iter().map(block).collect();
        let silent = self.interactions.values().filter(|one| one.channel == channel && one.failed(now));
        blocks.extend(silent.map(|one| (one.id, self.failed_block(one))));
        blocks.sort_by_key(|(id, _)| *id);
        blocks.into_iter().map(|(_, block)| block).collect()
    }

    fn failed_block(&self, interaction: &Interaction) -> String {
        let who = format!("only {} sees", self.world.name(interaction.person));
        block(&who, vec!["The application did not respond".to_owned()])
    }
}

fn message_block(one: &Shown, edits: bool, repeated: bool) -> String {
    let who = match &one.only_for {
        Some(person) => format!("only {person} sees"),
        None if one.by_bot => "bot".to_owned(),
        None => one.author.clone(),
    };
    if one.deleted {
        return block(&who, vec!["— deleted —".to_owned()]);
    }
    if one.unanswered || one.loading {
        let said = if one.unanswered { "The application did not respond" } else { "… is thinking" };
        return block(&who, vec![said.to_owned()]);
    }
    let reply = if one.reply_to.is_some() { "↳ " } else { "" };
    let mut lines: Vec<String> = format!("{reply}{}", one.text).lines().map(str::to_owned).collect();
    if edits && one.edits > 0 {
        let suffix = format!(" (edited {}×)", one.edits);
        match lines.last_mut() {
            Some(last) => last.push_str(&suffix),
            None => lines.push(suffix.trim_start().to_owned()),
        }
    }
    lines.extend(one.previews.iter().map(|address| format!("(preview of {address})")));
    lines.extend(one.files.iter().map(|file| format!("(file {}, {})", file.name, text::bytes(file.size))));
    let labels: Vec<String> = one.buttons.iter().map(|button| format!("[{}]", button.label)).collect();
    if !labels.is_empty() {
        lines.push(labels.join(" "));
    }
    if !one.reactions.is_empty() {
        lines.push(one.reactions.join(" "));
    }
    if one.everyone {
        lines.push("‼ notifies everybody".to_owned());
    }
    if repeated {
        lines.push("‼ duplicate".to_owned());
    }
    block(&who, lines)
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

impl FakeDiscord {
    /// Every message of every channel, oldest first, deleted ones and private ones included.
    pub fn snapshot(&self) -> Vec<Shown> {
        self.look(|state, now| state.snapshot(now.monotonic))
    }

    /// One channel or thread, edits folded. Ids and times are left out, so that the text is stable.
    pub fn transcript(&self, channel: Id) -> String {
        self.look(|state, now| state.transcript(channel, now.monotonic, false))
    }

    /// The same, and each changed message says how many times it was changed.
    pub fn transcript_with_edits(&self, channel: Id) -> String {
        self.look(|state, now| state.transcript(channel, now.monotonic, true))
    }

    /// Every channel in which something was shown, under a heading of its own, in the order of first use.
    pub fn whole_transcript(&self) -> String {
        self.look(|state, now| {
            let mut channels: Vec<Id> = Vec::new();
            let written = state.world.messages.values().map(|message| message.channel);
            let asked = state.interactions.values().filter(|one| one.failed(now.monotonic)).map(|one| one.channel);
            for channel in written.chain(asked) {
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
            let heading = |id: Id| {
                let direct = state.world.channels.get(&id).is_some_and(|channel| channel.guild.is_none());
                format!("# {}{}", if direct { "@" } else { "" }, state.world.channel_name(id))
            };
            let block = |id: Id| format!("{}\n{}", heading(id), state.transcript(id, now.monotonic, false));
            channels.into_iter().map(block).collect::<Vec<_>>().join("\n")
        })
    }

    /// Pairs of messages of which the later one repeats the earlier one.
    pub fn duplicates(&self) -> Vec<(Shown, Shown)> {
        let all = self.snapshot();
        let of = |one: &Shown| all.iter().find(|earlier| one.repeats(earlier)).map(|two| (two.clone(), one.clone()));
        all.iter().filter_map(of).collect()
    }
}
