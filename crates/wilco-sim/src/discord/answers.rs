//! What the fake may answer: one table per answer, held against the same published description.

use super::shape::Kind::{Any, Bool, Id, Int, Moment, Nonce, Number, Object};
use super::shape::{Field, INT, Kind, Shape, TEXT, list, may, need};

pub(super) static USER: Shape = Shape { name: "UserResponse", fields: &user::<14>() };
pub(super) static OWN_USER: Shape = Shape { name: "UserPIIResponse", fields: &own_user() };

const fn user<const N: usize>() -> [Field; N] {
    let all = [
        need("id", Id),
        need("username", TEXT),
        need("avatar", TEXT).or_null(),
        need("discriminator", TEXT),
        need("public_flags", INT),
        need("flags", INT),
        may("bot", Bool),
        may("system", Bool),
        may("banner", TEXT).or_null(),
        may("accent_color", INT).or_null(),
        need("global_name", TEXT).or_null(),
        may("avatar_decoration_data", Any).or_null(),
        may("collectibles", Any).or_null(),
        need("primary_guild", Any).or_null(),
    ];
    let mut result = [all[0]; N];
    let mut at = 0;
    while at < N && at < all.len() {
        result[at] = all[at];
        at += 1;
    }
    result
}

const fn own_user() -> [Field; 19] {
    let mut all = user::<19>();
    all[13] = may("primary_guild", Any).or_null();
    all[14] = need("mfa_enabled", Bool);
    all[15] = need("locale", TEXT);
    all[16] = may("premium_type", INT);
    all[17] = may("email", TEXT).or_null();
    all[18] = may("verified", Bool);
    all
}

static ATTACHMENT: Shape = Shape {
    name: "MessageAttachmentResponse",
    fields: &[
        need("id", Id),
        need("filename", TEXT),
        need("size", INT),
        need("url", TEXT),
        need("proxy_url", TEXT),
        may("content_type", TEXT),
        may("description", TEXT),
        may("ephemeral", Bool),
    ],
};
static BUTTON: Shape = Shape {
    name: "ButtonComponentResponse",
    fields: &[
        need("type", Int(2, 2)),
        need("id", INT),
        may("custom_id", TEXT),
        need("style", Int(1, 6)),
        may("label", TEXT),
        may("disabled", Bool),
        may("emoji", Any),
        may("url", TEXT).or_null(),
        may("sku_id", Id),
    ],
};
static ROW: Shape = Shape {
    name: "ActionRowComponentResponse",
    fields: &[need("type", Int(1, 1)), need("id", INT), need("components", list(&Kind::ByType(&[(2, &BUTTON)])))],
};
static REACTION: Shape = Shape {
    name: "MessageReactionResponse",
    fields: &[
        need("emoji", Object(&REACTION_EMOJI)),
        need("count", INT),
        need("count_details", Object(&REACTION_COUNTS)),
        need("burst_colors", list(&TEXT)),
        need("me_burst", Bool),
        need("me", Bool),
    ],
};
static REACTION_EMOJI: Shape =
    Shape { name: "MessageReactionEmojiResponse", fields: &[need("id", Id).or_null(), need("name", TEXT).or_null()] };
static REACTION_COUNTS: Shape =
    Shape { name: "MessageReactionCountDetailsResponse", fields: &[need("burst", INT), need("normal", INT)] };
static REFERENCE: Shape = Shape {
    name: "MessageReferenceResponse",
    fields: &[need("type", INT), need("channel_id", Id), may("message_id", Id), may("guild_id", Id)],
};

const USERS: Kind = Kind::List(&Object(&USER), usize::MAX);
const IDS: Kind = Kind::List(&Id, usize::MAX);
const FILES: Kind = Kind::List(&Object(&ATTACHMENT), usize::MAX);
const EMBEDS: Kind = Kind::List(&Any, usize::MAX);
const ROWS: Kind = Kind::List(&Kind::ByType(&[(1, &ROW)]), usize::MAX);

