//! What the terminal shows when the bot has started, and when it stops.

use std::net::SocketAddr;
use std::path::Path;

use wilco_core::pairing::{self, PairingCode};
use wilco_core::text::duration;
use wilco_core::{AccountId, Messaging};
use wilco_loop::DRAIN_LIMIT;

use crate::config::slack::SLACK;
use crate::wiring::Connections;

/// The connections on which nobody can be owner, and the code that makes somebody.
pub(crate) struct Pairing {
    pub(crate) accounts: Vec<AccountId>,
    /// None where whatever is printed is kept.
    pub(crate) code: Option<PairingCode>,
}

/// Three lines: what runs, where the page is, and which platforms it speaks to; a fourth while nobody is owner there.
pub(crate) fn greeting(
    database: &Path,
    workers: &str,
    page: Option<(SocketAddr, &str)>,
    connections: &Connections,
    pairing: Option<&Pairing>,
) -> String {
    let store = if database.is_absolute() { database.to_owned() } else { Path::new(".").join(database) };
    let open = match page {
        Some((bound, login)) => format!("open  http://{bound}{login}   (works once)"),
        None => "the page is switched off (web.enabled)".to_owned(),
    };
    let own: Vec<&str> = connections.own.iter().map(AccountId::as_str).collect();
    let slack: Vec<&str> = connections.slack.iter().map(|slack| slack.account().as_str()).collect();
    let platforms = platforms(&own, connections.discord.is_some(), &slack);
    let pairing = pairing.map(|pairing| format!("\n{}", first_owner(pairing))).unwrap_or_default();
    format!(
        "wilco {}   store {}   workers: {workers}\n{open}\n{platforms}{pairing}",
        env!("CARGO_PKG_VERSION"),
        store.display()
    )
}

/// Which platforms it speaks to. A connection takes a moment longer than this; `/status` and the log say how it is.
fn platforms(own: &[&str], discord: bool, slack: &[&str]) -> String {
    let added = if own.is_empty() { String::new() } else { format!("{}: added by the program; ", own.join(", ")) };
    let (mut there, mut not) = (Vec::new(), Vec::new());
    if discord {
        there.push("discord")
    } else {
        not.push("discord")
    }
    if slack.is_empty() {
        not.push("slack")
    } else {
        there.extend(slack)
    }
    not.push("telegram");
    let there = if there.is_empty() { String::new() } else { format!("{}: connecting; ", there.join(", ")) };
    format!("{added}{there}{}: not connected", not.join(", "))
}

/// How the command is typed on these connections: on Slack all of them stand below one.
fn pair_command(accounts: &[AccountId]) -> &'static str {
    let on_slack = |account: &AccountId| account.platform() == SLACK;
    if !accounts.is_empty() && accounts.iter().all(on_slack) { "/wilco pair" } else { "/pair" }
}

fn first_owner(pairing: &Pairing) -> String {
    let command = pair_command(&pairing.accounts);
    let is_mixed = command == "/pair" && pairing.accounts.iter().any(|account| account.platform() == SLACK);
    let also = if is_mixed { "; on Slack /wilco pair and the code" } else { "" };
    let accounts = pairing.accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", ");
    match &pairing.code {
        Some(code) => format!(
            "nobody may do anything on {accounts} yet; say there  {command} {}   (works once, for {}{also})",
            code.shown(),
            duration(pairing::LIVES)
        ),
        None => {
            format!("nobody may do anything on {accounts} yet; `wilco access pair` shows a code for its first owner")
        }
    }
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
            greeting(Path::new("wilco.db"), "demo, echo", page, &alone(&[]), None),
            concat!(
                "wilco ",
                env!("CARGO_PKG_VERSION"),
                "   store ./wilco.db   workers: demo, echo\n",
                "open  http://127.0.0.1:7733/login/9c41   (works once)\n",
                "discord, slack, telegram: not connected"
            )
        );
        let other = greeting(Path::new("/var/w.db"), "none", None, &alone(&["scripted"]), None);
        assert!(other.contains("store /var/w.db ") && other.contains("web.enabled"), "{other}");
        assert!(other.ends_with("scripted: added by the program; discord, slack, telegram: not connected"), "{other}");
    }

    fn alone(own: &[&str]) -> Connections {
        let own = own.iter().map(|account| AccountId::new(*account)).collect();
        Connections { web: None, discord: None, slack: Vec::new(), own, all: Vec::new() }
    }

    #[test]
    fn the_platforms_say_which_are_being_connected() {
        assert_eq!(platforms(&[], true, &[]), "discord: connecting; slack, telegram: not connected");
        assert_eq!(platforms(&[], false, &["slack"]), "slack: connecting; discord, telegram: not connected");
        let all = platforms(&[], true, &["slack", "slack:ops"]);
        assert_eq!(all, "discord, slack, slack:ops: connecting; telegram: not connected");
        assert_eq!(
            platforms(&["x"], true, &[]),
            "x: added by the program; discord: connecting; slack, telegram: not connected"
        );
    }

    #[test]
    fn a_terminal_shows_the_code_and_what_is_kept_does_not() {
        let (accounts, code) = (vec![AccountId::new("discord")], PairingCode::typed("k7f2m3p9x4b6"));
        let shown = first_owner(&Pairing { accounts: accounts.clone(), code: Some(code) });
        assert_eq!(
            shown,
            "nobody may do anything on discord yet; say there  /pair k7f2-m3p9-x4b6   (works once, for 15m)"
        );
        let on = |accounts: &[&str]| {
            let accounts = accounts.iter().map(|account| AccountId::new(*account)).collect();
            first_owner(&Pairing { accounts, code: Some(PairingCode::typed("k7f2m3p9x4b6")) })
        };
        let slack = on(&["slack", "slack:ops"]);
        assert!(slack.ends_with("say there  /wilco pair k7f2-m3p9-x4b6   (works once, for 15m)"), "{slack}");
        let both = on(&["discord", "slack"]);
        assert!(both.contains("  /pair k7f2") && both.contains("; on Slack /wilco pair and the code)"), "{both}");
        let kept = first_owner(&Pairing { accounts, code: None });
        assert!(kept.contains("wilco access pair") && !kept.contains("/pair"), "{kept}");
    }

    #[test]
    fn the_drain_says_how_many_and_how_long() {
        assert_eq!(draining(2), "2 jobs running; waiting up to 20s, press again to stop now");
        assert_eq!(draining(1), "1 job running; waiting up to 20s, press again to stop now");
        assert_eq!(draining(0), "no jobs running; stopping");
    }
}
