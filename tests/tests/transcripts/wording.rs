//! Every message that people see: the words themselves, and the same
//! words in a channel of each platform.

use std::time::Duration;

use insta::assert_snapshot;
use wilco_core::access::Role;
use wilco_core::followup::Origin;
use wilco_core::job::Progress;
use wilco_core::plan::plan;
use wilco_core::settings::KindSettings;
use wilco_core::wording::{self, EndFacts, Job, Shown};
use wilco_core::worker::{EndKind, Ending, OnInterrupt};
use wilco_core::{Body, DeliveryKey, Person, Press, Short, Timestamp};
use wilco_sim::{Author, Profile};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A message as the channel shows it: its mention, its text and its buttons.
fn read(body: &Body) -> String {
    let mention = body.mention.as_ref().map(|person| format!("@{} ", person.name)).unwrap_or_default();
    let buttons: String = body.buttons.iter().map(|button| format!("\n[{}]", button.label)).collect();
    format!("{mention}{}{buttons}", body.text)
}

/// The terminal message of `nightly-report`.
fn end(ending: &Ending, elapsed: u64, cancel: Option<(&str, &str)>, step: Option<(u32, u32)>) -> String {
    let short = Short::new("k7f2");
    let job = Job { kind: "nightly-report", short: &short };
    let facts = EndFacts { job, elapsed: secs(elapsed), ending, cancel, step, origin: &Origin::Person };
    read(&plan(&facts, &Profile::DiscordLike.limits()).content)
}

