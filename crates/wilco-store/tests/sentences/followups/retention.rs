//! What the retention takes of follow-ups: first their texts, then their rows; never anything that is open.

use wilco_core::Person;
use wilco_core::desk::{FollowupFilter, Limit};
use wilco_core::followup::{FollowupAct, Task, Wanted};
use wilco_core::settings::Retention;
use wilco_core::worker::{EndKind, Ending};
use wilco_store::args;
use wilco_store::changes::{Act, Asker, Offered, Prune, Pruned, SetZone};
use wilco_store::reads::{InspectFollowup, ListFollowups};

use super::support::*;
use crate::support::*;

const FOLLOWUPS: &str = "SELECT COUNT(*) AS n FROM followups";
const OCCURRENCES: &str = "SELECT COUNT(*) AS n FROM occurrences";

async fn prune(w: &mut World) -> Pruned {
    let retention = Retention { bodies: minutes(100), receipts: minutes(1_000) };
    w.engine.write(Prune { now: w.now, retention }).await.unwrap()
}

fn private(w: &World) -> Wanted {
    let task = Task::Command { worker: "report".into(), text: "private".into() };
    Wanted { task, reason: "private".into(), ..with_key("private", once(w, minutes(30))) }
}

proves!(r13_the_texts_of_a_follow_up_that_is_over_go_before_its_rows, |w| {
    let failed = w.ana_schedules(private(&w)).await;
    w.pass(minutes(30));
    let job = w.fired().await;
    w.finish(&job, Ending::bare(EndKind::Failed, "private")).await;
    w.surface_due().await;
    let cancelled = w.ana_schedules(private(&w)).await;
    w.ana(&cancelled, FollowupAct::Cancel).await;

    w.pass(minutes(99));
    assert_eq!(prune(&mut w).await, Pruned::default(), "not a minute too early");
    w.pass(minutes(1));
    let pruned = prune(&mut w).await;
    assert_eq!((pruned.followups, pruned.more), (0, false));
    for short in [&failed, &cancelled] {
        let row = w.followup(short).await;
        let task = Task::Command { worker: "report".into(), text: String::new() };
        assert_eq!(row.json::<Task>("task").unwrap(), task, "the kind of work stays");
        assert_eq!(row.json::<Person>("person").unwrap(), Person::new("ana", ""), "and for whom, by id alone");
        assert_eq!((row.text("purpose").unwrap(), row.opt_text("dedupe").unwrap()), (String::new(), None));
        assert_eq!((row.opt_text("reason").unwrap(), row.int("kept").unwrap()), (None, 0));
        let query = InspectFollowup {
            asker: w.asker("ana", &thread_place("ana").address),
            name: short.to_string(),
            limit: Limit::default(),
        };
        let found = w.engine.read(query).await.unwrap().unwrap();
        assert_eq!(
            (found.occurrences.len(), &found.occurrences[0].reason),
            (1, &None),
            "what became of it stays known"
        );
    }
    for (table, sql) in [("followups", "SELECT * FROM followups"), ("occurrences", "SELECT * FROM occurrences")] {
        for row in w.rows(sql, vec![]).await {
            let texts = ["task", "purpose", "dedupe", "person", "reason", "last_error"];
            let texts = texts.iter().filter_map(|column| row.opt_text(column).ok().flatten());
            assert!(texts.into_iter().all(|text| !text.contains("private")), "{table}");
        }
    }
    assert_eq!(w.story(&failed).await, ["+30m failed: "]);
    assert_eq!(prune(&mut w).await, Pruned::default(), "once is enough");

    w.pass(minutes(900));
    assert_eq!(prune(&mut w).await.followups, 2);
    assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (0, 0));
});

proves!(r13_a_recurring_one_goes_on_without_its_oldest_occurrences, |w| {
    let short = w.ana_schedules(every(&w, 500)).await;
    for _ in 0..4 {
        w.pass(minutes(500));
        let job = w.fired().await;
        w.finish(&job, Ending::bare(EndKind::Failed, "private")).await;
        w.surface_due().await;
    }
    prune(&mut w).await;
    let reasons: Vec<_> = w.occurrences(&short).await.iter().map(|row| row.opt_text("reason").unwrap()).collect();
    assert_eq!(reasons.len(), 3, "two are as old as the rows may get, one is not, one is ahead");
    assert_eq!(reasons[0].as_deref(), Some(""), "and its words are older than words may get");
    assert!(reasons[1].as_deref().unwrap().ends_with("failed: private"));
    assert_eq!(w.story(&short).await[2], "+2500m scheduled");
    let row = w.followup(&short).await;
    assert_eq!(
        (row.text("state").unwrap(), row.int("failures").unwrap(), row.int("kept").unwrap()),
        ("pending".into(), 4, 1)
    );
    assert_eq!(row.json::<Task>("task").unwrap().text(), "check the deploy", "it still has to say it");
    w.pass(minutes(500));
    assert_eq!(w.firing().await.due, at(2_500));
});

