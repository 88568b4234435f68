use std::time::Duration;

use super::ReceiptKind as K;
use super::ReceiptState as S;
use super::*;

fn facts(kind: K) -> Facts {
    Facts {
        kind,
        attempts: 0,
        first_due: Timestamp(0),
        shape: Shape::Rich,
        fallbacks: 0,
        has_next_address: true,
        edit_open: false,
        nonce_window: None,
        first_attempt: None,
        look_up: false,
    }
}

fn cause() -> Cause {
    Cause::new("x", "because")
}

fn message() -> MessageRef {
    MessageRef { address: Address::channel("sim", "ops"), message: "1".into() }
}

fn verdict(facts: &Facts, attempt: Attempt, reason: NotSurfaced) -> Verdict {
    judge(facts, attempt, reason.into(), Timestamp(0))
}

#[test]
fn r4_the_whole_table_of_states_and_signals() {
    use ReceiptSignal as On;
    let signals = [On::Ready, On::Claimed, On::Again, On::Surfaced, On::Failed, On::Retried];
    let moves = [
        (S::Waiting, On::Ready, S::Pending),
        (S::Waiting, On::Surfaced, S::Surfaced),
        (S::Waiting, On::Failed, S::Failed),
        (S::Pending, On::Claimed, S::Sending),
        (S::Pending, On::Surfaced, S::Surfaced),
        (S::Pending, On::Failed, S::Failed),
        (S::Sending, On::Again, S::Pending),
        (S::Sending, On::Surfaced, S::Surfaced),
        (S::Sending, On::Failed, S::Failed),
        (S::Failed, On::Retried, S::Pending),
    ];
    for state in S::ALL {
        for signal in signals {
            let expected =
                moves.iter().find(|(from, on, _)| *from == state && *on == signal).map_or(state, |(_, _, to)| *to);
            assert_eq!(state.step(signal), expected, "{state:?} on {signal:?}");
        }
    }
}

#[test]
fn r3_only_an_explicit_retry_leaves_failed_and_nothing_leaves_surfaced() {
    use ReceiptSignal as On;
    for signal in [On::Ready, On::Claimed, On::Again, On::Surfaced, On::Failed] {
        assert_eq!(S::Failed.step(signal), S::Failed);
    }
    for signal in [On::Ready, On::Claimed, On::Again, On::Failed, On::Retried] {
        assert_eq!(S::Surfaced.step(signal), S::Surfaced);
    }
}

#[test]
fn r18_a_fill_over_an_open_edit_is_asserted_again() {
    let mut facts = facts(K::Content);
    facts.edit_open = true;
    let surfaced = || DeliveryOutcome::Surfaced(message());
    assert_eq!(
        judge(&facts, Attempt::Edit, surfaced(), Timestamp(0)),
        Verdict::Surfaced { message: message(), reassert: true }
    );
    facts.edit_open = false;
    assert_eq!(
        judge(&facts, Attempt::Edit, surfaced(), Timestamp(0)),
        Verdict::Surfaced { message: message(), reassert: false }
    );
}

#[test]
fn r9_retry_after_spends_no_attempt() {
    let delay = Duration::from_secs(3);
    for scope in [Scope::Message, Scope::Chat, Scope::Route, Scope::Account, Scope::Ip] {
        assert_eq!(
            verdict(&facts(K::Content), Attempt::Edit, NotSurfaced::RetryAfter { delay, scope }),
            Verdict::Park { scope, delay }
        );
    }
}

#[test]
fn a_retry_is_certain_and_an_ambiguous_attempt_is_in_doubt() {
    let is_doubt = |reason| {
        let verdict = verdict(&facts(K::Stub), Attempt::Post, reason);
        let Verdict::Again { doubt, spent: true, .. } = verdict else { panic!("{verdict:?}") };
        doubt
    };
    assert!(!is_doubt(NotSurfaced::Retry(cause())));
    assert!(is_doubt(NotSurfaced::Ambiguous(cause())));
}

