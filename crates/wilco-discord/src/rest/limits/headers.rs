//! The headers of rate limits, each for itself: one that cannot be read is not there.

use std::time::Duration;

use reqwest::header::HeaderMap;

use super::super::answer::seconds;
use super::RateScope;

/// What an answer says about its bucket.
pub(super) struct Figures {
    /// Discord's name of it.
    pub(super) bucket: Option<String>,
    /// Limit, what remains of it, and in how long it begins anew; only all three together say something.
    pub(super) window: Option<(u32, u32, Duration)>,
}

impl Figures {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let number = |name| text(headers, name).and_then(|text| text.parse::<u32>().ok());
        let window = (|| {
            Some((
                number("x-ratelimit-limit").filter(|&limit| limit > 0)?,
                number("x-ratelimit-remaining")?,
                // Not `x-ratelimit-reset`, which is a time of day: this machine's may be wrong.
                duration(headers, "x-ratelimit-reset-after")?,
            ))
        })();
        let bucket = text(headers, "x-ratelimit-bucket").filter(|name| !name.is_empty()).map(str::to_owned);
        Self { bucket, window }
    }
}

/// The wait that an answer names.
pub(in super::super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    duration(headers, "retry-after")
}

/// Which limit a refusal speaks of, from its headers or from `global` in its body.
pub(in super::super) fn scope(headers: &HeaderMap, global: Option<bool>) -> Option<RateScope> {
    match text(headers, "x-ratelimit-scope") {
        Some("user") => Some(RateScope::User),
        Some("shared") => Some(RateScope::Shared),
        Some("global") => Some(RateScope::Global),
        Some(_) | None if global == Some(true) || text(headers, "x-ratelimit-global") == Some("true") => {
            Some(RateScope::Global)
        }
        Some(_) | None => None,
    }
}

fn duration(headers: &HeaderMap, name: &str) -> Option<Duration> {
    seconds(text(headers, name)?.parse().ok())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
