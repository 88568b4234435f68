//! Evidence that was tampered with: whatever is changed in the rows or in the channels, an invariant says so.

use std::time::Duration;

use wilco_core::{EnvelopeKind, Timestamp};
use wilco_sim::{Entry, Fault, Logged, Message, Profile, Rule, Verb};
use wilco_tests::simulation::evidence::{ContractRow, Evidence, JournalRow, ReceiptRow, WorkerRow};
use wilco_tests::{Actor, Where};

use super::{OPS, Watched, finds};

const WAR_ROOM: Where<'static> = Where::Channel("war-room");

/// A run in which a bit of everything happens, one thing after the other, and in which all is sound.
pub(super) async fn rich() -> Evidence {
    let mut watched = Watched::begin(Profile::DiscordLike).await;
    let (ana, cleo) = (Actor::named("ana"), Actor::named("cleo"));
    let shown = watched.stage.runs(&ana, OPS).await;
    watched.stage.says(&cleo, WAR_ROOM, &format!("/watch {}", shown.short)).await;
    watched.stage.seconds(4).await;
    shown.step(1, 3, "collecting");
    watched.stage.seconds(20).await;
    shown.writes("table.csv", b"1;2\n".to_vec());
    shown.ends("All is well.");
    watched.stage.seconds(5).await;
    let parts = watched.stage.runs(&ana, WAR_ROOM).await;
    watched.stage.seconds(2).await;
    watched.stage.fault(Rule::new(Fault::Dropped).kind(EnvelopeKind::Part));
    parts.ends(&(1..=200).map(|line| format!("line {line} of the report\n")).collect::<String>());
    watched.stage.seconds(10).await;
    let asks = watched.stage.runs(&ana, OPS).await;
    let _answer = asks.asks("Go on?", &["Yes", "No"]);
    watched.stage.seconds(5).await;
    watched.stage.presses(&ana, "Yes").await;
    watched.stage.says(&ana, OPS, &format!("/cancel {} no need", asks.short)).await;
    watched.stage.seconds(5).await;
    watched.stage.says(&ana, OPS, &format!("/cancel {}", asks.short)).await;
    watched.stage.schedules(&ana, OPS, "/followup in 1m look").await;
    let off = watched.stage.schedules(&ana, OPS, "/followup in 2m never").await;
    watched.stage.says(&ana, OPS, &format!("/cancel {off}")).await;
    watched.stage.seconds(70).await;
    let late = watched.stage.runs(&ana, OPS).await;
    watched.stage.seconds(2).await;
    watched.stage.fault(Rule::new(Fault::Hang { applied: false }).kind(EnvelopeKind::Content));
    late.ends("It was on its way when the process died.");
    watched.stage.seconds(1).await;
    watched.dies_for(Duration::from_secs(20)).await;
    watched.stage.seconds(20).await;
    watched.ends_sound().await
}

/// The evidence with one thing changed.
#[track_caller]
pub(super) fn with(evidence: &Evidence, change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut tampered = evidence.clone();
    change(&mut tampered);
    tampered
}

/// The worker that ended with this in its result.
fn worker<'a>(evidence: &'a mut Evidence, result: &str) -> &'a mut WorkerRow {
    let ended = |row: &&mut WorkerRow| row.ending.as_deref().is_some_and(|ending| ending.contains(result));
    evidence.rows.workers.iter_mut().find(ended).expect("there is such a job")
}

pub(super) fn id_of(evidence: &mut Evidence, result: &str) -> String {
    worker(evidence, result).id.clone()
}

pub(super) fn receipt<'a>(evidence: &'a mut Evidence, result: &str, kind: &str, part: i64) -> &'a mut ReceiptRow {
    let id = id_of(evidence, result);
    let fits = |row: &&mut ReceiptRow| row.worker == id && row.kind == kind && row.part == part;
    evidence.rows.receipts.iter_mut().find(fits).expect("there is such a receipt")
}

pub(super) fn contract<'a>(evidence: &'a mut Evidence, result: &str) -> &'a mut ContractRow {
    let id = id_of(evidence, result);
    evidence.rows.contracts.iter_mut().find(|row| row.worker == id).expect("there is such a contract")
}

/// The newest message whose text holds these words.
pub(super) fn message<'a>(evidence: &'a mut Evidence, words: &str) -> &'a mut Message {
    let fits = |one: &&mut Message| one.is_visible_bot() && one.shown().text.contains(words);
    evidence.snapshot.messages.iter_mut().rev().find(fits).expect("there is such a message")
}

