//! Every crash point with every outcome.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use wilco_core::EnvelopeKind;
use wilco_sim::{Profile, Verb};
use wilco_tests::simulation::exhaustive::{full_life, outcomes, points};
use wilco_tests::simulation::{Breadth, Figures, cells, crew, report, run, run_traced};

use crate::{Broken, decides};

#[test]
fn the_full_life_passes_every_named_crash_point_and_makes_every_kind_of_call() {
    let mut hashes = BTreeSet::new();
    for profile in Profile::ALL {
        let schedule = full_life(profile);
        let lived = run_traced(&schedule);
        assert!(lived.violations.is_empty(), "{}", report("the full life", &schedule, &lived));
        hashes.insert(lived.hash);
        let passed: BTreeSet<&str> = points(&lived.trace).into_iter().collect();
        let missed: Vec<&&str> = wilco_store::crash::named().iter().filter(|point| !passed.contains(**point)).collect();
        assert!(missed.is_empty(), "a life on {} never passes {missed:?}", profile.name());
        let calls: HashSet<_> = lived.trace.iter().filter_map(|passing| passing.call).collect();
        let kinds = [
            (Verb::Post, Some(EnvelopeKind::Stub)),
            (Verb::Edit, Some(EnvelopeKind::Progress)),
            (Verb::Edit, Some(EnvelopeKind::Content)),
            (Verb::Edit, Some(EnvelopeKind::Part)),
            (Verb::Edit, Some(EnvelopeKind::File)),
            (Verb::Edit, Some(EnvelopeKind::Question)),
            (Verb::Post, Some(EnvelopeKind::Ping)),
            (Verb::Probe, None),
        ];
        let missed: Vec<_> = kinds.iter().filter(|kind| !calls.contains(*kind)).collect();
        assert!(missed.is_empty(), "a life on {} never calls {missed:?}, only {calls:?}", profile.name());
    }
    assert_eq!(hashes.len(), Profile::ALL.len(), "two platforms that differ have shown the same");
}

#[test]
fn in_the_full_life_people_see_everything_that_is_promised() {
    let seen = run(&full_life(Profile::DiscordLike)).transcript;
    for words in [
        "only cleo sees | Watching",
        "@dora question",
        "The result of p0, run 2.",
        "p0-3.txt (700 B)",
        "Cancelled",
        "Already completed",
        "Reminder",
        "The result of p3, run 2.",
    ] {
        assert!(seen.contains(words), "nobody reads {words:?} in\n{seen}");
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the figures of a run are part of its result")]
fn r15_every_crash_point_with_every_outcome_loses_nothing_and_doubles_nothing() {
    let begun = crew::now();
    // At a desk one platform will do; the one that can do least has the most to go wrong.
    let profiles = if decides() { Profile::ALL.to_vec() } else { vec![Profile::TelegramLike] };
    let cells: Vec<_> = profiles.into_iter().flat_map(|profile| cells(profile, Breadth::One)).collect();
    let count = cells.len();
    let (sum, broken) = (Mutex::new((Figures::default(), BTreeSet::new())), Broken::default());
    crew::each(cells.into_iter(), crew::threads(), |cell| {
        let lived = run(&cell.schedule);
        if !lived.violations.is_empty() {
            broken.add(report(&cell.name(), &cell.schedule, &lived));
        }
        let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
        sum.0.add(&lived.figures);
        if cell.happened(&lived) {
            sum.1.insert((cell.point, cell.outcome));
        }
    });
    let (sum, happened) = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "{count} cells of {} points and {} outcomes in {:.0} s: {sum}",
        wilco_store::crash::named().len(),
        outcomes().len(),
        begun.elapsed().as_secs_f64()
    );
    broken.judge();
    let all =
        wilco_store::crash::named().iter().flat_map(|point| outcomes().into_iter().map(|(name, _)| (*point, name)));
    let missed: Vec<_> = all.filter(|cell| !happened.contains(cell)).collect();
    assert!(missed.is_empty(), "nobody has died there with that outcome: {missed:?}");
}
