//! The methods of the Web API that the adapter calls, with what Slack documents of each: how it takes its arguments,
//! and how often it may be called.

/// One method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    /// Whose token this is.
    AuthTest,
    /// Where a socket may be opened.
    ConnectionsOpen,
    /// Creates a message.
    PostMessage,
    /// Edits one.
    Update,
    /// Takes one away.
    Delete,
    /// Shows one person a note.
    PostEphemeral,
    /// What stands in a channel.
    History,
    /// What stands in a thread.
    Replies,
    /// What a channel is.
    Info,
    /// The direct message with a person.
    Open,
    /// In which conversations the bot is.
    OwnConversations,
    /// Becomes a member of a public channel.
    Join,
    /// Puts a reaction under a message.
    React,
    /// Asks where a file may be sent.
    UploadUrl,
    /// Says that a file was sent.
    CompleteUpload,
    /// What an assistant is doing, under its thread.
    SetStatus,
    /// Who a person is.
    UserInfo,
    /// The groups of people, and who is in them.
    Groups,
}

/// What a call does, which decides what an answer that nobody can read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Creates a message: a success names it.
    Create,
    /// Edits a message: a success names it.
    Edit,
    /// Anything else.
    Other,
}

impl Method {
    /// All of them.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 18] = [
        Self::AuthTest,
        Self::ConnectionsOpen,
        Self::PostMessage,
        Self::Update,
        Self::Delete,
        Self::PostEphemeral,
        Self::History,
        Self::Replies,
        Self::Info,
        Self::Open,
        Self::OwnConversations,
        Self::Join,
        Self::React,
        Self::UploadUrl,
        Self::CompleteUpload,
        Self::SetStatus,
        Self::UserInfo,
        Self::Groups,
    ];

    /// Its name, which is the last part of its address.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AuthTest => "auth.test",
            Self::ConnectionsOpen => "apps.connections.open",
            Self::PostMessage => "chat.postMessage",
            Self::Update => "chat.update",
            Self::Delete => "chat.delete",
            Self::PostEphemeral => "chat.postEphemeral",
            Self::History => "conversations.history",
            Self::Replies => "conversations.replies",
            Self::Info => "conversations.info",
            Self::Open => "conversations.open",
            Self::OwnConversations => "users.conversations",
            Self::Join => "conversations.join",
            Self::React => "reactions.add",
            Self::UploadUrl => "files.getUploadURLExternal",
            Self::CompleteUpload => "files.completeUploadExternal",
            Self::SetStatus => "assistant.threads.setStatus",
            Self::UserInfo => "users.info",
            Self::Groups => "usergroups.list",
        }
    }

    /// What a call of it does.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Self::PostMessage => Kind::Create,
            Self::Update => Kind::Edit,
            Self::Delete
            | Self::AuthTest
            | Self::ConnectionsOpen
            | Self::PostEphemeral
            | Self::History
            | Self::Replies
            | Self::Info
            | Self::Open
            | Self::OwnConversations
            | Self::Join
            | Self::React
            | Self::UploadUrl
            | Self::CompleteUpload
            | Self::SetStatus
            | Self::UserInfo
            | Self::Groups => Kind::Other,
        }
    }

    /// Whether it takes its arguments as a form alone. Methods that read do not look at a JSON body, and answer as if
    /// they had been given nothing (Slack, "Web API", "POST bodies"; each method's page lists its content types).
    pub(super) const fn takes_a_form(self) -> bool {
        match self {
            Self::AuthTest
            | Self::ConnectionsOpen
            | Self::History
            | Self::Replies
            | Self::Info
            | Self::OwnConversations
            | Self::UploadUrl
            | Self::UserInfo
            | Self::Groups => true,
            Self::PostMessage
            | Self::Update
            | Self::Delete
            | Self::PostEphemeral
            | Self::Open
            | Self::Join
            | Self::React
            | Self::CompleteUpload
            | Self::SetStatus => false,
        }
    }

    /// How many calls a minute a workspace surely takes from one app (Slack, "Rate limits"): tier 1 is 1, tier 2 is
    /// 20, tier 3 is 50, tier 4 is 100. Slack says "and more" of each, so these are lower bounds.
    pub(super) const fn per_minute(self) -> usize {
        match self {
            // A socket is asked for as what is reserved, which Slack's own word alone holds back.
            Self::ConnectionsOpen => 1,
            Self::Groups => 20,
            // "Special": one a second and channel, and "several hundred" a minute in a workspace.
            Self::PostMessage => 240,
            Self::Update
            | Self::Delete
            | Self::History
            | Self::Replies
            | Self::Info
            | Self::Open
            | Self::OwnConversations
            | Self::Join
            | Self::React => 50,
            Self::AuthTest | Self::PostEphemeral | Self::UploadUrl | Self::CompleteUpload | Self::UserInfo => 100,
            Self::SetStatus => 600,
        }
    }

    /// Whether one a second is what a channel takes ("Rate limits", "Posting messages").
    pub(super) const fn is_paced_by_channel(self) -> bool {
        matches!(self, Self::PostMessage)
    }

    /// Whether it takes the app-level token in place of the bot's.
    pub(super) const fn is_of_the_app(self) -> bool {
        matches!(self, Self::ConnectionsOpen)
    }
}
