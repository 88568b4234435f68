//! The launcher of one job, seen from wilco.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use crate::launcher::{Options, Order, Report, order_line};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// One of the command's output streams.
pub(super) struct Pipe<R> {
    source: Option<R>,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Pipe<R> {
    fn new(source: Option<R>) -> Self {
        Self { source, buffer: vec![0; CHUNK] }
    }

    /// Waits for output; zero at the end. A closed pipe never answers. Nothing is lost when the
    /// wait is dropped.
    pub(super) async fn read(&mut self) -> usize {
        let Some(source) = &mut self.source else {
            return std::future::pending().await;
        };
        let count = source.read(&mut self.buffer).await.unwrap_or(0);
        if count == 0 {
            self.source = None;
        }
        count
    }

    /// What the last read brought.
    pub(super) fn bytes(&self, count: usize) -> &[u8] {
        self.buffer.get(..count).unwrap_or_default()
    }
}

/// What the launcher tells.
pub(super) struct Reports {
    lines: Option<Lines<BufReader<OwnedReadHalf>>>,
    /// The command's process group.
    group: Option<Pid>,
    /// The launcher's last word.
    last: Option<Report>,
}

impl Reports {
    /// Waits for the next word; never answers again after the last.
    pub(super) async fn next(&mut self) {
        let Some(lines) = &mut self.lines else {
            return std::future::pending().await;
        };
        let line = lines.next_line().await.ok().flatten();
        match line.and_then(|line| serde_json::from_str(&line).ok()) {
            Some(Report::Started { pid }) => self.group = Pid::from_raw(pid),
            Some(last @ (Report::Exited { .. } | Report::Signalled { .. } | Report::NotStarted { .. })) => {
                self.last = Some(last)
            }
            None => self.lines = None,
        }
    }

    /// How the command ended, once it was told.
    pub(super) fn last(&self) -> Option<&Report> {
        self.last.as_ref()
    }

    /// The command's process group.
    pub(super) fn group(&self) -> Option<i32> {
        self.group.map(|group| group.as_raw_nonzero().get())
    }
}

/// The launcher's own end.
pub(super) struct Exit {
    child: Child,
    /// Its process id, which is also the id of the session that it opened.
    pid: Option<Pid>,
    status: Option<ExitStatus>,
    seen: bool,
}

impl Exit {
    /// Waits for the launcher to exit; never answers again once it has.
    pub(super) async fn wait(&mut self) {
        if self.seen {
            return std::future::pending().await;
        }
        self.status = self.child.wait().await.ok();
        self.seen = true;
    }

    /// How it exited.
    pub(super) fn status(&self) -> Option<ExitStatus> {
        self.status
    }
}

/// A running launcher. Dropping it closes the socket, and the launcher then kills the whole job.
pub(super) struct Process {
    pub(super) out: Pipe<ChildStdout>,
    pub(super) err: Pipe<ChildStderr>,
    pub(super) reports: Reports,
    pub(super) exit: Exit,
    orders: OwnedWriteHalf,
}

impl Process {
    /// Starts the launcher, which starts the command in this environment and folder.
    pub(super) fn start(
        launcher: &Path,
        options: &Options,
        environment: &BTreeMap<OsString, OsString>,
        cwd: &Path,
    ) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (lines, orders) = UnixStream::from_std(ours)?.into_split();
        // The builder is dropped at the end of this statement, and with it our copy of the launcher's
        // end: the launcher alone holds it, so that each side notices the other's death.
        let mut child = Command::new(launcher)
            .arg0("wilco")
            .args(options.to_args())
            .env_clear()
            .envs(environment)
            .current_dir(cwd)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        Ok(Self {
            out: Pipe::new(child.stdout.take()),
            err: Pipe::new(child.stderr.take()),
            reports: Reports { lines: Some(BufReader::new(lines).lines()), group: None, last: None },
            exit: Exit { child, pid, status: None, seen: false },
            orders,
        })
    }

    /// Sends an order. A launcher that is gone is noticed by its exit.
    pub(super) async fn order(&mut self, order: &Order) {
        self.orders.write_all(&order_line(order)).await.ok();
    }

    /// Whether the launcher has exited and said all it had to say.
    pub(super) fn is_over(&self) -> bool {
        self.exit.seen && self.reports.lines.is_none()
    }

    /// Whether everything that was written has been read, too.
    pub(super) fn is_drained(&self) -> bool {
        self.is_over() && self.out.source.is_none() && self.err.source.is_none()
    }

    /// Kills from here what a launcher left behind that died without a last word, because somebody
    /// killed it. `out` is the job's output folder, which no other process has in its environment.
    pub(super) fn kill_strays(&self, out: &Path) {
        if let Some(group) = self.reports.group {
            rustix::process::kill_process_group(group, Signal::KILL).ok();
        }
        let session = self.exit.pid;
        // A second and a third look find what was born during the one before.
        for _ in 0..3 {
            for pid in crate::launcher::strays(session, out) {
                rustix::process::kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}
