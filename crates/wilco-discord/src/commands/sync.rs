//! Bringing what is registered in step with the table, by difference.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;
use serenity::all::ApplicationId;
use tracing::{debug, info, warn};
use wilco_core::shelf::ShelfError;

use super::calls::{application, create, guilds, overwrite, registered, remove};
use super::memory::Memory;
use super::normal::{self, Commands, Name};
use super::table;
use crate::discord::Discord;

/// The bot is not in that guild any more, or never was allowed to have commands there (Discord API, "JSON Error
/// Codes": unknown guild, missing access).
const NOT_THERE: [i64; 2] = [10_004, 50_001];

/// Where commands are registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Where {
    /// In every guild and in direct messages. A change is there at once; a client may show it after a restart only.
    Globally,
    /// In the guild with this id alone.
    Guild(u64),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Globally => f.write_str("globally"),
            Self::Guild(id) => write!(f, "in guild {id}"),
        }
    }
}

/// What is registered otherwise than it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where the commands belong.
    pub place: Where,
    /// Not registered there yet.
    pub added: Vec<String>,
    /// Registered there in another form.
    pub changed: Vec<String>,
    /// Registered there by wilco, and in no table any more.
    pub removed: Vec<String>,
    /// Registered there by another program: they are named and left alone, and are no difference.
    pub foreign: Vec<String>,
    /// Commands of wilco's that are registered where they do not belong, and so stand in the menu twice.
    pub doubled: Vec<(Where, Vec<String>)>,
}

impl Difference {
    /// Whether everything is in step.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty() && self.doubled.is_empty()
    }

    fn in_place(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            write!(f, "The commands {} are in step.", self.place)?;
        } else {
            write!(f, "The commands {} differ:", self.place)?;
        }
        for (sign, names) in [('+', &self.added), ('~', &self.changed), ('-', &self.removed)] {
            for name in names {
                write!(f, "\n  {sign} {name}")?;
            }
        }
        for (place, names) in &self.doubled {
            write!(f, "\n  - {place}, where they would stand twice: {}", names.join(", "))?;
        }
        for name in &self.foreign {
            write!(f, "\n  = {name}, registered by another program; it stays")?;
        }
        Ok(())
    }
}

/// Why commands could not be compared or registered. What was registered before stays as it is.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommandsError {
    /// Discord refused.
    #[error("Discord refused {what}: {why}. Nothing was changed by this step; {hint}")]
    Refused {
        /// What was tried.
        what: String,
        /// Discord's own code, where it names one.
        code: Option<i64>,
        /// Discord's words.
        why: String,
        /// What to do.
        hint: &'static str,
    },
    /// Nobody answered, or not in a way that can be read.
    #[error("{what} did not work: {why}. Whatever is registered stays; try again in a moment")]
    Unreachable {
        /// What was tried.
        what: String,
        /// What went wrong.
        why: String,
    },
    /// The store did not answer.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
}

/// Compares what is registered with the table. Changes nothing.
///
/// # Errors
/// [`CommandsError`] when Discord or the store does not answer.
pub async fn diff(discord: &Discord) -> Result<Difference, CommandsError> {
    Ok(look(discord, Breadth::Everywhere).await?.difference)
}

/// Registers what differs, and sends nothing where nothing does. Answers what differed. What another program has
/// registered for the same application stays.
///
/// # Errors
/// [`CommandsError`] when Discord or the store does not answer. It can be called again at any time.
pub async fn sync(discord: &Discord) -> Result<Difference, CommandsError> {
    bring_in_step(discord, Breadth::Everywhere).await
}

/// What a bot does once when it starts: as [`sync`], but only the places are looked at that wilco has registered
/// commands in, so that it costs a few questions also where the bot is in many guilds. A failure is said in the log
/// with what to do, and nothing else comes of it.
pub async fn register_at_start(discord: &Discord) {
    match bring_in_step(discord, Breadth::Remembered).await {
        Ok(difference) if difference.is_empty() => {
            debug!(place = %difference.place, "discord: the commands are in step")
        }
        Ok(difference) => info!(
            place = %difference.place, added = difference.added.len(), changed = difference.changed.len(),
            removed = difference.removed.len(), "discord: registered the commands that differed"
        ),
        Err(error) => warn!(
            %error,
            "discord: the commands in Discord's menu could not be brought in step; everything else works, also by \
             mentioning the bot. `wilco commands sync` tries it again, and so does the next start"
        ),
    }
}

/// Where is looked for commands that stand in the wrong place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Breadth {
    /// Also in guilds where nothing of ours is known to be.
    Everywhere,
    /// Where wilco has registered something.
    Remembered,
}

