//! The reference page of all keys, made from the table, so that it cannot say anything else.

use wilco_core::schedule;
use wilco_core::text::duration;
use wilco_core::worker::MAX_RERUNS;

use super::layers::defaults;
use super::schema::{Key, Kind, TABLE};

const HEAD: &str = "\
# Configuration

Every key, what it takes, and whether a change applies while wilco runs. A test makes this page from the table that
the program reads the configuration by.

Later layers win:

1. the compiled-in defaults, which are `bot.example.toml`;
2. one file: `--config`, else `WILCO_CONFIG`, else `./bot.toml`, else `$XDG_CONFIG_HOME/wilco/bot.toml`
   (`~/.config/wilco/bot.toml`); the first that exists is the only one;
3. the environment: `WILCO_<SECTION>__<KEY>`, such as `WILCO_DEFAULTS__WORKER_CONTRACT__ACK_SECS=7` or
   `WILCO_WORKERS__REPORT__MAX_RUNNING=2` (a dash in a name is an underscore here; lists are written as in the file);
   `DATABASE_URL` sets `store.url` unless `WILCO_STORE__URL` does;
4. the command line: `--store`, `--web`.

`${NAME}` in a text of the file is replaced from the environment; a missing variable is an error. `$${NAME}` stays as
`${NAME}`. Durations are numbers with `ms`, `s`, `m`, `h` or `d`, such as `\"90s\"` or `\"1h 30m\"`. Ids are texts.

A value that is unknown or out of its range is refused with file, line and column, what is allowed, the default and the
nearest name; nothing of such a configuration is used. `wilco check` says so without starting, and `wilco check --show`
lists every value with its source.

While wilco runs, a changed file is read again by itself and on SIGHUP. Keys marked *at once* hold for the next tick and
the next job; keys marked *restart* are named in the log and keep their old value until then. A file with a mistake
changes nothing: the settings that were read last stay, and the log says what is wrong.
";

const FIXED: &str = "
## Fixed numbers

These are no keys, because a wrong value would break the promise of delivery rather than tune it.
";

/// The whole page in Markdown.
pub fn page() -> String {
    let mut out = HEAD.to_owned();
    let mut section = None;
    for key in TABLE {
        let (home, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        // A list of tables is a section of its own; every other key without a section stands above them all.
        let home = if matches!(key.kind, Kind::Tables { .. }) && home.is_empty() { key.path } else { home };
        if section != Some(home) {
            section = Some(home);
            heading(&mut out, home);
        }
        row(&mut out, name, key);
    }
    out.push_str(FIXED);
    fixed(&mut out);
    out
}

fn heading(out: &mut String, home: &str) {
    let title = match home.strip_suffix("[]") {
        Some(list) => format!("`each table of {list}`"),
        None if home == "access" => "`[[access]]`".to_owned(),
        None if home.is_empty() => "Above the first section".to_owned(),
        None => format!("`[{home}]`"),
    };
    out.push_str(&format!("\n## {title}\n\n| key | default | allowed | applies | what it is |\n"));
    out.push_str("| --- | --- | --- | --- | --- |\n");
}

fn row(out: &mut String, name: &str, key: &Key) {
    let default = match (key.absent, defaults().shown(key.path)) {
        ("", Some(shown)) => format!("`{shown}`"),
        ("", None) => String::new(),
        (from, _) if from.starts_with("defaults.") => format!("that of `{from}`"),
        (words, _) => words.to_owned(),
    };
    let applies = if key.reload { "at once" } else { "restart" };
    let cells = [&format!("`{name}`"), &default, &key.kind.allowed(), applies, key.about];
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn fixed(out: &mut String) {
    let rows = [
        (
            "attempts of a result",
            format!("for {}", duration(schedule::GIVE_UP_AFTER)),
            "long enough for an outage over a weekend; then it stands on the operator's list",
        ),
        (
            "one call to a platform",
            duration(schedule::REQUEST_LIMIT),
            "after that nobody knows whether it was applied, and the doubt is cleared up",
        ),
        (
            "claim of a receipt",
            duration(schedule::RECEIPT_LEASE),
            "four calls long, so that a slow call never loses its claim",
        ),
        (
            "claim of a worker",
            format!("{}, renewed every {}", duration(schedule::WORKER_LEASE), duration(schedule::RENEW_EVERY)),
            "two renewals may fail before another instance takes over",
        ),
        (
            "second edit of a result",
            format!("after {}", duration(schedule::REASSERT_AFTER)),
            "a late progress edit cannot have the last word",
        ),
        (
            "runs again after a crash",
            format!("at most {MAX_RERUNS}"),
            "a job that takes the process down with it is not run for ever",
        ),
    ];
    out.push_str("\n| what | value | why |\n| --- | --- | --- |\n");
    for (what, value, why) in rows {
        out.push_str(&format!("| {what} | {value} | {why} |\n"));
    }
}
