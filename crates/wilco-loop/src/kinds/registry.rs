//! The list of worker kinds, which a reload swaps as a whole.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use wilco_core::job::{SAY, Worker};
use wilco_core::time::Clock;

use super::{Demo, Echo, Say};

/// Worker kinds by name.
pub type KindMap = BTreeMap<String, Arc<dyn Worker>>;

/// The kinds that this process offers. A running job keeps the worker that it began with; the next
/// job gets what the last [`Kinds::replace`] put there.
pub struct Kinds {
    current: RwLock<Arc<KindMap>>,
}

impl Kinds {
    /// A list of these kinds.
    pub fn new(kinds: KindMap) -> Self {
        Self { current: RwLock::new(Arc::new(kinds)) }
    }

    /// The kinds that need no configuration: `demo`, `echo` and `say`.
    pub fn builtin(clock: &Arc<dyn Clock>) -> KindMap {
        let mut kinds = KindMap::new();
        kinds.insert("demo".to_owned(), Arc::new(Demo::new(Arc::clone(clock))));
        kinds.insert("echo".to_owned(), Arc::new(Echo));
        kinds.insert("say".to_owned(), Arc::new(Say));
        kinds
    }

    /// The kind of that name, as people may start it.
    pub fn offered(&self, name: &str) -> Option<Arc<dyn Worker>> {
        self.snapshot().get(name).cloned()
    }

    /// The kind of that name, as jobs run it. Reminders and notices are `say` jobs, so there is always
    /// that one, also where it is not offered.
    pub fn get(&self, name: &str) -> Option<Arc<dyn Worker>> {
        self.offered(name).or_else(|| (name == SAY).then(|| Arc::new(Say) as Arc<dyn Worker>))
    }

    /// The name that was probably meant; whether letters are small or capital makes no difference.
    pub fn nearest(&self, name: &str) -> Option<String> {
        let kinds = self.snapshot();
        let small: Vec<String> = kinds.keys().map(|kind| kind.to_lowercase()).collect();
        let found = wilco_core::text::nearest(&name.to_lowercase(), small.iter().map(String::as_str))?;
        kinds.keys().zip(&small).find(|(_, small)| *small == found).map(|(kind, _)| kind.clone())
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        self.snapshot().keys().cloned().collect()
    }

    /// Each name with its line for `/help` and completion, in order of the names.
    pub fn about(&self) -> Vec<(String, String)> {
        self.snapshot().iter().map(|(name, worker)| (name.clone(), worker.about())).collect()
    }

    /// Takes other kinds from now on.
    pub fn replace(&self, kinds: KindMap) {
        // A poisoned lock holds a whole map all the same: the swap of a pointer cannot stop half-way.
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kinds);
    }

    /// The kinds as they are now; a later replacement does not change what was handed out.
    pub fn snapshot(&self) -> Arc<KindMap> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    #[test]
    fn g3_a_replacement_is_seen_by_the_next_look_and_leaves_running_jobs_their_worker() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let kinds = Kinds::new(Kinds::builtin(&clock));
        assert_eq!(kinds.names(), ["demo", "echo", "say"]);
        let held = kinds.get("echo").expect("echo is built in");

        let mut next = KindMap::new();
        next.insert("report".to_owned(), Arc::new(Say));
        kinds.replace(next);
        assert!(kinds.get("echo").is_none());
        assert!(kinds.offered("say").is_none() && kinds.get("say").is_some(), "a reminder can always be said");
        assert_eq!(kinds.about(), [("report".to_owned(), Say.about())]);
        assert_eq!(held.about(), Echo.about());
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        let kinds = Kinds::new(Kinds::builtin(&(Arc::new(SystemClock::new()) as Arc<dyn Clock>)));
        assert_eq!(kinds.nearest("dmeo").as_deref(), Some("demo"));
        assert_eq!(kinds.nearest("DEMO").as_deref(), Some("demo"), "capital letters are no other word");
        assert_eq!(kinds.nearest("Ehco").as_deref(), Some("echo"));
        assert_eq!(kinds.nearest("deploy-everything"), None);
    }
}
