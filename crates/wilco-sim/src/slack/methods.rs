//! The methods that the fake knows: what may be asked, with which token, how often, and what is answered.

use serde::{Deserialize, Serialize};

use super::answers;
use super::blocks;
use super::shape::Kind::{Any, Bool, Bound, Id, Int, List, Text, Word};
use super::shape::{Field, Shape, TEXT, list, may, need};

/// A method of the Web API, or one of the addresses besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is the method of its name in the table")]
pub enum Op {
    AuthTest,
    ConnectionsOpen,
    PostMessage,
    Update,
    Delete,
    PostEphemeral,
    GetPermalink,
    History,
    Replies,
    Info,
    OpenConversation,
    List,
    Members,
    OwnConversations,
    Join,
    UserInfo,
    BotInfo,
    Groups,
    GroupUsers,
    GetUploadUrl,
    CompleteUpload,
    SetStatus,
    AddReaction,
    RemoveReaction,
    /// The bytes of a file, to the address that `files.getUploadURLExternal` gave.
    Upload,
    /// A message to a `response_url`.
    Respond,
}

/// Which token a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// `xoxb-`.
    Bot,
    /// `xapp-`, in the header alone.
    App,
}

/// How often a method may be called (Slack's reference, "Rate limits").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// So many calls in a minute, of one workspace.
    Minute(usize),
    /// One call in a second and channel, and so many in a minute of one workspace.
    Channel(usize),
}

/// One method.
#[derive(Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it is here.
    pub op: Op,
    /// The token.
    pub token: Token,
    /// Whether it only reads: then it takes no JSON, and GET as well as POST.
    pub reads: bool,
    /// Whether it takes JSON.
    pub json: bool,
    /// Its arguments, without the token.
    pub args: &'static [Field],
    /// What it answers.
    pub gives: &'static Shape,
    /// How often.
    pub tier: Tier,
    /// Scopes of which one is needed; none needed when empty.
    pub scopes: &'static [&'static str],
}

const CHANNEL: Field = need("channel", Id("CDGUW"));
const TS: super::shape::Kind = super::shape::Kind::Ts;
const PARSE: Field = may("parse", Word(&["none", "full", "client"]));

const CONTENT: [Field; 6] = [
    may("text", TEXT),
    may("blocks", list(&blocks::BLOCK)),
    may("attachments", list(&Any)),
    may("markdown_text", TEXT),
    may("link_names", Bool),
    PARSE,
];

const fn post(
    name: &'static str,
    op: Op,
    args: &'static [Field],
    gives: &'static Shape,
    tier: Tier,
    scopes: &'static [&'static str],
) -> Method {
    Method { name, op, token: Token::Bot, reads: false, json: true, args, gives, tier, scopes }
}

const fn get(
    name: &'static str,
    op: Op,
    args: &'static [Field],
    gives: &'static Shape,
    tier: Tier,
    scopes: &'static [&'static str],
) -> Method {
    Method { name, op, token: Token::Bot, reads: true, json: false, args, gives, tier, scopes }
}

const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];
const READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];
const CHAT: &[&str] = &["chat:write"];
const T2: Tier = Tier::Minute(20);
const T3: Tier = Tier::Minute(50);
const T4: Tier = Tier::Minute(100);

