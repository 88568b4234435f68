//! Who people are: their names and zones, whether they administer the workspace or come from another one, and the user
//! groups that rules may name. It is looked up and kept for minutes, because Slack tells none of it with what they say.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tracing::warn;
use wilco_core::Person;

use crate::channels::make_room;
use crate::look::{Looked, PATIENCE};
use crate::message::is_person;
use crate::rest::{Call, Lane, Method};
use crate::slack::{Slack, locked};

/// How long a person is not looked up again, and how long the groups are not.
const LIFE: Duration = Duration::from_secs(10 * 60);
const GROUPS_LIFE: Duration = Duration::from_secs(5 * 60);
/// How old the groups may be when Slack does not tell them: long enough for an outage, and not so long that somebody who
/// was taken out of a group keeps its rights for a day.
const GROUPS_STALE: Duration = Duration::from_secs(60 * 60);
/// How long the groups are not asked for again after Slack said that the app may not see them.
const NOT_ALLOWED: Duration = Duration::from_secs(60 * 60);
/// How long the groups are waited for while those of before would do.
const GROUPS_PATIENCE: Duration = Duration::from_secs(2);
/// How long they are not asked for again after nobody told them.
const GROUPS_AGAIN: Duration = Duration::from_secs(30);
/// How many people are kept.
const KNOWN: usize = 4_096;

/// Nobody knows who somebody is, although it was asked for patiently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

/// What an event itself says of whoever did it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hint<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) team: Option<&'a str>,
}

/// Somebody with everything that rules may ask for.
#[derive(Clone, Debug)]
pub(crate) struct Somebody {
    pub(crate) person: Person,
    /// The workspace that they belong to: the bot's own one, or another; none where nobody knows which other one.
    pub(crate) team: Option<String>,
}

/// What is known of people.
#[derive(Default)]
pub(crate) struct People {
    known: Mutex<HashMap<String, (Profile, Duration)>>,
    /// Held while they are asked for, so that a crowd asks once.
    groups: tokio::sync::Mutex<Asked>,
    /// The groups have changed since they were asked for.
    groups_changed: AtomicBool,
    told_users: AtomicBool,
    told_groups: AtomicBool,
}

/// What came of asking for the groups.
#[derive(Default)]
struct Asked {
    known: Option<Groups>,
    /// Until when nobody asks again, because nobody was told just now.
    not_before: Duration,
}

/// The ids of groups by the ids of people.
struct Groups {
    of: HashMap<String, Vec<String>>,
    asked: Duration,
    life: Duration,
}

