//! What there is: users, guilds, channels, threads, and messages with everything they ever showed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use wilco_core::{EnvelopeKind, Timestamp};

use super::ids::{Id, Ids};

/// A person or the bot.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: Id,
    /// Its name, lower case.
    pub name: String,
    /// Whether it is the bot.
    pub bot: bool,
    /// Whether it takes direct messages from the bot.
    pub takes_direct_messages: bool,
}

/// A role of a guild. The one of everybody has the guild's id.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// What it allows in the whole guild.
    pub permissions: u64,
}

/// A user in a guild.
#[derive(Clone, Debug)]
pub struct Member {
    /// The user.
    pub user: Id,
    /// The roles besides that of everybody.
    pub roles: Vec<Id>,
    /// Since when.
    pub joined: Timestamp,
}

/// A guild ("server").
#[derive(Clone, Debug)]
pub struct Guild {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Who may do everything.
    pub owner: Id,
    /// Its roles.
    pub roles: BTreeMap<Id, Role>,
    /// Its members.
    pub members: BTreeMap<Id, Member>,
}

/// An exception from what roles allow, for one channel.
#[derive(Clone, Debug)]
pub struct Overwrite {
    /// A role or a user.
    pub id: Id,
    /// Whether it is a user.
    pub member: bool,
    /// What is allowed.
    pub allow: u64,
    /// What is denied.
    pub deny: u64,
}

/// What makes a channel a thread.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Who began it.
    pub owner: Id,
    /// Whether only those who take part see it.
    pub private: bool,
    /// Put away; a message brings it back unless it is locked.
    pub archived: bool,
    /// Only who manages threads may write or bring it back.
    pub locked: bool,
    /// When `archived` last changed.
    pub changed: Timestamp,
    /// After how many quiet minutes it is put away; kept, not acted on.
    pub minutes: u64,
    /// Who takes part.
    pub members: BTreeSet<Id>,
}

/// A text channel, a thread or a direct message.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id.
    pub id: Id,
    /// Its guild; none for a direct message.
    pub guild: Option<Id>,
    /// Its name; for a direct message that of the person.
    pub name: String,
    /// The channel that a thread belongs to.
    pub parent: Option<Id>,
    /// The exceptions of this channel.
    pub overwrites: Vec<Overwrite>,
    /// Who takes part in a direct message.
    pub recipients: Vec<Id>,
    /// Slow mode: seconds between two messages of one user.
    pub slow_mode: u64,
    /// What makes it a thread.
    pub thread: Option<Thread>,
    /// The newest message.
    pub last_message: Option<Id>,
}

impl Channel {
    /// Discord's number of the kind: 0 text, 1 direct message, 11 public and 12 private thread.
    pub fn kind(&self) -> u64 {
        match (&self.thread, self.guild) {
            (Some(thread), _) if thread.private => 12,
            (Some(_), _) => 11,
            (None, Some(_)) => 0,
            (None, None) => 1,
        }
    }
}

/// A file under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Its media type, as uploaded.
    pub media: String,
    /// A sentence for those who do not see it.
    pub description: Option<String>,
    /// What was uploaded.
    pub bytes: Arc<[u8]>,
}

/// What a message showed from one moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// When.
    pub at: Timestamp,
    /// The text, as the bot or the person wrote it.
    pub content: String,
    /// Rows of buttons, as they were sent.
    pub components: Vec<Value>,
    /// Embeds, as they were sent.
    pub embeds: Vec<Value>,
    /// The files.
    pub attachments: Vec<Attachment>,
    /// Discord's flags of a message.
    pub flags: u64,
    /// What it is for, as far as can be told from what it shows.
    pub kind: Option<EnvelopeKind>,
    /// Whom it names, as far as the sender allowed it.
    pub mentions: Vec<Id>,
    /// Whether it notified everybody.
    pub everyone: bool,
}

impl Version {
    /// Whether a person sees the same thing.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.content == other.content
            && self.components == other.components
            && self.embeds == other.embeds
            && self.attachments == other.attachments
            && self.flags == other.flags
    }
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: Id,
    /// Where it stands.
    pub channel: Id,
    /// Who wrote it.
    pub author: Id,
    /// Discord's number of the kind: 0 ordinary, 18 "started a thread", 19 a reply, 20 answers a command.
    pub kind: u64,
    /// The nonce of the create, as it was sent.
    pub nonce: Option<Value>,
    /// The message that it answers.
    pub reference: Option<Id>,
    /// Whether it was removed, and when.
    pub deleted: Option<Timestamp>,
    /// Reactions: the emoji and who gave it.
    pub reactions: Vec<(String, BTreeSet<Id>)>,
    /// The only person who sees it.
    pub only_for: Option<Id>,
    /// "is thinking…": answered by a deferral whose content has not come yet.
    pub loading: bool,
    /// The interaction that it answers.
    pub interaction: Option<Id>,
    /// Everything that it ever showed; never empty.
    pub versions: Vec<Version>,
}

