//! Who may do what where: Discord's permission bits and the order in which they are settled
//! (Discord's reference, "Permissions").

use super::ids::Id;
use super::world::{Channel, Guild, World};

/// Add reactions.
pub const ADD_REACTIONS: u64 = 1 << 6;
/// Everything, whatever the overwrites say.
pub const ADMINISTRATOR: u64 = 1 << 3;
/// Change channels.
pub const MANAGE_CHANNELS: u64 = 1 << 4;
/// See a channel.
pub const VIEW_CHANNEL: u64 = 1 << 10;
/// Write into a channel.
pub const SEND_MESSAGES: u64 = 1 << 11;
/// Delete what others wrote.
pub const MANAGE_MESSAGES: u64 = 1 << 13;
/// Have links previewed.
pub const EMBED_LINKS: u64 = 1 << 14;
/// Upload files.
pub const ATTACH_FILES: u64 = 1 << 15;
/// Read what was written before.
pub const READ_MESSAGE_HISTORY: u64 = 1 << 16;
/// Notify everybody.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Use commands of applications.
pub const USE_APPLICATION_COMMANDS: u64 = 1 << 31;
/// Archive, lock and delete threads.
pub const MANAGE_THREADS: u64 = 1 << 34;
/// Begin public threads.
pub const CREATE_PUBLIC_THREADS: u64 = 1 << 35;
/// Begin private threads.
pub const CREATE_PRIVATE_THREADS: u64 = 1 << 36;
/// Write into threads.
pub const SEND_MESSAGES_IN_THREADS: u64 = 1 << 38;

/// What everybody has in a new guild.
pub const EVERYONE: u64 = ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | CREATE_PRIVATE_THREADS
    | SEND_MESSAGES_IN_THREADS;

const ALL: u64 = u64::MAX >> 11;

/// What a member has in the whole guild.
pub(super) fn in_guild(guild: &Guild, user: Id) -> u64 {
    if guild.owner == user {
        return ALL;
    }
    let Some(member) = guild.members.get(&user) else { return 0 };
    let of = |role: &Id| guild.roles.get(role).map_or(0, |role| role.permissions);
    let all = member.roles.iter().map(of).fold(of(&guild.id), |all, one| all | one);
    if all & ADMINISTRATOR != 0 { ALL } else { all }
}

/// What a user has in a channel: a thread goes by its parent, a direct message by who takes part in it.
pub(super) fn in_channel(world: &World, channel: &Channel, user: Id) -> u64 {
    let Some(guild) = channel.guild else {
        return if channel.recipients.contains(&user) { EVERYONE } else { 0 };
    };
    let Some(guild) = world.guilds.get(&guild) else { return 0 };
    let base = in_guild(guild, user);
    if base == ALL || !guild.members.contains_key(&user) {
        return base;
    }
    let place = if channel.thread.is_some() { channel.parent.and_then(|id| world.channels.get(&id)) } else { None };
    let settled = settle(guild, place.unwrap_or(channel), user, base);
    match &channel.thread {
        // Whoever does not take part in a private thread does not see it.
        Some(thread) if thread.private && !thread.members.contains(&user) && settled & MANAGE_THREADS == 0 => 0,
        Some(_) | None => settled,
    }
}

fn settle(guild: &Guild, channel: &Channel, user: Id, base: u64) -> u64 {
    let mut result = base;
    let mut apply = |allow: u64, deny: u64| result = (result & !deny) | allow;
    if let Some(everyone) = channel.overwrites.iter().find(|one| !one.member && one.id == guild.id) {
        apply(everyone.allow, everyone.deny);
    }
    let roles = guild.members.get(&user).map(|member| member.roles.as_slice()).unwrap_or_default();
    let of_roles = channel.overwrites.iter().filter(|one| !one.member && roles.contains(&one.id));
    let (allow, deny) = of_roles.fold((0, 0), |(allow, deny), one| (allow | one.allow, deny | one.deny));
    apply(allow, deny);
    if let Some(own) = channel.overwrites.iter().find(|one| one.member && one.id == user) {
        apply(own.allow, own.deny);
    }
    // Who does not see a channel can do nothing in it.
    if result & VIEW_CHANNEL == 0 { 0 } else { result }
}
