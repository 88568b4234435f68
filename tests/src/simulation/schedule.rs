//! One simulated life, as a value: what people do and when, what the jobs do, and what goes wrong.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wilco_sim::{Fault, Profile, Verb};

/// A whole life. The same value gives the same journal, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What draws the ids, the waiting times, and everything that is not listed here.
    pub seed: u64,
    /// The name of the platform's profile.
    pub profile: String,
    /// What happens by itself, by its time.
    pub steps: Vec<Step>,
    /// What each job does, by the number in its input.
    pub plans: Vec<Plan>,
    /// What goes wrong with calls to the platform.
    pub faults: Faults,
    /// When the process dies.
    pub deaths: Deaths,
    /// What a dead process still says.
    pub late_words: LateWords,
    /// When the faults stop, in milliseconds from the beginning.
    pub calm_at: u64,
}

impl Schedule {
    /// The platform's abilities.
    pub fn profile(&self) -> Profile {
        Profile::from_name(&self.profile).unwrap_or(Profile::DiscordLike)
    }
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Milliseconds from the beginning.
    pub at: u64,
    /// What.
    pub act: Act,
}

/// Somebody who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    /// An operator.
    Ana,
    /// Another operator.
    Dora,
    /// A viewer.
    Bo,
    /// The owner.
    Cleo,
}

impl Who {
    /// Everybody.
    pub const ALL: [Self; 4] = [Self::Ana, Self::Dora, Self::Bo, Self::Cleo];

    /// The name in the channel.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ana => "ana",
            Self::Dora => "dora",
            Self::Bo => "bo",
            Self::Cleo => "cleo",
        }
    }
}

/// A place on one of the two accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Spot {
    /// A channel.
    Ops,
    /// Another channel.
    Dev,
    /// A thread of the first channel.
    Thread,
    /// A thread that only its members read.
    Secret,
    /// The direct message with whoever speaks.
    Direct,
    /// A channel of the other account.
    Abroad,
}

impl Spot {
    /// Everywhere.
    pub const ALL: [Self; 6] = [Self::Ops, Self::Dev, Self::Thread, Self::Secret, Self::Direct, Self::Abroad];
}

/// What happens. A number that chooses among what exists counts round, so that it always chooses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// A person writes.
    Say(Who, Spot, String),
    /// A person starts a job of this kind with a plan.
    Run(Who, Spot, Kind, usize),
    /// A person cancels a job by its id, with a reason or without.
    Cancel(Who, Spot, usize, bool),
    /// A person follows a job from here.
    Watch(Who, Spot, usize),
    /// A person asks how a job is.
    Status(Who, Spot, usize),
    /// A person presses a button that stands somewhere: whatever it says.
    Press(Who, usize),
    /// A person answers an open question.
    Answer(Who, usize),
    /// A person presses a button of the newest private note they got.
    PressNote(Who, usize),
    /// The newest event comes once more.
    Redeliver,
    /// The newest event is held back for so many milliseconds, so that later ones overtake it.
    Overtaken(u64),
    /// A person removes a message of the bot.
    Delete(usize),
    /// A place is closed for writing, for so many milliseconds; for ever with none.
    Archive(Spot, Option<u64>),
    /// A place gets a new id.
    Move(Spot),
    /// The credentials of the first account are refused, for so many milliseconds.
    Revoke(u64),
    /// The first account cannot be reached, for so many milliseconds.
    Offline(u64),
    /// Whoever asks whether an address still stands waits for the answer, for so many milliseconds.
    SlowProbes(u64),
    /// The database refuses new rows of a table, for so many milliseconds.
    Refuse(Table, u64),
    /// The wall clock is set, by so many milliseconds.
    Clock(i64),
    /// The machine sleeps, for so many milliseconds.
    Sleep(u64),
    /// The process is killed between two moments; the next one starts after so many milliseconds.
    Kill(u64),
    /// The process is stopped in order; the next one starts after so many milliseconds.
    Drain(u64),
    /// The configuration is read again.
    Reload,
    /// An operator opens every closed gate and sends every failed receipt again.
    Mend,
}

/// A table whose new rows the database may refuse. What a job has to say when it ends is spared: a store that
/// cannot take it is one that cannot write at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Table {
    /// What is owed: the row after that of the job.
    Contracts,
    /// The first acknowledgement: a row after that of the contract.
    Stubs,
    /// The due times of follow-ups.
    Occurrences,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Contracts, Self::Stubs, Self::Occurrences];
}

/// The worker kinds of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Reported as interrupted when its process dies.
    Work,
    /// Run again when its process dies.
    Again,
    /// Ended when it gives no sign of life for half a minute.
    Frail,
    /// On a backend's account: retried, and stopped by its gate.
    Agent,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Work, Self::Again, Self::Frail, Self::Agent];

    /// The name that people type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Again => "again",
            Self::Frail => "frail",
            Self::Agent => "agent",
        }
    }
}

/// What a job does, in order, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One after the other.
    pub moves: Vec<Move>,
    /// The end.
    pub end: End,
}

