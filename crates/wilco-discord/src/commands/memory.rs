//! What wilco has registered itself, and where. Another program may have commands in the same application, and what
//! wilco has never registered is not its to take away.

use std::collections::{BTreeMap, BTreeSet};

use wilco_core::shelf::ShelfError;

use super::normal::Name;
use super::sync::Where;
use crate::discord::Discord;

/// The drawer's row.
const KEY: &str = "commands:registered";

/// The names that were registered in each place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory(pub(super) BTreeMap<Where, BTreeSet<Name>>);

impl Memory {
    /// A list that does not read is none: then nothing is taken for wilco's own but what it would register now.
    pub(super) async fn load(discord: &Discord) -> Result<Self, ShelfError> {
        let text = discord.shelf.get(KEY).await?;
        let read = |text: String| serde_json::from_str::<Vec<(Option<u64>, BTreeSet<Name>)>>(&text).ok();
        let all = text.and_then(read).unwrap_or_default();
        Ok(Self(all.into_iter().map(|(guild, names)| (guild.map_or(Where::Globally, Where::Guild), names)).collect()))
    }

    pub(super) async fn store(&self, discord: &Discord) -> Result<(), ShelfError> {
        let guild = |place: &Where| match place {
            Where::Globally => None,
            Where::Guild(id) => Some(*id),
        };
        let all: Vec<_> = self.0.iter().map(|(place, names)| (guild(place), names)).collect();
        let text = serde_json::to_string(&all).map_err(|why| ShelfError(why.to_string()))?;
        discord.shelf.put(KEY, &text).await
    }

    /// Whether wilco has registered that itself.
    pub(super) fn knows(&self, place: Where, name: &Name) -> bool {
        self.0.get(&place).is_some_and(|names| names.contains(name))
    }
}
