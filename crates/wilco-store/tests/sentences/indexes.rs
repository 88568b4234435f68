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

/// The indexes that hold every row; all others are partial and hold only what is open.
const FULL: [&str; 7] = [
    "sqlite_autoindex",
    "workers_person",
    "workers_recent",
    "contracts_by_place",
    "receipts_worker",
    "receipts_recent",
    "inbox_by_age",
];

/// What is read on purpose in the order of an index that holds every row, up to a limit.
const WALKS: [&str; 3] = ["reads.jobs.ALL", "reads.receipts.ALL", "reads.receipts.SURFACED"];

#[tokio::test]
async fn no_hot_statement_scans_a_table_of_100_000_finished_jobs() {
    let (_folder, w) = World::open(wilco_store::engine::Mode::Threads).await;
    fill(&w, 100_000).await;
    let hot = wilco_store::hot::hot();
    assert!(hot.len() > 50);
    let mut wrong = Vec::new();
    for (name, sql, params) in hot {
        let explain: &'static str = Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
        let plan = w.rows(explain, vec![wilco_store::engine::Arg::Int(1); params]).await;
        for row in plan {
            let step = row.text("detail").unwrap();
            let whole = ["workers", "receipts", "contracts", "journal", "inbox", "questions"]
                .iter()
                .any(|table| step == format!("SCAN {table}"));
            // An index that is not partial holds every finished job, too: only an ordered walk may use it.
            let walk = step.starts_with("SCAN ") && FULL.iter().any(|full| step.contains(full));
            let sorted = step.contains("TEMP B-TREE")
                && ["claim.", "deadlines.", "begin.QUEUED"].iter().any(|hot| name.starts_with(hot));
            if whole || sorted || (walk && !WALKS.contains(&name)) {
                wrong.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
