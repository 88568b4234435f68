//! Named crash points: the moments at which a test stops the process.
//!
//! Without the feature `crash-points`, which only `wilco-under-test` has, [`point`] is empty and
//! the compiler removes it.

/// Every crash point of the process, those of the other crates included.
const POINTS: &[&str] = &[
    "store.before_begin",
    "store.after_apply",
    "store.before_commit",
    "store.after_commit",
    "store.offer.applied",
    "store.begin.applied",
    "store.record.applied",
    "store.ask.applied",
    "store.finish.applied",
    "store.retry.applied",
    "store.claim.taken",
    "store.settle.applied",
    "store.edit.opened",
    "store.edit.closed",
    "store.recover.applied",
    "store.schedule.applied",
    "store.fire.claimed",
    "store.fire.injected",
    "store.fire.settled",
    "loop.task.started",
    "loop.task.ended",
    "loop.outbox.before_call",
    "loop.outbox.answered",
    "loop.progress.before_edit",
    "loop.progress.answered",
    "loop.fire.claimed",
    "loop.fire.probed",
    "loop.fire.injected",
];

/// Every crash point there is, so that a test can stop at each of them and miss none.
pub fn named() -> &'static [&'static str] {
    POINTS
}

#[cfg(feature = "crash-points")]
type Handler = Box<dyn Fn(&'static str) + Send + Sync>;

#[cfg(feature = "crash-points")]
static HANDLER: std::sync::OnceLock<Handler> = std::sync::OnceLock::new();

/// Installs what happens at a crash point. Only the first handler of a process counts; answers
/// whether this was the first.
#[cfg(feature = "crash-points")]
pub fn install(handler: Handler) -> bool {
    HANDLER.set(handler).is_ok()
}

/// The process passes a moment at which it may be killed.
#[cfg(feature = "crash-points")]
pub fn point(name: &'static str) {
    debug_assert!(POINTS.contains(&name), "crash point `{name}` is not listed in crash.rs");
    if let Some(handler) = HANDLER.get() {
        handler(name);
    }
}

/// The process passes a moment at which it may be killed.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &'static str) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_one_name_and_says_whose_it_is() {
        let mut names = named().to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), named().len(), "a name is listed twice");
        assert!(!names.is_empty());
        assert!(names.iter().all(|name| name.contains('.')), "{names:?}");
    }
}
