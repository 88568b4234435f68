//! Makes a life that broke the promise as short as it can be and still breaks it.

use super::life::{Lived, run};
use super::schedule::{CallFault, Death, Deaths, Faults, LateWord, LateWords, Schedule};

/// How many lives the search may cost at the most.
const TRIES: usize = 400;

/// The shortest life that was found to break the same sentence, with what it left behind.
pub fn shrink(found: &Lived) -> (Schedule, Lived) {
    let broken = |lived: &Lived| {
        let same = |violation: &super::invariants::Violation| {
            found.violations.iter().any(|known| known.invariant == violation.invariant)
        };
        lived.violations.iter().any(same)
    };
    let mut search = Search { broken: &broken, tries: 0, best: found.explicit.clone(), lived: None };
    loop {
        let before = search.size();
        search.shorten(|schedule| Some(&mut schedule.steps));
        search.shorten(Schedule::deaths_mut);
        search.shorten(Schedule::faults_mut);
        search.shorten(Schedule::late_words_mut);
        for plan in 0..search.best.plans.len() {
            search.shorten(|schedule| Some(&mut schedule.plans[plan].moves));
        }
        if search.size() == before || search.tries >= TRIES {
            break;
        }
    }
    let lived = search.lived.take().unwrap_or_else(|| run(&search.best));
    (search.best, lived)
}

struct Search<'a> {
    broken: &'a dyn Fn(&Lived) -> bool,
    tries: usize,
    best: Schedule,
    lived: Option<Lived>,
}

impl Search<'_> {
    /// Takes pieces out of one list, large ones first, and leaves out for good what is not needed.
    fn shorten<T: Clone>(&mut self, list: impl Fn(&mut Schedule) -> Option<&mut Vec<T>>) {
        let length = |schedule: &mut Schedule| list(schedule).map_or(0, |items| items.len());
        let mut piece = length(&mut self.best);
        while piece > 0 {
            let mut from = 0;
            while from < length(&mut self.best) && self.tries < TRIES {
                let mut shorter = self.best.clone();
                if let Some(items) = list(&mut shorter) {
                    items.drain(from..(from + piece).min(items.len()));
                }
                if !self.holds(shorter) {
                    from += piece;
                }
            }
            piece /= 2;
        }
    }

    fn holds(&mut self, shorter: Schedule) -> bool {
        self.tries += 1;
        let lived = run(&shorter);
        let broken = (self.broken)(&lived);
        if broken {
            self.best = shorter;
            self.lived = Some(lived);
        }
        broken
    }

    fn size(&self) -> usize {
        let moves: usize = self.best.plans.iter().map(|plan| plan.moves.len()).sum();
        let mut copy = self.best.clone();
        let listed = copy.deaths_mut().map_or(0, |list| list.len())
            + copy.faults_mut().map_or(0, |list| list.len())
            + copy.late_words_mut().map_or(0, |list| list.len());
        copy.steps.len() + listed + moves
    }
}

/// What was left to chance stays so: after a panic nobody has written it down.
impl Schedule {
    fn deaths_mut(&mut self) -> Option<&mut Vec<Death>> {
        match &mut self.deaths {
            Deaths::Listed(list) => Some(list),
            Deaths::Drawn(..) | Deaths::Beside(_) => None,
        }
    }

    fn late_words_mut(&mut self) -> Option<&mut Vec<LateWord>> {
        match &mut self.late_words {
            LateWords::Listed(list) => Some(list),
            LateWords::Drawn(_) => None,
        }
    }

    fn faults_mut(&mut self) -> Option<&mut Vec<CallFault>> {
        match &mut self.faults {
            Faults::Listed(list) => Some(list),
            Faults::Drawn(_) => None,
        }
    }
}
