//! How a script ends: everything comes to its end, and the promise is held against what is visible.

use std::time::Duration;

use wilco_core::EnvelopeKind;
use wilco_core::desk::{Caller, Desk, Limit, ReceiptView};
use wilco_core::receipt::{ReceiptKind, ReceiptState};
use wilco_sim::clock::sockets_run;

use super::{House, Process, SocketStage};
use crate::fake::{Fake, Seen};

impl<H: House> SocketStage<H> {
    /// Ends the script: faults stop, time runs on until nothing is open, and the promise is held against what is
    /// visible: each result once, nothing twice, a ping for one person and no other notification, and nothing on the
    /// wire that the platform's tables do not know.
    pub async fn ends(mut self) {
        self.ended = true;
        self.fake().calm();
        if self.process.is_none() {
            self.start().await;
        }
        for _ in 0..60 {
            let health = self.health().await;
            if health.running + health.queued + health.undelivered == 0 {
                break;
            }
            self.seconds(5).await;
        }
        for job in self.jobs().await {
            assert!(job.state.is_terminal(), "{} has not ended: {}\n{}", job.short, job.state.name(), self.told());
            self.shows_each_result(job.short.as_str()).await;
        }
        self.holds();
        let process = self.process.take().expect("the process runs");
        self.drains(process).await;
        self.holds();
    }

    /// As [`SocketStage::ends`], for scripts in which a result can be shown nowhere or a job runs on.
    pub async fn ends_open(mut self) {
        self.ended = true;
        self.moment().await;
        self.holds();
        drop(self.process.take());
    }

    /// What the store calls shown stands in its channel.
    async fn shows_each_result(&self, job: &str) {
        let inspection = self.desk().inspect(&Caller::Host, job, Limit::default()).await.expect("the job exists");
        let standing = self.fake().seen();
        for contract in &inspection.contracts {
            let of_kind = |one: &&ReceiptView| one.kind == ReceiptKind::Content && one.state == ReceiptState::Surfaced;
            let ids: Vec<&String> =
                contract.receipts.iter().filter(of_kind).filter_map(|one| one.message.as_ref()).collect();
            let shows = |id: &str| {
                let is_it = |one: &&Seen| one.id == id && !one.deleted;
                standing.iter().find(is_it).is_some_and(|one| one.kind == Some(EnvelopeKind::Content))
            };
            let shown = ids.iter().filter(|id| shows(id)).count();
            assert_eq!(shown, 1, "the result of {job} is in {ids:?}\n{}", self.told());
        }
    }

    fn holds(&self) {
        let fake = self.fake();
        assert!(fake.deviations().is_empty(), "{}", self.told());
        assert!(fake.repeated().is_empty(), "shown twice:\n{}", self.told());
        for one in fake.seen().into_iter().filter(|one| one.by_bot) {
            let ping = one.first_kind == Some(EnvelopeKind::Ping);
            assert!(!one.everyone && one.notifies.len() == usize::from(ping), "{one:#?}");
            let named = |who: &String| one.text.starts_with(&format!("@{who} "));
            assert!(one.notifies.iter().all(named), "somebody is notified who is not named: {one:#?}");
            assert!(one.previews.is_empty(), "a preview is shown: {one:#?}");
        }
        let whole = fake.whole_transcript();
        let silent = H::Fake::SILENCE.iter().any(|words| whole.contains(words));
        assert!(!silent, "somebody was not answered\n{}", self.told());
    }

    /// Stops the process as a service manager does; its limits of time pass meanwhile.
    async fn drains(&self, process: Process) {
        let drained = process.bot.drain();
        tokio::pin!(drained);
        let in_order = loop {
            tokio::select! {
                biased;
                in_order = &mut drained => break in_order,
                ran = sockets_run(8) => ran.expect("this machine has sockets"),
            }
            self.clock.advance(Duration::from_millis(50));
        };
        assert!(in_order, "the loop ended in order");
        process.store.close().await;
    }
}
