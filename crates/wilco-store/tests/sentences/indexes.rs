//! No statement that runs often reads a whole table, however much is stored.

use wilco_store::args;

use crate::support::*;

/// Finished jobs with their contracts, receipts and journals, in a few statements.
async fn fill(w: &World, jobs: i64) {
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)";
    let workers: &'static str = concat!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) ",
        "INSERT INTO workers (id, short, kind, input, rules, state, person_id, person_name, account, channel, \
         created_at, ended_at, ending, kept) \
         SELECT 'w' || i, 's' || i, 'report', '{}', '{}', 'done', 'p' || (i % 50), 'p', 'sim', 'c' || (i % 20), \
         i * 1000, i * 1000 + 500, '{}', i % 2 FROM n"
    );
    assert!(workers.starts_with(numbers));
    w.run_sql(workers, args![jobs]).await;
    w.run_sql(
        "INSERT INTO contracts (id, worker, number, state, person, route, step, account, channel, created_at) \
         SELECT 'c' || id, id, 0, 'terminal_acked', '{}', '[]', 0, account, channel, created_at FROM workers \
         WHERE ended_at IS NOT NULL",
        args![],
    )
    .await;
    for kind in ["stub", "content"] {
        w.run_sql(
            "INSERT INTO receipts (id, contract, worker, kind, part, generation, state, account, channel, created_at, \
             settled_at) SELECT $1 || id, id, worker, $1, 0, 0, 'surfaced', account, channel, created_at, created_at \
             FROM contracts",
            args![kind],
        )
        .await;
    }
    w.run_sql(
        "INSERT INTO journal (worker, seq, at, event, body) SELECT id, 1, created_at, 'accepted', '{}' FROM workers",
        args![],
    )
    .await;
}

/// Follow-ups that are over with their one occurrence, open ones that are due some time, and one that has
/// come again and again: as many occurrences of one follow-up as there are follow-ups.
async fn fill_followups(w: &World, ended: i64, open: i64) {
    let followups = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
                     INSERT INTO followups (id, short, task, kind, schedule, recurring, state, purpose, dedupe, \
                     pause_after, person, person_id, account, channel, place, created_at, ended_at, kept) \
                     SELECT $2 || i, $2 || i, '{}', 'turn', '{}', i % 2, $3, 'later', 'k' || i, 5, '{}', \
                     'p' || (i % 1000), 'sim', 'c' || (i % 1000), '{}', i * 1000, \
                     CASE WHEN $3 = 'ended' THEN i * 1000 + 500 END, i % 2 FROM n";
    w.run_sql(followups, args![ended, "e", "ended"]).await;
    w.run_sql(followups, args![open, "o", "pending"]).await;
    let settled = "INSERT INTO occurrences (id, followup, due, state, reason, settled_at, worker) \
                   SELECT 'x' || id, id, created_at, 'failed', CASE WHEN kept = 1 THEN 'exit 2' ELSE '' END, \
                   created_at, 'w' || SUBSTR(id, 2) FROM followups WHERE ended_at IS NOT NULL";
    w.run_sql(settled, args![]).await;
    w.run_sql(
        "INSERT INTO occurrences (id, followup, due, state, due_at) SELECT 'd' || id, id, created_at, 'scheduled', \
         created_at FROM followups WHERE ended_at IS NULL",
        args![],
    )
    .await;
    let often = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
                 INSERT INTO occurrences (id, followup, due, state, settled_at) \
                 SELECT 'r' || i, 'o1', 0 - i, 'success', i FROM n";
    w.run_sql(often, args![ended]).await;
}

/// The indexes that hold every row; all others are partial and hold only what is open.
const FULL: [&str; 9] = [
    "sqlite_autoindex",
    "workers_person",
    "workers_recent",
    "contracts_by_place",
    "receipts_worker",
    "receipts_recent",
    "inbox_by_age",
    "followups_newest",
    "occurrences_settled",
];

const TABLES: [&str; 8] =
    ["workers", "receipts", "contracts", "journal", "inbox", "questions", "followups", "occurrences"];

/// What is read on purpose in the order of an index that holds every row, up to a limit.
const WALKS: [&str; 4] = ["reads.jobs.ALL", "reads.receipts.ALL", "reads.receipts.SURFACED", "reads.followups.ALL"];

#[tokio::test]
async fn no_hot_statement_scans_a_table_of_100_000_finished_jobs() {
    let (_folder, w) = World::open(wilco_store::engine::Mode::Threads).await;
    fill(&w, 100_000).await;
    fill_followups(&w, 100_000, 10_000).await;
    let hot = wilco_store::hot::hot();
    assert!(hot.len() > 50);
    let mut wrong = Vec::new();
    for (name, sql, params) in hot {
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let plan = w.rows(explain, vec![wilco_store::engine::Arg::Int(1); params]).await;
        for row in plan {
            let step = row.text("detail").unwrap();
            let whole = TABLES.iter().any(|table| step == format!("SCAN {table}"));
            // An index that is not partial holds every finished job, too: only an ordered walk may use it.
            let walk = step.starts_with("SCAN ") && FULL.iter().any(|full| step.contains(full));
            let sorted = step.contains("TEMP B-TREE")
                && ["claim.", "deadlines.", "begin.QUEUED", "followup."].iter().any(|hot| name.starts_with(hot));
            // The history of one follow-up may be as long as a table; what is open of it is short.
            let history = step.contains("occurrences_2 (followup=?)")
                && name.starts_with("followup.")
                && name != "followup.claim.WAS_HELD";
            // So may all the jobs of a kind, which nobody has to count to take one more.
            let of_a_kind = name.starts_with("accept.") && step.ends_with("workers_by_kind (kind=?)");
            if whole || sorted || history || of_a_kind || (walk && !WALKS.contains(&name)) {
                wrong.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
