//! When it is: what is refused and with which help, and whose time zone holds (F2, F17).

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::desk::{Caller, Desk, FollowupFilter};
use wilco_core::when::Zone;
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'_> = Where::Channel("ops");
const RANDOM: Where<'_> = Where::Channel("random");

#[tokio::test(start_paused = true)]
async fn f2_a_time_outside_of_the_bounds_is_refused_with_the_range_and_two_that_work() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let mut told = Vec::new();
    for when in [
        "in 10s",
        "in 400d",
        "every 1m",
        "2026-01-01 09:00",
        "today 8:00",
        "soon",
        "in 2",
        "at 25:00",
        "tomorrow",
        "cron 0 0 30 2 *",
        "cron * * * * *",
        "at 17:00 Europe/Berln",
    ] {
        told.push(stage.asks(&ana, OPS, &format!("/followup {when} look")).await);
    }
    let filter = FollowupFilter { all: true, ..FollowupFilter::default() };
    assert_eq!(stage.desk().followups(&Caller::Host, &filter).await.expect("the store answers"), []);
    assert_snapshot!(told.join("\n"), @"
    Nothing was scheduled: 10s from now is too soon; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 1m` or `in 5m`.
    Nothing was scheduled: 400d is too far ahead; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 365d` or `in 30d`.
    Nothing was scheduled: repeating after 1m is too often; times lie 1m to 365d ahead and repeat every 5m or less often, for example `every 5m` or `every hour`.
    Nothing was scheduled: Thu 1 Jan 2026 09:00 UTC has passed; times lie 1m to 365d ahead and repeat every 5m or less often, for example `2027-01-01 09:00` or `tomorrow 09:00`.
    Nothing was scheduled: Mon 2 Mar 2026 08:00 UTC has passed; times lie 1m to 365d ahead and repeat every 5m or less often, for example `tomorrow 8:00` or `in 2h`.
    Nothing was scheduled: `soon look` does not begin with a time; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 2h` or `tomorrow 9:00`.
    Nothing was scheduled: `in 2 look` has a number without a unit; times lie 1m to 365d ahead and repeat every 5m or less often, for example `in 2m` or `in 2h`.
    Nothing was scheduled: `at 25:00 look` has no time of day from 0:00 to 23:59; times lie 1m to 365d ahead and repeat every 5m or less often, for example `at 9:00` or `at 17:00`.
    Nothing was scheduled: `tomorrow look` has no time of day; times lie 1m to 365d ahead and repeat every 5m or less often, for example `tomorrow 9:00` or `tomorrow 17:00`.
    Nothing was scheduled: `cron 0 0 30 2 *` never matches; times lie 1m to 365d ahead and repeat every 5m or less often, for example `cron 0 9 * * 1-5` or `every weekday 9:00`.
    Nothing was scheduled: repeating after 1m is too often; times lie 1m to 365d ahead and repeat every 5m or less often, for example `every 5m` or `every hour`.
    Nothing was scheduled: there is no time zone `Europe/Berln`, perhaps `Europe/Berlin` is meant; times lie 1m to 365d ahead and repeat every 5m or less often, for example `at 17:00 Europe/Berlin` or `in 2h`.
    ");
    // Nobody is sent in a circle: each of the two that are proposed is taken.
    for refusal in &told {
        let quoted: Vec<&str> = refusal.split('`').skip(1).step_by(2).collect();
        let proposed = &quoted[quoted.len() - 2..];
        for when in proposed {
            let id = stage.schedules(&ana, OPS, &format!("/followup {when} look")).await;
            stage.says(&ana, OPS, &format!("/cancel {id}")).await;
        }
    }
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f2_the_bounds_are_the_configured_ones() {
    let stage = Stage::builder()
        .settings(|settings| {
            settings.followups.bounds.min = Duration::from_secs(5);
            settings.followups.bounds.max = Duration::from_secs(3_600);
            settings.followups.bounds.min_every = Duration::from_secs(60);
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    for when in ["in 4s", "in 61m", "every 59s"] {
        stage.says(&ana, OPS, &format!("/followup {when} look")).await;
    }
    stage.schedules(&ana, OPS, "/followup in 5s look").await;
    stage.seconds(6).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup in 4s look
    only ana sees | Nothing was scheduled: 4s from now is too soon; times lie 5s to 1h ahead and repeat every 1m or less often, for example `in 5s` or `in 5m`.
    ana | /followup in 61m look
    only ana sees | Nothing was scheduled: 1h 01m is too far ahead; times lie 5s to 1h ahead and repeat every 1m or less often, for example `in 1h` or `every weekday 9:00`.
    ana | /followup every 59s look
    only ana sees | Nothing was scheduled: repeating after 59s is too often; times lie 5s to 1h ahead and repeat every 1m or less often, for example `every 1m` or `every hour`.
    ana | /followup in 5s look
    only ana sees | Today Mon 2 Mar 09:00:05 UTC (in 5s) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Mon 2 Mar 09:00:05 UTC

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f2_a_bare_clock_time_that_has_passed_means_the_next_one_and_says_so() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    for when in ["at 8:00", "at 17:00", "mon 8:00", "every weekday 8:00", "2026-12-01 09:00"] {
        stage.schedules(&ana, OPS, &format!("/followup {when} look")).await;
    }
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup at 8:00 look
    only ana sees | Tomorrow Tue 3 Mar 08:00 UTC (in 23h) · f6b3
                    That time has passed today, so its next occurrence is meant.
                    [Cancel]
    ana | /followup at 17:00 look
    only ana sees | Today Mon 2 Mar 17:00 UTC (in 8h) · f6j8
                    [Cancel]
    ana | /followup mon 8:00 look
    only ana sees | Mon 9 Mar 2026 08:00 UTC (in 6d 23h) · f9t5
                    [Cancel]
    ana | /followup every weekday 8:00 look
    only ana sees | Every weekday 8:00 · next Tomorrow Tue 3 Mar 08:00 UTC (in 23h) · f3q2
                    [Cancel]
    ana | /followup 2026-12-01 09:00 look
    only ana sees | Tue 1 Dec 2026 09:00 UTC (in 274d) · f5q4
                    [Cancel]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f17_without_any_wish_the_zone_is_the_configured_one_and_never_the_hosts() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    assert_snapshot!(stage.asks(&ana, OPS, "/timezone").await, @"UTC · now Mon 2 Mar 2026 09:00 UTC · the bot's; `/timezone Europe/Berlin` sets yours");
    assert_snapshot!(stage.asks(&ana, OPS, "/followup at 17:00 look").await, @"Today Mon 2 Mar 17:00 UTC (in 8h) · f6b3");
    stage.ends().await;
    let stage = Stage::builder()
        .settings(|settings| settings.followups.timezone = Zone::parse("Asia/Tokyo").expect("it exists"))
        .begin()
        .await;
    assert_snapshot!(stage.asks(&ana, OPS, "/timezone").await, @"Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · the bot's; `/timezone Europe/Berlin` sets yours");
    assert_snapshot!(stage.asks(&ana, OPS, "/followup at 19:00 look").await, @"Today Mon 2 Mar 19:00 Asia/Tokyo (in 1h) · f6b3");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f17_a_person_sets_their_zone_and_a_wrong_name_changes_nothing() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let before = stage.schedules(&ana, OPS, "/followup at 12:00 before").await;
    for text in ["/timezone Berln", "/timezone CEST", "/timezone europe/berlin", "/timezone"] {
        stage.says(&ana, OPS, text).await;
    }
    stage.says(&ana, OPS, "/followup at 12:00 after").await;
    stage.says(&ana, RANDOM, "/followup at 12:00 America/New_York elsewhere").await;
    stage.says(&dora, OPS, "/timezone").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup at 12:00 before
    only ana sees | Today Mon 2 Mar 12:00 UTC (in 3h) · f6b3
                    [Cancel]
    ana | /timezone Berln
    only ana sees | Nothing was changed: there is no time zone `Berln`, perhaps `Europe/Berlin` is meant.
    ana | /timezone CEST
    only ana sees | Nothing was changed: there is no time zone `CEST`, perhaps `Europe/Berlin` or `Europe/Paris` is meant.
    ana | /timezone europe/berlin
    only ana sees | Europe/Berlin · now Mon 2 Mar 2026 10:00 Europe/Berlin · yours from now on. What is scheduled already keeps its zone.
    ana | /timezone
    only ana sees | Europe/Berlin · now Mon 2 Mar 2026 10:00 Europe/Berlin · yours
    ana | /followup at 12:00 after
    only ana sees | Today Mon 2 Mar 12:00 Europe/Berlin (in 2h) · f6j8
                    [Cancel]
    dora | /timezone
    only dora sees | UTC · now Mon 2 Mar 2026 09:00 UTC · the bot's; `/timezone Europe/Berlin` sets yours
    ");
    assert_snapshot!(stage.sees(RANDOM), @"
    ana | /followup at 12:00 America/New_York elsewhere
    only ana sees | Today Mon 2 Mar 12:00 America/New_York (in 8h) · f9t5
                    [Cancel]
    ");
    assert_eq!(stage.followup(&before).await.followup.schedule.zone, Zone::UTC, "what is scheduled keeps its zone");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f17_a_channels_zone_is_its_moderators_and_owners_to_set() {
    let stage = Stage::new().await;
    let [ana, bo, cleo] = ["ana", "bo", "cleo"].map(Actor::named);
    let mut moderator = Actor::named("bo");
    moderator.0.moderator = true;
    stage.says(&ana, OPS, "/timezone here Asia/Tokyo").await;
    stage.says(&bo, OPS, "/timezone here Asia/Tokyo").await;
    stage.says(&cleo, OPS, "/timezone here Asia/Tokio").await;
    stage.says(&ana, OPS, "/timezone").await;
    stage.says(&cleo, OPS, "/timezone here Asia/Tokyo").await;
    stage.says(&ana, OPS, "/timezone").await;
    stage.says(&ana, RANDOM, "/timezone").await;
    stage.says(&moderator, OPS, "/timezone here Europe/Paris").await;
    stage.says(&ana, OPS, "/timezone").await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /timezone here Asia/Tokyo
    only ana sees | Not allowed: this channel's time zone is set by a moderator or role owner. You: operator. `/timezone Europe/Berlin` sets your own.
    bo | /timezone here Asia/Tokyo
    only bo sees | Not allowed: this channel's time zone is set by a moderator or role owner. You: viewer. `/timezone Europe/Berlin` sets your own.
    cleo | /timezone here Asia/Tokio
    only cleo sees | Nothing was changed: there is no time zone `Asia/Tokio`, perhaps `Asia/Tokyo` is meant.
    ana | /timezone
    only ana sees | UTC · now Mon 2 Mar 2026 09:00 UTC · the bot's; `/timezone Europe/Berlin` sets yours
    cleo | /timezone here Asia/Tokyo
    only cleo sees | Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's, for who has none of their own from now on. What is scheduled already keeps its zone.
    ana | /timezone
    only ana sees | Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's
    bo | /timezone here Europe/Paris
    only bo sees | Europe/Paris · now Mon 2 Mar 2026 10:00 Europe/Paris · this channel's, for who has none of their own from now on. What is scheduled already keeps its zone.
    ana | /timezone
    only ana sees | Europe/Paris · now Mon 2 Mar 2026 10:00 Europe/Paris · this channel's
    ");
    assert_snapshot!(stage.sees(RANDOM), @"
    ana | /timezone
    only ana sees | UTC · now Mon 2 Mar 2026 09:00 UTC · the bot's; `/timezone Europe/Berlin` sets yours
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f17_ones_own_zone_comes_before_the_profiles_the_channels_and_the_bots() {
    let stage = Stage::new().await;
    let cleo = Actor::named("cleo");
    let mut ana = Actor::named("ana");
    let mut shown = vec![stage.asks(&ana, OPS, "/followup at 23:00 look").await];
    stage.says(&cleo, OPS, "/timezone here Asia/Tokyo").await;
    shown.push(stage.asks(&ana, OPS, "/followup at 23:00 look").await);
    ana.0.zone = Some("America/New_York".to_owned());
    shown.push(stage.asks(&ana, OPS, "/timezone").await);
    shown.push(stage.asks(&ana, OPS, "/followup at 23:00 look").await);
    stage.says(&ana, OPS, "/timezone Europe/Berlin").await;
    shown.push(stage.asks(&ana, OPS, "/followup at 23:00 look").await);
    shown.push(stage.asks(&ana, OPS, "/followup at 23:00 Australia/Sydney look").await);
    // A profile whose zone nobody knows counts as none.
    let mut dora = Actor::named("dora");
    dora.0.zone = Some("Mars/Olympus".to_owned());
    shown.push(stage.asks(&dora, OPS, "/timezone").await);
    assert_snapshot!(shown.join("\n"), @"
    Today Mon 2 Mar 23:00 UTC (in 14h) · f6b3
    Today Mon 2 Mar 23:00 Asia/Tokyo (in 5h) · f6j8
    America/New_York · now Mon 2 Mar 2026 04:00 America/New_York · from your profile
    Today Mon 2 Mar 23:00 America/New_York (in 19h) · f9t5
    Today Mon 2 Mar 23:00 Europe/Berlin (in 13h) · f3q2
    Today Mon 2 Mar 23:00 Australia/Sydney (in 3h) · f5q4
    Asia/Tokyo · now Mon 2 Mar 2026 18:00 Asia/Tokyo · this channel's
    ");
    stage.ends().await;
}

/// How many milliseconds lie between the beginning of every script and a moment.
fn until(moment: &str) -> i64 {
    let at = wilco_core::when::parse(moment, wilco_tests::clock::BEGIN, Zone::UTC, &Default::default());
    at.expect("it is a time").first.0 - wilco_tests::clock::BEGIN.0
}

#[tokio::test(start_paused = true)]
async fn f17_on_the_day_without_that_time_it_comes_at_the_first_moment_after_the_gap() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // In New York the clocks go from 2:00 to 3:00 on 8 March 2026, at 7:00 UTC.
    stage.clock().step_wall(until("2026-03-08 06:50"));
    let id = stage.schedules(&ana, OPS, "/followup every day 2:30 America/New_York look").await;
    stage.seconds(45 * 60).await;
    let rows = stage.followup(&id).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup every day 2:30 America/New_York look
    only ana sees | Every day 2:30 · next Today Sun 8 Mar 03:00 America/New_York (in 10m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Sun 8 Mar 03:00 America/New_York

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    assert_eq!(rows.occurrences[1].due.rfc3339(), "2026-03-08T07:00:00.000Z");
    assert_eq!(rows.followup.next.map(|at| at.rfc3339()).as_deref(), Some("2026-03-09T06:30:00.000Z"));
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn f17_on_the_day_that_has_that_time_twice_it_comes_once() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    // In New York the clocks go from 2:00 back to 1:00 on 1 November 2026, at 6:00 UTC.
    stage.clock().step_wall(until("2026-11-01 05:20"));
    let id = stage.schedules(&ana, OPS, "/followup every day 1:30 America/New_York look").await;
    stage.seconds(75 * 60).await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /followup every day 1:30 America/New_York look
    only ana sees | Every day 1:30 · next Today Sun 1 Nov 01:30 -04:00 America/New_York (in 10m) · f6b3
                    [Cancel]
    bot | Reminder · f6b3 · from ana
          for Sun 1 Nov 01:30 -04:00 America/New_York

          look
          [Details]
    bot | ↳ @ana reminder (f6b3)
    ");
    let rows = stage.followup(&id).await;
    assert_eq!(rows.occurrences[1].due.rfc3339(), "2026-11-01T05:30:00.000Z");
    assert_eq!(rows.followup.next.map(|at| at.rfc3339()).as_deref(), Some("2026-11-02T06:30:00.000Z"));
    stage.ends().await;
}
