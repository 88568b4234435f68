//! `cargo run -p wilco-sim -- discord`: a Discord to play with by hand.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{FakeDiscord, Settings};
use crate::clock::MachineClock;
use crate::server::program;

/// Serves a guild with two persons and two channels, and says how to use it.
///
/// `--port N` takes that port of this machine, otherwise a free one is taken; `--until-eof` ends it when
/// standard input closes, so that it never outlives what started it.
///
/// # Errors
/// When an argument is not known, the port cannot be bound, or the sockets fail.
pub async fn run(args: impl IntoIterator<Item = String>, out: &mut (dyn io::Write + Send)) -> io::Result<()> {
    let (port, until_eof) =
        program::read(args).map_err(|sentence| io::Error::new(io::ErrorKind::InvalidInput, sentence))?;
    let settings = Settings { identify_pace: Duration::from_secs(5), ..Settings::default() };
    let discord = FakeDiscord::new(settings, Arc::new(MachineClock::start()));
    let (guild, channel) = furnish(&discord);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let base = format!("http://{}", listener.local_addr()?);
    writeln!(out, "listening {base}")?;
    writeln!(out, "api       {base}/api/v10")?;
    writeln!(out, "token     {}", discord.token())?;
    writeln!(out, "ids       application {} · guild {guild} · #general {channel}", discord.bot())?;
    writeln!(out, "a bot     takes the api and the token above; the gateway's address comes from GET /gateway/bot")?;
    let order = r#"{"order":"say","person":"ana","channel":"general","text":"hello"}"#;
    writeln!(out, "a person  curl -s {base}/control -H 'content-type: application/json' -d '{order}'")?;
    writeln!(out, "a look    curl -s {base}/control/transcript")?;
    out.flush()?;
    program::until(discord.serve(listener), until_eof).await
}

/// A guild `Workshop` of `ana`, with `bo` in it and the channels `general` and `ops`. Returns the guild
/// and `general`.
pub(super) fn furnish(discord: &FakeDiscord) -> (u64, u64) {
    let (ana, bo) = (discord.add_person("ana"), discord.add_person("bo"));
    let guild = discord.add_guild("Workshop", ana);
    discord.join(guild, bo);
    let general = discord.add_channel(guild, "general");
    discord.add_channel(guild, "ops");
    (guild, general)
}
