//! What there is: workspaces, people, channels, groups, files, and messages with everything they ever showed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use wilco_core::{EnvelopeKind, Timestamp};

use super::blocks;
use super::ids::{Id, Ids, Ts};

/// A workspace, with the one app that is installed in it. The same app may be installed in others, too.
#[derive(Clone, Debug)]
pub struct Team {
    /// Its id (`T…`).
    pub id: Id,
    /// Its name.
    pub name: String,
    /// The first word of its address.
    pub domain: String,
    /// The app (`A…`).
    pub app: Id,
    /// The app's bot user (`U…`).
    pub bot_user: Id,
    /// The bot's own id (`B…`).
    pub bot: Id,
    /// The token of the Web API (`xoxb-…`).
    pub token: String,
    /// The token of Socket Mode (`xapp-…`): the app's, so workspaces that share the app share it.
    pub app_token: String,
    /// What Slack signs its requests with, where it speaks to the app over HTTP: 32 hexadecimal digits.
    pub signing_secret: String,
    /// Why the tokens are refused from now on, if they are: an error such as `token_revoked`.
    pub refused: Option<String>,
    /// Whether Socket Mode is switched on.
    pub socket_mode: bool,
    /// Whether the app takes buttons and shortcuts.
    pub interactivity: bool,
    /// What the bot token may do.
    pub scopes: BTreeSet<String>,
    /// The slash commands of the app, with the stroke.
    pub commands: BTreeSet<String>,
    /// Whether names and addresses in the text of a command travel as ids (`should_escape` of the manifest).
    pub escapes_commands: bool,
    /// The callback ids of message shortcuts, by the name that people see.
    pub shortcuts: BTreeMap<String, String>,
    /// The callback ids of global shortcuts, by the name that people see.
    pub global_shortcuts: BTreeMap<String, String>,
    /// The events that the app is subscribed to.
    pub events: BTreeSet<String>,
}

/// A person or a bot.
#[derive(Clone, Debug)]
pub struct User {
    /// Its id.
    pub id: Id,
    /// The workspace that it belongs to.
    pub team: Id,
    /// Its name, lower case.
    pub name: String,
    /// Whether it is a bot.
    pub bot: bool,
    /// Whether it was switched off.
    pub deleted: bool,
    /// Its zone, as the tz database names it.
    pub zone: String,
    /// Whether it administers the workspace.
    pub admin: bool,
    /// Whether it owns the workspace.
    pub owner: bool,
    /// Whether it is a guest of the workspace, who sees only the channels that it was invited to.
    pub guest: bool,
}

/// What kind of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everybody may join.
    Public,
    /// Only members know of it.
    Private,
    /// A person and the bot.
    Direct,
    /// Several persons.
    Group,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Public, Self::Private, Self::Direct, Self::Group];

    /// The word that an event says.
    pub fn word(self) -> &'static str {
        match self {
            Self::Public => "channel",
            Self::Private => "group",
            Self::Direct => "im",
            Self::Group => "mpim",
        }
    }

    /// The word in the names of scopes and of filters.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Public => "channels",
            Self::Private => "groups",
            Self::Direct => "im",
            Self::Group => "mpim",
        }
    }

    /// The word of the filter of `conversations.list`.
    pub fn filter(self) -> &'static str {
        match self {
            Self::Public => "public_channel",
            Self::Private => "private_channel",
            Self::Direct => "im",
            Self::Group => "mpim",
        }
    }
}

/// A conversation.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id (`C…` or `D…`).
    pub id: Id,
    /// The workspace that it belongs to.
    pub team: Id,
    /// Workspaces that it is shared with.
    pub shared: BTreeSet<Id>,
    /// Its name; for a direct message that of the person.
    pub name: String,
    /// What kind it is.
    pub kind: Kind,
    /// Who is in it.
    pub members: BTreeSet<Id>,
    /// Put away: nobody writes there any more.
    pub archived: bool,
    /// An error with which the workspace refuses what the bot would write there, such as `restricted_action`.
    pub refuses: Option<String>,
    /// Since when.
    pub created: Timestamp,
}

/// A group of users (`@oncall`).
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id (`S…`).
    pub id: Id,
    /// The workspace.
    pub team: Id,
    /// The name behind the at sign.
    pub handle: String,
    /// Who is in it.
    pub users: BTreeSet<Id>,
}

/// An uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its id (`F…`).
    pub id: Id,
    /// The workspace.
    pub team: Id,
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// How long it was announced to be, in bytes.
    pub announced: u64,
    /// What was uploaded; none before.
    pub bytes: Option<Arc<[u8]>>,
    /// Whether the upload was completed.
    pub complete: bool,
    /// The word in the address that takes the upload.
    pub ticket: String,
    /// When.
    pub created: Timestamp,
}

/// What a message showed from one moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// When.
    pub at: Timestamp,
    /// The text: what is shown, or with blocks what a notification says.
    pub text: String,
    /// The blocks, as they were sent.
    pub blocks: Vec<Value>,
    /// The files.
    pub files: Vec<Id>,
    /// What travels unseen.
    pub metadata: Option<Value>,
    /// What it is for, as far as can be told from what it shows.
    pub kind: Option<EnvelopeKind>,
    /// Whether it is shown as edited.
    pub marked: bool,
}

