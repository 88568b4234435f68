//! A platform, its people, and a program that has to keep its promise to them.

use std::path::Path;
use std::time::Duration;

use wilco_sim::{Entry, Logged, Profile, Snapshot};

use super::count::{self, Tally};
use super::{Crowd, Home, Running, Stand, under_test, wait};

/// How long the platform has to stay quiet before the count.
const QUIET: Duration = Duration::from_millis(1_500);
/// How long a program whose work is done may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// A platform, its people and a program.
pub struct Scene {
    /// The platform.
    pub stand: Stand,
    /// What outlives the program.
    pub home: Home,
    /// The people.
    pub crowd: Crowd,
    log: Vec<Entry>,
}

impl Scene {
    /// Starts a platform for the program of a home. The program itself is not started.
    ///
    /// # Panics
    /// When the platform does not start.
    pub async fn open(platform: &Path, profile: Profile, home: Home) -> Self {
        let stand = Stand::open(platform, profile).await;
        let home = home.with(under_test::PLATFORM, stand.address()).with(under_test::PROFILE, profile.name());
        let crowd = Crowd::new(&stand.control);
        Self { stand, home, crowd, log: Vec::new() }
    }

    /// Waits until nothing is missing in the channels, the store owes nothing, and the platform is quiet.
    ///
    /// # Errors
    /// What is still open at the limit.
    pub async fn settles(&mut self, limit: Duration) -> Result<(), String> {
        let mut open = Vec::new();
        let settled = wait::for_some(limit, async || {
            let (control, seen) = (&self.stand.control, self.log.last().map_or(0, |entry| entry.seq));
            let grown = control.log_grows(seen, QUIET).await.ok()?;
            let quiet = grown.is_empty();
            self.log.extend(grown);
            if !quiet {
                return None;
            }
            // Lines of calls are completed later, so what is counted in the end is read anew.
            let snapshot = control.snapshot().await.ok()?;
            open = count::open(&self.crowd.said(), &self.log, &snapshot, self.stand.profile());
            if open.is_empty() {
                match self.home.owed().await {
                    Ok(0) => {}
                    Ok(owed) => open.push(format!("{owed} receipts are not settled")),
                    Err(why) => open.push(why),
                }
            }
            open.is_empty().then_some(())
        });
        let settled = settled.await;
        settled.ok_or_else(|| format!("not settled within {} s: {open:#?}", limit.as_secs()))
    }

    /// Waits until everything has settled, stops the program, and counts.
    ///
    /// # Errors
    /// That it did not settle, or how the program ended instead.
    pub async fn counts(&mut self, running: Running, limit: Duration) -> Result<Tally, String> {
        self.settles(limit).await?;
        let stopped = running.terminate(STOPS_WITHIN).await?;
        if !stopped.success() {
            return Err(format!("the bot ended with {stopped}"));
        }
        let failed = self.home.failed().await?;
        let snapshot = self.snapshot().await;
        let log = self.platform_log().await;
        let mut tally = count::tally(&self.crowd.said(), &log, &snapshot, self.stand.profile());
        tally.wrong.extend(failed);
        tally.wrong.extend(self.home.panics());
        Ok(tally)
    }

    /// What stands in the channels.
    pub async fn snapshot(&self) -> Snapshot {
        self.stand.control.snapshot().await.unwrap_or_default()
    }

    /// Everything that the platform has logged.
    pub async fn platform_log(&self) -> Vec<Entry> {
        self.stand.control.log_after(0).await.unwrap_or_default()
    }

    /// How many acknowledgements were posted so far.
    pub async fn stubs(&self) -> usize {
        self.platform_log().await.iter().filter(|entry| matches!(entry.what, Logged::Posted { .. })).count()
    }

    /// What somebody needs who looks for the mistake.
    pub async fn report(&self) -> String {
        let snapshot = self.snapshot().await;
        let jobs = self.home.ask(&["jobs", "list", "--open"]).await;
        format!(
            "profile {}\n{}\nopen jobs: {jobs:?}\nthe end of the log:\n{}",
            self.stand.profile().name(),
            snapshot.whole_transcript(),
            self.home.log()
        )
    }
}