async fn bring_in_step(discord: &Discord, breadth: Breadth) -> Result<Difference, CommandsError> {
    let seen = look(discord, breadth).await?;
    let (application, place) = (seen.application, seen.difference.place);
    // What will be ours is remembered before it is written, so that it is never taken for somebody else's.
    let mut before_writing = seen.memory.clone();
    before_writing.0.entry(place).or_default().extend(seen.own.keys().cloned());
    if before_writing != seen.memory {
        before_writing.store(discord).await?;
    }
    // What stands twice goes first: a moment without a command is better than a menu that shows each twice.
    for (other, ours, is_alone) in &seen.elsewhere {
        if *is_alone {
            overwrite(discord, application, *other, &[]).await?;
        } else {
            for command in ours {
                remove(discord, application, *other, command).await?;
            }
        }
    }
    if !seen.difference.in_place() {
        let wanted = table::render(place == Where::Globally);
        if seen.difference.foreign.is_empty() {
            overwrite(discord, application, place, &wanted).await?;
        } else {
            one_by_one(discord, &seen, &wanted).await?;
        }
    }
    let after = Memory([(place, seen.own.into_keys().collect())].into());
    if after != before_writing {
        after.store(discord).await?;
    }
    Ok(seen.difference)
}

/// Beside commands of another program each is written alone: a list of all would take the others away.
async fn one_by_one(discord: &Discord, seen: &Seen, wanted: &[Value]) -> Result<(), CommandsError> {
    let (application, place) = (seen.application, seen.difference.place);
    for command in &seen.there {
        let name = normal::name(command);
        if !seen.own.contains_key(&name) && seen.memory.knows(place, &name) {
            remove(discord, application, place, command).await?;
        }
    }
    let there = normal::all(&seen.there, place == Where::Globally);
    for command in wanted {
        let name = normal::name(command);
        if there.get(&name) != seen.own.get(&name) {
            create(discord, application, place, command).await?;
        }
    }
    Ok(())
}

struct Seen {
    application: ApplicationId,
    memory: Memory,
    own: Commands,
    difference: Difference,
    /// What is registered where ours belong.
    there: Vec<Value>,
    /// Other places, with what is ours there, and whether nothing else stands there.
    elsewhere: Vec<(Where, Vec<Value>, bool)>,
}

async fn look(discord: &Discord, breadth: Breadth) -> Result<Seen, CommandsError> {
    let application = application(discord).await?;
    let place = discord.options.guild.map_or(Where::Globally, Where::Guild);
    let memory = Memory::load(discord).await?;
    let there = registered(discord, application, place).await?;
    let own = normal::all(&table::render(place == Where::Globally), place == Where::Globally);
    let mut difference = compare(place, &own, &normal::all(&there, place == Where::Globally), &memory);
    let mut elsewhere = Vec::new();
    for other in others(discord, place, &memory, breadth).await? {
        let all = match registered(discord, application, other).await {
            Ok(all) => all,
            // What was registered there went with the bot.
            Err(CommandsError::Refused { code: Some(code), .. })
                if other != Where::Globally && NOT_THERE.contains(&code) =>
            {
                continue;
            }
            Err(error) => return Err(error),
        };
        let (ours, others): (Vec<Value>, Vec<Value>) =
            all.into_iter().partition(|command| is_ours(command, other, &memory));
        if !ours.is_empty() {
            difference.doubled.push((other, ours.iter().map(|one| shown(&normal::name(one))).collect()));
            elsewhere.push((other, ours, others.is_empty()));
        }
    }
    Ok(Seen { application, memory, own, difference, there, elsewhere })
}

/// Whether wilco has registered that, as far as it remembers, or would register it just like that.
fn is_ours(command: &Value, place: Where, memory: &Memory) -> bool {
    let (name, global) = (normal::name(command), place == Where::Globally);
    let same = |own: Commands| {
        let all = normal::all(std::slice::from_ref(command), global);
        own.get(&name).is_some_and(|one| all.get(&name) == Some(one))
    };
    memory.knows(place, &name) || same(normal::all(&table::render(global), global))
}

fn compare(place: Where, own: &Commands, there: &Commands, memory: &Memory) -> Difference {
    let names = |pick: &dyn Fn(&Name) -> bool, from: &Commands| -> Vec<String> {
        from.keys().filter(|name| pick(name)).map(shown).collect()
    };
    Difference {
        place,
        added: names(&|name| !there.contains_key(name), own),
        changed: names(&|name| there.get(name).is_some_and(|other| Some(other) != own.get(name)), own),
        removed: names(&|name| !own.contains_key(name) && memory.knows(place, name), there),
        foreign: names(&|name| !own.contains_key(name) && !memory.knows(place, name), there),
        doubled: Vec::new(),
    }
}

pub(super) fn shown((kind, name): &Name) -> String {
    if *kind == 1 { format!("/{name}") } else { format!("\u{201c}{name}\u{201d} in a menu") }
}

/// Where else commands of ours may stand.
async fn others(
    discord: &Discord,
    place: Where,
    memory: &Memory,
    breadth: Breadth,
) -> Result<BTreeSet<Where>, CommandsError> {
    let mut all: BTreeSet<Where> = memory.0.keys().copied().collect();
    match place {
        Where::Guild(_) => {
            all.insert(Where::Globally);
        }
        Where::Globally if breadth == Breadth::Everywhere => {
            all.extend(guilds(discord).await?.into_iter().map(Where::Guild));
        }
        Where::Globally => {}
    }
    all.remove(&place);
    Ok(all)
}
