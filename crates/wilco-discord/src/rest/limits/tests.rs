//! The limiter by hand: time is a number, and answers are written down.

use reqwest::Method;

use super::super::{Kind, answer};
use super::*;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn create(channel: u32) -> RouteKey {
    RouteKey::of(&Method::POST, &format!("/channels/{channel}/messages"))
}

fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Raw {
    Raw::of(status, headers, body)
}

/// One window's figures as headers.
fn figures(limit: &str, remaining: &str, reset_after: &str) -> Raw {
    let headers = [
        ("x-ratelimit-bucket", "b1"),
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset-after", reset_after),
    ];
    raw(200, &headers, "{}")
}

struct Hand(Limiter);

impl Hand {
    fn answers(&mut self, ticket: Ticket, raw: &Raw, now: Duration) {
        let answer = answer::read(raw, Kind::Other);
        self.0.answered(ticket, raw, &answer, now);
    }

    fn call(&mut self, key: &RouteKey, lane: Lane, now: Duration, raw: &Raw) {
        let ticket = self.0.ask(key, lane, now).unwrap_or_else(|hold| panic!("held: {hold:?}"));
        self.answers(ticket, raw, now);
    }

    /// A place that has to be free.
    fn taken(&mut self, key: &RouteKey, lane: Lane, now: Duration, why: &str) -> Ticket {
        self.0.ask(key, lane, now).unwrap_or_else(|hold| panic!("{why}: {hold:?}"))
    }

    fn held(&mut self, key: &RouteKey, lane: Lane, now: Duration) -> Option<Hold> {
        match self.0.ask(key, lane, now) {
            Ok(ticket) => {
                self.0.unanswered(&ticket);
                None
            }
            Err(hold) => Some(hold),
        }
    }
}

fn hand() -> Hand {
    Hand(Limiter::default())
}

#[test]
fn an_empty_bucket_holds_its_own_channel_until_its_reset() {
    let mut limiter = hand();
    limiter.call(&create(1), Lane::Terminal, ms(0), &figures("5", "0", "4.5"));
    let hold = limiter.held(&create(1), Lane::Terminal, ms(500)).expect("nothing is left");
    assert_eq!(hold, Hold { delay: ms(4_000), scope: Scope::Route });
    assert_eq!(limiter.held(&create(2), Lane::Terminal, ms(500)), None, "another channel has its own");
    assert_eq!(limiter.held(&create(1), Lane::Terminal, ms(4_500)), None);
}

#[test]
fn routes_of_one_bucket_share_it() {
    let mut limiter = hand();
    let edit = RouteKey::of(&Method::PATCH, "/channels/1/messages/9");
    limiter.call(&edit, Lane::Terminal, ms(0), &figures("5", "3", "5"));
    limiter.call(&create(1), Lane::Terminal, ms(0), &figures("5", "0", "5"));
    assert!(limiter.held(&edit, Lane::Terminal, ms(1)).is_some());
}

#[test]
fn progress_leaves_the_last_slots_to_acknowledgements_and_results() {
    let mut limiter = hand();
    limiter.call(&create(1), Lane::Progress, ms(0), &figures("5", "2", "5"));
    let hold = limiter.held(&create(1), Lane::Progress, ms(0)).expect("two are kept");
    assert_eq!(hold.scope, Scope::Message, "only the progress waits");
    assert_eq!(limiter.held(&create(1), Lane::Normal, ms(0)), None);
    let _first = limiter.taken(&create(1), Lane::Reserved, ms(0), "a kept one");
    assert!(limiter.held(&create(1), Lane::Normal, ms(0)).is_some(), "one is kept from ordinary calls");
    let _second = limiter.taken(&create(1), Lane::Terminal, ms(0), "the last one");
    assert!(limiter.held(&create(1), Lane::Terminal, ms(0)).is_some(), "both are under way");
}

#[test]
fn a_bucket_of_one_starves_nobody() {
    for lane in [Lane::Progress, Lane::Normal, Lane::Reserved, Lane::Terminal] {
        assert_eq!(reserve(lane, 1), 0, "{lane:?}");
    }
}

