//! The worker kinds: those that are built in, those that are configured, and those of the program.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use wilco_core::{Clock, Worker};
use wilco_loop::kinds::{ArgSpec, CommandSpec, CommandWorker, KindMap, Kinds};
use wilco_loop::launcher::Rlimits;

use crate::config::{Config, Origin, Problem, Problems, WorkerConfig};

/// Makes all kinds anew. `own` are those of the program; `launcher` is the executable through which commands are
/// started.
///
/// # Errors
/// Every configured worker that cannot be made, each with its place in the configuration.
pub(crate) fn build(
    config: &Config,
    own: &BTreeMap<String, Arc<dyn Worker>>,
    launcher: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<KindMap, Problems> {
    let mut kinds = Kinds::builtin(clock);
    for (name, on) in [("demo", config.builtin.demo), ("echo", config.builtin.echo)] {
        if !on {
            kinds.remove(name);
        }
    }
    let mut problems = Vec::new();
    for (name, worker) in &config.workers {
        let made = if own.contains_key(name) {
            Err(format!("the program has a worker named `{name}` already; choose another name"))
        } else {
            CommandWorker::new(spec(name, worker), launcher.to_owned(), Arc::clone(clock))
        };
        match made {
            Ok(made) => drop(kinds.insert(name.clone(), Arc::new(made))),
            Err(what) => problems.push(Problem::new(place(config, name), format!("workers.{name}"), what)),
        }
    }
    kinds.extend(own.iter().map(|(name, worker)| (name.clone(), Arc::clone(worker))));
    if problems.is_empty() { Ok(kinds) } else { Err(Problems(problems)) }
}

/// The names that the greeting shows: `say` is no job that people would start.
pub(crate) fn shown(kinds: &Kinds) -> String {
    let names: Vec<String> = kinds.names().into_iter().filter(|name| name != "say").collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn spec(name: &str, worker: &WorkerConfig) -> CommandSpec {
    CommandSpec {
        args: worker
            .args
            .iter()
            .map(|arg| ArgSpec {
                name: arg.name.clone(),
                pattern: Some(arg.pattern.clone()),
                max_chars: usize::try_from(arg.max).unwrap_or(usize::MAX),
                optional: arg.optional,
                rest: arg.rest,
            })
            .collect(),
        env_allow: worker.env.clone(),
        cwd: worker.cwd.clone(),
        separator: worker.separator.then(|| "--".to_owned()),
        stderr_progress: worker.stderr_progress,
        asks: worker.asks,
        result_file: worker.result_file.clone(),
        limits: Rlimits {
            file_size: Some(u64::from(worker.max_file_mib) << 20),
            open_files: Some(worker.max_open_files.into()),
        },
        about: worker.about.clone(),
        ..CommandSpec::new(name, worker.command.iter().cloned())
    }
}

/// Where a worker is configured.
fn place(config: &Config, name: &str) -> Origin {
    let key = format!("workers.{name}.command");
    let found = config.effective.iter().find(|value| value.key == key);
    found.map_or(Origin::Default, |value| value.source.clone())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use wilco_core::Input;
    use wilco_core::Person;
    use wilco_loop::clock::SystemClock;
    use wilco_loop::kinds::Echo;

    use super::*;
    use crate::config::{Flags, Loader};

    fn config(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bot.toml"), text).unwrap();
        Loader::new(Flags::default(), BTreeMap::new(), folder.path()).load().unwrap()
    }

    fn made(text: &str, own: &BTreeMap<String, Arc<dyn Worker>>) -> Result<KindMap, Problems> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        build(&config(text), own, &PathBuf::from("/proc/self/exe"), &clock)
    }

    const REPORT: &str = "[workers.report]\ncommand = [\"./report.sh\", \"--weekly\"]\nabout = \"the report\"\n\
                          args = [{ name = \"branch\", pattern = \"[a-z]+\", max = 8 }]\n";

    #[test]
    fn built_in_kinds_are_there_until_something_is_configured() {
        let names = |text: &str| made(text, &BTreeMap::new()).unwrap().into_keys().collect::<Vec<_>>();
        assert_eq!(names(""), ["demo", "echo", "say"]);
        assert_eq!(names(REPORT), ["report", "say"]);
        assert_eq!(names(&format!("[builtin]\necho = true\n{REPORT}")), ["echo", "report", "say"]);
        assert_eq!(names("[builtin]\ndemo = false\necho = false\n"), ["say"]);
    }

    #[test]
    fn a_configured_worker_takes_what_its_arguments_allow() {
        let kinds = made(REPORT, &BTreeMap::new()).unwrap();
        let report = &kinds["report"];
        let check = |text: &str| report.check(&Input::new(text, Person::new("1", "x")));
        assert_eq!(report.about(), "the report · <branch>");
        assert_eq!(check("main"), Ok(()));
        assert!(check("a9").unwrap_err().contains("`branch` has to match the pattern `[a-z]+`"));
        assert!(check("abcdefghij").unwrap_err().contains("at most 8 characters"));
        assert!(check("").unwrap_err().contains("missing"));
    }

    #[test]
    fn a_configured_worker_has_limits_and_may_change_them() {
        let limits = |text: &str| spec("report", &config(text).workers["report"]).limits;
        assert_eq!(limits(REPORT), Rlimits::USUAL);
        let changed = limits(&format!("{REPORT}max_file_mib = 2\nmax_open_files = 64\n"));
        assert_eq!(changed, Rlimits { file_size: Some(2 << 20), open_files: Some(64) });
    }

    #[test]
    fn y1_a_worker_of_the_program_and_a_configured_one_cannot_share_a_name() {
        let own: BTreeMap<String, Arc<dyn Worker>> = [("report".to_owned(), Arc::new(Echo) as Arc<dyn Worker>)].into();
        let refused = made(REPORT, &own).err().unwrap();
        assert!(refused.0[0].what.contains("`report` already"), "{refused}");
        assert!(matches!(&refused.0[0].at, Origin::File { line: 2, .. }), "{refused}");
        assert!(made("", &own).unwrap().contains_key("report"));
    }
}
