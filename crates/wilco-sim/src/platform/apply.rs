//! What a call does: faults first, then the platform's own rules.

use std::time::Duration;

use wilco_core::{Address, Cause, DeliveryKey, Limits, MessageRef, Timestamp};

use super::{Late, Moment, Platform, State};
use crate::answer::{Answer, Response, Travel, outcome_name};
use crate::faults::Fault;
use crate::message::{Author, Call, Logged, Message, Note, Version};
use crate::request::{Draft, Request, Sign, digest};

impl Platform {
    /// Takes a call: the one door of both transports.
    pub fn call(&self, request: Request) -> Response {
        let (mut state, moment) = self.settled();
        let response = state.call(request, &moment, &self.0.limits);
        drop(state);
        self.changed();
        response
    }
}

impl State {
    fn call(&mut self, request: Request, moment: &Moment, limits: &Limits) -> Response {
        let account = &request.address().account;
        let lasting = if self.offline.contains(account) {
            Some(Response { answer: Answer::Nothing, travel: Travel::NotTaken })
        } else {
            self.stopped.get(account).map(|cause| whole(Answer::Credentials(cause.clone())))
        };
        // A state that lasts is no line of the script, so it uses none up.
        let fault = match lasting {
            Some(_) => None,
            None => {
                self.script.fault(request.verb(), request.draft().map(|draft| draft.kind), &request.address().channel)
            }
        };
        let verb = request.verb();
        let call = self.note_call(&request, fault.clone(), moment.wall);
        let response = match (lasting, fault) {
            (Some(response), _) => response,
            (None, Some(fault)) => self.spoil(fault, request, call, moment, limits),
            (None, None) => whole(self.apply(&request, call, moment.wall, limits)),
        };
        self.complete_call(call, outcome_name(verb, &response));
        response
    }

    fn spoil(&mut self, fault: Fault, request: Request, call: u64, moment: &Moment, limits: &Limits) -> Response {
        let scripted = || Cause::new("scripted", "the fault script says so");
        let mut applied = |travel| Response { answer: self.apply(&request, call, moment.wall, limits), travel };
        let spared = |travel| Response { answer: Answer::Nothing, travel };
        match fault {
            Fault::RetryAfter { millis, scope } => whole(Answer::RateLimited { millis, scope }),
            Fault::Hang { applied: true } => applied(Travel::Held),
            Fault::Hang { applied: false } => spared(Travel::Held),
            Fault::Dropped => spared(Travel::NotTaken),
            Fault::Lost => applied(Travel::Cut),
            Fault::LateApply { millis } => {
                self.late.push(Late { due: moment.monotonic + Duration::from_millis(millis), call, request });
                spared(Travel::Gateway(504))
            }
            Fault::ServerError { applied: true } => applied(Travel::Gateway(502)),
            Fault::ServerError { applied: false } => spared(Travel::Gateway(502)),
            Fault::HalfAnswer => applied(Travel::Half),
            Fault::Gone => whole(Answer::Gone(scripted())),
            Fault::NotEditable => whole(Answer::NotEditable(scripted())),
            Fault::Moved { to } => whole(Answer::Moved(to)),
            Fault::Reshape => whole(Answer::Shape(scripted())),
            Fault::StopAccount => whole(Answer::Credentials(scripted())),
            Fault::Bug => whole(Answer::Malformed(scripted())),
        }
    }

    /// Late calls that are due take effect in the order in which they are due, then in that of the calls.
    pub(super) fn settle(&mut self, moment: &Moment, limits: &Limits) {
        if self.late.iter().all(|late| late.due > moment.monotonic) {
            return;
        }
        let (mut due, later): (Vec<Late>, Vec<Late>) =
            self.late.drain(..).partition(|late| late.due <= moment.monotonic);
        self.late = later;
        due.sort_by_key(|late| (late.due, late.call));
        for late in due {
            // It happened when it was due, whenever somebody looks.
            let at = moment.wall.minus(moment.monotonic.saturating_sub(late.due));
            let answer = self.apply(&late.request, late.call, at, limits);
            if let Some(why) = refusal(&answer) {
                self.note_down(at, Logged::Fizzled { call: late.call, why });
            }
        }
    }

    /// The platform's own rules, with nothing in the way.
    fn apply(&mut self, request: &Request, call: u64, at: Timestamp, limits: &Limits) -> Answer {
        if let Err(answer) = self.open(request.address()) {
            return answer;
        }
        match request {
            Request::Post { draft } => self.post(draft, call, at, limits),
            Request::Edit { message, draft } => self.edit(message, draft, call, at, limits),
            Request::Find { address, key, since } => self.find(address, key, *since, limits),
            Request::Probe { .. } => Answer::Nothing,
            Request::Status { address, sign } => self.sign(address, sign, call, at),
        }
    }

