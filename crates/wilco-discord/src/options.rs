//! What one Discord account is configured with.

use std::fmt;

use wilco_core::AccountId;
use zeroize::Zeroizing;

/// Text that is never shown: not in a log, not in an error, not in what is printed for debugging. Its memory is
/// overwritten when it is dropped; what was made of it, such as the header of a call, is not.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// One connection to Discord.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name of the connection, such as `discord`.
    pub account: AccountId,
    /// The bot token, without the word `Bot` before it.
    pub token: Secret,
    /// Where the REST API is, with its version: [`Options::API`], or a proxy or a fake of it. No slash at the end.
    pub api: String,
    /// The application's id. Without it, it is asked for once at the start.
    pub application: Option<u64>,
    /// The one guild whose application commands are kept; without it they are kept globally.
    pub guild: Option<u64>,
    /// Whether the bot may read what people write without mentioning it (the privileged intent *message content*).
    pub message_content: bool,
}

impl Options {
    /// Discord's own REST API (Discord API, "Reference", base URL).
    pub const API: &'static str = "https://discord.com/api/v10";

    /// A connection to Discord itself with nothing optional.
    pub fn new(account: impl Into<AccountId>, token: Secret) -> Self {
        Self {
            account: account.into(),
            token,
            api: Self::API.to_owned(),
            application: None,
            guild: None,
            message_content: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_overwritten_when_it_is_dropped() {
        fn wiped(_: &impl zeroize::ZeroizeOnDrop) {}
        let secret = Secret::new("abc.def.ghi");
        wiped(&secret.0);
        assert_eq!((secret.expose(), Secret::from("abc.def.ghi".to_owned()) == secret), ("abc.def.ghi", true));
    }

    #[test]
    fn a_token_is_in_no_debug_output() {
        let options = Options::new("discord", Secret::new("abc.def.ghi"));
        assert!(!format!("{options:?}").contains("def"));
    }
}
