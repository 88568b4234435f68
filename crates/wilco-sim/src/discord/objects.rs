//! The JSON of what there is, with every field that Discord's description requires and that libraries read.

use serde_json::{Value, json};
use wilco_core::Timestamp;

use super::ids::{Id, text, texts};
use super::permissions;
use super::world::{Attachment, Channel, Guild, Member, Message, Role, User, World};

/// A moment as Discord writes it.
pub(super) fn moment(at: Timestamp) -> Value {
    Value::String(at.rfc3339().replace('Z', "000+00:00"))
}

pub(super) fn user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(), "username": user.name, "avatar": null, "discriminator": if user.bot { "0420" } else { "0" },
        "public_flags": 0, "flags": 0, "bot": user.bot, "banner": null, "accent_color": null,
        "global_name": if user.bot { Value::Null } else { json!(user.name) }, "avatar_decoration_data": null,
        "primary_guild": null,
    })
}

pub(super) fn user_of(world: &World, id: Id) -> Value {
    world.users.get(&id).map_or(Value::Null, user)
}

/// A member without its user, as messages and interactions carry it.
pub(super) fn bare_member(member: &Member) -> Value {
    json!({
        "avatar": null, "banner": null, "communication_disabled_until": null, "flags": 0,
        "joined_at": moment(member.joined), "nick": null, "pending": false, "premium_since": null,
        "roles": texts(member.roles.iter().copied()), "mute": false, "deaf": false,
    })
}

pub(super) fn member(world: &World, member: &Member) -> Value {
    let mut result = bare_member(member);
    result["user"] = user_of(world, member.user);
    result
}

pub(super) fn role(guild: &Guild, role: &Role) -> Value {
    let position = guild.roles.keys().position(|id| *id == role.id).unwrap_or(0);
    json!({
        "id": role.id.to_string(), "name": role.name, "permissions": role.permissions.to_string(),
        "position": if role.id == guild.id { 0 } else { position.max(1) }, "color": 0,
        "colors": {"primary_color": 0, "secondary_color": null, "tertiary_color": null},
        "hoist": false, "managed": false, "mentionable": false, "icon": null, "unicode_emoji": null, "flags": 0,
    })
}

/// A guild as REST gives it.
pub(super) fn guild(one: &Guild) -> Value {
    let mut result = json!({
        "id": one.id.to_string(), "name": one.name, "features": [], "owner_id": one.owner.to_string(),
        "region": "deprecated", "afk_timeout": 300, "system_channel_flags": 0, "widget_enabled": false,
        "verification_level": 0, "roles": one.roles.values().map(|each| role(one, each)).collect::<Vec<_>>(),
        "default_message_notifications": 0, "mfa_level": 0, "explicit_content_filter": 0,
        "max_members": 500_000, "max_stage_video_channel_users": 50, "max_video_channel_users": 25,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
        "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [],
        "approximate_member_count": one.members.len(), "approximate_presence_count": 1,
    });
    for nothing in [
        "icon",
        "description",
        "home_header",
        "splash",
        "discovery_splash",
        "banner",
        "application_id",
        "afk_channel_id",
        "system_channel_id",
        "widget_channel_id",
        "max_presences",
        "vanity_url_code",
        "rules_channel_id",
        "safety_alerts_channel_id",
        "public_updates_channel_id",
        "incidents_data",
    ] {
        result[nothing] = Value::Null;
    }
    result
}

