//! Of which workspace an envelope is.
//!
//! Slack deals the envelopes of an app over all of its sockets, whatever the workspace. So whoever has installed one app
//! in two workspaces, or sets the app-level token of one app beside the bot token of another, is brought what this bot
//! token can neither read nor answer. Acknowledged it would be lost without a word.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tracing::{debug, error};
use wilco_core::AccountId;

use super::{Carries, Envelope};
use crate::identity::Identity;
use crate::slack::locked;

/// What came here and is of another workspace.
#[derive(Debug, Default)]
pub(crate) struct Foreign(AtomicU64);

impl Foreign {
    /// Counts one, and tells the operator of the first.
    pub(super) fn note(&self, account: &AccountId, team: &str) {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if count == 1 {
            error!(%account, team,
                "slack: events of another workspace come here and are left to Slack: one app is installed in several \
                 workspaces, or the two tokens are of two apps. Make an app of its own for each workspace (`wilco setup \
                 slack`), and set both of its tokens");
        } else {
            debug!(%account, team, count, "slack: an event of another workspace is left to Slack");
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many kinds are remembered.
const KINDS: usize = 64;

/// The kinds of envelopes that came and that nobody here knows.
#[derive(Default)]
pub(crate) struct UnknownKinds(Mutex<BTreeSet<String>>);

impl UnknownKinds {
    /// Whether the operator has to be told of a kind.
    pub(crate) fn is_new(&self, kind: &str) -> bool {
        let mut kinds = locked(&self.0);
        kinds.len() < KINDS && kinds.insert(kind.to_owned())
    }
}

/// The workspace of an envelope that is for another one than the bot's; none where it is the bot's own, or says nothing.
///
/// Each kind names it in a place of its own (Slack, "Events API", "Event wrapper"; "Enabling interactivity with slash
/// commands"; "Interaction payloads"). In a channel that is shared with another workspace (Slack Connect) it is the one
/// where the app is installed, and not that of whoever spoke.
pub(super) fn other<'a>(envelope: &'a Envelope, me: &Identity) -> Option<&'a str> {
    let payload = &envelope.payload;
    let text = |path: &str| payload.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
    // An app of a whole organisation has one token for all of its workspaces.
    if me.team_id.is_empty() || payload.get("is_enterprise_install").is_some_and(|is| is == true || is == "true") {
        return None;
    }
    let named: Vec<&str> = match envelope.carries {
        Carries::EventsApi => {
            let all = payload.get("authorizations").and_then(Value::as_array).into_iter().flatten();
            if all.clone().any(|one| one["is_enterprise_install"] == true) {
                return None;
            }
            let installed: Vec<&str> = all.filter_map(|one| one["team_id"].as_str()).collect();
            // What names this bot is for it, whichever of several installations Slack has chosen to name.
            let named = text("/event/text").is_some_and(|text| crate::messages::mentions(text, &me.user_id));
            match installed.is_empty() {
                _ if named => return None,
                true => text("/context_team_id").or_else(|| text("/team_id")).into_iter().collect(),
                false => installed,
            }
        }
        Carries::SlashCommands => text("/team_id").into_iter().collect(),
        // A button of a message of this bot is its own.
        Carries::Interactive if payload.get("message").is_some_and(|message| me.wrote(message)) => return None,
        Carries::Interactive => text("/team/id").into_iter().collect(),
    };
    let first = *named.first()?;
    (!named.contains(&me.team_id.as_str())).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use serde_json::json;
    use tokio::sync::mpsc;
    use wilco_core::random::Dice;
    use wilco_core::{Accepted, Inbound, Inbox};
    use wilco_sim::MemoryShelf;
    use wilco_sim::clock::HandClock;

    use super::super::{Ack, Waiting};
    use super::*;
    use crate::options::{Options, Secret};
    use crate::slack::Slack;

    fn me() -> Identity {
        Identity { user_id: "U0".into(), bot_id: "B0".into(), team_id: "T1".into(), ..Identity::default() }
    }

    fn envelope(carries: Carries, payload: Value) -> Envelope {
        Envelope { carries, payload }
    }

    #[test]
    fn each_kind_of_envelope_says_of_which_workspace_it_is() {
        use Carries::{EventsApi, Interactive, SlashCommands};
        let installed = |team: &str| json!([{"team_id": team, "is_enterprise_install": false}]);
        for (carries, payload, of) in [
            (EventsApi, json!({"team_id": "T1", "authorizations": installed("T1")}), None),
            (EventsApi, json!({"team_id": "T2", "authorizations": installed("T2")}), Some("T2")),
            // A shared channel that belongs to the other workspace, where the app is installed in this one.
            (EventsApi, json!({"team_id": "T2", "authorizations": installed("T1")}), None),
            (EventsApi, json!({"team_id": "T2", "context_team_id": "T1"}), None),
            (EventsApi, json!({"team_id": "T2"}), Some("T2")),
            (EventsApi, json!({}), None),
            (
                EventsApi,
                json!({"authorizations": [{"team_id": null, "is_enterprise_install": true}], "team_id": "T2"}),
                None,
            ),
            (EventsApi, json!({"event": {"text": "<@U0> run"}, "authorizations": installed("T2")}), None),
            (EventsApi, json!({"event": {"text": "<@U9> run"}, "authorizations": installed("T2")}), Some("T2")),
            (SlashCommands, json!({"team_id": "T1"}), None),
            (SlashCommands, json!({"team_id": "T2", "is_enterprise_install": "false"}), Some("T2")),
            (SlashCommands, json!({"team_id": "T2", "is_enterprise_install": "true"}), None),
            (Interactive, json!({"team": {"id": "T1"}, "user": {"team_id": "T2"}}), None),
            (Interactive, json!({"team": {"id": "T2"}}), Some("T2")),
            (Interactive, json!({"team": {"id": "T2"}, "message": {"bot_id": "B0"}}), None),
            (Interactive, json!({"team": null}), None),
        ] {
            assert_eq!(other(&envelope(carries, payload.clone()), &me()), of, "{payload}");
        }
        let nobody = Identity::default();
        assert_eq!(other(&envelope(SlashCommands, json!({"team_id": "T2"})), &nobody), None, "nothing is known yet");
    }

    /// An inbox to which nothing comes.
    struct Nobody;

    #[async_trait]
    impl Inbox for Nobody {
        async fn offer(&self, batch: Vec<Inbound>) -> Vec<Accepted> {
            panic!("{batch:?} is for somebody else");
        }
    }

    #[tokio::test]
    async fn what_is_of_another_workspace_is_neither_taken_nor_acknowledged() {
        let options = Options::new("slack", Secret::new("xoxb-1"), Secret::new("xapp-1"));
        let shelf = Arc::<MemoryShelf>::default();
        let slack = Slack::new(options, shelf, HandClock::new(), Arc::new(Dice::seeded(1))).unwrap();
        slack.mouth.identity.set(me()).unwrap();
        let inbox: Arc<dyn Inbox> = Arc::new(Nobody);
        let (way, mut given) = mpsc::unbounded_channel();
        let open = Waiting::default();
        let message =
            json!({"type": "message", "channel": "D7", "user": "U7", "ts": "17.000100", "text": "run report"});
        for (id, carries, payload) in [
            ("e1", Carries::EventsApi, json!({"team_id": "T2", "event": message})),
            ("e2", Carries::SlashCommands, json!({"team_id": "T2", "user_id": "U7", "trigger_id": "1.2"})),
            ("e3", Carries::Interactive, json!({"team": {"id": "T2"}, "user": {"id": "U7"}, "trigger_id": "1.3"})),
        ] {
            slack.take(&inbox, envelope(carries, payload), Ack::new(id.into(), way.clone(), open.one_more()));
        }
        slack.ears.tasks.close();
        slack.ears.tasks.wait().await;
        drop(way);
        assert!(given.recv().await.is_none());
        assert_eq!(slack.ears.foreign.count(), 3);
    }
}
