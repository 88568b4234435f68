//! The time zones that people set, of themselves and of channels.

use async_trait::async_trait;
use wilco_core::AccountId;
use wilco_core::when::Zone;

use crate::engine::{Change, Tx, args};
use crate::error::StoreError;

const SET: &str = "INSERT INTO zones (account, person, channel, zone) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (account, person, channel) DO UPDATE SET zone = $4";
const GET: &str = "SELECT person, zone FROM zones WHERE account = $1 \
                   AND ((person = $2 AND channel = '') OR (person = '' AND channel = $3))";

/// A zone to keep for a person or, without one, for a channel.
#[derive(Clone, Debug)]
pub struct SetZone {
    /// The connection.
    pub account: AccountId,
    /// The person's id; none for the channel.
    pub person: Option<String>,
    /// The channel.
    pub channel: String,
    /// The zone.
    pub zone: Zone,
}

pub(crate) async fn set_zone(tx: &mut Tx<'_>, set: &SetZone) -> Result<(), StoreError> {
    let (person, channel) = match &set.person {
        Some(person) => (person.as_str(), ""),
        None => ("", set.channel.as_str()),
    };
    tx.run(SET, args![&set.account, person, channel, set.zone.name()]).await?;
    Ok(())
}

/// Asks which zones were set.
#[derive(Clone, Debug)]
pub struct ZoneOf {
    /// The connection.
    pub account: AccountId,
    /// Whose.
    pub person: String,
    /// Where.
    pub channel: String,
}

/// The zones that were set. One that the program does not know any more counts as not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zones {
    /// The person's own.
    pub person: Option<Zone>,
    /// The channel's.
    pub channel: Option<Zone>,
}

#[async_trait]
impl Change for ZoneOf {
    type Out = Zones;

    fn name(&self) -> &'static str {
        "zone_of"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Zones, StoreError> {
        let mut zones = Zones::default();
        for row in tx.rows(GET, args![&self.account, self.person.as_str(), self.channel.as_str()]).await? {
            let name = row.text("zone")?;
            let zone = Zone::parse(&name).ok();
            if zone.is_none() {
                tracing::warn!(zone = name, "a stored time zone is not known any more");
            }
            if row.text("person")?.is_empty() {
                zones.channel = zone;
            } else {
                zones.person = zone;
            }
        }
        Ok(zones)
    }
}
