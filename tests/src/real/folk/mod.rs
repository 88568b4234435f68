//! Everybody on a platform to which the real program is connected by its real adapter: they give commands, mention the
//! bot, press and answer. What the platform tells them that nobody has taken they give again, and nothing else.

mod count;

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::{Clock, EnvelopeKind, wording};
use wilco_sim::clock::MachineClock;
use wilco_sim::{Draw, PersonError};

use super::crowd::Form;
use super::kinds::GO_ON;
use super::wait;
use crate::fake::{Fake, Seen};

/// How often people look.
const LOOK: Duration = Duration::from_millis(40);
/// How long somebody who pressed waits to see something of it before pressing again.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long somebody looks at a job that shows no progress before having enough of it.
const ENOUGH: Duration = Duration::from_secs(10);
/// How long somebody waits for more before giving it again who reads *heard* and that it may not have been accepted.
const HEARD: Duration = Duration::from_secs(30);

/// How something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a slash command.
    Command,
    /// By a message that mentions the bot. It is said once: the platform keeps it, so nobody has a reason to repeat it.
    Mention,
}

/// What whoever gave a command sees of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Nothing yet.
    Nothing,
    /// That nobody answered.
    Failed,
    /// These words.
    Note(String),
}

/// A platform with people in it, to which a bot can be connected.
pub trait Ground: Sized {
    /// The platform. It lives in this process, so it outlives every bot.
    type Fake: Fake;

    /// What it is called.
    const NAME: &'static str;
    /// Whether a private note can become another one: then none may say *heard* for ever.
    const NOTES_CHANGE: bool;

    /// Opens one: a few people who may start jobs, and two channels.
    fn open() -> impl Future<Output = Self>;

    /// What people see.
    fn fake(&self) -> &Self::Fake;

    /// What stands in the configuration of a bot that is connected here.
    fn config(&self) -> String;

    /// What its environment has to hold: the tokens.
    fn environment(&self) -> Vec<(&'static str, String)>;

    /// What has to be said on the command line before the first start.
    fn before(&self) -> &'static [&'static str];

    /// Bad weather: one call in fifty goes wrong by chance, and faults of each kind happen once.
    fn storm(&self, draw: &mut Draw);

    /// How many connections have begun so far.
    fn begun(&self) -> u64;

    /// Every connection is cut.
    fn cut(&self);

    /// A channel in which nobody has ever spoken.
    fn new_channel(&self, name: &str) -> String;

    /// Whoever asks for the request of this number.
    fn person(&self, number: usize) -> String;

    /// Where a request is made: in one of the channels, or apart from all others.
    fn place(&self, way: Way, apart: bool, tag: &str, person: &str, number: usize) -> String;

    /// Somebody gives a line as a command. Answers what that is called.
    ///
    /// # Errors
    /// Why it cannot be given there.
    fn command(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError>;

    /// Somebody mentions the bot before a line. Answers what that is called.
    ///
    /// # Errors
    /// Why nothing can be written there.
    fn mention(&self, person: &str, spot: &str, line: &str) -> Result<String, PersonError>;

    /// Somebody cancels a job in words.
    ///
    /// # Errors
    /// Why it cannot be said there.
    fn cancel(&self, person: &str, spot: &str, job: &str) -> Result<String, PersonError>;

    /// What somebody sees of the answer to a command.
    fn answered(&self, person: &str, event: &str) -> Answered;

    /// Whether it is less than so long ago that somebody did something, and it may still come to something.
    fn is_fresh(&self, event: &str, within: Duration) -> bool;

    /// A process of the bot has ended.
    fn died(&self);

    /// Whether a process of the bot has ended since somebody did something, so that it may come to nothing.
    fn is_orphaned(&self, event: &str) -> bool;

    /// How many events the platform still brings to the bot: none of them was taken yet.
    fn under_way(&self) -> usize {
        0
    }

    /// Ends what the platform ends by itself, in a time for which no test waits; nothing of a process that lives.
    fn hasten(&self) {}

    /// What somebody needs who looks for a mistake.
    fn report(&self) -> String;
}

/// What became of a request, as far as its person knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Nothing yet.
    Nothing,
    /// That it was heard, and no more: it is kept, so nobody has a reason to give it again. More may be said.
    Heard,
    /// It was accepted.
    Accepted,
    /// It was not, and nothing was started.
    Refused,
    /// That nobody answered.
    Failed,
    /// That nobody knows whether it was.
    Doubted,
}

