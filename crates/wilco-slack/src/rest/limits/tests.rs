//! Who may speak, and when.

use super::*;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn refusal(code: &str, seconds: Option<u64>) -> Refusal {
    Refusal {
        status: 429,
        code: Some(code.to_owned()),
        message: String::new(),
        retry_after: seconds.map(Duration::from_secs),
        scope: None,
    }
}

fn post(limiter: &mut Limiter, channel: &str, lane: Lane, now: Duration) -> Result<(), Hold> {
    limiter.ask(Method::PostMessage, Some(channel), lane, now)
}

#[test]
fn a_channel_takes_one_message_a_second_and_others_are_free() {
    let mut limiter = Limiter::default();
    assert_eq!(post(&mut limiter, "C1", Lane::Terminal, at(10)), Ok(()));
    let wait = |seconds| Err(Hold { delay: at(seconds), scope: Scope::Message });
    assert_eq!(post(&mut limiter, "C1", Lane::Terminal, at(10)), wait(1));
    assert_eq!(post(&mut limiter, "C1", Lane::Reserved, at(10)), wait(2), "one turn after the other");
    assert_eq!(post(&mut limiter, "C2", Lane::Normal, at(10)), Ok(()));
    assert_eq!(post(&mut limiter, "C1", Lane::Normal, at(11)), Ok(()));
    assert!(limiter.ask(Method::Update, Some("C1"), Lane::Terminal, at(11)).is_ok(), "an edit is no message");
}

#[test]
fn what_was_refused_takes_nobodys_turn() {
    let mut limiter = Limiter::default();
    assert_eq!(post(&mut limiter, "C1", Lane::Terminal, at(10)), Ok(()));
    limiter.unused(Method::PostMessage, Some("C1"), at(10));
    assert_eq!(post(&mut limiter, "C1", Lane::Terminal, at(10)), Ok(()), "the same without what was refused");
    limiter.unused(Method::Update, Some("C1"), at(10));
    assert!(post(&mut limiter, "C1", Lane::Terminal, at(10)).is_err());
}

#[test]
fn turns_are_given_only_a_little_ahead() {
    let mut limiter = Limiter::default();
    assert!(post(&mut limiter, "C1", Lane::Reserved, at(0)).is_ok());
    for _ in 0..100 {
        let hold = post(&mut limiter, "C1", Lane::Reserved, at(0)).unwrap_err();
        assert!(hold.delay >= PACE && hold.delay <= FURTHEST, "{hold:?}");
    }
}

#[test]
fn progress_leaves_a_third_of_a_tier_and_results_take_it_all() {
    let mut limiter = Limiter::default();
    let mut edit = |lane, now| limiter.ask(Method::Update, Some("C1"), lane, now);
    for _ in 0..34 {
        assert_eq!(edit(Lane::Progress, at(0)), Ok(()));
    }
    let held = Hold { delay: SPAN, scope: Scope::Message };
    assert_eq!(edit(Lane::Progress, at(0)), Err(held));
    for _ in 0..8 {
        assert_eq!(edit(Lane::Normal, at(1)), Ok(()));
    }
    assert!(edit(Lane::Normal, at(1)).is_err());
    for _ in 0..40 {
        assert_eq!(edit(Lane::Terminal, at(1)), Ok(()), "a tier is a lower bound");
        assert_eq!(edit(Lane::Reserved, at(1)), Ok(()));
    }
    assert!(edit(Lane::Progress, at(60)).is_err());
    assert_eq!(edit(Lane::Progress, at(61)), Ok(()));
}

#[test]
fn every_method_keeps_something_for_what_is_urgent() {
    // A socket is only ever asked for as what is urgent.
    for method in Method::ALL.into_iter().filter(|method| *method != Method::ConnectionsOpen) {
        let tier = method.per_minute();
        let [progress, normal] = [Lane::Progress, Lane::Normal].map(|lane| share(lane, tier).unwrap());
        assert!(progress > 0 && progress < normal && normal < tier, "{}", method.name());
        assert_eq!((share(Lane::Reserved, tier), share(Lane::Terminal, tier)), (None, None));
    }
}

#[test]
fn a_refusal_stops_its_channel_and_a_second_one_the_workspace() {
    let mut limiter = Limiter::default();
    let refused = |limiter: &mut Limiter, channel, now| {
        limiter.refused(Method::PostMessage, Some(channel), &refusal("ratelimited", Some(30)), now)
    };
    assert_eq!(refused(&mut limiter, "C1", at(0)), Scope::Chat);
    let held = Hold { delay: at(29), scope: Scope::Chat };
    assert_eq!(post(&mut limiter, "C1", Lane::Terminal, at(1)), Err(held));
    assert_eq!(post(&mut limiter, "C2", Lane::Terminal, at(1)), Ok(()));
    assert_eq!(refused(&mut limiter, "C1", at(1)), Scope::Chat, "the same one again");
    assert_eq!(refused(&mut limiter, "C2", at(2)), Scope::Account);
    let held = Hold { delay: at(29), scope: Scope::Account };
    assert_eq!(post(&mut limiter, "C3", Lane::Terminal, at(3)), Err(held));
    assert!(limiter.ask(Method::Update, Some("C3"), Lane::Terminal, at(3)).is_ok());
    assert_eq!(post(&mut limiter, "C3", Lane::Terminal, at(32)), Ok(()));
    // Long after, one channel is one channel again.
    assert_eq!(refused(&mut limiter, "C3", at(100)), Scope::Chat);
}

#[test]
fn a_refused_method_waits_alone_and_never_shorter_than_was_said() {
    let mut limiter = Limiter::default();
    let said = |seconds| refusal("ratelimited", seconds);
    assert_eq!(limiter.refused(Method::Update, Some("C1"), &said(Some(20)), at(0)), Scope::Route);
    assert_eq!(limiter.refused(Method::Update, Some("C2"), &said(Some(1)), at(1)), Scope::Route);
    let held = Hold { delay: at(18), scope: Scope::Route };
    assert_eq!(limiter.ask(Method::Update, Some("C3"), Lane::Terminal, at(2)), Err(held));
    assert!(limiter.ask(Method::History, Some("C3"), Lane::Normal, at(2)).is_ok());
    assert!(limiter.ask(Method::Update, Some("C3"), Lane::Progress, at(20)).is_ok());
    assert_eq!(limiter.refused(Method::React, None, &said(None), at(30)), Scope::Route);
    assert!(limiter.ask(Method::React, None, Lane::Normal, at(30) + UNNAMED - SHORTEST).is_err());
}

#[test]
fn the_quota_of_the_workspace_is_known_at_once() {
    let mut limiter = Limiter::default();
    let full = refusal("message_limit_exceeded", None);
    assert_eq!(limiter.refused(Method::PostMessage, Some("C1"), &full, at(0)), Scope::Account);
    assert!(post(&mut limiter, "C9", Lane::Terminal, at(1)).is_err());
}

#[test]
fn what_says_nothing_any_more_is_forgotten() {
    let mut limiter = Limiter::default();
    for number in 0..=MANY_CHANNELS {
        assert!(limiter.turn(&format!("C{number}"), at(0)).is_ok());
    }
    assert!(limiter.turn("C0", at(5)).is_ok());
    assert_eq!(limiter.channels.len(), 1);
}
