//! Tokens that stand in files of their own, and where tokens must not go.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::build::Values;
use super::problem::{Origin, Problem};

/// A file beyond this size holds no token.
const TOKEN_BYTES: u64 = 4 << 10;
/// What of a file's mode lets others read it.
const OTHERS: u32 = 0o077;

/// One token of a connection, and what is said where it is missing.
pub(super) struct Wanted<'a> {
    /// The section with its name, such as `slack.ops`.
    pub(super) section: &'a str,
    /// The key of the token.
    pub(super) key: &'static str,
    /// The key of the file that may hold it.
    pub(super) file_key: &'static str,
    /// The variable that holds it without any key.
    pub(super) variable: &'a str,
    /// What it is called.
    pub(super) called: &'static str,
    /// Whether a text can be such a token.
    pub(super) check: fn(&str) -> Result<(), String>,
}

impl Wanted<'_> {
    /// The token as it is configured. None, with a problem, when there is none.
    pub(super) fn token(
        &self,
        values: &Values<'_>,
        at: &Origin,
        own: &Path,
        problems: &mut Vec<Problem>,
        warnings: &mut Vec<Problem>,
    ) -> Option<String> {
        let path_of = |key: &str| format!("{}.{key}", self.section);
        match (values.text(self.key), values.setting(self.file_key)) {
            (Some(token), unused) => {
                warnings.extend(unused.map(|setting| {
                    let what = format!("it is not read, because {} is set; leave one of them out", path_of(self.key));
                    Problem::new(setting.at.clone(), path_of(self.file_key), what)
                }));
                Some(token)
            }
            (None, Some(setting)) => {
                let path = own.join(values.text(self.file_key).unwrap_or_default());
                read(&path, self.check)
                    .map_err(|what| {
                        let what = format!("{}: {what}", path.display());
                        problems.push(Problem::new(setting.at.clone(), path_of(self.file_key), what));
                    })
                    .ok()
            }
            (None, None) => {
                let what = format!(
                    "there is no {}; set the environment variable {}, name a file with {}, or take the section away",
                    self.called, self.variable, self.file_key
                );
                problems.push(Problem::new(at.clone(), path_of(self.key), what));
                None
            }
        }
    }
}

/// The address of an API without the slash at its end. One that leads off this machine without encryption draws a
/// warning: the token would travel there readable by everybody on the way.
pub(super) fn api(values: &Values<'_>, section: &str, otherwise: &str, warnings: &mut Vec<Problem>) -> String {
    let api = values.text("api").unwrap_or_else(|| otherwise.to_owned());
    let api = api.trim_end_matches('/').to_owned();
    if is_readable_on_the_way(&api)
        && let Some(setting) = values.setting("api")
    {
        let what = "the token and everything that is said go there unencrypted; use https, or a proxy on this machine";
        warnings.push(Problem::new(setting.at.clone(), format!("{section}.api"), what));
    }
    api
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
fn read(path: &Path, check: fn(&str) -> Result<(), String>) -> Result<String, String> {
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
    check(token)?;
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