impl Told {
    /// Whether it has to be given again.
    fn is_again(self) -> bool {
        match self {
            Self::Nothing | Self::Heard | Self::Accepted => false,
            Self::Refused | Self::Failed | Self::Doubted => true,
        }
    }

    /// Whether there has to be a job.
    fn is_promised(self) -> bool {
        matches!(self, Self::Heard | Self::Accepted)
    }

    /// What a note says; none when nobody should have been told that.
    fn by(note: &str, form: Form) -> Option<Self> {
        if note.is_empty() {
            Some(Self::Nothing)
        } else if note == wording::heard().text {
            Some(Self::Heard)
        } else if note.starts_with("Heard") || note.starts_with("The bot was") {
            Some(Self::Doubted)
        } else if note.starts_with("Accepted") || (form == Form::Later && !note.starts_with("Not ")) {
            Some(Self::Accepted)
        } else if note.starts_with("Not accepted: ") {
            Some(Self::Refused)
        } else {
            None
        }
    }
}

/// One request: an event of its own on the platform.
#[derive(Clone, Debug)]
struct Request {
    /// Stands in everything that its job says.
    tag: String,
    form: Form,
    way: Way,
    person: String,
    place: String,
    event: String,
    told: Told,
}

/// What somebody wants; it is asked for until it is accepted.
#[derive(Clone, Debug)]
struct Wish {
    form: Form,
    way: Way,
    /// The channel, where it is to be a certain one.
    place: Option<String>,
    /// The last of its requests.
    last: Option<usize>,
}

/// Everybody, and the platform that they are on.
pub struct Folk<G> {
    /// The platform.
    pub ground: G,
    wishes: Vec<Wish>,
    requests: Vec<Request>,
    /// What was last done to a message.
    acts: BTreeMap<String, String>,
    wrong: Vec<String>,
}

impl<G: Ground> Folk<G> {
    /// Everybody on a new platform.
    pub async fn open() -> Self {
        let ground = G::open().await;
        Self { ground, wishes: Vec::new(), requests: Vec::new(), acts: BTreeMap::new(), wrong: Vec::new() }
    }

    /// A channel in which nobody has ever spoken.
    pub fn new_channel(&mut self) -> String {
        self.ground.new_channel(&format!("quiet-{}", self.wishes.len()))
    }

    /// Somebody wants something. It is asked for as soon as that can be done.
    pub fn want(&mut self, form: Form, way: Way, place: Option<String>) {
        self.wishes.push(Wish { form, way, place, last: None });
    }

    /// Lives on: asks, answers and presses, until it is dropped.
    pub async fn live(&mut self) {
        loop {
            self.turn();
            wait::pause(LOOK).await;
        }
    }

    /// The same for so long.
    pub async fn lives_for(&mut self, time: Duration) {
        tokio::select! {
            () = self.live() => {}
            () = wait::pause(time) => {}
        }
    }

    /// One look around by everybody.
    pub fn turn(&mut self) {
        for at in 0..self.wishes.len() {
            match self.wishes[at].last {
                Some(last) => self.hears(last),
                None => self.asks(at),
            }
            if let Some(last) = self.wishes[at].last
                && self.requests[last].told.is_again()
            {
                self.asks(at);
            }
        }
        self.ground.hasten();
        for seen in self.ground.fake().seen() {
            self.acts_on(&seen);
        }
    }

    fn asks(&mut self, at: usize) {
        let Wish { form, way, place, last } = self.wishes[at].clone();
        // What was written before the bot was ever there nobody has promised to read, and nobody gives commands to it.
        // Who was told that nobody answered looks whether it is there before giving one again.
        if self.ground.begun() == 0 || (last.is_some() && self.ground.fake().listening() == 0) {
            return;
        }
        let number = self.requests.len();
        let (tag, person) = (format!("t{number}"), self.ground.person(number));
        // A place of its own for what somebody has to steer, and now and then for something else.
        let apart = is_steered(form) || number.is_multiple_of(3);
        let place = place.unwrap_or_else(|| self.ground.place(way, apart, &tag, &person, number));
        let line = form.line(&tag);
        let given = match way {
            Way::Command => self.ground.command(&person, &place, &line),
            Way::Mention => self.ground.mention(&person, &place, &line),
        };
        let event = given.expect("everybody may speak and use commands there");
        let told = if way == Way::Mention { Told::Accepted } else { Told::Nothing };
        self.requests.push(Request { tag, form, way, person, place, event, told });
        self.wishes[at].last = Some(number);
    }

