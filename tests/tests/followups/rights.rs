//! What a follow-up reads aloud, and what a confirmation offers: nothing that anybody there may not see or do
//! (F15, F16).

use insta::assert_snapshot;
use wilco_core::Press;
use wilco_tests::{Actor, Stage, Where};

const DEPLOY: Where<'_> = Where::Thread("ops", "deploy");
const OPS: Where<'_> = Where::Channel("ops");
const SECRET: Where<'_> = Where::PrivateThread("ops", "layoffs");

#[tokio::test(start_paused = true)]
async fn f16_a_scheduled_reading_shows_a_place_what_everybody_there_may_see() {
    let stage = Stage::new().await;
    let [ana, cleo] = ["ana", "cleo"].map(Actor::named);
    let secret = stage.runs(&ana, SECRET).await;
    let open = stage.runs(&ana, DEPLOY).await;
    stage.schedules(&ana, SECRET, "/followup in 3h talk about money").await;
    stage.schedules(&ana, Where::Direct, "/followup in 3h call the doctor").await;
    stage.schedules(&ana, DEPLOY, "/followup in 3h look at the deploy").await;
    // An owner of the bot may read everything; what is said in their name is still read by everybody.
    let mut ids = Vec::new();
    for actor in [&ana, &cleo] {
        for reading in ["/followups", "/jobs", &format!("/status {}", open.short), &format!("/status {}", secret.short)]
        {
            ids.push(stage.schedules(actor, DEPLOY, &format!("/followup in 1m {reading}")).await);
        }
    }
    stage.seconds(90).await;
    let said = stage.sees(DEPLOY);
    let aloud: String =
        said.lines().skip_while(|line| !line.starts_with("bot | Reminder")).collect::<Vec<_>>().join("\n");
    for hidden in ["money", "doctor", secret.short.as_str()] {
        let told: Vec<&str> = aloud.lines().filter(|line| line.contains(hidden) && !line.contains("/status")).collect();
        assert!(told.iter().all(|line| line.contains("There is no job")), "{hidden}: {told:#?}");
    }
    assert_eq!(stage.shown_at("look at the deploy").len(), 2, "{said}");
    for id in [&ids[3], &ids[7]] {
        assert!(stage.rows(id).await.contains("There is no job"), "{}", stage.rows(id).await);
    }
    assert_snapshot!(stage.message_with("look at the deploy").shown().text, @"
    Reminder · f2a8 · from cleo
    for Mon 2 Mar 09:01 UTC

    5 follow-ups
    `f2n4` · Today Mon 2 Mar 09:01 UTC (in 1s) · /jobs · by cleo
    `f3t5` · Today Mon 2 Mar 09:01 UTC (in 1s) · /status p6j8 · by cleo
    `f6s8` · Today Mon 2 Mar 09:01 UTC (in 1s) · /status u6b3 · by cleo
    `f5q4` · Today Mon 2 Mar 12:00 UTC (in 2h 59m) · look at the deploy · by ana
    `f2a8` · running now · /followups · by cleo
    ");
    secret.ends("1");
    open.ends("2");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f16_in_a_direct_message_a_scheduled_reading_shows_its_person_everything_of_theirs() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    stage.schedules(&ana, SECRET, "/followup in 3h talk about money").await;
    let job = stage.runs(&ana, SECRET).await;
    stage.schedules(&ana, Where::Direct, "/followup in 1m /followups").await;
    stage.schedules(&ana, Where::Direct, &format!("/followup in 1m /status {}", job.short)).await;
    stage.seconds(90).await;
    let said = stage.sees_as(&ana, Where::Direct);
    assert!(said.contains("talk about money · by ana") && said.contains(&format!("report · {}", job.short)), "{said}");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f15_the_confirmation_of_a_cancel_offers_to_stop_what_else_is_pending_there() {
    let stage = Stage::new().await;
    let [ana, dora] = ["ana", "dora"].map(Actor::named);
    let job = stage.runs(&ana, DEPLOY).await;
    let id = stage.schedules(&ana, DEPLOY, "/followup in 5m look").await;
    let hers = stage.schedules(&dora, DEPLOY, "/followup in 5m Dora's").await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", job.short)).await;
    stage.presses_in_note(&ana, DEPLOY, "And its follow-ups").await;
    stage.seconds(400).await;
    assert_snapshot!(stage.sees(DEPLOY), @"
    ana | /run report
    bot | Cancelled · u6b3
          asked by ana
          [Run again] [Details]
    ana | /followup in 5m look
    only ana sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f6j8
                    [Cancel]
    dora | /followup in 5m Dora's
    only dora sees | Today Mon 2 Mar 09:05 UTC (in 5m) · f9t5
                     [Cancel]
    ana | /cancel u6b3
    only ana sees | Cancelling · u6b3 · asked by ana
                    reason: no reason given
                    [And its follow-ups]
    only ana sees | Stopped here · 1 follow-up called off: f6j8
                    1 follow-up of somebody else stays; who scheduled it, a moderator or an owner can cancel it.
    bot | Reminder · f9t5 · from dora
          for Mon 2 Mar 09:05 UTC

          Dora's
          [Details]
    bot | ↳ @dora reminder (f9t5)
    ");
    assert!(stage.rows(&id).await.starts_with("cancelled: stopped here by ana\n"), "{}", stage.rows(&id).await);
    assert!(stage.rows(&hers).await.contains(" success · "), "{}", stage.rows(&hers).await);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f15_it_is_not_offered_where_it_would_stop_nothing_or_something_else() {
    let stage = Stage::new().await;
    let [ana, dora] = ["ana", "dora"].map(Actor::named);
    let offered =
        |stage: &Stage, actor: &Actor| stage.note(actor).buttons.iter().any(|one| one.press == Press::StopHere);
    // Nothing is pending.
    let job = stage.runs(&ana, DEPLOY).await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", job.short)).await;
    assert!(stage.note(&ana).text.starts_with("Cancelling") && !offered(&stage, &ana));
    // Only what is somebody else's, in the channel around it, or called off along with it.
    stage.schedules(&dora, DEPLOY, "/followup in 5m Dora's").await;
    stage.schedules(&ana, OPS, "/followup in 5m in the channel").await;
    let job = stage.runs(&ana, DEPLOY).await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", job.short)).await;
    assert!(stage.note(&ana).text.starts_with("Cancelling") && !offered(&stage, &ana));
    stage.schedules(&ana, DEPLOY, "/followup in 5m mine").await;
    let job = stage.runs(&ana, DEPLOY).await;
    stage.says(&ana, DEPLOY, &format!("/cancel {} and its follow-ups", job.short)).await;
    assert!(stage.note(&ana).text.contains("and its follow-ups: ") && !offered(&stage, &ana));
    // A job of another place, and what is pending here.
    stage.schedules(&ana, DEPLOY, "/followup in 5m mine, too").await;
    let job = stage.runs(&ana, OPS).await;
    stage.says(&ana, DEPLOY, &format!("/cancel {}", job.short)).await;
    assert!(stage.note(&ana).text.starts_with("Cancelling") && !offered(&stage, &ana));
    stage.seconds(400).await;
    stage.ends().await;
}