#[test]
fn what_is_under_way_counts_and_is_given_back() {
    let mut limiter = hand();
    limiter.call(&create(1), Lane::Terminal, ms(0), &figures("5", "1", "5"));
    let ticket = limiter.taken(&create(1), Lane::Terminal, ms(1), "one is left");
    assert!(limiter.held(&create(1), Lane::Terminal, ms(1)).is_some());
    limiter.0.unanswered(&ticket);
    assert_eq!(limiter.held(&create(1), Lane::Terminal, ms(1)), None);
}

#[test]
fn answers_that_overtake_each_other_give_nothing_back() {
    let mut limiter = hand();
    limiter.call(&create(1), Lane::Terminal, ms(0), &figures("5", "4", "5"));
    let first = limiter.taken(&create(1), Lane::Terminal, ms(0), "it is free");
    let second = limiter.taken(&create(1), Lane::Terminal, ms(0), "it is free");
    limiter.answers(second, &figures("5", "0", "4.9"), ms(100));
    limiter.answers(first, &figures("5", "3", "4.8"), ms(200));
    assert!(limiter.held(&create(1), Lane::Terminal, ms(300)).is_some());
}

#[test]
fn headers_that_cannot_be_read_change_nothing() {
    for (limit, remaining, reset_after) in [
        ("5", "0", "soon"),
        ("five", "0", "5"),
        ("5", "-1", "5"),
        ("5", "0", "-5"),
        ("5", "0", "NaN"),
        ("0", "0", "5"),
        ("5", "0", "\u{1F914}"),
        ("", "", ""),
    ] {
        let mut limiter = hand();
        limiter.call(&create(1), Lane::Terminal, ms(0), &figures(limit, remaining, reset_after));
        assert_eq!(limiter.held(&create(1), Lane::Terminal, ms(0)), None, "{limit} {remaining} {reset_after}");
    }
}

#[test]
fn a_reset_that_no_limit_has_parks_nothing_for_longer_than_two_days() {
    let mut limiter = hand();
    limiter.call(&create(1), Lane::Terminal, ms(0), &figures("5", "0", "1e300"));
    let hold = limiter.held(&create(1), Lane::Terminal, ms(0)).expect("held");
    assert_eq!(hold.delay, Duration::from_secs(48 * 3_600));
}

