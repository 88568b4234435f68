//! A store that an older program has written: everything in it still loads and goes on (requirement F13).

use wilco_core::contract::ContractState;
use wilco_core::desk::{FollowupFilter, JobFilter};
use wilco_core::job::Input;
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_core::worker::{EndKind, Ending, WorkerState};
use wilco_core::{ContractId, InstanceId, Place, ReceiptId, Short, WorkerId};
use wilco_store::args;
use wilco_store::changes::{Asker, Gates, Offered, ShelfGet, ZoneOf, Zones};
use wilco_store::engine::{Engine, MIGRATIONS, Mode, Options, Synchronous};
use wilco_store::reads::{ListFollowups, ListJobs, NextDue, Wake};

use crate::followups::support::{minutes, once};
use crate::support::*;

const OPTIONS: Options = Options { mode: Mode::Threads, instance_lock: false, synchronous: Synchronous::Off };

// What the first program wrote: no origin, no rule of retries, no account of a backend.
const INPUT: &str = r#"{"text":"all","person":{"id":"ana","name":"ana","moderator":false,"outsider":false},"rerun":0}"#;
const RULES: &str = r#"{"terms":{"ack_secs":5,"progress_secs":45,"terminal_secs":1800},"inactivity":null,
    "question":{"secs":86400,"nanos":0},"on_interrupt":"report","notify":"always","max_running":50}"#;
const PERSON: &str = r#"{"id":"ana","name":"ana","moderator":false,"outsider":false}"#;
const ROUTE: &str = r#"[{"account":"sim","channel":"ops"},{"account":"sim","channel":"dm-ana"}]"#;
const ENDING: &str = r#"{"kind":"done","detail":"","text":"the result","files":[]}"#;
const MESSAGE: &str = r#"{"address":{"account":"sim","channel":"ops"},"message":"m-old"}"#;
const BODY: &str = r#"{"text":"Done · the result","plain":false}"#;
const ACCEPTED: &str = r#"{"event":"accepted","kind":"report","input":"all","by":"ana",
    "address":{"account":"sim","channel":"ops"}}"#;

const WORKER: &str = "INSERT INTO workers (id, short, kind, input, rules, state, person_id, person_name, account, \
                      channel, created_at, started_at, ended_at, owner, lease_until, hard_deadline, deadline, \
                      alive_at, ending, journal_seq) \
                      VALUES ($1, $2, 'report', $3, $4, $5, 'ana', 'ana', 'sim', 'ops', $6, $7, $8, $9, $10, $11, \
                      $11, $7, $12, 1)";
const CONTRACT: &str = "INSERT INTO contracts (id, worker, number, state, person, route, step, account, channel, \
                        message, acked_at, created_at) \
                        VALUES ($1, $2, 0, $3, $4, $5, 0, 'sim', 'ops', $6, $7, $7)";
const RECEIPT: &str = "INSERT INTO receipts (id, contract, worker, kind, part, generation, state, account, channel, \
                       body, message, first_due, due_at, created_at, settled_at) \
                       VALUES ($1, $2, $3, $4, 0, 0, $5, 'sim', 'ops', $6, $7, $8, $9, $10, $11)";

/// A job as the older program left it: its state and that of its contract and of its content receipt.
async fn old_job(w: &World, short: &str, state: &str, contract: &str, content: &str) -> Job {
    let job = Job {
        worker: WorkerId::new(format!("w-{short}")),
        short: Short::new(short),
        contract: ContractId::new(format!("c-{short}")),
        stub: ReceiptId::new(format!("s-{short}")),
        content: ReceiptId::new(format!("r-{short}")),
        ahead: None,
    };
    let begun = (state != "queued").then_some(w.now);
    let ended = (state == "done").then_some(w.now);
    let owner = (state == "running").then(|| InstanceId::new("the old one"));
    let limit = (state == "running").then(|| w.now.plus(minutes(30)));
    let lease = (state == "running").then(|| w.now.plus(secs(15)));
    let ending = ended.map(|_| ENDING);
    let worker = &job.worker;
    w.run_sql(
        WORKER,
        args![worker, short, INPUT, RULES, state, w.now, begun, ended, owner.as_ref(), lease, limit, ending],
    )
    .await;
    w.run_sql(CONTRACT, args![&job.contract, worker, contract, PERSON, ROUTE, MESSAGE, w.now]).await;
    let settled = (content == "surfaced").then_some(w.now);
    let due = (content == "pending").then_some(w.now);
    let stub =
        args![&job.stub, &job.contract, worker, "stub", "surfaced", BODY, MESSAGE, w.now, None::<i64>, w.now, w.now];
    w.run_sql(RECEIPT, stub).await;
    let body = ended.map(|_| BODY);
    let content =
        args![&job.content, &job.contract, worker, "content", content, body, None::<&str>, due, due, w.now, settled];
    w.run_sql(RECEIPT, content).await;
    w.run_sql(
        "INSERT INTO journal (worker, seq, at, event, body) VALUES ($1, 1, $2, 'accepted', $3)",
        args![worker, w.now, ACCEPTED],
    )
    .await;
    job
}

