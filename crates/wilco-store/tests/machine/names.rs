//! The names of what commands are about: a name stays the same when other commands are left out.

use std::fmt;

use wilco_core::receipt::ReceiptKind;
use wilco_core::{Address, Place};

/// Milliseconds since the start of the test, of the steady time or of the wall clock.
pub(crate) type Ms = i64;

pub(crate) const SECOND: Ms = 1_000;
pub(crate) const MINUTE: Ms = 60 * SECOND;
pub(crate) const HOUR: Ms = 60 * MINUTE;

/// A job by how it came to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Job {
    /// Somebody asked for it.
    Asked(u32),
    /// A follow-up started it, as its n-th.
    Fired { followup: u32, n: u32 },
    /// It tells of a follow-up that did not run, as the n-th one about it.
    Notice { followup: u32, n: u32 },
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(n) => write!(f, "job{n}"),
            Self::Fired { followup, n } => write!(f, "f{followup}-job{n}"),
            Self::Notice { followup, n } => write!(f, "f{followup}-notice{n}"),
        }
    }
}

/// A contract: a job, and 0 where it was asked or one more for every watch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Contract(pub(crate) Job, pub(crate) u32);

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.0, self.1)
    }
}

/// A receipt; at most one of a name exists (requirement R2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receipt {
    pub(crate) of: Contract,
    pub(crate) kind: ReceiptKind,
    pub(crate) part: u32,
    pub(crate) generation: u32,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}{}.{}", self.of, self.kind.name(), self.part, self.generation)
    }
}

/// A claim of a receipt, by its fence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Claim(pub(crate) Receipt, pub(crate) i64);

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.0, self.1)
    }
}

/// A progress edit: the n-th one of a contract.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Edit(pub(crate) Contract, pub(crate) u32);

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/edit{}", self.0, self.1)
    }
}

/// An occurrence of a follow-up: its due time by the wall clock, and whether it was made by hand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    pub(crate) followup: u32,
    pub(crate) due: Ms,
    pub(crate) manual: bool,
}

impl fmt::Debug for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "f{}@{}{}", self.followup, self.due, if self.manual { "!" } else { "" })
    }
}

/// A claim of an occurrence. It keeps the name that the occurrence had then.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Firing(pub(crate) Occurrence, pub(crate) i64);

impl fmt::Debug for Firing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}#{}", self.0, self.1)
    }
}

/// Who asks for jobs and schedules things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Ana,
    Ben,
}

impl Who {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ana => "ana",
            Self::Ben => "ben",
        }
    }
}

/// Who does something with a job or a follow-up that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Whoever it belongs to, from where it was asked.
    Starter,
    /// Somebody who may run jobs of their own and does not read along anywhere.
    Stranger,
    /// The machine's own shell.
    Host,
}

/// Where somebody speaks. Messages can be looked up on `sim`, and not on `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A public thread of a channel: sim ops/t1.
    Thread,
    /// That channel: sim ops.
    Channel,
    /// A direct message.
    Direct,
    /// A channel of another account, without any further address.
    Far,
}

impl Spot {
    pub(crate) fn place(self, who: Who) -> Place {
        let ops = Address::channel("sim", "ops");
        let direct = Address::channel("sim", format!("dm-{}", who.name()));
        match self {
            Self::Thread => {
                let thread = Place::public(ops.clone().in_thread("t1"));
                Place { parent: Some(ops), direct: Some(direct), ..thread }
            }
            Self::Channel => Place { direct: Some(direct), ..Place::public(ops) },
            Self::Direct => Place::direct(direct),
            Self::Far => Place::public(Address::channel("other", "hall")),
        }
    }
}

/// What kind of job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Needs no account, is reported as interrupted after a crash, and always pings.
    Report,
    /// Respects a gate, runs again after a crash, is limited in its silence, pings when it failed.
    Agent,
    /// A notice of wilco itself.
    Say,
}
