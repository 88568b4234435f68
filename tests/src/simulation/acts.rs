//! What people, platforms and machines do in a simulation.

use std::time::Duration;

use futures::executor::block_on;
use wilco_core::desk::{Caller, Desk, FollowupFilter, JobFilter, Limit, ReceiptFilter};
use wilco_core::followup::FollowupAct;
use wilco_core::receipt::ReceiptState;
use wilco_core::{Address, Audience, Cause, Clock, Person, Place, Press, Short};
use wilco_sim::place;

use super::refusals;
use super::schedule::{Act, Spot, Table, Who};
use super::world::{World, account};

/// What was begun and ends by itself, at its time.
#[derive(Clone, Debug)]
pub(super) enum Lasting {
    Archived(Address),
    Revoked,
    Offline,
    Refused(Table),
}

impl World {
    pub(super) async fn acts(&mut self, act: &Act) {
        match act {
            Act::Say(who, spot, text) => self.says(*who, *spot, text),
            Act::Run(who, spot, kind, plan) => self.says(*who, *spot, &format!("/run {} p{plan}", kind.name())),
            Act::Cancel(who, spot, job, reason) => {
                if let Some(job) = self.job(*job).await {
                    let reason = if *reason { " because it is late" } else { "" };
                    self.says(*who, *spot, &format!("/cancel {job}{reason}"));
                }
            }
            Act::Watch(who, spot, job) => {
                if let Some(job) = self.job(*job).await {
                    self.says(*who, *spot, &format!("/watch {job}"));
                }
            }
            Act::Status(who, spot, job) => {
                if let Some(job) = self.job(*job).await {
                    self.says(*who, *spot, &format!("/status {job}"));
                }
            }
            Act::Press(who, nth) => self.presses(*who, *nth, |_| true),
            Act::Answer(who, nth) => self.presses(*who, *nth, |press| matches!(press, Press::Answer { .. })),
            Act::PressNote(who, nth) => self.presses_note(*who, *nth),
            Act::Redeliver => {
                let _any: bool = self.platform.redeliver_last(&account(0));
            }
            Act::Overtaken(by) => {
                let _any: bool = self.platform.postpone_last(&account(0), Duration::from_millis(*by));
            }
            Act::Delete(nth) => {
                let messages = self.platform.snapshot().messages;
                let own: Vec<_> = messages.iter().filter(|message| message.is_visible_bot()).collect();
                if !own.is_empty() {
                    self.platform.delete(&own[nth % own.len()].id).expect("the message stands there");
                }
            }
            Act::Archive(spot, millis) => {
                let address = self.place(Who::Ana, *spot).address;
                self.platform.archive(&address);
                if let Some(millis) = millis {
                    self.lasts(*millis, Lasting::Archived(address));
                }
            }
            Act::Move(spot) => {
                let from = self.place(Who::Ana, *spot).address;
                let to = Address { channel: format!("{}-moved", from.channel), ..from.clone() };
                self.platform.move_chat(&from, &to);
            }
            Act::Revoke(millis) => {
                let cause = Cause::new("401", "the credentials were refused");
                self.platform.stop_account(&account(0), Some(cause));
                self.stopped_since.get_or_insert(self.now());
                self.lasts(*millis, Lasting::Revoked);
            }
            Act::Offline(millis) => {
                self.platform.offline(&account(0), true);
                self.offline_since.get_or_insert(self.now());
                self.lasts(*millis, Lasting::Offline);
            }
            Act::SlowProbes(millis) => {
                let by = Duration::from_millis(*millis);
                self.weather.slows_probes(self.clock.monotonic() + by);
                self.slowed.push((self.now(), self.now().plus(by)));
            }
            Act::Refuse(table, millis) => {
                // Without a process nobody is refused anything.
                if self.bot().is_some() {
                    block_on(refusals::begin(&self.store_path(), *table));
                    self.lasts(*millis, Lasting::Refused(*table));
                }
            }
            Act::Clock(by) => {
                self.clock.step_wall(*by);
                self.clock_steps.push((self.now(), *by));
            }
            Act::Sleep(millis) => self.sleeps(Duration::from_millis(*millis)).await,
            Act::Kill(down) => self.kill(*down),
            Act::Drain(down) => self.drain(*down).await,
            Act::Reload => self.reloads(),
            Act::Mend => self.mends().await,
        }
    }

    fn lasts(&mut self, millis: u64, what: Lasting) {
        let until = self.clock.monotonic() + Duration::from_millis(millis);
        self.lasting.push((until, what));
    }

