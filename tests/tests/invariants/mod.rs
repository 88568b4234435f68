//! The invariants of the simulation themselves: nothing is found in runs that are sound, and everything in
//! evidence that was tampered with.

mod excuses;
mod sound;
mod tampered;
mod tampered_calls;
mod tampered_world;
mod weather;

use std::time::Duration;

use wilco_core::settings::KindSettings;
use wilco_core::worker::OnInterrupt;
use wilco_core::{AccountId, Clock, Timestamp};
use wilco_sim::Profile;
use wilco_tests::clock::BEGIN;
use wilco_tests::simulation::evidence::{Death, Evidence, Facts, Rows};
use wilco_tests::simulation::invariants::{Violation, check};
use wilco_tests::{Logbook, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// A stage whose driver takes down what a driver of a schedule has to know.
struct Watched {
    stage: Stage,
    book: Logbook,
    facts: Facts,
}

impl Watched {
    async fn begin(profile: Profile) -> Self {
        let book = Logbook::open();
        let rerun = KindSettings { on_interrupt: OnInterrupt::Rerun, ..KindSettings::default() };
        let builder = Stage::builder().profile(profile).settings(|settings| {
            settings.kinds.insert("again".to_owned(), rerun);
            settings.quotas.person_running = 20;
        });
        let stage = builder.begin().await;
        let facts = Facts::quiet(profile, stage.settings().clone(), BEGIN, None);
        Self { stage, book, facts }
    }

    /// The platform's clock, which is never stepped.
    fn now(&self) -> Timestamp {
        BEGIN.plus(self.stage.clock().monotonic())
    }

    /// The process dies, and after a while the next one begins on what it has left.
    async fn dies_for(&mut self, away: Duration) {
        self.stage.crashes().await;
        let at = self.now();
        self.facts.deaths.push(Death::read(&self.stage.store_path(), at).await);
        self.stage.advance(away).await;
        self.facts.away.push((at, self.now()));
        self.stage.start().await;
    }

    /// The wall clock is stepped.
    fn steps(&mut self, millis: i64) {
        self.facts.steps.push((self.now(), millis));
        self.stage.clock().step_wall(millis);
    }

    /// The account's credentials are refused for a while; after that the process begins anew.
    async fn refused_for(&mut self, refused: Duration) {
        let (account, from) = (AccountId::new("sim"), self.now());
        self.stage.platform.stop_account(&account, Some(wilco_core::Cause::new("401", "unauthorized")));
        self.stage.advance(refused).await;
        self.stage.platform.stop_account(&account, None);
        self.facts.stopped.push((account, from, self.now()));
        self.dies_for(Duration::ZERO).await;
    }

    /// Lets everything settle and takes the evidence.
    async fn evidence(&mut self) -> Evidence {
        self.stage.platform.calm();
        self.facts.calm = self.now();
        self.stage.settles().await;
        let health = self.stage.desk_health().await;
        let open = health.running + health.queued + health.undelivered;
        self.facts.settled = (open == 0).then(|| self.now());
        self.facts.limits = *self.stage.limits();
        self.facts.settings = self.stage.settings().clone();
        self.facts.lines = self.book.lines().iter().map(wilco_tests::logbook::Line::whole).collect();
        let rows = futures::executor::block_on(Rows::read(&self.stage.store_path()));
        let (log, snapshot) = (self.stage.platform.log(), self.stage.snapshot());
        Evidence { log, snapshot, rows, facts: self.facts.clone() }
    }

    /// Ends the script: nothing is found in it.
    async fn ends_sound(mut self) -> Evidence {
        let evidence = self.evidence().await;
        none(&evidence);
        self.stage.ends().await;
        evidence
    }
}

/// Holds that nothing is found.
#[track_caller]
fn none(evidence: &Evidence) {
    let found: Vec<String> = check(evidence).iter().map(Violation::to_string).collect();
    assert!(found.is_empty(), "{}\n{}", found.join("\n"), evidence.snapshot.whole_transcript());
}

/// Holds that an invariant finds something, in words that contain these.
#[track_caller]
fn finds(evidence: &Evidence, invariant: u8, words: &str) {
    let found = check(evidence);
    let fits = |one: &&Violation| one.invariant == invariant && one.what.contains(words);
    let all: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert!(found.iter().find(fits).is_some(), "invariant {invariant} does not say {words:?}:\n{}", all.join("\n"));
}
