//! Whether a request is Slack's: everybody can reach a public address (Slack, "Verifying requests from Slack").

use axum::http::HeaderMap;
use ring::hmac;
use wilco_core::Timestamp;

use crate::options::Secret;

/// How far the moment of a request may lie from now, in seconds. One that was overheard is of no use later.
const OLDEST: u64 = 300;
/// The only version of the signature that there is.
const VERSION: &str = "v0";

/// Why a request is not taken for Slack's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Forged {
    /// It has no signature, or one of another form.
    #[error("it has no signature of Slack's")]
    Unsigned,
    /// It was made too long ago, or will be.
    #[error("its moment is more than five minutes away; look whether this machine's clock is right")]
    Old,
    /// The signature is not that of the signing secret.
    #[error("its signature is not that of the signing secret")]
    Wrong,
}

/// What requests are checked with.
pub(super) struct Signatures(hmac::Key);

impl Signatures {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()))
    }

    /// What the head of a request says of its signature: enough to refuse most of what is not Slack's unread.
    pub(super) fn announced(headers: &HeaderMap, now: Timestamp) -> Result<Announced, Forged> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let moment = header("x-slack-request-timestamp").ok_or(Forged::Unsigned)?;
        let seconds: i64 = moment.parse().map_err(|_| Forged::Unsigned)?;
        let tag = header("x-slack-signature").and_then(|text| text.strip_prefix(VERSION)?.strip_prefix('='));
        let tag = tag.and_then(digits).ok_or(Forged::Unsigned)?;
        if seconds.abs_diff(now.0 / 1_000) > OLDEST {
            return Err(Forged::Old);
        }
        Ok(Announced { moment: moment.to_owned(), tag })
    }

    /// Whether a body is signed so. The comparison takes the same time wherever two signatures differ.
    pub(super) fn check(&self, announced: &Announced, body: &[u8]) -> Result<(), Forged> {
        let signed = [VERSION.as_bytes(), b":", announced.moment.as_bytes(), b":", body].concat();
        hmac::verify(&self.0, &signed, &announced.tag).map_err(|_| Forged::Wrong)
    }
}

/// The signature that a request brings.
pub(super) struct Announced {
    moment: String,
    tag: Vec<u8>,
}

/// Reads hexadecimal digits.
fn digits(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let bytes = text.as_bytes();
    let pairs = bytes.chunks(2).map(|pair| match pair {
        [high, low] => Some(value(*high)? << 4 | value(*low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use wilco_sim::slack::signature;

    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;

    fn headers(moment: &str, tag: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", moment.parse().unwrap());
        headers.insert("x-slack-signature", tag.parse().unwrap());
        headers
    }

    fn check(headers: &HeaderMap, body: &str, seconds: i64) -> Result<(), Forged> {
        let announced = Signatures::announced(headers, Timestamp(seconds * 1_000))?;
        Signatures::new(&Secret::new(SECRET)).check(&announced, body.as_bytes())
    }

    #[test]
    fn what_slack_signed_is_taken_within_five_minutes() {
        let good = headers(&AT.to_string(), &signature(SECRET, AT, "a=b"));
        for seconds in [AT, AT + 300, AT - 300] {
            assert_eq!(check(&good, "a=b", seconds), Ok(()), "{seconds}");
        }
        for seconds in [AT + 301, AT - 301, 0] {
            assert_eq!(check(&good, "a=b", seconds), Err(Forged::Old), "{seconds}");
        }
    }

    #[test]
    fn whatever_is_changed_makes_it_a_forgery() {
        let tag = signature(SECRET, AT, "a=b");
        let moment = AT.to_string();
        assert_eq!(check(&headers(&moment, &tag), "a=c", AT), Err(Forged::Wrong), "another body");
        let later = (AT + 1).to_string();
        assert_eq!(check(&headers(&later, &tag), "a=b", AT), Err(Forged::Wrong), "another moment");
        let other = signature("another secret", AT, "a=b");
        assert_eq!(check(&headers(&moment, &other), "a=b", AT), Err(Forged::Wrong), "another secret");
        let last = if tag.ends_with('0') { "1" } else { "0" };
        let near = format!("{}{last}", &tag[..tag.len() - 1]);
        assert_eq!(check(&headers(&moment, &near), "a=b", AT), Err(Forged::Wrong), "one digit");
        assert_eq!(check(&headers(&moment, &tag[..21]), "a=b", AT), Err(Forged::Wrong), "a part of it");
    }

    #[test]
    fn what_has_no_signature_is_told_from_a_wrong_one() {
        let tag = signature(SECRET, AT, "");
        for (moment, tag) in [
            ("", tag.as_str()),
            ("soon", tag.as_str()),
            ("1531420618", ""),
            ("1531420618", "v1=00"),
            ("1531420618", "v0=xyz"),
            ("1531420618", "v0=abc"),
        ] {
            assert_eq!(check(&headers(moment, tag), "", AT), Err(Forged::Unsigned), "{moment} {tag}");
        }
        assert_eq!(check(&HeaderMap::new(), "", AT), Err(Forged::Unsigned));
    }
}
