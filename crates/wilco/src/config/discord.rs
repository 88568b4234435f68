//! The section `[discord]`: whether it is connected, and with which token.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use wilco_discord::{Options, Secret};

use super::DiscordConfig;
use super::build::Values;
use super::forms;
use super::layers::DISCORD_TOKEN;
use super::problem::Problem;
use super::read::Layer;

/// A file beyond this size holds no token.
const TOKEN_BYTES: u64 = 4 << 10;
/// What of a file's mode lets others read it.
const OTHERS: u32 = 0o077;

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
    let token = match (values.text("token"), values.setting("token_file")) {
        (Some(token), unused) => {
            warnings.extend(unused.map(|setting| {
                let what = "it is not read, because discord.token is set; leave one of them out";
                Problem::new(setting.at.clone(), "discord.token_file", what)
            }));
            token
        }
        (None, Some(setting)) => {
            let path = own.join(values.text("token_file").unwrap_or_default());
            match read(&path) {
                Ok(token) => token,
                Err(what) => {
                    let what = format!("{}: {what}", path.display());
                    problems.push(Problem::new(setting.at.clone(), "discord.token_file", what));
                    return None;
                }
            }
        }
        (None, None) => {
            let what = format!(
                "there is no token: set the environment variable {DISCORD_TOKEN}, name a file with token_file, or take \
                 the section away"
            );
            problems.push(Problem::new(at.clone(), "discord.token", what));
            return None;
        }
    };
    let id = |name| values.text(name).and_then(|text| text.parse().ok());
    let api = values.text("api").unwrap_or_else(|| Options::API.to_owned());
    let api = api.trim_end_matches('/').to_owned();
    if is_readable_on_the_way(&api)
        && let Some(setting) = values.setting("api")
    {
        let what = "the token and everything that is said go there unencrypted; use https, or a proxy on this machine";
        warnings.push(Problem::new(setting.at.clone(), "discord.api", what));
    }
    Some(DiscordConfig {
        token: Secret::new(token),
        application: id("application_id"),
        guild: id("guild"),
        register_commands: values.flag("register_commands", true),
        message_content: values.flag("message_content", false),
        api,
    })
}

/// Whether the section keeps it unconnected.
pub(super) fn is_off(layer: &Layer) -> bool {
    !Values::of(layer, "discord").flag("enabled", true)
}

/// Whether the address leads off this machine without encryption.
fn is_readable_on_the_way(api: &str) -> bool {
    let Some(rest) = api.strip_prefix("http://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    !loopback && host != "localhost"
}

/// The token of a file that nobody but its owner may read. The error does not repeat what it holds.
fn read(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    // Of the file that was opened, so that nobody can put another one in its place.
    let meta = file.metadata().map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("this is no ordinary file".to_owned());
    }
    let mode = meta.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(format!("other users of this machine may read it (mode {mode:03o}); close it with chmod 600"));
    }
    let mut text = String::new();
    file.take(TOKEN_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if u64::try_from(text.len()).is_ok_and(|length| length > TOKEN_BYTES) {
        return Err("it is too large for a token".to_owned());
    }
    let token = text.trim();
    if token.is_empty() {
        return Err("it is empty".to_owned());
    }
    forms::check_token(token)?;
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_off_this_machine_needs_encryption() {
        for fine in ["https://discord.com/api", "http://127.0.0.1:80/x", "http://[::1]:80", "http://localhost/v10"] {
            assert!(!is_readable_on_the_way(fine), "{fine}");
        }
        for open in ["http://proxy/api", "http://10.0.0.1:80", "http://localhost.example/v10"] {
            assert!(is_readable_on_the_way(open), "{open}");
        }
    }
}
