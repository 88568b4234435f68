//! The launcher at work: prepare, start, watch, clean up, report.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, WaitOptions, WaitStatus};

use super::frame::{self, Order, Report};
use super::options::Options;
use super::tree;

/// How often the launcher looks for processes that still live, in milliseconds, while it waits for
/// them to end. There is no event for the end of a process that is not one's own child.
const TERMINATING_TICK: i64 = 20;
const KILLING_TICK: i64 = 2;
/// How often it looks at the command itself where the system has no descriptor for that.
const BLIND_TICK: i64 = 100;
/// How much input may wait for a command that does not read. An answer has under 200 bytes, and a
/// person gives each, so nobody gets here by accident.
const INPUT_CAP: usize = 64 << 10;

/// What the launcher is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The command may run.
    Running,
    /// Everybody was asked to end.
    Terminating,
    /// Everybody is killed.
    Killing,
}

/// Sends a report to wilco.
pub(super) fn tell(report: &Report) -> io::Result<()> {
    let line = frame::line(report);
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdin(), rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Runs the command to its end and returns the exit code of the launcher.
pub(super) fn run(options: &Options) -> i32 {
    let (report, code) = match start(options) {
        Ok(mut watch) => {
            // When nobody hears it, the closed socket is noticed by the first look at it.
            drop(tell(&Report::Started { pid: watch.group.as_raw_nonzero().get() }));
            let status = watch.until_nobody_is_left();
            match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => (Report::Exited { code }, code),
                (None, Some(signal)) => (Report::Signalled { signal }, 128 + signal),
                (None, None) => (Report::Exited { code: 1 }, 1),
            }
        }
        Err(text) => (Report::NotStarted { text }, 127),
    };
    // Nobody is left to be told when wilco is gone.
    drop(tell(&report));
    code
}

/// Prepares this process, whose properties the command inherits, and starts the command.
fn start(options: &Options) -> Result<Watch, String> {
    prepare(options).map_err(|error| format!("the job's process could not be prepared: {error}"))?;
    let (program, arguments) = options.argv.split_first().ok_or("no program was given")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(if options.input { Stdio::piped() } else { Stdio::null() })
        // A group of the command's own: a signal to it does not hit the launcher, which has to stay.
        .process_group(0)
        .spawn()
        .map_err(|error| not_started(&program.to_string_lossy(), &error))?;
    let group = Pid::from_child(&child);
    let input = child.stdin.take();
    if let Some(input) = &input
        && let Err(error) = rustix::fs::fcntl_setfl(input, rustix::fs::OFlags::NONBLOCK)
    {
        child.kill().ok();
        return Err(format!("the job's input could not be prepared: {error}"));
    }
    Ok(Watch {
        group,
        ended: leader_descriptor(group),
        input,
        waiting: VecDeque::new(),
        orders: Vec::new(),
        connected: true,
        mode: Mode::Running,
        status: None,
    })
}

/// A sentence for the two mistakes that people make, and the system's words for the others.
fn not_started(program: &str, error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) => format!(
            "`{program}` was not found, or its first line names an interpreter that was not found; \
             check the worker's command and its PATH"
        ),
        Some(Errno::ACCESS) => format!("`{program}` may not be executed; check its permissions (chmod +x)"),
        Some(_) | None => format!("`{program}` could not be started: {error}"),
    }
}

fn prepare(options: &Options) -> rustix::io::Result<()> {
    // Away from wilco's terminal: Ctrl-C there is wilco's alone, who then stops the jobs in order.
    rustix::process::setsid()?;
    #[cfg(target_os = "linux")]
    {
        rustix::thread::set_no_new_privs(true)?;
        rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    }
    limit(Resource::Core, Some(0))?;
    limit(Resource::Fsize, options.limits.file_size)?;
    limit(Resource::Nofile, options.limits.open_files)
}

/// Sets both the soft and the hard limit; a limit above the present hard one is that one.
fn limit(resource: Resource, to: Option<u64>) -> rustix::io::Result<()> {
    let Some(to) = to else { return Ok(()) };
    let hard = rustix::process::getrlimit(resource).maximum;
    let to = Some(hard.map_or(to, |hard| hard.min(to)));
    rustix::process::setrlimit(resource, Rlimit { current: to, maximum: to })
}

/// A descriptor that becomes readable when the command ends; none on an old or another system.
#[cfg(target_os = "linux")]
fn leader_descriptor(pid: Pid) -> Option<OwnedFd> {
    rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()).ok()
}

#[cfg(not(target_os = "linux"))]
fn leader_descriptor(_: Pid) -> Option<OwnedFd> {
    None
}

struct Watch {
    /// The command, which leads its process group.
    group: Pid,
    /// Readable once the command has ended.
    ended: Option<OwnedFd>,
    /// The command's standard input.
    input: Option<ChildStdin>,
    /// What it has not taken yet.
    waiting: VecDeque<u8>,
    /// What arrived of the next order.
    orders: Vec<u8>,
    /// Whether wilco still holds the other end.
    connected: bool,
    mode: Mode,
    /// How the command ended; set means that its process id is no longer ours.
    status: Option<WaitStatus>,
}

