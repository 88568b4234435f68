//! Makes the typed configuration of checked values, and checks what only several of them together show.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wilco_core::access::{Access, Role, Rule};
use wilco_core::classify::Service;
use wilco_core::contract::Terms;
use wilco_core::followup::{FollowupSettings, MissedPolicy};
use wilco_core::settings::{BackendSettings, KindSettings, Notify, Quotas, Retention, RetryPolicy, Settings, Tick};
use wilco_core::when::{Bounds, Zone};
use wilco_core::worker::OnInterrupt;

use super::forms;
use super::problem::{Origin, Problem};
use super::read::{Item, Layer, Setting, Value};
use super::{ArgConfig, Builtin, Config, Effective, LogConfig, LogFormat, StoreConfig, WebConfig, WorkerConfig};

/// Kinds that wilco brings along. They may be tuned, but not replaced.
const BUILT_IN: [&str; 3] = ["demo", "echo", "say"];
/// What a built-in kind may be tuned by.
const TUNED: [&str; 12] = [
    "ack_secs",
    "progress_secs",
    "terminal_secs",
    "inactivity",
    "question",
    "on_interrupt",
    "notify",
    "max_running",
    "retry.attempts",
    "retry.first",
    "retry.factor",
    "retry.cap",
];

/// Values by name: those of a section, or the fields of one table of a list.
pub(super) struct Values<'a> {
    settings: &'a BTreeMap<String, Setting>,
    prefix: String,
}

impl<'a> Values<'a> {
    pub(super) fn of(layer: &'a Layer, prefix: &str) -> Self {
        Self { settings: &layer.settings, prefix: format!("{prefix}.") }
    }

    fn item(item: &'a Item) -> Self {
        Self { settings: &item.fields, prefix: String::new() }
    }

    pub(super) fn setting(&self, name: &str) -> Option<&'a Setting> {
        self.settings.get(&format!("{}{name}", self.prefix))
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.setting(name).map(|setting| &setting.value)
    }

    fn number(&self, name: &str, otherwise: u32) -> u32 {
        if let Some(Value::Number(number)) = self.value(name) { *number } else { otherwise }
    }

    fn span(&self, name: &str, otherwise: Option<Duration>) -> Option<Duration> {
        if let Some(Value::Span(span)) = self.value(name) { *span } else { otherwise }
    }

    fn choice(&self, name: &str) -> Option<&'static str> {
        if let Some(Value::Choice(word)) = self.value(name) { Some(word) } else { None }
    }

    pub(super) fn flag(&self, name: &str, otherwise: bool) -> bool {
        if let Some(Value::Flag(flag)) = self.value(name) { *flag } else { otherwise }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        if let Some(Value::Text(text)) = self.value(name) { Some(text.clone()) } else { None }
    }

    fn texts(&self, name: &str) -> Vec<String> {
        if let Some(Value::Texts(texts)) = self.value(name) { texts.clone() } else { Vec::new() }
    }

    fn tables(&self, name: &str) -> &'a [Item] {
        if let Some(Value::Tables(items)) = self.value(name) { items } else { &[] }
    }
}

