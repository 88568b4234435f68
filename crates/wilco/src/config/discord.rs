//! The section `[discord]`: whether it is connected, and with which token.

use std::path::Path;

use wilco_discord::{Options, Secret};

use super::DiscordConfig;
use super::build::Values;
use super::forms;
use super::layers::DISCORD_TOKEN;
use super::problem::Problem;
use super::read::Layer;
use super::secrets::{self, Wanted};

/// The connection, when there is one. A section without a token is a mistake; a token without a section connects.
pub(super) fn build(
    layer: &Layer,
    own: &Path,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Option<DiscordConfig> {
    let at = layer.discord.as_ref()?;
    let values = Values::of(layer, "discord");
    if is_off(layer) {
        return None;
    }
    let wanted = Wanted {
        section: "discord",
        key: "token",
        file_key: "token_file",
        variable: DISCORD_TOKEN,
        called: "token",
        check: forms::check_token,
    };
    let token = wanted.token(&values, at, own, problems, warnings)?;
    let id = |name| values.text(name).and_then(|text| text.parse().ok());
    Some(DiscordConfig {
        token: Secret::new(token),
        application: id("application_id"),
        guild: id("guild"),
        register_commands: values.flag("register_commands", true),
        message_content: values.flag("message_content", false),
        api: secrets::api(&values, "discord", Options::API, warnings),
    })
}

/// Whether the section keeps it unconnected.
pub(super) fn is_off(layer: &Layer) -> bool {
    !Values::of(layer, "discord").flag("enabled", true)
}
