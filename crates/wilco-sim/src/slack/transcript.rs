//! The channels and threads as people see them: what a snapshot test reads and what tests count.

use serde::{Deserialize, Serialize};
use wilco_core::{EnvelopeKind, Timestamp, text};

use super::FakeSlack;
use super::ids::{Id, Ts};
use super::interactions::{Act, Interaction};
use super::markup;
use super::state::State;
use super::world::{Kind, Message, World};
use crate::kinds;

/// A file under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownFile {
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
    pub action_id: String,
    /// What travels with it.
    pub value: String,
}

/// One message as it stands, or as it stood when it was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// Its name.
    pub ts: Ts,
    /// The channel.
    pub channel: Id,
    /// The channel's name.
    pub place: String,
    /// The message above the thread that it stands in.
    pub thread: Option<Ts>,
    /// Who wrote it, by name.
    pub author: String,
    /// Whether a bot did.
    pub by_bot: bool,
    /// When it appeared.
    pub at: Timestamp,
    /// When it last changed.
    pub changed: Timestamp,
    /// What a person reads, with names in place of ids and without escapes.
    pub text: String,
    /// The same as it was sent.
    pub raw: String,
    /// What a notification says.
    pub fallback: String,
    /// What it is for now.
    pub kind: Option<EnvelopeKind>,
    /// What it was for when it was created.
    pub first_kind: Option<EnvelopeKind>,
    /// The short id of the job that it speaks of.
    pub job: Option<String>,
    /// How many times it was changed.
    pub edits: usize,
    /// Its files.
    pub files: Vec<ShownFile>,
    /// Its buttons.
    pub buttons: Vec<Button>,
    /// The reactions under it, by name.
    pub reactions: Vec<String>,
    /// The only person who sees it, by name.
    pub only_for: Option<String>,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Whom it notified, by name.
    pub notifies: Vec<String>,
    /// Whether it notified everybody.
    pub everyone: bool,
    /// Addresses in it that are shown with a preview.
    pub previews: Vec<String>,
}

