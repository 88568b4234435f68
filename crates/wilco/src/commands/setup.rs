//! `wilco setup`: what is still to be done until a platform is connected, and what of that is written into the file.

mod ask;
mod discord;
mod slack;

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml_edit::{DocumentMut, Item, Table, value};

use crate::cli::Setup;
use crate::config::{Config, Loader};
use crate::exit::{Ended, Exit};

/// Answers `wilco setup`.
pub(crate) async fn setup(config: &Config, loader: &Loader, wanted: Setup, json: bool) -> anyhow::Result<Exit> {
    match wanted {
        Setup::Discord { write } => discord::setup(config, loader, write, json).await,
        Setup::Slack(wanted) => slack::setup(config, loader, &wanted, json).await,
    }
}

/// What became of the file.
enum Written {
    Added(PathBuf),
    There(PathBuf),
}

impl Written {
    fn words(&self, section: &str) -> String {
        match self {
            Self::Added(path) => format!("Added the section [{section}] to {}.", path.display()),
            Self::There(path) => {
                format!("{} has a section [{section}] already; it was left as it is.", path.display())
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Added(path) => json!({ "file": path, "added": true }),
            Self::There(path) => json!({ "file": path, "added": false }),
        }
    }
}

fn unwritten(path: &Path, what: &str) -> Ended {
    Ended::new(Exit::Failed, format!("{}: {what}; nothing was changed", path.display())).coded("not_written")
}

/// The configuration file, and what stands in it; nothing where there is none yet.
fn file(config: &Config, loader: &Loader) -> Result<(PathBuf, String), Ended> {
    let path = loader.resolve(&loader.file_to_write(config));
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((path, String::new())),
        Err(error) => Err(unwritten(&path, &error.to_string())),
    }
}

fn add_section(config: &Config, loader: &Loader, section: &[&str], keys: &[(&str, &str)]) -> Result<Written, Ended> {
    let (path, text) = file(config, loader)?;
    match with_section(&text, section, keys).map_err(|error| unwritten(&path, &error.to_string()))? {
        None => Ok(Written::There(path)),
        Some(new) => {
            replace(&path, &new).map_err(|error| unwritten(&path, &error.to_string()))?;
            Ok(Written::Added(path))
        }
    }
}

/// The file with the section; none when it has one. Everything else in it stays letter for letter.
fn with_section(text: &str, section: &[&str], keys: &[(&str, &str)]) -> Result<Option<String>, toml_edit::TomlError> {
    let document: DocumentMut = text.parse()?;
    let mut inside = document.as_table();
    for name in section {
        match inside.get(name).map(Item::as_table) {
            // A value, or a section within one line, is somebody's own way of saying it.
            Some(None) => return Ok(None),
            Some(Some(table)) => inside = table,
            None => return Ok(insert(document, text, section, keys)),
        }
    }
    // A section that is only there for the ones below it holds no key yet.
    if inside.is_implicit() && inside.iter().all(|(_, item)| item.is_table()) {
        return Ok(insert(document, text, section, keys));
    }
    Ok(None)
}

fn insert(mut document: DocumentMut, text: &str, section: &[&str], keys: &[(&str, &str)]) -> Option<String> {
    let mut inside = document.as_table_mut();
    for name in section {
        let entry = inside.entry(name).or_insert_with(|| {
            let mut new = Table::new();
            new.set_implicit(true);
            Item::Table(new)
        });
        inside = entry.as_table_mut()?;
    }
    inside.set_implicit(false);
    for (key, text) in keys {
        inside.insert(key, value(*text));
    }
    if !text.trim().is_empty() {
        inside.decor_mut().set_prefix("\n");
    }
    Some(document.to_string())
}

/// The files of secrets that one setup has made. Without the section that names them nobody would use them, and they would
/// be in the way of the next setup.
#[derive(Default)]
struct Kept(Vec<PathBuf>);