const fn message<const N: usize>(last: [Field; 2]) -> [Field; N] {
    let all = [
        need("type", INT),
        need("content", TEXT),
        need("mentions", USERS),
        need("mention_roles", IDS),
        need("attachments", FILES),
        need("embeds", EMBEDS),
        need("timestamp", Moment),
        need("edited_timestamp", Moment).or_null(),
        need("flags", INT),
        need("components", ROWS),
        need("id", Id),
        need("channel_id", Id),
        need("author", Object(&USER)),
        need("pinned", Bool),
        need("mention_everyone", Bool),
        need("tts", Bool),
        may("nonce", Nonce),
        may("application_id", Id),
        may("webhook_id", Id),
        may("message_reference", Object(&REFERENCE)),
        may("thread", Object(&THREAD)),
        may("interaction_metadata", Any),
        may("interaction", Any),
    ];
    let mut result = [last[0]; N];
    let mut at = 0;
    while at < N {
        result[at] = if at < all.len() { all[at] } else { last[at - all.len()] };
        at += 1;
    }
    result
}
static ANSWERED_MESSAGE: Shape =
    Shape { name: "BasicMessageResponse", fields: &message::<23>([need("id", Id), need("id", Id)]) };
pub(super) static MESSAGE: Shape = Shape {
    name: "MessageResponse",
    fields: &message::<25>([
        may("reactions", list(&Object(&REACTION))),
        may("referenced_message", Object(&ANSWERED_MESSAGE)).or_null(),
    ]),
};

static OVERWRITE: Shape = Shape {
    name: "ChannelPermissionOverwriteResponse",
    fields: &[need("id", Id), need("type", Int(0, 1)), need("allow", TEXT), need("deny", TEXT)],
};
static TEXT_CHANNEL: Shape = Shape {
    name: "GuildChannelResponse",
    fields: &[
        need("id", Id),
        need("type", Int(0, 0)),
        need("flags", INT),
        need("guild_id", Id),
        need("name", TEXT),
        need("position", INT),
        may("last_message_id", Id).or_null(),
        may("last_pin_timestamp", Moment).or_null(),
        may("parent_id", Id).or_null(),
        may("rate_limit_per_user", INT),
        may("topic", TEXT).or_null(),
        may("permission_overwrites", list(&Object(&OVERWRITE))),
        may("nsfw", Bool),
    ],
};
static DIRECT_CHANNEL: Shape = Shape {
    name: "PrivateChannelResponse",
    fields: &[
        need("id", Id),
        need("type", Int(1, 1)),
        need("flags", INT),
        need("recipients", list(&Object(&USER))),
        may("last_message_id", Id).or_null(),
        may("last_pin_timestamp", Moment).or_null(),
    ],
};
static THREAD_FACTS: Shape = Shape {
    name: "ThreadMetadataResponse",
    fields: &[
        need("archived", Bool),
        need("archive_timestamp", Moment).or_null(),
        need("auto_archive_duration", INT),
        need("locked", Bool),
        may("create_timestamp", Moment),
        may("invitable", Bool),
    ],
};
static THREAD_MEMBER: Shape = Shape {
    name: "ThreadMemberResponse",
    fields: &[need("id", Id), need("user_id", Id), need("join_timestamp", Moment), need("flags", INT)],
};
static THREAD: Shape = Shape { name: "ThreadResponse", fields: THREAD_FIELDS };
pub(super) static NEW_THREAD: Shape = Shape { name: "CreatedThreadResponse", fields: THREAD_FIELDS };
const THREAD_FIELDS: &[Field] = &[
    need("id", Id),
    need("type", Int(10, 12)),
    need("flags", INT),
    need("guild_id", Id),
    need("name", TEXT),
    need("owner_id", Id),
    need("thread_metadata", Object(&THREAD_FACTS)),
    need("message_count", INT),
    need("member_count", INT),
    need("total_message_sent", INT),
    may("last_message_id", Id).or_null(),
    may("last_pin_timestamp", Moment).or_null(),
    may("parent_id", Id).or_null(),
    may("rate_limit_per_user", INT),
    may("member", Object(&THREAD_MEMBER)),
];
pub(super) static FROM_MESSAGE: Kind = Object(&THREAD);
pub(super) static CHANNEL: Kind =
    Kind::ByType(&[(0, &TEXT_CHANNEL), (1, &DIRECT_CHANNEL), (11, &THREAD), (12, &THREAD)]);
