use std::io::Write;
use std::sync::{Arc, Mutex};

use super::*;

/// What was written, for many writers.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn config(format: LogFormat, filter: &str) -> LogConfig {
    LogConfig { format, filter: filter.to_owned() }
}

/// Logs with a subscriber of its own and returns what was written.
fn logged(config: &LogConfig, rust_log: Option<&str>, terminal: bool, colour: bool, work: impl FnOnce()) -> String {
    let kept = Kept::default();
    let log = subscriber(config, rust_log, terminal, colour, kept.clone()).unwrap();
    tracing::subscriber::with_default(log, work);
    kept.text()
}

/// One secret of every shape that a library may log, each with a canary that must not come through.
const CANARIES: [&str; 10] = [
    "xoxb-100000000000-canary000000",
    "xapp-1-A0-1-canary000000",
    "xoxp-100000000000-canary000000",
    "https://hooks.slack.com/commands/T0CANARY/123/canary0000000000000000",
    "https://api.telegram.org/bot1234567:canary0000000000000000000000000000x/getUpdates",
    "canary0000000000000000000.Canary.canary00000000000000000000000",
    "wss://wss-primary.slack.com/link/?ticket=canary-1&app_id=2",
    "https://discord.com/api/v10/webhooks/1234/canary_a.b-c/messages/@original",
    "http://127.0.0.1:7733/login/canary00112233445566778899aabbcc",
    "Bearer canary-token-0001",
];

#[test]
fn no_secret_reaches_the_log_at_trace_level_in_any_format() {
    for (format, colour) in [(LogFormat::Human, false), (LogFormat::Human, true), (LogFormat::Json, false)] {
        let text = logged(&config(format, "trace"), None, true, colour, || {
            for (number, canary) in CANARIES.into_iter().enumerate() {
                tracing::trace!("seen {canary} in text {number}");
                tracing::debug!(url = canary, number, "as a field");
                tracing::info!(error = ?Err::<(), _>(format!("request to {canary} failed")), "as a debug value");
                tracing::info!(shown = %canary, "as a plain value");
                let span = tracing::info_span!("request", target = canary);
                span.in_scope(|| tracing::warn!(number, "within a span"));
            }
            tracing::info!(ticket = "canary", token = %"canary", password = "canary", "as named fields");
        });
        assert!(!text.to_lowercase().contains("canary"), "{text}");
        // Every event came through, so that the silence above means something.
        for said in
            ["in text 9", "as a field", "as a debug value", "as a plain value", "within a span", "as named fields"]
        {
            assert!(text.contains(said), "{said} is missing in\n{text}");
        }
        assert_eq!(text.lines().count(), CANARIES.len() * 5 + 1);
    }
}

#[test]
fn json_lines_stay_json_when_something_is_masked() {
    let text = logged(&config(LogFormat::Json, "info"), None, true, false, || {
        for canary in CANARIES {
            tracing::info!(url = canary, token = "abc\"def", "asked");
        }
    });
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(value["message"], "asked");
    }
}

#[test]
fn a_terminal_gets_words_and_everything_else_gets_json() {
    let work = || tracing::info!("hello");
    assert!(logged(&config(LogFormat::Auto, "info"), None, false, false, work).starts_with('{'));
    assert!(!logged(&config(LogFormat::Auto, "info"), None, true, false, work).starts_with('{'));
    assert!(logged(&config(LogFormat::Json, "info"), None, true, false, work).starts_with('{'));
    assert!(!logged(&config(LogFormat::Human, "info"), None, false, false, work).starts_with('{'));
    assert!(!logged(&config(LogFormat::Human, "info"), None, true, false, work).contains('\u{1b}'), "no colours");
}

#[test]
fn rust_log_wins_over_the_configured_filter() {
    let work = || tracing::debug!("hello");
    assert_eq!(logged(&config(LogFormat::Human, "info"), None, true, false, work), "");
    assert!(logged(&config(LogFormat::Human, "info"), Some("debug"), true, false, work).contains("hello"));
    assert!(
        logged(&config(LogFormat::Human, "debug"), Some(" "), true, false, work).contains("hello"),
        "blank is unset"
    );
    let bad = subscriber(&config(LogFormat::Human, "info"), Some("wilco=loud"), true, false, Kept::default());
    let error = bad.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.starts_with("RUST_LOG is no list of log directives"), "{error}");
}

