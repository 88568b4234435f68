//! What the terminal shows when the bot has started, and when it stops.

use std::net::SocketAddr;
use std::path::Path;

use wilco_core::text::duration;
use wilco_loop::DRAIN_LIMIT;

/// Three lines: what runs, where the page is, and which platforms it does not speak to.
pub(crate) fn greeting(database: &Path, workers: &str, page: Option<(SocketAddr, &str)>, others: &[String]) -> String {
    let store = if database.is_absolute() { database.to_owned() } else { Path::new(".").join(database) };
    let open = match page {
        Some((bound, login)) => format!("open  http://{bound}{login}   (works once)"),
        None => "the page is switched off (web.enabled)".to_owned(),
    };
    let connected =
        if others.is_empty() { String::new() } else { format!("{}: added by the program; ", others.join(", ")) };
    format!(
        "wilco {}   store {}   workers: {workers}\n{open}\n{connected}discord, slack, telegram: not connected",
        env!("CARGO_PKG_VERSION"),
        store.display()
    )
}

/// What is said when the bot was asked to stop.
pub(crate) fn draining(running: u32) -> String {
    let jobs = match running {
        0 => return "no jobs running; stopping".to_owned(),
        1 => "1 job".to_owned(),
        count => format!("{count} jobs"),
    };
    format!("{jobs} running; waiting up to {}, press again to stop now", duration(DRAIN_LIMIT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_five_minutes_begin_with_three_lines() {
        let page = Some(("127.0.0.1:7733".parse().unwrap(), "/login/9c41"));
        assert_eq!(
            greeting(Path::new("wilco.db"), "demo, echo", page, &[]),
            concat!(
                "wilco ",
                env!("CARGO_PKG_VERSION"),
                "   store ./wilco.db   workers: demo, echo\n",
                "open  http://127.0.0.1:7733/login/9c41   (works once)\n",
                "discord, slack, telegram: not connected"
            )
        );
        let other = greeting(Path::new("/var/w.db"), "none", None, &["scripted".to_owned()]);
        assert!(other.contains("store /var/w.db ") && other.contains("web.enabled"), "{other}");
        assert!(other.ends_with("scripted: added by the program; discord, slack, telegram: not connected"), "{other}");
    }

    #[test]
    fn the_drain_says_how_many_and_how_long() {
        assert_eq!(draining(2), "2 jobs running; waiting up to 20s, press again to stop now");
        assert_eq!(draining(1), "1 job running; waiting up to 20s, press again to stop now");
        assert_eq!(draining(0), "no jobs running; stopping");
    }
}
