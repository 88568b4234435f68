//! What the loop does.

use std::collections::BTreeSet;

use wilco_core::followup::{Origin, Scheduled, Trouble as FiringTrouble};
use wilco_core::gate::GateReason;
use wilco_core::job::{Ask, Input, Progress};
use wilco_core::journal::Event;
use wilco_core::receipt::{self, Attempt, LookedUp};
use wilco_core::settings::Retention;
use wilco_core::when::Zone;
use wilco_core::wording::{self, Shown};
use wilco_core::worker::{EndKind, Ending};
use wilco_core::{DeliveryOutcome, FileRef, Found, InstanceId, MessageRef, NotSurfaced, QuestionId};
use wilco_store::changes::{
    Act, AskQuestion, Asked, BeginDue, ClaimDue, ClaimOccurrences, CloseGate, DeadlineMissed, Deadlines,
    DispatchFailed, EndEdit, ExtendDeadlines, Finish, Fire, FiredHow, FollowupTold, OfferItem, Prune, Record, Recover,
    RenewLeases, Resolution, ResumeAccounts, RetryLater, SetZone, Settle, Settled as StoreSettled, StartEdits,
};

use super::{Sut, Trouble, cause, claude, millis, operator, outcome, person, steady, wall};
use crate::backend::Backend;
use crate::command::{Answer, Kept, Learnt, Said, Settled, Taken, Told, Turn};
use crate::model::{KEEP_ROWS, KEEP_TEXTS, QUESTION_LIMIT, SILENCE_LIMIT};
use crate::names::{Claim, Edit, Firing, Job, Kind, Ms, Occurrence};

impl<B: Backend> Sut<B> {
    pub(super) async fn begin(&mut self) -> Result<Answer, Trouble> {
        let (owner, now, settings, platforms) = (self.owner(), self.now(), self.settings(), self.platforms());
        let runs = self.write(BeginDue { owner, now, settings, platforms }).await?;
        Ok(Answer::Begun(runs.iter().map(|run| (self.jobs[&run.worker], run.attempt)).collect()))
    }

    pub(super) async fn record(&mut self, job: Job, line: u8) -> Result<Answer, Trouble> {
        let line = format!("line {line}");
        let mut shown = Shown::default();
        shown.take(&Progress::Line(line.clone()));
        let events = vec![Event::Status { text: line }];
        let there = self.write(Record { worker: self.worker(job), shown, events, now: self.now() }).await?;
        Ok(Answer::Is(if there { "recorded" } else { "gone" }))
    }

    pub(super) async fn ask(&mut self, job: Job, number: u32, text: u8) -> Result<Answer, Trouble> {
        let ask = Ask { text: format!("question {text}?"), choices: vec!["yes".into(), "no".into()] };
        let question = QuestionId::new(self.draw());
        let (worker, now, fresh) = (self.worker(job), self.now(), self.fresh());
        Ok(match self.write(AskQuestion { worker, question, number, ask, now, fresh }).await? {
            Asked::Waiting(number) => Answer::Waits(number),
            Asked::Answered(choice) => Answer::Answered(choice),
            Asked::Stopped => Answer::Is("stopped"),
        })
    }

    pub(super) async fn finish(&mut self, job: Job, end: EndKind, long: bool, file: bool) -> Result<Answer, Trouble> {
        let rest = if long { "one line of text\n".repeat(200) } else { String::new() };
        let text = format!("result {}\n{rest}", self.steps);
        let files = if file { vec![FileRef { name: "a".into(), path: "/a".into(), size: 9 }] } else { Vec::new() };
        self.end(job, Ending { text, files, ..Ending::bare(end, "") }, None).await
    }

    async fn end(&mut self, job: Job, ending: Ending, gate: Option<CloseGate>) -> Result<Answer, Trouble> {
        let (worker, now, platforms, fresh) = (self.worker(job), self.now(), self.platforms(), self.fresh());
        Ok(Answer::State(self.write(Finish { worker, ending, gate, now, platforms, fresh }).await?))
    }

