//! Every class of outcome at every kind of envelope, on every set of abilities: what is different in the end.
//!
//! A script plays a whole job (stub, progress, a question, a result in two parts, a file, a ping) and
//! spoils one call. Each line of a table says how the channel then differs from the undisturbed one:
//! `=` not at all, `+` a message that is there besides, `-` one that is missing, `~` the same messages in
//! another order, `!` what the operator's list holds. Edits do not depend on what a platform is able to
//! do beyond them, so only creates are played with every set of abilities.

use insta::assert_snapshot;
use wilco_core::{EnvelopeKind, Scope};
use wilco_sim::{Fault, Profile, Rule, Verb};
use wilco_tests::{Actor, Stage, Where};

const OPS: Where<'static> = Where::Channel("ops");

fn faults() -> Vec<Fault> {
    vec![
        Fault::RetryAfter { millis: 7_000, scope: Scope::Message },
        Fault::RetryAfter { millis: 7_000, scope: Scope::Chat },
        Fault::RetryAfter { millis: 7_000, scope: Scope::Account },
        Fault::Hang { applied: false },
        Fault::Hang { applied: true },
        Fault::Dropped,
        Fault::Lost,
        Fault::LateApply { millis: 20_000 },
        Fault::ServerError { applied: false },
        Fault::ServerError { applied: true },
        Fault::HalfAnswer,
        Fault::Gone,
        Fault::NotEditable,
        Fault::Moved { to: Actor::named("ana").at(Where::Channel("ops-new")).address },
        Fault::Reshape,
        Fault::StopAccount,
        Fault::Bug,
    ]
}

fn name(fault: &Fault) -> String {
    match fault {
        Fault::RetryAfter { scope, .. } => format!("{} {scope:?}", fault.name()).to_lowercase(),
        Fault::Hang { .. }
        | Fault::Dropped
        | Fault::Lost
        | Fault::LateApply { .. }
        | Fault::ServerError { .. }
        | Fault::HalfAnswer
        | Fault::Gone
        | Fault::NotEditable
        | Fault::Moved { .. }
        | Fault::Reshape
        | Fault::StopAccount
        | Fault::Bug => fault.name().to_owned(),
    }
}

/// A whole job with at most one spoiled call. What is visible everywhere in the end, and the operator's list.
async fn play(profile: Profile, rule: Option<Rule>) -> (Vec<String>, String) {
    let mut stage = Stage::builder()
        .profile(profile)
        .limits(|limits| {
            // The same lengths everywhere, so that only the abilities differ.
            limits.text = 1_000;
            limits.unit = wilco_core::text::Unit::Chars;
        })
        .begin()
        .await;
    let ana = Actor::named("ana");
    if let Some(rule) = rule {
        stage.fault(rule);
    }
    let job = stage.runs(&ana, OPS).await;
    stage.seconds(20).await;
    job.step(1, 2, "half");
    stage.seconds(10).await;
    let answer = job.asks("Go on?", &["Yes", "No"]);
    stage.seconds(30).await;
    let shown = stage.snapshot().messages.iter().any(|one| one.shown().buttons.iter().any(|it| it.label == "Yes"));
    if shown {
        stage.presses(&ana, "Yes").await;
        assert_eq!(answer.await.expect("it still runs"), Ok(0));
    }
    stage.seconds(10).await;
    job.writes("log.txt", "one\n");
    job.ends(&"a line of the result that is long enough\n".repeat(20));
    stage.seconds(20).await;
    assert!(stage.platform.faults_left().is_empty(), "the fault met no call");
    // Whatever an operator has to repair is repaired.
    stage.configures(|_| {}).await;
    stage.settles().await;
    let list = stage.operators_list().await;
    let snapshot = stage.snapshot();
    let mut seen = Vec::new();
    for message in snapshot.messages.iter().filter(|one| one.is_visible_bot()) {
        let shown = message.shown();
        let first = shown.text.lines().next().unwrap_or_default();
        let file = shown.file.as_ref().map(|file| format!(" (file {})", file.name)).unwrap_or_default();
        let plain = if shown.plain { " (plain)" } else { "" };
        let place = if message.address == stage.address(OPS) { "" } else { message.address.channel.as_str() };
        seen.push(format!("{place}[{first}{file}{plain}]"));
    }
    stage.ends().await;
    (seen, list)
}

/// How what is visible differs from the undisturbed channel.
fn difference(before: &[String], after: &[String]) -> String {
    let mut missing = before.to_vec();
    let (mut more, mut both) = (Vec::new(), Vec::new());
    for one in after {
        match missing.iter().position(|other| other == one) {
            Some(at) => both.push(missing.remove(at)),
            None => more.push(format!("+{one}")),
        }
    }
    let mut lines: Vec<String> = missing.iter().map(|one| format!("-{one}")).chain(more).collect();
    if before.iter().filter(|one| both.contains(one)).ne(both.iter()) {
        lines.push("~".to_owned());
    }
    if lines.is_empty() { "=".to_owned() } else { lines.join(" ") }
}