impl Version {
    /// What a person reads: the blocks where there are any, otherwise the text.
    pub fn words(&self) -> String {
        if self.blocks.is_empty() { self.text.clone() } else { blocks::words(&self.blocks) }
    }

    /// Whether a person sees the same thing.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.words() == other.words() && self.blocks == other.blocks && self.files == other.files
    }
}

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its name.
    pub ts: Ts,
    /// Where it stands.
    pub channel: Id,
    /// The message above the thread that it stands in; its own for a message with a thread under it.
    pub thread: Option<Ts>,
    /// Whether a reply is shown in the channel as well.
    pub broadcast: bool,
    /// Who wrote it.
    pub author: Id,
    /// The name under which an integration that is no app of ours wrote it (`bot_message`); its author is then a bot's
    /// id.
    pub integration: Option<String>,
    /// What a person's client called it.
    pub client_msg_id: Option<String>,
    /// Whether it was removed, and when.
    pub deleted: Option<Timestamp>,
    /// Reactions: the name and who gave it.
    pub reactions: Vec<(String, BTreeSet<Id>)>,
    /// The only person who sees it.
    pub only_for: Option<Id>,
    /// Whom it notified when it came.
    pub notified: Vec<Id>,
    /// Whether it notified everybody.
    pub everyone: bool,
    /// Whether addresses in it are shown with a preview.
    pub unfurls: bool,
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

    /// Whether it is an answer in a thread.
    pub fn is_reply(&self) -> bool {
        self.thread.is_some_and(|root| root != self.ts)
    }

    /// Its buttons.
    pub fn buttons(&self) -> Vec<&Value> {
        blocks::buttons(&self.shown().blocks)
    }
}

/// All that there is.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The workspaces.
    pub teams: BTreeMap<Id, Team>,
    /// Everybody.
    pub users: BTreeMap<Id, User>,
    /// Every conversation.
    pub channels: BTreeMap<Id, Channel>,
    /// Groups of users.
    pub groups: BTreeMap<Id, Group>,
    /// Files.
    pub files: BTreeMap<Id, File>,
    /// Messages of all times, deleted and private ones included.
    pub messages: BTreeMap<Ts, Message>,
    /// "is thinking…" in threads with the app: channel, thread, words.
    pub statuses: BTreeMap<(Id, Ts), String>,
    pub(super) ids: Ids,
}

impl World {
    /// A user's name.
    pub fn name(&self, id: &str) -> &str {
        self.users.get(id).map_or("somebody", |user| &user.name)
    }

    /// A channel's name.
    pub fn channel_name(&self, id: &str) -> &str {
        self.channels.get(id).map_or("a channel", |channel| &channel.name)
    }

    /// The messages of a channel that everybody in it sees, oldest first, deleted ones left out.
    pub fn standing<'a>(&'a self, channel: &'a str) -> impl DoubleEndedIterator<Item = &'a Message> {
        let public = move |message: &&Message| message.channel == channel && message.only_for.is_none();
        self.messages.values().filter(public).filter(|message| message.stands())
    }

    /// The standing answers under a message, oldest first.
    pub fn replies<'a>(&'a self, channel: &'a str, root: Ts) -> impl DoubleEndedIterator<Item = &'a Message> {
        self.standing(channel).filter(move |message| message.thread == Some(root) && message.is_reply())
    }

    /// Whether the tokens of an app are refused in every workspace that has it.
    pub(super) fn is_refused(&self, app: &str) -> bool {
        let mut having = self.teams.values().filter(|team| team.app == app);
        having.all(|team| team.refused.is_some())
    }

    /// The workspace whose bot is this user.
    pub fn team_of_bot(&self, user: &str) -> Option<&Team> {
        self.teams.values().find(|team| team.bot_user == user)
    }

    /// The direct messages of a workspace's bot with a person, if there are any.
    pub fn direct(&self, team: &str, person: &str) -> Option<Id> {
        let with = |one: &&Channel| one.kind == Kind::Direct && one.team == team && one.members.contains(person);
        self.channels.values().find(with).map(|channel| channel.id.clone())
    }

    /// The direct messages of a workspace's bot with a person, begun if there are none.
    pub(super) fn open_direct(&mut self, team: &str, person: &str, at: Timestamp) -> Option<Id> {
        if let Some(id) = self.direct(team, person) {
            return Some(id);
        }
        let bot = self.teams.get(team)?.bot_user.clone();
        let id = self.ids.next("D");
        let channel = Channel {
            id: id.clone(),
            team: team.to_owned(),
            shared: BTreeSet::new(),
            name: self.name(person).to_owned(),
            kind: Kind::Direct,
            members: BTreeSet::from([bot, person.to_owned()]),
            archived: false,
            refuses: None,
            created: at,
        };
        self.channels.insert(id.clone(), channel);
        Some(id)
    }

    /// Whether a workspace can see a channel at all.
    pub(super) fn reaches(&self, team: &Team, channel: &Channel) -> bool {
        let here = channel.team == team.id || channel.shared.contains(&team.id);
        here && (channel.kind == Kind::Public || channel.members.contains(&team.bot_user))
    }
}
