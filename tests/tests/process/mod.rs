//! The real program meets what a machine does to it: it is stopped and goes on, told to end, its disk is full or
//! read-only, its database is locked or gone, the wall clock is set. The platform is a process of its own. What is
//! counted is its log, its channels and the database; each job and each due time becomes visible exactly once.
//!
//! `kill -9` has a module of its own, beside this one.

mod clocks;
mod disk;
mod drain;
mod gone;
mod heard;
mod locked;
mod stopped;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use rustix::process::Signal;
use wilco_core::EnvelopeKind;
use wilco_sim::clock::MachineClock;
use wilco_sim::{Entry, Logged, Profile};
use wilco_tests::real::count::Tally;
use wilco_tests::real::crowd::Said;
use wilco_tests::real::page::Page;
use wilco_tests::real::{Form, Home, Running, Scene, wait};

/// The program.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wilco-under-test"))
}

/// The platform.
fn platform_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_test-platform"))
}

/// Another program that keeps the database locked.
fn holder_program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_store-holder"))
}

/// How long something may take that comes at once on an idle machine.
const SOON: Duration = Duration::from_secs(60);
/// How long everything may take to come to its end: the longest wait of a content receipt that was refused twice
/// (36 s), the re-assert (45 s), and what a busy machine adds.
const SETTLES_WITHIN: Duration = Duration::from_secs(150);
/// The documented bound of an end that was asked for by SIGTERM.
const ENDS_WITHIN: Duration = Duration::from_secs(70);
/// New work is refused within this, with a reason.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// People are told that they were heard within this (requirement L2).
const HEARD_WITHIN: Duration = Duration::from_millis(2_500);

/// A home with the page on, limits that an outage of a minute would exceed, and follow-ups of the next seconds.
fn home(further: &str) -> Home {
    let limits = "[web]\nbind = \"127.0.0.1:0\"\n[followups]\nmin = \"1s\"\n";
    Home::new(program(), &format!("{limits}{further}"))
}

async fn scene(home: Home) -> Scene {
    Scene::open(platform_program(), Profile::DiscordLike, home).await
}

/// The page of a program that has just started.
async fn page_of(running: &mut Running) -> Result<Page, String> {
    let link = running.link(SOON).await.ok_or("no link was shown")?;
    Page::sign_in(&link).await.map_err(|missed| format!("{missed:?}"))
}

/// Waits until a condition holds at the platform.
async fn sees(scene: &Scene, what: &str, fits: impl Fn(&[Entry]) -> bool) -> Result<(), String> {
    let seen = wait::for_some(SOON, async || fits(&scene.platform_log().await).then_some(())).await;
    seen.ok_or_else(|| format!("never seen: {what}"))
}

/// Waits until what somebody asked for shows something of a kind.
async fn shows(scene: &Scene, said: &Said, kind: EnvelopeKind) -> Result<(), String> {
    let address = &said.place.address;
    let seen = wait::for_some(SOON, async || {
        let snapshot = scene.snapshot().await;
        let mut there = snapshot.at(address).filter(|message| message.is_visible_bot());
        there.any(|message| message.shown().kind == Some(kind)).then_some(())
    });
    seen.await.ok_or_else(|| format!("{} ({:?}) never showed {kind:?}", said.tag, said.form))
}

/// Waits until a line stands in the program's log.
async fn logs(scene: &Scene, words: &str) -> Result<(), String> {
    let seen = wait::for_some(SOON, async || scene.home.whole_log().contains(words).then_some(())).await;
    seen.ok_or_else(|| format!("never logged: {words}"))
}

/// Waits until the page gives these reasons for not being ready, or is ready where there are none.
async fn is_unready(page: &Page, reason: Option<&str>) -> Result<(), String> {
    let mut told = Ok(Vec::new());
    let fits = wait::for_some(SOON, async || {
        told = page.unready().await;
        let reasons = told.as_ref().ok()?;
        let fits = match reason {
            Some(reason) => reasons.iter().any(|one| one.contains(reason)),
            None => reasons.is_empty(),
        };
        fits.then_some(())
    });
    let fits = fits.await;
    fits.ok_or_else(|| format!("ready, but for {reason:?}, was expected; it says {told:?}"))
}

/// What became of one thing that was said.
#[derive(Debug)]
struct Told {
    /// How long after it the person was told *heard*.
    heard: Option<Duration>,
    /// The last answer, and how long it took.
    answer: Option<(String, Duration)>,
    /// What only that person reads there.
    notes: Vec<String>,
}

async fn told(scene: &Scene, said: &Said) -> Told {
    let (log, snapshot) = (scene.platform_log().await, scene.snapshot().await);
    let at = log.iter().find_map(|entry| {
        let Logged::Said { event, .. } = &entry.what else { return None };
        (*event == said.event).then_some(entry.at)
    });
    let at = at.expect("it was said");
    let answer = log.iter().rev().find_map(|entry| {
        let Logged::Answered { event, answer } = &entry.what else { return None };
        (*event == said.event).then(|| (answer.clone(), entry.at.since(at)))
    });
    let notes = || snapshot.notes.iter().filter(|note| note.address == said.place.address);
    let heard = notes().find(|note| note.text.starts_with("Heard")).map(|note| note.at.since(at));
    Told { heard, answer, notes: notes().map(|note| note.text.clone()).collect() }
}

