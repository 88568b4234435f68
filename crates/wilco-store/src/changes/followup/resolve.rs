//! Which follow-up somebody means, among those that they may see.

use wilco_core::access::Standing;
use wilco_core::desk::Caller;
use wilco_core::{Route, Short};

use crate::changes::Asker;
use crate::engine::{Tx, args};
use crate::error::StoreError;
use crate::rows::{FOLLOWUP_BY_ID, FollowupRow, followup_columns};

pub(super) const BY_SHORT: &str = concat!(followup_columns!(), "WHERE short = $1");
pub(super) const BY_PREFIX: &str =
    concat!(followup_columns!(), "WHERE short >= $1 AND short < $2 ORDER BY short LIMIT 50");
/// How many of them are looked at.
const PREFIXES: usize = 50;
pub(super) const BY_KEY: &str =
    concat!(followup_columns!(), "WHERE account = $1 AND person_id = $2 AND dedupe = $3 AND ended_at IS NULL");

/// Why no single follow-up was meant. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowupUnresolved {
    /// None of that name that this person may see.
    NotFound,
    /// Several.
    Several(Vec<Short>),
    /// It may be read, but not changed.
    NotAllowed(Short),
}

/// What somebody is to a follow-up: its originator, a moderator or a reader of its place.
pub(crate) fn standing(asker: &Asker, followup: &FollowupRow) -> Standing {
    let (account, person, address) = match &asker.caller {
        Caller::Host => return Standing::HOST,
        Caller::Person { account, person, address, guild: _ } => (account, person, address),
    };
    let shown = &followup.place.address;
    let starter = shown.account == *account && followup.person.id == person.id;
    let route = Route::from_place(&followup.place);
    let here = address.as_ref().is_some_and(|address| route.is_read_from(shown, address));
    Standing { role: asker.role, starter, moderator: person.moderator && here, here }
}

/// The follow-up that a word means: its id in the store, a short id, a unique beginning of one, or the
/// key under which the asker scheduled it.
pub(crate) async fn resolve(
    tx: &mut Tx<'_>,
    asker: &Asker,
    name: &str,
) -> Result<Result<FollowupRow, FollowupUnresolved>, StoreError> {
    let given = name.trim().trim_matches('`');
    let name = given.to_lowercase();
    // What one may not see hides nothing of what one may, and does not show that it exists.
    for sql in [FOLLOWUP_BY_ID, BY_SHORT] {
        if let Some(row) = tx.row(sql, args![&name]).await? {
            let followup = FollowupRow::decode(&row)?;
            if standing(asker, &followup).may_read() {
                return Ok(Ok(followup));
            }
        }
    }
    if let Caller::Person { account, person, .. } = &asker.caller
        && let Some(row) = tx.row(BY_KEY, args![account, person.id.as_str(), given]).await?
    {
        let followup = FollowupRow::decode(&row)?;
        if standing(asker, &followup).may_read() {
            return Ok(Ok(followup));
        }
    }
    let mut seen = Vec::new();
    if Short::looks_like(&name) {
        // The letter after the last one of the alphabet ends the range of everything with this beginning.
        let rows = tx.rows(BY_PREFIX, args![&name, format!("{name}{{")]).await?;
        let all = rows.len() < PREFIXES;
        for row in rows {
            // One row that cannot be read must not hide the others.
            match FollowupRow::decode(&row) {
                Ok(followup) if standing(asker, &followup).may_read() => seen.push(followup),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "a follow-up is left out of the candidates"),
            }
        }
        // So short a beginning may fit further ones that were not looked at: it names none of them.
        if !all && !seen.is_empty() {
            return Ok(Err(FollowupUnresolved::Several(seen.into_iter().map(|followup| followup.short).collect())));
        }
    }
    Ok(match seen.len() {
        0 => Err(FollowupUnresolved::NotFound),
        1 => Ok(seen.remove(0)),
        _ => Err(FollowupUnresolved::Several(seen.into_iter().map(|followup| followup.short).collect())),
    })
}
