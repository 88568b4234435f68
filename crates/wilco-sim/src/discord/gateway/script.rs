//! The fault script of the gateway: what goes wrong, at which moment of a connection, how often.

use serde::{Deserialize, Serialize};

use crate::lines::{self, Line};

/// One thing that goes wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum GatewayFault {
    /// The request for a WebSocket is answered with 503.
    Refuse,
    /// The request for a WebSocket is never answered, and the socket stays open.
    Stall,
    /// The socket closes without a word.
    Drop,
    /// The connection stays open, and nothing is sent or heard any more.
    Deaf,
    /// Opcode 7: connect again and resume.
    Reconnect,
    /// Opcode 9: the session is not valid.
    InvalidSession {
        /// Whether it may be resumed.
        resumable: bool,
    },
    /// Closed with a code.
    Close {
        /// The code, such as 4004.
        code: u16,
    },
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// When a socket asks to become a WebSocket.
    Connect,
    /// In place of HELLO.
    Hello,
    /// In place of the answer to IDENTIFY.
    Identify,
    /// In place of the answer to RESUME.
    Resume,
    /// In place of the answer to a heartbeat.
    Heartbeat,
}

/// A line of the script. The first that fits and has nothing left to skip decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayRule {
    /// When it acts.
    pub moment: Moment,
    /// How many such moments pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many it then spoils.
    #[serde(default = "once")]
    pub times: u32,
    /// What goes wrong.
    pub fault: GatewayFault,
}

fn once() -> u32 {
    1
}

impl GatewayRule {
    /// A fault at the next such moment.
    pub fn new(moment: Moment, fault: GatewayFault) -> Self {
        Self { moment, skip: 0, times: 1, fault }
    }

    /// Lets that many such moments pass first.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Spoils that many.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

impl Line for GatewayRule {
    type Fault = GatewayFault;

    fn counters(&mut self) -> (&mut u32, &mut u32) {
        (&mut self.skip, &mut self.times)
    }

    fn fault(&self) -> GatewayFault {
        self.fault.clone()
    }
}

/// What happens at a moment, if anything.
pub(super) fn at(rules: &mut Vec<GatewayRule>, moment: Moment) -> Option<GatewayFault> {
    lines::decide(rules, |rule| rule.moment == moment)
}
