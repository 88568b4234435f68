//! The numbers that a person can set, as plain values. Reading them from a file is the binary's work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::classify::{Backend, Service};
use crate::contract::Terms;
use crate::followup::FollowupSettings;
use crate::ids::BackendId;
pub use crate::retry::RetryPolicy;
use crate::worker::OnInterrupt;

/// When a finished job notifies its requester.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// Whenever it took more than 15 s.
    Always,
    /// Only when it did not end as done, and took more than 15 s.
    Failure,
    /// Never.
    Never,
}

/// Work that was over so quickly needs no notification: the person is still looking.
pub const PING_AFTER: Duration = Duration::from_secs(15);

/// What holds for one worker kind. A job keeps what held when it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSettings {
    /// The deadlines.
    pub terms: Terms,
    /// Ends a job that gives no sign of life for so long; none switches it off.
    pub inactivity: Option<Duration>,
    /// How long a question may stay open.
    pub question: Duration,
    /// What becomes of it when its process is gone.
    pub on_interrupt: OnInterrupt,
    /// When it pings.
    pub notify: Notify,
    /// How many may run at once in this process.
    pub max_running: u32,
    /// How a failed attempt is made again; none where it is not. Set for agent jobs and for what a
    /// follow-up starts, see [`Settings::retry_for`].
    #[serde(default)]
    pub retry: Option<RetryPolicy>,
}

impl Default for KindSettings {
    fn default() -> Self {
        Self {
            terms: Terms::default(),
            inactivity: None,
            question: Duration::from_secs(24 * 3_600),
            on_interrupt: OnInterrupt::Report,
            notify: Notify::Always,
            max_running: 50,
            retry: None,
        }
    }
}

/// One backend account, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendSettings {
    /// Whose words it speaks.
    pub service: Service,
    /// The file whose change opens its gate: its metadata alone is looked at, it is never read.
    pub credentials: Option<PathBuf>,
}

/// How much one person or channel may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Jobs of one person that run at once.
    pub person_running: u32,
    /// Jobs of one person that wait for a slot.
    pub person_queued: u32,
    /// Jobs of one channel that have not ended.
    pub channel_open: u32,
    /// The shortest pause between two jobs of one person.
    pub cooldown: Duration,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { person_running: 2, person_queued: 10, channel_open: 20, cooldown: Duration::from_secs(1) }
    }
}

/// What a new job meets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Jobs of this person that hold a slot.
    pub person_running: u32,
    /// Jobs of this person that wait for one.
    pub person_queued: u32,
    /// Open jobs of this channel.
    pub channel_open: u32,
    /// Jobs of this kind that hold a slot.
    pub kind_running: u32,
    /// Jobs of this kind that wait.
    pub kind_queued: u32,
    /// The time since this person's last job; none when there was none.
    pub since_last: Option<Duration>,
}

/// Whether a job is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It starts as soon as the loop gets to it.
    Starts,
    /// It waits behind so many others.
    Waits {
        /// How many.
        ahead: u32,
    },
    /// The person gave the last one a moment ago.
    TooSoon {
        /// How long to wait.
        wait: Duration,
    },
    /// The person has too many waiting.
    PersonFull {
        /// The limit.
        limit: u32,
    },
    /// The channel has too many open.
    ChannelFull {
        /// The limit.
        limit: u32,
    },
}

/// The rule of admission.
pub fn admit(load: &Load, quotas: &Quotas, max_running: u32) -> Admission {
    if let Some(since) = load.since_last
        && since < quotas.cooldown
    {
        return Admission::TooSoon { wait: quotas.cooldown - since };
    }
    if load.channel_open >= quotas.channel_open {
        return Admission::ChannelFull { limit: quotas.channel_open };
    }
    let person_free = load.person_running + load.person_queued < quotas.person_running;
    let kind_free = load.kind_running + load.kind_queued < max_running;
    if person_free && kind_free {
        return Admission::Starts;
    }
    if load.person_queued >= quotas.person_queued {
        return Admission::PersonFull { limit: quotas.person_queued };
    }
    let ahead = if person_free { load.kind_queued } else { load.person_queued };
    Admission::Waits { ahead }
}

/// Everything that the loop reads anew at each tick. Replaced as a whole when the configuration changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What holds for kinds without settings of their own.
    pub defaults: KindSettings,
    /// What holds for single kinds.
    pub kinds: BTreeMap<String, KindSettings>,
    /// The longest that the deadline watch sleeps.
    pub tick: Tick,
    /// The quotas.
    pub quotas: Quotas,
    /// The rules.
    pub access: Access,
    /// How long results are kept after a job has ended.
    pub retention: Retention,
    /// The numbers of follow-ups.
    pub followups: FollowupSettings,
    /// How failed attempts are made again.
    pub retry: RetryPolicy,
    /// The same for single kinds.
    pub retries: BTreeMap<String, RetryPolicy>,
    /// The backend accounts by name.
    pub backends: BTreeMap<String, BackendSettings>,
}