/// Waits for the last word on something that was said: anything but *busy*, after which it comes again.
async fn answered(scene: &Scene, said: &Said, limit: Duration) -> Result<Told, String> {
    let last = wait::for_some(limit, async || {
        let told = told(scene, said).await;
        told.answer.as_ref().is_some_and(|(answer, _)| answer != "busy").then_some(told)
    });
    last.await.ok_or_else(|| format!("{} ({:?}) has no answer", said.tag, said.form))
}

/// Several people ask for work in turn while the store takes nothing: each is told why not, at once, and nothing
/// comes of it.
async fn are_refused(scene: &Scene, reason: &str) -> Result<(), String> {
    let mut waits = Vec::new();
    for _ in 0..5 {
        let said = scene.crowd.says(Form::Short).await;
        let told = answered(scene, &said, SOON).await?;
        match &told.answer {
            Some((answer, wait)) if answer == "refused" => waits.push(*wait),
            other => return Err(format!("{} was answered {other:?}", said.tag)),
        }
        if !told.notes.iter().any(|note| note.starts_with("Not accepted: ") && note.contains(reason)) {
            return Err(format!("{} was told {:?}", said.tag, told.notes));
        }
        scene.crowd.forgets(&said.event);
    }
    within("refused", waits, REFUSED_WITHIN)
}

/// Judges by the middle one, because other tests run on the same machine.
fn within(what: &str, mut waits: Vec<Duration>, limit: Duration) -> Result<(), String> {
    waits.sort_unstable();
    let middle = waits.get(waits.len() / 2).copied().unwrap_or(Duration::MAX);
    if middle <= limit { Ok(()) } else { Err(format!("{what} after {waits:?}; the limit is {limit:?}")) }
}

/// Creates under one key of which more than one became a message: something that was sent twice.
fn posted_twice(log: &[Entry]) -> Vec<String> {
    let keys: BTreeMap<u64, _> =
        log.iter().filter_map(|entry| Some((entry.seq, entry.call()?.key.as_ref()?))).collect();
    let mut posts = BTreeMap::new();
    for entry in log {
        if let Logged::Posted { call, .. } = &entry.what
            && let Some(key) = keys.get(call)
        {
            *posts.entry(key).or_insert(0) += 1;
        }
    }
    let twice = posts.into_iter().filter(|(_, count)| *count > 1);
    twice.map(|(key, count)| format!("{key} was posted {count} times")).collect()
}

/// The count of a life that has ended, while somebody looks on, answers questions and presses what is to be pressed.
async fn concludes(scene: &mut Scene, running: Running) -> Result<Tally, String> {
    let watcher = scene.crowd.clone();
    let mut tally = tokio::select! {
        tally = scene.counts(running, SETTLES_WITHIN) => tally?,
        () = watcher.watches() => return Err("the watcher has left".to_owned()),
    };
    tally.wrong.extend(posted_twice(&scene.platform_log().await));
    Ok(tally)
}

/// Somebody asks it to end, and does not want to wait: asks again as soon as it has heard.
async fn hurries(scene: &Scene, running: Running, limit: Duration) -> Result<(), String> {
    running.signal(Signal::TERM)?;
    logs(scene, "draining").await?;
    running.signal(Signal::INT)?;
    let status = running.ends(limit).await?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}

/// One scenario and what was wrong in it.
struct Outcome {
    what: &'static str,
    wrong: Vec<String>,
    report: String,
}

/// Compares what was counted with how many of everything should have ended how.
#[allow(clippy::print_stdout, reason = "what was counted belongs to the output of the test")]
async fn outcome(what: &'static str, scene: &Scene, result: Result<Tally, String>, ends: &[(&str, usize)]) -> Outcome {
    let wrong = match result {
        Ok(tally) => {
            println!("{what}: {tally}");
            let expected = ends.iter().map(|(end, count)| ((*end).to_owned(), *count)).collect::<BTreeMap<_, _>>();
            let mut wrong = tally.wrong;
            if tally.ends != expected {
                wrong.push(format!("the ends are {:?}, not {expected:?}", tally.ends));
            }
            wrong
        }
        Err(why) => vec![why],
    };
    Outcome { what, wrong, report: scene.report().await }
}

/// Fails with everything that was wrong in any of the scenarios that went on side by side.
#[track_caller]
fn conclude(outcomes: impl IntoIterator<Item = Outcome>) {
    let wrong: Vec<String> = outcomes
        .into_iter()
        .filter(|outcome| !outcome.wrong.is_empty())
        .map(|outcome| format!("{}:\n{}\n{}", outcome.what, outcome.wrong.join("\n"), outcome.report))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The two faults of a minute go on side by side, so that both cost one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w21_l2_after_a_minute_of_standstill_nobody_is_timed_out_nothing_is_lost_and_nothing_comes_twice() {
    // Whoever waits for a lock does so for five seconds at a time: what is tried when it ends differs.
    let longer = join_all([66, 67, 68, 69, 70].map(locked::for_longer));
    let (stopped, short, longer) = tokio::join!(stopped::minute(), locked::for_moments(), longer);
    conclude([stopped, short].into_iter().chain(longer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_m12_a_store_that_stalls_delays_no_acknowledgement_of_slacks_and_loses_no_command() {
    let all = join_all([4, 4, 9].map(|seconds| heard::while_locked(Duration::from_secs(seconds)))).await;
    let wrong: Vec<String> = all.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Lets real time pass up to a moment of a scenario's own clock: the fault itself takes that long.
async fn until(clock: &MachineClock, moment: Duration) {
    wait::pause(moment.saturating_sub(wilco_core::Clock::monotonic(clock))).await;
}