impl Watch {
    /// Returns when every process of the job has ended and was waited for.
    fn until_nobody_is_left(&mut self) -> WaitStatus {
        loop {
            self.look_at_the_command();
            self.kill();
            if let Some(status) = self.status
                && !reap_others()
            {
                return status;
            }
            self.wait();
        }
    }

    /// Notices the end of the command. As long as it is not waited for, its id and its group's stay
    /// taken, so that the signal to the group can hit nobody else.
    fn look_at_the_command(&mut self) {
        if self.status.is_some() {
            return;
        }
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        if !matches!(rustix::process::waitid(WaitId::Pid(self.group), look), Ok(Some(_))) {
            return;
        }
        // A command that has ended leaves nothing running behind. Only those that were asked to end
        // keep the time they were given.
        if self.mode == Mode::Running {
            self.mode = Mode::Killing;
        }
        if self.mode == Mode::Killing || cfg!(not(target_os = "linux")) {
            self.to_group(Signal::KILL);
        }
        if let Ok(Some((_, status))) = rustix::process::waitpid(Some(self.group), WaitOptions::NOHANG) {
            self.status = Some(status);
            self.ended = None;
            self.input = None;
        }
    }

    /// Kills whoever is left, again and again: a process may have been born while we looked.
    fn kill(&self) {
        if self.mode == Mode::Killing {
            self.to_group(Signal::KILL);
            tree::descendants().into_iter().for_each(|pid| send(pid, Signal::KILL));
        }
    }

    /// Asks everybody to end, once: what a program starts afterwards is its own cleaning up.
    fn terminate(&self) {
        let strangers = tree::descendants().into_iter().filter(|pid| !in_group(*pid, self.group));
        self.to_group(Signal::TERM);
        strangers.for_each(|pid| send(pid, Signal::TERM));
    }

    fn to_group(&self, signal: Signal) {
        if self.status.is_none() {
            // The group may be empty already, which is what is wanted.
            rustix::process::kill_process_group(self.group, signal).ok();
        }
    }

    /// Sleeps until there is something to do, and does what wilco orders.
    fn wait(&mut self) {
        let tick = match self.mode {
            Mode::Running if self.ended.is_some() => None,
            Mode::Running => Some(BLIND_TICK),
            Mode::Terminating => Some(TERMINATING_TICK),
            Mode::Killing => Some(KILLING_TICK),
        };
        let timeout = tick.map(|millis| Timespec { tv_sec: 0, tv_nsec: millis * 1_000_000 });
        let control = rustix::stdio::stdin();
        let mut sources = Vec::with_capacity(3);
        if self.connected {
            sources.push(PollFd::from_borrowed_fd(control, PollFlags::IN));
        }
        if let Some(ended) = &self.ended {
            sources.push(PollFd::new(ended, PollFlags::IN));
        }
        if let Some(input) = self.input.as_ref().filter(|_| !self.waiting.is_empty()) {
            sources.push(PollFd::from_borrowed_fd(input.as_fd(), PollFlags::OUT));
        }
        // An error (an interrupted call) is answered by looking at everything once more.
        rustix::event::poll(&mut sources, timeout.as_ref()).ok();
        let ordered = self.connected && sources.first().is_some_and(|source| !source.revents().is_empty());
        drop(sources);
        if ordered {
            self.read_orders();
        }
        self.write_input();
    }

    fn read_orders(&mut self) {
        let mut bytes = [0; 4096];
        match rustix::io::read(rustix::stdio::stdin(), &mut bytes) {
            Err(Errno::INTR | Errno::AGAIN) => return,
            Ok(0) | Err(_) => {
                self.connected = false;
                self.mode = Mode::Killing;
                return;
            }
            Ok(count) => self.orders.extend_from_slice(bytes.get(..count).unwrap_or_default()),
        }
        match frame::take_orders(&mut self.orders) {
            Ok(orders) => orders.into_iter().for_each(|order| self.obey(order)),
            // Something that is not wilco speaks here: nothing may run on under its orders.
            Err(_) => self.mode = Mode::Killing,
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Input(text) if self.input.is_some() && self.waiting.len() + text.len() <= INPUT_CAP => {
                self.waiting.extend(text.into_bytes());
            }
            Order::Input(_) => {}
            Order::Terminate if self.mode == Mode::Running => {
                self.mode = Mode::Terminating;
                self.terminate();
            }
            Order::Terminate => {}
            Order::Kill => self.mode = Mode::Killing,
        }
    }

    fn write_input(&mut self) {
        while let Some(input) = &self.input {
            let (chunk, _) = self.waiting.as_slices();
            if chunk.is_empty() {
                return;
            }
            match rustix::io::write(input, chunk) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // The command closed its input: it will not read the answer.
                Err(_) => self.input = None,
            }
        }
    }
}

fn in_group(pid: Pid, group: Pid) -> bool {
    rustix::process::getpgid(Some(pid)).is_ok_and(|of| of == group)
}

fn send(pid: Pid, signal: Signal) {
    // It may have ended between the look and the signal.
    rustix::process::kill_process(pid, signal).ok();
}

/// Waits for everybody that has ended; whether somebody is left.
fn reap_others() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}