    fn open(&self, address: &Address) -> Result<(), Answer> {
        if let Some(to) = self.moved.get(address) {
            return Err(Answer::Moved(to.clone()));
        }
        let around = Address { thread: None, ..address.clone() };
        match self.closed.get(address).or_else(|| self.closed.get(&around)) {
            Some(cause) => Err(Answer::Gone(cause.clone())),
            None => Ok(()),
        }
    }

    fn post(&mut self, draft: &Draft, call: u64, at: Timestamp, limits: &Limits) -> Answer {
        if let Err(cause) = fits(draft, limits) {
            return Answer::Shape(cause);
        }
        if let Some(earlier) = self.recognised(draft, at, limits) {
            let (message, deleted) = (self.messages[earlier].reference(), self.messages[earlier].deleted);
            if deleted {
                return Answer::NotEditable(Cause::new("deleted", "the earlier message under this key was deleted"));
            }
            self.note_down(at, Logged::Recognised { call, message: message.message.clone() });
            return Answer::Shown(message);
        }
        let id = format!("m{}", self.messages.len() + 1);
        let seq =
            self.note_down(at, Logged::Posted { call, message: id, kind: draft.kind, worker: draft.worker.clone() });
        let first = version(draft, seq, at, limits);
        let id = self.append(|id| Message {
            id,
            address: draft.address.clone(),
            author: Author::Bot,
            receipt: draft.receipt.clone(),
            worker: draft.worker.clone(),
            key: Some(draft.key.clone()),
            reply_to: draft.reply_to.clone(),
            deleted: false,
            reactions: Vec::new(),
            versions: vec![first],
        });
        self.typing.remove(&draft.address);
        Answer::Shown(MessageRef { address: draft.address.clone(), message: id })
    }

    fn recognised(&self, draft: &Draft, at: Timestamp, limits: &Limits) -> Option<usize> {
        let window = limits.abilities.nonce_window?;
        let same = self.by_key.get(&draft.key)?;
        same.iter().rev().copied().find(|&position| {
            let message = &self.messages[position];
            message.address == draft.address && at.since(message.created()) < window
        })
    }

    fn edit(&mut self, target: &MessageRef, draft: &Draft, call: u64, at: Timestamp, limits: &Limits) -> Answer {
        let refused = |code: &str, text: &str| Answer::NotEditable(Cause::new(code, text));
        if !limits.abilities.edit {
            return refused("no_edit", "messages cannot be edited here");
        }
        let Some(position) =
            self.find_message(&target.message).filter(|&at| self.messages[at].address == target.address)
        else {
            return refused("unknown", "there is no such message here");
        };
        if self.messages[position].deleted {
            return refused("deleted", "the message was deleted");
        }
        if self.messages[position].author != Author::Bot {
            return refused("foreign", "the message is somebody else's");
        }
        if let Err(cause) = fits(draft, limits) {
            return Answer::Shape(cause);
        }
        let mut next = version(draft, 0, at, limits);
        let message = &mut self.messages[position];
        let reference = message.reference();
        // A stub that was posted without a worker, or taken over by a stray's press, speaks of whom the
        // last edit speaks.
        message.worker = draft.worker.clone().or_else(|| message.worker.take());
        let last = message.versions.len() - 1;
        if message.versions[last].looks_like(&next) {
            message.versions[last].kind = next.kind;
            self.note_down(at, Logged::Unchanged { call, message: reference.message.clone() });
            return Answer::Unchanged(reference);
        }
        let edited =
            Logged::Edited { call, message: reference.message.clone(), kind: draft.kind, worker: draft.worker.clone() };
        next.seq = self.note_down(at, edited);
        self.typing.remove(&reference.address);
        self.messages[position].versions.push(next);
        Answer::Shown(reference)
    }

    fn find(&self, address: &Address, key: &DeliveryKey, since: Timestamp, limits: &Limits) -> Answer {
        if !limits.abilities.look_up {
            return Answer::CannotLookUp;
        }
        let same = self.by_key.get(key).map(Vec::as_slice).unwrap_or_default();
        let found = same
            .iter()
            .rev()
            .map(|&position| &self.messages[position])
            .find(|message| message.address == *address && message.is_visible_bot() && message.created() >= since);
        found.map_or(Answer::Absent, |message| Answer::Found(message.reference()))
    }

