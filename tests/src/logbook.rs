//! What the process writes to its log while a script runs, as a test reads it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// How loud it is.
    pub level: Level,
    /// The crate and module that wrote it.
    pub target: String,
    /// The sentence.
    pub message: String,
    /// Its fields, as text.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    /// A field's text; empty when the line has no such field.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Everything that a person would read of it.
    pub fn whole(&self) -> String {
        let fields: Vec<String> = self.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {} {}", self.level, self.message, fields.join(" "))
    }
}

/// The lines of wilco's own crates, from [`Logbook::open`] until it is dropped, on the thread of the script.
pub struct Logbook {
    lines: Lines,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<Line>>>);

impl Logbook {
    /// Begins to take the log down. A script runs on one thread, and so does the whole house in it.
    pub fn open() -> Self {
        // With a single subscriber in the process, `tracing` asks whichever thread comes by first whether anybody
        // wants a line, and keeps that answer for all threads. A second one makes it ask every subscriber.
        static BESIDE: OnceLock<Dispatch> = OnceLock::new();
        BESIDE.get_or_init(|| Dispatch::new(tracing_subscriber::registry()));
        let lines = Lines::default();
        let subscriber = tracing_subscriber::registry().with(lines.clone());
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every line that an operator sees by default: `info` and louder.
    pub fn loud(&self) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.level <= Level::INFO).collect()
    }

    /// The lines with a sentence, at any level.
    pub fn said(&self, message: &str) -> Vec<Line> {
        self.lines().into_iter().filter(|line| line.message == message).collect()
    }

    /// Forgets what was written so far.
    pub fn clear(&self) {
        self.lines.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        if !metadata.target().starts_with("wilco") {
            return;
        }
        let mut line = Line {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            fields: BTreeMap::new(),
        };
        event.record(&mut Taker(&mut line));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

struct Taker<'a>(&'a mut Line);

impl Taker<'_> {
    fn take(&mut self, field: &Field, value: String) {
        if field.name() == "message" {
            self.0.message = value;
        } else {
            self.0.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Taker<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format!("{value:?}"));
    }
}