/// All of them.
pub static METHODS: &[Method] = &[
    post("auth.test", Op::AuthTest, &[], &answers::AUTH, Tier::Minute(600), &[]),
    Method {
        token: Token::App,
        ..post("apps.connections.open", Op::ConnectionsOpen, &[], &answers::CONNECTION, T3, &[])
    },
    post(
        "chat.postMessage",
        Op::PostMessage,
        &[
            CHANNEL,
            CONTENT[0],
            CONTENT[1],
            CONTENT[2],
            CONTENT[3],
            CONTENT[4],
            CONTENT[5],
            may("thread_ts", TS),
            may("reply_broadcast", Bool),
            may("mrkdwn", Bool),
            may("unfurl_links", Bool),
            may("unfurl_media", Bool),
            may("metadata", blocks::METADATA),
            may("icon_emoji", TEXT),
            may("icon_url", TEXT),
            may("username", TEXT),
            may("as_user", Bool),
        ],
        &answers::POSTED,
        Tier::Channel(300),
        CHAT,
    ),
    post(
        "chat.update",
        Op::Update,
        &[
            CHANNEL,
            need("ts", TS),
            CONTENT[0],
            CONTENT[1],
            CONTENT[2],
            CONTENT[3],
            CONTENT[4],
            CONTENT[5],
            may("metadata", blocks::METADATA),
            may("file_ids", List(&Id("F"), 100)),
            may("reply_broadcast", Bool),
            may("as_user", Bool),
        ],
        &answers::UPDATED,
        T3,
        CHAT,
    ),
    post("chat.delete", Op::Delete, &[CHANNEL, need("ts", TS), may("as_user", Bool)], &answers::DELETED, T3, CHAT),
    post(
        "chat.postEphemeral",
        Op::PostEphemeral,
        &[
            CHANNEL,
            need("user", Id("UW")),
            CONTENT[0],
            CONTENT[1],
            CONTENT[2],
            CONTENT[3],
            CONTENT[4],
            CONTENT[5],
            may("thread_ts", TS),
            may("icon_emoji", TEXT),
            may("icon_url", TEXT),
            may("username", TEXT),
            may("as_user", Bool),
        ],
        &answers::WHISPERED,
        T4,
        CHAT,
    ),
    get(
        "chat.getPermalink",
        Op::GetPermalink,
        &[CHANNEL, need("message_ts", TS)],
        &answers::PERMALINK,
        Tier::Minute(300),
        &[],
    ),
    get(
        "conversations.history",
        Op::History,
        &[
            CHANNEL,
            may("latest", Bound),
            may("oldest", Bound),
            may("inclusive", Bool),
            may("limit", blocks::LIMIT),
            may("cursor", TEXT),
            may("include_all_metadata", Bool),
        ],
        &answers::HISTORY,
        T3,
        HISTORY,
    ),
    get(
        "conversations.replies",
        Op::Replies,
        &[
            CHANNEL,
            need("ts", TS),
            may("latest", Bound),
            may("oldest", Bound),
            may("inclusive", Bool),
            may("limit", Int(1, 1_000)),
            may("cursor", TEXT),
            may("include_all_metadata", Bool),
        ],
        &answers::REPLIES,
        T3,
        HISTORY,
    ),
    get(
        "conversations.info",
        Op::Info,
        &[CHANNEL, may("include_locale", Bool), may("include_num_members", Bool)],
        &answers::INFO,
        T3,
        READ,
    ),
    post(
        "conversations.open",
        Op::OpenConversation,
        &[
            may("channel", Id("DG")),
            may("users", List(&Id("UW"), 8)),
            may("return_im", Bool),
            may("prevent_creation", Bool),
        ],
        &answers::OPENED,
        T3,
        &["im:write", "mpim:write"],
    ),
    get(
        "conversations.list",
        Op::List,
        &[
            may("exclude_archived", Bool),
            may("types", TEXT),
            may("limit", Int(1, 1_000)),
            may("cursor", TEXT),
            may("team_id", Id("T")),
        ],
        &answers::LIST,
        T2,
        READ,
    ),
    get(
        "conversations.members",
        Op::Members,
        &[CHANNEL, may("limit", Int(1, 1_000)), may("cursor", TEXT)],
        &answers::MEMBERS,
        T4,
        READ,
    ),
    get(
        "users.conversations",
        Op::OwnConversations,
        &[
            may("user", Id("UW")),
            may("exclude_archived", Bool),
            may("types", TEXT),
            may("limit", Int(1, 1_000)),
            may("cursor", TEXT),
            may("team_id", Id("T")),
        ],
        &answers::LIST,
        T3,
        READ,
    ),
    post("conversations.join", Op::Join, &[CHANNEL], &answers::JOINED, T3, &["channels:join"]),
    get(
        "users.info",
        Op::UserInfo,
        &[need("user", Id("UW")), may("include_locale", Bool)],
        &answers::USER,
        T4,
        &["users:read"],
    ),
    get(
        "bots.info",
        Op::BotInfo,
        &[may("bot", Id("B")), may("team_id", Id("T"))],
        &answers::BOT_INFO,
        T3,
        &["users:read"],
    ),
    get(
        "usergroups.list",
        Op::Groups,
        &[
            may("include_users", Bool),
            may("include_count", Bool),
            may("include_disabled", Bool),
            may("team_id", Id("T")),
        ],
        &answers::GROUPS,
        T2,
        &["usergroups:read"],
    ),
    get(
        "usergroups.users.list",
        Op::GroupUsers,
        &[need("usergroup", Id("S")), may("include_disabled", Bool), may("team_id", Id("T"))],
        &answers::GROUP_USERS,
        T2,
        &["usergroups:read"],
    ),
    get(
        "files.getUploadURLExternal",
        Op::GetUploadUrl,
        &[
            need("filename", Text(255)),
            need("length", Int(1, 1 << 30)),
            may("alt_txt", Text(1_000)),
            may("snippet_type", TEXT),
        ],
        &answers::UPLOAD_URL,
        T4,
        &["files:write"],
    ),
    post(
        "files.completeUploadExternal",
        Op::CompleteUpload,
        &[
            need("files", list(&super::shape::Kind::Object(&answers::TO_COMPLETE))),
            may("channel_id", Id("CDG")),
            may("channels", TEXT),
            may("initial_comment", TEXT),
            may("thread_ts", TS),
            may("blocks", list(&blocks::BLOCK)),
        ],
        &answers::COMPLETED,
        T4,
        &["files:write"],
    ),
    post(
        "assistant.threads.setStatus",
        Op::SetStatus,
        &[
            need("channel_id", Id("CDG")),
            need("thread_ts", TS),
            need("status", TEXT),
            may("loading_messages", List(&TEXT, 10)),
        ],
        &answers::OK,
        Tier::Minute(600),
        &["assistant:write", "chat:write"],
    ),
    post(
        "reactions.add",
        Op::AddReaction,
        &[CHANNEL, need("name", Text(100)), need("timestamp", TS)],
        &answers::OK,
        T3,
        &["reactions:write"],
    ),
    post(
        "reactions.remove",
        Op::RemoveReaction,
        &[CHANNEL, need("name", Text(100)), need("timestamp", TS)],
        &answers::OK,
        T2,
        &["reactions:write"],
    ),
];

/// The method of a name.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ops_are_unique() {
        for (at, method) in METHODS.iter().enumerate() {
            let twice = METHODS[at + 1..].iter().find(|other| other.name == method.name || other.op == method.op);
            assert!(twice.is_none(), "{}", method.name);
            assert!(find(method.name).is_some_and(|found| found.op == method.op));
        }
    }
}