/// The longest sleep of the deadline watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick(pub Duration);

impl Default for Tick {
    fn default() -> Self {
        Self(Duration::from_secs(2))
    }
}

/// How long things are kept after a job has ended; unsettled receipts are never removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Inputs, results, files and journal texts.
    pub bodies: Duration,
    /// The rows themselves.
    pub receipts: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3_600);
        Self { bodies: 30 * day, receipts: 180 * day }
    }
}

impl Settings {
    /// What holds for a kind.
    pub fn kind(&self, name: &str) -> KindSettings {
        self.kinds.get(name).copied().unwrap_or(self.defaults)
    }

    /// How failed attempts of a kind are made again. It holds for a job only when its rules carry it
    /// ([`KindSettings::retry`]): whoever accepts the job decides, because a command that a person has
    /// typed is not to be repeated behind their back.
    pub fn retry_for(&self, name: &str) -> RetryPolicy {
        self.retries.get(name).copied().unwrap_or(self.retry)
    }

    /// The backend account of that name. One that is not configured speaks the words of the service
    /// that it is named after; of any other name nothing is known, and its jobs' words are not read.
    pub fn backend(&self, id: &BackendId) -> Option<Backend> {
        let configured = self.backends.get(id.as_str()).map(|backend| backend.service);
        let service = configured.or_else(|| Service::from_name(id.as_str()))?;
        Some(Backend { id: id.clone(), service })
    }

    /// The file whose change opens the gate of a backend.
    pub fn credentials(&self, id: &BackendId) -> Option<&PathBuf> {
        self.backends.get(id.as_str())?.credentials.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_was_stored_without_a_rule_of_retries_has_none() {
        let mut stored = serde_json::to_value(KindSettings::default()).unwrap();
        assert!(stored.as_object_mut().unwrap().remove("retry").is_some());
        assert_eq!(serde_json::from_value::<KindSettings>(stored).unwrap(), KindSettings::default());
    }

    #[test]
    fn h2_a_backend_without_settings_speaks_the_words_that_it_is_named_after_or_none() {
        let own = BackendSettings { service: Service::Codex, credentials: None };
        let settings = Settings { backends: [("work".to_owned(), own)].into(), ..Settings::default() };
        let service = |name: &str| settings.backend(&BackendId::new(name)).map(|backend| backend.service);
        assert_eq!(service("work"), Some(Service::Codex));
        assert_eq!(service("claude"), Some(Service::Claude));
        assert_eq!(service("oracle"), None);
    }

    #[test]
    fn f5_a_kind_may_have_retries_of_its_own() {
        let own = RetryPolicy { attempts: 7, ..RetryPolicy::default() };
        let settings = Settings { retries: [("report".to_owned(), own)].into(), ..Settings::default() };
        assert_eq!((settings.retry_for("report"), settings.retry_for("other")), (own, RetryPolicy::default()));
        assert_eq!(settings.kind("report").retry, None, "whoever accepts a job decides whether it holds");
    }

    #[test]
    fn admission_tells_who_starts_who_waits_and_who_is_refused() {
        let quotas = Quotas::default();
        let load = Load::default();
        assert_eq!(admit(&load, &quotas, 50), Admission::Starts);
        let two = Load { person_running: 2, ..load };
        assert_eq!(admit(&two, &quotas, 50), Admission::Waits { ahead: 0 });
        let more = Load { person_running: 2, person_queued: 3, ..load };
        assert_eq!(admit(&more, &quotas, 50), Admission::Waits { ahead: 3 });
        let full = Load { person_running: 2, person_queued: 10, ..load };
        assert_eq!(admit(&full, &quotas, 50), Admission::PersonFull { limit: 10 });
        let channel = Load { channel_open: 20, ..load };
        assert_eq!(admit(&channel, &quotas, 50), Admission::ChannelFull { limit: 20 });
        let kind = Load { kind_running: 1, kind_queued: 4, ..load };
        assert_eq!(admit(&kind, &quotas, 1), Admission::Waits { ahead: 4 });
        let soon = Load { since_last: Some(Duration::from_millis(400)), ..load };
        assert_eq!(admit(&soon, &quotas, 50), Admission::TooSoon { wait: Duration::from_millis(600) });
    }
}
