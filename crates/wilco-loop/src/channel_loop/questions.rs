//! The questions of one running job: who inside of it waits for which answer. Handles only; the questions
//! themselves are in the store.

use std::collections::BTreeMap;

use tokio::sync::oneshot;
use wilco_core::job::NoAnswer;
use wilco_store::changes::Asked;

/// Where an answer goes.
pub(crate) type AnswerTo = oneshot::Sender<Result<usize, NoAnswer>>;

/// What is asked and not answered.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// On their way to the store, by the number that the job gave them.
    asking: BTreeMap<u32, AnswerTo>,
    /// Waiting for a press, by the number that the store gave them.
    asked: BTreeMap<u32, AnswerTo>,
    /// Answers that came before the store's word that the question waits: a job that is run again asks what is
    /// shown already, so the press on it may be stored in the same moment, and told first.
    early: BTreeMap<u32, u32>,
}

impl Questions {
    /// Whether some question waits for a press.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.asked.is_empty()
    }

    /// A question goes to the store.
    pub(crate) fn ask(&mut self, number: u32, reply: AnswerTo) {
        self.asking.insert(number, reply);
    }

    /// The store has taken the question with the job's own number.
    pub(crate) fn taken(&mut self, number: u32, asked: Asked) {
        let Some(reply) = self.asking.remove(&number) else { return };
        match asked {
            Asked::Waiting(number) => match self.early.remove(&number) {
                Some(choice) => tell(reply, choice),
                None => drop(self.asked.insert(number, reply)),
            },
            Asked::Answered(choice) => tell(reply, choice),
            Asked::Stopped => drop(reply.send(Err(NoAnswer::Stopped))),
        }
    }

    /// The store will never take the question with the job's own number: the job is told instead of left waiting.
    pub(crate) fn refuse(&mut self, number: u32, why: String) {
        if let Some(reply) = self.asking.remove(&number) {
            drop(reply.send(Err(NoAnswer::Refused(why))));
        }
    }

    /// A person has answered the question with the store's number.
    pub(crate) fn answer(&mut self, number: u32, choice: u32) {
        match self.asked.remove(&number) {
            Some(reply) => tell(reply, choice),
            None => drop(self.early.insert(number, choice)),
        }
    }

    /// The job is told to stop: nobody waits any more.
    pub(crate) fn stop(&mut self) {
        let waiting = std::mem::take(&mut self.asked).into_values();
        for reply in waiting.chain(std::mem::take(&mut self.asking).into_values()) {
            drop(reply.send(Err(NoAnswer::Stopped)));
        }
    }
}

fn tell(reply: AnswerTo, choice: u32) {
    // A job that does not wait any more needs no answer.
    drop(reply.send(Ok(choice as usize)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_overtakes_the_question_is_kept_for_it() {
        let (mut questions, (reply, mut answer)) = (Questions::default(), oneshot::channel());
        questions.ask(1, reply);
        questions.answer(4, 2);
        assert!(!questions.is_waiting());
        questions.taken(1, Asked::Waiting(4));
        assert_eq!(answer.try_recv(), Ok(Ok(2)));
        assert!(!questions.is_waiting());
    }

    #[test]
    fn a_question_that_the_store_refuses_leaves_no_job_waiting() {
        let (mut questions, (reply, mut answer)) = (Questions::default(), oneshot::channel());
        questions.ask(1, reply);
        questions.refuse(1, "it cannot be stored".to_owned());
        assert_eq!(answer.try_recv(), Ok(Err(NoAnswer::Refused("it cannot be stored".to_owned()))));
    }

    #[test]
    fn each_question_gets_its_own_answer_and_a_stop_ends_all_waiting() {
        let mut questions = Questions::default();
        let mut answers = Vec::new();
        for number in 1..=4 {
            let (reply, answer) = oneshot::channel();
            questions.ask(number, reply);
            answers.push(answer);
        }
        questions.taken(1, Asked::Waiting(1));
        questions.taken(2, Asked::Answered(1));
        questions.taken(3, Asked::Waiting(3));
        assert!(questions.is_waiting());
        questions.answer(3, 0);
        questions.stop();
        let got: Vec<_> = answers.iter_mut().map(|answer| answer.try_recv().unwrap()).collect();
        assert_eq!(got, [Err(NoAnswer::Stopped), Ok(1), Ok(0), Err(NoAnswer::Stopped)]);
        assert!(!questions.is_waiting());
    }
}
