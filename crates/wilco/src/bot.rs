//! The library face: the same program with workers and connections of one's own.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use wilco_core::access::Rule;
use wilco_core::settings::KindSettings;
use wilco_core::{Messaging, Worker};

use crate::config::{Loader, Problem, Problems, Text};
use crate::wiring::Wiring;
use crate::{config, program, run};

/// Makes a connection. It only makes it: whatever takes time belongs into [`Messaging::listen`], because
/// the command line makes the connections, too, to know their measures.
pub type MakeAdapter = Box<dyn FnOnce(&Wiring) -> anyhow::Result<Arc<dyn Messaging>> + Send>;

/// Changes the settings of a worker kind, starting from the configured defaults. Called again for every reload.
pub type Tune = Arc<dyn Fn(&mut KindSettings) + Send + Sync>;

/// What a program adds to wilco.
#[derive(Default)]
pub struct Extras {
    /// Worker kinds by name. They win over `demo` and `echo`; a configured worker of the same name is refused.
    pub kinds: BTreeMap<String, Arc<dyn Worker>>,
    /// Settings of these kinds.
    pub tuned: BTreeMap<String, Tune>,
    /// Further connections.
    pub adapters: Vec<MakeAdapter>,
    /// Access rules besides the configured ones, such as for those connections.
    pub access: Vec<Rule>,
}

/// A bot with workers and connections of one's own. Begin with [`Bot::builder`], end with [`Bot::main`] or [`Bot::run`].
#[derive(Default)]
#[must_use = "a bot does nothing before `main` or `run`"]
pub struct Bot {
    extras: Extras,
}

impl Bot {
    /// A bot that is exactly the program `wilco`.
    pub fn builder() -> Self {
        Self::default()
    }

    /// Adds a worker kind, started as `/run name`. The name has 1 to 32 of a-z, 0-9, - and _ and begins with a
    /// letter; another one ends the program with a sentence and exit code 78.
    pub fn worker(mut self, name: impl Into<String>, worker: impl Worker + 'static) -> Self {
        self.extras.kinds.insert(name.into(), Arc::new(worker));
        self
    }

    /// As [`Bot::worker`], with settings of its own: `tune` changes what `[defaults]` says.
    pub fn worker_with(
        mut self,
        name: impl Into<String>,
        worker: impl Worker + 'static,
        tune: impl Fn(&mut KindSettings) + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        self.extras.tuned.insert(name.clone(), Arc::new(tune));
        self.worker(name, worker)
    }

    /// Adds a connection. See [`MakeAdapter`] for what `make` may do.
    pub fn adapter(
        mut self,
        make: impl FnOnce(&Wiring) -> anyhow::Result<Arc<dyn Messaging>> + Send + 'static,
    ) -> Self {
        self.extras.adapters.push(Box::new(make));
        self
    }

    /// Adds an access rule. Nobody may do anything over a connection until a rule says so.
    pub fn allow(mut self, rule: Rule) -> Self {
        self.extras.access.push(rule);
        self
    }

    /// What was added, for a program that calls [`crate::main_with`] itself.
    pub fn into_extras(self) -> Extras {
        self.extras
    }

    /// Reads the command line, does what it says and returns how the process ends. Call it first in `main`.
    pub fn main(self) -> ExitCode {
        program::main_with(self.extras)
    }

    /// Runs within a runtime and with a log of one's own, without a command line, until SIGTERM or Ctrl-C.
    ///
    /// Configured `command` workers are started through this very executable: where there may be some, call
    /// [`crate::launcher::intercept`] first in `main`, as [`Bot::main`] does.
    ///
    /// # Errors
    /// A sentence for the person who started it; [`crate::exit::Exit::of`] finds the fitting exit code.
    pub async fn run(self) -> anyhow::Result<()> {
        self.extras.check()?;
        let loader = Loader::from_process(config::Flags::default());
        let config = loader.load()?;
        run::run(loader, config, self.extras).await
    }
}

impl Extras {
    /// Whether the kinds have names that people can type.
    pub(crate) fn check(&self) -> Result<(), Problems> {
        let problems: Vec<Problem> = self
            .kinds
            .keys()
            .filter(|name| *name == "say" || Text::ArgName.check(name).is_err())
            .map(|name| {
                let what = match name.as_str() {
                    "say" => "`say` is built in; the program has to choose another name for its worker".to_owned(),
                    _ => format!(
                        "a worker of the program cannot be named {name:?}; allowed: {}",
                        Text::ArgName.allowed()
                    ),
                };
                Problem::new(config::Origin::Default, format!("workers.{name}"), what)
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use wilco_loop::kinds::Echo;

    use super::*;

    #[test]
    fn y1_a_worker_of_ones_own_needs_a_name_that_people_can_type() {
        assert!(Bot::builder().worker("night-report", Echo).extras.check().is_ok());
        for name in ["say", "", "Night", "two words", "7up"] {
            let refused = Bot::builder().worker(name, Echo).extras.check().unwrap_err();
            assert_eq!(refused.0.len(), 1, "{name}");
        }
    }
}
