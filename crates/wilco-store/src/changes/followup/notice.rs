//! What is told about a follow-up that did not run: a `say` job in the same place, so that it takes the
//! same route, and has the same promise, as any result (requirement F12).

use wilco_core::followup::Origin;
use wilco_core::job::{Input, SAY};
use wilco_core::settings::{KindSettings, Quotas};
use wilco_core::{Person, Place, Short, Timestamp};

use crate::changes::Fresh;
use crate::changes::accept::{self, NewJob};
use crate::engine::Tx;
use crate::error::StoreError;
use crate::rows::FollowupRow;

/// Tells the originator, in the place of the follow-up or along its route. Where the store takes no
/// such job, what is told of is stored all the same, and the log says that nobody could be told.
pub(super) async fn tell(
    tx: &mut Tx<'_>,
    followup: &FollowupRow,
    text: String,
    now: Timestamp,
    fresh: &mut Fresh,
) -> Result<(), StoreError> {
    tell_at(tx, &followup.short, &followup.place, &followup.person, text, now, fresh).await
}

/// The same for a follow-up of which not everything can be read.
pub(super) async fn tell_at(
    tx: &mut Tx<'_>,
    short: &Short,
    place: &Place,
    person: &Person,
    text: String,
    now: Timestamp,
    fresh: &mut Fresh,
) -> Result<(), StoreError> {
    let job = NewJob {
        id: fresh.worker(),
        shorts: fresh.shorts(),
        contract: fresh.contract(),
        stub: fresh.receipt(),
        content: fresh.receipt(),
        kind: SAY.to_owned(),
        input: Input { origin: Origin::Notice { followup: short.clone() }, ..Input::new(text, person.clone()) },
        rules: KindSettings::default(),
        quotas: Quotas::default(),
        backend: None,
    };
    let lines = tx.begin_part().await?;
    let error = match accept::accept(tx, &job, place, person, now).await {
        Ok(Ok(_)) => return tx.keep_part().await,
        Ok(Err(refused)) => StoreError::Refused(format!("a notice was not admitted: {refused:?}")),
        Err(error) if error.is_transient() => return Err(error),
        Err(error) => error,
    };
    tx.undo_part(lines).await?;
    let short = short.clone();
    tx.tell(
        move || tracing::error!(followup_id = %short, %error, "nobody could be told of a follow-up that did not run"),
    );
    Ok(())
}