pub(super) static DIRECT: Kind = Object(&DIRECT_CHANNEL);
pub(super) static THREADS: Shape = Shape {
    name: "ThreadsResponse",
    fields: &[
        need("threads", list(&Object(&THREAD))),
        need("members", list(&Object(&THREAD_MEMBER))),
        need("has_more", Bool),
    ],
};

static COLORS: Shape = Shape {
    name: "GuildRoleColorsResponse",
    fields: &[
        need("primary_color", INT),
        need("secondary_color", INT).or_null(),
        need("tertiary_color", INT).or_null(),
    ],
};
pub(super) static ROLE: Shape = Shape {
    name: "GuildRoleResponse",
    fields: &[
        need("id", Id),
        need("name", TEXT),
        need("permissions", TEXT),
        need("position", INT),
        need("color", INT),
        need("colors", Object(&COLORS)),
        need("hoist", Bool),
        need("managed", Bool),
        need("mentionable", Bool),
        need("icon", TEXT).or_null(),
        need("unicode_emoji", TEXT).or_null(),
        need("flags", INT),
    ],
};
pub(super) static MEMBER: Shape = Shape {
    name: "GuildMemberResponse",
    fields: &[
        need("avatar", TEXT).or_null(),
        need("banner", TEXT).or_null(),
        need("communication_disabled_until", Moment).or_null(),
        need("flags", INT),
        need("joined_at", Moment),
        need("nick", TEXT).or_null(),
        need("pending", Bool),
        need("premium_since", Moment).or_null(),
        need("roles", list(&Id)),
        need("user", Object(&USER)),
        need("mute", Bool),
        need("deaf", Bool),
    ],
};
pub(super) static GUILD: Shape = Shape {
    name: "GuildWithCountsResponse",
    fields: &[
        need("id", Id),
        need("name", TEXT),
        need("icon", TEXT).or_null(),
        need("description", TEXT).or_null(),
        need("home_header", TEXT).or_null(),
        need("splash", TEXT).or_null(),
        need("discovery_splash", TEXT).or_null(),
        need("features", list(&TEXT)),
        need("banner", TEXT).or_null(),
        need("owner_id", Id),
        need("application_id", Id).or_null(),
        need("region", TEXT),
        need("afk_channel_id", Id).or_null(),
        need("afk_timeout", INT),
        need("system_channel_id", Id).or_null(),
        need("system_channel_flags", INT),
        need("widget_enabled", Bool),
        need("widget_channel_id", Id).or_null(),
        need("verification_level", INT),
        need("roles", list(&Object(&ROLE))),
        need("default_message_notifications", INT),
        need("mfa_level", INT),
        need("explicit_content_filter", INT),
        need("max_presences", INT).or_null(),
        need("max_members", INT),
        need("max_stage_video_channel_users", INT),
        need("max_video_channel_users", INT),
        need("vanity_url_code", TEXT).or_null(),
        need("premium_tier", INT),
        need("premium_subscription_count", INT),
        need("preferred_locale", TEXT),
        need("rules_channel_id", Id).or_null(),
        need("safety_alerts_channel_id", Id).or_null(),
        need("public_updates_channel_id", Id).or_null(),
        need("premium_progress_bar_enabled", Bool),
        need("nsfw", Bool),
        need("nsfw_level", INT),
        need("emojis", list(&Any)),
        need("stickers", list(&Any)),
        need("incidents_data", Any).or_null(),
        may("approximate_member_count", INT).or_null(),
        may("approximate_presence_count", INT).or_null(),
    ],
};
pub(super) static MY_GUILD: Shape = Shape {
    name: "MyGuildResponse",
    fields: &[
        need("id", Id),
        need("name", TEXT),
        need("icon", TEXT).or_null(),
        need("banner", TEXT).or_null(),
        need("owner", Bool),
        need("permissions", TEXT),
        need("features", list(&TEXT)),
    ],
};

