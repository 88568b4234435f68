//! Processes that carry a mark in their command line: the children of jobs.

use std::fs;
use std::time::Duration;

use super::wait;

/// How long after the death of the bot nothing of a job may live any more (requirement C10).
pub const GONE_WITHIN: Duration = Duration::from_secs(1);

/// A worker whose command never ends by itself: it keeps a child in its own process group and one that has
/// detached itself. The mark stands in the command line of each. It prints once, at its start: whoever went on
/// printing would be ended by the broken pipe, without anybody's care.
pub fn spin_worker(mark: &str) -> String {
    let spin = "while :; do sleep 0.1; done";
    let script = format!("setsid sh -c '{spin}' {mark}-detached & sh -c '{spin}' {mark}-child & echo spinning; {spin}");
    format!(
        "[workers.spin]\ncommand = [\"/bin/sh\", \"-c\", \"{script}\", \"{mark}-leader\"]\n\
         args = [{{ name = \"tag\", pattern = \"[a-z0-9-]+\" }}]\nterminal_secs = 600\n"
    )
}

/// The living processes with a mark, as `pid command line`.
pub fn alive(mark: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        // A process that has ended meanwhile, or is a zombie, has no command line.
        let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&raw).replace('\0', " ");
        line.contains(mark).then(|| format!("{pid} {line}"))
    })
    .collect()
}

/// Waits until no process with the mark lives; the error lists those that still do after a second.
///
/// # Errors
/// What has survived.
pub async fn gone(mark: &str) -> Result<(), Vec<String>> {
    let empty = wait::for_some(GONE_WITHIN, async || alive(mark).is_empty().then_some(())).await;
    empty.ok_or_else(|| alive(mark))
}