#[test]
fn r10_exhaustion_fails_with_the_count_and_the_last_cause() {
    let mut facts = facts(K::Ping);
    facts.attempts = 2;
    let Verdict::Fail { cause } = verdict(&facts, Attempt::Post, NotSurfaced::Retry(cause())) else {
        panic!("a third failed ping is the last");
    };
    assert_eq!(cause.code, "exhausted");
    assert!(cause.text.contains("3 attempts") && cause.text.contains("because"), "{cause}");
}

#[test]
fn m3_a_deleted_message_is_replaced_once() {
    let mut facts = facts(K::Content);
    assert_eq!(verdict(&facts, Attempt::Edit, NotSurfaced::Fallback(cause())), Verdict::Replace { cause: cause() });
    facts.fallbacks = 1;
    assert_eq!(
        verdict(&facts, Attempt::Edit, NotSurfaced::Fallback(cause())),
        Verdict::Fail { cause: Cause::new("deleted", "because") }
    );
}

#[test]
fn m10_a_refused_shape_is_downgraded_once_each_then_fails() {
    let mut facts = facts(K::Content);
    let mut seen = Vec::new();
    while let Verdict::Plainer { shape, .. } = verdict(&facts, Attempt::Edit, NotSurfaced::Reshape(cause())) {
        seen.push(shape);
        facts.shape = shape;
    }
    assert_eq!(seen, [Shape::Plain, Shape::Excerpt]);
}

#[test]
fn r14_gone_leaves_the_address_at_once_and_fails_at_the_end_of_the_route() {
    let mut facts = facts(K::Content);
    assert_eq!(verdict(&facts, Attempt::Edit, NotSurfaced::Gone(cause())), Verdict::NextAddress { cause: cause() });
    facts.has_next_address = false;
    assert_eq!(verdict(&facts, Attempt::Edit, NotSurfaced::Gone(cause())), Verdict::Fail { cause: cause() });
}

#[test]
fn credentials_pause_the_account_and_a_malformed_request_fails_at_once() {
    assert_eq!(
        verdict(&facts(K::Stub), Attempt::Post, NotSurfaced::StopAccount(cause())),
        Verdict::PauseAccount { cause: cause() }
    );
    assert_eq!(verdict(&facts(K::Stub), Attempt::Post, NotSurfaced::Bug(cause())), Verdict::Fail { cause: cause() });
    let mut content = facts(K::Content);
    let excerpt = Verdict::Plainer { shape: Shape::Excerpt, cause: cause() };
    assert_eq!(verdict(&content, Attempt::Edit, NotSurfaced::Bug(cause())), excerpt, "an excerpt, once");
    content.shape = Shape::Excerpt;
    assert_eq!(verdict(&content, Attempt::Edit, NotSurfaced::Bug(cause())), Verdict::Fail { cause: cause() });
    let to = Address::channel("sim", "new");
    assert_eq!(verdict(&facts(K::Stub), Attempt::Post, NotSurfaced::Moved(to.clone())), Verdict::Moved { to });
    assert!(matches!(verdict(&facts(K::Stub), Attempt::Post, NotSurfaced::Silent), Verdict::Fail { .. }));
}

#[test]
fn a_create_in_doubt_is_reconciled_by_what_the_platform_can() {
    let mut facts = facts(K::Stub);
    facts.first_attempt = Some(Timestamp(0));
    assert_eq!(reconcile(&facts, Timestamp(1_000)), Reconcile::NextGeneration);
    facts.look_up = true;
    assert_eq!(reconcile(&facts, Timestamp(1_000)), Reconcile::LookUp);
    facts.nonce_window = Some(Duration::from_secs(90));
    assert_eq!(reconcile(&facts, Timestamp(89_999)), Reconcile::SameKey);
    // A clock that was set back does not say how long ago the attempt was.
    assert_eq!(reconcile(&facts, Timestamp(-1)), Reconcile::LookUp);
    assert_eq!(reconcile(&facts, Timestamp(90_000)), Reconcile::LookUp, "the window has passed");
}