pub(super) static APPLICATION: Shape = Shape {
    name: "PrivateApplicationResponse",
    fields: &[
        need("id", Id),
        need("name", TEXT),
        need("icon", TEXT).or_null(),
        need("description", TEXT),
        need("type", INT).or_null(),
        need("verify_key", TEXT),
        need("flags", INT),
        need("flags_new", TEXT),
        need("redirect_uris", list(&TEXT)),
        need("interactions_endpoint_url", TEXT).or_null(),
        need("role_connections_verification_url", TEXT).or_null(),
        need("owner", Object(&USER)),
        need("approximate_guild_count", INT),
        need("approximate_user_install_count", INT),
        need("approximate_user_authorization_count", INT),
        need("explicit_content_filter", INT),
        need("team", Any).or_null(),
        need("eligible_oauth2_scopes", list(&TEXT)),
        may("bot", Object(&USER)),
        may("bot_public", Bool),
        may("bot_require_code_grant", Bool),
        may("rpc_origins", list(&TEXT)),
        may("integration_types_config", Any),
    ],
};
pub(super) static GATEWAY: Shape = Shape { name: "GatewayResponse", fields: &[need("url", TEXT)] };
static STARTS: Shape = Shape {
    name: "GatewayBotSessionStartLimitResponse",
    fields: &[need("max_concurrency", INT), need("remaining", INT), need("reset_after", INT), need("total", INT)],
};
pub(super) static GATEWAY_BOT: Shape = Shape {
    name: "GatewayBotResponse",
    fields: &[need("url", TEXT), need("session_start_limit", Object(&STARTS)), need("shards", INT)],
};

pub(super) static COMMAND: Shape = Shape {
    name: "ApplicationCommandResponse",
    fields: &[
        need("id", Id),
        need("application_id", Id),
        need("version", Id),
        need("default_member_permissions", TEXT).or_null(),
        need("type", INT),
        need("name", TEXT),
        may("name_localizations", Any).or_null(),
        need("description", TEXT),
        may("description_localizations", Any).or_null(),
        may("guild_id", Id),
        may("dm_permission", Bool),
        may("contexts", list(&INT)).or_null(),
        may("integration_types", list(&INT)),
        may("options", list(&Any)),
        may("nsfw", Bool),
        may("handler", INT),
    ],
};
static INTERACTION: Shape = Shape {
    name: "InteractionResponse",
    fields: &[
        need("id", Id),
        need("type", INT),
        may("response_message_id", Id),
        may("response_message_loading", Bool),
        may("response_message_ephemeral", Bool),
        may("channel_id", Id),
        may("guild_id", Id),
    ],
};
pub(super) static CALLBACK: Shape = Shape {
    name: "InteractionCallbackResponse",
    fields: &[need("interaction", Object(&INTERACTION)), may("resource", Any)],
};
pub(super) static EMOJIS: Shape = Shape { name: "ListApplicationEmojisResponse", fields: &[need("items", list(&Any))] };
/// Every refusal.
pub(super) static ERROR: Shape = Shape {
    name: "",
    fields: &[
        need("code", INT),
        need("message", TEXT),
        may("errors", Any),
        may("retry_after", Number),
        may("global", Bool),
    ],
};
