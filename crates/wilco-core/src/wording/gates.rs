//! What people read about retries and gates. A gate's notice says what to do, once for each person.

use super::*;
use crate::gate::{ClosedGate, GateReason, Halt};
use crate::ids::BackendId;

/// An attempt failed and the next one waits for its time. `wait` is rounded up, so that nothing is
/// promised for a moment that has passed.
pub fn retrying(job: Job<'_>, key: &DeliveryKey, attempt: u32, of: u32, wait: Duration, cause: &str) -> Body {
    let whole = Duration::from_secs(wait.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
    let mut text = format!("Working · {} · attempt {attempt} of {of} in {}", job.short, text::duration(whole));
    if !cause.is_empty() {
        text.push_str(&format!(" · {}", harmless(cause)));
    }
    Body::text(text).with_buttons(vec![cancel_button(key)])
}

/// Notes on a progress message which attempt it shows; the first says nothing of it.
pub fn of_attempt(mut body: Body, attempt: u32, of: u32) -> Body {
    if attempt > 1 {
        let end = body.text.find('\n').unwrap_or(body.text.len());
        body.text.insert_str(end, &format!(" · attempt {attempt} of {of}"));
    }
    body
}

/// What a person has to do for a backend.
fn to_do(backend: &BackendId, reason: GateReason) -> String {
    let backend = harmless(backend.as_str());
    match reason {
        GateReason::SessionExpired => format!("sign in to {backend} again"),
        GateReason::NeedsCredit => format!("{backend} has no credit left, top it up"),
        GateReason::NeedsKey => format!("{backend} needs a valid key"),
    }
}

/// What stands after `Paused · k7f2 · `: what to do, for whoever has not been told yet, and otherwise
/// only that it did not run.
pub fn halted(halt: &Halt) -> String {
    let backend = harmless(halt.backend.as_str());
    match (halt.told, halt.called) {
        (false, _) => format!("{}. Retries stopped", to_do(&halt.backend, halt.reason)),
        (true, true) => format!("{backend} is paused. Retries stopped"),
        (true, false) => format!("{backend} is paused. It was not called"),
    }
}

/// What stands below that line.
pub fn halt_text(halt: &Halt) -> String {
    let open = opens(&halt.backend);
    if halt.told {
        return format!("It can be run again once that gate is open: {open}.");
    }
    format!("After that {open}. Where its credentials are watched it opens by itself. Until then no job calls it.")
}

/// Who opens a gate, and with what. Who reads it in a chat may have no shell.
fn opens(backend: &BackendId) -> String {
    format!("whoever runs the bot opens the gate with `wilco gate open {}`", harmless(backend.as_str()))
}

/// A job behind a closed gate was asked for: nothing is started.
pub fn gate_closed(gate: &ClosedGate) -> Reply {
    Reply::text(format!(
        "Not started: {}, then {}. Give it again after that. Closed since {} by `{}`.",
        to_do(&gate.backend, gate.reason),
        opens(&gate.backend),
        gate.closed.clock_time(),
        gate.job
    ))
}

/// A closed gate as `/status` shows it, after the backend's name.
pub fn gate_line(gate: &ClosedGate) -> String {
    format!("{}, then {}", to_do(&gate.backend, gate.reason), opens(&gate.backend))
}

/// A closed gate as `wilco gate list` shows it to whoever sits at the shell.
pub fn gate_line_for_host(gate: &ClosedGate) -> String {
    format!("{}, then `wilco gate open {}`", to_do(&gate.backend, gate.reason), harmless(gate.backend.as_str()))
}

/// There is nothing to open.
pub fn gate_not_closed(backend: &BackendId, closed: &[ClosedGate]) -> String {
    let names: Vec<String> = closed.iter().map(|gate| format!("`{}`", one_line(gate.backend.as_str()))).collect();
    let which = if names.is_empty() { "No gate is closed".to_owned() } else { format!("Closed: {}", names.join(", ")) };
    format!("the gate of `{}` is not closed, nothing was changed. {which}", one_line(backend.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn halt(reason: GateReason, called: bool, told: bool) -> Halt {
        Halt { backend: BackendId::new("claude"), reason, called, told }
    }

    fn header(halt: Halt) -> String {
        let ending = Ending { detail: halted(&halt), halt: Some(halt), ..Ending::bare(EndKind::Failed, "") };
        let short = Short::new("k7f2");
        let job = Job { kind: "triage", short: &short };
        end_header(&EndFacts {
            job,
            elapsed: Duration::from_secs(99),
            ending: &ending,
            cancel: None,
            step: None,
            origin: &crate::followup::Origin::Person,
        })
    }

    #[test]
    fn h10_the_notice_says_what_to_do() {
        assert_eq!(
            header(halt(GateReason::SessionExpired, true, false)),
            "Paused · k7f2 · sign in to claude again. Retries stopped"
        );
        assert_eq!(
            header(halt(GateReason::NeedsCredit, true, false)),
            "Paused · k7f2 · claude has no credit left, top it up. Retries stopped"
        );
        assert_eq!(
            header(halt(GateReason::NeedsKey, false, false)),
            "Paused · k7f2 · claude needs a valid key. Retries stopped"
        );
    }

    #[test]
    fn h10_whoever_was_told_is_not_told_again() {
        for reason in GateReason::ALL {
            assert_eq!(header(halt(reason, false, true)), "Paused · k7f2 · claude is paused. It was not called");
        }
    }

    #[test]
    fn h6_an_exhausted_job_says_how_often_it_was_tried() {
        let short = Short::new("k7f2");
        let job = Job { kind: "triage", short: &short };
        let said = |attempts| {
            let ending = Ending { attempts, ..Ending::bare(EndKind::Failed, "exit 2") };
            end_header(&EndFacts {
                job,
                elapsed: Duration::from_secs(9),
                ending: &ending,
                cancel: None,
                step: None,
                origin: &crate::followup::Origin::Person,
            })
        };
        assert_eq!(said(Some(3)), "Failed · k7f2 · exit 2 after 3 attempts");
        assert_eq!(said(Some(1)), "Failed · k7f2 · exit 2 after 9s");
        assert_eq!(said(None), "Failed · k7f2 · exit 2 after 9s");
    }

    #[test]
    fn a_wait_is_never_told_as_nothing() {
        let short = Short::new("k7f2");
        let job = Job { kind: "triage", short: &short };
        let key = DeliveryKey::new("c");
        let said = |millis| retrying(job, &key, 2, 3, Duration::from_millis(millis), "exit 2: *no* network").text;
        assert_eq!(said(3_400), "Working · k7f2 · attempt 2 of 3 in 4s · exit 2: ∗no∗ network");
        assert_eq!(said(1), "Working · k7f2 · attempt 2 of 3 in 1s · exit 2: ∗no∗ network");
        assert_eq!(said(0), "Working · k7f2 · attempt 2 of 3 in 0s · exit 2: ∗no∗ network");
    }
}
