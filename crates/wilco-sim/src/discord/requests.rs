//! What the bot may send: one table per body, with the measures of Discord's reference.

use super::shape::Kind::{Any, Bits, Bool, ByType, Id, Int, List, Nonce, Number, Object, Text};
use super::shape::{Field, INT, Shape, TEXT, list, may, need};

/// The longest text of a message, in characters. The description allows 4,000, which only subscribers have.
pub(super) const CONTENT: usize = 2_000;
/// The most commands of one scope and kind.
pub(super) const COMMANDS: usize = 100;

static BUTTON: Shape = Shape {
    name: "ButtonComponentForMessageRequest",
    fields: &[
        need("type", Int(2, 2)),
        may("id", INT).or_null(),
        may("custom_id", Text(1, 100)).or_null(),
        need("style", Int(1, 6)),
        may("label", Text(0, 80)).or_null(),
        may("disabled", Bool).or_null(),
        may("url", Text(0, 512)).or_null(),
        may("sku_id", Id).or_null(),
        may("emoji", Any).or_null(),
    ],
};
static ROW: Shape = Shape {
    name: "ActionRowComponentForMessageRequest",
    fields: &[need("type", Int(1, 1)), may("id", INT).or_null(), need("components", List(&ByType(&[(2, &BUTTON)]), 5))],
};
const ROWS: super::shape::Kind = List(&ByType(&[(1, &ROW)]), 5);

static ATTACHMENT: Shape = Shape {
    name: "MessageAttachmentRequest",
    fields: &[
        need("id", Id),
        may("filename", Text(1, 1_024)).or_null(),
        may("description", Text(0, 1_024)).or_null(),
        may("duration_secs", Number).or_null(),
        may("waveform", TEXT).or_null(),
        may("title", Text(0, 1_024)).or_null(),
        may("is_spoiler", Bool).or_null(),
        may("is_remix", Bool).or_null(),
    ],
};
const FILES: super::shape::Kind = List(&Object(&ATTACHMENT), 10);

static ALLOWED_MENTIONS: Shape = Shape {
    name: "MessageAllowedMentionsRequest",
    fields: &[
        may("parse", list(&TEXT)).or_null(),
        may("users", List(&Id, 100)).or_null(),
        may("roles", List(&Id, 100)).or_null(),
        may("replied_user", Bool).or_null(),
    ],
};
static REFERENCE: Shape = Shape {
    name: "MessageReferenceRequest",
    fields: &[
        may("guild_id", Id).or_null(),
        may("channel_id", Id).or_null(),
        need("message_id", Id),
        may("fail_if_not_exists", Bool).or_null(),
        may("type", Int(0, 1)).or_null(),
    ],
};
const EMBEDS: super::shape::Kind = List(&Any, 10);

pub(super) static CREATE_MESSAGE: Shape = Shape {
    name: "MessageCreateRequest",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("sticker_ids", List(&Id, 3)).or_null(),
        may("components", ROWS).or_null(),
        may("flags", INT).or_null(),
        may("attachments", FILES).or_null(),
        may("poll", Any).or_null(),
        may("shared_client_theme", Any).or_null(),
        may("message_reference", Object(&REFERENCE)).or_null(),
        may("nonce", Nonce).or_null(),
        may("enforce_nonce", Bool).or_null(),
        may("tts", Bool).or_null(),
    ],
};
pub(super) static EDIT_MESSAGE: Shape = Shape {
    name: "MessageEditRequestPartial",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("flags", INT).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("sticker_ids", list(&Id)).or_null(),
        may("components", ROWS).or_null(),
        may("attachments", FILES).or_null(),
    ],
};
static CALLBACK_DATA: Shape = Shape {
    name: "IncomingWebhookInteractionRequest",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("components", ROWS).or_null(),
        may("attachments", FILES).or_null(),
        may("poll", Any).or_null(),
        may("tts", Bool).or_null(),
        may("flags", INT).or_null(),
    ],
};
pub(super) static FOLLOW_UP: Shape = Shape {
    name: "IncomingWebhookRequestPartial",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("components", ROWS).or_null(),
        may("attachments", FILES).or_null(),
        may("poll", Any).or_null(),
        may("tts", Bool).or_null(),
        may("flags", INT).or_null(),
        may("username", Text(1, 80)).or_null(),
        may("avatar_url", TEXT).or_null(),
        may("thread_name", Text(0, 100)).or_null(),
        may("applied_tags", List(&Id, 5)).or_null(),
    ],
};
pub(super) static EDIT_ANSWER: Shape = Shape {
    name: "IncomingWebhookUpdateRequestPartial",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("components", ROWS).or_null(),
        may("attachments", FILES).or_null(),
        may("poll", Any).or_null(),
        may("flags", INT).or_null(),
    ],
};

