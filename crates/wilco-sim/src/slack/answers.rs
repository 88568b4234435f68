//! What the fake answers, field by field: its own answers are held against these tables.

use super::shape::Kind::{Any, Bool, Id, Object, Ts};
use super::shape::{INT, Kind, Shape, TEXT, list, may, need};

const OKAY: super::shape::Field = need("ok", Bool);
const META: super::shape::Field = may("response_metadata", Any);
const WARNING: super::shape::Field = may("warning", TEXT);

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident $published:literal { $($field:expr),* $(,)? })*) => {
        $($(#[$doc])* pub(super) static $name: Shape = Shape { name: $published, fields: &[$($field),*] };)*
    };
}

answers! {
    /// Nothing but that it is done.
    OK "" { OKAY, META, WARNING }
    AUTH "" {
        OKAY, need("url", TEXT), need("team", TEXT), need("user", TEXT), need("team_id", Id("T")),
        need("user_id", Id("UW")), may("bot_id", Id("B")), may("is_enterprise_install", Bool), META, WARNING,
    }
    CONNECTION "" { OKAY, need("url", TEXT), META, WARNING }
    /// A message.
    MESSAGE "objs_message" {
        need("type", TEXT), need("ts", Ts), need("text", TEXT), may("user", Id("UW")), may("bot_id", Id("B")),
        may("app_id", Id("A")), may("team", Id("T")), may("subtype", TEXT), may("thread_ts", Ts),
        may("parent_user_id", Id("UWB")), may("reply_count", INT), may("reply_users_count", INT),
        may("reply_users", list(&Id("UWB"))), may("latest_reply", Ts), may("blocks", list(&Any)),
        may("files", list(&Object(&FILE))), may("metadata", Any), may("edited", Any), may("reactions", list(&Any)),
        may("client_msg_id", TEXT), may("hidden", Bool), may("root", Any), may("bot_profile", Any), may("upload", Bool),
        may("username", TEXT), may("user_team", Id("T")), may("source_team", Id("T")),
    }
    FILE "objs_file" {
        need("id", Id("F")), may("name", TEXT), may("title", TEXT), may("size", INT), may("created", INT),
        may("timestamp", INT), may("mode", TEXT), may("user", Id("UW")), may("url_private", TEXT),
        may("url_private_download", TEXT), may("filetype", TEXT), may("mimetype", TEXT), may("pretty_type", TEXT),
        may("permalink", TEXT),
    }
    POSTED "" {
        OKAY, need("channel", Id("CDG")), need("ts", Ts), need("message", Object(&MESSAGE)), META, WARNING,
    }
    UPDATED "" {
        OKAY, need("channel", Id("CDG")), need("ts", Ts), need("text", TEXT), need("message", Object(&MESSAGE)), META,
        WARNING,
    }
    DELETED "" { OKAY, need("channel", Id("CDG")), need("ts", Ts), META, WARNING }
    WHISPERED "" { OKAY, need("message_ts", Ts), META, WARNING }
    PERMALINK "" { OKAY, need("channel", Id("CDG")), need("permalink", TEXT), META, WARNING }
    HISTORY "" {
        OKAY, need("messages", list(&Object(&MESSAGE))), need("has_more", Bool), need("pin_count", INT),
        need("channel_actions_ts", Any), need("channel_actions_count", INT), META, WARNING,
    }
    REPLIES "" { OKAY, need("messages", list(&Object(&MESSAGE))), may("has_more", Bool), META, WARNING }
    /// A conversation.
    CHANNEL "objs_conversation" {
        need("id", Id("CDG")), may("name", TEXT), may("is_channel", Bool), may("is_group", Bool), may("is_im", Bool),
        may("is_mpim", Bool), may("is_private", Bool), may("is_archived", Bool), may("is_member", Bool),
        may("is_shared", Bool), may("is_ext_shared", Bool), may("is_org_shared", Bool), may("is_general", Bool),
        may("created", INT), may("creator", Id("UW")), may("context_team_id", Id("T")), may("user", Id("UW")),
        may("num_members", INT), may("name_normalized", TEXT), may("shared_team_ids", list(&Id("T"))), may("is_open", Bool),
    }
    INFO "" { OKAY, need("channel", Object(&CHANNEL)), META, WARNING }
    OPENED "" { OKAY, need("channel", Object(&CHANNEL)), may("no_op", Bool), may("already_open", Bool), META, WARNING }
    LIST "" { OKAY, need("channels", list(&Object(&CHANNEL))), META, WARNING }
    MEMBERS "" { OKAY, need("members", list(&Id("UW"))), need("response_metadata", Any), WARNING }
    JOINED "" { OKAY, need("channel", Object(&CHANNEL)), META, WARNING }
    PERSON "objs_user" {
        need("id", Id("UW")), may("team_id", Id("T")), need("name", TEXT), may("deleted", Bool), may("real_name", TEXT),
        may("tz", TEXT), may("tz_offset", INT), may("tz_label", TEXT), need("profile", Any), need("is_bot", Bool),
        may("is_admin", Bool), may("is_owner", Bool), may("is_primary_owner", Bool), may("is_restricted", Bool), may("is_ultra_restricted", Bool),
        need("is_app_user", Bool), need("updated", INT), may("is_stranger", Bool), may("locale", TEXT),
    }
    USER "" { OKAY, need("user", Object(&PERSON)), META, WARNING }
    /// An app's bot.
    BOT "" {
        need("id", Id("B")), need("name", TEXT), need("deleted", Bool), need("app_id", Id("A")), may("user_id", Id("UW")),
        need("updated", INT), need("icons", Any),
    }
    BOT_INFO "" { OKAY, need("bot", Object(&BOT)), META, WARNING }
    GROUP "objs_subteam" {
        need("id", Id("S")), need("team_id", Id("T")), need("handle", TEXT), need("name", TEXT), may("users", list(&Id("UW"))),
        may("user_count", INT), need("description", TEXT), need("is_usergroup", Bool), need("is_external", Bool),
        need("date_create", INT), need("date_update", INT), need("date_delete", INT), may("is_subteam", Bool),
    }
    GROUPS "" { OKAY, need("usergroups", list(&Object(&GROUP))), META, WARNING }
    GROUP_USERS "" { OKAY, need("users", list(&Id("UW"))), META, WARNING }
    UPLOAD_URL "" { OKAY, need("upload_url", TEXT), need("file_id", Id("F")), META, WARNING }
    COMPLETED "" { OKAY, need("files", list(&Object(&FILE))), META, WARNING }
    TO_COMPLETE "" { need("id", Id("F")), may("title", TEXT), may("highlight_type", TEXT) }
    /// A refusal.
    ERROR "" {
        OKAY, need("error", TEXT), META, WARNING, may("errors", list(&TEXT)), may("needed", TEXT), may("provided", TEXT),
    }
}

/// An answer as a kind.
pub(super) const fn kind(shape: &'static Shape) -> Kind {
    Object(shape)
}