impl Shown {
    fn of(world: &World, message: &Message) -> Self {
        let shown = message.shown();
        let raw = shown.words();
        let files = shown.files.iter().filter_map(|id| world.files.get(id)).map(|file| {
            let bytes = file.bytes.as_deref().unwrap_or_default();
            let hash = format!("{:016x}", crate::draw::fnv(bytes));
            ShownFile { name: file.name.clone(), size: bytes.len() as u64, hash }
        });
        let word = |one: &serde_json::Value| one.as_str().unwrap_or_default().to_owned();
        let buttons = message.buttons().into_iter().map(|one| Button {
            label: markup::unescaped(&word(&one["text"]["text"])),
            action_id: word(&one["action_id"]),
            value: word(&one["value"]),
        });
        let names = |ids: &[Id]| ids.iter().map(|id| world.name(id).to_owned()).collect::<Vec<_>>();
        Self {
            ts: message.ts,
            channel: message.channel.clone(),
            place: world.channel_name(&message.channel).to_owned(),
            thread: message.thread.filter(|root| *root != message.ts),
            author: message.integration.clone().unwrap_or_else(|| world.name(&message.author).to_owned()),
            by_bot: world.team_of_bot(&message.author).is_some(),
            at: message.versions[0].at,
            changed: shown.at,
            text: read(world, &raw),
            fallback: read(world, &shown.text),
            kind: shown.kind,
            first_kind: message.versions[0].kind,
            job: kinds::short(&raw).or_else(|| kinds::short(&shown.text)),
            edits: message.edits(),
            files: files.collect(),
            buttons: buttons.collect(),
            reactions: message.reactions.iter().map(|(name, _)| name.clone()).collect(),
            only_for: message.only_for.as_ref().map(|id| world.name(id).to_owned()),
            deleted: !message.stands(),
            notifies: names(&message.notified),
            everyone: message.everyone,
            previews: if message.unfurls { addresses(&raw) } else { Vec::new() },
            raw,
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

    /// Whether it repeats an earlier message that stands in the same place: a second result of the same job, or a
    /// piece that says the same again.
    pub fn repeats(&self, earlier: &Self) -> bool {
        let standing = |one: &Self| one.by_bot && !one.deleted && one.only_for.is_none() && one.is_terminal();
        let results = self.kind == Some(EnvelopeKind::Content) && earlier.kind == Some(EnvelopeKind::Content);
        let same_job = self.job.is_some() && self.job == earlier.job;
        let same_piece = self.raw == earlier.raw && self.files == earlier.files;
        self.ts > earlier.ts
            && self.channel == earlier.channel
            && self.thread == earlier.thread
            && standing(self)
            && standing(earlier)
            && ((results && same_job) || same_piece)
    }
}

/// What a client makes of markup between angle brackets, and of the three escapes.
fn read(world: &World, raw: &str) -> String {
    let mut result = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('<') {
        result.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('>') else { break };
        let inside = &rest[at + 1..at + end];
        let (target, label) = inside.split_once('|').map_or((inside, None), |(target, label)| (target, Some(label)));
        let shown = if let Some(id) = target.strip_prefix('@') {
            format!("@{}", world.name(id))
        } else if let Some(id) = target.strip_prefix('#') {
            format!("#{}", world.channel_name(id))
        } else if let Some(id) = target.strip_prefix("!subteam^") {
            format!("@{}", world.groups.get(id).map_or("group", |group| &group.handle))
        } else if let Some(word) = target.strip_prefix('!') {
            label.map_or_else(|| format!("@{word}"), str::to_owned)
        } else {
            label.unwrap_or(target).to_owned()
        };
        result.push_str(&shown);
        rest = &rest[at + end + 1..];
    }
    result.push_str(rest);
    markup::unescaped(&result)
}

fn addresses(raw: &str) -> Vec<String> {
    let words = raw.split(|one: char| one.is_whitespace() || "<>|()`".contains(one));
    words.filter(|word| word.starts_with("https://") || word.starts_with("http://")).map(str::to_owned).collect()
}

impl State {
    fn snapshot(&self) -> Vec<Shown> {
        self.world.messages.values().map(|message| Shown::of(&self.world, message)).collect()
    }

    /// A channel, each thread under its message.
    fn transcript(&self, channel: &str, edits: bool) -> String {
        let all: Vec<Shown> = self.snapshot().into_iter().filter(|one| one.channel == channel).collect();
        let line = |one: &Shown| {
            let repeated = all.iter().any(|earlier| one.repeats(earlier));
            message_block(one, edits, repeated)
        };
        let mut blocks: Vec<(Ts, String)> = Vec::new();
        for one in all.iter().filter(|one| one.thread.is_none()) {
            let mut block = line(one);
            for answer in all.iter().filter(|answer| answer.thread == Some(one.ts)) {
                block.push_str(&indented(&line(answer)));
            }
            if let Some(status) = self.world.statuses.get(&(one.channel.clone(), one.ts)) {
                block.push_str(&indented(&format!("… {status}\n")));
            }
            blocks.push((one.ts, block));
        }
        let silent = self.interactions.values().filter(|one| one.channel == channel && one.failed);
        blocks.extend(silent.map(|one| (one.shown, self.failed_block(one))));
        blocks.sort_by_key(|(at, _)| *at);
        blocks.into_iter().map(|(_, block)| block).collect()
    }

    fn failed_block(&self, one: &Interaction) -> String {
        let who = format!("only {} sees", self.world.name(&one.person));
        let said = match one.act {
            Act::Command => format!("{} failed because the app did not respond", one.said),
            Act::Press => format!("⚠ [{}] did not work", one.said),
            Act::Shortcut | Act::Global => format!("{} failed because the app did not respond", one.said),
        };
        block(&who, &[said])
    }
}

/// The lines of a thread stand to the right.
fn indented(block: &str) -> String {
    block.lines().map(|line| format!("{}\n", format!("  {line}").trim_end())).collect()
}

fn message_block(one: &Shown, edits: bool, repeated: bool) -> String {
    let who = match &one.only_for {
        Some(person) => format!("only {person} sees"),
        None if one.by_bot => "bot".to_owned(),
        None => one.author.clone(),
    };
    if one.deleted {
        return block(&who, &["— deleted —".to_owned()]);
    }
    let mut lines: Vec<String> = one.text.lines().map(str::to_owned).collect();
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
        lines.push(one.reactions.iter().map(|name| format!(":{name}:")).collect::<Vec<_>>().join(" "));
    }
    if one.everyone {
        lines.push("‼ notifies everybody".to_owned());
    }
    if repeated {
        lines.push("‼ duplicate".to_owned());
    }
    block(&who, &lines)
}

/// The name before the first line; the further lines stand under it.
fn block(who: &str, lines: &[String]) -> String {
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

impl FakeSlack {
    /// Every message of every channel, oldest first, deleted ones and private ones included.
    pub fn snapshot(&self) -> Vec<Shown> {
        self.look(|state, _| state.snapshot())
    }

    /// One channel with its threads, edits folded. Ids and times are left out, so that the text is stable.
    pub fn transcript(&self, channel: &str) -> String {
        self.look(|state, _| state.transcript(channel, false))
    }

    /// The same, and each changed message says how many times it was changed.
    pub fn transcript_with_edits(&self, channel: &str) -> String {
        self.look(|state, _| state.transcript(channel, true))
    }

    /// Every channel in which something was shown, under a heading of its own, in the order of first use.
    pub fn whole_transcript(&self) -> String {
        self.look(|state, _| {
            let mut channels: Vec<&str> = Vec::new();
            let written = state.world.messages.values().map(|message| message.channel.as_str());
            let asked = state.interactions.values().filter(|one| one.failed).map(|one| one.channel.as_str());
            for channel in written.chain(asked) {
                if !channels.contains(&channel) {
                    channels.push(channel);
                }
            }
            let heading = |id: &str| {
                if id.is_empty() {
                    return "# shortcuts".to_owned();
                }
                let direct = state.world.channels.get(id).is_some_and(|channel| channel.kind == Kind::Direct);
                format!("# {}{}", if direct { "@" } else { "" }, state.world.channel_name(id))
            };
            let block = |id: &str| format!("{}\n{}", heading(id), state.transcript(id, false));
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