/// One line for each fault; profiles that agree share it.
async fn table(verb: Verb, kind: EnvelopeKind) -> String {
    let profiles: &[Profile] = if verb == Verb::Post { &Profile::ALL } else { &[Profile::TelegramLike] };
    let (calm, _) = play(profiles[0], None).await;
    let mut lines = String::new();
    for fault in faults() {
        let mut by_profile: Vec<(Vec<&str>, String)> = Vec::new();
        for &profile in profiles {
            let (seen, list) = play(profile, Some(Rule::new(fault.clone()).on(verb).kind(kind))).await;
            let mut cell = difference(&calm, &seen);
            for line in list.lines() {
                cell.push_str(&format!(" ! {}", line.split_once(' ').map_or(line, |(_, rest)| rest)));
            }
            match by_profile.iter_mut().find(|(_, other)| *other == cell) {
                Some((profiles, _)) => profiles.push(profile.name()),
                None => by_profile.push((vec![profile.name()], cell)),
            }
        }
        let all = by_profile.len() == 1;
        for (profiles, cell) in by_profile {
            let whom = if all { String::new() } else { format!(" ({})", profiles.join(", ")) };
            lines.push_str(&format!("{}{whom}: {cell}\n", name(&fault)));
        }
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn the_undisturbed_job_that_every_table_compares_with() {
    let (seen, list) = play(Profile::DiscordLike, None).await;
    assert_eq!(list, "");
    for profile in Profile::ALL {
        assert_eq!(play(profile, None).await, (seen.clone(), String::new()), "{}", profile.name());
    }
    assert_snapshot!(seen.join("\n"), @"
    [Done · u6b3 · 1m 10s]
    [question: report (u6b3)]
    [Part 2 of 2 · u6b3]
    [File · u6b3 · log.txt (4 B) (file log.txt)]
    [done: report (u6b3)]
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_d12_every_outcome_of_the_stub() {
    assert_snapshot!(table(Verb::Post, EnvelopeKind::Stub).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied (discord, slack): =
    hang_applied (telegram): +[On it · report · u6b3]
    dropped: =
    lost (discord, slack): =
    lost (telegram): +[On it · report · u6b3]
    late_apply (discord): =
    late_apply (slack, telegram): +[On it · report · u6b3]
    server_error: =
    server_error_applied (discord, slack): =
    server_error_applied (telegram): +[On it · report · u6b3]
    half_answer (discord, slack): =
    half_answer (telegram): +[On it · report · u6b3]
    gone: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +dm-id-ana[Done · u6b3 · 1m 10s] +dm-id-ana[question: report (u6b3)] +dm-id-ana[Part 2 of 2 · u6b3] +dm-id-ana[File · u6b3 · log.txt (4 B) (file log.txt)] +dm-id-ana[done: report (u6b3)]
    not_editable: =
    moved: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +ops-new[Done · u6b3 · 1m 10s] +ops-new[question: report (u6b3)] +ops-new[Part 2 of 2 · u6b3] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[done: report (u6b3)]
    reshape: =
    stop_account: -[question: report (u6b3)]
    bug: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[done: report (u6b3)] ! question 1: no_stub: scripted: the fault script says so ! stub 0: scripted: the fault script says so ! content 0: no_stub: scripted: the fault script says so
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_m3_every_outcome_of_a_progress_edit() {
    assert_snapshot!(table(Verb::Edit, EnvelopeKind::Progress).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied: =
    dropped: =
    lost: =
    late_apply: =
    server_error: =
    server_error_applied: =
    half_answer: =
    gone: =
    not_editable: =
    moved: =
    reshape: =
    stop_account: -[question: report (u6b3)]
    bug: =
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_d12_every_outcome_of_a_question() {
    assert_snapshot!(table(Verb::Edit, EnvelopeKind::Question).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied: =
    dropped: =
    lost: =
    late_apply: =
    server_error: =
    server_error_applied: =
    half_answer: =
    gone: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Working · u6b3 · 20s · step 1/2] +dm-id-ana[Done · u6b3 · 1m 10s] +dm-id-ana[question: report (u6b3)] +dm-id-ana[Part 2 of 2 · u6b3] +dm-id-ana[File · u6b3 · log.txt (4 B) (file log.txt)] +dm-id-ana[done: report (u6b3)]
    not_editable: +[Working · u6b3 · 20s · step 1/2]
    moved: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Working · u6b3 · 20s · step 1/2] +ops-new[Done · u6b3 · 1m 10s] +ops-new[question: report (u6b3)] +ops-new[Part 2 of 2 · u6b3] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[done: report (u6b3)]
    reshape: =
    stop_account: -[question: report (u6b3)]
    bug: =
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_d12_every_outcome_of_the_result() {
    assert_snapshot!(table(Verb::Edit, EnvelopeKind::Content).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied: =
    dropped: =
    lost: =
    late_apply: =
    server_error: =
    server_error_applied: =
    half_answer: =
    gone: -[Done · u6b3 · 1m 10s] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Working · u6b3 · 1m · step 1/2] +[Part 2 of 2 · u6b3 · on its way] +[File · u6b3 · log.txt · on its way] +dm-id-ana[Done · u6b3 · 1m 10s] +dm-id-ana[Part 2 of 2 · u6b3] +dm-id-ana[File · u6b3 · log.txt (4 B) (file log.txt)] +dm-id-ana[done: report (u6b3)]
    not_editable: +[Working · u6b3 · 1m · step 1/2] ~
    moved: -[Done · u6b3 · 1m 10s] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Working · u6b3 · 1m · step 1/2] +[Part 2 of 2 · u6b3 · on its way] +[File · u6b3 · log.txt · on its way] +ops-new[Done · u6b3 · 1m 10s] +ops-new[Part 2 of 2 · u6b3] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[done: report (u6b3)]
    reshape: -[Done · u6b3 · 1m 10s] +[Done · u6b3 · 1m 10s (plain)]
    stop_account: =
    bug: -[Done · u6b3 · 1m 10s] +[Done · u6b3 · 1m 10s (plain)]
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_r16_every_outcome_of_a_part() {
    assert_snapshot!(table(Verb::Edit, EnvelopeKind::Part).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied: =
    dropped: =
    lost: =
    late_apply: =
    server_error: =
    server_error_applied: =
    half_answer: =
    gone: -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Part 2 of 2 · u6b3 · on its way] +[File · u6b3 · log.txt · on its way] +dm-id-ana[Part 2 of 2 · u6b3] +dm-id-ana[File · u6b3 · log.txt (4 B) (file log.txt)] +dm-id-ana[done: report (u6b3)]
    not_editable: +[Part 2 of 2 · u6b3 · on its way] ~
    moved: -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Part 2 of 2 · u6b3 · on its way] +[File · u6b3 · log.txt · on its way] +ops-new[Part 2 of 2 · u6b3] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[done: report (u6b3)]
    reshape: -[Part 2 of 2 · u6b3] +[Part 2 of 2 · u6b3 (plain)]
    stop_account: =
    bug: -[Part 2 of 2 · u6b3] +[Part 2 of 2 · u6b3 (plain)]
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_r17_every_outcome_of_a_file() {
    assert_snapshot!(table(Verb::Edit, EnvelopeKind::File).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied: =
    dropped: =
    lost: =
    late_apply: =
    server_error: =
    server_error_applied: =
    half_answer: =
    gone: -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[File · u6b3 · log.txt · on its way] +dm-id-ana[File · u6b3 · log.txt (4 B) (file log.txt)] +dm-id-ana[done: report (u6b3)]
    not_editable: +[File · u6b3 · log.txt · on its way]
    moved: -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[File · u6b3 · log.txt · on its way] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[done: report (u6b3)]
    reshape: -[File · u6b3 · log.txt (4 B) (file log.txt)] +[File · u6b3 · log.txt (4 B) (file log.txt) (plain)]
    stop_account: =
    bug: -[File · u6b3 · log.txt (4 B) (file log.txt)] +[File · u6b3 · log.txt (4 B) was refused here. It is kept: wilco jobs show u6b3 (plain)]
    ");
}

#[tokio::test(start_paused = true)]
async fn r15_every_outcome_of_a_ping() {
    assert_snapshot!(table(Verb::Post, EnvelopeKind::Ping).await, @"
    retry_after message: =
    retry_after chat: =
    retry_after account: =
    hang: =
    hang_applied (discord, slack): =
    hang_applied (telegram): +[question: report (u6b3)]
    dropped: =
    lost (discord, slack): =
    lost (telegram): +[question: report (u6b3)]
    late_apply (discord): =
    late_apply (slack, telegram): +[question: report (u6b3)]
    server_error: =
    server_error_applied (discord, slack): =
    server_error_applied (telegram): +[question: report (u6b3)]
    half_answer (discord, slack): =
    half_answer (telegram): +[question: report (u6b3)]
    gone: -[question: report (u6b3)] ! ping 1: scripted: the fault script says so
    not_editable: -[question: report (u6b3)] ! ping 1: deleted: the fault script says so
    moved: -[Done · u6b3 · 1m 10s] -[question: report (u6b3)] -[Part 2 of 2 · u6b3] -[File · u6b3 · log.txt (4 B) (file log.txt)] -[done: report (u6b3)] +[Waiting for you · u6b3] +ops-new[question: report (u6b3)] +ops-new[Part 2 of 2 · u6b3] +ops-new[File · u6b3 · log.txt (4 B) (file log.txt)] +ops-new[Done · u6b3 · 1m 10s] +ops-new[done: report (u6b3)]
    reshape: -[question: report (u6b3)] +[question: report (u6b3) (plain)]
    stop_account: -[question: report (u6b3)]
    bug: -[question: report (u6b3)] ! ping 1: scripted: the fault script says so
    ");
}