#[test]
fn the_words_from_the_acknowledgement_to_the_quiet_note() {
    let (short, key) = (Short::new("k7f2"), DeliveryKey::new("key"));
    let job = Job { kind: "nightly-report", short: &short };
    assert_snapshot!(read(&wording::stub(job, &key, None, &Origin::Person)), @"
    On it · nightly-report · k7f2
    [Cancel]
    ");
    assert_snapshot!(read(&wording::stub(job, &key, Some(2), &Origin::Person)), @"
    Queued · nightly-report · k7f2 · 2 ahead
    [Cancel]
    ");
    assert_snapshot!(read(&wording::stub(job, &key, Some(0), &Origin::Person)), @"
    Queued · nightly-report · k7f2 · next
    [Cancel]
    ");
    let mut shown = Shown::default();
    shown.take(&Progress::Step { at: 3, of: 7, text: "collecting".to_owned() });
    for line in 1..=6 {
        shown.take(&Progress::Line(format!("region {line}")));
    }
    shown.take(&Progress::ToolStarted("grep".to_owned()));
    assert_snapshot!(read(&wording::working(job, &key, secs(100), &shown)), @"
    Working · k7f2 · 1m 40s · step 3/7 · grep
    ```
    region 2
    region 3
    region 4
    region 5
    region 6
    ```
    [Cancel]
    ");
    assert_snapshot!(read(&wording::quiet(job, &key, secs(360), secs(180))), @"
    Working · k7f2 · 6m · no output for 3m
    [Cancel]
    ");
}

#[test]
fn the_words_of_every_end() {
    let done = Ending { text: "All is well.".to_owned(), ..Ending::bare(EndKind::Done, "") };
    assert_snapshot!(end(&done, 252, None, None), @"
    Done · k7f2 · 4m 12s

    All is well.
    [Details]
    ");
    let failed = Ending { text: "table `orders` is missing".to_owned(), ..Ending::bare(EndKind::Failed, "exit 2") };
    assert_snapshot!(end(&failed, 40, None, None), @"
    Failed · k7f2 · exit 2 after 40s

    table `orders` is missing
    [Run again]
    [Details]
    ");
    let timed_out = Ending::bare(EndKind::TimedOut, wording::limit(secs(1_800)));
    assert_snapshot!(end(&timed_out, 1_800, None, None), @"
    Timed out · k7f2 · limit 30m
    [Run again]
    [Details]
    ");
    let cancelled = Ending::bare(EndKind::Cancelled, "");
    assert_snapshot!(end(&cancelled, 60, Some(("bo", "wrong branch")), Some((3, 7))), @"
    Cancelled · k7f2 · stopped at step 3
    asked by bo
    reason: wrong branch
    [Run again]
    [Details]
    ");
    assert_snapshot!(end(&cancelled, 60, Some(("bo", "wrong branch")), None), @"
    Cancelled · k7f2 · after 1m
    asked by bo
    reason: wrong branch
    [Run again]
    [Details]
    ");
    let interrupted = Ending::bare(EndKind::Interrupted, wording::restarted_at(Timestamp(50_520_000)));
    assert_snapshot!(end(&interrupted, 60, None, None), @"
    Interrupted · k7f2 · bot restarted at 14:02 UTC
    [Run again]
    [Details]
    ");
}

#[test]
fn the_words_around_a_cancel_a_question_a_ping_and_a_file() {
    let (short, key) = (Short::new("k7f2"), DeliveryKey::new("key"));
    let job = Job { kind: "nightly-report", short: &short };
    assert_snapshot!(read(&wording::cancelling(job, "bo", "wrong branch")), @"
    Cancelling · k7f2 · asked by bo
    reason: wrong branch
    ");
    let choices = ["Yes".to_owned(), "No".to_owned()];
    assert_snapshot!(read(&wording::question(job, "q", "Overwrite the old report?", &choices, &key)), @"
    Waiting for you · k7f2
    Overwrite the old report?
    [Yes]
    [No]
    [Cancel]
    ");
    let ana = Person::new("1", "ana");
    assert_snapshot!(read(&wording::question_ping(job, &ana)), @"@ana question: nightly-report (k7f2)");
    let pings = EndKind::ALL.map(|kind| read(&wording::ping(job, &ana, &Ending::bare(kind, ""), &Origin::Person)));
    assert_snapshot!(pings.join("\n"), @"
    @ana done: nightly-report (k7f2)
    @ana failed: nightly-report (k7f2)
    @ana cancelled: nightly-report (k7f2)
    @ana timed out: nightly-report (k7f2)
    @ana interrupted: nightly-report (k7f2)
    ");
    assert_snapshot!(wording::not_allowed("run", Role::Operator, Some(Role::Viewer)).text, @"Not allowed: run needs role operator. You: viewer");
    let file = wilco_core::FileRef { name: "report.md".to_owned(), path: "/x".into(), size: 38_000 };
    assert_snapshot!(wording::whole_text_note(&short, Some(&file)), @"report.md attached (38 KB)");
    assert_snapshot!(read(&wording::file_stub(job, "report.md")), @"File · k7f2 · report.md · on its way");
    assert_snapshot!(read(&wording::file(job, &file)), @"File · k7f2 · report.md (38 KB)");
    assert_snapshot!(read(&wording::file_refused(job, &file)), @"File · k7f2 · report.md (38 KB) was refused here. It is kept: `wilco jobs show k7f2`");
    assert_snapshot!(read(&wording::part_stub(job, 1, 3)), @"Part 2 of 3 · k7f2 · on its way");
    assert_snapshot!(read(&wording::stray(job)), @"Continued below · nightly-report · k7f2");
}

/// A channel in which a line that comes many times is written once: how many fit depends on the platform.
fn folded(transcript: &str) -> String {
    let mut lines: Vec<(&str, usize)> = Vec::new();
    for line in transcript.lines() {
        match lines.last_mut() {
            Some((last, count)) if *last == line => *count += 1,
            Some(_) | None => lines.push((line, 1)),
        }
    }
    let written = lines.iter().map(|(line, count)| match count {
        1 => (*line).to_owned(),
        _ => format!("{line} (and so on)"),
    });
    written.collect::<Vec<_>>().join("\n")
}

/// Everything that a bot shows, from the first acknowledgement to every kind of end.
async fn journey(profile: Profile) -> Stage {
    let rules = KindSettings { on_interrupt: OnInterrupt::Report, ..KindSettings::default() };
    let builder = Stage::builder().profile(profile).settings(|settings| {
        settings.defaults = rules;
        settings.defaults.terms.terminal_secs = 300;
    });
    let mut stage = builder.begin().await;
    let ana = Actor::named("ana");
    let (done, failed) = (stage.runs(&ana, OPS).await, stage.runs(&ana, OPS).await);
    stage.says(&ana, OPS, "/run report").await;
    done.step(1, 3, "collecting");
    let answer = failed.asks("Overwrite the old report?", &["Yes", "No"]);
    stage.seconds(60).await;
    stage.presses(&ana, "Yes").await;
    assert_eq!(answer.await.expect("the job was told"), Ok(0));
    done.ends(&"A line of the report.\n".repeat(300));
    failed.fails("exit 2", "table `orders` is missing");
    stage.moment().await;
    let queued = stage.puppets.next();
    stage.says(&ana, OPS, &format!("/cancel {} wrong branch", queued.short)).await;
    let slow = stage.runs(&ana, OPS).await;
    slow.writes("report.csv", "a,b\n".repeat(500));
    stage.seconds(310).await;
    let lost = stage.runs(&ana, OPS).await;
    stage.seconds(20).await;
    stage.crashes_and_restarts().await;
    drop(lost);
    stage.seconds(60).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn every_message_begins_with_its_state_and_is_short_on_every_platform() {
    const STATES: [&str; 14] = [
        "On it",
        "Queued",
        "Working",
        "Waiting for you",
        "Done",
        "Failed",
        "Timed out",
        "Cancelling",
        "Cancelled",
        "Interrupted",
        "Part",
        "File",
        "question:",
        "Continued below",
    ];
    for profile in Profile::ALL {
        let stage = journey(profile).await;
        let snapshot = stage.snapshot();
        let texts = snapshot
            .messages
            .iter()
            .filter(|message| message.author == Author::Bot)
            .flat_map(|message| message.versions.iter());
        let mut seen = 0;
        for version in texts {
            seen += 1;
            let first = version.text.lines().next().unwrap_or_default();
            let ping = version.mention.is_some();
            assert!(ping || STATES.iter().any(|state| first.starts_with(state)), "{profile:?}: {first}");
            assert!(first.chars().count() < 60, "{profile:?}: {first}");
            assert!(!version.text.contains('!') && !version.text.to_lowercase().contains("sorry"), "{}", version.text);
            assert!(profile.limits().unit.len(&version.text) <= profile.limits().text);
        }
        assert!(seen > 20, "{seen}");
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_day_in_one_channel_as_discord_shows_it() {
    let stage = journey(Profile::DiscordLike).await;
    assert_snapshot!(folded(&stage.sees(OPS)), @"
    ana | /run report
    bot | Done · u6b3 · 1m

          A line of the report. (and so on)

          report-u6b3.md attached (7 KB)
          [Details]
    ana | /run report
    bot | Failed · p6j8 · exit 2 after 1m

          table `orders` is missing
          [Run again] [Details]
    ana | /run report
    bot | Cancelled · c9t5 · after 1m
          asked by ana
          reason: wrong branch
          [Run again] [Details]
    bot | ↳ @ana question: report (p6j8)
    only ana sees | Answered · p6j8 · Yes
    bot | File · u6b3 · report-u6b3.md (7 KB)
          (file report-u6b3.md, 7 KB)
    bot | ↳ @ana failed: report (p6j8)
    bot | ↳ @ana done: report (u6b3)
    ana | /cancel c9t5 wrong branch
    only ana sees | Cancelling · c9t5 · asked by ana
                    reason: wrong branch
    bot | ↳ @ana cancelled: report (c9t5)
    ana | /run report
    bot | Timed out · g3q2 · limit 5m
          [Run again] [Details]
    bot | File · g3q2 · report.csv (2 KB)
          (file report.csv, 2 KB)
    bot | ↳ @ana timed out: report (g3q2)
    ana | /run report
    bot | Interrupted · m5q4 · bot restarted at 09:06 UTC
          [Run again] [Details]
    bot | ↳ @ana interrupted: report (m5q4)
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_day_in_one_channel_as_slack_and_telegram_show_it() {
    for profile in [Profile::SlackLike, Profile::TelegramLike] {
        let stage = journey(profile).await;
        insta::allow_duplicates! {
            assert_snapshot!(folded(&stage.sees(OPS)), @"
            ana | /run report
            bot | Done · u6b3 · 1m

                  A line of the report. (and so on)
                  [Details]
            ana | /run report
            bot | Failed · p6j8 · exit 2 after 1m

                  table `orders` is missing
                  [Run again] [Details]
            ana | /run report
            bot | Cancelled · c9t5 · after 1m
                  asked by ana
                  reason: wrong branch
                  [Run again] [Details]
            bot | ↳ @ana question: report (p6j8)
            only ana sees | Answered · p6j8 · Yes
            bot | Part 2 of 2 · u6b3

                  A line of the report. (and so on)
            bot | ↳ @ana failed: report (p6j8)
            bot | ↳ @ana done: report (u6b3)
            ana | /cancel c9t5 wrong branch
            only ana sees | Cancelling · c9t5 · asked by ana
                            reason: wrong branch
            bot | ↳ @ana cancelled: report (c9t5)
            ana | /run report
            bot | Timed out · g3q2 · limit 5m
                  [Run again] [Details]
            bot | File · g3q2 · report.csv (2 KB)
                  (file report.csv, 2 KB)
            bot | ↳ @ana timed out: report (g3q2)
            ana | /run report
            bot | Interrupted · m5q4 · bot restarted at 09:06 UTC
                  [Run again] [Details]
            bot | ↳ @ana interrupted: report (m5q4)
            ");
        }
        stage.ends().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_button_of_a_job_that_is_not_kept_any_more_says_so() {
    let stage = Stage::new().await;
    let ana = Actor::named("ana");
    let gone = Press::CancelStub { key: DeliveryKey::new("0123456789abcdef0123456789abcdef") };
    stage.presses_late(&ana, OPS, None, &gone).await;
    let question = Press::Answer { question: "0123456789abcdef0123456789abcdef".to_owned(), choice: 0 };
    stage.presses_late(&ana, OPS, None, &question).await;
    stage.presses_late(&ana, OPS, None, &Press::RunAgain { id: "zzzz".to_owned() }).await;
    assert_snapshot!(stage.sees(OPS), @"
    only ana sees | This button belongs to a job that is not kept any more. Nothing was changed; /jobs lists the recent ones.
    only ana sees | This button belongs to a job that is not kept any more. Nothing was changed; /jobs lists the recent ones.
    only ana sees | There is no job `zzzz` here. /jobs lists those that you can see.
    ");
    stage.ends().await;
}
