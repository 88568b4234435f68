//! What a command writes: to the log on disk, to the people as progress, and its end in memory.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use wilco_core::job::{Ask, Progress};

use super::OUTPUT_CAP;
use super::directive::{self, Directive};
use super::lines::Lines;

/// How many of the last lines are remembered, which is the most that a result shows.
pub(super) const TAIL: usize = 40;
/// A progress message shows five lines: of a burst, the ones before the last five change nothing.
const BURST: usize = 5;

/// Which of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Out,
    Err,
}

/// What the job has to do about some output, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Progress(Progress),
    Ask(Result<Ask, String>),
}

/// The output of one run.
pub(super) struct Capture {
    path: PathBuf,
    log: Option<File>,
    /// Why the log is not whole.
    log_error: Option<String>,
    /// Lines that are not on disk yet; at most as much as one read gives.
    pending: Vec<u8>,
    /// Bytes of kept lines so far. Bytes that are no UTF-8 grow when they become text.
    kept: u64,
    /// Bytes read so far, also those that a long line dropped: a line without an end is output, too.
    read: u64,
    stderr_progress: bool,
    out: Lines,
    err: Lines,
    /// The last lines of stdout without directives, and how many there were.
    tail_out: VecDeque<String>,
    lines_out: u64,
    /// The last lines of both, and how many stderr had.
    tail_all: VecDeque<String>,
    lines_err: u64,
}

