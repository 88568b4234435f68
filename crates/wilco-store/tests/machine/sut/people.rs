//! What people do.

use wilco_core::desk::{CancelResult, FollowupDone};
use wilco_core::followup::{FollowupAct, Task, Wanted};
use wilco_core::settings::Admission;
use wilco_core::when::{Rule, Schedule, Zone};
use wilco_core::{ContractId, FollowupId, OccurrenceId, Press, ReceiptId, Timestamp};
use wilco_store::changes::{
    Act, AnswerDone, CancelDone, ChangeFollowup, FollowupUnresolved, NewFollowup, NewWatch, Offer, OfferItem, Offered,
    OpenGates, RequestCancel, RetryReceipt, ScheduleFollowup, Scheduling, Started, Stopped as StoreStopped, Unresolved,
};

use super::{Sut, Trouble, claude, person, wall};
use crate::backend::Backend;
use crate::command::{Answer, Stopped, When};
use crate::model::{FOLLOWUPS, PAUSE_AFTER};
use crate::names::{By, Job, Kind, Receipt, Spot, Who};

fn unexpected(offered: &impl std::fmt::Debug) -> Trouble {
    format!("unexpected: {offered:?}")
}

impl<B: Backend> Sut<B> {
    async fn say(&mut self, event: String, by: By, owner: (Who, Spot), act: Act) -> Result<Offered, Trouble> {
        let asker = self.asker(by, owner);
        self.say_in(event, asker, owner.1.place(owner.0), act).await
    }

    async fn say_in(
        &mut self,
        event: String,
        asker: wilco_store::changes::Asker,
        place: wilco_core::Place,
        act: Act,
    ) -> Result<Offered, Trouble> {
        let items = vec![OfferItem { event, asker, place, act }];
        let (now, wall, platforms, fresh) = (self.now(), self.wall(), self.platforms(), self.fresh());
        let mut answers = self.write(Offer { items, now, wall, platforms, fresh }).await?;
        answers.pop().ok_or_else(|| "an event has no answer".to_owned())
    }

    /// The name of an event that is said once.
    fn event(&self) -> String {
        format!("step {}", self.steps)
    }

