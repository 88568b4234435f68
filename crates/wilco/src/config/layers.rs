//! Finds the layers and lays them over one another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use wilco_core::text::fingerprint;

use super::problem::{Origin, Problem, Problems};
use super::read::{Layer, Reader};
use super::schema::{self, Kind};
use super::tree::{self, Entry, Node, Places, Raw};
use super::{Config, EXAMPLE, build, slack};

/// A file beyond this size is no configuration.
const MAX_BYTES: u64 = 1 << 20;
/// The name of the file in every folder where it is looked for.
const FILE: &str = "bot.toml";
/// The variable with the token of Discord, which connects it without any section.
pub(super) const DISCORD_TOKEN: &str = "DISCORD_BOT_TOKEN";
/// What every variable of the environment layer begins with.
const PREFIX: &str = "WILCO_";

static DEFAULTS: LazyLock<Layer> = LazyLock::new(|| {
    let mut reader = Reader::default();
    // The example is part of the program; a test holds that it has no problem and every key.
    reader.document(&tree::parse(EXAMPLE, &Places::Same(Origin::Default)).unwrap_or_default());
    reader.layer
});

/// The compiled-in defaults.
pub(super) fn defaults() -> &'static Layer {
    &DEFAULTS
}

/// What the command line sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--config`: the file to read.
    pub config: Option<PathBuf>,
    /// `--store`: wins over `store.url`.
    pub store: Option<String>,
    /// `--web`: wins over `web.bind`, and serves the page.
    pub web: Option<String>,
}

/// Knows where the layers are, and reads them as often as wanted.
#[derive(Clone)]
pub struct Loader {
    flags: Flags,
    env: BTreeMap<String, String>,
    folder: PathBuf,
}

/// A configuration file as it was found.
pub(super) struct Seen {
    pub(super) file: Option<PathBuf>,
    text: String,
}

impl Seen {
    pub(super) fn fingerprint(&self) -> u64 {
        let name = self.file.as_deref().map(Path::to_string_lossy).unwrap_or_default();
        fingerprint(&format!("{name}\0{}", self.text))
    }
}

impl Loader {
    /// A loader with an environment of its own. `folder` is the working directory.
    pub fn new(flags: Flags, env: BTreeMap<String, String>, folder: impl Into<PathBuf>) -> Self {
        Self { flags, env, folder: folder.into() }
    }

