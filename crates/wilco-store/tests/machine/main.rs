//! The state machine of the store: sequences of commands against a plain model, which predicts every answer
//! and everything that can be seen afterwards. A failure prints the shortest sequence that was found.
//!
//! `PROPTEST_CASES` says how many sequences are tried. Another database runs the very same ones by one more
//! implementation of [`backend::Backend`] and one more line at the end of this file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::wildcard_enum_match_arm, reason = "the model names what happens; everything else stays as it is")]

mod backend;
mod command;
mod generate;
mod model;
mod names;
mod sut;
mod view;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use wilco_core::random::Dice;

use backend::{Backend, SqliteInline, SqliteThreads};
use command::{Answer, Command};
use model::Model;
use sut::Sut;

/// Gives the commands to the model and to a store; the first difference is the failure.
async fn run<B: Backend>(
    mut model: Model,
    commands: &[Command],
    seen: Option<Arc<AtomicUsize>>,
) -> Result<(), TestCaseError> {
    let mut sut = Sut::<B>::open().await;
    for command in commands {
        // What was never reached is the first that shrinking leaves out.
        if let Some(seen) = &seen {
            seen.fetch_add(1, Ordering::SeqCst);
        }
        let trouble = |why: String| TestCaseError::fail(format!("at {command:?}: {why}"));
        model = model.apply(command);
        let (next, answer): (Sut<B>, Answer) = sut.apply(command).await.map_err(trouble)?;
        sut = next;
        let stored = sut.look(answer).await.map_err(trouble)?;
        let differences = model.view().differs_from(&stored);
        if !differences.is_empty() {
            return Err(trouble(format!("the model and the store differ\n{}", differences.join("\n"))));
        }
    }
    Ok(())
}

/// Tries random sequences on one kind of store. `PROPTEST_RNG_SEED` tries those of an earlier run again.
fn sequences_on<B: Backend>(cases: u32) {
    let named = ProptestConfig::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { named.cases } else { cases };
    let seed = match named.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => u64::from_str_radix(&Dice::from_os().token()[..16], 16).unwrap(),
    };
    let rng_seed = RngSeed::Fixed(seed);
    let config = ProptestConfig { cases, rng_seed, max_shrink_iters: 4_000, failure_persistence: None, ..named };
    let tried = TestRunner::new(config).run(&Model::sequential_strategy(30..150), |(model, commands, seen)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run::<B>(model, &commands, seen))
    });
    match tried {
        Ok(()) => {}
        Err(TestError::Abort(why)) => panic!("no sequence could be made: {why}"),
        Err(TestError::Fail(why, (_, commands, _))) => {
            let lines: Vec<String> = commands.iter().map(|command| format!("  {command:?}")).collect();
            let count = lines.len();
            panic!("{why}\n\nafter these {count} commands (PROPTEST_RNG_SEED={seed}):\n{}", lines.join("\n"));
        }
    }
}

#[test]
fn the_store_does_what_the_plain_model_says() {
    sequences_on::<SqliteInline>(80);
}

#[test]
fn the_store_does_so_behind_its_writer_task() {
    sequences_on::<SqliteThreads>(30);
}