#[test]
fn a_time_of_day_in_a_header_is_not_looked_at() {
    let mut limiter = hand();
    // As after the wall clock was set back by a year: the reset lies far ahead of it.
    let headers = [("x-ratelimit-limit", "5"), ("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "4102444800")];
    limiter.call(&create(1), Lane::Terminal, ms(0), &raw(200, &headers, "{}"));
    assert_eq!(limiter.held(&create(1), Lane::Terminal, ms(0)), None);
}

#[test]
fn a_global_429_holds_every_route_but_interactions() {
    let mut limiter = hand();
    let body = r#"{"message":"You are being rate limited.","retry_after":3.5,"global":true}"#;
    limiter.call(&create(1), Lane::Terminal, ms(0), &raw(429, &[("x-ratelimit-scope", "global")], body));
    let hold = limiter.held(&create(2), Lane::Terminal, ms(500)).expect("all routes");
    assert_eq!(hold, Hold { delay: ms(3_000), scope: Scope::Account });
    let answer = RouteKey::of(&Method::POST, "/interactions/7/token/callback");
    assert_eq!(limiter.held(&answer, Lane::Reserved, ms(500)), None);
    assert_eq!(limiter.held(&create(2), Lane::Terminal, ms(3_500)), None);
}

#[test]
fn a_429_of_a_route_holds_that_route_alone() {
    for scope in ["user", "shared"] {
        let mut limiter = hand();
        let body = r#"{"message":"You are being rate limited.","retry_after":1337,"global":false}"#;
        let headers = [("x-ratelimit-scope", scope), ("x-ratelimit-bucket", "b1")];
        limiter.call(&create(1), Lane::Terminal, ms(0), &raw(429, &headers, body));
        let hold = limiter.held(&create(1), Lane::Terminal, ms(0)).expect("this route");
        assert_eq!(hold, Hold { delay: Duration::from_secs(1_337), scope: Scope::Route }, "{scope}");
        assert_eq!(limiter.held(&create(2), Lane::Terminal, ms(0)), None);
    }
}

#[test]
fn too_many_edits_of_an_old_message_hold_no_other_message() {
    let mut limiter = hand();
    let edit = RouteKey::of(&Method::PATCH, "/channels/1/messages/9");
    let body = r#"{"message":"Maximum number of edits reached","code":30046,"retry_after":900}"#;
    limiter.call(&edit, Lane::Terminal, ms(0), &raw(429, &[], body));
    assert_eq!(limiter.held(&edit, Lane::Terminal, ms(0)), None);
}

#[test]
fn a_refusal_of_the_machine_silences_it_for_ten_minutes() {
    for (status, body) in
        [(403, "<html>banned</html>"), (429, "error code: 1015"), (403, r#"{"message":"blocked","code":40333}"#)]
    {
        let mut limiter = hand();
        limiter.call(&create(1), Lane::Terminal, ms(0), &raw(status, &[("retry-after", "5")], body));
        let hold = limiter.held(&create(2), Lane::Terminal, ms(0)).expect(body);
        assert_eq!(hold, Hold { delay: IP_SILENCE, scope: Scope::Ip }, "{body}");
    }
}

#[test]
fn invalid_requests_stop_first_the_unimportant_and_then_all_but_results() {
    let mut limiter = hand();
    let forbidden = raw(403, &[], r#"{"message":"Missing Access","code":50001}"#);
    let calls = |limiter: &mut Hand, count: usize, from: u32| {
        for channel in (from..).take(count) {
            // One call in a while, so that no second is full.
            limiter.call(&create(channel), Lane::Terminal, ms(u64::from(channel) * 25), &forbidden);
        }
    };
    calls(&mut limiter, breaker::CAREFUL - 1, 0);
    let now = ms(60_000);
    assert_eq!(limiter.held(&create(9_999), Lane::Progress, now), None);
    limiter.call(&create(9_998), Lane::Terminal, now, &forbidden);
    for lane in [Lane::Progress, Lane::Normal] {
        let hold = limiter.held(&create(9_999), lane, now).expect("closed");
        assert_eq!(hold, Hold { delay: ms(540_000), scope: Scope::Message }, "until the first leaves the span");
    }
    assert_eq!(limiter.held(&create(9_999), Lane::Reserved, now), None);
    calls(&mut limiter, breaker::STRICT - breaker::CAREFUL, 10_000);
    let now = ms(320_000);
    assert!(limiter.held(&create(9_999), Lane::Reserved, now).is_some());
    assert_eq!(limiter.held(&create(9_999), Lane::Terminal, now), None, "results still go");
    assert_eq!(limiter.held(&create(9_999), Lane::Progress, ms(1_000_000)), None, "ten minutes later all is well");
}

#[test]
fn a_shared_429_is_no_invalid_request() {
    let mut limiter = hand();
    let shared = raw(429, &[("x-ratelimit-scope", "shared")], r#"{"message":"limited","retry_after":0.1}"#);
    for at in 0..u64::try_from(breaker::CAREFUL).unwrap() * 2 {
        limiter.call(&create(1), Lane::Terminal, ms(at * 200), &shared);
    }
    assert_eq!(limiter.held(&create(2), Lane::Progress, ms(250_000)), None);
}

#[test]
fn one_second_holds_fifty_calls_and_keeps_some_for_results() {
    let mut limiter = hand();
    let fine = raw(200, &[], "{}");
    let mut channel = 0;
    let mut fill = |limiter: &mut Hand, lane| {
        let mut calls = 0_u32;
        loop {
            channel += 1;
            match limiter.0.ask(&create(channel), lane, ms(10)) {
                Ok(ticket) => limiter.answers(ticket, &fine, ms(10)),
                Err(_) => return calls,
            }
            calls += 1;
        }
    };
    let progress = fill(&mut limiter, Lane::Progress);
    let normal = fill(&mut limiter, Lane::Normal);
    let terminal = fill(&mut limiter, Lane::Terminal);
    assert!(progress > 25 && normal > 5 && terminal > 0, "{progress} {normal} {terminal}");
    assert_eq!(progress + normal + terminal, GLOBAL_PER_SECOND);
    assert_eq!(limiter.held(&create(0), Lane::Progress, ms(1_010)), None);
}

#[test]
fn a_route_without_an_answer_yet_takes_only_a_few_at_once() {
    let mut limiter = hand();
    let tickets: Vec<Ticket> =
        (0..UNKNOWN_IN_FLIGHT).map(|_| limiter.taken(&create(1), Lane::Terminal, ms(0), "it is free")).collect();
    let hold = limiter.held(&create(1), Lane::Terminal, ms(0)).expect("enough under way");
    assert_eq!(hold.scope, Scope::Message);
    for ticket in tickets {
        limiter.answers(ticket, &raw(200, &[], "{}"), ms(1));
    }
    assert_eq!(limiter.held(&create(1), Lane::Terminal, ms(1)), None, "no figures: no limit");
}

#[test]
fn tokens_of_interactions_do_not_pile_up() {
    let mut limiter = hand();
    for token in 0..5_000_u64 {
        let key = RouteKey::of(&Method::PATCH, &format!("/webhooks/5/token{token}/messages/@original"));
        limiter.call(&key, Lane::Reserved, ms(token * 100), &figures("5", "4", "1"));
    }
    assert!(limiter.0.buckets.len() <= MANY_BUCKETS + 1, "{}", limiter.0.buckets.len());
}

#[test]
fn the_second_slides_so_that_no_second_holds_more_than_fifty() {
    let mut limiter = hand();
    let fine = raw(200, &[], "{}");
    let mut made: Vec<Duration> = Vec::new();
    // One call, a burst a second later at the end of its second, and then whatever is let out.
    let times = std::iter::once(0).chain(941..991).chain((1_000..3_000).step_by(10)).map(ms);
    for (channel, now) in (0..).zip(times) {
        match limiter.0.ask(&create(channel), Lane::Terminal, now) {
            Ok(ticket) => {
                limiter.answers(ticket, &fine, now);
                made.push(now);
            }
            Err(hold) => assert!(hold.delay <= SECOND && hold.scope == Scope::Message, "{hold:?}"),
        }
    }
    assert!(made.len() > 100, "the limit is used: {}", made.len());
    for from in &made {
        let within = made.iter().filter(|at| *at >= from && **at < *from + SECOND).count();
        assert!(within <= GLOBAL_PER_SECOND as usize, "{within} in the second from {from:?}");
    }
    let mut limiter = hand();
    for channel in 0..50 {
        limiter.call(&create(channel), Lane::Terminal, ms(941 + u64::from(channel)), &fine);
    }
    let hold = limiter.held(&create(99), Lane::Terminal, ms(1_010)).expect("fifty within the last second");
    assert_eq!(hold.delay, ms(931), "until the oldest is a second old");
    assert_eq!(limiter.held(&create(99), Lane::Terminal, ms(1_941)), None);
}

/// Counts what is said at level error.
#[derive(Clone, Default)]
struct Errors(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Errors {
    fn enabled(&self, about: &tracing::Metadata<'_>) -> bool {
        *about.level() == tracing::Level::ERROR
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_refusal_of_the_machine_is_said_once_in_each_silence() {
    let errors = Errors::default();
    let said = || errors.0.load(std::sync::atomic::Ordering::SeqCst);
    let blocked = raw(403, &[], r#"{"message":"internal network error","code":40333}"#);
    tracing::subscriber::with_default(errors.clone(), || {
        let mut limiter = hand();
        let under_way: Vec<Ticket> =
            (0..5).map(|channel| limiter.taken(&create(channel), Lane::Terminal, ms(0), "it is free")).collect();
        for ticket in under_way {
            limiter.answers(ticket, &blocked, ms(10));
        }
        assert_eq!(said(), 1);
        limiter.call(&create(9), Lane::Terminal, IP_SILENCE + ms(10), &blocked);
        assert_eq!(said(), 2, "again, because it is not over");
        limiter.call(
            &create(10),
            Lane::Terminal,
            IP_SILENCE * 2 + ms(10),
            &raw(403, &[], r#"{"message":"x","code":50001}"#),
        );
        assert_eq!(said(), 2, "what speaks of a channel is no alarm");
    });
}
