//! Tokens of interactions at rest. A token lets anybody write into a conversation for 15 minutes, so what is stored of
//! it reads as nothing without the bot token, which is not in the store.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};

use crate::options::Secret;
use crate::snowflake::Snowflake;

/// The token as hexadecimal digits that only the same bot token and the same interaction open. None when the machine's
/// cryptography fails, which it has no reason to.
pub(crate) fn seal(bot: &Secret, interaction: Snowflake, token: &str) -> Option<String> {
    let mut bytes = token.as_bytes().to_vec();
    key(bot)?.seal_in_place_append_tag(nonce(interaction), Aad::empty(), &mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The token again; none when this is no sealed one of this bot and this interaction.
pub(crate) fn open(bot: &Secret, interaction: Snowflake, sealed: &str) -> Option<String> {
    if !sealed.is_ascii() || !sealed.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(sealed.get(at..at + 2)?, 16).ok();
    let mut bytes: Vec<u8> = (0..sealed.len()).step_by(2).map(pair).collect::<Option<_>>()?;
    let token = key(bot)?.open_in_place(nonce(interaction), Aad::empty(), &mut bytes).ok()?;
    String::from_utf8(token.to_vec()).ok()
}

/// A bot token has more than enough of chance in it, so a digest makes a key of it.
fn key(bot: &Secret) -> Option<LessSafeKey> {
    let mut digest = Context::new(&SHA256);
    digest.update(b"wilco interaction token\0");
    digest.update(bot.expose().as_bytes());
    UnboundKey::new(&CHACHA20_POLY1305, digest.finish().as_ref()).ok().map(LessSafeKey::new)
}

/// An interaction has one token, so its id is a number that is used once.
fn nonce(interaction: Snowflake) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&interaction.0.to_be_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_token_reads_as_nothing_and_opens_for_its_own_bot_alone() {
        let (bot, id) = (Secret::new("bot-token"), Snowflake(42));
        let token = "aW50ZXJhY3Rpb246".repeat(12);
        let sealed = seal(&bot, id, &token).unwrap();
        assert!(!sealed.contains("aW50"));
        assert_eq!(open(&bot, id, &sealed), Some(token.clone()));
        assert_ne!(seal(&bot, Snowflake(43), &token), Some(sealed.clone()));
        assert_eq!(open(&Secret::new("another"), id, &sealed), None);
        assert_eq!(open(&bot, Snowflake(43), &sealed), None);
        let changed = sealed.replacen(|digit| digit != '0', "0", 1);
        for wrong in ["", "abc", "zz", "ü1", changed.as_str()] {
            assert_eq!(open(&bot, id, wrong), None, "{wrong}");
        }
    }
}
