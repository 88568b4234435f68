//! The wall clock is set while the program runs: by an hour in either direction, and over the nights on which the
//! clocks of Europe change (requirements W21, F17, F18).

use std::time::Duration;

use wilco_core::{EnvelopeKind, Scope, Timestamp};
use wilco_sim::{Fault, Rule, Verb};
use wilco_tests::real::count::Tally;
use wilco_tests::real::crowd::Said;
use wilco_tests::real::faketime::FakeTime;
use wilco_tests::real::{Form, Scene, occurrences, wait};

use super::{
    ENDS_WITHIN, Outcome, SOON, answered, conclude, concludes, home, logs, outcome, page_of, scene, sees, shows,
};

const HOUR: i64 = 3_600_000;
/// The hard limit of a job, by the clock that nobody can set; far less than an hour.
const LIMIT: Duration = Duration::from_secs(20);
/// How much later it may be judged and shown.
const JUDGED_WITHIN: Duration = Duration::from_secs(30);
const LIMITS: &str = "[defaults]\ninactivity = \"15s\"\nquestion = \"10m\"\n\
                      [defaults.worker_contract]\nprogress_secs = 15\nterminal_secs = 20\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w21_f17_f18_a_wall_clock_that_is_set_moves_follow_ups_and_nothing_else() {
    let Some(first) = FakeTime::new() else { return };
    let [second, third, fourth] = std::array::from_fn(|_| FakeTime::new().expect("it was there a moment ago"));
    let (forward, back, spring, autumn) = tokio::join!(
        by_an_hour("an hour forward", &first, HOUR),
        by_an_hour("an hour back", &second, -HOUR),
        over("spring", &third, SPRING),
        over("autumn", &fourth, AUTUMN),
    );
    conclude([forward, back, spring, autumn]);
}

async fn by_an_hour(what: &'static str, clock: &FakeTime, by: i64) -> Outcome {
    let mut scene = scene(clock.of(home(LIMITS))).await;
    let result = set(&mut scene, clock, by).await;
    outcome(what, &scene, result, &[("Done", 4), ("Reminder", 1), ("Timed", 1)]).await
}

async fn over(what: &'static str, clock: &FakeTime, night: Night) -> Outcome {
    let scene = scene(clock.of(home(""))).await;
    let result = nights(&scene, clock, night).await;
    outcome(what, &scene, result.map(|()| Tally::default()), &[]).await
}

async fn set(scene: &mut Scene, clock: &FakeTime, by: i64) -> Result<Tally, String> {
    // A result that has to wait for some seconds, over the moment at which the clock is set.
    let wait = Rule::new(Fault::RetryAfter { millis: 8_000, scope: Scope::Message });
    let wait = wait.on(Verb::Edit).kind(EnvelopeKind::Content);
    scene.stand.control.fault(wait).await.map_err(|error| error.to_string())?;
    let mut running = scene.home.start(None);
    page_of(&mut running).await?;
    let asks = scene.crowd.says(Form::Asks).await;
    shows(scene, &asks, EnvelopeKind::Question).await?;
    let waits = scene.crowd.says(Form::Short).await;
    sees(scene, "a result that has to wait", |log| {
        log.iter().filter_map(|entry| entry.call()).any(|call| call.kind == Some(EnvelopeKind::Content))
    })
    .await?;
    let (steady, endless) = tokio::try_join!(begins(scene, Form::Steady), begins(scene, Form::Endless))?;
    // One whose time is passed at once by a clock that goes an hour fast, or not for an hour by one that is slow.
    let reminder = scene.crowd.says(if by > 0 { Form::HalfAnHour } else { Form::Later }).await;
    answered(scene, &reminder, SOON).await?;

    clock.ahead_by(by);
    logs(scene, "the wall clock was set").await?;
    if by > 0 {
        shows(scene, &reminder, EnvelopeKind::Content).await?;
        let text = last_text(scene, &reminder).await;
        if !text.contains("Late by 29m") && !text.contains("Late by 30m") {
            return Err(format!("it is not marked as late: {text:?}"));
        }
    }
    for said in [&waits, &steady, &endless] {
        shows(scene, said, EnvelopeKind::Content).await?;
    }
    if by < 0 && !results(scene, &reminder).await.is_empty() {
        return Err("a reminder came an hour early by the clock that people read".to_owned());
    }
    let took = lasted(scene, &endless).await;
    if took < LIMIT.saturating_sub(Duration::from_secs(1)) || took > LIMIT + JUDGED_WITHIN {
        return Err(format!("a limit of {LIMIT:?} was judged after {took:?}"));
    }

    clock.ahead_by(0);
    shows(scene, &reminder, EnvelopeKind::Content).await?;
    scene.crowd.says(Form::Short).await;
    concludes(scene, running).await
}

