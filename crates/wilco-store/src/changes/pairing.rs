//! Pairing, and the rights that come of it.

use async_trait::async_trait;
use wilco_core::access::{Grant, Role};
use wilco_core::pairing::{self, LIVES, PairingDigest, Refusal};
use wilco_core::{AccountId, Person, Timestamp};

use crate::engine::{Change, Row, Tx, args};
use crate::error::StoreError;
use crate::rows::named;

const OFFER: &str = "INSERT INTO pairing (id, digest, expires_at) VALUES (1, $1, $2) \
                     ON CONFLICT (id) DO UPDATE SET digest = $1, expires_at = $2, wrong = 0, used_at = NULL";
const OFFERED: &str = "SELECT digest, expires_at, wrong, used_at FROM pairing WHERE id = 1";
const END: &str = "DELETE FROM pairing";
const USED: &str = "UPDATE pairing SET used_at = $1 WHERE id = 1 AND used_at IS NULL";
const WRONG: &str = "UPDATE pairing SET wrong = wrong + 1 WHERE id = 1";
const TRIES: &str = "SELECT tried_at FROM pairing_tries WHERE account = $1 AND person = $2 ORDER BY tried_at, event";
const TRIED: &str = "INSERT INTO pairing_tries (account, person, event, tried_at) VALUES ($1, $2, $3, $4)";
const FORGET: &str = "DELETE FROM pairing_tries WHERE tried_at <= $1";
const GRANT: &str = "INSERT INTO grants (account, person, name, role, granted_at) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (account, person) DO UPDATE SET name = $3, role = $4, granted_at = $5";
const ALL: &str = "SELECT account, person, name, role, granted_at FROM grants ORDER BY account, granted_at, person";
const ONE: &str = "SELECT account, person, name, role, granted_at FROM grants WHERE account = $1 AND person = $2";
const REVOKE: &str = "DELETE FROM grants WHERE account = $1 AND person = $2";

/// A person gives a code: the tries are counted, and the right one makes them owner of the account.
pub(super) async fn pair(
    tx: &mut Tx<'_>,
    account: &AccountId,
    person: &Person,
    event: &str,
    given: &PairingDigest,
    now: Timestamp,
) -> Result<Result<Grant, Refusal>, StoreError> {
    tx.run(FORGET, args![Timestamp(now.0.saturating_sub(millis(pairing::WITHIN)))]).await?;
    let offered = tx.row(OFFERED, args![]).await?.as_ref().map(offered).transpose()?;
    let rows = tx.rows(TRIES, args![account, person.id.as_str()]).await?;
    let tries = rows.iter().map(|row| row.time("tried_at")).collect::<Result<Vec<_>, _>>()?;
    let (id, on) = (person.id.clone(), account.clone());
    if let Err(refusal) = pairing::judge(offered.as_ref(), &tries, given, now) {
        if refusal.counts() {
            tx.run(TRIED, args![account, person.id.as_str(), event, now]).await?;
            tx.run(WRONG, args![]).await?;
        }
        tx.tell(move || tracing::warn!(account = %on, person = id, ?refusal, "a pairing code was not taken"));
        return Ok(Err(refusal));
    }
    tx.run(USED, args![now]).await?;
    let (account, person, name) = (account.clone(), person.id.clone(), person.name.clone());
    let grant = Grant { account, person, name, role: Role::Owner, since: now };
    save(tx, &grant).await?;
    tx.tell(move || tracing::warn!(account = %on, person = id, "became owner by the pairing code"));
    Ok(Ok(grant))
}

/// The code ends with the process that served it.
pub(super) async fn end_offer(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.run(END, args![]).await?;
    Ok(())
}

async fn save(tx: &mut Tx<'_>, grant: &Grant) -> Result<(), StoreError> {
    let (person, name) = (grant.person.as_str(), grant.name.as_str());
    tx.run(GRANT, args![&grant.account, person, name, grant.role.name(), grant.since]).await?;
    Ok(())
}

fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn offered(row: &Row) -> Result<pairing::Offered, StoreError> {
    Ok(pairing::Offered {
        digest: PairingDigest::stored(row.text("digest")?),
        expires: row.time("expires_at")?,
        wrong: row.count("wrong")?,
        used: row.opt_time("used_at")?.is_some(),
    })
}

fn grant(row: &Row) -> Result<Grant, StoreError> {
    Ok(Grant {
        account: AccountId::new(row.text("account")?),
        person: row.text("person")?,
        name: row.text("name")?,
        role: named(row, "role", Role::from_name)?,
        since: row.time("granted_at")?,
    })
}

/// Offers a code; one that was offered before is not taken any more. Answers until when it lives.
#[derive(Clone, Debug)]
pub struct OfferPairing {
    /// Which, without its letters.
    pub digest: PairingDigest,
    /// The steady time.
    pub now: Timestamp,
}

#[async_trait]
impl Change for OfferPairing {
    type Out = Timestamp;

    fn name(&self) -> &'static str {
        "offer_pairing"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Timestamp, StoreError> {
        let expires = self.now.plus(LIVES);
        tx.run(OFFER, args![self.digest.as_str(), expires]).await?;
        Ok(expires)
    }
}

/// Asks which rights were given while the bot ran.
#[derive(Clone, Copy, Debug)]
pub struct Grants;

#[async_trait]
impl Change for Grants {
    type Out = Vec<Grant>;

    fn name(&self) -> &'static str {
        "grants"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Vec<Grant>, StoreError> {
        tx.rows(ALL, args![]).await?.iter().map(grant).collect()
    }
}

/// Takes a right away that was given while the bot ran. Answers what it was; none when there was none.
#[derive(Clone, Debug)]
pub struct RevokeGrant {
    /// The connection.
    pub account: AccountId,
    /// The person's id.
    pub person: String,
}

#[async_trait]
impl Change for RevokeGrant {
    type Out = Option<Grant>;

    fn name(&self) -> &'static str {
        "revoke_grant"
    }

    async fn apply(&self, tx: &mut Tx<'_>) -> Result<Option<Grant>, StoreError> {
        let Some(row) = tx.row(ONE, args![&self.account, self.person.as_str()]).await? else { return Ok(None) };
        let revoked = grant(&row)?;
        tx.run(REVOKE, args![&self.account, self.person.as_str()]).await?;
        let (account, person) = (self.account.clone(), self.person.clone());
        tx.tell(move || tracing::warn!(%account, person, "is not owner any more: the right was revoked"));
        Ok(Some(revoked))
    }
}