static CALLBACK_MESSAGE: Shape = Shape {
    name: "CreateMessageInteractionCallbackRequest",
    fields: &[need("type", Int(4, 5)), may("data", Object(&CALLBACK_DATA)).or_null()],
};
static UPDATE_DATA: Shape = Shape {
    name: "IncomingWebhookUpdateForInteractionCallbackRequestPartial",
    fields: &[
        may("content", Text(0, CONTENT)).or_null(),
        may("embeds", EMBEDS).or_null(),
        may("allowed_mentions", Object(&ALLOWED_MENTIONS)).or_null(),
        may("components", ROWS).or_null(),
        may("attachments", FILES).or_null(),
        may("flags", INT).or_null(),
    ],
};
static CALLBACK_UPDATE: Shape = Shape {
    name: "UpdateMessageInteractionCallbackRequest",
    fields: &[need("type", Int(6, 7)), may("data", Object(&UPDATE_DATA)).or_null()],
};
static CALLBACK_CHOICES: Shape = Shape {
    name: "ApplicationCommandAutocompleteCallbackRequest",
    fields: &[need("type", Int(8, 8)), need("data", Any)],
};
pub(super) const CALLBACK: super::shape::Kind = ByType(&[
    (4, &CALLBACK_MESSAGE),
    (5, &CALLBACK_MESSAGE),
    (6, &CALLBACK_UPDATE),
    (7, &CALLBACK_UPDATE),
    (8, &CALLBACK_CHOICES),
]);

const LOCALIZED: super::shape::Kind = Any;

const fn option(number: i64) -> [Field; 6] {
    [
        need("type", Int(number, number)),
        need("name", Text(1, 32)),
        may("name_localizations", LOCALIZED).or_null(),
        need("description", Text(1, 100)),
        may("description_localizations", LOCALIZED).or_null(),
        may("required", Bool).or_null(),
    ]
}
const fn with<const N: usize, const M: usize>(head: [Field; 6], rest: [Field; M]) -> [Field; N] {
    let mut all = [head[0]; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < 6 { head[at] } else { rest[at - 6] };
        at += 1;
    }
    all
}

static STRING_CHOICE: Shape = Shape {
    name: "ApplicationCommandOptionStringChoice",
    fields: &[
        need("name", Text(1, 100)),
        may("name_localizations", LOCALIZED).or_null(),
        need("value", Text(0, 6_000)),
    ],
};
static INTEGER_CHOICE: Shape = Shape {
    name: "ApplicationCommandOptionIntegerChoice",
    fields: &[need("name", Text(1, 100)), may("name_localizations", LOCALIZED).or_null(), need("value", INT)],
};
static STRING_OPTION: Shape = Shape {
    name: "ApplicationCommandStringOption",
    fields: &with::<10, 4>(
        option(3),
        [
            may("autocomplete", Bool).or_null(),
            may("min_length", Int(0, 6_000)).or_null(),
            may("max_length", Int(1, 6_000)).or_null(),
            may("choices", List(&Object(&STRING_CHOICE), 25)).or_null(),
        ],
    ),
};
static INTEGER_OPTION: Shape = Shape {
    name: "ApplicationCommandIntegerOption",
    fields: &with::<10, 4>(
        option(4),
        [
            may("autocomplete", Bool).or_null(),
            may("choices", List(&Object(&INTEGER_CHOICE), 25)).or_null(),
            may("min_value", INT).or_null(),
            may("max_value", INT).or_null(),
        ],
    ),
};
static BOOLEAN_OPTION: Shape = Shape { name: "ApplicationCommandBooleanOption", fields: &option(5) };
static USER_OPTION: Shape = Shape { name: "ApplicationCommandUserOption", fields: &option(6) };
static ROLE_OPTION: Shape = Shape { name: "ApplicationCommandRoleOption", fields: &option(8) };
static CHANNEL_OPTION: Shape = Shape {
    name: "ApplicationCommandChannelOption",
    fields: &with::<7, 1>(option(7), [may("channel_types", list(&INT)).or_null()]),
};
const OPTIONS: super::shape::Kind = List(
    &ByType(&[
        (3, &STRING_OPTION),
        (4, &INTEGER_OPTION),
        (5, &BOOLEAN_OPTION),
        (6, &USER_OPTION),
        (7, &CHANNEL_OPTION),
        (8, &ROLE_OPTION),
    ]),
    25,
);

