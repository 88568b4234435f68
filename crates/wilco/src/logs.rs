//! The log: human on a terminal, JSON elsewhere, and no secret in either.

mod redact;

use std::io::{self, IsTerminal, Write};

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use redact::{mask_url, redact};

use crate::config::{LogConfig, LogFormat};

/// A line that never ends is written in pieces of this size, so that no amount of memory is needed.
const LONGEST_LINE: usize = 1 << 20;

/// The filter of the example file. On a terminal, with `format = "auto"`, it means warnings only.
const DEFAULT_FILTER: &str = "info,serenity=warn,slack_morphism=warn,teloxide=warn,hyper=warn,sqlx=warn";

/// The libraries that read and write the wire. Below `info` they log frames and headers as they travel, some of them as
/// numbers, in which no shape of a secret can be found: a token would be in there. No filter reaches further.
const WIRE: [&str; 16] = [
    "tungstenite",
    "tokio_tungstenite",
    "hyper",
    "hyper_util",
    "h2",
    "h3",
    "rustls",
    "tokio_rustls",
    "reqwest",
    "serenity",
    "slack_morphism",
    "teloxide",
    "teloxide_core",
    "tower",
    "tower_http",
    "axum",
];

/// Whether a line of this level and target may be logged, whatever the filter says.
fn is_harmless(level: &Level, target: &str) -> bool {
    let root = target.split("::").next().unwrap_or(target);
    *level <= Level::INFO || !WIRE.contains(&root)
}

/// Why the log cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// `RUST_LOG` or `log.filter` cannot be read.
    #[error("{from} is no list of log directives such as \"info,wilco=debug\": {what}")]
    Filter {
        /// Where it stands.
        from: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The process has a log already.
    #[error("the log was begun twice")]
    Twice,
}

/// Begins the log of the process on standard error, and sends panics there.
///
/// `rust_log` is the variable `RUST_LOG`; when it is set and not blank, it replaces the configured filter.
pub fn init(config: &LogConfig, rust_log: Option<&str>) -> Result<(), LogError> {
    let terminal = io::stderr().is_terminal();
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let log = subscriber(config, rust_log, terminal, colour, io::stderr)?;
    log.try_init().map_err(|_| LogError::Twice)?;
    // The default hook would print what a panic says without looking for secrets.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: {}", panic.payload_as_str().unwrap_or("without a text"));
    }));
    Ok(())
}

/// The log as a value, writing wherever `writer` says.
fn subscriber<W>(
    config: &LogConfig,
    rust_log: Option<&str>,
    terminal: bool,
    colour: bool,
    writer: W,
) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, LogError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let json = match config.format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    let (from, directives) = match rust_log.filter(|text| !text.trim().is_empty()) {
        Some(text) => ("RUST_LOG", text),
        // Whoever starts wilco by hand reads the greeting, not a line for every delivery.
        None if config.format == LogFormat::Auto && terminal && config.filter == DEFAULT_FILTER => {
            ("log.filter", "warn")
        }
        None => ("log.filter", config.filter.as_str()),
    };
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| LogError::Filter { from, what: redact(&error.to_string()).into_owned() })?;
    let harmless = filter_fn(|about| is_harmless(about.level(), about.target()));
    let registry = tracing_subscriber::registry().with(harmless).with(filter);
    let writer = Redacting(writer);
    Ok(if json {
        Box::new(registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer)))
    } else {
        Box::new(registry.with(tracing_subscriber::fmt::layer().with_ansi(colour).with_writer(writer)))
    })
}

/// Makes writers that mask secrets.
struct Redacting<W>(W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Redacting<W> {
    type Writer = Line<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { inner: self.0.make_writer(), held: Vec::new() }
    }

    fn make_writer_for(&'a self, meta: &tracing::Metadata<'_>) -> Self::Writer {
        Line { inner: self.0.make_writer_for(meta), held: Vec::new() }
    }
}

/// Holds back what is written until a line is complete, because a secret may arrive in two pieces.
struct Line<W: Write> {
    inner: W,
    held: Vec<u8>,
}

impl<W: Write> Line<W> {
    /// Writes the first `count` held bytes, masked.
    fn release(&mut self, count: usize) -> io::Result<()> {
        let rest = self.held.split_off(count);
        let line = std::mem::replace(&mut self.held, rest);
        self.inner.write_all(redact(&String::from_utf8_lossy(&line)).as_bytes())
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') {
            self.release(end + 1)?;
        }
        if self.held.len() > LONGEST_LINE {
            self.release(self.held.len())?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        // The log is the only place where a failure to write the log could be told.
        if !self.held.is_empty() && self.release(self.held.len()).is_err() {
            self.held.clear();
        }
    }
}

#[cfg(test)]
mod tests;