    /// A loader with the environment of the process, as it is now.
    pub fn from_process(flags: Flags) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        // Without a working directory relative paths stay relative, and opening them says what is wrong.
        let folder = std::env::current_dir().unwrap_or_default();
        Self::new(flags, std::env::vars_os().filter_map(text).collect(), folder)
    }

    /// The environment variables that the loader looks at.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Reads all layers. Every problem of every layer is reported.
    pub fn load(&self) -> Result<Config, Problems> {
        self.build(&self.look()?)
    }

    /// The files that would be read, the first that exists counting; a named one is the only one.
    pub(super) fn candidates(&self) -> Vec<PathBuf> {
        if let Some(path) = self.flags.config.clone().or_else(|| self.variable("WILCO_CONFIG").map(PathBuf::from)) {
            return vec![path];
        }
        let home = self.variable("HOME").map(|home| Path::new(home).join(".config"));
        let folder = self.variable("XDG_CONFIG_HOME").map(PathBuf::from).or(home);
        let own = folder.map(|folder| folder.join("wilco").join(FILE));
        std::iter::once(PathBuf::from(FILE)).chain(own).collect()
    }

    /// A path of the configuration as the process sees it.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The file to which something would be added: the one that was read, else the first that would be.
    pub(crate) fn file_to_write(&self, config: &Config) -> PathBuf {
        let first = || self.candidates().into_iter().next().unwrap_or_else(|| PathBuf::from(FILE));
        config.file.clone().unwrap_or_else(first)
    }

    /// Finds and reads the file. A file that was named has to exist.
    pub(super) fn look(&self) -> Result<Seen, Problems> {
        let named = match (&self.flags.config, self.variable("WILCO_CONFIG")) {
            (Some(_), _) => Some(Origin::Flag("--config")),
            (None, Some(_)) => Some(Origin::Env("WILCO_CONFIG".to_owned())),
            (None, None) => None,
        };
        for path in self.candidates() {
            let problem = |what: String| {
                let at = Origin::File { path: path.as_path().into(), line: 1, column: 1 };
                Problem::new(named.clone().unwrap_or(at), "", format!("{}: {what}", path.display()))
            };
            match read(&self.resolve(&path)) {
                Ok(Some(text)) => return Ok(Seen { file: Some(path), text }),
                Ok(None) if named.is_some() => return Err(problem("there is no such file".to_owned()).into()),
                Ok(None) => {}
                Err(what) => return Err(problem(what).into()),
            }
        }
        Ok(Seen { file: None, text: String::new() })
    }

    /// Builds the configuration of a file that was read.
    pub(super) fn build(&self, seen: &Seen) -> Result<Config, Problems> {
        let mut reader = Reader { variables: Some(&self.env), defaults: Some(&DEFAULTS), ..Reader::default() };
        let mut syntax = Vec::new();
        if let Some(path) = &seen.file {
            match tree::parse(&seen.text, &Places::file(path, &seen.text)) {
                Ok(entries) => reader.document(&entries),
                Err(problems) => syntax = problems,
            }
        }
        // What a variable or an option says is taken as it is.
        reader.variables = None;
        for entries in self.environment(&reader.layer).into_iter().chain(self.options()) {
            match entries {
                Ok(entries) => reader.document(&entries),
                Err(problem) => reader.problems.push(problem),
            }
        }
        let mut layer = DEFAULTS.clone();
        layer.over(reader.layer);
        reader.warnings.extend(self.half_of_slack(&layer));
        let mut problems = reader.problems;
        if !syntax.is_empty() {
            // What follows a syntax error is a guess, so only what the other layers say is added.
            syntax.append(&mut problems);
            return Err(Problems(syntax));
        }
        let mut config = match build::build(layer, seen.file.clone(), &self.folder) {
            Ok(config) if problems.is_empty() => config,
            Ok(_) => return Err(Problems(problems)),
            Err(together) => {
                // A value that was refused is missing now; saying so would only repeat it.
                let told = |new: &Problem| problems.iter().any(|old| old.key.starts_with(&new.key));
                let new: Vec<Problem> = together.into_iter().filter(|new| !told(new)).collect();
                problems.extend(new);
                return Err(Problems(problems));
            }
        };
        reader.warnings.append(&mut config.warnings);
        config.warnings = reader.warnings;
        config.fingerprint = seen.fingerprint();
        Ok(config)
    }

    /// The documents that the environment amounts to, one for each variable.
    fn environment(&self, file: &Layer) -> Vec<Result<Vec<Entry>, Problem>> {
        let mut all = Vec::new();
        let taken = self.variable("WILCO_STORE__URL").is_some() || self.flags.store.is_some();
        if let (Some(url), false) = (self.variable("DATABASE_URL"), taken) {
            let at = Origin::Env("DATABASE_URL".to_owned());
            let path = ["store".to_owned(), "url".to_owned()];
            all.push(Ok(tree::single(&path, &at, Raw::Text(url.to_owned()))));
        }
        let own = ["discord.token", "discord.token_file"];
        let given = own.iter().any(|key| file.settings.contains_key(*key))
            || ["WILCO_DISCORD__TOKEN", "WILCO_DISCORD__TOKEN_FILE"].iter().any(|name| self.variable(name).is_some());
        if let (Some(token), false) = (self.variable(DISCORD_TOKEN), given) {
            let path = ["discord".to_owned(), "token".to_owned()];
            all.push(Ok(tree::single(&path, &Origin::Env(DISCORD_TOKEN.to_owned()), Raw::Text(token.to_owned()))));
        }
        all.extend(self.slack_tokens(file));
        for (name, value) in &self.env {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let mut path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
            if path.len() == 1 && schema::key(&path.concat()).is_none() {
                continue;
            }
            let mut pattern = path.clone();
            let is_deep = path.len() > 2;
            if let [section, own, ..] = path.as_mut_slice()
                && let Some(names) = match section.as_str() {
                    "workers" => Some(&file.workers),
                    "backends" => Some(&file.backends),
                    "slack" if is_deep => Some(&file.slacks),
                    _ => None,
                }
            {
                // A variable cannot hold the dash of `nightly-report`, so it is found by its underscore.
                let known = names.keys().find(|known| known.replace('-', "_") == *own);
                if let Some(known) = known {
                    own.clone_from(known);
                }
                if let Some(second) = pattern.get_mut(1) {
                    "<name>".clone_into(second);
                }
            }
            let at = Origin::Env(name.clone());
            let key = schema::key(&pattern.join("."));
            let raw =
                raw(value, key.map(|key| key.kind), &at).map_err(|what| Problem::new(at.clone(), path.join("."), what));
            all.push(raw.map(|raw| tree::single(&path, &at, raw)));
        }
        all
    }

    /// The tokens of Slack's connections that stand in the variables of their names. `SLACK_BOT_TOKEN` and
    /// `SLACK_APP_TOKEN` connect without any section, but not where only named ones are configured: those may have been
    /// given the very same variables.
    fn slack_tokens(&self, file: &Layer) -> Vec<Result<Vec<Entry>, Problem>> {
        let mut all = Vec::new();
        let names = self.slack_names(file);
        let mut own = self.env.keys().filter_map(|name| name.strip_prefix(PREFIX)?.strip_prefix("SLACK__"));
        let is_configured = file.slack.is_some() || own.any(|key| !key.contains("__"));
        let unnamed = (names.is_empty() || is_configured).then_some(None);
        for name in unnamed.into_iter().chain(names.iter().map(|name| Some(name.as_str()))) {
            let section = slack::section(name);
            let (bot, app) = slack::variables(name);
            let has = |variable: &str| self.variable(variable).is_some();
            let has_section = if name.is_none() { file.slack.is_some() } else { true };
            let own =
                |key: &str| format!("WILCO_{}__{}", section.replace('.', "__").replace('-', "_"), key).to_uppercase();
            let given = |key: &str| {
                let file_key = format!("{key}_file");
                [key, file_key.as_str()]
                    .iter()
                    .any(|key| file.settings.contains_key(&format!("{section}.{key}")) || has(&own(key)))
            };
            let elsewhere = has_section || given("bot_token") || given("app_token") || given("requests");
            // A single variable is another program's, and one that is switched off is not looked at.
            if self.slack_is_off(file, &section, &own("enabled")) || !(elsewhere || has(&bot) && has(&app)) {
                continue;
            }
            // What Slack signs with is another program's where no requests are taken.
            let requests = given("requests").then(|| (slack::signing_variable(name), "signing_secret"));
            for (variable, key) in [(bot, "bot_token"), (app, "app_token")].into_iter().chain(requests) {
                if let (Some(token), false) = (self.variable(&variable), given(key)) {
                    let path: Vec<String> = section.split('.').chain([key]).map(str::to_owned).collect();
                    all.push(Ok(tree::single(&path, &Origin::Env(variable.clone()), Raw::Text(token.to_owned()))));
                }
            }
        }
        all
    }

    /// The connections to Slack that have a name, in the file or in a variable.
    fn slack_names(&self, file: &Layer) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = file.slacks.keys().cloned().collect();
        for name in self.env.keys() {
            let own = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix("SLACK__"));
            let Some((own, _)) = own.and_then(|rest| rest.split_once("__")) else { continue };
            let own = own.to_lowercase();
            // The same as in `environment`: a dash of the file is an underscore in a variable.
            if !names.iter().any(|known| known.replace('-', "_") == own) {
                names.insert(own);
            }
        }
        names
    }

    fn slack_is_off(&self, file: &Layer, section: &str, variable: &str) -> bool {
        match self.variable(variable) {
            Some(value) => value == "false",
            None => file.shown(&format!("{section}.enabled")) == Some("false"),
        }
    }

    /// What is said where only one of Slack's two variables is set and nothing else speaks of Slack.
    fn half_of_slack(&self, layer: &Layer) -> Option<Problem> {
        let (bot, app) = slack::variables(None);
        if layer.slack.is_some() || !layer.slacks.is_empty() {
            return None;
        }
        let (is, not) = match (self.variable(&bot), self.variable(&app)) {
            (Some(_), None) => (bot, app),
            (None, Some(_)) => (app, bot),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let what = format!("{is} is set and {not} is not, so Slack is not connected; set both, or neither");
        Some(Problem::new(Origin::Env(is), slack::SLACK, what))
    }

    fn options(&self) -> Vec<Result<Vec<Entry>, Problem>> {
        let text = |text: &String| Raw::Text(text.clone());
        let mut all = Vec::new();
        let mut add = |section: &str, key: &str, flag, raw| {
            all.push(Ok(tree::single(&[section.to_owned(), key.to_owned()], &Origin::Flag(flag), raw)));
        };
        if let Some(url) = &self.flags.store {
            add("store", "url", "--store", text(url));
        }
        if let Some(bind) = &self.flags.web {
            add("web", "enabled", "--web", Raw::Flag(true));
            add("web", "bind", "--web", text(bind));
        }
        all
    }
}

