//! The process is stopped for a minute, as a suspended machine or a debugger does, and goes on (requirement W21).

use std::time::Duration;

use rustix::process::Signal;
use wilco_core::{EnvelopeKind, Scope};
use wilco_sim::{Entry, Fault, Rule, Verb};
use wilco_tests::real::count::Tally;
use wilco_tests::real::crowd::COUNTS;
use wilco_tests::real::page::Page;
use wilco_tests::real::{Form, Scene, wait};

use super::{Outcome, SOON, answered, concludes, home, is_unready, logs, outcome, page_of, scene, sees, shows};

/// Longer than every limit below, than the leases of receipts and workers, and than a reminder may be late
/// without saying so.
const STOPPED_FOR: Duration = Duration::from_secs(65);

const LIMITS: &str = "[defaults]\ninactivity = \"20s\"\nquestion = \"30s\"\n\
                      [defaults.worker_contract]\nprogress_secs = 15\nterminal_secs = 40\n";

pub(super) async fn minute() -> Outcome {
    let mut scene = scene(home(&format!("{LIMITS}{COUNTS}"))).await;
    let result = stops(&mut scene).await;
    outcome("stopped for a minute", &scene, result, &[("Done", 6), ("Reminder", 1)]).await
}

async fn stops(scene: &mut Scene) -> Result<Tally, String> {
    let rules = [
        // The first result has to wait, into the middle of the minute; the second is shown, but its answer never comes.
        Rule::new(Fault::RetryAfter { millis: 20_000, scope: Scope::Message }),
        Rule::new(Fault::Hang { applied: true }),
    ];
    for rule in rules {
        let rule = rule.on(Verb::Edit).kind(EnvelopeKind::Content);
        scene.stand.control.fault(rule).await.map_err(|error| error.to_string())?;
    }
    let mut running = scene.home.start(None);
    let page = page_of(&mut running).await?;
    for results in 1..=2 {
        scene.crowd.says(Form::Short).await;
        sees(scene, "a result on its way", |log| content_calls(log) >= results).await?;
    }
    for (form, kind) in [
        (Form::Asks, EnvelopeKind::Question),
        (Form::Steady, EnvelopeKind::Progress),
        (Form::Counts, EnvelopeKind::Progress),
    ] {
        let said = scene.crowd.says(form).await;
        shows(scene, &said, kind).await?;
    }
    let later = scene.crowd.says(Form::Later).await;
    answered(scene, &later, SOON).await?;

    running.signal(Signal::STOP)?;
    scene.crowd.says(Form::Short).await;
    wait::pause(STOPPED_FOR).await;
    running.signal(Signal::CONT)?;

    logs(scene, "the process was not running").await?;
    is_unready(&page, None).await?;
    // The one that asks and the one in steps still run; what was said meanwhile may be about to end.
    runs(&page, 2).await?;
    let tally = concludes(scene, running).await?;
    let snapshot = scene.snapshot().await;
    let reminder = snapshot.at(&later.place.address).find(|message| message.shown().text.starts_with("Reminder"));
    match reminder {
        Some(reminder) if reminder.shown().text.contains("Late by 1m") => Ok(tally),
        other => Err(format!("the reminder is not marked as late: {other:?}")),
    }
}

fn content_calls(log: &[Entry]) -> usize {
    log.iter().filter_map(Entry::call).filter(|call| call.kind == Some(EnvelopeKind::Content)).count()
}

/// The page says what is true: so many jobs run, nothing waits, the store takes changes.
async fn runs(page: &Page, running: u64) -> Result<(), String> {
    let mut health = serde_json::Value::Null;
    let fits = wait::for_some(SOON, async || {
        health = page.health().await.ok()?;
        let connected = health["accounts"].as_array()?.iter().all(|account| account["connected"] == true);
        (health["running"] == running && health["queued"] == 0 && health["store"].is_null() && connected).then_some(())
    });
    let fits = fits.await;
    fits.ok_or_else(|| format!("{running} jobs run, and the page says {health}"))
}
