//! Follow-ups: the loop sleeps until the next one is due by the wall clock, claims what is, and fires it.
//! One that is tried again waits as a stored time, so it delays nobody (requirement F14).

use std::time::Duration;

use wilco_core::Timestamp;
use wilco_store::StoreError;
use wilco_store::changes::{ClaimOccurrences, ClaimedOccurrences, Pulse};

use super::timers::Timer;
use super::{ChannelLoop, Flight, Phase, STORE_PAUSE};
use crate::event::Event;
use crate::firing::{self, Shot};

/// How many claims may be held at once. Most of them only wait: for a platform that is slow to say whether an
/// address stands, or for their turn. It is that many, so that those of one platform leave room for others.
const FIRES: u32 = 4_096;
/// How many one claim takes, so that its transaction stays short.
const CLAIM: u32 = 64;
/// A wall clock that moved by more than this against the steady time was set by somebody.
const STEP: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(crate) struct Followups {
    claiming: Flight,
    in_flight: u32,
    /// The store did not take the last claim; until then it is left alone, and nothing more is said of it.
    rests: Option<Timestamp>,
    /// By how much the wall clock stood before the steady time, in milliseconds, when it was last looked at.
    ahead: i64,
}

impl Followups {
    pub(crate) fn is_idle(&self) -> bool {
        !self.claiming.busy && self.in_flight == 0
    }
}

impl ChannelLoop {
    fn wall(&self) -> Timestamp {
        self.shared.clock().now()
    }

    /// Claims what is due, if there is room. A process that is about to stop leaves it to the next one.
    pub(super) fn poke_followups(&mut self) {
        let room = FIRES.saturating_sub(self.followups.in_flight);
        if let Some(until) = self.followups.rests
            && self.now() < until
        {
            self.timers.set(Timer::Followups, until);
            return;
        }
        if self.phase != Phase::Serving || room == 0 || !self.followups.claiming.start() {
            return;
        }
        let store = self.shared.store().clone();
        let change = ClaimOccurrences {
            owner: self.shared.owner(),
            now: self.now(),
            wall: self.wall(),
            limit: room.min(CLAIM),
            settings: self.shared.settings().followups,
            fresh: self.shared.fresh(),
        };
        self.hand(async move { store.write(change).await }, Event::FollowupsClaimed);
    }

    pub(super) fn on_followups_claimed(&mut self, claimed: Result<ClaimedOccurrences, StoreError>) {
        let again = self.followups.claiming.end();
        let ClaimedOccurrences { firings, told, more } = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                let until = self.now().plus(STORE_PAUSE);
                // Said once for each outage, not at each attempt (requirement O3).
                if self.followups.rests.replace(until).is_none() {
                    tracing::error!(%error, "follow-ups wait for the store");
                }
                self.timers.set(Timer::Followups, until);
                return;
            }
        };
        self.followups.rests = None;
        // What was settled without firing may have something to say.
        if !told.is_empty() {
            self.begin();
        }
        for told in &told {
            self.shared.notify_followup(told);
        }
        for firing in firings {
            self.followups.in_flight += 1;
            let fire = firing::fire(self.shared.clone(), self.rooms.clone(), firing);
            self.hand(fire, |shot| Event::FollowupFired(Box::new(shot)));
        }
        if more || again {
            self.poke_followups();
        } else {
            self.look_due();
        }
    }

    pub(super) fn on_followup_fired(&mut self, shot: Shot) {
        self.followups.in_flight = self.followups.in_flight.saturating_sub(1);
        for told in &shot.told {
            self.shared.notify_followup(told);
        }
        if !shot.told.is_empty() {
            self.begin();
        }
        self.on_taken(shot.taken);
        // There is room for another one, and one that is tried again has its new time.
        self.poke_followups();
    }

    /// The next follow-up is due at this wall time.
    pub(super) fn followup_due(&mut self, at: Timestamp) {
        let wait = at.since(self.wall());
        self.timers.set(Timer::Followups, self.now().plus(wait));
    }

    /// A wall clock that was set makes other things due: the timer is set anew from what is stored. What
    /// has fired is settled, and what comes next is later than it, so nothing fires twice (requirement F8).
    pub(super) fn notice_clock_step(&mut self) {
        let ahead = self.wall().0.saturating_sub(self.now().0);
        let moved = ahead.abs_diff(self.followups.ahead);
        if Duration::from_millis(moved) > STEP {
            let by_ms = ahead.saturating_sub(self.followups.ahead);
            tracing::warn!(by_ms, "the wall clock was set; follow-ups go by the new time");
            self.followups.ahead = ahead;
            self.poke_followups();
        }
    }

    /// Says that the bot is alive, so that a later start knows since when it was not.
    pub(super) fn pulse(&mut self) {
        self.timers.set(Timer::Pulse, self.now().plus(wilco_core::schedule::PULSE_EVERY));
        let (store, wall) = (self.shared.store().clone(), self.wall());
        self.hand(async move { store.write(Pulse { wall }).await }, Event::Kept);
    }
}
