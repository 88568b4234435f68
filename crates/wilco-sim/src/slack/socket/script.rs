//! The fault script of Socket Mode: what goes wrong, at which moment of a connection, how often.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lines::{self, Line};

/// Why a connection is told to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It will close within seconds.
    Warning,
    /// It has become old.
    RefreshRequested,
    /// Socket Mode was switched off.
    LinkDisabled,
    /// The app has too many connections.
    TooManyWebsockets,
}

impl Reason {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::RefreshRequested => "refresh_requested",
            Self::LinkDisabled => "link_disabled",
            Self::TooManyWebsockets => "too_many_websockets",
        }
    }
}

/// One thing that goes wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum SocketFault {
    /// The request for a WebSocket is answered with 503.
    Refuse,
    /// The request for a WebSocket is never answered, and the socket stays open.
    Stall,
    /// The socket closes without a word.
    Drop,
    /// The connection stays open, and nothing is sent or heard any more.
    Deaf,
    /// What came, or was to go, is thrown away.
    Ignore,
    /// A disconnect frame.
    Disconnect {
        /// Why.
        reason: Reason,
    },
    /// Closed with a code.
    Close {
        /// The code, such as 1001.
        code: u16,
    },
    /// A frame that is no JSON.
    Noise,
}

impl SocketFault {
    /// Its stable name in counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Stall => "stall",
            Self::Drop => "drop",
            Self::Deaf => "deaf",
            Self::Ignore => "ignore",
            Self::Disconnect { reason } => reason.word(),
            Self::Close { .. } => "close",
            Self::Noise => "noise",
        }
    }
}

/// When a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketMoment {
    /// When a socket asks to become a WebSocket.
    Connect,
    /// In place of `hello`.
    Hello,
    /// In place of an envelope.
    Envelope,
    /// In place of taking an acknowledgement.
    Ack,
    /// In place of the pong to a client's ping.
    Ping,
}

impl SocketMoment {
    /// Its stable name in counts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Hello => "hello",
            Self::Envelope => "envelope",
            Self::Ack => "ack",
            Self::Ping => "ping",
        }
    }
}

/// A line of the script. The first that fits and has nothing left to skip decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SocketRule {
    /// When it acts.
    pub moment: SocketMoment,
    /// How many such moments pass first.
    #[serde(default)]
    pub skip: u32,
    /// How many it then spoils.
    #[serde(default = "once")]
    pub times: u32,
    /// What goes wrong.
    pub fault: SocketFault,
}

fn once() -> u32 {
    1
}

impl SocketRule {
    /// A fault at the next such moment.
    pub fn new(moment: SocketMoment, fault: SocketFault) -> Self {
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

impl Line for SocketRule {
    type Fault = SocketFault;

    fn counters(&mut self) -> (&mut u32, &mut u32) {
        (&mut self.skip, &mut self.times)
    }

    fn fault(&self) -> SocketFault {
        self.fault.clone()
    }
}

/// The script as it stands, and what has come of it.
#[derive(Clone, Debug, Default)]
pub(in crate::slack) struct SocketScript {
    rules: Vec<SocketRule>,
    met: BTreeMap<String, usize>,
}

impl SocketScript {
    pub(in crate::slack) fn add(&mut self, rule: SocketRule) {
        self.rules.push(rule);
    }

    pub(in crate::slack) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How often each fault has happened, by its moment and name.
    pub(in crate::slack) fn met(&self) -> &BTreeMap<String, usize> {
        &self.met
    }

    /// What happens at a moment, if anything.
    pub(super) fn at(&mut self, moment: SocketMoment) -> Option<SocketFault> {
        let fault = lines::decide(&mut self.rules, |rule| rule.moment == moment)?;
        *self.met.entry(format!("{}_{}", moment.name(), fault.name())).or_default() += 1;
        Some(fault)
    }
}