    fn sign(&mut self, address: &Address, sign: &Sign, call: u64, at: Timestamp) -> Answer {
        match sign {
            Sign::Note { person, reply } => {
                let message = self.note(Some(call), address, person, reply, at);
                return Answer::Shown(message);
            }
            Sign::React { message, emoji } => {
                let Some(position) = self.find_message(&message.message) else {
                    return Answer::NotEditable(Cause::new("unknown", "there is no such message here"));
                };
                self.messages[position].reactions.push(emoji.clone());
                self.note_down(at, Logged::Signed { call, sign: sign.name().to_owned() });
                return Answer::Shown(self.messages[position].reference());
            }
            Sign::Thinking => {
                self.typing.insert(address.clone(), at);
            }
            Sign::StopTyping | Sign::ToolStarted { .. } | Sign::ToolCompleted { .. } | Sign::BranchStarted { .. } => {
                self.typing.remove(address);
            }
        }
        self.note_down(at, Logged::Signed { call, sign: sign.name().to_owned() });
        Answer::Nothing
    }

    /// Shows a private note.
    pub(super) fn note(
        &mut self,
        call: Option<u64>,
        address: &Address,
        person: &str,
        reply: &wilco_core::Reply,
        at: Timestamp,
    ) -> MessageRef {
        let seq = self.note_down(at, Logged::Noted { call, person: person.to_owned() });
        let name = self.names.get(person).cloned().unwrap_or_else(|| person.to_owned());
        self.notes.push(Note {
            seq,
            at,
            address: address.clone(),
            person: person.to_owned(),
            name,
            text: reply.text.clone(),
            buttons: reply.buttons.clone(),
            rows: reply.rows.clone(),
        });
        MessageRef { address: address.clone(), message: format!("n{}", self.notes.len()) }
    }

    fn note_call(&mut self, request: &Request, fault: Option<Fault>, at: Timestamp) -> u64 {
        let draft = request.draft();
        let (message, key) = match request {
            Request::Edit { message, draft } => (Some(message.message.clone()), Some(draft.key.clone())),
            Request::Post { draft } => (None, Some(draft.key.clone())),
            Request::Find { key, .. } => (None, Some(key.clone())),
            Request::Probe { .. } | Request::Status { .. } => (None, None),
        };
        let line = Call {
            account: request.address().account.clone(),
            verb: request.verb(),
            address: request.address().clone(),
            kind: draft.map(|draft| draft.kind),
            receipt: draft.and_then(|draft| draft.receipt.clone()),
            worker: draft.and_then(|draft| draft.worker.clone()),
            key,
            message,
            digest: draft.map(|draft| digest(draft.text.as_bytes())).unwrap_or_default(),
            fault,
            outcome: String::new(),
        };
        self.note_down(at, Logged::Call(Box::new(line)))
    }

    fn complete_call(&mut self, call: u64, name: &str) {
        let position = usize::try_from(call - 1).unwrap_or(usize::MAX);
        if let Some(entry) = self.log.get_mut(position)
            && let Logged::Call(call) = &mut entry.what
        {
            call.outcome = name.to_owned();
        }
    }
}

fn whole(answer: Answer) -> Response {
    Response { answer, travel: Travel::Whole }
}

/// The platform's measures. A size is planned before it is sent, so this refusal in a log means that
/// somebody's plan is wrong.
fn fits(draft: &Draft, limits: &Limits) -> Result<(), Cause> {
    let text = draft.visible_text();
    if text.trim().is_empty() && draft.file.is_none() {
        return Err(Cause::new("empty", "the message is empty"));
    }
    if !limits.unit.fits(&text, limits.text) {
        let length = limits.unit.len(&text);
        return Err(Cause::new("too_long", format!("the text is {length} long, the limit is {}", limits.text)));
    }
    match &draft.file {
        Some(_) if !limits.abilities.files => Err(Cause::new("no_files", "files are not taken here")),
        Some(file) if file.size > limits.file => {
            Err(Cause::new("file_too_large", format!("the file has {} bytes, the limit is {}", file.size, limits.file)))
        }
        Some(_) | None => Ok(()),
    }
}

fn version(draft: &Draft, seq: u64, at: Timestamp, limits: &Limits) -> Version {
    Version {
        seq,
        at,
        kind: Some(draft.kind),
        text: draft.text.clone(),
        plain: draft.plain,
        // Where a platform has no buttons an adapter leaves them out; the message itself is fine.
        buttons: if limits.abilities.buttons { draft.buttons.clone() } else { Vec::new() },
        file: draft.file.clone(),
        mention: draft.mention.clone(),
    }
}

/// Why a late call had no effect; none when it had one.
fn refusal(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Shown(_) | Answer::Unchanged(_) | Answer::Nothing | Answer::Found(_) | Answer::Absent => None,
        Answer::CannotLookUp => Some("cannot look up".to_owned()),
        Answer::RateLimited { millis, .. } => Some(format!("rate limited for {millis} ms")),
        Answer::Moved(to) => Some(format!("moved to {to}")),
        Answer::NotEditable(cause)
        | Answer::Shape(cause)
        | Answer::Gone(cause)
        | Answer::Credentials(cause)
        | Answer::Malformed(cause) => Some(cause.to_string()),
    }
}