async fn begins(scene: &Scene, form: Form) -> Result<Said, String> {
    let said = scene.crowd.says(form).await;
    shows(scene, &said, EnvelopeKind::Progress).await.map(|()| said)
}

async fn results(scene: &Scene, said: &Said) -> Vec<String> {
    let snapshot = scene.snapshot().await;
    let there = snapshot.at(&said.place.address).filter(|message| message.is_visible_bot());
    let results = there.filter(|message| message.shown().kind == Some(EnvelopeKind::Content));
    results.map(|message| message.shown().text.clone()).collect()
}

async fn last_text(scene: &Scene, said: &Said) -> String {
    results(scene, said).await.pop().unwrap_or_default()
}

/// From the acknowledgement to the result, by the platform's clock.
async fn lasted(scene: &Scene, said: &Said) -> Duration {
    let snapshot = scene.snapshot().await;
    let mut there = snapshot.at(&said.place.address).filter(|message| message.is_visible_bot());
    there.next().map(|message| message.shown().at.since(message.created())).unwrap_or_default()
}

/// A night, as moments in UTC: when the clock is set for the first time, then moments that pass, each with how
/// often the nightly reminder has come by then.
type Night = (Timestamp, [(Timestamp, usize); 4]);

/// On 29 March 2026 there is no 02:30 in Berlin: it comes at 03:00, which is 01:00 UTC.
const SPRING: Night = (
    Timestamp(1_774_699_200_000),
    [
        (Timestamp(1_774_744_200_000), 0), // 00:30 UTC, when it would be 02:30 by the summer's clock
        (Timestamp(1_774_746_000_000), 1), // 01:00 UTC
        (Timestamp(1_774_747_800_000), 1), // 01:30 UTC, when it would have been 02:30 by the winter's clock
        (Timestamp(1_774_830_600_000), 2), // 02:30 of the next night
    ],
);

/// On 25 October 2026 it is 02:30 in Berlin twice: at 00:30 and at 01:30 UTC. The first counts.
const AUTUMN: Night = (
    Timestamp(1_792_843_200_000),
    [
        (Timestamp(1_792_888_200_000), 1), // 02:30, the first time
        (Timestamp(1_792_891_800_000), 1), // 02:30, the second time
        (Timestamp(1_792_974_600_000), 1), // 01:30 of the next night
        (Timestamp(1_792_978_200_000), 2), // 02:30 of the next night
    ],
);

async fn nights(scene: &Scene, clock: &FakeTime, (begin, moments): Night) -> Result<(), String> {
    clock.set(begin);
    let mut running = scene.home.start(None);
    page_of(&mut running).await?;
    let nightly = scene.crowd.says(Form::Nightly).await;
    answered(scene, &nightly, SOON).await?;
    for (moment, expected) in moments {
        clock.set_before(moment, Duration::from_secs(2));
        // A reminder for the second after that moment tells when it has passed for the program, too.
        let after = scene.crowd.says(Form::Later).await;
        shows(scene, &after, EnvelopeKind::Content).await?;
        let fired = wait::for_some(SOON, async || (results(scene, &nightly).await.len() >= expected).then_some(()));
        fired.await.ok_or_else(|| format!("it has not come by {moment}"))?;
        let shown = results(scene, &nightly).await;
        if shown.len() != expected {
            return Err(format!("{expected} times by {moment}, not {shown:?}"));
        }
    }
    let fired = occurrences::facts(&scene.home).await?.fired_in(&nightly.tag);
    let before = std::iter::once(0).chain(moments.iter().map(|(_, count)| *count));
    let due: Vec<Timestamp> =
        moments.iter().zip(before).filter(|((_, count), before)| count > before).map(|((at, _), _)| *at).collect();
    let status = running.terminate(ENDS_WITHIN).await?;
    let twice: Vec<String> = super::posted_twice(&scene.platform_log().await);
    let wrong = [scene.home.failed().await?, scene.home.panics(), twice].concat();
    if fired == due && status.success() && wrong.is_empty() {
        return Ok(());
    }
    Err(format!("{status}; due times {fired:?}, not {due:?}; {wrong:?}"))
}
