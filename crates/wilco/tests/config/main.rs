//! The configuration as a person meets it: files, variables and options in, settings or clear sentences out.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking; clippy does not see that helpers belong to tests"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wilco::config::schema::Kind;
use wilco::config::{Config, EXAMPLE, Flags, Loader, LogFormat, Problems, changes, docs, schema};
use wilco_core::access::Role;
use wilco_core::classify::Service;
use wilco_core::followup::{FollowupSettings, MissedPolicy};
use wilco_core::settings::{BackendSettings, KindSettings, Notify, Settings};
use wilco_core::when::{Bounds, Zone};
use wilco_core::worker::OnInterrupt;

mod discord;
mod layers;
mod read;
mod refused;
mod slack;

/// A working directory of its own, with an environment of its own.
struct Desk {
    folder: tempfile::TempDir,
    env: BTreeMap<String, String>,
    flags: Flags,
}

impl Desk {
    fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), env: BTreeMap::new(), flags: Flags::default() }
    }

    fn with(text: &str) -> Self {
        let desk = Self::empty();
        desk.write("bot.toml", text);
        desk
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    fn loader(&self) -> Loader {
        Loader::new(self.flags.clone(), self.env.clone(), self.folder.path())
    }

    fn load(&self) -> Result<Config, Problems> {
        self.loader().load()
    }

    /// Everything that is wrong, one line each.
    fn problems(&self) -> Vec<String> {
        match self.load() {
            Ok(_) => Vec::new(),
            Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
        }
    }
}

fn load(text: &str) -> Config {
    Desk::with(text).load().unwrap_or_else(|problems| panic!("{problems}"))
}

fn shown<'a>(config: &'a Config, key: &str) -> (&'a str, String) {
    let found = config.effective.iter().find(|effective| effective.key == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not shown"));
    (&found.value, found.source.to_string())
}

/// The example with everything that is switched off switched on.
fn example_switched_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(on).collect::<Vec<_>>().join("\n")
}
