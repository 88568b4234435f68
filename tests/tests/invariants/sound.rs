//! Runs in which everything holds: no invariant finds anything in them.

use std::time::Duration;

use wilco_core::EnvelopeKind;
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::simulation::invariants::judge;
use wilco_tests::{Actor, Where};

use super::{OPS, Watched};

const DEPLOY: Where<'static> = Where::Thread("ops", "deploy");
const WAR_ROOM: Where<'static> = Where::Channel("war-room");

fn long(lines: usize) -> String {
    (1..=lines).map(|line| format!("line {line} of the report\n")).collect()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_an_ordinary_job() {
    for profile in Profile::ALL {
        let watched = Watched::begin(profile).await;
        let job = watched.stage.runs(&Actor::named("ana"), OPS).await;
        for step in 1..=8 {
            watched.stage.seconds(5).await;
            job.step(step, 8, "collecting");
        }
        job.ends("The report:\n\n```\n42\n```");
        watched.ends_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_after_crashes() {
    for profile in Profile::ALL {
        let mut watched = Watched::begin(profile).await;
        let ana = Actor::named("ana");
        let _lost = watched.stage.runs(&ana, OPS).await;
        let kept = watched.stage.runs(&ana, OPS).await;
        watched.stage.seconds(3).await;
        watched.stage.fault(Rule::new(Fault::Hang { applied: true }).kind(EnvelopeKind::Content));
        kept.ends("It was shown, and nobody was told.");
        watched.stage.seconds(1).await;
        watched.dies_for(Duration::from_secs(20)).await;
        watched.stage.fault(Rule::new(Fault::Hang { applied: true }).on(Verb::Post));
        watched.stage.says(&ana, OPS, "/run report").await;
        watched.dies_for(Duration::from_secs(100)).await;
        watched.stage.seconds(30).await;
        watched.ends_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_after_cancels() {
    let watched = Watched::begin(Profile::DiscordLike).await;
    let ana = Actor::named("ana");
    let job = watched.stage.runs(&ana, OPS).await;
    watched.stage.seconds(2).await;
    watched.stage.presses(&ana, "Cancel").await;
    watched.stage.says(&ana, OPS, &format!("/cancel {} too slow", job.short)).await;
    watched.stage.seconds(5).await;
    watched.stage.says(&ana, OPS, &format!("/cancel {}", job.short)).await;
    let stubborn = watched.stage.runs(&ana, OPS).await;
    stubborn.becomes_deaf();
    watched.stage.says(&ana, OPS, &format!("/cancel {} no need", stubborn.short)).await;
    stubborn.ends("It was ready.");
    watched.stage.seconds(5).await;
    watched.stage.says(&ana, OPS, "/cancel nobody").await;
    watched.ends_sound().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_parts_and_files() {
    for profile in Profile::ALL {
        let mut watched = Watched::begin(profile).await;
        let ana = Actor::named("ana");
        let parts = watched.stage.runs(&ana, OPS).await;
        watched.stage.seconds(2).await;
        watched.stage.fault(Rule::new(Fault::Lost).kind(EnvelopeKind::Part));
        parts.ends(&long(200));
        watched.stage.moment().await;
        watched.dies_for(Duration::ZERO).await;
        let file = watched.stage.runs(&ana, OPS).await;
        file.writes("report.pdf", vec![7; 4_000]);
        file.writes("table.csv", b"1;2\n".to_vec());
        watched.stage.seconds(2).await;
        watched.stage.fault(Rule::new(Fault::Reshape).kind(EnvelopeKind::File));
        file.ends("Two files.");
        let whole = watched.stage.runs(&ana, OPS).await;
        watched.stage.seconds(2).await;
        whole.ends(&long(2_000));
        watched.ends_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_where_several_places_watch() {
    let watched = Watched::begin(Profile::SlackLike).await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let job = watched.stage.runs(&ana, DEPLOY).await;
    watched.stage.says(&cleo, WAR_ROOM, &format!("/watch {}", job.short)).await;
    watched.stage.says(&cleo, OPS, &format!("/watch {}", job.short)).await;
    watched.stage.seconds(10).await;
    // Its first route comes to where the second watch stands.
    watched.stage.platform.remove(&watched.stage.address(DEPLOY));
    job.ends("42");
    watched.stage.seconds(30).await;
    watched.stage.says(&cleo, Where::Channel("late"), &format!("/watch {}", job.short)).await;
    watched.ends_sound().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_follow_ups() {
    let mut watched = Watched::begin(Profile::TelegramLike).await;
    let ana = Actor::named("ana");
    watched.stage.schedules(&ana, OPS, "/followup in 1m look").await;
    watched.stage.schedules(&ana, OPS, "/followup in 2m /run report").await;
    let called_off = watched.stage.schedules(&ana, OPS, "/followup in 3m never").await;
    watched.stage.schedules(&ana, DEPLOY, "/followup in 4m gone").await;
    watched.stage.says(&ana, OPS, &format!("/cancel {called_off}")).await;
    watched.stage.platform.remove(&watched.stage.address(DEPLOY));
    watched.stage.seconds(61).await;
    watched.dies_for(Duration::from_secs(90)).await;
    let job = watched.stage.puppets.next();
    watched.stage.seconds(200).await;
    job.ends("42");
    watched.ends_sound().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_in_questions() {
    let mut watched = Watched::begin(Profile::DiscordLike).await;
    let ana = Actor::named("ana");
    let job = watched.stage.runs(&ana, OPS).await;
    watched.stage.seconds(4).await;
    let _answer = job.asks("Overwrite the old report?", &["Yes", "No"]);
    watched.stage.seconds(30).await;
    watched.stage.presses(&ana, "No").await;
    watched.stage.seconds(4).await;
    let _never = job.asks("Really?", &["Yes", "No"]);
    watched.stage.seconds(1).await;
    watched.dies_for(Duration::from_secs(5)).await;
    watched.ends_sound().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_where_credentials_were_refused() {
    for profile in Profile::ALL {
        let mut watched = Watched::begin(profile).await;
        let ana = Actor::named("ana");
        let job = watched.stage.runs(&ana, OPS).await;
        let second = watched.stage.runs(&ana, WAR_ROOM).await;
        watched.stage.seconds(2).await;
        job.ends("42");
        second.ends("43");
        watched.refused_for(Duration::from_secs(600)).await;
        watched.ends_sound().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_where_the_wall_clock_is_stepped() {
    let mut watched = Watched::begin(Profile::SlackLike).await;
    let ana = Actor::named("ana");
    for step in [3_600_000, -7_200_000, 3_600_000] {
        let before = watched.stage.runs(&ana, OPS).await;
        watched.stage.seconds(4).await;
        before.step(1, 2, "collecting");
        watched.steps(step);
        watched.stage.seconds(4).await;
        before.step(2, 2, "counting");
        watched.stage.seconds(4).await;
        before.ends("It began before the step and ended after it.");
        watched.stage.seconds(1).await;
        watched.dies_for(Duration::from_secs(3)).await;
        let after = watched.stage.runs(&ana, OPS).await;
        watched.stage.seconds(4).await;
        after.step(1, 2, "collecting");
        watched.stage.seconds(4).await;
        watched.stage.says(&ana, OPS, &format!("/cancel {} no need", after.short)).await;
        watched.stage.seconds(4).await;
    }
    watched.ends_sound().await;
}

#[tokio::test(start_paused = true)]
async fn a_stray_is_counted_and_holds_nothing() {
    for (profile, expected) in Profile::ALL.into_iter().zip([0, 0, 1]) {
        let watched = Watched::begin(profile).await;
        watched.stage.fault(Rule::new(Fault::Lost).on(Verb::Post));
        let job = watched.stage.runs(&Actor::named("ana"), OPS).await;
        watched.stage.seconds(2).await;
        job.ends("42");
        let evidence = watched.ends_sound().await;
        assert_eq!(judge(&evidence).strays, expected, "{profile:?}\n{}", evidence.snapshot.whole_transcript());
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_found_where_people_delete_and_channels_close() {
    let watched = Watched::begin(Profile::DiscordLike).await;
    let ana = Actor::named("ana");
    let once = watched.stage.runs(&ana, OPS).await;
    watched.stage.seconds(2).await;
    watched.stage.deletes("On it");
    once.ends("It is shown in a new message.");
    watched.stage.seconds(5).await;
    let twice = watched.stage.runs(&ana, WAR_ROOM).await;
    watched.stage.seconds(2).await;
    watched.stage.deletes("On it");
    watched.stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Content).after(1));
    twice.ends("Nobody wants it.");
    watched.stage.seconds(1).await;
    watched.stage.deletes("On it");
    watched.stage.seconds(20).await;
    let moved = watched.stage.runs(&ana, DEPLOY).await;
    watched.stage.seconds(2).await;
    watched.stage.platform.archive(&watched.stage.address(DEPLOY));
    moved.ends("It is shown in the channel.");
    watched.stage.seconds(20).await;
    let lost = watched.stage.runs(&ana, Where::Channel("attic")).await;
    watched.stage.seconds(2).await;
    watched.stage.platform.remove(&watched.stage.address(Where::Channel("attic")));
    watched.stage.platform.remove(&watched.stage.address(Where::Direct));
    lost.ends("No address takes it.");
    watched.ends_sound().await;
}