/// A guild as the gateway gives it when the bot comes in, with what REST leaves out.
pub(super) fn whole_guild(world: &World, one: &Guild) -> Value {
    let mut result = guild(one);
    let here = |channel: &&Channel| channel.guild == Some(one.id);
    let sees = |channel: &&Channel| permissions::in_channel(world, channel, world.bot) & permissions::VIEW_CHANNEL != 0;
    let channels = world.channels.values().filter(here).filter(|channel| channel.thread.is_none());
    let threads = world.channels.values().filter(here).filter(sees);
    let open = threads.filter(|channel| channel.thread.as_ref().is_some_and(|thread| !thread.archived));
    let joined = one.members.get(&world.bot).map_or(Timestamp(0), |member| member.joined);
    result["channels"] = channels.map(|each| channel(world, each)).collect();
    result["threads"] = open.map(|each| channel(world, each)).collect();
    result["members"] = one.members.values().map(|each| member(world, each)).collect();
    result["member_count"] = json!(one.members.len());
    result["joined_at"] = moment(joined);
    result["large"] = json!(false);
    result["unavailable"] = json!(false);
    for empty in ["presences", "voice_states", "stage_instances", "guild_scheduled_events", "soundboard_sounds"] {
        result[empty] = json!([]);
    }
    result
}

pub(super) fn channel(world: &World, one: &Channel) -> Value {
    let last = one.last_message.map_or(Value::Null, text);
    let mut result = json!({"id": one.id.to_string(), "type": one.kind(), "flags": 0, "last_message_id": last});
    let Some(guild) = one.guild else {
        let others = one.recipients.iter().filter(|id| **id != world.bot);
        result["recipients"] = others.map(|id| user_of(world, *id)).collect();
        return result;
    };
    result["guild_id"] = text(guild);
    result["name"] = json!(one.name);
    result["parent_id"] = one.parent.map_or(Value::Null, text);
    result["rate_limit_per_user"] = json!(one.slow_mode);
    result["last_pin_timestamp"] = Value::Null;
    match &one.thread {
        Some(thread) => {
            let messages = world.standing(one.id).count();
            result["owner_id"] = text(thread.owner);
            result["thread_metadata"] = json!({
                "archived": thread.archived, "archive_timestamp": moment(thread.changed),
                "auto_archive_duration": thread.minutes, "locked": thread.locked,
                "create_timestamp": moment(thread.changed),
            });
            if thread.private {
                result["thread_metadata"]["invitable"] = json!(true);
            }
            result["message_count"] = json!(messages.min(50));
            result["member_count"] = json!(thread.members.len().min(50));
            result["total_message_sent"] = json!(messages);
            if thread.members.contains(&world.bot) {
                result["member"] = thread_member(one, world.bot);
            }
        }
        None => {
            result["position"] = json!(world.channels.keys().position(|id| *id == one.id).unwrap_or(0));
            result["topic"] = Value::Null;
            result["nsfw"] = json!(false);
            result["permission_overwrites"] = one
                .overwrites
                .iter()
                .map(|each| {
                    json!({
                        "id": each.id.to_string(), "type": u8::from(each.member),
                        "allow": each.allow.to_string(), "deny": each.deny.to_string(),
                    })
                })
                .collect();
        }
    }
    result
}

pub(super) fn thread_member(thread: &Channel, user: Id) -> Value {
    let joined = thread.thread.as_ref().map_or(Timestamp(0), |thread| thread.changed);
    json!({
        "id": thread.id.to_string(), "user_id": user.to_string(), "join_timestamp": moment(joined), "flags": 0,
    })
}

fn attachment(base: &str, message: &Message, one: &Attachment) -> Value {
    let url = format!("{base}/attachments/{}/{}/{}", message.channel, one.id, one.name);
    let mut result = json!({
        "id": one.id.to_string(), "filename": one.name, "size": one.bytes.len(), "url": url, "proxy_url": url,
        "content_type": one.media,
    });
    if let Some(description) = &one.description {
        result["description"] = json!(description);
    }
    if message.only_for.is_some() {
        result["ephemeral"] = json!(true);
    }
    result
}

/// Numbers every component as Discord does when the sender gave no numbers.
fn numbered(rows: &[Value]) -> Value {
    let mut next = 0;
    let mut rows = rows.to_vec();
    for row in &mut rows {
        next += 1;
        let number = |one: &mut Value, next: u64| {
            if one["id"].is_null() {
                one["id"] = json!(next);
            }
        };
        number(row, next);
        for one in row["components"].as_array_mut().into_iter().flatten() {
            next += 1;
            number(one, next);
        }
    }
    Value::Array(rows)
}

