//! Where the process dies: at a numbered passing of a crash point.
//!
//! The process is not unwound, because a real one is not: what it had committed is copied as it stands
//! at that instant, and from then on nothing that it still does reaches anybody. The next process starts
//! on the copy.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Once;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wilco_core::EnvelopeKind;
use wilco_sim::{Draw, Verb};

use super::schedule::{Beside, Death, Deaths};

thread_local! {
    /// The life on this thread. A simulation never leaves its thread, so one cannot meet another.
    static LIFE: RefCell<Option<Doom>> = const { RefCell::new(None) };
}

/// No life of a few minutes has so much to do.
const TOO_MANY: u64 = 100_000;

/// What decides about the life of the process on this thread.
struct Doom {
    deaths: Deaths,
    draw: Draw,
    passings: u64,
    /// How many calls to the platform were begun, for the trace.
    calls: u64,
    call: Option<(Verb, Option<EnvelopeKind>)>,
    /// The number of the last edit among them.
    edit: u64,
    /// How often the point of a death beside a call was passed since that call.
    beside: u64,
    taken: Vec<Death>,
    trace: Option<Vec<Passing>>,
    living: Option<Living>,
    told: watch::Sender<usize>,
}

/// The process that lives now.
struct Living {
    store: PathBuf,
    next: PathBuf,
    cut: CancellationToken,
    /// How long the log was before the commit that is under way.
    log_before: u64,
    /// A death that was decided before the commit and happens after it.
    torn: Option<Death>,
}

/// One passing of a crash point, for the exhaustive mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passing {
    /// Its number, from 1.
    pub number: u64,
    /// The point.
    pub point: &'static str,
    /// How many calls to the platform had been begun before it.
    pub calls: u64,
    /// What the last of them was for.
    pub call: Option<(Verb, Option<EnvelopeKind>)>,
    /// The number of the last edit among them; 0 before the first.
    pub edit: u64,
}

/// How the thread's life is steered by the driver.
pub(super) struct Reins {
    died: watch::Receiver<usize>,
}

impl Reins {
    /// Begins a life on this thread.
    pub(super) fn take(deaths: Deaths, draw: Draw, trace: bool) -> Self {
        static HANDLER: Once = Once::new();
        HANDLER.call_once(|| {
            // Whoever has installed another handler in this process does not simulate in it.
            assert!(wilco_store::crash::install(Box::new(pass)), "the crash points have another handler already");
        });
        let (told, died) = watch::channel(0);
        let doom = Doom {
            deaths,
            draw,
            passings: 0,
            calls: 0,
            call: None,
            edit: 0,
            beside: 0,
            taken: Vec::new(),
            trace: trace.then(Vec::new),
            living: None,
            told,
        };
        LIFE.with(|life| *life.borrow_mut() = Some(doom));
        Self { died }
    }

    /// A process begins to live on this store; when it dies, what it leaves is found at `next`.
    pub(super) fn live(&mut self, store: &Path, next: &Path, cut: CancellationToken) {
        self.died.mark_unchanged();
        with(|doom| {
            let (store, next) = (store.to_owned(), next.to_owned());
            doom.living = Some(Living { store, next, cut, log_before: 0, torn: None });
        });
    }

    /// Resolves when the process has died at a crash point.
    pub(super) async fn died(&mut self) {
        // The sender lives as long as this life, so there is always a death to wait for.
        drop(self.died.changed().await);
    }

    /// Kills the process between two moments.
    pub(super) fn kill(&mut self) {
        with(|doom| doom.die(None, None));
    }

    /// Forgets the process, which has ended in order.
    pub(super) fn ended(&mut self) {
        with(|doom| doom.living = None);
    }

    /// From now on nobody dies.
    pub(super) fn spare(&mut self) {
        with(|doom| doom.deaths = Deaths::Listed(Vec::new()));
    }

    /// The deaths at crash points so far.
    pub(super) fn taken(&self) -> Vec<Death> {
        with(|doom| doom.taken.clone()).unwrap_or_default()
    }

