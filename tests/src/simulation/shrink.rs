//! Makes a life that broke the promise as short as it can be and still breaks it.

use super::life::{Lived, run};
use super::schedule::{CallFault, Death, Deaths, Faults, LateWord, LateWords, Schedule, Step};

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
        search.shorten(Schedule::steps_mut);
        search.shorten(Schedule::deaths_mut);
        search.shorten(Schedule::faults_mut);
        search.shorten(Schedule::late_words_mut);
        for plan in 0..search.best.plans.len() {
            search.shorten(|schedule| &mut schedule.plans[plan].moves);
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
    fn shorten<T: Clone>(&mut self, list: impl Fn(&mut Schedule) -> &mut Vec<T>) {
        let mut piece = list(&mut self.best).len();
        while piece > 0 {
            let mut from = 0;
            while from < list(&mut self.best).len() && self.tries < TRIES {
                let mut shorter = self.best.clone();
                let items = list(&mut shorter);
                items.drain(from..(from + piece).min(items.len()));
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
        let words = copy.late_words_mut().len();
        copy.steps.len() + copy.deaths_mut().len() + copy.faults_mut().len() + words + moves
    }
}

impl Schedule {
    fn steps_mut(&mut self) -> &mut Vec<Step> {
        &mut self.steps
    }

    /// What was left to chance is written down as nothing: only an explicit life is shortened.
    fn deaths_mut(&mut self) -> &mut Vec<Death> {
        if !matches!(self.deaths, Deaths::Listed(_)) {
            self.deaths = Deaths::Listed(Vec::new());
        }
        match &mut self.deaths {
            Deaths::Listed(list) => list,
            Deaths::Drawn(..) | Deaths::Beside(_) => unreachable!("it was replaced above"),
        }
    }

    fn late_words_mut(&mut self) -> &mut Vec<LateWord> {
        if matches!(self.late_words, LateWords::Drawn(_)) {
            self.late_words = LateWords::Listed(Vec::new());
        }
        match &mut self.late_words {
            LateWords::Listed(list) => list,
            LateWords::Drawn(_) => unreachable!("it was replaced above"),
        }
    }

    fn faults_mut(&mut self) -> &mut Vec<CallFault> {
        if matches!(self.faults, Faults::Drawn(_)) {
            self.faults = Faults::Listed(Vec::new());
        }
        match &mut self.faults {
            Faults::Listed(list) => list,
            Faults::Drawn(_) => unreachable!("it was replaced above"),
        }
    }
}