/// A message as the bot gets it. `base` is where the fake is served, for the addresses of files.
pub(super) fn message(world: &World, base: &str, one: &Message) -> Value {
    let mut result = plain_message(world, base, one);
    if let Some(reference) = one.reference {
        let guild = world.channels.get(&one.channel).and_then(|channel| channel.guild);
        let mut pointer =
            json!({"type": 0, "channel_id": one.channel.to_string(), "message_id": reference.to_string()});
        if let Some(guild) = guild {
            pointer["guild_id"] = text(guild);
        }
        result["message_reference"] = pointer;
        let answered = world.messages.get(&reference).filter(|message| message.stands());
        result["referenced_message"] = answered.map_or(Value::Null, |answered| plain_message(world, base, answered));
    }
    result
}

fn plain_message(world: &World, base: &str, one: &Message) -> Value {
    let shown = one.shown();
    let created = one.versions[0].at;
    // What a deferral shows is no content, and its first content is no edit.
    let mut edits = one.versions.iter().skip(1).filter(|_| one.interaction.is_none() || one.versions.len() > 2);
    let edited = edits.next_back().map_or(Value::Null, |version| moment(version.at));
    let flags = shown.flags | if one.loading { 1 << 7 } else { 0 } | if one.only_for.is_some() { 1 << 6 } else { 0 };
    let mut result = json!({
        "type": one.kind, "content": shown.content, "id": one.id.to_string(), "channel_id": one.channel.to_string(),
        "mentions": shown.mentions.iter().map(|id| user_of(world, *id)).collect::<Vec<_>>(), "mention_roles": [],
        "attachments": shown.attachments.iter().map(|each| attachment(base, one, each)).collect::<Vec<_>>(),
        "embeds": shown.embeds, "timestamp": moment(created), "edited_timestamp": edited, "flags": flags,
        "components": numbered(&shown.components), "author": user_of(world, one.author), "pinned": false,
        "mention_everyone": shown.everyone, "tts": false,
    });
    if let Some(nonce) = &one.nonce {
        result["nonce"] = nonce.clone();
    }
    if one.interaction.is_some() {
        result["application_id"] = text(world.bot);
        result["webhook_id"] = text(world.bot);
    } else if world.users.get(&one.author).is_some_and(|author| author.bot) {
        result["application_id"] = text(world.bot);
    }
    let reactions: Vec<Value> = one.reactions.iter().map(|(emoji, by)| reaction(world, emoji, by)).collect();
    if !reactions.is_empty() {
        result["reactions"] = Value::Array(reactions);
    }
    if let Some(thread) = world.channels.get(&one.id) {
        result["thread"] = channel(world, thread);
    }
    result
}

fn reaction(world: &World, emoji: &str, by: &std::collections::BTreeSet<Id>) -> Value {
    json!({
        "emoji": self::emoji(emoji), "count": by.len(), "count_details": {"burst": 0, "normal": by.len()},
        "burst_colors": [], "me_burst": false, "me": by.contains(&world.bot),
    })
}

pub(super) fn emoji(name: &str) -> Value {
    json!({"id": null, "name": name})
}

/// The application as it sees itself.
pub(super) fn application(world: &World, name: &str, flags: u64, owner: Id) -> Value {
    json!({
        "id": world.bot.to_string(), "name": name, "icon": null, "description": "", "type": null,
        "verify_key": "0".repeat(64), "flags": flags, "flags_new": flags.to_string(), "redirect_uris": [],
        "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "owner": user_of(world, owner), "approximate_guild_count": world.guilds.len(),
        "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0, "team": null, "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "bot": user_of(world, world.bot), "bot_public": false, "bot_require_code_grant": false,
        "rpc_origins": [], "integration_types_config": {"0": {}},
    })
}