fn lines<'a>(evidence: &'a mut Evidence, result: &str) -> Vec<&'a mut JournalRow> {
    let id = id_of(evidence, result);
    evidence.rows.journal.iter_mut().filter(|row| row.worker == id).collect()
}

fn line<'a>(evidence: &'a mut Evidence, result: &str, event: &str) -> &'a mut JournalRow {
    let found = lines(evidence, result).into_iter().find(|row| row.event == event);
    found.expect("there is such a line")
}

#[tokio::test(start_paused = true)]
async fn invariant_1_finds_a_result_that_is_missing_double_or_not_the_stored_one() {
    let sound = rich().await;
    let well = "All is well.";
    let edited = with(&sound, |all| message(all, well).versions.last_mut().unwrap().text.push('!'));
    finds(&edited, 1, "and not");
    let open = with(&sound, |all| drop(message(all, well).versions.pop()));
    finds(&open, 1, "is surfaced, and");
    let gone = with(&sound, |all| all.snapshot.messages.retain(|one| !one.shown().text.contains(well)));
    finds(&gone, 1, "never stood anywhere");
    let double = with(&sound, |all| {
        let copy = Message { id: "m999".to_owned(), ..message(all, well).clone() };
        all.snapshot.messages.push(copy);
    });
    finds(&double, 1, "repeats");
    finds(&double, 1, "that no receipt promises");
    let created = with(&sound, |all| message(all, well).versions[0].kind = Some(EnvelopeKind::Content));
    finds(&created, 1, "created with content");
    let neither = with(&sound, |all| {
        let row = receipt(all, well, "content", 0);
        (row.state, row.settled_at) = ("pending".to_owned(), None);
    });
    finds(&neither, 1, "neither visible nor failed");
    let both = with(&sound, |all| {
        let row = receipt(all, well, "content", 0);
        (row.state, row.reason) = ("failed".to_owned(), Some("exhausted: gave up".to_owned()));
    });
    finds(&both, 1, "is visible as");
    finds(&both, 1, "the platform's last word was surfaced");
    let silent = with(&sound, |all| receipt(all, well, "content", 0).state = "failed".to_owned());
    finds(&silent, 1, "without a reason");
    let closed = with(&sound, |all| contract(all, well).state = "terminal_failed".to_owned());
    finds(&closed, 1, "no receipt says why");
    let owed = with(&sound, |all| contract(all, well).state = "terminal_pending".to_owned());
    finds(&owed, 1, "in the end");
    let merged = with(&sound, |all| {
        let row = receipt(all, "line 1 of", "content", 0);
        (row.message, row.reason) = (None, Some("merged".to_owned()));
        message(all, "line 1 of").address.channel = "elsewhere".to_owned();
    });
    finds(&merged, 1, "left to another contract");
    let nothing = with(&sound, |all| {
        let id = id_of(all, well);
        all.rows.contracts.retain(|row| row.worker != id);
    });
    finds(&nothing, 1, "nothing is owed");
}

#[tokio::test(start_paused = true)]
async fn invariant_1_finds_a_part_or_a_file_that_is_not_the_stored_one() {
    let sound = rich().await;
    let lines = "line 199 of";
    // The message and its stored body agree, and still it is not the result.
    let cut = with(&sound, |all| {
        let text = &mut message(all, lines).versions.last_mut().unwrap().text;
        *text = text.replace(lines, "");
        let row = receipt(all, lines, "part", 1);
        row.body = row.body.as_ref().map(|body| body.replace(lines, ""));
    });
    finds(&cut, 1, "and has");
    let other = with(&sound, |all| {
        message(all, "File").versions.last_mut().unwrap().file.as_mut().unwrap().hash = "0".repeat(16);
    });
    finds(&other, 1, "shows the file");
    let none = with(&sound, |all| message(all, "File").versions.last_mut().unwrap().file = None);
    finds(&none, 1, "shows the file None");
    let twice = with(&sound, |all| {
        let copy = Message { id: "m999".to_owned(), ..message(all, "File").clone() };
        all.snapshot.messages.push(copy);
    });
    finds(&twice, 1, "repeats");
}