/// A person as Slack describes them (Slack, "User object").
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Profile {
    name: Option<String>,
    real_name: Option<String>,
    team_id: Option<String>,
    tz: Option<String>,
    profile: Shown,
    deleted: bool,
    is_bot: bool,
    is_admin: bool,
    is_owner: bool,
    is_primary_owner: bool,
    is_stranger: bool,
    enterprise_user: Option<Enterprise>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Shown {
    display_name: Option<String>,
    real_name: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Enterprise {
    teams: Vec<String>,
}

impl Profile {
    fn shown(&self) -> Option<&str> {
        let names = [&self.profile.display_name, &self.profile.real_name, &self.real_name, &self.name];
        names.into_iter().flatten().map(|name| name.trim()).find(|name| !name.is_empty())
    }

    /// Whether they belong to another workspace. In an Enterprise Grid a person belongs to several.
    fn is_stranger(&self, home: &str) -> bool {
        let other = |team: &String| team != home;
        let here = self.enterprise_user.as_ref().is_some_and(|one| one.teams.iter().any(|team| team == home));
        self.is_stranger || (self.team_id.as_ref().is_some_and(other) && !here)
    }
}

impl People {
    /// The name of somebody who was looked up lately.
    pub(crate) fn name(&self, id: &str) -> Option<String> {
        locked(&self.known).get(id).and_then(|(profile, _)| profile.shown().map(str::to_owned))
    }

    /// The groups are asked for again.
    pub(crate) fn forget_groups(&self) {
        self.groups_changed.store(true, Ordering::SeqCst);
    }

    fn fresh(&self, id: &str, now: Duration) -> Option<Profile> {
        locked(&self.known).get(id).filter(|(_, until)| now < *until).map(|(profile, _)| profile.clone())
    }

    fn learn(&self, id: &str, profile: &Profile, now: Duration) {
        let mut known = locked(&self.known);
        make_room(&mut known, KNOWN, now);
        known.insert(id.to_owned(), (profile.clone(), now + LIFE));
    }
}

impl Slack {
    /// Who somebody is, with everything that rules may ask for.
    ///
    /// # Errors
    /// Slack told nothing for a minute. Whoever has rights is not refused because nobody could look, and whoever has
    /// none gets none: what they asked for is not handed in.
    pub(crate) async fn person(&self, id: &str, hint: Hint<'_>) -> Result<Somebody, Unknown> {
        let home = self.mouth.identity.get().map(|me| me.team_id.clone()).unwrap_or_default();
        let profile = self.profile(id).await?;
        let said_so = hint.team.is_some_and(|team| !home.is_empty() && team != home);
        let stranger = profile.as_ref().is_some_and(|profile| profile.is_stranger(&home))
            || (said_so && !known_here(profile.as_ref(), &home));
        let unknown = Profile::default();
        let found = profile.as_ref().unwrap_or(&unknown);
        let mut person = Person::new(id, found.shown().or(hint.name).unwrap_or(id));
        person.zone = found.tz.clone().filter(|zone| !zone.is_empty());
        // Somebody administers their own workspace, and no other.
        person.moderator = !stranger && (found.is_admin || found.is_owner || found.is_primary_owner);
        person.outsider = found.is_bot || found.deleted || (stranger && !self.options.connect);
        person.roles = self.groups_of(id).await?;
        let team = if stranger {
            let mut theirs = [found.team_id.as_deref(), hint.team].into_iter().flatten();
            theirs.find(|team| *team != home).map(str::to_owned)
        } else {
            Some(home)
        };
        Ok(Somebody { person, team })
    }

    /// What Slack says of somebody; none where the app may not ask, or Slack knows nobody of that id.
    async fn profile(&self, id: &str) -> Result<Option<Profile>, Unknown> {
        let people = &self.ears.people;
        if let Some(known) = people.fresh(id, self.clock.monotonic()) {
            return Ok(Some(known));
        }
        match self.look(&Call::new(Method::UserInfo, Lane::Normal).with("user", id)).await {
            Looked::Found(body) => {
                let user = body.get("user").cloned().unwrap_or(Value::Null);
                let profile = Profile::deserialize(user).map_err(|why| {
                    warn!(%why, "slack: a person does not read");
                    Unknown
                })?;
                people.learn(id, &profile, self.clock.monotonic());
                Ok(Some(profile))
            }
            Looked::NotAllowed => {
                if !people.told_users.swap(true, Ordering::SeqCst) {
                    warn!(account = %self.options.account,
                        "slack: people are known by their ids alone, and nobody as an administrator, because the app \
                         lacks the scope users:read; add it and install the app again");
                }
                Ok(None)
            }
            // Somebody of another workspace whom this one is not shown: what the event says decides.
            Looked::Refused(_) => Ok(None),
            Looked::Unknown => Err(Unknown),
        }
    }

    /// The ids of the user groups that somebody is in. A crowd asks once, and learns together that nobody told it.
    async fn groups_of(&self, id: &str) -> Result<Vec<String>, Unknown> {
        let people = &self.ears.people;
        let mut asked = people.groups.lock().await;
        let now = self.clock.monotonic();
        let changed = people.groups_changed.load(Ordering::SeqCst);
        let fresh = asked.known.as_ref().is_some_and(|groups| !changed && now < groups.asked + groups.life);
        let stale = asked.known.as_ref().is_some_and(|groups| now < groups.asked + GROUPS_STALE);
        if !fresh && now < asked.not_before {
            if !stale {
                return Err(Unknown);
            }
        } else if !fresh {
            let call = Call::new(Method::Groups, Lane::Normal).with("include_users", true);
            people.groups_changed.store(false, Ordering::SeqCst);
            let patience = if stale { GROUPS_PATIENCE } else { PATIENCE };
            match self.look_for(&call, patience).await {
                Looked::Found(body) => {
                    asked.known = Some(Groups { of: by_person(&body), asked: now, life: GROUPS_LIFE });
                }
                without @ (Looked::NotAllowed | Looked::Refused(_)) => {
                    // A plan without groups refuses as well (`plan_upgrade_required`).
                    let code = if let Looked::Refused(code) = &without { code } else { "missing_scope" };
                    if !people.told_groups.swap(true, Ordering::SeqCst) {
                        warn!(account = %self.options.account, code,
                            "slack: nobody is in a user group as far as wilco knows, because the app may not see them \
                             (scope usergroups:read) or the workspace has none; rules that name a group hold for nobody");
                    }
                    asked.known = Some(Groups { of: HashMap::new(), asked: now, life: NOT_ALLOWED });
                }
                Looked::Unknown => {
                    people.groups_changed.fetch_or(changed, Ordering::SeqCst);
                    asked.not_before = self.clock.monotonic() + GROUPS_AGAIN;
                    if !stale {
                        return Err(Unknown);
                    }
                    warn!(account = %self.options.account, "slack: the user groups could not be read; those of before hold");
                }
            }
        }
        Ok(asked.known.as_ref().and_then(|groups| groups.of.get(id).cloned()).unwrap_or_default())
    }

    /// Learns the names of people whom a text names, as far as that is quick.
    pub(crate) async fn meet(&self, ids: &[&str]) {
        for id in ids.iter().filter(|id| is_person(id)) {
            if self.ears.people.name(id).is_none() {
                drop(self.profile(id).await);
            }
        }
    }
}

/// Whether a profile says that somebody belongs to a workspace, whatever an event says.
fn known_here(profile: Option<&Profile>, home: &str) -> bool {
    profile.is_some_and(|profile| profile.team_id.is_some() && !profile.is_stranger(home))
}

fn by_person(body: &Value) -> HashMap<String, Vec<String>> {
    let mut of: HashMap<String, Vec<String>> = HashMap::new();
    let groups = body.get("usergroups").and_then(Value::as_array);
    for group in groups.into_iter().flatten() {
        let Some(id) = group.get("id").and_then(Value::as_str) else { continue };
        // One that was switched off grants nothing.
        if group.get("date_delete").and_then(Value::as_i64).is_some_and(|at| at > 0) {
            continue;
        }
        for user in group.get("users").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            of.entry(user.to_owned()).or_default().push(id.to_owned());
        }
    }
    of
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn profile(value: Value) -> Profile {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_person_has_the_name_that_people_see() {
        let full =
            json!({"name": "ana_92", "real_name": "Ana B.", "profile": {"display_name": "ana", "real_name": "Ana B."}});
        assert_eq!(profile(full).shown(), Some("ana"));
        let without = json!({"name": "ana_92", "real_name": "Ana B.", "profile": {"display_name": " "}, "tz": null});
        assert_eq!(profile(without).shown(), Some("Ana B."));
        assert_eq!(profile(json!({})).shown(), None);
    }

    #[test]
    fn whoever_belongs_to_another_workspace_is_a_stranger() {
        let of = |value: Value| profile(value).is_stranger("T1");
        assert!(!of(json!({"team_id": "T1"})) && !of(json!({})));
        assert!(of(json!({"team_id": "T2"})) && of(json!({"team_id": "T1", "is_stranger": true})));
        assert!(!of(json!({"team_id": "T2", "enterprise_user": {"teams": ["T1", "T2"]}})), "an Enterprise Grid");
        assert!(known_here(Some(&profile(json!({"team_id": "T1"}))), "T1"));
        assert!(!known_here(Some(&profile(json!({}))), "T1") && !known_here(None, "T1"));
    }

    #[test]
    fn groups_are_known_by_their_people() {
        let body = json!({"usergroups": [
            {"id": "S1", "users": ["U1", "U2"], "date_delete": 0},
            {"id": "S2", "users": ["U1"]},
            {"id": "S3", "users": ["U1"], "date_delete": 17},
            {"id": "S4"}, {"users": ["U1"]}, "odd",
        ]});
        let of = by_person(&body);
        assert_eq!(of["U1"], ["S1", "S2"]);
        assert_eq!((of["U2"].len(), of.len()), (1, 2));
        assert!(by_person(&json!({})).is_empty());
    }
}
