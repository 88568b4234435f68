//! How a command is stopped, and that nothing of it is left: by a cancel, by its own end, by a
//! dropped future, by the death of the bot, by the death of the launcher.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::stage::{Stage, cause, lacks, mishap, script};

/// Makes this executable a small bot that runs one job and tells what the job says.
pub(crate) const BOT: &str = "__bot";

/// Three processes: the command, a child in its group, and one that detached itself as well as it
/// could. Each says its id; the last word comes once the detached one has lost its parent.
const FAMILY: &str = "echo pid $$; sh -c 'echo pid $$; exec sleep 600' & \
                      (setsid nohup sh -c 'trap \"\" TERM HUP; echo pid $$; while :; do sleep 600; done' &); \
                      echo pid detached; wait; sleep 600";
/// How many lines that is.
const WORDS: usize = 4;

/// Something that tells when a process has ended, whoever its parent is.
struct Watched(OwnedFd);

impl Watched {
    fn new(pid: &str) -> Self {
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        Self(rustix::process::pidfd_open(pid, PidfdFlags::empty()).unwrap())
    }

    /// Whether it ends within that time.
    fn ends_within(&self, time: Duration) -> bool {
        let timeout = Timespec::try_from(time).unwrap();
        // A signal (another test's child ended) interrupts the wait; a few more waits are no harm.
        let wait = || rustix::event::poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout));
        rustix::io::retry_on_intr(wait).unwrap() > 0
    }

    fn has_ended(&self) -> bool {
        self.ends_within(Duration::ZERO)
    }
}

async fn family(stage: &mut Stage) -> Vec<Watched> {
    let mut said = Vec::new();
    for _ in 0..WORDS {
        said.push(stage.line("pid ").await);
    }
    watch(said)
}

fn watch(said: impl IntoIterator<Item = String>) -> Vec<Watched> {
    let family: Vec<Watched> =
        said.into_iter().filter(|word| word != "detached").map(|pid| Watched::new(&pid)).collect();
    assert_eq!(family.len(), WORDS - 1);
    assert!(family.iter().all(|process| !process.has_ended()));
    family
}

pub(crate) async fn c1_a_cancel_asks_before_it_kills() {
    let mut stage = Stage::new();
    let text = "trap 'echo cleaning up; sleep 0.1; echo clean; exit 0' TERM; echo pid $$; while :; do sleep 0.05; done";
    // On a busy machine a twentieth of the grace is not enough even for this.
    let job = stage.spawn_in_real_time(script(text));
    let process = Watched::new(&stage.line("pid ").await);
    stage.stop.cancel();
    let cause = cause(job.await.unwrap());
    assert!(process.has_ended());
    // Exit code 0 after SIGTERM is no result: the command was interrupted, and says only that it tidied up.
    assert_eq!(cause.code, "cancelled");
    // The shell has a word of its own for the end of its `sleep`.
    let said: Vec<&str> = cause.text.lines().filter(|line| line.starts_with("clean")).collect();
    assert_eq!(said, ["cleaning up", "clean"]);
}

pub(crate) async fn c1_a_command_that_ignores_the_request_is_killed() {
    let mut stage = Stage::new();
    let job = stage.spawn(script("trap '' TERM; echo pid $$; while :; do sleep 600; done"));
    let process = Watched::new(&stage.line("pid ").await);
    let asked = Instant::now();
    stage.stop.cancel();
    assert_eq!(cause(job.await.unwrap()).code, "cancelled");
    assert!(process.has_ended());
    assert!(asked.elapsed() >= Duration::from_millis(250), "it had its five seconds (of this clock)");
}

pub(crate) async fn c1_a_cancel_reaches_those_who_left_the_group() {
    if lacks("setsid") || lacks("nohup") {
        return;
    }
    let mut stage = Stage::new();
    let job = stage.spawn(script(FAMILY));
    let family = family(&mut stage).await;
    stage.stop.cancel();
    assert_eq!(cause(job.await.unwrap()).code, "cancelled");
    assert!(family.iter().all(Watched::has_ended), "all have ended before the job is over");
}