impl Kept {
    /// Keeps a secret in a file of its own. One that is there already stays, and will do where it holds the same secret
    /// and is closed to others: a setup that was killed has left it.
    fn keep(&mut self, path: &Path, secret: &str) -> std::io::Result<()> {
        match keep_secret(path, secret) {
            Ok(()) => {
                self.0.push(path.to_owned());
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && holds(path, secret) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes away what was made, and says so in the error for which it is done.
    fn undo(self, mut error: Ended) -> Ended {
        let left: Vec<String> = self
            .0
            .iter()
            .filter_map(|path| std::fs::remove_file(path).err().map(|why| format!("{} ({why})", path.display())))
            .collect();
        if !left.is_empty() {
            error.sentence += &format!(
                ". But these files with tokens were made and could not be taken away, so take them away yourself: {}",
                left.join(", ")
            );
        }
        error
    }
}

/// Whether a file that nobody else may read holds a secret and nothing else.
fn holds(path: &Path, secret: &str) -> bool {
    let closed = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 == 0);
    closed && std::fs::read_to_string(path).is_ok_and(|text| text.trim() == secret)
}

/// Keeps a secret in a file of its own that nobody else may read. One that is there already stays as it is, and one that
/// could not be written whole is taken away again.
fn keep_secret(path: &Path, secret: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(format!("{secret}\n").as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Of what was begun here; the first error is the one that counts.
        drop(std::fs::remove_file(path));
    }
    written
}

/// Puts the new text in the place of the old in one step, with the mode that the file had: a bot that reads it
/// meanwhile reads one or the other.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A link stays one: what it leads to is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut name = path.clone().into_os_string();
    name.push(".new");
    let new = PathBuf::from(name);
    let written = (|| {
        let mut file = std::fs::File::create_new(&new)?;
        if let Ok(old) = std::fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &path)
    })();
    if written.as_ref().is_err_and(|error| error.kind() != std::io::ErrorKind::AlreadyExists) {
        // Of what was begun here; the first error is the one that counts.
        drop(std::fs::remove_file(&new));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_is_added_once_and_everything_else_stays() {
        let section = "[discord]\ntoken = \"${DISCORD_BOT_TOKEN}\"\n";
        let with_section = |text: &str| with_section(text, &["discord"], &[("token", "${DISCORD_BOT_TOKEN}")]);
        assert_eq!(with_section("").unwrap().as_deref(), Some(section));
        let before = "# mine\ntimezone = 'Europe/Berlin'   # home\n\n[quotas]\nperson_running = 3\n";
        let after = with_section(before).unwrap().unwrap();
        assert_eq!(after, format!("{before}\n{section}"));
        assert_eq!(with_section(&after).unwrap(), None);
        assert_eq!(with_section("discord.token = 'x'\n").unwrap(), None);
        assert!(with_section("[quotas\n").is_err());
    }

    #[test]
    fn a_named_section_stands_beside_the_one_without_a_name() {
        let named = |text: &str| with_section(text, &["slack", "ops"], &[("a", "1")]).unwrap();
        let plain = |text: &str| with_section(text, &["slack"], &[("a", "0")]).unwrap();
        let ops = "[slack.ops]\na = \"1\"\n";
        assert_eq!(named("").as_deref(), Some(ops));
        assert_eq!(named(ops), None);
        let before = "[quotas]\nperson_running = 3\n\n[slack]\na = \"0\"\n";
        assert_eq!(named(before).unwrap(), format!("{before}\n{ops}"));
        assert_eq!(plain(before), None);
        let both: DocumentMut = plain(ops).unwrap().parse().unwrap();
        assert_eq!(both["slack"]["a"].as_str(), Some("0"));
        assert_eq!(both["slack"]["ops"]["a"].as_str(), Some("1"), "what was there stays");
        assert_eq!(named("slack.ops.a = 'x'\n"), None);
    }

    #[test]
    fn a_secret_is_kept_for_its_owner_alone_and_replaces_none() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("token");
        keep_secret(&path, "first").unwrap();
        assert!(keep_secret(&path, "second").is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "first\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_setup_that_fails_takes_away_the_secrets_that_it_has_kept_and_no_others() {
        let home = tempfile::tempdir().unwrap();
        let (one, two, three) = (home.path().join("one"), home.path().join("two"), home.path().join("three"));
        keep_secret(&two, "same").unwrap();
        let mut kept = Kept::default();
        kept.keep(&one, "first").unwrap();
        kept.keep(&two, "same").unwrap();
        assert_eq!(kept.keep(&two, "other").unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        std::fs::write(&three, "same\n").unwrap();
        std::fs::set_permissions(&three, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(kept.keep(&three, "same").is_err(), "others may read it");
        let error = kept.undo(unwritten(&one, "why"));
        assert!(error.sentence.ends_with("why; nothing was changed"), "{error}");
        assert!(!one.exists() && two.exists() && three.exists());
        let gone = Kept(vec![one.clone()]).undo(unwritten(&two, "why"));
        assert!(gone.sentence.contains(&format!("take them away yourself: {} (", one.display())), "{gone}");
    }

    #[test]
    fn a_file_is_replaced_in_one_step_with_the_mode_that_it_had() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("deep/bot.toml");
        replace(&path, "a").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        replace(&path, "b").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let foreign = home.path().join("deep/bot.toml.new");
        std::fs::write(&foreign, "somebody else's").unwrap();
        assert!(replace(&path, "c").is_err());
        assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "somebody else's");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "b");
    }
}
