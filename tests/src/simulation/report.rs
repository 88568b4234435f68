//! What a broken promise looks like to whoever has to mend it.

use std::fmt::Write;
use std::process::Command;

use super::life::Lived;
use super::schedule::Schedule;
use super::shrink::shrink;

/// Everything that is needed to see it again: what broke, the seed, the commit, the shrunken schedule and
/// the channels.
pub fn report(what: &str, schedule: &Schedule, lived: &Lived) -> String {
    let (short, seen) = shrink(lived);
    let mut text = String::new();
    let mut line = |words: String| writeln!(text, "{words}").unwrap_or_default();
    line(format!("the promise was broken by {what}, at commit {}", commit()));
    lived.violations.iter().for_each(|violation| line(format!("  {violation}")));
    let again = if *schedule == Schedule::random(schedule.seed) {
        format!("--seed {}", schedule.seed)
    } else {
        "--schedule FILE, with the JSON below".to_owned()
    };
    line(format!("again: cargo run -p wilco-tests --bin sim -- {again}"));
    line(format!("\nthe shortest life that was found to break the same:\n{short}"));
    seen.violations.iter().for_each(|violation| line(format!("  {violation}")));
    line(format!("\nthe channels at its end:\n{}", seen.transcript));
    match serde_json::to_string(&short) {
        Ok(json) => line(format!("as JSON, for `sim --schedule FILE`:\n{json}")),
        Err(error) => line(format!("it could not be written as JSON: {error}")),
    }
    text
}

/// The commit that is simulated, and whether the tree differs from it.
pub fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match (git(&["rev-parse", "--short=12", "HEAD"]), git(&["status", "--porcelain", "--untracked-files=no"])) {
        (Some(commit), Some(changes)) if changes.is_empty() => commit,
        (Some(commit), _) => format!("{commit} with changes"),
        (None, _) => "unknown".to_owned(),
    }
}