pub(crate) async fn c1_a_result_that_was_there_first_stands() {
    let stage = Stage::new();
    let output = stage.run(script("echo result"), "").await;
    stage.stop.cancel();
    assert_eq!(output.unwrap().text, "```\nresult\n```");
    // And a job that is cancelled before it began does not begin.
    assert_eq!(cause(stage.run(script("touch began"), "").await).code, "cancelled");
    assert!(!stage.folder().join("began").exists());
}

pub(crate) async fn c10_what_a_command_leaves_running_ends_with_it() {
    if lacks("setsid") || lacks("nohup") {
        return;
    }
    let mut stage = Stage::new();
    // The command ends by itself, once it is told that both of its children were seen alive.
    let text = "mkfifo ready; (setsid nohup sh -c 'trap \"\" TERM HUP; echo pid $$; echo > ready; while :; do sleep 600; done' &); \
                sh -c 'echo pid $$; exec sleep 600' & read -r line < ready; echo '::ask End? | Yes'; read -r answer; exit 0";
    let job = stage.spawn(script(text));
    let family = [Watched::new(&stage.line("pid ").await), Watched::new(&stage.line("pid ").await)];
    stage.answer(Ok(0));
    assert!(job.await.unwrap().is_ok());
    assert!(family.iter().all(Watched::has_ended));
}

pub(crate) async fn c10_a_dropped_job_is_gone_within_a_second() {
    if lacks("setsid") || lacks("nohup") {
        return;
    }
    let mut stage = Stage::new();
    let job = stage.spawn(script(FAMILY));
    let family = family(&mut stage).await;
    job.abort();
    assert!(job.await.unwrap_err().is_cancelled());
    assert!(gone_within_a_second(&family));
}

pub(crate) async fn c10_a_killed_bot_leaves_nothing_running() {
    if lacks("setsid") || lacks("nohup") {
        return;
    }
    let mut bot = Command::new(std::env::current_exe().unwrap()).arg(BOT).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(bot.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let family = watch(said.take(WORDS));
    bot.kill().unwrap();
    let gone = gone_within_a_second(&family);
    bot.wait().unwrap();
    assert!(gone);
}

/// The bot of the test above: it says the ids of its job's processes and runs on until it is killed.
pub(crate) async fn bot() -> ExitCode {
    let mut stage = Stage::new();
    let job = stage.spawn(script(FAMILY));
    for _ in 0..WORDS {
        // Written directly, because a test may not print by macro.
        let line = format!("{}\n", stage.line("pid ").await);
        rustix::io::write(rustix::stdio::stdout(), line.as_bytes()).unwrap();
    }
    job.await.unwrap().ok();
    ExitCode::FAILURE
}

pub(crate) async fn c10_a_killed_launcher_is_told_and_takes_everybody_with_it() {
    if lacks("setsid") || lacks("nohup") {
        return;
    }
    let mut stage = Stage::new();
    let job = stage.spawn(script(&format!("echo launcher $PPID; {FAMILY}")));
    let launcher = Pid::from_raw(stage.line("launcher ").await.parse().unwrap()).unwrap();
    let family = family(&mut stage).await;
    rustix::process::kill_process(launcher, Signal::KILL).unwrap();
    let cause = mishap(job.await.unwrap());
    assert_eq!(cause.code, "launcher lost");
    assert!(cause.text.contains("signal: 9"), "{}", cause.text);
    assert!(gone_within_a_second(&family));
}

/// Waits for all of them, one second in total.
fn gone_within_a_second(family: &[Watched]) -> bool {
    let end = Instant::now() + Duration::from_secs(1);
    family.iter().all(|process| process.ends_within(end.saturating_duration_since(Instant::now())))
}