/// Builds the configuration. Numbers that no layer sets are those of core, which the example file repeats.
pub(super) fn build(layer: Layer, file: Option<PathBuf>, folder: &Path) -> Result<Config, Vec<Problem>> {
    let mut problems = Vec::new();
    let defaults = kind(&Values::of(&layer, "defaults"), "worker_contract.", KindSettings::default());
    let contract = Values::of(&layer, "defaults.worker_contract");
    let own = file.as_deref().and_then(Path::parent).map_or_else(|| folder.to_owned(), |parent| folder.join(parent));

    let attempts = retry(&layer, "retry", RetryPolicy::default(), &mut problems);
    let (mut kinds, mut workers, mut retries) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for (name, at) in &layer.workers {
        let values = Values::of(&layer, &format!("workers.{name}"));
        let settings = kind(&values, "", defaults);
        kinds.insert(name.clone(), settings);
        retries.insert(name.clone(), retry(&layer, &format!("workers.{name}.retry"), attempts, &mut problems));
        if BUILT_IN.contains(&name.as_str()) {
            only_tuned(name, &layer, &mut problems);
        } else if let Some(worker) = worker(name, at, &values, settings, &own, &mut problems) {
            workers.insert(name.clone(), worker);
        }
    }
    let settings = Settings {
        followups: followups(&layer, &mut problems),
        defaults,
        kinds,
        tick: Tick(Duration::from_secs(contract.number("tick_secs", 2).into())),
        quotas: quotas(&Values::of(&layer, "quotas")),
        access: access(layer.settings.get("access"), &mut problems),
        retention: retention(&Values::of(&layer, "retention"), &mut problems),
        retry: attempts,
        retries,
        backends: backends(&layer, &own, &mut problems),
    };
    let mut warnings = Vec::new();
    let discord = super::discord::build(&layer, &own, &mut problems, &mut warnings);
    let slack = super::slack::build(&layer, &own, &mut problems, &mut warnings);
    if !problems.is_empty() {
        return Err(problems);
    }
    let (store, web, log) = (Values::of(&layer, "store"), Values::of(&layer, "web"), Values::of(&layer, "log"));
    let builtin = Values::of(&layer, "builtin");
    let on = |name| if let Some(Value::Auto(Some(flag))) = builtin.value(name) { *flag } else { workers.is_empty() };
    let bind = web.text("bind").and_then(|text| forms::bind(&text).ok());
    Ok(Config {
        store: StoreConfig {
            url: store.text("url").unwrap_or_default(),
            files: PathBuf::from(store.text("files").unwrap_or_default()),
        },
        web: WebConfig {
            enabled: web.flag("enabled", true),
            bind: bind.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        },
        log: LogConfig {
            format: match log.choice("format") {
                Some("human") => LogFormat::Human,
                Some("json") => LogFormat::Json,
                _ => LogFormat::Auto,
            },
            filter: log.text("filter").unwrap_or_default(),
        },
        discord,
        slack,
        builtin: Builtin { demo: on("demo"), echo: on("echo") },
        settings,
        workers,
        effective: layer.settings.iter().map(|(key, setting)| effective(key, setting)).collect(),
        warnings,
        file,
        layer,
        fingerprint: 0,
    })
}

fn effective(key: &str, setting: &Setting) -> Effective {
    Effective { key: key.to_owned(), value: setting.shown.clone(), source: setting.at.clone(), reload: setting.reload }
}

/// The settings of a kind, each as given or as in `base`. The deadlines stand below `contract`.
fn kind(values: &Values<'_>, contract: &str, base: KindSettings) -> KindSettings {
    let secs = |name: &str, otherwise| values.number(&format!("{contract}{name}"), otherwise);
    KindSettings {
        terms: Terms {
            ack_secs: secs("ack_secs", base.terms.ack_secs),
            progress_secs: secs("progress_secs", base.terms.progress_secs),
            terminal_secs: secs("terminal_secs", base.terms.terminal_secs),
        },
        inactivity: values.span("inactivity", base.inactivity),
        question: values.span("question", Some(base.question)).unwrap_or(base.question),
        on_interrupt: match values.choice("on_interrupt") {
            Some("report") => OnInterrupt::Report,
            Some("rerun") => OnInterrupt::Rerun,
            _ => base.on_interrupt,
        },
        notify: match values.choice("notify") {
            Some("always") => Notify::Always,
            Some("failure") => Notify::Failure,
            Some("never") => Notify::Never,
            _ => base.notify,
        },
        max_running: values.number("max_running", base.max_running),
        // Whoever accepts a job says whether its attempts are made again.
        retry: None,
    }
}

/// The rule of retries below a section, each number as given or as in `base`.
fn retry(layer: &Layer, section: &str, base: RetryPolicy, problems: &mut Vec<Problem>) -> RetryPolicy {
    let values = Values::of(layer, section);
    let policy = RetryPolicy {
        attempts: values.number("attempts", base.attempts),
        first: values.span("first", Some(base.first)).unwrap_or(base.first),
        factor: values.number("factor", base.factor),
        cap: values.span("cap", Some(base.cap)).unwrap_or(base.cap),
    };
    let given = ["cap", "first"].into_iter().find_map(|name| Some((name, values.setting(name)?)));
    if policy.cap < policy.first
        && let Some((name, setting)) = given
    {
        let what = "the longest rest cannot be shorter than the first; make cap at least first";
        problems.push(Problem::new(setting.at.clone(), format!("{section}.{name}"), what));
    }
    policy
}

