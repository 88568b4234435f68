//! `wilco check`: what is wrong with the configuration, without starting anything.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use wilco_core::Clock;
use wilco_loop::clock::SystemClock;
use wilco_loop::launcher;

use crate::bot::Extras;
use crate::cli::{Column, Table, terminal_width};
use crate::config::{Config, Loader, Problems};
use crate::exit::Exit;
use crate::{kinds, out};

/// Checks all layers, and that every configured worker can be made. Touches no store and no network.
pub(crate) fn check(loader: &Loader, extras: &Extras, show: bool, json: bool) -> anyhow::Result<Exit> {
    let checked = loader.load().and_then(|config| makes_sense(&config, extras).map(|()| config));
    match checked {
        Ok(config) => {
            if json {
                out::json(&good(&config, show))?
            } else {
                out::answer(&words(&config, show))?
            }
            Ok(Exit::Fine)
        }
        Err(problems) if json => {
            out::json(&json!({ "ok": false, "problems": problems }))?;
            Ok(Exit::Config)
        }
        Err(problems) => Err(problems.into()),
    }
}

fn makes_sense(config: &Config, extras: &Extras) -> Result<(), Problems> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    // Nothing is started, so where this program lies does not matter here.
    let launcher = launcher::this_executable().unwrap_or_else(|_| PathBuf::from("wilco"));
    kinds::build(config, &extras.kinds, &launcher, &clock).map(drop)
}

fn good(config: &Config, show: bool) -> Value {
    let mut answer = json!({ "ok": true, "file": config.file, "problems": [], "warnings": config.warnings });
    if show {
        answer["effective"] = json!(config.effective);
    }
    answer
}

fn words(config: &Config, show: bool) -> String {
    let mut text = match &config.file {
        Some(file) => format!("ok: {}\n", file.display()),
        None => "ok: there is no file, the defaults and the environment hold\n".to_owned(),
    };
    for warning in &config.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    if show {
        let columns = [Column::fixed("key"), Column::text("value"), Column::fixed("source"), Column::fixed("applies")];
        let mut table = Table::new(columns);
        for value in &config.effective {
            let applies = if value.reload { "at once" } else { "restart" };
            table.row([value.key.as_str(), &value.value, &value.source.to_string(), applies]);
        }
        text.push_str(&table.render(terminal_width()));
    }
    text
}
