//! Somebody to ask what people may do, before anything is opened for them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt};
use wilco_core::access::{Grant, Role};
use wilco_core::desk::{
    Caller, CancelResult, Desk, DeskError, FollowupDone, FollowupFilter, FollowupInspection, FollowupSet, FollowupView,
    FollowupWish, Health, Inspection, JobFilter, JobView, Limit, Notice, ReceiptFilter, ReceiptView,
};
use wilco_core::followup::FollowupAct;
use wilco_core::gate::ClosedGate;
use wilco_core::pairing::PairingCode;
use wilco_core::{AccountId, BackendId, FileRef, Place, ReceiptId};
use wilco_sim::slack::Op;

use super::stage::Stage;

/// A desk that knows what people may do, and nothing else.
#[derive(Default)]
struct Rights {
    role: Mutex<Option<Role>>,
    asked: Mutex<Vec<Caller>>,
}

fn no<T>() -> Result<T, DeskError> {
    Err(DeskError::Store("this desk knows rights alone".to_owned()))
}

#[async_trait]
impl Desk for Rights {
    async fn jobs(&self, _: &Caller, _: &JobFilter) -> Result<Vec<JobView>, DeskError> {
        no()
    }
    async fn inspect(&self, _: &Caller, _: &str, _: Limit) -> Result<Inspection, DeskError> {
        no()
    }
    async fn run(&self, _: &Caller, _: &Place, _: &str, _: &str, _: &str) -> Result<JobView, DeskError> {
        no()
    }
    async fn cancel(&self, _: &Caller, _: &str, _: Option<&str>) -> Result<CancelResult, DeskError> {
        no()
    }
    async fn followups(&self, _: &Caller, _: &FollowupFilter) -> Result<Vec<FollowupView>, DeskError> {
        no()
    }
    async fn followup(&self, _: &Caller, _: &str, _: Limit) -> Result<FollowupInspection, DeskError> {
        no()
    }
    async fn schedule(&self, _: &Caller, _: &Place, _: &str, _: &FollowupWish) -> Result<FollowupSet, DeskError> {
        no()
    }
    async fn change(&self, _: &Caller, _: &str, _: FollowupAct) -> Result<FollowupDone, DeskError> {
        no()
    }
    async fn receipts(&self, _: &Caller, _: &ReceiptFilter) -> Result<Vec<ReceiptView>, DeskError> {
        no()
    }
    async fn retry(&self, _: &Caller, _: &ReceiptId) -> Result<ReceiptView, DeskError> {
        no()
    }
    async fn file(&self, _: &Caller, _: &str, _: usize) -> Result<FileRef, DeskError> {
        no()
    }
    async fn health(&self) -> Result<Health, DeskError> {
        no()
    }
    async fn gates(&self) -> Result<Vec<ClosedGate>, DeskError> {
        no()
    }
    async fn open_gate(&self, _: &Caller, _: &BackendId) -> Result<ClosedGate, DeskError> {
        no()
    }
    async fn grants(&self, _: &Caller) -> Result<Vec<Grant>, DeskError> {
        no()
    }
    async fn revoke(&self, _: &Caller, _: &AccountId, _: &str) -> Result<Grant, DeskError> {
        no()
    }
    async fn offer_pairing(&self, _: &Caller) -> Result<PairingCode, DeskError> {
        no()
    }
    fn role(&self, caller: &Caller) -> Option<Role> {
        self.asked.lock().unwrap().push(caller.clone());
        *self.role.lock().unwrap()
    }
    fn kinds(&self) -> Vec<(String, String)> {
        Vec::new()
    }
    fn subscribe(&self) -> BoxStream<'static, Notice> {
        futures::stream::empty().boxed()
    }
}

#[tokio::test]
async fn nobody_who_may_do_nothing_has_a_direct_message_opened() {
    let stage = Stage::listening().await;
    let rights = Arc::new(Rights::default());
    stage.slack.attach(Arc::clone(&rights) as Arc<dyn Desk>);
    stage.slash(&stage.general, "run report");
    assert_eq!(stage.taken(1).await[0].place.direct, None, "it is handed in, and refused by whoever knows the rules");
    assert_eq!(stage.calls(Op::OpenConversation), 0);
    let callers = rights.asked.lock().unwrap().clone();
    let Caller::Person { person, address: Some(address), guild, .. } = &callers[0] else { panic!("{:?}", callers[0]) };
    assert_eq!((&person.id, &address.channel, guild.as_ref()), (&stage.ana, &stage.general, Some(&stage.team)));
    *rights.role.lock().unwrap() = Some(Role::Operator);
    stage.slash(&stage.general, "run report");
    assert!(stage.taken(2).await[1].place.direct.is_some());
    assert_eq!(stage.calls(Op::OpenConversation), 1);
}