/// The backend accounts. A path is meant as whoever wrote the file sees it.
fn backends(layer: &Layer, own: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, BackendSettings> {
    let mut all = BTreeMap::new();
    for (name, at) in &layer.backends {
        let values = Values::of(layer, &format!("backends.{name}"));
        let Some(service) = values.choice("service").and_then(Service::from_name) else {
            let what = "a backend needs service = \"claude\", \"codex\" or \"http\"";
            problems.push(Problem::new(at.clone(), format!("backends.{name}.service"), what));
            continue;
        };
        let credentials = values.text("credentials").map(|path| own.join(path));
        let credentials = credentials.map(|path| std::path::absolute(&path).unwrap_or(path));
        all.insert(name.clone(), BackendSettings { service, credentials });
    }
    all
}

fn only_tuned(name: &str, layer: &Layer, problems: &mut Vec<Problem>) {
    let prefix = format!("workers.{name}.");
    let own = layer.settings.iter().filter_map(|(key, setting)| Some((key, key.strip_prefix(&prefix)?, setting)));
    for (key, last, setting) in own.filter(|(_, last, _)| !TUNED.contains(last)) {
        let what = format!("`{name}` is built in and has no {last}; choose another name for a worker of your own");
        problems.push(Problem::new(setting.at.clone(), key, what));
    }
}

fn worker(
    name: &str,
    at: &Origin,
    values: &Values<'_>,
    settings: KindSettings,
    own: &Path,
    problems: &mut Vec<Problem>,
) -> Option<WorkerConfig> {
    let command = values.texts("command");
    let Some((program, fixed)) = command.split_first().filter(|(program, _)| !program.trim().is_empty()) else {
        let what = "a worker needs a command, such as command = [\"./report.sh\"]";
        problems.push(Problem::new(at.clone(), format!("workers.{name}.command"), what));
        return None;
    };
    // A bare name is looked up in PATH. A path is meant as whoever wrote the file sees it, and the job runs elsewhere.
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    let program = if program.contains('/') {
        absolute(own.join(program)).to_string_lossy().into_owned()
    } else {
        program.clone()
    };
    Some(WorkerConfig {
        command: std::iter::once(program).chain(fixed.iter().cloned()).collect(),
        args: args(name, values.tables("args"), problems),
        env: values.texts("env"),
        cwd: values.text("cwd").map(|cwd| absolute(own.join(cwd))),
        separator: values.flag("separator", true),
        stderr_progress: values.choice("stderr") == Some("progress"),
        asks: values.flag("asks", true),
        result_file: values.text("result_file"),
        max_file_mib: values.number("max_file_mib", 1_024),
        max_open_files: values.number("max_open_files", 1_024),
        about: values.text("about").unwrap_or_else(|| about(&command)),
        settings,
    })
}

/// A kind that says nothing about itself is told apart by its program. The rest of the command stays out of chats.
fn about(command: &[String]) -> String {
    let program = command.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    format!("runs {}", program.to_string_lossy())
}

fn args(worker: &str, items: &[Item], problems: &mut Vec<Problem>) -> Vec<ArgConfig> {
    let mut all: Vec<ArgConfig> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let values = Values::item(item);
        let path = format!("workers.{worker}.args[{}]", index + 1);
        let Some(name) = values.text("name") else {
            problems.push(Problem::new(item.at.clone(), path, "an argument needs a name"));
            continue;
        };
        let arg = ArgConfig {
            name,
            pattern: values.text("pattern").unwrap_or_else(|| ".+".to_owned()),
            max: values.number("max", 200),
            optional: values.flag("optional", false),
            rest: values.flag("rest", false),
        };
        let what = match all.last() {
            Some(before) if before.rest => Some("only the last argument may take the rest"),
            Some(before) if before.optional && !arg.optional => Some("it comes after one that may be left out"),
            _ if all.iter().any(|other| other.name == arg.name) => Some("another argument has this name"),
            _ => None,
        };
        problems.extend(what.map(|what| Problem::new(item.at.clone(), path, what)));
        all.push(arg);
    }
    all
}

