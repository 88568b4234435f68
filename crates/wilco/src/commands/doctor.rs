//! `wilco doctor`: what is wrong, and what to do about it. Each check is made live, and none changes anything.

mod discord;
mod report;
mod slack;

use serde_json::json;
use wilco_core::desk::{Caller, Desk};
use wilco_core::text::duration;
use wilco_core::{AccountId, wording};
use wilco_store::Looked;

use self::report::{Report, Severity};
use super::Counter;
use crate::bot::Extras;
use crate::cli::Channel;
use crate::config::{Config, Loader};
use crate::exit::Exit;
use crate::{out, wiring};

/// Answers `wilco doctor`.
pub(crate) async fn doctor(
    loader: &Loader,
    extras: Extras,
    channel: Option<&Channel>,
    json: bool,
) -> anyhow::Result<Exit> {
    let mut report = Report::default();
    if let Some(config) = configuration(&mut report, loader) {
        let owners = store(&mut report, &config, extras).await;
        discord::look(&mut report, &config, channel, &owners).await;
        slack::look(&mut report, &config, channel, &owners).await;
    }
    if json {
        out::json(&json!({ "checks": report.0 }))?;
    } else {
        out::answer(&report.words())?;
    }
    Ok(report.exit())
}

fn configuration(report: &mut Report, loader: &Loader) -> Option<Config> {
    let config = match loader.load() {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems.0 {
                let fix = "change it, and run `wilco check` until it says ok";
                report.found("config", Severity::Error, problem.what.clone(), fix).path =
                    Some(format!("{}: {}", problem.at, problem.key));
            }
            return None;
        }
    };
    for warning in &config.warnings {
        let fix = "change what stands there";
        report.found("config", Severity::Warning, warning.what.clone(), fix).path =
            Some(format!("{}: {}", warning.at, warning.key));
    }
    if config.warnings.is_empty() {
        let file = config
            .file
            .as_ref()
            .map_or_else(|| "no file; the defaults hold".to_owned(), |file| file.display().to_string());
        report.ok("config", file);
    }
    Some(config)
}

/// Looks at the store, and answers on which accounts somebody was made owner by a code.
async fn store(report: &mut Report, config: &Config, extras: Extras) -> Vec<AccountId> {
    let database = wiring::database(&config.store.url);
    let fix = "mend what it says, or name another store with --store";
    let opened = match wiring::look(&config.store.url).await {
        Ok(Looked::Ready(store)) => match Counter::over(store.clone(), config, extras, false) {
            Ok(counter) => Ok(counter),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        },
        Ok(Looked::Absent) => {
            let message = "there is none yet: nothing was accepted here";
            let fix = "start `wilco`, which makes it; if there is one elsewhere, name it with --store";
            report.found("store", Severity::Warning, message, fix).path = Some(database.display().to_string());
            return Vec::new();
        }
        Ok(Looked::Older { found, known }) => {
            let found = found.map_or_else(|| "empty".to_owned(), |found| format!("of version {found}"));
            let message = format!("its tables are {found}, this wilco's of {known}; what is in it was not looked at");
            let fix = "start `wilco`, which brings it up to date; keep a copy before, because an older wilco cannot \
                       open it afterwards";
            report.found("store", Severity::Warning, message, fix).path = Some(database.display().to_string());
            return Vec::new();
        }
        Err(error) => Err(error.into()),
    };
    let counter = match opened {
        Ok(counter) => counter,
        Err(error) => {
            report.found("store", Severity::Error, format!("{error:#}"), fix).path =
                Some(database.display().to_string());
            return Vec::new();
        }
    };
    let (health, grants) = (counter.desk.health().await, counter.desk.grants(&Caller::Host).await);
    match health {
        Ok(health) => {
            let served = if wiring::is_served(&counter.database) { "a bot runs on it" } else { "no bot runs on it" };
            report.ok("store", format!("{}; {served}", database.display()));
            if health.failed > 0 {
                let (message, fix) =
                    (format!("{} could not be delivered", health.failed), "`wilco receipts list --failed` says why");
                report.found("store.failed", Severity::Warning, message, fix);
            }
            if let Some(oldest) = health.oldest {
                let age = counter.clock.now().since(oldest);
                if age > OVERDUE {
                    let message =
                        format!("{} wait to be delivered, the oldest for {}", health.undelivered, duration(age));
                    report.found(
                        "store.undelivered",
                        Severity::Warning,
                        message,
                        "`wilco receipts list` says what for",
                    );
                }
            }
            for account in &health.accounts {
                if let Some(why) = &account.paused {
                    let message = format!("{} is paused: {why}", account.account);
                    report.found("store.paused", Severity::Error, message, "mend that, then start the bot again");
                }
            }
            for gate in &health.gates {
                let message = format!("the gate of {} is closed: {}", gate.backend, gate.reason.name());
                report.found("store.gate", Severity::Warning, message, wording::gate_line_for_host(gate));
            }
        }
        Err(error) => {
            report.found("store", Severity::Error, error.to_string(), "mend what it says").path =
                Some(database.display().to_string());
        }
    }
    counter.close().await;
    grants.map(|grants| grants.into_iter().map(|grant| grant.account).collect()).unwrap_or_default()
}

/// What waits longer than this waits for something that a person should look at.
const OVERDUE: std::time::Duration = std::time::Duration::from_secs(15 * 60);
