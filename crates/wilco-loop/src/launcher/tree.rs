//! The processes below this one.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::Pid;

/// What `/proc` says of a living process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    pid: Pid,
    parent: i32,
    session: i32,
}

/// Every living process that descends from this one, nearest first.
///
/// Because the launcher adopts what its descendants leave behind, this is every process of the job,
/// also those that left its process group. Zombies are left out. Empty where there is no `/proc`.
pub(super) fn descendants() -> Vec<Pid> {
    let everything = processes();
    let mut found = vec![rustix::process::getpid()];
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|pid| pid.as_raw_nonzero().get()) {
        next += 1;
        found.extend(everything.iter().filter(|seen| seen.parent == parent).map(|seen| seen.pid));
    }
    found.remove(0);
    found
}

/// The processes of a job whose launcher is gone: those of the session that it opened, and those
/// that left it but still have the job's output folder in their environment.
pub(crate) fn strays(session: Option<Pid>, out: &Path) -> Vec<Pid> {
    let session = session.map(|session| session.as_raw_nonzero().get());
    let mut variable = b"WILCO_OUT=".to_vec();
    variable.extend_from_slice(out.as_os_str().as_bytes());
    let started_with = |pid: Pid| {
        let environment = std::fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|entry| entry == variable)
    };
    let everything = processes().into_iter();
    everything.filter(|seen| Some(seen.session) == session || started_with(seen.pid)).map(|seen| seen.pid).collect()
}

/// Each living process. One that ends while we look is simply not in the list.
fn processes() -> Vec<Seen> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            read(pid, &std::fs::read(entry.path().join("stat")).ok()?)
        })
        .collect()
}

/// Reads `/proc/<pid>/stat` (proc(5)): `pid (name) state ppid pgrp session …`. A name may hold
/// spaces and parentheses, so the fields are counted from the last one. None for a zombie.
fn read(pid: Pid, stat: &[u8]) -> Option<Seen> {
    let after = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = std::str::from_utf8(stat.get(after + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(4).collect();
    match fields.as_slice() {
        ["Z", ..] => None,
        [_, parent, _, session] => Some(Seen { pid, parent: parent.parse().ok()?, session: session.parse().ok()? }),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_fields_misleads_nobody() {
        let pid = Pid::INIT;
        assert_eq!(read(pid, b"1 (a) Z 1 (b) c) S 7 12 13 0"), Some(Seen { pid, parent: 7, session: 13 }));
        assert_eq!(read(pid, b"1 (sh) Z 7 12 13 0"), None);
        assert_eq!(read(pid, b"1 (sh"), None);
    }

    #[test]
    fn a_child_and_its_child_are_found() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 100 & echo $!; wait"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let grandchild = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        let found = descendants();
        assert!(found.contains(&Pid::from_child(&child)));
        assert!(found.contains(&grandchild));
        rustix::process::kill_process(grandchild, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(!descendants().contains(&grandchild));
    }
}
