//! Messages, channels and people as they travel.

use serde_json::{Value, json};

use crate::slack::ids::Ts;
use crate::slack::markup;
use crate::slack::world::{Channel, File, Group, Kind, Message, Team, User, Version, World};

/// A message as history and events tell it.
pub(in crate::slack) fn message(world: &World, base: &str, message: &Message, metadata: bool) -> Value {
    if message.stands() {
        return version(world, base, message, message.shown(), metadata);
    }
    json!({
        "type": "message", "subtype": "tombstone", "ts": message.ts, "text": "This message was deleted.",
        "user": "USLACKBOT", "hidden": true, "thread_ts": message.ts,
        "reply_count": world.replies(&message.channel, message.ts).count(),
    })
}

/// A message as it was with one of its versions.
pub(in crate::slack) fn version(
    world: &World,
    base: &str,
    message: &Message,
    shown: &Version,
    metadata: bool,
) -> Value {
    let mut object = json!({"type": "message", "ts": message.ts, "text": shown.text});
    author(world, message, &mut object);
    if let Some(id) = &message.client_msg_id {
        object["client_msg_id"] = json!(id);
        // A person's client sends the words as a block, too.
        object["blocks"] = json!([markup::rich(&shown.text)]);
    }
    if !shown.blocks.is_empty() {
        object["blocks"] = json!(shown.blocks);
    }
    if !shown.files.is_empty() {
        let files = shown.files.iter().filter_map(|id| world.files.get(id));
        object["files"] = files.map(|one| file(base, one, &message.author)).collect();
        if message.client_msg_id.is_some() {
            object["subtype"] = json!("file_share");
            object["upload"] = json!(false);
        }
    }
    if metadata && let Some(kept) = &shown.metadata {
        object["metadata"] = kept.clone();
    }
    if shown.marked {
        object["edited"] = json!({"user": message.author, "ts": Ts(u64::try_from(shown.at.0).unwrap_or(0) * 1_000)});
    }
    if let Some(root) = message.thread {
        object["thread_ts"] = json!(root);
        if message.broadcast {
            object["subtype"] = json!("thread_broadcast");
        }
        if root != message.ts
            && let Some(parent) = world.messages.get(&root)
        {
            object["parent_user_id"] = json!(parent.author);
        }
    }
    let replies: Vec<&Message> = world.replies(&message.channel, message.ts).collect();
    if let Some(last) = replies.last() {
        let mut users: Vec<&str> = replies.iter().map(|one| one.author.as_str()).collect();
        users.sort_unstable();
        users.dedup();
        object["thread_ts"] = json!(message.ts);
        object["reply_count"] = json!(replies.len());
        object["reply_users_count"] = json!(users.len());
        object["reply_users"] = json!(users);
        object["latest_reply"] = json!(last.ts);
    }
    if !message.reactions.is_empty() {
        let all = message.reactions.iter();
        object["reactions"] =
            all.map(|(name, users)| json!({"name": name, "users": users, "count": users.len()})).collect();
    }
    object
}

/// Who wrote a message: a person, a bot of one of the apps, or an integration, which has no user.
fn author(world: &World, message: &Message, object: &mut Value) {
    if let Some(name) = &message.integration {
        object["subtype"] = json!("bot_message");
        object["bot_id"] = json!(message.author);
        object["username"] = json!(name);
        return;
    }
    object["user"] = json!(message.author);
    if let Some(user) = world.users.get(&message.author) {
        object["team"] = json!(user.team);
        // Where workspaces share a channel, a message says from which one it came.
        if world.channels.get(&message.channel).is_some_and(|channel| !channel.shared.is_empty()) {
            object["user_team"] = json!(user.team);
            object["source_team"] = json!(user.team);
        }
    }
    if let Some(team) = world.team_of_bot(&message.author) {
        object["bot_id"] = json!(team.bot);
        object["app_id"] = json!(team.app);
        object["bot_profile"] = json!({
            "id": team.bot, "app_id": team.app, "team_id": team.id, "name": world.name(&message.author),
            "deleted": false, "updated": 0,
        });
    }
}

/// A file.
pub(super) fn file(base: &str, file: &File, by: &str) -> Value {
    let size = file.bytes.as_ref().map_or(0, |bytes| bytes.len());
    let seconds = file.created.0 / 1_000;
    let address = format!("{base}/files-pri/{}/{}", file.id, file.name.replace(' ', "_"));
    json!({
        "id": file.id, "name": file.name, "title": file.title, "size": size, "created": seconds, "timestamp": seconds,
        "mode": "hosted", "user": by, "url_private": address, "url_private_download": address,
        "filetype": file.name.rsplit('.').next().unwrap_or("text"),
    })
}

/// A conversation as one workspace's bot sees it.
pub(super) fn channel(world: &World, team: &Team, channel: &Channel) -> Value {
    let kind = channel.kind;
    let mut object = json!({
        "id": channel.id, "created": channel.created.0 / 1_000, "is_archived": channel.archived,
        "is_channel": kind == Kind::Public, "is_group": kind == Kind::Private, "is_im": kind == Kind::Direct,
        "is_mpim": kind == Kind::Group, "is_private": kind != Kind::Public, "is_org_shared": false,
        "context_team_id": team.id,
    });
    if kind == Kind::Direct {
        let person = channel.members.iter().find(|id| world.team_of_bot(id).is_none());
        object["user"] = json!(person);
        object["is_open"] = json!(true);
        return object;
    }
    object["name"] = json!(channel.name);
    object["name_normalized"] = json!(channel.name);
    object["is_general"] = json!(channel.name == "general");
    object["is_member"] = json!(channel.members.contains(&team.bot_user));
    object["is_shared"] = json!(!channel.shared.is_empty());
    object["is_ext_shared"] = json!(!channel.shared.is_empty());
    object
}

/// A person, and whether there is no channel in which the app could meet them.
pub(in crate::slack) fn user(user: &User, stranger: bool) -> Value {
    let mut object = json!({
        "id": user.id, "team_id": user.team, "name": user.name, "deleted": user.deleted, "real_name": user.name,
        "tz": user.zone, "profile": {"real_name": user.name, "display_name": user.name, "team": user.team},
        "is_bot": user.bot, "is_app_user": false, "updated": 0, "is_admin": user.admin || user.owner,
        "is_owner": user.owner, "is_primary_owner": user.owner, "is_restricted": user.guest,
        "is_ultra_restricted": false,
    });
    // The field is there only where it holds (Slack, "User type").
    if stranger {
        object["is_stranger"] = json!(true);
    }
    object
}

/// A group of users.
pub(super) fn group(group: &Group, users: bool) -> Value {
    let mut object = json!({
        "id": group.id, "team_id": group.team, "handle": group.handle, "name": group.handle, "description": "",
        "is_usergroup": true, "is_subteam": true, "is_external": false, "date_create": 0, "date_update": 0,
        "date_delete": 0, "user_count": group.users.len(),
    });
    if users {
        object["users"] = json!(group.users);
    }
    object
}
