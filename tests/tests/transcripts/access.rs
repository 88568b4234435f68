//! Who may do what, as the channel shows it: deny until a rule exists, and what one may not see does not exist.

use insta::assert_snapshot;
use wilco_core::Press;
use wilco_core::access::{Access, Role, Rule};
use wilco_core::desk::{Caller, Desk, DeskError, FollowupFilter, JobFilter, Limit, ReceiptFilter};
use wilco_core::receipt::ReceiptState;
use wilco_sim::Fault;
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

/// A person of the script as the desk knows them, speaking from a place.
fn caller(actor: &Actor, place: Where<'_>) -> Caller {
    actor.calls_from(place)
}

fn rule(user: Option<&str>, channel: Option<&str>, grant: Role) -> Rule {
    let own = |text: Option<&str>| text.map(str::to_owned);
    Rule { user: own(user), channel: own(channel), ..Rule::granting(grant) }
}

#[tokio::test(start_paused = true)]
async fn nobody_may_do_anything_until_a_rule_exists() {
    let mut stage = Stage::builder().settings(|settings| settings.access = Access::default()).begin().await;
    let ana = Actor::named("ana");
    for line in ["/run report", "/jobs", "/status", "/cancel", "/watch u6b3", "/whoami"] {
        stage.says(&ana, OPS, line).await;
    }
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    only ana sees | Not allowed: run needs role operator. You: no role
    ana | /jobs
    only ana sees | Not allowed: jobs needs role viewer. You: no role
    ana | /status
    only ana sees | Not allowed: status needs role viewer. You: no role
    ana | /cancel
    only ana sees | Not allowed: cancel needs role viewer. You: no role
    ana | /watch u6b3
    only ana sees | Not allowed: watch needs role viewer. You: no role
    ana | /whoami
    only ana sees | ana · id `id-ana` on sim · role none
                    You may nothing until an access rule names you; ask the bot's owner.
    ");
    assert_eq!(stage.jobs().await.len(), 0);
    // The first rule opens the bot for whom it names, without a restart.
    let access = Access { rules: vec![rule(Some("id-ana"), None, Role::Owner)] };
    stage.configures(|settings| settings.access = access).await;
    stage.runs(&ana, OPS).await.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_viewer_reads_here_and_runs_and_cancels_nothing() {
    let stage = Stage::new().await;
    let (ana, bo) = (Actor::named("ana"), Actor::named("bo"));
    let job = stage.runs(&ana, OPS).await;
    for line in ["/run report".to_owned(), format!("/cancel {}", job.short), "/cancel".to_owned()] {
        stage.says(&bo, OPS, &line).await;
    }
    stage.presses(&bo, "Cancel").await;
    assert!(job.is_alive());
    assert!(stage.asks(&bo, OPS, &format!("/status {}", job.short)).await.starts_with("running · report"));
    job.fails("exit 2", "no");
    stage.moment().await;
    stage.presses(&bo, "Run again").await;
    assert_eq!(stage.puppets.waiting(), 0);
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Failed · u6b3 · exit 2

          no
          [Run again] [Details]
    bo | /run report
    only bo sees | Not allowed: run needs role operator. You: viewer
    bo | /cancel u6b3
    only bo sees | Not allowed: u6b3 can be cancelled by who started it, a moderator or role owner. You: viewer
    bo | /cancel
    only bo sees | Not allowed: u6b3 can be cancelled by who started it, a moderator or role owner. You: viewer
    only bo sees | Not allowed: u6b3 can be cancelled by who started it, a moderator or role owner. You: viewer
    bo | /status u6b3
    only bo sees | running · report · u6b3 · 0s
                   `09:00` accepted from ana
                   `09:00` started
                   `09:00` stub attempt 1: surfaced
                   `09:00` acknowledged
                   `09:00` stub surfaced
                   [Cancel]
    only bo sees | Not allowed: run needs role operator. You: viewer
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_may_not_see_is_answered_like_what_does_not_exist() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let (private, elsewhere) = (Where::PrivateThread("ops", "secret"), Where::Channel("elsewhere"));
    let job = stage.runs(&ana, private).await;
    let short = job.short.as_str();
    let verbs = ["status", "cancel", "watch"];
    for verb in verbs {
        let hidden = stage.asks(&dora, elsewhere, &format!("/{verb} {short}")).await;
        let absent = stage.asks(&dora, elsewhere, &format!("/{verb} zzzz")).await;
        assert_eq!(hidden.replace(short, "zzzz"), absent, "{verb}");
        // A beginning of the id and the kind's name tell no more.
        let prefix = stage.asks(&dora, elsewhere, &format!("/{verb} {}", &short[..2])).await;
        assert_eq!(prefix.replace(&short[..2], "zzzz"), absent, "{verb}");
        let kind = stage.asks(&dora, elsewhere, &format!("/{verb} report")).await;
        assert_eq!(kind.replace("report", "zzzz"), absent, "{verb}");
    }
    // A forged press of a button that she was never shown does not help either.
    for press in [Press::Cancel { id: short.to_owned() }, Press::Details { id: short.to_owned() }] {
        stage.presses_late(&dora, elsewhere, None, &press).await;
        assert_eq!(
            stage.note(&dora).text,
            format!("There is no job `{short}` here. /jobs lists those that you can see.")
        );
    }
    assert!(job.is_alive());
    assert_eq!(
        stage.asks(&dora, elsewhere, "/jobs").await,
        "No jobs here yet. /run starts one, /help lists what there is to run."
    );
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_private_thread_is_not_read_from_the_channel_around_it() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let job = stage.runs(&ana, Where::PrivateThread("ops", "secret")).await;
    stage.says(&dora, OPS, &format!("/status {}", job.short)).await;
    stage.says(&dora, OPS, &format!("/watch {}", job.short)).await;
    stage.says(&dora, OPS, "/jobs").await;
    stage.says(&dora, Where::Thread("ops", "t1"), &format!("/status {}", job.short)).await;
    assert!(stage.note(&dora).text.starts_with("There is no job"));
    // Whoever is in the thread reads along.
    let inside = stage.asks(&dora, Where::PrivateThread("ops", "secret"), &format!("/status {}", job.short)).await;
    assert!(inside.starts_with("running"), "{inside}");
    assert_eq!(stage.inspect(job.short.as_str()).await.contracts.len(), 1);
    assert_snapshot!(stage.sees(OPS), @"
    dora | /status u6b3
    only dora sees | There is no job `u6b3` here. /jobs lists those that you can see.
    dora | /watch u6b3
    only dora sees | There is no job `u6b3` here. /jobs lists those that you can see.
    dora | /jobs
    only dora sees | No jobs here yet. /run starts one, /help lists what there is to run.
    ");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_starter_reads_a_job_from_anywhere_and_the_owner_reads_and_cancels_everything() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let elsewhere = Where::Channel("elsewhere");
    let job = stage.runs(&ana, Where::Direct).await;
    assert!(stage.asks(&ana, elsewhere, &format!("/status {}", job.short)).await.starts_with("running"));
    assert!(stage.asks(&cleo, elsewhere, &format!("/status {}", job.short)).await.starts_with("running"));
    stage.says(&cleo, elsewhere, &format!("/cancel {} freeing the machine", job.short)).await;
    assert!(!job.is_alive());
    stage.seconds(1).await;
    assert_snapshot!(stage.sees_as(&ana, Where::Direct), @"
    ana | /run report
    bot | Cancelled · u6b3
          asked by cleo
          reason: freeing the machine
          [Run again] [Details]
    ");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_moderator_cancels_what_is_shown_in_their_channel_and_nothing_else() {
    let stage = Stage::new().await;
    let (ana, mut bo) = (Actor::named("ana"), Actor::named("bo"));
    bo.0.moderator = true;
    let here = stage.runs(&ana, OPS).await;
    let there = stage.runs(&ana, Where::Channel("elsewhere")).await;
    stage.says(&bo, OPS, &format!("/cancel {}", here.short)).await;
    assert!(!here.is_alive());
    stage.says(&bo, OPS, &format!("/cancel {}", there.short)).await;
    assert!(there.is_alive());
    assert_snapshot!(stage.note(&bo).text, @"There is no job `p6j8` here. /jobs lists those that you can see.");
    there.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn outsiders_and_people_who_merely_share_a_name_have_no_role() {
    let stage = Stage::new().await;
    let mut guest = Actor::named("cleo");
    guest.0.outsider = true;
    stage.says(&guest, OPS, "/run report").await;
    let mut namesake = Actor::named("ana");
    namesake.0.id = "id-somebody-else".to_owned();
    stage.says(&namesake, OPS, "/run report").await;
    assert_snapshot!(stage.sees(OPS), @"
    cleo | /run report
    only cleo sees | Not allowed: run needs role operator. You: no role
    ana | /run report
    only ana sees | Not allowed: run needs role operator. You: no role
    ");
    assert_eq!(stage.jobs().await.len(), 0);
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn a_right_that_was_taken_away_is_gone_at_the_next_press() {
    let mut stage = Stage::new().await;
    let ana = Actor::named("ana");
    let job = stage.runs(&ana, OPS).await;
    stage.configures(|settings| settings.access.rules.retain(|rule| rule.user.as_deref() != Some("id-ana"))).await;
    stage.presses(&ana, "Cancel").await;
    assert!(job.is_alive());
    assert_snapshot!(stage.note(&ana).text, @"Not allowed: this button needs role viewer. You: no role");
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_desk_hides_what_the_chat_hides() {
    let stage = Stage::new().await;
    let (ana, dora) = (Actor::named("ana"), Actor::named("dora"));
    let job = stage.runs(&ana, Where::Direct).await;
    let short = job.short.as_str();
    let stranger = caller(&dora, OPS);
    let hidden = stage.desk().inspect(&stranger, short, Limit::default()).await;
    assert_eq!(hidden, Err(DeskError::NotFound(short.to_owned())));
    let by_id = stage.jobs().await[0].id.to_string();
    assert_eq!(stage.desk().inspect(&stranger, &by_id, Limit::default()).await, Err(DeskError::NotFound(by_id)));
    assert_eq!(stage.desk().cancel(&stranger, short, None).await, Err(DeskError::NotFound(short.to_owned())));
    assert_eq!(stage.desk().file(&stranger, short, 0).await, Err(DeskError::NotFound(short.to_owned())));
    assert_eq!(stage.desk().jobs(&stranger, &JobFilter::default()).await, Ok(Vec::new()));
    assert_eq!(stage.desk().receipts(&stranger, &ReceiptFilter::default()).await, Ok(Vec::new()));
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn the_desk_knows_the_guild_in_which_somebody_asks() {
    // As docs/discord.md shows it: who has that role in that server may run.
    let crew = Rule { guild: Some("g1".to_owned()), role: Some("crew".to_owned()), ..Rule::granting(Role::Operator) };
    let stage = Stage::builder().settings(|settings| settings.access = Access { rules: vec![crew] }).begin().await;
    let mut ana = Actor::named("ana");
    ana.0.roles = vec!["crew".to_owned()];
    let here = ana.at(OPS).in_guild("g1");
    for line in ["/run report", "/followup in 1h look again"] {
        stage.platform.say(&ana.0, &here, line).expect("one can write there");
        stage.moment().await;
    }
    let job = stage.puppets.next();
    let (inside, elsewhere) = (ana.calls_at(&here), ana.calls_from(OPS));
    let desk = stage.desk();
    let followups = FollowupFilter { address: Some(here.address.clone()), ..FollowupFilter::default() };
    let names: Vec<_> = desk.jobs(&inside, &JobFilter::default()).await.unwrap();
    assert_eq!(names.iter().map(|one| &one.short).collect::<Vec<_>>(), [&job.short]);
    assert_eq!(desk.followups(&inside, &followups).await.unwrap().len(), 1);
    assert!(desk.inspect(&inside, job.short.as_str(), Limit::default()).await.is_ok());
    assert_eq!(desk.role(&inside), Some(Role::Operator));
    // The same person in no server or another one may do nothing.
    let other = ana.calls_at(&ana.at(OPS).in_guild("g2"));
    for nobody in [elsewhere, other] {
        assert_eq!(desk.role(&nobody), None);
        assert_eq!(desk.jobs(&nobody, &JobFilter::default()).await, Ok(Vec::new()));
        assert_eq!(desk.followups(&nobody, &followups).await, Ok(Vec::new()));
    }
    job.ends("42");
    stage.ends().await;
}

#[tokio::test(start_paused = true)]
async fn only_an_owner_sends_a_failed_receipt_again() {
    let stage = Stage::new().await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    stage.fault(wilco_sim::Rule::new(Fault::Bug).on(wilco_sim::Verb::Edit).times(2));
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(1).await;
    job.ends("42");
    stage.moment().await;
    let failed = stage.failed_receipts().await;
    assert_eq!(failed.len(), 1, "a malformed request stands on the operator's list");
    let refused = stage.desk().retry(&caller(&ana, OPS), &failed[0].id).await;
    assert!(matches!(refused, Err(DeskError::NotAllowed { needs: Role::Owner, .. })), "{refused:?}");
    let again = stage.desk().retry(&caller(&cleo, OPS), &failed[0].id).await.expect("an owner may");
    assert_eq!(again.state, ReceiptState::Pending);
    stage.moment().await;
    assert_snapshot!(stage.sees(OPS), @"
    ana | /run report
    bot | Done · u6b3 · 1s

          42
          [Details]
    ");
    stage.ends().await;
}
