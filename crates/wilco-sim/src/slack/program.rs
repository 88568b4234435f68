//! `cargo run -p wilco-sim -- slack`: a Slack to play with by hand.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::ids::Id;
use super::{FakeSlack, Settings};
use crate::clock::MachineClock;
use crate::server::program;

/// The message shortcut of the app that is installed there: what people see and what the bot is told, as in the app that
/// `wilco setup slack` makes.
pub const CANCEL_SHORTCUT: (&str, &str) = ("Cancel this job", "cancel_this_job");

/// Serves a workspace with two persons and two channels, and says how to use it.
///
/// `--port N` takes that port of this machine, otherwise a free one is taken; `--until-eof` ends it when standard input
/// closes, so that it never outlives what started it.
///
/// # Errors
/// When an argument is not known, the port cannot be bound, or the sockets fail.
pub async fn run(args: impl IntoIterator<Item = String>, out: &mut (dyn io::Write + Send)) -> io::Result<()> {
    let (port, until_eof) =
        program::read(args).map_err(|sentence| io::Error::new(io::ErrorKind::InvalidInput, sentence))?;
    let slack = FakeSlack::new(Settings::default(), Arc::new(MachineClock::start()));
    let (team, channel) = furnish(&slack);
    slack.change_team(&team, |team| {
        let (name, callback) = CANCEL_SHORTCUT;
        team.shortcuts.insert(name.to_owned(), callback.to_owned());
        team.global_shortcuts.insert("wilco: commands".to_owned(), "wilco_help".to_owned());
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    writeln!(out, "listening {base}")?;
    writeln!(out, "api       {base}/api/")?;
    let (bot, app) = (slack.token(&team), slack.app_token(&team));
    writeln!(out, "tokens    {bot} · {app}")?;
    writeln!(out, "ids       workspace {team} · bot {} · #general {channel}", slack.bot(&team))?;
    writeln!(out, "wilco     SLACK_BOT_TOKEN={bot} SLACK_APP_TOKEN={app} wilco run")?;
    writeln!(out, "          with these lines in its bot.toml:")?;
    writeln!(out, "          [slack]")?;
    writeln!(out, "          api = \"{base}/api/\"")?;
    writeln!(out, "the app   as wilco's manifest has it, with these scopes, events and shortcuts alone:")?;
    let install = r#"{\"order\":\"install\",\"manifest\":$(wilco setup slack --manifest)}"#;
    writeln!(out, "          curl -s {base}/control -H 'content-type: application/json' -d \"{install}\"")?;
    writeln!(out, "a bot     takes the api and the tokens above; apps.connections.open gives it its WebSocket")?;
    let orders = [
        r#"{"order":"slash","person":"ana","channel":"general","command":"/wilco","text":"help"}"#,
        r#"{"order":"say","person":"ana","channel":"general","text":"@wilco help"}"#,
    ];
    for order in orders {
        writeln!(out, "a person  curl -s {base}/control -H 'content-type: application/json' -d '{order}'")?;
    }
    writeln!(out, "a look    curl -s {base}/control/transcript")?;
    out.flush()?;
    program::until(slack.serve(listener), until_eof).await
}

/// A workspace `Workshop` with `ana` and `bo` and the channels `general` and `ops`. Returns it and `general`.
pub(super) fn furnish(slack: &FakeSlack) -> (Id, Id) {
    let team = slack.add_team("Workshop");
    for name in ["ana", "bo"] {
        slack.add_person(&team, name);
    }
    let general = slack.add_channel(&team, "general");
    slack.add_channel(&team, "ops");
    (team, general)
}
