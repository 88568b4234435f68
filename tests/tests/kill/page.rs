//! Over the web chat by its HTTP API; counted from the conversations after the last restart.

use std::time::Duration;

use futures::{StreamExt, stream};
use wilco_tests::real::count::Tally;
use wilco_tests::real::page::Page;
use wilco_tests::real::visitors::{OPENS_WITHIN, Visitors};
use wilco_tests::real::{Crash, Form, Home, Running, draw, wait};

use super::{JOBS, RECOVERY, SCENARIO, conclude, draw_for, every_passing, program};

const MOMENTS: u64 = 100;
const RUNS: u64 = 4;
const CRASHES_WITHIN: Duration = Duration::from_secs(60);
const SETTLES_WITHIN: Duration = Duration::from_secs(120);
const AT_ONCE: usize = 12;

fn home() -> Home {
    Home::new(program(), "[web]\nbind = \"127.0.0.1:0\"\n")
}

/// The last start: everything comes to its end, then once more a new process, whose page is counted.
async fn ends(home: &Home, visitors: &mut Visitors) -> Result<Tally, String> {
    let (mut running, page) = opened(home).await?;
    let open = visitors.settle(&page, SETTLES_WITHIN).await;
    if !open.is_empty() {
        return Err(format!("not settled: {open:#?}\n{}", home.log()));
    }
    let stopped = running.terminate(Duration::from_secs(30)).await?;
    if !stopped.success() {
        return Err(format!("the bot ended with {stopped}"));
    }
    let page;
    (running, page) = opened(home).await?;
    let mut tally = visitors.tally(&page).await.map_err(|missed| format!("{missed:?}"))?;
    running.kill().await?;
    tally.wrong.extend(home.panics());
    if !tally.wrong.is_empty() {
        tally.wrong.push(home.log());
    }
    Ok(tally)
}

async fn opened(home: &Home) -> Result<(Running, Page), String> {
    let mut running = home.start(None);
    let link = running.link(OPENS_WITHIN).await.ok_or_else(|| format!("no link was shown\n{}", home.log()))?;
    let page = Page::sign_in(&link).await.map_err(|missed| format!("{missed:?}"))?;
    Ok((running, page))
}

async fn random_moments(seed: u64, run: u64) -> Result<Tally, String> {
    let mut draw = draw_for(seed, 1_000 + run);
    let (home, mut visitors) = (home(), Visitors::default());
    for _ in 0..MOMENTS / RUNS {
        for _ in 0..1 + draw.below(3) {
            visitors.want(Form::ALL[usize::try_from(draw.below(9)).unwrap_or(0)]);
        }
        let mut running = home.start(None);
        let living = async {
            visitors.live(&mut running).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = living => {}
            () = wait::pause(draw::moment(&mut draw)) => {}
        }
        running.kill().await?;
    }
    ends(&home, &mut visitors).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_100_random_moments_the_page_loses_nothing_and_shows_nothing_twice() {
    let seed = draw::seed_of_this_run();
    let all = stream::iter(0..RUNS).map(|run| async move { (format!("run {run}"), random_moments(seed, run).await) });
    let runs = all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    conclude("100 random moments over the page", seed, runs.into_iter().collect());
}

async fn named_point(crash: &Crash) -> Result<Tally, String> {
    let (home, mut visitors) = (home(), Visitors::default());
    SCENARIO.into_iter().for_each(|form| visitors.want(form));
    if crash.point == RECOVERY {
        let mut running = home.start(None);
        // The long jobs still run when everything was taken.
        visitors.live_until_taken(&mut running).await.map_err(|missed| format!("{missed:?}\n{}", home.log()))?;
        running.kill().await?;
        for _ in 0..crash.nth {
            home.start(Some(&Crash::at(RECOVERY, 1))).crashes(CRASHES_WITHIN).await?;
        }
    } else {
        let mut running = home.start(Some(crash));
        visitors.live(&mut running).await;
        running.crashes(CRASHES_WITHIN).await.map_err(|why| format!("{why}\n{}", home.log()))?;
    }
    ends(&home, &mut visitors).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r15_killed_at_every_named_point_the_page_loses_nothing_and_shows_nothing_twice() {
    let seed = draw::seed_of_this_run();
    let points = every_passing(&JOBS, &[1, 3]);
    let all = stream::iter(points).map(|crash| async move {
        let tally = named_point(&crash).await;
        (crash.to_string(), tally)
    });
    let runs = all.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await;
    conclude("every named point over the page", seed, runs.into_iter().collect());
}