/// Reads a file whole. None when there is none.
fn read(path: &Path) -> Result<Option<String>, String> {
    use std::io::ErrorKind;
    let metadata = match std::fs::metadata(path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        other => other.map_err(|error| error.to_string())?,
    };
    // Opening a pipe would wait for somebody to write into it.
    if !metadata.is_file() {
        return Err("this is no ordinary file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Err("it is larger than 1 MiB".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line} is no UTF-8")
    })?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// What a variable holds, by what its key takes. Unknown keys are texts; the reader refuses them.
fn raw(value: &str, kind: Option<Kind>, at: &Origin) -> Result<Raw, String> {
    let flag = match value {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    match kind {
        Some(Kind::Number { .. }) => {
            let number = value.trim().parse();
            Ok(number.map_or_else(|_| Raw::Text(value.to_owned()), Raw::Whole))
        }
        Some(Kind::Flag | Kind::Auto) => Ok(flag.map_or_else(|| Raw::Text(value.to_owned()), Raw::Flag)),
        Some(Kind::Texts { .. } | Kind::Tables { .. }) => {
            let document = format!("value = {value}");
            let entries = tree::parse(&document, &Places::Same(at.clone()));
            match entries.as_deref() {
                Ok([Entry { node: Node { raw, .. }, .. }]) => Ok(raw.clone()),
                Ok(_) | Err(_) => Err("it has to be one list as in the file, such as [\"./report.sh\"]".to_owned()),
            }
        }
        Some(Kind::Span { .. } | Kind::Choice(_) | Kind::Text(_)) | None => Ok(Raw::Text(value.to_owned())),
    }
}