#[test]
fn a_look_up_that_keeps_failing_ends_in_a_new_stub() {
    let mut facts = facts(K::Stub);
    assert_eq!(looked_up(&facts, Found::Here(message())), LookedUp::Settle(message()));
    assert_eq!(looked_up(&facts, Found::Absent), LookedUp::SendNow);
    assert!(matches!(looked_up(&facts, Found::Cannot), LookedUp::NextGeneration(_)));
    assert!(matches!(looked_up(&facts, Found::Unknown(cause())), LookedUp::Later(_)));
    facts.attempts = 4;
    assert!(matches!(looked_up(&facts, Found::Unknown(cause())), LookedUp::NextGeneration(_)));
}

#[test]
fn r9_what_a_platform_says_about_every_call_is_obeyed_when_a_look_up_hears_it() {
    let facts = facts(K::Stub);
    let wait = NotSurfaced::RetryAfter { delay: Duration::from_secs(7), scope: Scope::Chat };
    for reason in [wait, NotSurfaced::StopAccount(cause()), NotSurfaced::Gone(cause())] {
        assert_eq!(looked_up(&facts, Found::Refused(reason.clone())), LookedUp::Refused(reason));
    }
    // What speaks of one message says nothing about whether it exists.
    for reason in [NotSurfaced::Bug(cause()), NotSurfaced::Fallback(cause()), NotSurfaced::Silent] {
        assert!(matches!(looked_up(&facts, Found::Refused(reason)), LookedUp::Later(_)));
    }
}

fn one(kind: K, part: u32, generation: u32, state: S) -> InOrder {
    InOrder { kind, part, generation, state }
}

#[test]
fn the_result_waits_for_every_stub_then_follows_part_by_part() {
    let mut all = vec![
        one(K::Stub, 0, 0, S::Surfaced),
        one(K::Stub, 1, 0, S::Pending),
        one(K::Content, 0, 0, S::Waiting),
        one(K::Part, 1, 0, S::Waiting),
        one(K::Ping, 0, 0, S::Waiting),
    ];
    assert_eq!(ready(&all), Vec::<usize>::new());
    all[1].state = S::Surfaced;
    assert_eq!(ready(&all), [2]);
    all[2].state = S::Surfaced;
    assert_eq!(ready(&all), [3], "a retry resumes at the first part not surfaced");
    all[3].state = S::Failed;
    assert_eq!(ready(&all), [4]);
}

#[test]
fn an_older_generation_holds_nothing_up() {
    let all = [one(K::Stub, 0, 0, S::Pending), one(K::Stub, 0, 1, S::Surfaced), one(K::Content, 0, 0, S::Waiting)];
    assert_eq!(ready(&all), [2]);
}

#[test]
fn a_question_still_on_its_way_is_overtaken_by_the_result() {
    let all = [
        one(K::Stub, 0, 0, S::Surfaced),
        one(K::Question, 1, 0, S::Pending),
        one(K::Content, 0, 0, S::Waiting),
        one(K::Ping, 1, 0, S::Waiting),
    ];
    assert_eq!(ready(&all), [2]);
}

#[test]
fn the_ping_of_a_question_follows_the_question_and_not_the_result() {
    let mut all = vec![
        one(K::Stub, 0, 0, S::Surfaced),
        one(K::Content, 0, 0, S::Waiting),
        one(K::Question, 1, 0, S::Pending),
        one(K::Ping, 1, 0, S::Waiting),
    ];
    assert!(!ready(&all).contains(&3), "not before the question is visible");
    all[2].state = S::Surfaced;
    assert!(ready(&all).contains(&3));
}

#[test]
fn w19_stub_question_and_ping_neither_close_nor_fail_a_contract() {
    let mut all = vec![
        one(K::Stub, 0, 0, S::Failed),
        one(K::Question, 1, 0, S::Failed),
        one(K::Ping, 0, 0, S::Failed),
        one(K::Content, 0, 0, S::Pending),
    ];
    assert_eq!(standing(&all), Standing::Open);
    all[3].state = S::Surfaced;
    assert_eq!(standing(&all), Standing::AllSurfaced);
    all.push(one(K::File, 1, 0, S::Failed));
    assert_eq!(standing(&all), Standing::OneFailed);
    assert_eq!(standing(&all[..3]), Standing::Open, "a contract without content is not closed");
}