/// One thing that a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// Waits so many milliseconds.
    Wait(u64),
    /// Shows a line.
    Line,
    /// Uses a tool for a moment.
    Tool,
    /// Records a partial result.
    Partial,
    /// Adds a file of so many bytes.
    File(u64),
    /// Asks a question and waits for its answer.
    Ask,
    /// From here on it does not hear that it shall stop.
    Deaf,
}

/// How a job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// With a text of about so many characters.
    Done(usize),
    /// With a failure that is final.
    Fails,
    /// With a failure that may pass: the first so many attempts.
    Shaky(u32),
    /// Because its backend's session has expired.
    Expired,
    /// With a panic.
    Panics,
    /// Never, by itself.
    Never,
}

/// What goes wrong with calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Faults {
    /// Each call by chance, in thousandths.
    Drawn(Vec<(u16, Fault)>),
    /// These calls, by their number from 1.
    Listed(Vec<CallFault>),
}

/// What went wrong with one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFault {
    /// The number of the call, from 1.
    pub call: u64,
    /// What kind of call it was, for the reader.
    pub verb: Verb,
    /// What went wrong.
    pub fault: Fault,
}

/// When the process dies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deaths {
    /// At each crash point by chance, in hundred-thousandths, at most so often.
    Drawn(u64, usize),
    /// At these.
    Listed(Vec<Death>),
    /// Once, beside a call.
    Beside(Beside),
}

/// A death that is found by what happens around it, because what goes wrong before it renumbers the passings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// The crash point.
    pub point: String,
    /// So many calls to the platform have begun.
    pub calls: u64,
    /// At which passing of the point since then, from 1.
    pub nth: u64,
    /// As for [`Death`].
    pub torn: Option<u64>,
    /// As for [`Death`].
    pub down: u64,
}

/// One death.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Death {
    /// The number of the crash point's passing, from 1, counted over all points.
    pub passing: u64,
    /// Which point it was, for the reader.
    pub point: String,
    /// How much of the commit that nobody was told of is on the disk, in thousandths; all of it with none.
    pub torn: Option<u64>,
    /// When the next process starts, in milliseconds.
    pub down: u64,
}

/// What a process that is dead, or was taken for dead, still says of what it was sending. Its successor is
/// sending that by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LateWords {
    /// Beside each call for such a receipt by chance, in thousandths.
    Drawn(u64),
    /// Beside these calls.
    Listed(Vec<LateWord>),
}

/// One late word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateWord {
    /// The number of the call beside which it is said, from 1.
    pub call: u64,
    /// Which answer the dead process had.
    pub answer: LateAnswer,
}

/// An answer that moves a receipt, when it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LateAnswer {
    /// The message cannot be edited.
    NotEditable,
    /// The address is gone.
    Gone,
    /// The request is malformed.
    Bug,
}

impl LateAnswer {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotEditable, Self::Gone, Self::Bug];
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "platform like {}, faults stop at {}", self.profile, time(self.calm_at))?;
        for step in &self.steps {
            writeln!(f, "  {}  {:?}", time(step.at), step.act)?;
        }
        let used = |number: usize| {
            let input = format!("p{number}");
            self.steps.iter().any(|step| {
                let run = matches!(&step.act, Act::Run(_, _, _, plan) if *plan == number);
                let said = |text: &str| text.split_whitespace().any(|word| word == input);
                run || matches!(&step.act, Act::Say(_, _, text) if said(text))
            })
        };
        for (number, plan) in self.plans.iter().enumerate().filter(|(number, _)| used(*number)) {
            writeln!(f, "  plan p{number}: {:?}, then {:?}", plan.moves, plan.end)?;
        }
        match &self.faults {
            Faults::Drawn(rates) => writeln!(f, "  faults by chance: {rates:?}")?,
            Faults::Listed(faults) => {
                for one in faults {
                    writeln!(f, "  call {} ({}): {:?}", one.call, one.verb.name(), one.fault)?;
                }
            }
        }
        match &self.late_words {
            LateWords::Drawn(rate) => writeln!(f, "  late words by chance: {rate} in 1,000")?,
            LateWords::Listed(words) => {
                for one in words {
                    writeln!(f, "  call {}: the dead process says {:?}", one.call, one.answer)?;
                }
            }
        }
        match &self.deaths {
            Deaths::Drawn(rate, most) => writeln!(f, "  deaths by chance: {rate} in 100,000, at most {most}"),
            Deaths::Beside(Beside { point, calls, nth, .. }) => {
                writeln!(f, "  dies at passing {nth} of {point} after call {calls} has begun")
            }
            Deaths::Listed(deaths) => deaths.iter().try_for_each(|one| {
                let torn = one.torn.map(|torn| format!(", its last commit torn at {torn} ‰")).unwrap_or_default();
                writeln!(f, "  dies at passing {} ({}){torn}, down for {} ms", one.passing, one.point, one.down)
            }),
        }
    }
}

fn time(millis: u64) -> String {
    let at = Duration::from_millis(millis);
    format!("{:>4}.{:03} s", at.as_secs(), at.subsec_millis())
}
