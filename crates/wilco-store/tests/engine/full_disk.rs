//! A disk that is really full: a small file system of its own, in a mount namespace of its own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use wilco_store::args;
use wilco_store::engine::{Engine, Tx};
use wilco_store::error::StoreError;

use crate::support::{Keys, NOTES, Put, THREADS, change, insert};

/// Set for the process that runs inside of the small file system.
const INSIDE: &str = "WILCO_TEST_FULL_DISK";
const MOUNT: &str = "mount -t tmpfs -o size=8m none \"$1\" && shift && exec \"$@\"";
const MIB: usize = 1024 * 1024;

/// A command that runs a program with 8 MiB of disk at `disk`, if this machine lets us: as root, or
/// as a user who may have a namespace of users. The file system vanishes with the process.
fn on_a_small_disk(disk: &Path, program: &[&str]) -> Option<Command> {
    let with = |flags: &[&str], program: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(flags).args(["sh", "-c", MOUNT, "sh"]).arg(disk).args(program);
        command
    };
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works = |flags: &&&[&str]| with(flags, &["true"]).output().is_ok_and(|done| done.status.success());
    ways.iter().find(works).map(|flags| with(flags, program))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(needs: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "needs {needs}");
    eprintln!("skipped: needs {needs}");
}

#[tokio::test]
async fn a_full_disk_in_a_statement_and_in_commit_loses_nothing_and_passes() {
    if let Some(disk) = std::env::var_os(INSIDE) {
        return inside(Path::new(&disk)).await;
    }
    let disk = TempDir::new().unwrap();
    let this = std::env::current_exe().unwrap();
    let name = "full_disk::a_full_disk_in_a_statement_and_in_commit_loses_nothing_and_passes";
    let again = [this.to_str().unwrap(), "--exact", name, "--nocapture"];
    let Some(mut command) = on_a_small_disk(disk.path(), &again) else {
        return skip("the right to mount a tmpfs (unshare, mount)");
    };
    let done = command.env(INSIDE, disk.path()).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

async fn big(tx: &mut Tx<'_>, name: &str) -> Result<(), StoreError> {
    insert(tx, name, "half").await?;
    for part in 0..8 {
        insert(tx, &format!("{name}{part}"), &"x".repeat(MIB / 4)).await?;
    }
    Ok(())
}

async fn write_big(engine: &Engine, pragma: &'static str, name: &'static str) -> Result<(), StoreError> {
    let big = change(move |tx| {
        Box::pin(async move {
            tx.run(pragma, args![]).await?;
            big(tx, name).await
        })
    });
    engine.write(big).await
}

async fn inside(disk: &Path) {
    let url = format!("sqlite:{}", disk.join("w.db").display());
    let engine = Engine::open_with(&url, THREADS, &[NOTES]).await.unwrap();
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![1; 6 * MIB + MIB / 2]).unwrap();

    // Pages are kept in memory until COMMIT writes them to the log; or nearly none are kept, so that
    // a statement has to write them.
    let in_commit = "PRAGMA cache_spill = OFF";
    let in_statement = "PRAGMA cache_size = 10";
    for (pragma, name, told_by_commit) in [(in_commit, "c", true), (in_statement, "s", false)] {
        let (a, told, b) = tokio::join!(
            engine.write(Put::new(format!("{name}-before"))),
            write_big(&engine, pragma, name),
            engine.write(Put::new(format!("{name}-after"))),
        );
        assert_eq!((a, b), (Ok(1), Ok(1)), "the neighbours in the group are small enough");
        let Err(StoreError::Full(why)) = &told else { panic!("{name}: {told:?}") };
        assert_eq!(why.starts_with("committing"), told_by_commit, "{why}");
    }
    let small = ["c-before", "c-after", "s-before", "s-after"];
    assert_eq!(engine.read(Keys).await.unwrap(), small, "nothing is half applied");

    std::fs::remove_file(ballast).unwrap();
    write_big(&engine, in_commit, "c").await.expect("space was freed");
    let whole = engine.read(Keys).await.unwrap();
    assert_eq!(whole.len(), small.len() + 9);
    engine.close().await;

    let engine = Engine::open_with(&url, THREADS, &[NOTES]).await.unwrap();
    assert_eq!(engine.read(Keys).await.unwrap(), whole);
    let sound = change(|tx| {
        Box::pin(async move {
            let row = tx.row("PRAGMA integrity_check", args![]).await?;
            row.map_or(Ok(String::new()), |row| row.text("integrity_check"))
        })
    });
    assert_eq!(engine.read(sound).await.as_deref(), Ok("ok"));
}