#[tokio::test]
async fn f13_t2_what_an_older_program_stored_still_loads_and_goes_on() {
    for known in 1..MIGRATIONS.len() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("w.db").display());
        let old = World::over(Engine::open_with(&url, OPTIONS, &MIGRATIONS[..known]).await.unwrap(), 7);
        let told = old_job(&old, "a2a2", "done", "terminal_acked", "surfaced").await;
        let owed = old_job(&old, "b2b2", "done", "terminal_pending", "pending").await;
        let lost = old_job(&old, "c2c2", "running", "progressing", "waiting").await;
        let queued = old_job(&old, "d2d2", "queued", "acked", "waiting").await;
        let event = "INSERT INTO inbox (account, event, received_at, worker) VALUES ('sim', 'e-old', $1, $2)";
        old.run_sql(event, args![old.now, &told.worker]).await;
        old.run_sql("INSERT INTO shelf (account, key, value) VALUES ('sim', 'offset', '7')", args![]).await;
        old.engine.close().await;

        let mut w = World::over(Engine::open(&url, OPTIONS).await.unwrap(), 8);
        let versions = w.rows("SELECT version FROM schema_migrations ORDER BY version", vec![]).await;
        assert_eq!(versions.len(), MIGRATIONS.len(), "everything is applied");
        let filter = JobFilter { address: None, open_only: false, limit: Default::default() };
        assert_eq!(w.engine.read(ListJobs { asker: Asker::host(), filter }).await.unwrap().len(), 4);
        for job in [&told, &owed, &lost, &queued] {
            let look = w.look(job).await;
            assert_eq!((look.job.input.as_str(), look.job.by.as_str()), ("all", "ana"), "{}", job.short);
            assert!(look.job.origin.is_person(), "nothing was scheduled then");
            assert_eq!(look.events.len(), 1);
            let row = w.rows("SELECT * FROM workers WHERE id = $1", args![&job.worker]).await.remove(0);
            assert_eq!(row.json::<Input>("input").unwrap().person.zone, None);
            let nothing = ["occurrence", "backend", "due_at", "retry_cause"];
            assert!(nothing.iter().all(|column| row.opt_text(column).unwrap().is_none()));
        }
        assert_eq!(w.look(&told).await.ending.unwrap().text, "the result");
        let wake = w.engine.read(NextDue).await.unwrap();
        assert_eq!(wake, Wake { outbox: Some(w.now), watch: Some(w.now.plus(minutes(30))), ..Wake::default() });
        assert!(w.engine.read(Gates).await.unwrap().is_empty());
        let shelf = ShelfGet { account: "sim".into(), key: "offset".into() };
        assert_eq!(w.engine.read(shelf).await.unwrap().as_deref(), Some("7"));

        // What was under way ends, what waited begins, what was owed is delivered.
        assert_eq!(w.recover("the new one", true).await.ended, 1);
        assert_eq!(w.worker_state(&lost).await, WorkerState::Interrupted);
        assert_eq!(w.begin().await.len(), 1);
        w.finish(&queued, Ending::bare(EndKind::Done, "")).await;
        w.surface_due().await;
        for job in [&told, &owed, &lost, &queued] {
            assert_eq!(w.contract_state(job).await, ContractState::TerminalAcked, "{}", job.short);
            let states = w.states(&job.contract).await;
            assert_eq!(states[1], (ReceiptKind::Content, 0, 0, ReceiptState::Surfaced));
        }
        let again = {
            let new = w.new_job("report", "ana");
            w.item("ana", Place::public(ops()), start(new))
        };
        let again = wilco_store::changes::OfferItem { event: "e-old".into(), ..again };
        assert_eq!(w.offer(vec![again]).await, [Offered::Duplicate { worker: Some(told.short.clone()) }]);

        // And what this version adds works on it.
        let list = ListFollowups { asker: Asker::host(), filter: FollowupFilter::default() };
        assert!(w.engine.read(list.clone()).await.unwrap().is_empty());
        let zones = ZoneOf { account: "sim".into(), person: "ana".into(), channel: "ops".into() };
        assert_eq!(w.engine.read(zones).await.unwrap(), Zones::default());
        let short = w.ana_schedules(once(&w, minutes(30))).await;
        assert_eq!(w.engine.read(list).await.unwrap().remove(0).short, short);
        w.pass(minutes(30));
        let job = w.fired().await;
        w.done(&job, "fine").await;
        assert_eq!(w.story(&short).await, ["+30m success"]);
        w.engine.close().await;
        Engine::open(&url, OPTIONS).await.unwrap().close().await;
    }
}