fn quotas(values: &Values<'_>) -> Quotas {
    let base = Quotas::default();
    Quotas {
        person_running: values.number("person_running", base.person_running),
        person_queued: values.number("person_queued", base.person_queued),
        channel_open: values.number("channel_open", base.channel_open),
        cooldown: values.span("cooldown", Some(base.cooldown)).unwrap_or(Duration::ZERO),
    }
}

fn retention(values: &Values<'_>, problems: &mut Vec<Problem>) -> Retention {
    let base = Retention::default();
    let bodies = values.span("bodies", Some(base.bodies)).unwrap_or(base.bodies);
    let receipts = values.span("receipts", Some(base.receipts)).unwrap_or(base.receipts);
    if receipts < bodies
        && let Some(setting) = values.setting("receipts")
    {
        let what = "the records cannot go before what belongs to them; make it at least retention.bodies";
        problems.push(Problem::new(setting.at.clone(), "retention.receipts", what));
    }
    Retention { bodies, receipts }
}

fn followups(layer: &Layer, problems: &mut Vec<Problem>) -> FollowupSettings {
    let values = Values::of(layer, "followups");
    let base = FollowupSettings::default();
    let span = |name, otherwise| values.span(name, Some(otherwise)).unwrap_or(otherwise);
    let bounds = Bounds {
        min: span("min", base.bounds.min),
        max: span("max", base.bounds.max),
        min_every: span("min_every", base.bounds.min_every),
    };
    for (name, least) in [("min", bounds.min), ("min_every", bounds.min_every)] {
        let given = ["max", name].into_iter().find_map(|name| Some((name, values.setting(name)?)));
        if least > bounds.max
            && let Some((key, setting)) = given
        {
            let what = format!("no time would be allowed; make followups.max at least followups.{name}");
            problems.push(Problem::new(setting.at.clone(), format!("followups.{key}"), what));
        }
    }
    let zone = layer.settings.get("timezone").map(|setting| &setting.value);
    FollowupSettings {
        bounds,
        missed: match values.choice("missed") {
            Some("run_late") => MissedPolicy::RunLate,
            Some("notice") => MissedPolicy::Notice,
            _ => base.missed,
        },
        missed_max_age: span("missed_max_age", base.missed_max_age),
        pause_after: values.number("pause_after", base.pause_after),
        per_person: values.number("per_person", base.per_person),
        timezone: match zone {
            Some(Value::Text(name)) => Zone::parse(name).unwrap_or(base.timezone),
            _ => base.timezone,
        },
    }
}

fn access(setting: Option<&Setting>, problems: &mut Vec<Problem>) -> Access {
    let Some(Setting { value: Value::Tables(items), .. }) = setting else {
        return Access::default();
    };
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let values = Values::item(item);
        let path = format!("access[{}]", index + 1);
        let grant = match values.choice("grant") {
            Some("viewer") => Role::Viewer,
            Some("operator") => Role::Operator,
            Some("owner") => Role::Owner,
            _ => {
                let what = "a rule needs grant = \"viewer\", \"operator\" or \"owner\"";
                problems.push(Problem::new(item.at.clone(), path, what));
                continue;
            }
        };
        let (user, role) = (values.text("user"), values.text("role"));
        let (channel, guild) = (values.text("channel"), values.text("guild"));
        let rule = Rule { account: values.text("account"), user, role, channel, guild, grant };
        if !rule.has_condition() {
            let what = "a rule without user, role, channel or guild would match nobody; give at least one of them";
            problems.push(Problem::new(item.at.clone(), path, what));
            continue;
        }
        let odd = super::slack::odd_ids(&rule);
        for (field, what) in &odd {
            let at = values.setting(field).map_or(&item.at, |setting| &setting.at);
            problems.push(Problem::new(at.clone(), format!("{path}.{field}"), what.clone()));
        }
        if odd.is_empty() {
            rules.push(rule);
        }
    }
    Access { rules }
}