#[test]
fn the_default_filter_silences_what_logs_tokens() {
    let filter = crate::config::EXAMPLE.lines().find_map(|line| line.strip_prefix("filter = ")).unwrap();
    let text = logged(&config(LogFormat::Human, filter.trim_matches('"')), None, true, false, || {
        tracing::info!(target: "serenity::http", "quiet");
        tracing::info!(target: "slack_morphism", "quiet");
        tracing::info!(target: "teloxide_core", "quiet");
        tracing::info!(target: "hyper::client", "quiet");
        tracing::info!(target: "sqlx::query", "quiet");
        tracing::info!(target: "wilco", "told");
    });
    assert!(text.contains("told") && !text.contains("quiet"), "{text}");
}

#[test]
fn a_secret_in_two_pieces_is_masked() {
    let kept = Kept::default();
    let maker = Redacting(kept.clone());
    let mut line = maker.make_writer();
    line.write_all(b"a xoxb-12345").unwrap();
    assert_eq!(kept.text(), "", "nothing is written before the line is complete");
    line.write_all(b"6789-canary\nhalf").unwrap();
    assert_eq!(kept.text(), "a [secret]\n");
    drop(line);
    assert_eq!(kept.text(), "a [secret]\nhalf");
}

#[test]
fn a_terminal_shows_the_greeting_and_warnings_unless_somebody_wants_more() {
    assert!(crate::config::EXAMPLE.contains(&format!("filter = \"{DEFAULT_FILTER}\"")), "one default in two places");
    let lines = |filter: &str, rust_log: Option<&str>, terminal: bool| {
        let config = LogConfig { format: LogFormat::Auto, filter: filter.to_owned() };
        logged(&config, rust_log, terminal, false, || {
            tracing::info!("delivery");
            tracing::warn!("connection lost");
        })
        .lines()
        .count()
    };
    assert_eq!(lines(DEFAULT_FILTER, None, true), 1);
    assert_eq!(lines(DEFAULT_FILTER, None, false), 2);
    assert_eq!(lines("info", None, true), 2);
    assert_eq!(lines(DEFAULT_FILTER, Some("info"), true), 2);
}

#[test]
fn what_travels_is_logged_by_no_filter() {
    // As tungstenite logs a frame: the token as numbers, in which no shape can be found.
    let frame = format!("{:?}", "canary0000000000000000000.Canary.canary00000000000000000000000".as_bytes());
    for (configured, rust_log) in
        [("trace", None), ("info", Some("trace")), ("info", Some("tungstenite=trace,hyper=trace,wilco=trace"))]
    {
        let text = logged(&config(LogFormat::Human, configured), rust_log, true, false, || {
            tracing::trace!(target: "tungstenite::protocol", "Sending frame: {frame}");
            tracing::debug!(target: "tokio_tungstenite", "frame {frame}");
            tracing::trace!(target: "hyper::proto::h1::io", "frame {frame}");
            tracing::trace!(target: "hyper_util::client", "frame {frame}");
            tracing::debug!(target: "h2::codec", "frame {frame}");
            tracing::debug!(target: "rustls::client::hs", "frame {frame}");
            tracing::trace!(target: "reqwest::connect", "frame {frame}");
            tracing::debug!(target: "serenity::gateway", "frame {frame}");
            let span = tracing::trace_span!(target: "h2::proto", "connection", frame);
            span.in_scope(|| tracing::trace!(target: "wilco::x", "told"));
            tracing::warn!(target: "tungstenite", "what matters");
        });
        assert!(!text.contains("frame") && !text.contains("99, 97, 110"), "{text}");
        assert!(text.contains("told"), "{text}");
        assert!(text.contains("what matters"), "{text}");
    }
}

#[test]
fn only_libraries_of_the_wire_are_kept_short() {
    for (target, harmless) in [("tungstenite", false), ("hyper::x", false), ("hyperbole", true), ("wilco::hyper", true)]
    {
        assert_eq!(is_harmless(&Level::TRACE, target), harmless, "{target}");
        assert!(is_harmless(&Level::INFO, target), "{target}");
    }
}
