//! The pulse: when the bot was last alive, so that what is late can say since when it was offline.

use async_trait::async_trait;
use wilco_core::Timestamp;
use wilco_core::schedule::PULSE_EVERY;

use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

const READ: &str = "SELECT alive_at, gap_from, gap_to FROM pulse WHERE id = 1";
const BEAT: &str = "INSERT INTO pulse (id, alive_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET alive_at = $1";
/// One that had hardly risen before it was gone again makes one outage of two.
const RISE: &str = "INSERT INTO pulse (id, alive_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET \
                    gap_from = CASE WHEN pulse.gap_to IS NOT NULL AND pulse.alive_at - pulse.gap_to <= $2 \
                    THEN pulse.gap_from ELSE pulse.alive_at END, gap_to = $1, alive_at = $1";

/// Says that the bot is alive.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// The wall clock.
    pub wall: Timestamp,
}

#[async_trait]
impl Change for Pulse {
    type Out = ();

    fn name(&self) -> &'static str {
        "pulse"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        tx.run(BEAT, args![self.wall]).await?;
        Ok(())
    }
}

/// Says that the bot has started, and keeps since when it had not been alive.
#[derive(Clone, Copy, Debug)]
pub struct Risen {
    /// The wall clock.
    pub wall: Timestamp,
}

#[async_trait]
impl Change for Risen {
    type Out = ();

    fn name(&self) -> &'static str {
        "risen"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let beat = i64::try_from(PULSE_EVERY.as_millis()).unwrap_or(i64::MAX);
        tx.run(RISE, args![self.wall, beat]).await?;
        Ok(())
    }
}

/// The last outage, when it covers a moment.
pub(super) async fn outage_at(tx: &mut Tx<'_>, at: Timestamp) -> Result<Option<(Timestamp, Timestamp)>, StoreError> {
    let Some(row) = tx.row(READ, args![]).await? else { return Ok(None) };
    let gap = row.opt_time("gap_from")?.zip(row.opt_time("gap_to")?);
    // The bot may have died up to one beat after it last said that it was alive.
    Ok(gap.filter(|(from, to)| *from <= at && at <= *to))
}