    /// What lasted long enough ends; with `all`, whatever lasts.
    pub(super) fn ends_lasting(&mut self, all: bool) {
        let now = self.clock.monotonic();
        let (over, still): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.lasting).into_iter().partition(|(until, _)| all || *until <= now);
        self.lasting = still;
        for (_, what) in over {
            match what {
                Lasting::Archived(address) => self.platform.reopen(&address),
                Lasting::Revoked => {
                    self.platform.stop_account(&account(0), None);
                    let since = self.stopped_since.take();
                    self.stopped.extend(since.map(|since| (account(0), since, self.now())));
                    // Whoever gives wilco new credentials has it read them.
                    self.reloads();
                }
                Lasting::Refused(table) => block_on(refusals::end(&self.store_path(), table)),
                Lasting::Offline => {
                    self.platform.offline(&account(0), false);
                    let since = self.offline_since.take();
                    self.stopped.extend(since.map(|since| (account(0), since, self.now())));
                }
            }
        }
    }

    /// Takes what the database refuses off the list of what lasts.
    pub(super) fn takes_refusals(&mut self) -> Vec<Table> {
        let mut tables = Vec::new();
        self.lasting.retain(|(_, what)| match what {
            Lasting::Refused(table) => {
                tables.push(*table);
                false
            }
            Lasting::Archived(_) | Lasting::Revoked | Lasting::Offline => true,
        });
        tables
    }

    pub(super) fn reloads(&mut self) {
        if let Some(bot) = self.bot() {
            bot.set_settings(self.settings.clone());
            self.away.push((self.now(), self.now()));
        }
    }

    async fn sleeps(&mut self, by: Duration) {
        let since = self.now();
        #[allow(clippy::disallowed_methods, reason = "the machine sleeps: time passes and nobody sees it pass")]
        tokio::time::advance(by).await;
        let slept = (since, self.now());
        self.away.push(slept);
        // Where nothing ran, nothing was suspended.
        self.suspended.extend(self.bot().map(|_| slept));
        self.pass(Duration::from_millis(1)).await;
    }

    /// Everything that an operator can put right is put right.
    pub(super) async fn mends(&mut self) {
        self.reloads();
        self.pass(Duration::from_millis(200)).await;
        let Some(desk) = self.desk() else { return };
        let filter = ReceiptFilter { state: Some(ReceiptState::Failed), limit: Limit::default() };
        let failed = desk.receipts(&Caller::Host, &filter).await.expect("the store answers");
        for receipt in failed {
            // What cannot be sent again says so; the list shows both.
            drop(desk.retry(&Caller::Host, &receipt.id).await);
        }
    }

    /// What would come again and again is called off, so that the life has an end.
    pub(super) async fn calls_off(&mut self) {
        let Some(desk) = self.desk() else { return };
        let pending = desk.followups(&Caller::Host, &FollowupFilter::default()).await.expect("the store answers");
        for followup in pending.iter().filter(|followup| followup.schedule.is_recurring()) {
            let done = desk.change(&Caller::Host, followup.short.as_str(), FollowupAct::Cancel).await;
            done.expect("a pending follow-up can be called off");
        }
    }

    async fn job(&self, nth: usize) -> Option<Short> {
        let desk = self.desk()?;
        let jobs = desk.jobs(&Caller::Host, &JobFilter::default()).await.expect("the store answers");
        (!jobs.is_empty()).then(|| jobs[nth % jobs.len()].short.clone())
    }

    pub(super) fn place(&self, who: Who, spot: Spot) -> Place {
        let person = person(who);
        match spot {
            Spot::Ops => place::public(&account(0), "ops", &person),
            Spot::Dev => place::public(&account(0), "dev", &person),
            Spot::Thread => place::thread(&account(0), "ops", "deploy", &person),
            Spot::Secret => place::private_thread(&account(0), "dev", "secret", &person),
            Spot::Direct => place::direct(&account(0), &person),
            Spot::Abroad => place::public(&account(1), "town", &person),
        }
    }

    fn says(&self, who: Who, spot: Spot, text: &str) {
        // Nobody can write where a channel is closed.
        drop(self.platform.say(&person(who), &self.place(who, spot), text));
    }

    fn presses(&self, who: Who, nth: usize, wanted: impl Fn(&Press) -> bool) {
        let snapshot = self.platform.snapshot();
        let all: Vec<(&str, &str)> = snapshot
            .messages
            .iter()
            .filter(|message| message.is_visible_bot())
            .flat_map(|message| {
                let buttons = message.shown().buttons.iter().filter(|button| wanted(&button.press));
                buttons.map(|button| (message.id.as_str(), button.label.as_str()))
            })
            .collect();
        if !all.is_empty() {
            let (message, label) = all[nth % all.len()];
            self.platform.press(&person(who), message, label).expect("the button stands there");
        }
    }

    fn presses_note(&self, who: Who, nth: usize) {
        let notes = self.platform.snapshot().notes;
        let id = person(who).id;
        let Some(note) =
            notes.iter().rfind(|note| note.person == id && !(note.buttons.is_empty() && note.rows.is_empty()))
        else {
            return;
        };
        let rows = note.rows.iter().flat_map(|row| &row.buttons);
        let presses: Vec<Press> = note.buttons.iter().chain(rows).map(|button| button.press.clone()).collect();
        if presses.is_empty() {
            return;
        }
        let place = self.places().into_iter().find(|place| place.address == note.address);
        let place = place.unwrap_or_else(|| Place::public(note.address.clone()));
        let _event: String = self.platform.press_late(&person(who), &place, None, &presses[nth % presses.len()]);
    }

    /// Where not everybody reads.
    pub(super) fn hidden(&self) -> Vec<Address> {
        let hidden = self.places().into_iter().filter(|place| place.audience != Audience::Public);
        hidden.map(|place| place.address).collect()
    }

    fn places(&self) -> Vec<Place> {
        let all = Who::ALL.into_iter().flat_map(|who| Spot::ALL.map(|spot| (who, spot)));
        all.map(|(who, spot)| self.place(who, spot)).collect()
    }
}

pub(super) fn person(who: Who) -> Person {
    Person::new(format!("id-{}", who.name()), who.name())
}
