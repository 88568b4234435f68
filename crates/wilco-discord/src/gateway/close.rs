//! What follows from the code with which Discord closed a connection (Discord API, "Gateway Close Event Codes").

use wilco_core::Cause;

/// What follows from a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The session goes on in a new connection.
    Resume,
    /// The session is over; a new one may begin.
    Identify,
    /// No session begins until a person has changed something.
    Person(Cause),
}

/// What follows from a close code; none stands for a connection that ended without one. A code that is not
/// documented resumes: Discord answers *invalid session* where that is wrong, which costs nothing.
pub(crate) fn after(code: Option<u16>, message_content: bool) -> After {
    let person = |text: &str| After::Person(Cause::new(code.unwrap_or_default().to_string(), text));
    match code {
        // 4003: something was said before the session began. 4007: the sequence was wrong. 4009: timed out.
        Some(4003 | 4007 | 4009) => After::Identify,
        Some(4004) => person(
            "Discord refuses the bot token. Nothing is lost: what was asked stays stored. Make a new token in the \
             Developer Portal (Bot, Reset Token), set it as DISCORD_BOT_TOKEN and start wilco again",
        ),
        Some(4010 | 4011) => person(
            "Discord wants this bot to be split into shards, because it is in about 2,500 servers or more. This wilco \
             uses one connection. Nothing is lost; remove the bot from servers that do not use it, or give some \
             of them an application of their own",
        ),
        Some(4012 | 4013) => person(
            "Discord does not know this version of the gateway or one of its intents any more. Nothing is lost; \
             update wilco",
        ),
        Some(4014) if message_content => person(
            "Discord does not allow this application to read message content. Nothing is lost. Switch Message Content \
             Intent on in the Developer Portal (Bot, Privileged Gateway Intents), or set message_content = false: \
             slash commands, mentions and direct messages work without it",
        ),
        Some(4014) => person(
            "Discord does not allow an intent that wilco asks for, though it asks for no privileged one. Nothing is \
             lost; look at the application in the Developer Portal, and update wilco",
        ),
        Some(_) | None => After::Resume,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_consequence() {
        for code in [1000, 1001, 1006, 4000, 4001, 4002, 4005, 4008, 4999] {
            assert_eq!(after(Some(code), false), After::Resume, "{code}");
        }
        assert_eq!(after(None, true), After::Resume);
        for code in [4003, 4007, 4009] {
            assert_eq!(after(Some(code), false), After::Identify, "{code}");
        }
        for code in [4004, 4010, 4011, 4012, 4013, 4014] {
            let After::Person(cause) = after(Some(code), false) else { panic!("{code} asks for a person") };
            assert_eq!(cause.code, code.to_string());
            assert!(cause.text.contains("Nothing is lost") || cause.text.contains("Nothing is\n"), "{cause}");
        }
    }

    #[test]
    fn a_refused_intent_names_the_switch_and_the_way_without_it() {
        let After::Person(cause) = after(Some(4014), true) else { panic!("a person is asked") };
        assert!(cause.text.contains("Message Content Intent") && cause.text.contains("message_content = false"));
        let After::Person(cause) = after(Some(4014), false) else { panic!("a person is asked") };
        assert!(!cause.text.contains("message_content = false"), "it is off already: {cause}");
    }
}