    pub(super) async fn offer(&mut self, n: u32, who: Who, spot: Spot, kind: Kind) -> Result<Answer, Trouble> {
        let new = self.new_job(kind, who);
        self.know_job(Job::Asked(n), new.id.clone(), (who, spot));
        match self.say(format!("ask {n}"), By::Starter, (who, spot), Act::Run(Box::new(new))).await? {
            Offered::Run(Ok(Started { ahead, .. })) => Ok(Answer::Accepted { ahead }),
            Offered::Run(Err(Admission::PersonFull { .. })) => Ok(Answer::Is("person full")),
            Offered::Run(Err(Admission::ChannelFull { .. })) => Ok(Answer::Is("channel full")),
            Offered::Gated(_) => Ok(Answer::Is("gated")),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn offer_again(&mut self, n: u32) -> Result<Answer, Trouble> {
        let owner = self.owners[&Job::Asked(n)];
        let new = self.new_job(Kind::Report, owner.0);
        match self.say(format!("ask {n}"), By::Starter, owner, Act::Run(Box::new(new))).await? {
            Offered::Duplicate { worker: None } => Ok(Answer::Duplicate(None)),
            // The answer names it as people do; which job that is, its row says.
            Offered::Duplicate { worker: Some(short) } => {
                let rows = self.rows(vec!["SELECT id, short FROM workers"]).await?;
                let id = rows.iter().flatten().find(|row| row.text("short").is_ok_and(|text| text == short.as_str()));
                let id = id.and_then(|row| row.text("id").ok()).map(wilco_core::WorkerId::new);
                Ok(Answer::Duplicate(id.and_then(|id| self.jobs.get(&id).copied())))
            }
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn watch(&mut self, job: Job, by: By, spot: Spot) -> Result<Answer, Trouble> {
        let (who, at) = self.owners[&job];
        let asker = self.asker(by, (who, at));
        let new = NewWatch {
            contract: ContractId::new(self.draw()),
            stub: ReceiptId::new(self.draw()),
            content: ReceiptId::new(self.draw()),
        };
        let act = Act::Watch { job: self.worker(job).as_str().to_owned(), new };
        match self.say_in(self.event(), asker, spot.place(who), act).await? {
            Offered::Watch(Ok(done)) => Ok(Answer::Is(if done.already { "shown already" } else { "watches" })),
            Offered::Watch(Err(Unresolved::NotFound)) => Ok(Answer::Is("not found")),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn cancel(&mut self, job: Job, by: By, followups: bool) -> Result<Answer, Trouble> {
        let (name, reason) = (self.worker(job).as_str().to_owned(), "enough".to_owned());
        let owner = self.owners[&job];
        let done = if by == By::Host {
            let (asker, now, platforms, fresh) = (self.asker(by, owner), self.now(), self.platforms(), self.fresh());
            self.write(RequestCancel { asker, job: name, reason, now, platforms, fresh }).await?
        } else {
            let act = Act::Cancel { job: Some(name), reason, followups };
            match self.say(self.event(), by, owner, act).await? {
                Offered::Cancel(done) => done,
                Offered::CancelWith(done, stopped) => {
                    let word = match self.cancelled(job, done)? {
                        Answer::Is(word) => word,
                        _ => "completed",
                    };
                    return Ok(Answer::CancelledWith(word, self.stopped(stopped)?));
                }
                other => return Err(unexpected(&other)),
            }
        };
        match done {
            Ok(done) => self.cancelled(job, done),
            Err(Unresolved::NotFound) => Ok(Answer::Is("not found")),
            Err(other) => Err(unexpected(&other)),
        }
    }

    fn cancelled(&self, job: Job, done: CancelDone) -> Result<Answer, Trouble> {
        if done.worker != self.worker(job) {
            return Err(format!("another job was cancelled: {}", done.worker));
        }
        Ok(match done.result {
            CancelResult::Cancelling { .. } => Answer::Is("cancelling"),
            CancelResult::Cancelled { .. } => Answer::Is("cancelled"),
            CancelResult::AlreadyCancelling { by, .. } if by == "the host" => Answer::Is("the host was faster"),
            CancelResult::AlreadyCancelling { .. } => Answer::Is("the starter was faster"),
            CancelResult::AlreadyCompleted { state, .. } => Answer::Completed(state),
        })
    }

    fn stopped(&self, stopped: StoreStopped) -> Result<Stopped, Trouble> {
        let mut followups: Vec<u32> = stopped.cancelled.iter().map(|short| self.followups[short]).collect();
        let mut running: Vec<Job> = stopped.running.iter().map(|job| self.jobs[&job.id]).collect();
        followups.sort_unstable();
        running.sort_unstable();
        Ok(Stopped { followups, kept: stopped.kept, running })
    }

    pub(super) async fn stop_here(&mut self, who: Who, spot: Spot) -> Result<Answer, Trouble> {
        let act = Act::StopHere { reason: "enough".to_owned() };
        match self.say(self.event(), By::Starter, (who, spot), act).await? {
            Offered::Stopped(stopped) => Ok(Answer::Stopped(self.stopped(stopped)?)),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn press(&mut self, job: Job, number: u32, by: By, choice: u32) -> Result<Answer, Trouble> {
        let worker = self.worker(job);
        let mut id = "none".to_owned();
        for row in self.rows(vec!["SELECT id, worker, number FROM questions"]).await?.concat() {
            if row.text("worker").is_ok_and(|of| of == worker.as_str())
                && row.count("number").is_ok_and(|one| one == number)
            {
                id = row.text("id").map_err(|error| error.to_string())?;
            }
        }
        let act = Act::Press { press: Press::Answer { question: id, choice }, reason: "pressed".to_owned() };
        match self.say(self.event(), by, self.owners[&job], act).await? {
            Offered::Answer(AnswerDone::Answered { choice, .. }) => Ok(Answer::Answered(choice)),
            Offered::Answer(AnswerDone::Before { .. }) => Ok(Answer::Is("answered before")),
            Offered::Answer(AnswerDone::Expired { .. }) => Ok(Answer::Is("expired")),
            Offered::Answer(AnswerDone::NotFound) => Ok(Answer::Is("not found")),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) async fn schedule(
        &mut self,
        n: u32,
        who: Who,
        spot: Spot,
        when: When,
        key: Option<u8>,
        delete: bool,
    ) -> Result<Answer, Trouble> {
        let from = self.wall();
        let at = |after| Timestamp(from.0 + after);
        let (rule, first) = match when {
            When::Once { after } => (Rule::Once { at: at(after) }, at(after)),
            When::Every { every } => (Rule::Every { every: super::millis(every), from }, at(every)),
        };
        let (id, short) = (self.draw(), self.short().of_followup());
        self.followups.insert(short.clone(), n);
        self.followup_ids.insert(n, id.clone());
        self.originators.insert(n, (who, spot));
        let wanted = Wanted {
            task: Task::Turn { text: "check it".to_owned() },
            schedule: Schedule { zone: Zone::UTC, rule },
            first,
            reason: "later".to_owned(),
            key: key.map(|key| format!("key {key}")),
            delete_after_run: delete,
        };
        let new = NewFollowup {
            id: FollowupId::new(id),
            occurrence: OccurrenceId::new(self.draw()),
            shorts: vec![short],
            wanted,
            pause_after: PAUSE_AFTER,
            per_person: super::count(FOLLOWUPS),
            rolled: false,
        };
        let place = spot.place(who);
        let account = place.address.account.clone();
        let (person, event, now, wall) = (person(who), format!("wish {n}"), self.now(), self.wall());
        self.wishes.insert(n, ScheduleFollowup { account, event, person, place, new, now, wall });
        self.schedule_again(n).await
    }

    /// Gives a wish, for the first time or once more.
    pub(super) async fn schedule_again(&mut self, n: u32) -> Result<Answer, Trouble> {
        Ok(match self.write(self.wishes[&n].clone()).await? {
            Scheduling::Set(set) => {
                Answer::Scheduled { first: wall(set.first), replaced: set.replaced.map(|short| self.followups[&short]) }
            }
            Scheduling::TooMany { .. } => Answer::Is("too many"),
            Scheduling::GivenBefore => Answer::Is("given before"),
        })
    }

    pub(super) async fn act(&mut self, followup: u32, by: By, act: FollowupAct) -> Result<Answer, Trouble> {
        let asker = self.asker(by, self.originators[&followup]);
        let name = self.followup_ids[&followup].clone();
        let (now, wall_now, fresh) = (self.now(), self.wall(), self.fresh());
        Ok(match self.write(ChangeFollowup { asker, name, act, now, wall: wall_now, fresh }).await? {
            Ok(FollowupDone::Cancelled { .. }) => Answer::Is("cancelled"),
            Ok(FollowupDone::Paused { .. }) => Answer::Is("paused"),
            Ok(FollowupDone::Resumed { next, .. }) => Answer::Resumed(wall(next)),
            Ok(FollowupDone::Waits { .. }) => Answer::Is("waits for the gate"),
            Ok(FollowupDone::Runs { .. }) => Answer::Is("runs"),
            Ok(FollowupDone::Unchanged { .. }) => Answer::Is("unchanged"),
            Err(FollowupUnresolved::NotFound) => Answer::Is("not found"),
            Err(other) => return Err(unexpected(&other)),
        })
    }

    pub(super) async fn retry_receipt(&mut self, receipt: Receipt) -> Result<Answer, Trouble> {
        let change = RetryReceipt { receipt: self.receipt_ids[&receipt].clone(), now: self.now(), fresh: self.fresh() };
        Ok(Answer::Is(match self.write(change).await? {
            None => "unknown",
            Some(Ok(_)) => "sent again",
            Some(Err(why)) if why.contains("not failed") => "not failed",
            Some(Err(_)) => "refused",
        }))
    }

    pub(super) async fn open_gates(&mut self, stamp: Option<u8>) -> Result<Answer, Trouble> {
        let stamp = stamp.map(|stamp| stamp.to_string());
        let change = OpenGates { backend: Some(claude()), stamp, because: "somebody signed in", wall: self.wall() };
        Ok(Answer::Count(self.write(change).await?.len() as u64))
    }
}
