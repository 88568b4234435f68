//! What a test may order, as a value, so that it travels to a platform in another process.

use serde::{Deserialize, Serialize};
use wilco_core::{AccountId, Address, Cause, Person, Place, Press};

use super::{PersonError, Platform};
use crate::faults::{Chaos, Rule};

/// One order. Each does what the method of the same name does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// [`Platform::say`].
    Say {
        /// Who.
        person: Person,
        /// Where.
        place: Place,
        /// What.
        text: String,
    },
    /// [`Platform::press`].
    Press {
        /// Who.
        person: Person,
        /// Under which message.
        message: String,
        /// Which button.
        label: String,
    },
    /// [`Platform::press_late`], with no message.
    PressLate {
        /// Who.
        person: Person,
        /// Where.
        place: Place,
        /// What the button means.
        press: Press,
    },
    /// [`Platform::delete`].
    Delete {
        /// Which message.
        message: String,
    },
    /// [`Platform::redeliver_last`].
    RedeliverLast {
        /// Of which account.
        account: AccountId,
    },
    /// [`Platform::fault`].
    Fault {
        /// The line.
        rule: Rule,
    },
    /// [`Platform::chaos`].
    Chaos {
        /// Which faults; none stops them.
        chaos: Option<Chaos>,
    },
    /// [`Platform::calm`].
    Calm,
    /// [`Platform::remove`].
    Remove {
        /// Which address.
        address: Address,
    },
    /// [`Platform::archive`].
    Archive {
        /// Which address.
        address: Address,
    },
    /// [`Platform::reopen`].
    Reopen {
        /// Which address.
        address: Address,
    },
    /// [`Platform::move_chat`].
    MoveChat {
        /// The old address.
        from: Address,
        /// The new one.
        to: Address,
    },
    /// [`Platform::offline`].
    Offline {
        /// Which account.
        account: AccountId,
        /// Cut off or connected.
        offline: bool,
    },
    /// [`Platform::stop_account`].
    StopAccount {
        /// Which account.
        account: AccountId,
        /// Why; none takes the credentials again.
        cause: Option<Cause>,
    },
    /// [`Platform::settle`].
    Settle,
}

impl Platform {
    /// Carries out an order. Returns the id of the event that came of it, when one did.
    ///
    /// # Errors
    /// When a person tried what nobody can do; nothing was changed.
    pub fn obey(&self, order: Order) -> Result<Option<String>, PersonError> {
        match order {
            Order::Say { person, place, text } => return self.say(&person, &place, &text).map(Some),
            Order::Press { person, message, label } => return self.press(&person, &message, &label).map(Some),
            Order::PressLate { person, place, press } => {
                return Ok(Some(self.press_late(&person, &place, None, &press)));
            }
            Order::Delete { message } => self.delete(&message)?,
            Order::RedeliverLast { account } => {
                if !self.redeliver_last(&account) {
                    return Err(PersonError(format!("nothing was ever delivered to {account}")));
                }
            }
            Order::Fault { rule } => self.fault(rule),
            Order::Chaos { chaos } => self.chaos(chaos),
            Order::Calm => self.calm(),
            Order::Remove { address } => self.remove(&address),
            Order::Archive { address } => self.archive(&address),
            Order::Reopen { address } => self.reopen(&address),
            Order::MoveChat { from, to } => self.move_chat(&from, &to),
            Order::Offline { account, offline } => self.offline(&account, offline),
            Order::StopAccount { account, cause } => self.stop_account(&account, cause),
            Order::Settle => self.settle(),
        }
        Ok(None)
    }
}