impl Message {
    /// What it shows now.
    pub fn shown(&self) -> &Version {
        // Every constructor puts the first version in, and nothing takes one out.
        &self.versions[self.versions.len() - 1]
    }

    /// How many times it was changed.
    pub fn edits(&self) -> usize {
        self.versions.len() - 1
    }

    /// Whether it still stands.
    pub fn stands(&self) -> bool {
        self.deleted.is_none()
    }

    /// The custom ids of its buttons, in order.
    pub fn custom_ids(&self) -> Vec<String> {
        buttons(&self.shown().components).filter_map(|one| one["custom_id"].as_str().map(str::to_owned)).collect()
    }
}

/// Every button of a message's rows.
pub(super) fn buttons(rows: &[Value]) -> impl Iterator<Item = &Value> {
    rows.iter().filter_map(|row| row["components"].as_array()).flatten()
}

/// All that there is.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Everybody.
    pub users: BTreeMap<Id, User>,
    /// The guilds that the bot may be in.
    pub guilds: BTreeMap<Id, Guild>,
    /// Channels, threads and direct messages that were not deleted.
    pub channels: BTreeMap<Id, Channel>,
    /// Messages of all times, deleted ones included.
    pub messages: BTreeMap<Id, Message>,
    /// The bot's user, which is also its application's id.
    pub bot: Id,
    /// Names of channels that were deleted, for the transcript.
    pub gone: BTreeMap<Id, String>,
    pub(super) ids: Ids,
}

impl World {
    /// A name for the transcript: a channel's name, or that of one that was deleted.
    pub fn channel_name(&self, id: Id) -> String {
        match self.channels.get(&id) {
            Some(channel) => match channel.parent.filter(|_| channel.thread.is_some()) {
                Some(parent) => format!("{} / {}", self.channel_name(parent), channel.name),
                None => channel.name.clone(),
            },
            None => self.gone.get(&id).cloned().unwrap_or_else(|| id.to_string()),
        }
    }

    /// Whom a reply notifies besides those that its text names: whoever wrote the message that it answers.
    pub(super) fn pinged_by_reply(&self, to: Option<Id>, by: Id, named: &[Id]) -> Option<Id> {
        let author = to.and_then(|id| self.messages.get(&id)).map(|message| message.author);
        author.filter(|author| *author != by && !named.contains(author))
    }

    /// A user's name.
    pub fn name(&self, id: Id) -> &str {
        self.users.get(&id).map_or("somebody", |user| &user.name)
    }

    /// Whether the bot is a member of this guild.
    pub fn has_bot(&self, guild: Id) -> bool {
        self.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&self.bot))
    }

    /// The standing messages of a channel that everybody sees, oldest first.
    pub fn standing(&self, channel: Id) -> impl DoubleEndedIterator<Item = &Message> {
        let public = move |message: &&Message| message.channel == channel && message.only_for.is_none();
        self.messages.values().filter(public).filter(|message| message.stands())
    }

    /// The direct message channel of the bot with a person, if there is one.
    pub fn direct(&self, person: Id) -> Option<Id> {
        let with = |channel: &&Channel| channel.guild.is_none() && channel.recipients.contains(&person);
        self.channels.values().find(with).map(|channel| channel.id)
    }

    /// The direct message channel of the bot with a person, made if there is none.
    pub(super) fn open_direct(&mut self, person: Id, at: Timestamp) -> Id {
        if let Some(id) = self.direct(person) {
            return id;
        }
        let id = self.ids.next(at);
        let name = self.name(person).to_owned();
        let recipients = vec![person, self.bot];
        self.channels.insert(id, Channel { id, guild: None, name, recipients, ..Channel::blank() });
        id
    }
}

impl Channel {
    pub(super) fn blank() -> Self {
        Self {
            id: 0,
            guild: None,
            name: String::new(),
            parent: None,
            overwrites: Vec::new(),
            recipients: Vec::new(),
            slow_mode: 0,
            thread: None,
            last_message: None,
        }
    }
}
