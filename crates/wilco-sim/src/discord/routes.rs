//! The routes that the fake knows: verb, path, what may be asked and what is answered.

use serde::{Deserialize, Serialize};

use super::answers;
use super::requests;
use super::shape::Kind::{Any, Bool, Id, Int, List, Object};
use super::shape::{Field, Kind, list, may};
use crate::server::travel::percent;

/// What may travel with a request.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// JSON.
    Json(Kind),
    /// JSON, or a form of `payload_json` and files.
    Files(Kind),
}

/// What comes back when it works.
#[derive(Clone, Copy, Debug)]
pub enum Gives {
    /// 204.
    Nothing,
    /// A status and JSON.
    Json(u16, Kind),
}

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// What it does.
    pub op: Op,
    /// The HTTP verb.
    pub verb: &'static str,
    /// The path below `/api/v10`, as the published description writes it.
    pub path: &'static str,
    /// What its query may hold.
    pub query: &'static [Field],
    /// What its body may hold.
    pub takes: Takes,
    /// What it answers.
    pub gives: Gives,
    /// How many calls its bucket takes in how many milliseconds.
    pub bucket: (u64, u64),
}

macro_rules! routes {
    ($($(#[$doc:meta])* $op:ident: $verb:ident $path:literal, $query:expr, $takes:expr, $gives:expr, $limit:literal / $millis:literal;)*) => {
        /// What a call does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Op {
            $($(#[$doc])* $op,)*
        }

        /// Every route.
        pub static ROUTES: &[Route] = &[
            $(Route {
                op: Op::$op, verb: stringify!($verb), path: $path, query: $query, takes: $takes, gives: $gives,
                bucket: ($limit, $millis),
            },)*
        ];
    };
}

const NO_QUERY: &[Field] = &[];
const NOTHING: Takes = Takes::Nothing;
const DONE: Gives = Gives::Nothing;
const THREAD_ID: &[Field] = &[may("thread_id", Id)];
const EDIT_QUERY: &[Field] = &[may("thread_id", Id), may("with_components", Bool)];
const COMMANDS_QUERY: &[Field] = &[may("with_localizations", Bool)];
const MESSAGE: Gives = Gives::Json(200, Object(&answers::MESSAGE));
const COMMAND: Gives = Gives::Json(200, Object(&answers::COMMAND));
const COMMANDS: Gives = Gives::Json(200, List(&Object(&answers::COMMAND), usize::MAX));
const CHANNEL: Gives = Gives::Json(200, answers::CHANNEL);
const APPLICATION: Gives = Gives::Json(200, Object(&answers::APPLICATION));
const SET_COMMANDS: Takes = Takes::Json(requests::ALL_COMMANDS);
const CREATE_COMMAND: Takes = Takes::Json(Object(&requests::CREATE_COMMAND));
const EDIT_COMMAND: Takes = Takes::Json(Object(&requests::EDIT_COMMAND));
const EDIT_ANSWER: Takes = Takes::Files(Object(&requests::EDIT_ANSWER));

routes! {
    /// Where the gateway is.
    GetGateway: GET "/gateway", NO_QUERY, NOTHING, Gives::Json(200, Object(&answers::GATEWAY)), 10 / 10_000;
    /// Where the gateway is, and how many sessions may still be started.
    GetGatewayBot: GET "/gateway/bot", NO_QUERY, NOTHING, Gives::Json(200, Object(&answers::GATEWAY_BOT)), 10 / 10_000;
    /// The bot's user.
    GetOwnUser: GET "/users/@me", NO_QUERY, NOTHING, Gives::Json(200, Object(&answers::OWN_USER)), 10 / 10_000;
    /// The guilds that the bot is in.
    GetOwnGuilds: GET "/users/@me/guilds",
        &[may("before", Id), may("after", Id), may("limit", Int(1, 200)), may("with_counts", Bool)], NOTHING,
        Gives::Json(200, list(&Object(&answers::MY_GUILD))), 10 / 10_000;
    /// Opens the direct message with a person.
    OpenDirect: POST "/users/@me/channels", NO_QUERY, Takes::Json(Object(&requests::OPEN_DIRECT)),
        Gives::Json(200, answers::DIRECT), 10 / 10_000;
    /// A user.
    GetUser: GET "/users/{user_id}", NO_QUERY, NOTHING, Gives::Json(200, Object(&answers::USER)), 30 / 30_000;
    /// The bot's application.
    GetApplication: GET "/applications/@me", NO_QUERY, NOTHING, APPLICATION, 10 / 10_000;
    /// The bot's application, by the older road that libraries take.
    GetOauthApplication: GET "/oauth2/applications/@me", NO_QUERY, NOTHING, APPLICATION, 10 / 10_000;
    /// The application's own emojis: there are none.
    GetEmojis: GET "/applications/{application_id}/emojis", NO_QUERY, NOTHING,
        Gives::Json(200, Object(&answers::EMOJIS)), 10 / 10_000;
    /// The commands of all guilds.
    GetCommands: GET "/applications/{application_id}/commands", COMMANDS_QUERY, NOTHING, COMMANDS, 10 / 10_000;
    /// Puts a list of commands in the place of the earlier one.
    SetCommands: PUT "/applications/{application_id}/commands", NO_QUERY, SET_COMMANDS, COMMANDS, 10 / 10_000;
    /// Adds or replaces a command.
    CreateCommand: POST "/applications/{application_id}/commands", NO_QUERY, CREATE_COMMAND, COMMAND, 10 / 10_000;
    /// A command.
    GetCommand: GET "/applications/{application_id}/commands/{command_id}", NO_QUERY, NOTHING, COMMAND, 10 / 10_000;
    /// Changes a command.
    EditCommand: PATCH "/applications/{application_id}/commands/{command_id}", NO_QUERY, EDIT_COMMAND, COMMAND,
        10 / 10_000;
    /// Removes a command.
    DeleteCommand: DELETE "/applications/{application_id}/commands/{command_id}", NO_QUERY, NOTHING, DONE, 10 / 10_000;
    /// The commands of one guild.
    GetGuildCommands: GET "/applications/{application_id}/guilds/{guild_id}/commands", COMMANDS_QUERY, NOTHING,
        COMMANDS, 10 / 10_000;
    /// Puts a list of commands of one guild in the place of the earlier one.
    SetGuildCommands: PUT "/applications/{application_id}/guilds/{guild_id}/commands", NO_QUERY, SET_COMMANDS,
        COMMANDS, 10 / 10_000;
    /// Adds or replaces a command of one guild.
    CreateGuildCommand: POST "/applications/{application_id}/guilds/{guild_id}/commands", NO_QUERY, CREATE_COMMAND,
        COMMAND, 10 / 10_000;
    /// A command of one guild.
    GetGuildCommand: GET "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}", NO_QUERY, NOTHING,
        COMMAND, 10 / 10_000;
    /// Changes a command of one guild.
    EditGuildCommand: PATCH "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}", NO_QUERY,
        EDIT_COMMAND, COMMAND, 10 / 10_000;
    /// Removes a command of one guild.
    DeleteGuildCommand: DELETE "/applications/{application_id}/guilds/{guild_id}/commands/{command_id}", NO_QUERY,
        NOTHING, DONE, 10 / 10_000;
    /// A guild.
    GetGuild: GET "/guilds/{guild_id}", &[may("with_counts", Bool)], NOTHING,
        Gives::Json(200, Object(&answers::GUILD)), 10 / 10_000;
    /// The channels of a guild, without its threads.
    GetGuildChannels: GET "/guilds/{guild_id}/channels", NO_QUERY, NOTHING,
        Gives::Json(200, list(&answers::CHANNEL)), 10 / 10_000;
    /// The roles of a guild.
    GetGuildRoles: GET "/guilds/{guild_id}/roles", NO_QUERY, NOTHING,
        Gives::Json(200, list(&Object(&answers::ROLE))), 10 / 10_000;
    /// The members of a guild.
    GetMembers: GET "/guilds/{guild_id}/members", &[may("limit", Int(1, 1_000)), may("after", Id)], NOTHING,
        Gives::Json(200, list(&Object(&answers::MEMBER))), 10 / 10_000;
    /// A member of a guild.
    GetMember: GET "/guilds/{guild_id}/members/{user_id}", NO_QUERY, NOTHING,
        Gives::Json(200, Object(&answers::MEMBER)), 10 / 10_000;
    /// The threads of a guild that are not archived.
    GetActiveThreads: GET "/guilds/{guild_id}/threads/active", NO_QUERY, NOTHING,
        Gives::Json(200, Object(&answers::THREADS)), 10 / 10_000;
    /// A channel or thread.
    GetChannel: GET "/channels/{channel_id}", NO_QUERY, NOTHING, CHANNEL, 10 / 10_000;
    /// Changes a thread: its name, archived, locked.
    EditChannel: PATCH "/channels/{channel_id}", NO_QUERY, Takes::Json(Object(&requests::EDIT_THREAD)), CHANNEL,
        10 / 10_000;
    /// Deletes a thread.
    DeleteChannel: DELETE "/channels/{channel_id}", NO_QUERY, NOTHING, CHANNEL, 10 / 10_000;
    /// What was written in a channel.
    GetMessages: GET "/channels/{channel_id}/messages",
        &[may("around", Id), may("before", Id), may("after", Id), may("limit", Int(1, 100))], NOTHING,
        Gives::Json(200, list(&Object(&answers::MESSAGE))), 5 / 5_000;
    /// Writes a message.
    CreateMessage: POST "/channels/{channel_id}/messages", NO_QUERY, Takes::Files(Object(&requests::CREATE_MESSAGE)),
        MESSAGE, 5 / 5_000;
    /// A message.
    GetMessage: GET "/channels/{channel_id}/messages/{message_id}", NO_QUERY, NOTHING, MESSAGE, 5 / 5_000;
    /// Changes a message.
    EditMessage: PATCH "/channels/{channel_id}/messages/{message_id}", NO_QUERY,
        Takes::Files(Object(&requests::EDIT_MESSAGE)), MESSAGE, 5 / 5_000;
    /// Removes a message.
    DeleteMessage: DELETE "/channels/{channel_id}/messages/{message_id}", NO_QUERY, NOTHING, DONE, 5 / 1_000;
    /// Puts a reaction under a message.
    React: PUT "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me", NO_QUERY, NOTHING, DONE,
        1 / 250;
    /// Takes the own reaction away.
    Unreact: DELETE "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me", NO_QUERY, NOTHING,
        DONE, 1 / 250;
    /// "typing…" for ten seconds.
    Type: POST "/channels/{channel_id}/typing", NO_QUERY, NOTHING, DONE, 5 / 5_000;
    /// Begins a thread under a message.
    ThreadFromMessage: POST "/channels/{channel_id}/messages/{message_id}/threads", NO_QUERY,
        Takes::Json(Object(&requests::THREAD_FROM_MESSAGE)), Gives::Json(201, answers::FROM_MESSAGE), 10 / 10_000;
    /// Begins a thread.
    CreateThread: POST "/channels/{channel_id}/threads", NO_QUERY, Takes::Json(Object(&requests::THREAD)),
        Gives::Json(201, Object(&answers::NEW_THREAD)), 10 / 10_000;
    /// Takes part in a thread.
    JoinThread: PUT "/channels/{channel_id}/thread-members/@me", NO_QUERY, NOTHING, DONE, 10 / 10_000;
    /// The first answer to an interaction.
    Callback: POST "/interactions/{interaction_id}/{interaction_token}/callback", &[may("with_response", Bool)],
        Takes::Files(requests::CALLBACK), Gives::Json(200, Object(&answers::CALLBACK)), 5 / 1_000;
    /// A further message of an interaction.
    FollowUp: POST "/webhooks/{webhook_id}/{webhook_token}",
        &[may("wait", Bool), may("thread_id", Id), may("with_components", Bool)],
        Takes::Files(Object(&requests::FOLLOW_UP)), MESSAGE, 5 / 2_000;
    /// The first answer, as it stands.
    GetOriginal: GET "/webhooks/{webhook_id}/{webhook_token}/messages/@original", THREAD_ID, NOTHING, MESSAGE, 5 / 2_000;
    /// Changes the first answer.
    EditOriginal: PATCH "/webhooks/{webhook_id}/{webhook_token}/messages/@original", EDIT_QUERY, EDIT_ANSWER, MESSAGE,
        5 / 2_000;
    /// Removes the first answer.
    DeleteOriginal: DELETE "/webhooks/{webhook_id}/{webhook_token}/messages/@original", THREAD_ID, NOTHING, DONE,
        5 / 2_000;
    /// A further message, as it stands.
    GetFollowUp: GET "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", THREAD_ID, NOTHING, MESSAGE,
        5 / 2_000;
    /// Changes a further message.
    EditFollowUp: PATCH "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", EDIT_QUERY, EDIT_ANSWER,
        MESSAGE, 5 / 2_000;
    /// Removes a further message.
    DeleteFollowUp: DELETE "/webhooks/{webhook_id}/{webhook_token}/messages/{message_id}", THREAD_ID, NOTHING, DONE,
        5 / 2_000;
    /// Regions of voice servers, which a library reads: there are none.
    GetRegions: GET "/voice/regions", NO_QUERY, NOTHING, Gives::Json(200, List(&Any, 0)), 10 / 10_000;
}

/// Whether a path is known, and for which verbs.
#[derive(Debug)]
pub(super) enum Found {
    /// The route, and the parts of the path that stand for its names, in order.
    Route(&'static Route, Vec<String>),
    /// The path is known, the verb is not.
    OtherVerb,
    /// The path is not known.
    Nothing,
}

/// Looks a path up, which begins after `/api/v10`.
pub(super) fn find(verb: &str, path: &str) -> Found {
    let mut known = false;
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    // A part that is spelled out wins over one that stands for a name.
    let mut found: Option<(&'static Route, Vec<String>)> = None;
    for route in ROUTES {
        let Some(names) = fits(route.path, &parts) else { continue };
        known = true;
        if route.verb == verb && found.as_ref().is_none_or(|(_, earlier)| names.len() < earlier.len()) {
            found = Some((route, names));
        }
    }
    match found {
        Some((route, names)) => Found::Route(route, names),
        None if known => Found::OtherVerb,
        None => Found::Nothing,
    }
}

fn fits(template: &str, parts: &[&str]) -> Option<Vec<String>> {
    let template: Vec<&str> = template.trim_matches('/').split('/').collect();
    if template.len() != parts.len() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, part) in template.iter().zip(parts) {
        if wanted.starts_with('{') {
            names.push(percent(part));
        } else if *wanted != percent(part) {
            return None;
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_spelled_out_wins() {
        let op = |verb, path| match find(verb, path) {
            Found::Route(route, names) => Some((route.op, names)),
            Found::OtherVerb | Found::Nothing => None,
        };
        assert_eq!(op("GET", "/users/@me"), Some((Op::GetOwnUser, vec![])));
        assert_eq!(op("GET", "/users/%40me"), Some((Op::GetOwnUser, vec![])));
        assert_eq!(op("GET", "/users/7"), Some((Op::GetUser, vec!["7".to_owned()])));
        let names = vec!["1".to_owned(), "t".to_owned()];
        assert_eq!(op("PATCH", "/webhooks/1/t/messages/@original"), Some((Op::EditOriginal, names)));
        let names = vec!["1".to_owned(), "2".to_owned(), "👀".to_owned()];
        assert_eq!(op("PUT", "/channels/1/messages/2/reactions/%F0%9F%91%80/@me"), Some((Op::React, names)));
        assert!(matches!(find("DELETE", "/gateway"), Found::OtherVerb));
        assert!(matches!(find("GET", "/gateways"), Found::Nothing));
    }
}