#[tokio::test(start_paused = true)]
async fn invariant_2_finds_a_contract_that_goes_back_or_jumps() {
    let sound = rich().await;
    let back = with(&sound, |all| {
        let row = line(all, "All is well.", "contract_moved");
        row.body = row.body.replace(r#""to":"acked""#, r#""to":"terminal_pending""#);
    });
    finds(&back, 2, "was terminal_pending and went");
    let jump = with(&sound, |all| {
        let row = line(all, "All is well.", "contract_moved");
        row.body = row.body.replace(r#""to":"acked""#, r#""to":"progressing""#);
    });
    finds(&jump, 2, r#"went ("created", "progressing")"#);
    let stored = with(&sound, |all| contract(all, "All is well.").state = "acked".to_owned());
    finds(&stored, 2, "its last step led to terminal_acked");
}

#[tokio::test(start_paused = true)]
async fn invariant_3_finds_what_hides_the_end_and_what_comes_after_it() {
    let sound = rich().await;
    let hidden = with(&sound, |all| {
        let shown = message(all, "All is well.").versions.last_mut().unwrap();
        (shown.kind, shown.text) = (Some(EnvelopeKind::Progress), "Working".to_owned());
    });
    finds(&hidden, 3, "in the end");
    let late = with(&sound, |all| {
        let progress = |entry: &&Entry| entry.call().is_some_and(|call| call.kind == Some(EnvelopeKind::Progress));
        let last = all.log.iter().find(progress).expect("there is a progress edit").clone();
        let seq = all.log.len() as u64 + 1;
        all.log.push(Entry { seq, at: all.facts.calm, what: last.what });
    });
    finds(&late, 3, "and it had ended at");
    let stray = with(&sound, |all| {
        let copy = Message { id: "m999".to_owned(), ..message(all, "All is well.").clone() };
        all.snapshot.messages.push(copy);
    });
    finds(&stray, 3, "nobody knows of m999");
}

#[tokio::test(start_paused = true)]
async fn invariant_4_finds_a_due_time_that_fires_twice_or_after_it_was_called_off() {
    let sound = rich().await;
    let twice = with(&sound, |all| {
        let copy = WorkerRow { id: "f".repeat(32), short: "z9z9".to_owned(), ..worker(all, "look").clone() };
        all.rows.workers.push(copy);
    });
    finds(&twice, 4, "has fired 2 times");
    finds(&twice, 4, "are both of");
    let of_nothing = with(&sound, |all| worker(all, "look").occurrence = None);
    finds(&of_nothing, 4, "is of no occurrence");
    let unmarked = with(&sound, |all| {
        let shown = message(all, "Reminder").versions.last_mut().unwrap();
        shown.text = "look".to_owned();
    });
    finds(&unmarked, 4, "does not say that it is of");
    let untold = with(&sound, |all| all.rows.inbox.retain(|row| !row.event.starts_with("followup/")));
    finds(&untold, 4, "and the inbox says");
    for state in ["failed_dropped", "missed"] {
        let dropped = with(&sound, |all| {
            let fired = all.rows.occurrences.iter_mut().find(|row| row.state == "success").unwrap();
            (fired.state, fired.reason) = (state.to_owned(), Some("it was dropped".to_owned()));
        });
        finds(&dropped, 4, "and has fired");
    }
    let silent = with(&sound, |all| {
        all.rows.occurrences.iter_mut().find(|row| row.state == "cancelled").unwrap().reason = Some(String::new());
    });
    finds(&silent, 4, "does not say why");
    let called_off = with(&sound, |all| {
        let fired = all.rows.followups.iter_mut().find(|row| row.state == "ended").unwrap();
        (fired.state, fired.ended_at) = ("cancelled".to_owned(), Some(fired.created_at));
    });
    finds(&called_off, 4, "was called off");
    let alive = with(&sound, |all| {
        let off = all.rows.occurrences.iter_mut().find(|row| row.state == "cancelled").unwrap();
        off.state = "scheduled".to_owned();
    });
    finds(&alive, 4, "is scheduled and");
}

#[tokio::test(start_paused = true)]
async fn invariant_5_finds_what_was_lost_or_told_too_early() {
    let sound = rich().await;
    let well = "All is well.";
    let lost = with(&sound, |all| {
        let id = id_of(all, well);
        all.rows.workers.retain(|row| row.id != id);
    });
    finds(&lost, 5, "was accepted before");
    finds(&lost, 5, "which is not in the store");
    let rewritten = with(&sound, |all| line(all, well, "started").at += 1);
    finds(&rewritten, 5, "journal are not those of");
    let undone = with(&sound, |all| receipt(all, well, "content", 0).state = "pending".to_owned());
    finds(&undone, 5, "was surfaced at");
    let gone = with(&sound, |all| all.rows.receipts.retain(|row| row.kind != "ping"));
    finds(&gone, 5, "was stored before");
    let other_end = with(&sound, |all| worker(all, well).state = "failed".to_owned());
    finds(&other_end, 5, "was done at");
    let reopened = with(&sound, |all| contract(all, well).state = "acked".to_owned());
    finds(&reopened, 5, "was terminal_acked at");
    let forgotten = with(&sound, |all| drop(all.rows.inbox.remove(0)));
    finds(&forgotten, 5, "is forgotten");
    finds(&forgotten, 5, "and is not in the store");
    let unasked = with(&sound, |all| drop(all.rows.questions.remove(0)));
    finds(&unasked, 5, "question");
    let unscheduled = with(&sound, |all| drop(all.rows.occurrences.remove(0)));
    finds(&unscheduled, 5, "occurrence");
    let early = with(&sound, |all| message(all, well).versions.last_mut().unwrap().at = Timestamp(0));
    finds(&early, 5, "before it was stored");
    let too_early = with(&sound, |all| message(all, well).versions[0].at = Timestamp(0));
    finds(&too_early, 5, "was shown at");
}

#[tokio::test(start_paused = true)]
async fn invariant_6_finds_a_cancel_that_is_told_and_not_stored_or_stored_and_not_kept() {
    let sound = rich().await;
    let cancelled = r#""kind":"cancelled""#;
    let twice = with(&sound, |all| {
        let (event, body) = {
            let row = line(all, cancelled, "cancel_requested");
            (row.event.clone(), row.body.clone())
        };
        let row = line(all, cancelled, "answered");
        (row.event, row.body) = (event, body);
    });
    finds(&twice, 6, "was cancelled 2 times");
    let unstored = with(&sound, |all| {
        line(all, cancelled, "cancel_requested").event = "status".to_owned();
    });
    finds(&unstored, 6, "no cancel of");
    finds(&unstored, 6, "nobody has asked for that");
    let other_end = with(&sound, |all| {
        worker(all, cancelled).state = "timed_out".to_owned();
        let row = line(all, cancelled, "completed");
        row.body = row.body.replace("cancelled", "timed_out");
    });
    finds(&other_end, 6, "was cancelled and is timed_out");
    let other_reason = with(&sound, |all| worker(all, cancelled).cancel_reason = Some("another one".to_owned()));
    finds(&other_reason, 6, "and is stored as");
    let unended = with(&sound, |all| line(all, cancelled, "completed").event = "status".to_owned());
    finds(&unended, 6, "its journal says that it ended as None");
    let again = with(&sound, |all| {
        let id = id_of(all, cancelled);
        let last = all.rows.journal.iter().rposition(|row| row.worker == id).unwrap();
        all.rows.journal[last].event = "started".to_owned();
    });
    finds(&again, 6, "was started after it had been cancelled");
    finds(&again, 6, "goes on with started");
    let told = |from: &'static str, to: &'static str| {
        with(&sound, |all| {
            let note = all.snapshot.notes.iter_mut().find(|note| note.text.starts_with(from)).unwrap();
            note.text = note.text.replacen(from, to, 1);
        })
    };
    finds(&told("Cancelling", "Already completed"), 6, "was told as stored");
    finds(&told("Already completed", "Cancelling"), 6, "was told as refused");
    finds(&told("Already completed", "Already cancelling"), 6, "and it had ended before");
    let late = with(&sound, |all| line(all, cancelled, "cancel_requested").at = i64::MAX);
    finds(&late, 6, "before it was stored");
}

#[tokio::test(start_paused = true)]
async fn invariant_10_finds_what_does_not_settle() {
    let sound = rich().await;
    finds(&with(&sound, |all| all.facts.settled = None), 10, "not everything had settled");
    let late = with(&sound, |all| all.facts.settled = Some(all.facts.calm.plus(Duration::from_secs(7 * 3_600))));
    finds(&late, 10, "was the limit");
    let slow = with(&sound, |all| receipt(all, "All is well.", "content", 0).settled_at = Some(i64::MAX));
    finds(&slow, 10, "content 0");
    let runs = with(&sound, |all| worker(all, "All is well.").state = "running".to_owned());
    finds(&runs, 10, "is running");
    let pending = with(&sound, |all| receipt(all, "All is well.", "ping", 0).state = "pending".to_owned());
    finds(&pending, 10, "ping 0");
    let repeats = with(&sound, |all| receipt(all, "All is well.", "content", 0).reassert_at = Some(1));
    finds(&repeats, 10, "is surfaced and due Some(1)");
    let claimed = with(&sound, |all| {
        let row = &mut all.rows.occurrences[0];
        (row.state, row.worker) = ("running".to_owned(), None);
    });
    finds(&claimed, 10, "is claimed and has not fired");
    let unheard = with(&sound, |all| {
        for entry in &mut all.log {
            if let Logged::Answered { answer, .. } = &mut entry.what {
                "busy".clone_into(answer);
            }
        }
    });
    finds(&unheard, 10, "has no answer");
}

#[tokio::test(start_paused = true)]
async fn invariant_11_finds_a_journal_that_tells_another_story() {
    let sound = rich().await;
    let well = "All is well.";
    let gap = with(&sound, |all| {
        let id = id_of(all, well);
        let at = all.rows.journal.iter().position(|row| row.worker == id && row.event == "started").unwrap();
        all.rows.journal.remove(at);
    });
    finds(&gap, 11, "were counted");
    finds(&with(&sound, |all| line(all, well, "completed").body = "{".to_owned()), 11, "cannot be read");
    finds(&with(&sound, |all| worker(all, well).state = "failed".to_owned()), 11, "its journal says done");
    finds(&with(&sound, |all| line(all, well, "completed").at += 5), 11, "ended at");
    let unwatched = with(&sound, |all| line(all, well, "watched").event = "status".to_owned());
    finds(&unwatched, 11, "has 2 contracts, and its journal 1");
    let moved = with(&sound, |all| contract(all, well).state = "acked".to_owned());
    finds(&moved, 11, "and its journal says terminal_acked");
    let settled = with(&sound, |all| line(all, well, "receipt_settled").event = "status".to_owned());
    finds(&settled, 11, "and its journal does not say so");
    let elsewhere = with(&sound, |all| {
        let row = receipt(all, well, "content", 0);
        row.message = row.message.as_ref().map(|message| message.replace("\"m", "\"m9"));
    });
    finds(&elsewhere, 11, "and its journal says");
    let unaccepted = with(&sound, |all| line(all, well, "accepted").event = "status".to_owned());
    finds(&unaccepted, 11, "does not begin with its acceptance");
    let open = with(&sound, |all| receipt(all, well, "content", 0).state = "pending".to_owned());
    finds(&open, 11, "is pending, and its journal says");
}

#[tokio::test(start_paused = true)]
async fn invariant_12_finds_a_secret_wherever_it_stands() {
    let mut sound = rich().await;
    let canary = "sk-ant-tangerine-7391";
    sound.facts.canaries.push(canary.to_owned());
    super::none(&sound);
    let line = with(&sound, |all| all.facts.lines.push(format!("trouble with {canary}")));
    finds(&line, 12, "of the log");
    let row = with(&sound, |all| worker(all, "All is well.").input.push_str(canary));
    finds(&row, 12, "workers.input");
    let optional = with(&sound, |all| receipt(all, "All is well.", "stub", 0).last_error = Some(canary.to_owned()));
    finds(&optional, 12, "receipts.last_error");
    let shown = with(&sound, |all| message(all, "All is well.").versions[0].text.push_str(canary));
    finds(&shown, 12, "message m");
    let note = with(&sound, |all| all.snapshot.notes[0].text.push_str(canary));
    finds(&note, 12, "a note for");
    let found = wilco_tests::simulation::invariants::check(&note);
    assert!(found.iter().all(|one| !one.to_string().contains(canary)), "the check repeats no secret");
}

#[tokio::test(start_paused = true)]
async fn every_column_of_every_table_is_read() {
    let watched = Watched::begin(Profile::DiscordLike).await;
    let columns = "SELECT tables.name AS tab, columns.name AS col FROM sqlite_master AS tables \
                   JOIN pragma_table_info(tables.name) AS columns \
                   WHERE tables.type = 'table' AND tables.name NOT IN ('schema_migrations') ORDER BY 1, 2";
    let rows = watched.stage.peeks(columns).await;
    let stored: Vec<(String, String)> =
        rows.iter().map(|row| (row.text("tab").unwrap(), row.text("col").unwrap())).collect();
    let tables = wilco_tests::simulation::evidence::Rows::tables();
    let mut read: Vec<(String, String)> = tables
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(|column| ((*table).to_owned(), (*column).to_owned())))
        .collect();
    read.sort();
    assert_eq!(stored, read);
    assert_eq!(watched.stage.calls(Verb::Post, EnvelopeKind::Stub).len(), 0);
    watched.stage.ends().await;
}