const fn command() -> [Field; 11] {
    [
        need("name", Text(1, 32)),
        may("name_localizations", LOCALIZED).or_null(),
        may("description", Text(0, 100)).or_null(),
        may("description_localizations", LOCALIZED).or_null(),
        may("options", OPTIONS).or_null(),
        may("default_member_permissions", Bits).or_null(),
        may("dm_permission", Bool).or_null(),
        may("contexts", List(&INT, 3)).or_null(),
        may("integration_types", List(&INT, 2)).or_null(),
        may("handler", INT).or_null(),
        may("type", Int(1, 4)).or_null(),
    ]
}
const fn command_and<const N: usize>(last: Field) -> [Field; N] {
    let head = command();
    let mut all = [last; N];
    let mut at = 0;
    while at < N && at < head.len() {
        all[at] = head[at];
        at += 1;
    }
    all
}
pub(super) static CREATE_COMMAND: Shape = Shape { name: "ApplicationCommandCreateRequest", fields: &command() };
static UPDATE_COMMAND: Shape =
    Shape { name: "ApplicationCommandUpdateRequest", fields: &command_and::<12>(may("id", Id).or_null()) };
pub(super) const ALL_COMMANDS: super::shape::Kind = List(&Object(&UPDATE_COMMAND), COMMANDS + 10);
pub(super) static EDIT_COMMAND: Shape = Shape {
    name: "ApplicationCommandPatchRequestPartial",
    fields: &[
        may("name", Text(1, 32)),
        may("name_localizations", LOCALIZED).or_null(),
        may("description", Text(0, 100)).or_null(),
        may("description_localizations", LOCALIZED).or_null(),
        may("options", OPTIONS).or_null(),
        may("default_member_permissions", Bits).or_null(),
        may("dm_permission", Bool).or_null(),
        may("contexts", List(&INT, 3)).or_null(),
        may("integration_types", List(&INT, 2)).or_null(),
        may("handler", INT).or_null(),
    ],
};

pub(super) static OPEN_DIRECT: Shape = Shape {
    name: "CreatePrivateChannelRequest",
    fields: &[
        may("recipient_id", Id).or_null(),
        may("access_tokens", list(&TEXT)).or_null(),
        may("nicks", Any).or_null(),
    ],
};
pub(super) static THREAD_FROM_MESSAGE: Shape = Shape {
    name: "CreateTextThreadWithMessageRequest",
    fields: &[
        need("name", Text(1, 100)),
        may("auto_archive_duration", Int(60, 10_080)).or_null(),
        may("rate_limit_per_user", Int(0, 21_600)).or_null(),
    ],
};
pub(super) static THREAD: Shape = Shape {
    name: "CreateTextThreadWithoutMessageRequest",
    fields: &[
        need("name", Text(1, 100)),
        may("auto_archive_duration", Int(60, 10_080)).or_null(),
        may("rate_limit_per_user", Int(0, 21_600)).or_null(),
        may("type", Int(10, 12)).or_null(),
        may("invitable", Bool).or_null(),
    ],
};
pub(super) static EDIT_THREAD: Shape = Shape {
    name: "UpdateThreadRequestPartial",
    fields: &[
        may("name", Text(0, 100)).or_null(),
        may("archived", Bool).or_null(),
        may("locked", Bool).or_null(),
        may("invitable", Bool).or_null(),
        may("auto_archive_duration", Int(60, 10_080)).or_null(),
        may("rate_limit_per_user", Int(0, 21_600)).or_null(),
        may("flags", INT).or_null(),
        may("applied_tags", List(&Id, 5)).or_null(),
        may("bitrate", INT).or_null(),
        may("user_limit", Int(0, 99)).or_null(),
        may("rtc_region", TEXT).or_null(),
        may("video_quality_mode", INT).or_null(),
    ],
};