impl Capture {
    /// Begins a log at that path. When it cannot be written the job runs all the same, and its end
    /// says so: a full disk must not cost a result.
    pub(super) async fn create(path: &Path, stderr_progress: bool) -> Self {
        let mut open = OpenOptions::new();
        // Output may hold what is nobody else's business on this machine.
        open.write(true).create(true).truncate(true).mode(0o600);
        let (log, log_error) = match open.open(path).await {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self {
            path: path.to_owned(),
            log,
            log_error,
            pending: Vec::new(),
            kept: 0,
            read: 0,
            stderr_progress,
            out: Lines::default(),
            err: Lines::default(),
            tail_out: VecDeque::new(),
            lines_out: 0,
            tail_all: VecDeque::new(),
            lines_err: 0,
        }
    }

    /// Takes what was read and says what follows from it. Beyond the cap nothing is kept.
    pub(super) fn take(&mut self, stream: Stream, bytes: &[u8]) -> Vec<Item> {
        let room = usize::try_from(OUTPUT_CAP.saturating_sub(self.read)).unwrap_or(usize::MAX);
        self.read += bytes.len() as u64;
        let bytes = bytes.get(..room).unwrap_or(bytes);
        let mut complete = Vec::new();
        match stream {
            Stream::Out => self.out.push(bytes, |line| complete.push(line)),
            Stream::Err => self.err.push(bytes, |line| complete.push(line)),
        }
        let mut items = self.keep(stream, complete);
        if items.is_empty() {
            // Output that shows nothing is still a sign of life.
            items.push(Item::Progress(Progress::Alive));
        }
        items
    }

    /// Takes the end of a stream, whose last line may lack its end.
    pub(super) fn end(&mut self, stream: Stream) -> Vec<Item> {
        let last = match stream {
            Stream::Out => self.out.finish(),
            Stream::Err => self.err.finish(),
        };
        self.keep(stream, last.into_iter().collect())
    }

    fn keep(&mut self, stream: Stream, lines: Vec<String>) -> Vec<Item> {
        let mut items = Vec::new();
        let mut burst = VecDeque::new();
        for line in lines {
            if self.kept > OUTPUT_CAP {
                break;
            }
            self.pending.extend_from_slice(line.as_bytes());
            self.pending.push(b'\n');
            self.kept += line.len() as u64 + 1;
            let read = if stream == Stream::Out { directive::read(&line) } else { Directive::Text };
            match read {
                Directive::Text => {
                    if stream == Stream::Out || self.stderr_progress {
                        push(&mut burst, line.clone(), BURST);
                    }
                    self.remember(stream, line);
                }
                Directive::Progress(progress) => {
                    items.extend(burst.drain(..).map(|line| Item::Progress(Progress::Line(line))));
                    items.push(Item::Progress(progress));
                }
                Directive::Ask(ask) => items.push(Item::Ask(ask)),
            }
        }
        items.extend(burst.into_iter().map(|line| Item::Progress(Progress::Line(line))));
        items
    }

    fn remember(&mut self, stream: Stream, line: String) {
        match stream {
            Stream::Out => {
                self.lines_out += 1;
                push(&mut self.tail_out, line.clone(), TAIL);
            }
            Stream::Err => self.lines_err += 1,
        }
        push(&mut self.tail_all, line, TAIL);
    }

    /// Brings to disk what was taken.
    pub(super) async fn write(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        let Some(log) = self.log.as_mut().filter(|_| !pending.is_empty()) else {
            return;
        };
        let written = async {
            log.write_all(&pending).await?;
            log.flush().await
        };
        if let Err(error) = written.await {
            self.log_error = Some(error.to_string());
            self.log = None;
        }
    }

    /// Whether there was more than [`OUTPUT_CAP`].
    pub(super) fn over_cap(&self) -> bool {
        self.read > OUTPUT_CAP || self.kept > OUTPUT_CAP
    }

    /// The log, when something was written to it.
    pub(super) fn log(&self) -> Option<&Path> {
        (self.kept > 0 && self.log.is_some()).then_some(&self.path)
    }

    /// Why the log is missing or not whole.
    pub(super) fn log_error(&self) -> Option<&str> {
        self.log_error.as_deref()
    }

    /// The last lines of stdout, oldest first.
    pub(super) fn tail_out(&self) -> &VecDeque<String> {
        &self.tail_out
    }

    /// The last lines of both streams, as they came in.
    pub(super) fn tail_all(&self) -> &VecDeque<String> {
        &self.tail_all
    }

    /// How many lines stdout had, directives not counted.
    pub(super) fn lines_out(&self) -> u64 {
        self.lines_out
    }

    /// How many lines were too long to be kept whole, in the log as well.
    pub(super) fn lines_cut(&self) -> u64 {
        self.out.cut() + self.err.cut()
    }

    /// How many lines of output there were beyond `shown` of stdout's.
    pub(super) fn lines_beyond(&self, shown: usize) -> u64 {
        (self.lines_out + self.lines_err).saturating_sub(shown as u64)
    }
}

fn push(tail: &mut VecDeque<String>, line: String, most: usize) {
    if tail.len() >= most {
        tail.pop_front();
    }
    tail.push_back(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Item {
        Item::Progress(Progress::Line(text.to_owned()))
    }

    async fn capture() -> (Capture, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (Capture::create(&folder.path().join("log"), false).await, folder)
    }

    #[tokio::test]
    async fn a_burst_is_five_lines_and_directives_keep_their_place() {
        let (mut capture, folder) = capture().await;
        let items = capture.take(Stream::Out, b"1\n2\n3\n4\n5\n6\n7\n::tool git\n8\n9");
        let tool = Item::Progress(Progress::ToolStarted("git".into()));
        assert_eq!(items, [line("3"), line("4"), line("5"), line("6"), line("7"), tool, line("8")]);
        assert_eq!(capture.take(Stream::Err, b"::step 1/2\n"), [Item::Progress(Progress::Alive)]);
        assert_eq!(capture.end(Stream::Out), [line("9")]);
        capture.write().await;
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log, "1\n2\n3\n4\n5\n6\n7\n::tool git\n8\n::step 1/2\n9\n", "the log has everything");
        assert_eq!(capture.tail_out().back().map(String::as_str), Some("9"));
        assert_eq!(capture.lines_beyond(9), 1, "the line on stderr");
    }

    #[tokio::test]
    async fn nothing_is_kept_beyond_the_cap() {
        let (mut capture, folder) = capture().await;
        let chunk = "0123456789abcde\n".repeat(4096);
        let mut chunks = 0;
        while !capture.over_cap() {
            capture.take(Stream::Out, chunk.as_bytes());
            capture.write().await;
            chunks += 1;
        }
        assert_eq!(chunks, OUTPUT_CAP / chunk.len() as u64 + 1, "one byte over is how it is noticed");
        let size = std::fs::metadata(folder.path().join("log")).unwrap().len();
        assert_eq!(size, OUTPUT_CAP);
    }

    #[tokio::test]
    async fn a_line_without_an_end_counts_in_full_although_little_of_it_is_kept() {
        let (mut capture, folder) = capture().await;
        let chunk = vec![b'x'; 64 << 10];
        for _ in 0..OUTPUT_CAP / chunk.len() as u64 {
            capture.take(Stream::Out, &chunk);
            assert!(!capture.over_cap(), "exactly the cap is allowed");
        }
        capture.take(Stream::Err, b"x");
        assert!(capture.over_cap(), "both streams count together");
        capture.end(Stream::Out);
        capture.write().await;
        assert_eq!(capture.lines_cut(), 1);
        let size = std::fs::metadata(folder.path().join("log")).unwrap().len();
        assert!((16 << 10..17 << 10).contains(&size), "the log has {size} bytes");
    }

    #[tokio::test]
    async fn bytes_that_grow_when_they_become_text_stay_under_the_cap() {
        let (mut capture, folder) = capture().await;
        let chunk = [[0xff; 1023].as_slice(), b"\n"].concat();
        while !capture.over_cap() {
            capture.take(Stream::Out, &chunk);
            capture.write().await;
        }
        let size = std::fs::metadata(folder.path().join("log")).unwrap().len();
        assert!(size <= OUTPUT_CAP + 3 * chunk.len() as u64, "the log has {size} bytes");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_written_is_told_and_stops_nothing() {
        let mut capture = Capture::create(Path::new("/dev/full"), false).await;
        assert_eq!(capture.take(Stream::Out, b"hello\n"), [line("hello")]);
        capture.write().await;
        assert!(capture.log_error().is_some_and(|why| why.contains("space")), "{:?}", capture.log_error());
        assert_eq!(capture.log(), None);
    }
}
