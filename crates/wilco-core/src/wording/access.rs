//! Private answers about who may do what.

use super::*;
use crate::pairing::{Refusal, TRIES, TRIES_OF_ALL, WITHIN};

/// What to do for a code that is taken.
const ANOTHER: &str = "`wilco access pair` on the bot's machine shows a new one";

/// The code was right.
pub fn paired(account: &str) -> Reply {
    Reply::text(format!(
        "Paired · you are owner on {account} now, also after a restart. `wilco access revoke` undoes it; /help lists what you can do."
    ))
}

/// Nobody needs a code to stay what they are.
pub fn paired_already() -> Reply {
    Reply::text("You are owner here already. The code was not used; nothing was changed.")
}

/// Nobody knows who that is.
pub fn pairing_outsider() -> Reply {
    Reply::text("Not paired: anonymous people and guests from outside cannot be owner. Nothing was changed.")
}

/// The code was not taken.
pub fn not_paired(refusal: Refusal, now: Timestamp) -> Reply {
    Reply::text(match refusal {
        Refusal::NoCode => format!("Not paired: no code is open now. Nothing was changed. {ANOTHER}."),
        Refusal::Wrong { left: 0 } => {
            format!("Not paired: that is not the code, and you have no try left. Nothing was changed. {ANOTHER}.")
        }
        Refusal::Wrong { left } => {
            let tries = if left == 1 { "1 try".to_owned() } else { format!("{left} tries") };
            format!("Not paired: that is not the code. Nothing was changed. You have {tries} left.")
        }
        Refusal::Expired => format!("Not paired: this code has expired. Nothing was changed. {ANOTHER}."),
        Refusal::Used => {
            format!("Not paired: this code was used already; each works once. Nothing was changed. {ANOTHER}.")
        }
        Refusal::Wait { until } => format!(
            "Not paired: {TRIES} wrong codes within {} are all that anybody may give. Nothing was changed. Try again in {}.",
            text::duration(WITHIN),
            text::duration(until.since(now).max(Duration::from_secs(1)))
        ),
        Refusal::Spent => {
            format!(
                "Not paired: {TRIES_OF_ALL} wrong codes were given, so this one is not taken any more. Nothing was changed. {ANOTHER}."
            )
        }
    })
}

/// There is no such right.
pub fn nothing_to_revoke(account: &str, person: &str) -> String {
    let (account, person) = (one_line(account), one_line(person));
    format!(
        "nobody `{person}` on `{account}` was made owner by a code; nothing was changed. A rule of the configuration is taken back there"
    )
}
