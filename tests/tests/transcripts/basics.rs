//! Accept, progress, finish, crash.

use insta::assert_snapshot;
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

#[tokio::test(start_paused = true)]
async fn r1_a_job_is_acknowledged_shows_progress_in_place_and_ends_with_one_result() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | On it · report · u6b3
          [Cancel]
    ");
    stage.seconds(4).await;
    job.step(3, 7, "collecting");
    stage.seconds(4).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Working · u6b3 · 4s · step 3/7
          ```
          collecting
          ```
          [Cancel]
    ");
    stage.seconds(20).await;
    job.ends("All is well.");
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 28s

          All is well.
          [Details]
    bot | ↳ @ana done: report (u6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn r15_a_result_that_was_stored_survives_a_crash_and_appears_once() {
    for profile in Profile::ALL {
        let mut stage = Stage::builder().profile(profile).begin().await;
        let ana = Actor::named("ana");
        let job = stage.runs(&ana, OPS).await;
        stage.seconds(2).await;
        stage.fault(Rule::new(Fault::Lost).on(Verb::Edit).times(1));
        job.ends("All is well.");
        stage.moment().await;
        stage.crashes_and_restarts().await;
        stage.seconds(60).await;
        insta::allow_duplicates! {
            assert_snapshot!(stage.sees(OPS), @"
            ana | /run report
            bot | Done · u6b3 · 2s

                  All is well.
                  [Details]
            ");
        }
        stage.ends().await;
    }
}
