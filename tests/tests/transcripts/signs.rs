//! "typing…": once for each route, between the acknowledgement and whatever is shown first, and of no consequence.

use wilco_core::{AccountId, Address, EnvelopeKind, Scope};
use wilco_sim::{Call, Entry, Fault, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// Every call of the bot, oldest first.
fn calls(stage: &Stage) -> Vec<Call> {
    stage.platform.log().iter().filter_map(Entry::call).cloned().collect()
}

/// Where it was shown that a job works.
fn signs(stage: &Stage) -> Vec<Address> {
    calls(stage).into_iter().filter(|call| call.verb == Verb::Status).map(|call| call.address).collect()
}

#[tokio::test(start_paused = true)]
async fn m14_typing_is_shown_once_for_each_route_before_anything_else() {
    let stage = Stage::new().await;
    let (ana, attic) = (Actor::named("ana"), Where::Channel("attic"));
    let job = stage.runs(&ana, OPS).await;
    assert!(stage.platform.is_typing(&stage.address(OPS)));
    let so_far: Vec<_> = calls(&stage).iter().map(|call| (call.verb, call.kind)).collect();
    assert_eq!(so_far, [(Verb::Post, Some(EnvelopeKind::Stub)), (Verb::Status, None)]);
    // A watch is a route of its own; nothing was shown there yet.
    stage.says(&ana, attic, &format!("/watch {}", job.short)).await;
    assert_eq!(signs(&stage), [stage.address(OPS), stage.address(attic)]);
    // The first progress ends it, and after that there is none, neither there nor where somebody begins to watch.
    stage.seconds(4).await;
    job.step(1, 2, "half");
    stage.seconds(4).await;
    assert!(!stage.platform.is_typing(&stage.address(OPS)) && !stage.platform.is_typing(&stage.address(attic)));
    stage.says(&ana, Where::Channel("cellar"), &format!("/watch {}", job.short)).await;
    job.step(2, 2, "done");
    stage.seconds(30).await;
    job.ends("42");
    stage.seconds(30).await;
    assert_eq!(signs(&stage).len(), 2);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m14_typing_that_nothing_follows_ends_by_itself_and_is_not_repeated() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(9).await;
    assert!(stage.platform.is_typing(&stage.address(OPS)));
    stage.seconds(2).await;
    assert!(!stage.platform.is_typing(&stage.address(OPS)), "nobody is left with it");
    stage.seconds(60).await;
    job.ends("42");
    stage.moment().await;
    assert_eq!(signs(&stage).len(), 1);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m14_no_typing_after_a_job_that_ended_before_its_acknowledgement_was_seen() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::Dropped).on(Verb::Post).times(1));
    let job = stage.runs(&ana, OPS).await;
    job.ends("42");
    stage.seconds(20).await;
    assert!(stage.sees(OPS).contains("Done"), "{}", stage.sees(OPS));
    assert_eq!(signs(&stage), []);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn m14_no_typing_when_the_message_shows_more_than_the_acknowledgement() {
    // One that has waited says at once that it works.
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 1).begin().await;
    let ana = Actor::named("ana");
    let first = stage.runs(&ana, OPS).await;
    stage.says(&ana, OPS, "/run report").await;
    stage.seconds(1).await;
    assert_eq!(signs(&stage).len(), 1);
    first.ends("1");
    stage.seconds(1).await;
    let second = stage.puppets.next();
    stage.seconds(5).await;
    assert_eq!(signs(&stage).len(), 1);
    second.ends("2");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_that_fails_or_hangs_has_no_consequence() {
    for fault in [
        Fault::Hang { applied: true },
        Fault::Hang { applied: false },
        Fault::Dropped,
        Fault::Lost,
        Fault::ServerError { applied: false },
        Fault::Bug,
        Fault::Reshape,
        Fault::Gone,
        Fault::RetryAfter { millis: 60_000, scope: Scope::Message },
    ] {
        let stage = Stage::new().await;
        let ana = Actor::named("ana");
        stage.fault(Rule::new(fault.clone()).on(Verb::Status).times(1));
        let job = stage.runs(&ana, OPS).await;
        job.ends("42");
        stage.moment().await;
        // The result leaves at once, whatever became of the sign, which is not tried again.
        assert!(stage.sees(OPS).contains("Done"), "{fault:?}: {}", stage.sees(OPS));
        stage.seconds(30).await;
        assert_eq!(signs(&stage).len(), 1, "{fault:?}");
        let receipts = stage.receipts(job.short.as_str()).await;
        assert!(receipts.iter().all(|one| one.attempts == 1), "{fault:?}: {receipts:?}");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sign_leaves_alone_what_asked_for_silence() {
    let stage = Stage::builder().settings(|settings| settings.quotas.person_running = 3).begin().await;
    let ana = Actor::named("ana");
    // Told so by the sign itself: that holds for every call there.
    stage.fault(Rule::new(Fault::RetryAfter { millis: 20_000, scope: Scope::Chat }).on(Verb::Status).times(1));
    let first = stage.runs(&ana, OPS).await;
    stage.seconds(5).await;
    let second = stage.runs(&ana, OPS).await;
    let elsewhere = stage.runs(&ana, Where::Channel("attic")).await;
    stage.seconds(5).await;
    assert_eq!(signs(&stage), [stage.address(OPS), stage.address(Where::Channel("attic"))]);
    for job in [first, second, elsewhere] {
        job.ends("42");
    }
    stage.seconds(30).await;
    assert_eq!(signs(&stage).len(), 2, "both of them had ended before anything could leave");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_sign_that_is_refused_for_the_account_pauses_it_like_any_call() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.fault(Rule::new(Fault::StopAccount).on(Verb::Status).times(1));
    let job = stage.runs(&ana, OPS).await;
    job.ends("42");
    stage.seconds(30).await;
    let calls_then = calls(&stage).len();
    let account = AccountId::new("sim");
    let paused = stage.desk_health().await.accounts.into_iter().find(|one| one.account == account);
    assert!(paused.is_some_and(|one| one.paused.is_some()));
    // Somebody mends the credentials: nothing was lost and no attempt was spent.
    stage.configures(|_| {}).await;
    stage.seconds(30).await;
    assert!(calls(&stage).len() > calls_then && stage.sees(OPS).contains("Done"), "{}", stage.sees(OPS));
    assert!(stage.receipts(job.short.as_str()).await.iter().all(|one| one.attempts == 1));
    stage.ends().await;
}