    pub(super) async fn halt(&mut self, job: Job, stamp: u8) -> Result<Answer, Trouble> {
        let reason = GateReason::SessionExpired;
        let gate = CloseGate { backend: claude(), reason, stamp: Some(stamp.to_string()) };
        self.end(job, Ending::bare(EndKind::Failed, ""), Some(gate)).await
    }

    pub(super) async fn retry_later(&mut self, job: Job, rest: Ms) -> Result<Answer, Trouble> {
        let (worker, now, platforms, fresh) = (self.worker(job), self.now(), self.platforms(), self.fresh());
        let change = RetryLater { worker, cause: cause(), rest: millis(rest), of: 3, now, platforms, fresh };
        Ok(Answer::Due(self.write(change).await?.map(steady)))
    }

    pub(super) async fn open_edits(&mut self, job: Job) -> Result<Answer, Trouble> {
        let (worker, now, platforms) = (self.worker(job), self.now(), self.platforms());
        let windows = self.write(StartEdits { worker, now, platforms }).await?;
        let mut open = Vec::new();
        for claim in windows.open {
            let contract = self.contracts[&claim.contract];
            let count = self.edit_counts.entry(contract).or_default();
            *count += 1;
            open.push((contract, claim.message.message.clone()));
            self.edits.insert(Edit(contract, *count), claim);
        }
        open.sort_unstable();
        Ok(Answer::Windows { open, later: windows.later.map(steady) })
    }

    pub(super) async fn close_edit(&mut self, edit: Edit, said: &Said) -> Result<Answer, Trouble> {
        let claim = self.edits[&edit].clone();
        let outcome = outcome(said, claim.message.clone(), &claim.envelope.address);
        self.write(EndEdit { claim, outcome, now: self.now() }).await?;
        Ok(Answer::None)
    }

    pub(super) async fn claim(&mut self) -> Result<Answer, Trouble> {
        let (owner, now, platforms) = (self.owner(), self.now(), self.platforms());
        let claimed = self.write(ClaimDue { owner, now, limit: 256, platforms }).await?;
        let mut taken = Vec::new();
        for claim in claimed.claims {
            let receipt = claim.envelope.receipt.as_ref().ok_or("a claim without a receipt")?;
            let name = Claim(self.receipts[receipt], claim.fence);
            taken.push(Taken {
                claim: name,
                at: claim.envelope.address.clone(),
                edits: claim.target.as_ref().map(|message| message.message.clone()),
                doubt: claim.doubt,
                reassert: claim.reassert,
            });
            self.claims.insert(name, claim);
        }
        taken.sort_by_key(|one| one.claim);
        Ok(Answer::Taken(taken))
    }