proves!(r13_what_is_open_is_kept_however_old_it_is, |w| {
    let far = w.ana_schedules(once(&w, minutes(9_000))).await;
    let paused = w.ana_schedules(every(&w, 30)).await;
    w.ana(&paused, FollowupAct::Pause).await;
    // One was called off long ago, and its job still runs.
    let running = w.ana_schedules(every(&w, 40)).await;
    w.pass(minutes(40));
    let job = w.fired().await;
    w.ana(&running, FollowupAct::Cancel).await;
    w.pass(minutes(5_000));
    prune(&mut w).await;
    for (short, line) in
        [(&far, "+9000m scheduled"), (&paused, "+30m scheduled without a time"), (&running, "+40m running")]
    {
        assert_eq!(w.story(short).await, [line]);
    }
    assert_eq!(w.count_of(FOLLOWUPS).await, 3);
    w.done(&job, "fine").await;
    assert_eq!(w.story(&running).await, ["+40m success"]);
    w.pass(minutes(1_000));
    w.surface_due().await;
    assert_eq!(prune(&mut w).await.followups, 1);
    assert_eq!(w.count_of(FOLLOWUPS).await, 2);
});

proves!(r13_one_pass_is_bounded_and_says_that_there_is_more, |w| {
    w.ana_schedules(once(&w, minutes(30))).await;
    w.run_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150) \
         INSERT INTO followups (id, short, task, kind, schedule, recurring, state, reason, purpose, pause_after, \
         person, person_id, account, channel, place, created_at, ended_at) \
         SELECT 'f' || i, 'g' || i, task, kind, schedule, 1, 'ended', 'private', 'private', 5, person, person_id, \
         account, channel, place, created_at, $1 FROM n, followups",
        args![w.now],
    )
    .await;
    w.run_sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 15) \
         INSERT INTO occurrences (id, followup, due, state, reason, settled_at) \
         SELECT followups.id || '-' || i, followups.id, i, 'failed', 'private', ended_at FROM n, followups \
         WHERE ended_at IS NOT NULL",
        vec![],
    )
    .await;
    w.pass(minutes(100));
    let kept = "SELECT COUNT(*) AS n FROM followups WHERE kept = 1 AND ended_at IS NOT NULL";
    let worded = "SELECT COUNT(*) AS n FROM occurrences WHERE reason <> ''";
    for (left, words, more) in [(50, 1_250, true), (0, 250, true), (0, 0, false)] {
        assert_eq!(prune(&mut w).await.more, more);
        assert_eq!((w.count_of(kept).await, w.count_of(worded).await), (left, words));
    }
    w.pass(minutes(900));
    let mut passes = 0;
    while prune(&mut w).await.more {
        passes += 1;
        assert!(passes < 9, "it comes to an end");
    }
    assert!(passes >= 2);
    assert_eq!((w.count_of(FOLLOWUPS).await, w.count_of(OCCURRENCES).await), (1, 1), "the open one stays");
});

proves!(r13_a_row_that_cannot_be_read_loses_its_text_as_well, |w| {
    let short = w.ana_schedules(private(&w)).await;
    w.ana(&short, FollowupAct::Cancel).await;
    w.run_sql("UPDATE followups SET task = 'private'", args![]).await;
    w.pass(minutes(100));
    prune(&mut w).await;
    assert_eq!(w.followup(&short).await.json::<Task>("task").unwrap(), Task::Turn { text: String::new() });
});

proves!(r13_zones_stay_and_a_key_is_free_again, |w| {
    let zone = SetZone {
        account: "sim".into(),
        person: Some("ana".into()),
        channel: "ops".into(),
        zone: wilco_core::when::Zone::UTC,
    };
    assert_eq!(w.one("ana", thread_place("ana"), Act::SetZone(zone)).await, Offered::ZoneSet);
    let old = w.ana_schedules(private(&w)).await;
    w.ana(&old, FollowupAct::Cancel).await;
    w.pass(minutes(2_000));
    prune(&mut w).await;
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM zones").await, 1);
    let set = w.scheduled("ana", thread_place("ana"), private(&w)).await;
    assert_eq!(set.replaced, None);
    let filter = FollowupFilter { all: true, ..FollowupFilter::default() };
    assert_eq!(w.engine.read(ListFollowups { asker: Asker::host(), filter }).await.unwrap().len(), 1);
});
