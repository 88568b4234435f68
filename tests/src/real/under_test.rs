//! The program under test: the same as `wilco`, with worker kinds, the scripted platform and crash points wired in.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use wilco::Bot;
use wilco_core::Limits;
use wilco_core::access::{Role, Rule};
use wilco_core::worker::OnInterrupt;
use wilco_sim::{Profile, Remote};

use super::crash::{CRASH_AT, Crash};
use super::kinds::{Deed, Work};

/// The environment variable that holds the address of a scripted platform.
pub const PLATFORM: &str = "WILCO_PLATFORM";
/// The environment variable that names that platform's profile.
pub const PROFILE: &str = "WILCO_PLATFORM_PROFILE";
/// The account of the scripted platform.
pub const ACCOUNT: &str = "sim";
/// Whoever has this role there may start jobs.
pub const CREW: &str = "crew";

/// Runs it.
pub fn main() -> ExitCode {
    if let Ok(at) = std::env::var(CRASH_AT) {
        match Crash::parse(&at) {
            Ok(crash) => crash.install(),
            Err(why) => return refuse(&format!("{CRASH_AT}: {why}")),
        }
    }
    let mut bot = Bot::builder()
        .worker_with("work", Work::new(Deed::Steps), |kind| kind.on_interrupt = OnInterrupt::Rerun)
        .worker_with("work-once", Work::new(Deed::Steps), |kind| kind.on_interrupt = OnInterrupt::Report)
        .worker_with("work-asks", Work::new(Deed::Asks), |kind| kind.on_interrupt = OnInterrupt::Rerun)
        .worker_with("work-parts", Work::new(Deed::Parts), |kind| kind.on_interrupt = OnInterrupt::Rerun)
        .worker_with("work-file", Work::new(Deed::File), |kind| kind.on_interrupt = OnInterrupt::Rerun)
        .worker_with("work-waits", Work::new(Deed::Waits), |kind| kind.on_interrupt = OnInterrupt::Rerun)
        .worker_with("work-waits-once", Work::new(Deed::Waits), |kind| kind.on_interrupt = OnInterrupt::Report)
        .worker_with("work-stumbles", Work::new(Deed::Stumbles), |kind| kind.on_interrupt = OnInterrupt::Rerun);
    if let Ok(url) = std::env::var(PLATFORM) {
        let name = std::env::var(PROFILE).unwrap_or_else(|_| Profile::DiscordLike.name().to_owned());
        let Some(profile) = Profile::from_name(&name) else {
            return refuse(&format!("{PROFILE}: there is no profile {name:?}"));
        };
        let limits = Limits { edit_pace: Duration::ZERO, ..profile.limits() };
        bot = bot.allow(crew()).adapter(move |wiring| {
            let remote = Remote::new(&url, ACCOUNT, limits, Arc::clone(&wiring.clock));
            Ok(Arc::new(remote.map_err(|cause| std::io::Error::other(cause.to_string()))?))
        });
    }
    bot.main()
}

/// Whoever has the role there is an operator, on that account alone.
fn crew() -> Rule {
    Rule { account: Some(ACCOUNT.to_owned()), role: Some(CREW.to_owned()), ..Rule::granting(Role::Operator) }
}

#[allow(clippy::print_stderr, reason = "a program speaks to its terminal")]
fn refuse(sentence: &str) -> ExitCode {
    eprintln!("wilco-under-test: {sentence}");
    ExitCode::from(2)
}
