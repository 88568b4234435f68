//! A failure can be seen again: the same seed is the same life, byte for byte.

use std::sync::Mutex;

use wilco_tests::simulation::{Schedule, crew, run, run_traced};

#[test]
fn the_same_seed_gives_the_same_journal() {
    let different = Mutex::new(Vec::new());
    crew::each(0..100, crew::threads(), |seed| {
        let schedule = Schedule::random(seed);
        let (one, two) = (run(&schedule), run(&schedule));
        if one.hash != two.hash || one.hash == 0 {
            different.lock().expect("no thread has failed").push((seed, one.hash, two.hash));
        }
    });
    let different = different.into_inner().expect("no thread has failed");
    assert!(different.is_empty(), "not the same twice: {different:x?}");
}

#[test]
fn different_seeds_give_different_lives() {
    let hashes: std::collections::BTreeSet<u64> = (0..20).map(|seed| run(&Schedule::random(seed)).hash).collect();
    assert_eq!(hashes.len(), 20);
}

#[test]
fn what_was_left_to_chance_can_be_written_down_and_lived_again() {
    for seed in 0..20 {
        let drawn = run_traced(&Schedule::random(seed));
        let text = serde_json::to_string(&drawn.explicit).expect("a schedule is JSON");
        let read: Schedule = serde_json::from_str(&text).expect("and is read back");
        let again = run_traced(&read);
        assert!(
            drawn.story == again.story && drawn.hash == again.hash,
            "seed {seed} is another life when written down"
        );
    }
}