    /// The passings so far, when they are traced.
    pub(super) fn trace(&self) -> Vec<Passing> {
        with(|doom| doom.trace.clone().unwrap_or_default()).unwrap_or_default()
    }
}

impl Drop for Reins {
    fn drop(&mut self) {
        LIFE.with(|life| *life.borrow_mut() = None);
    }
}

fn with<T>(change: impl FnOnce(&mut Doom) -> T) -> Option<T> {
    LIFE.with(|life| life.borrow_mut().as_mut().map(change))
}

/// A crash point is passed.
pub(super) fn pass(point: &'static str) {
    let _passed: Option<()> = with(|doom| doom.pass(point));
}

/// A call to the platform begins.
pub(super) fn call_begins(verb: Verb, kind: Option<EnvelopeKind>) {
    let _counted: Option<()> = with(|doom| {
        doom.calls += 1;
        doom.call = Some((verb, kind));
        if verb == Verb::Edit {
            doom.edit = doom.calls;
        }
    });
}

impl Doom {
    fn pass(&mut self, point: &'static str) {
        let Some(living) = &mut self.living else {
            // What a dead process still does is no passing.
            return;
        };
        self.passings += 1;
        assert!(self.passings < TOO_MANY, "the process goes round in circles: {point} was passing {TOO_MANY}");
        if let Some(trace) = &mut self.trace {
            let (number, calls, call, edit) = (self.passings, self.calls, self.call, self.edit);
            trace.push(Passing { number, point, calls, call, edit });
        }
        if point == "store.before_commit" {
            living.log_before = length(&log_of(&living.store));
        }
        if point == "store.after_commit"
            && let Some(death) = living.torn.take()
        {
            self.die(Some(death.clone()), death.torn);
            return;
        }
        let Some(death) = self.decides(point) else { return };
        if point == "store.before_commit" && death.torn.is_some() {
            if let Some(living) = &mut self.living {
                living.torn = Some(death);
            }
            return;
        }
        self.die(Some(death), None);
    }

    fn decides(&mut self, point: &'static str) -> Option<Death> {
        match &self.deaths {
            Deaths::Drawn(rate, most) => {
                let dies = self.draw.below(100_000) < *rate;
                if !dies || self.taken.len() >= *most {
                    return None;
                }
                let torn = (point == "store.before_commit" && self.draw.happens(500)).then(|| self.draw.below(1_000));
                let down =
                    if self.draw.happens(800) { self.draw.between(1, 2_000) } else { self.draw.between(2_000, 90_000) };
                Some(Death { passing: self.passings, point: point.to_owned(), torn, down })
            }
            Deaths::Listed(list) => list.iter().find(|death| death.passing == self.passings).cloned(),
            Deaths::Beside(beside) => {
                let Beside { point: wanted, calls, nth, torn, down } = beside;
                if point != wanted || self.calls < *calls || !self.taken.is_empty() {
                    return None;
                }
                self.beside += 1;
                let (torn, down) = (*torn, *down);
                (self.beside == *nth).then(|| Death { passing: self.passings, point: point.to_owned(), torn, down })
            }
        }
    }

    fn die(&mut self, death: Option<Death>, torn: Option<u64>) {
        let Some(living) = self.living.take() else { return };
        copy(&living, torn);
        living.cut.cancel();
        self.taken.extend(death);
        self.told.send_modify(|count| *count += 1);
    }
}

/// What is on the disk at this instant. A torn commit leaves only a piece of what it had written.
fn copy(living: &Living, torn: Option<u64>) {
    std::fs::copy(&living.store, &living.next).expect("the store is copied");
    let (from, to) = (log_of(&living.store), log_of(&living.next));
    if !from.exists() {
        return;
    }
    std::fs::copy(&from, &to).expect("its log is copied");
    let (before, after) = (living.log_before, length(&to));
    if let Some(torn) = torn
        && after > before
    {
        let kept = before + (after - before) * torn / 1_000;
        let log = std::fs::OpenOptions::new().write(true).open(&to).expect("the copied log opens");
        log.set_len(kept).expect("the copied log is cut");
    }
}

/// The write-ahead log of a store.
pub(super) fn log_of(store: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", store.display()))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |data| data.len())
}