    pub(super) async fn settle(&mut self, name: Claim, learnt: &Learnt) -> Result<Answer, Trouble> {
        let claim = self.claims[&name].clone();
        let at = claim.envelope.address.clone();
        let created = MessageRef { address: at.clone(), message: format!("{name:?}") };
        let (attempt, message) = match claim.target.clone() {
            Some(message) => (Attempt::Edit, message),
            None => (Attempt::Post, created.clone()),
        };
        // Where a chat has moved meanwhile, a platform names the address that is used now.
        let here = match learnt {
            Learnt::Said(Said::MovedHere) | Learnt::Refused(Said::MovedHere) => {
                self.address_of(name.0).await?.unwrap_or(at)
            }
            _ => at,
        };
        let resolution = match learnt {
            Learnt::Said(said) => Resolution::Answered(attempt, outcome(said, message, &here)),
            Learnt::Found => Resolution::LookedUp(LookedUp::Settle(created)),
            Learnt::Absent => Resolution::LookedUp(LookedUp::SendNow),
            Learnt::CannotTell => Resolution::LookedUp(LookedUp::NextGeneration(cause())),
            Learnt::AskLater => Resolution::LookedUp(LookedUp::Later(cause())),
            Learnt::Refused(said) => match outcome(said, message, &here) {
                DeliveryOutcome::NotSurfaced(reason) => {
                    Resolution::LookedUp(receipt::looked_up(&claim.facts, Found::Refused(reason)))
                }
                shown @ DeliveryOutcome::Surfaced(_) => return Err(format!("a look-up is not refused by {shown:?}")),
            },
        };
        let change = Settle {
            receipt: self.receipt_ids[&name.0].clone(),
            fence: name.1,
            owner: self.owner(),
            reassert: claim.reassert,
            resolution,
            now: self.now(),
            jitter: 1.0,
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        Ok(Answer::Settled(match self.write(change).await? {
            StoreSettled::Surfaced => Settled::Surfaced,
            StoreSettled::RetryScheduled { at, attempts } => Settled::Again { at: at.map(steady), attempts },
            StoreSettled::Rerouted => Settled::Rerouted,
            StoreSettled::FailedForGood(cause) => Settled::Failed(cause.code),
            StoreSettled::Superseded => Settled::Superseded,
        }))
    }

    pub(super) async fn resume_accounts(&mut self) -> Result<Answer, Trouble> {
        Ok(Answer::Count(self.write(ResumeAccounts { now: self.now() }).await?))
    }

    /// Judges every deadline, and ends what has run out of time, as the deadline watch does.
    pub(super) async fn judge(&mut self) -> Result<Answer, Trouble> {
        let now = self.now();
        let passed = self.backend.engine().read(Deadlines { now }).await.map_err(|error| error.to_string())?;
        let mut timed_out = Vec::new();
        for missed in passed {
            let job = self.jobs[&missed.worker];
            if let Some(words) = self.write(DeadlineMissed { missed, now }).await? {
                let why = match words {
                    words if words == wording::silence(millis(SILENCE_LIMIT)) => "silent",
                    words if words == wording::unanswered(millis(QUESTION_LIMIT)) => "unanswered",
                    words if words == wording::limit(millis(1_800_000)) => "limit",
                    words => return Err(format!("{job:?} timed out for {words}")),
                };
                timed_out.push((job, why));
            }
        }
        timed_out.sort_unstable();
        for (job, _) in &timed_out {
            self.end(*job, Ending::bare(EndKind::TimedOut, ""), None).await?;
        }
        Ok(Answer::TimedOut(timed_out))
    }

    pub(super) async fn extend(&mut self, by: Ms) -> Result<Answer, Trouble> {
        self.write(ExtendDeadlines { by: millis(by) }).await?;
        Ok(Answer::None)
    }

    pub(super) async fn renew_leases(&mut self) -> Result<Answer, Trouble> {
        self.write(RenewLeases { owner: self.owner(), now: self.now() }).await?;
        Ok(Answer::None)
    }

    pub(super) async fn recover(&mut self, owner: InstanceId, alone: bool) -> Result<Answer, Trouble> {
        let (now, wall, platforms, fresh) = (self.now(), self.wall(), self.platforms(), self.fresh());
        let found = self.write(Recover { owner, alone, now, wall, platforms, fresh }).await?;
        let (rerun, ended, in_doubt, released) = (found.rerun, found.ended, found.in_doubt, found.released);
        Ok(Answer::Recovered { rerun, ended, in_doubt, released })
    }

    pub(super) async fn prune(&mut self) -> Result<Answer, Trouble> {
        let retention = Retention { bodies: millis(KEEP_TEXTS), receipts: millis(KEEP_ROWS) };
        let pruned = self.write(Prune { now: self.now(), retention }).await?;
        let emptied: BTreeSet<Job> = pruned.emptied.iter().map(|worker| self.jobs[worker]).collect();
        let (dropped, followups) = (pruned.dropped, pruned.followups);
        Ok(Answer::Pruned { emptied: emptied.into_iter().collect(), dropped, followups })
    }

    fn told(&self, told: &[FollowupTold]) -> Told {
        told.iter().map(|one| (self.followups[&one.short], one.status)).collect()
    }

    pub(super) async fn claim_occurrences(&mut self) -> Result<Answer, Trouble> {
        let change = ClaimOccurrences {
            owner: self.owner(),
            now: self.now(),
            wall: self.wall(),
            limit: 64,
            settings: self.settings().followups,
            fresh: self.fresh(),
        };
        let claimed = self.write(change).await?;
        let mut firings = Vec::new();
        for firing in claimed.firings {
            let followup = self.followups[&firing.short];
            let name = Firing(Occurrence { followup, due: wall(firing.due), manual: firing.manual }, firing.fence);
            firings.push((name, firing.late.is_some(), firing.attempts));
            self.firings.insert(name, firing);
        }
        firings.sort_unstable();
        Ok(Answer::Firings(firings, self.told(&claimed.told)))
    }

    pub(super) async fn fire(&mut self, name: Firing, turn: Turn) -> Result<Answer, Trouble> {
        let firing = self.firings[&name].clone();
        let followup = name.0.followup;
        let (who, spot) = self.originators[&followup];
        let act = match turn {
            Turn::Start(kind) => Act::Run(Box::new(self.scheduled_job(kind, name))),
            Turn::Done => {
                let (account, channel) = (firing.place.address.account.clone(), firing.place.address.channel.clone());
                Act::SetZone(SetZone { account, person: Some(firing.person.id.clone()), channel, zone: Zone::UTC })
            }
            Turn::InVain => Act::Cancel { job: Some("nothing".into()), reason: "enough".into(), followups: false },
        };
        let asker = operator(person(who), firing.place.address.clone());
        let event = format!("followup/{}", firing.occurrence);
        let change = Fire {
            occurrence: firing.occurrence,
            fence: firing.fence,
            owner: self.owner(),
            item: OfferItem { event, asker, place: firing.place, act },
            now: self.now(),
            wall: self.wall(),
            platforms: self.platforms(),
            fresh: self.fresh(),
        };
        let fired = self.write(change).await?;
        let how = match fired.how {
            FiredHow::Job { worker, .. } => {
                let n = self.fired.entry(followup).or_default();
                let job = Job::Fired { followup, n: *n };
                *n += 1;
                self.know_job(job, worker, (who, spot));
                "job"
            }
            FiredHow::Turn(_) => "turn",
            FiredHow::Held => "held",
            FiredHow::Superseded => "superseded",
        };
        Ok(Answer::Fired(how, self.told(&fired.told)))
    }

    fn scheduled_job(&mut self, kind: Kind, name: Firing) -> wilco_store::changes::NewJob {
        let firing = self.firings[&name].clone();
        let (who, _) = self.originators[&name.0.followup];
        let origin = Origin::Scheduled(Scheduled {
            followup: firing.short.clone(),
            due: firing.due,
            fired: self.wall(),
            zone: firing.zone,
            originator: firing.person.name.clone(),
            reason: firing.purpose.clone(),
            manual: firing.manual,
            late: firing.late,
        });
        let input = Input { origin, ..Input::new(firing.task.text(), firing.person) };
        wilco_store::changes::NewJob { input, ..self.new_job(kind, who) }
    }

    pub(super) async fn dispatch_failed(&mut self, name: Firing, kept: Kept) -> Result<Answer, Trouble> {
        let firing = self.firings[&name].clone();
        let trouble = match kept {
            Kept::Gone => FiringTrouble::Gone(cause()),
            Kept::NotAllowed => FiringTrouble::NotAllowed("not any more".into()),
            Kept::Refused => FiringTrouble::Refused("no such worker".into()),
            Kept::Busy => FiringTrouble::Busy,
        };
        let change = DispatchFailed {
            occurrence: firing.occurrence,
            fence: firing.fence,
            owner: self.owner(),
            trouble,
            now: self.now(),
            wall: self.wall(),
            fresh: self.fresh(),
        };
        let told = self.write(change).await?;
        Ok(Answer::Told(self.told(&told)))
    }
}

/// The compiler says here when a platform can answer something that the commands do not know.
#[allow(dead_code, reason = "it is there for its match alone")]
fn every_outcome_has_a_command(reason: &NotSurfaced) {
    match reason {
        NotSurfaced::Silent
        | NotSurfaced::RetryAfter { .. }
        | NotSurfaced::Retry(_)
        | NotSurfaced::Ambiguous(_)
        | NotSurfaced::Fallback(_)
        | NotSurfaced::Reshape(_)
        | NotSurfaced::Moved(_)
        | NotSurfaced::Gone(_)
        | NotSurfaced::StopAccount(_)
        | NotSurfaced::Bug(_) => {}
    }
}
