//! What was heard and is not stored yet, at rest. It holds a `response_url`, by which anybody can speak in a
//! conversation for half an hour, and words of people; so what is stored of it reads as nothing without the bot token,
//! which is not in the store.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use wilco_core::random::Dice;

use crate::options::Secret;

/// A text as hexadecimal digits that only the same bot token and the same id open. None when the machine's cryptography
/// fails, which it has no reason to.
pub(crate) fn seal(bot: &Secret, id: &str, text: &str, dice: &Dice) -> Option<String> {
    // Two sealings of one key share a number by chance once in 2^48 of them; a bot makes a handful a day.
    let drawn = unhex(&dice.token())?;
    let number: [u8; NONCE_LEN] = drawn.get(..NONCE_LEN)?.try_into().ok()?;
    let mut bytes = text.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key(number);
    key(bot)?.seal_in_place_append_tag(nonce, Aad::from(id.as_bytes()), &mut bytes).ok()?;
    Some(number.iter().chain(&bytes).map(|byte| format!("{byte:02x}")).collect())
}

/// The text again; none when this was not sealed by this bot for this id.
pub(crate) fn open(bot: &Secret, id: &str, sealed: &str) -> Option<String> {
    let mut bytes = unhex(sealed)?;
    if bytes.len() < NONCE_LEN {
        return None;
    }
    let mut rest = bytes.split_off(NONCE_LEN);
    let nonce = Nonce::try_assume_unique_for_key(&bytes).ok()?;
    let text = key(bot)?.open_in_place(nonce, Aad::from(id.as_bytes()), &mut rest).ok()?;
    String::from_utf8(text.to_vec()).ok()
}

/// A bot token has more than enough of chance in it, so a digest makes a key of it.
fn key(bot: &Secret) -> Option<LessSafeKey> {
    let mut digest = Context::new(&SHA256);
    digest.update(b"wilco slack heard\0");
    digest.update(bot.expose().as_bytes());
    UnboundKey::new(&CHACHA20_POLY1305, digest.finish().as_ref()).ok().map(LessSafeKey::new)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_reads_as_nothing_and_opens_for_its_own_bot_and_id_alone() {
        let (bot, dice) = (Secret::new("xoxb-1"), Dice::seeded(1));
        let text = "https://hooks.slack.com/commands/T1/2/secret";
        let sealed = seal(&bot, "trigger:1", text, &dice).unwrap();
        assert!(!sealed.contains("hooks"));
        assert_eq!(open(&bot, "trigger:1", &sealed).as_deref(), Some(text));
        assert_ne!(seal(&bot, "trigger:1", text, &dice), Some(sealed.clone()), "no number is used twice");
        assert_eq!(open(&Secret::new("xoxb-2"), "trigger:1", &sealed), None);
        assert_eq!(open(&bot, "trigger:2", &sealed), None);
        let changed = sealed.replacen(|digit| digit != '0', "0", 1);
        for wrong in ["", "abc", "zz", "ü1", changed.as_str(), &sealed[..20]] {
            assert_eq!(open(&bot, "trigger:1", wrong), None, "{wrong}");
        }
    }
}