    /// Reads what the platform or the bot has answered.
    fn hears(&mut self, at: usize) {
        let request = &self.requests[at];
        if request.told != Told::Nothing && request.told != Told::Heard {
            return;
        }
        let note = match self.ground.answered(&request.person, &request.event) {
            Answered::Nothing => return,
            Answered::Failed => {
                self.requests[at].told = Told::Failed;
                return;
            }
            Answered::Note(note) => note,
        };
        // Where notes change, *heard* becomes something else. Elsewhere whoever reads that it may not have been accepted
        // waits a while for more, and for ever where the process lives that said so.
        let more = || self.ground.is_fresh(&request.event, HEARD) || !self.ground.is_orphaned(&request.event);
        let waits = note.starts_with("Heard") && (G::NOTES_CHANGE || more());
        let told = match Told::by(&note, request.form) {
            Some(Told::Heard) if G::NOTES_CHANGE => Told::Nothing,
            Some(Told::Doubted) if waits => Told::Nothing,
            Some(told) => told,
            None => {
                self.wrong.push(format!("{} was answered {note:?}", request.tag));
                Told::Accepted
            }
        };
        self.requests[at].told = told;
    }

    /// Answers a question, or stops what is to be stopped.
    fn acts_on(&mut self, seen: &Seen) {
        if !seen.is_public() {
            return;
        }
        let Some(request) = self.requests.iter().find(|one| one.place == seen.spot && is_steered(one.form)) else {
            return;
        };
        let button = match (seen.kind, request.form) {
            (Some(EnvelopeKind::Question), _) => Some(GO_ON),
            (Some(EnvelopeKind::Stub | EnvelopeKind::Progress), Form::Cancelled) => None,
            (Some(EnvelopeKind::Stub), Form::Pressed) => Some("Cancel"),
            // It says nothing but once, and that may have been dropped.
            (Some(EnvelopeKind::Stub), Form::Spin) if MachineClock::start().now().since(seen.at) > ENOUGH => {
                Some("Cancel")
            }
            // It may be seen at work for a moment before somebody has enough of it.
            (Some(EnvelopeKind::Progress), Form::Pressed | Form::Spin) => Some("Cancel"),
            _ => return,
        };
        if self.acts.get(&seen.id).is_some_and(|act| self.ground.is_fresh(act, PATIENCE)) {
            return;
        }
        let act = match (button, &seen.job) {
            (Some(label), _) => self.ground.fake().press(&request.person, &seen.id, label),
            (None, Some(job)) => self.ground.cancel(&request.person, &seen.spot, job),
            (None, None) => return,
        };
        // The message may show something else by now; then nobody can press it.
        if let Ok(act) = act {
            self.acts.insert(seen.id.clone(), act);
        }
    }
}

/// Whether somebody has to do something about it, which is why it gets a place of its own.
fn is_steered(form: Form) -> bool {
    matches!(form, Form::Asks | Form::Cancelled | Form::Pressed | Form::Spin | Form::Left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_taken_at_its_word() {
        for (note, told) in [
            (wording::heard(), Told::Heard),
            (wording::heard_unkept(), Told::Doubted),
            (wording::heard_and_lost(), Told::Doubted),
            (wording::accepted(None), Told::Accepted),
            (wording::accepted_before(None), Told::Accepted),
            (wording::not_stored("the store is busy"), Told::Refused),
        ] {
            assert_eq!(Told::by(&note.text, Form::Short), Some(told), "{note:?}");
        }
        assert_eq!(Told::by("", Form::Short), Some(Told::Nothing));
        assert_eq!(
            (Told::by("Once, in 5 s", Form::Short), Told::by("Once, in 5 s", Form::Later)),
            (None, Some(Told::Accepted))
        );
        assert!(Told::Heard.is_promised() && !Told::Heard.is_again(), "what was heard is kept: nobody gives it again");
    }
}
