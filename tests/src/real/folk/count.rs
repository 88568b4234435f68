//! What is counted after the kills: from what stands in the channels of the platform, and from the list of jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::EnvelopeKind;

use super::{Folk, Ground, Request, Told, Way};
use crate::fake::{Fake, Seen};
use crate::real::count::{Shows, Tally};
use crate::real::crowd::Form;
use crate::real::kinds::result_of;
use crate::real::{Home, wait};

/// How long the platform has to stay quiet before the count.
const QUIET: Duration = Duration::from_millis(1_500);

/// After so many attempts in vain to learn whether an acknowledgement stands, another one is posted (`docs/outcomes.md`):
/// silence is worse than a stray, which holds no result.
const IN_VAIN: usize = 4;
/// How many acknowledgements a storm may leave behind; nine storms in ten leave none.
const STRAYS: usize = 2;

/// The ids that people type of the jobs of each tag.
type Jobs = BTreeMap<String, Vec<String>>;

impl<G: Ground> Folk<G> {
    /// Takes part until everything has come to its end and nothing happens any more.
    ///
    /// # Errors
    /// What is still open at the limit.
    pub async fn settles(&mut self, home: &Home, limit: Duration) -> Result<(), String> {
        let mut open = Vec::new();
        let mut quiet = (0, self.ground.fake().traffic());
        let settled = wait::for_some(limit, async || {
            self.turn();
            let calls = self.ground.fake().traffic();
            quiet = if calls == quiet.1 { (quiet.0 + 1, calls) } else { (0, calls) };
            wait::pause(QUIET / 15).await;
            open = self.still_open();
            if !open.is_empty() || quiet.0 < 15 {
                return None;
            }
            match home.owed().await {
                Ok(0) => {}
                Ok(owed) => open.push(format!("{owed} receipts are not settled")),
                Err(why) => open.push(why),
            }
            open.is_empty().then_some(())
        });
        let settled = settled.await;
        settled.ok_or_else(|| format!("not settled within {} s: {open:#?}", limit.as_secs()))
    }

    /// What has not come to its end, as people see it.
    fn still_open(&self) -> Vec<String> {
        let snapshot = self.ground.fake().seen();
        let mut open = self.unfinished(&snapshot);
        if self.ground.fake().listening() == 0 {
            // What was written before its connection is read after it has begun.
            open.push("nobody listens".to_owned());
        }
        if self.ground.under_way() > 0 {
            open.push(format!("{} events are under way", self.ground.under_way()));
        }
        for (at, wish) in self.wishes.iter().enumerate() {
            let last = wish.last.map(|last| &self.requests[last]);
            match last {
                Some(last) if last.told.is_promised() => {
                    let shown = public(&snapshot).any(|one| one.spot == last.place && speaks_of(one, last));
                    if !shown {
                        open.push(format!("{} ({:?} by {:?}) is not seen anywhere", last.tag, last.form, last.way));
                    }
                }
                Some(last) => open.push(format!("{} ({:?}) was told {:?}", last.tag, last.form, last.told)),
                None => open.push(format!("wish {at} ({:?} by {:?}) could not be given", wish.form, wish.way)),
            }
        }
        open
    }

    /// What may not stay as it is: a message without its end, an answer that is still awaited, a note that says *Heard*
    /// where it can become another one.
    fn unfinished(&self, snapshot: &[Seen]) -> Vec<String> {
        let all = snapshot.iter().filter(|one| one.by_bot && !one.deleted);
        let open = all.filter(|one| match &one.only_for {
            Some(_) => one.loading || (G::NOTES_CHANGE && one.raw.starts_with("Heard")),
            None => {
                let is_open = [EnvelopeKind::Stub, EnvelopeKind::Progress, EnvelopeKind::Question];
                one.kind.is_some_and(|kind| is_open.contains(&kind)) && !self.is_stray(one, snapshot)
            }
        });
        open.map(|one| format!("{} shows {:?}", one.place, one.line())).collect()
    }

    fn is_stray(&self, one: &Seen, snapshot: &[Seen]) -> bool {
        may_be_stray(one, snapshot) && self.ground.fake().spoiled_creates(&one.spot) >= IN_VAIN
    }

    /// The count, when everything has settled.
    ///
    /// # Errors
    /// That the command line does not list the jobs.
    pub async fn tally(&self, home: &Home) -> Result<Tally, String> {
        let faults = self.ground.fake().faults();
        let mut tally = Tally { asked: self.wishes.len(), wrong: self.wrong.clone(), faults, ..Tally::default() };
        let snapshot = self.ground.fake().seen();
        let jobs = jobs(home, &mut tally).await?;
        for request in &self.requests {
            let jobs = jobs.get(&request.tag).map(Vec::as_slice).unwrap_or_default();
            ended(request, jobs, &snapshot, &mut tally);
        }
        for tag in jobs.keys().filter(|tag| !self.requests.iter().any(|request| request.tag == **tag)) {
            tally.wrong.push(format!("nobody asked for {tag}"));
        }
        tally.wrong.extend(self.unfinished(&snapshot).into_iter().map(|left| format!("left in the end: {left}")));
        let strays = snapshot.iter().filter(|one| self.is_stray(one, &snapshot)).count();
        if strays > 0 {
            tally.strays.insert(G::NAME, strays);
        }
        if strays > STRAYS {
            tally.wrong.push(format!("{strays} stray acknowledgements, which is more than bad weather leaves"));
        }
        tally.wrong.extend(self.ground.fake().repeated());
        pings(&snapshot, &mut tally);
        tally.wrong.extend(self.ground.fake().deviations().iter().map(|one| format!("a deviation: {one}")));
        Ok(tally)
    }
}

async fn jobs(home: &Home, tally: &mut Tally) -> Result<Jobs, String> {
    let list = home.ask(&["jobs", "list", "--limit", "5000"]).await?;
    let mut jobs = Jobs::new();
    for job in list["workers"].as_array().ok_or("no list of jobs")? {
        let text = |name: &str| job[name].as_str().unwrap_or_default();
        if job["ended"].is_null() {
            tally.wrong.push(format!("{} has not ended", text("input")));
        }
        let tag = text("input").split_whitespace().last().unwrap_or_default();
        // The job of a reminder has its whole text as the input.
        jobs.entry(tag.trim_end_matches('.').to_owned()).or_default().push(text("short").to_owned());
    }
    Ok(jobs)
}

fn public(snapshot: &[Seen]) -> impl Iterator<Item = &Seen> {
    snapshot.iter().filter(|one| one.is_public())
}

/// Whether a message is the result of a request; one that did not end well does not say its tag, but stands in a
/// thread of its own.
fn speaks_of(shown: &Seen, request: &Request) -> bool {
    let says_it = shown.raw.contains(&result_of(&request.tag));
    let ended_badly = request.form != Form::Later && !shown.text.starts_with("Done");
    shown.kind == Some(EnvelopeKind::Content) && (says_it || ended_badly)
}

/// An acknowledgement of which the bot could not learn in time that it stands, where the weather has spoiled enough for
/// that: it was never filled, and its job has its result in another message below it.
fn may_be_stray(one: &Seen, snapshot: &[Seen]) -> bool {
    let untouched = one.edits == 0 || one.raw.starts_with("Continued below");
    let ended_below = |other: &Seen| {
        other.kind == Some(EnvelopeKind::Content)
            && (&other.spot, &other.job) == (&one.spot, &one.job)
            && other.at >= one.at
    };
    let is_stub = one.kind == Some(EnvelopeKind::Stub) && one.is_public() && one.job.is_some();
    is_stub && untouched && public(snapshot).any(ended_below)
}

/// A job notifies its person once.
fn pings(snapshot: &[Seen], tally: &mut Tally) {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ping in public(snapshot).filter(|one| one.kind == Some(EnvelopeKind::Ping)) {
        *seen.entry((&ping.place, &ping.raw)).or_default() += 1;
    }
    let twice = seen.into_iter().filter(|(_, times)| *times > 1);
    tally.wrong.extend(twice.map(|((place, text), times)| format!("{text:?} stands {times} times in {place}")));
}

/// Each request that was stored has one job and one result. One that was not is known to its person.
fn ended(request: &Request, jobs: &[String], snapshot: &[Seen], tally: &mut Tally) {
    let Request { tag, form, way, told, .. } = request;
    let [job] = jobs else {
        match (jobs.len(), told) {
            (0, Told::Refused | Told::Failed | Told::Doubted) => tally.again += 1,
            (0, Told::Nothing) => tally.wrong.push(format!("{tag} ({form:?}) was never answered")),
            (0, Told::Heard) => tally.wrong.push(format!("{tag} ({form:?}) was heard and is lost")),
            (0, Told::Accepted) if *way == Way::Mention => tally.wrong.push(format!("the mention {tag} is lost")),
            (0, Told::Accepted) => tally.wrong.push(format!("{tag} ({form:?}) was accepted and is lost")),
            (many, _) => tally.wrong.push(format!("{tag} ({form:?}) was stored {many} times")),
        }
        return;
    };
    match told {
        Told::Refused => tally.wrong.push(format!("{tag} ({form:?}) was refused, and there is a job of it")),
        // Nobody could tell its person, who gave it again.
        Told::Failed | Told::Doubted => tally.doubled += 1,
        Told::Nothing | Told::Heard | Told::Accepted => {}
    }
    let wanted = result_of(tag);
    // A reminder names what was scheduled, and not the job that shows it.
    let is_its = |one: &Seen| {
        if *form == Form::Later { one.raw.contains(&wanted) } else { one.job.as_deref() == Some(job.as_str()) }
    };
    let of_kind = |kind| public(snapshot).filter(|one| one.kind == Some(kind) && is_its(one)).collect::<Vec<_>>();
    let texts = |kind| of_kind(kind).into_iter().map(|one| one.raw.clone()).collect();
    let shows = Shows {
        results: texts(EnvelopeKind::Content),
        parts: texts(EnvelopeKind::Part),
        files: of_kind(EnvelopeKind::File).len(),
    };
    shows.judge(tag, *form, tally);
    for shown in of_kind(EnvelopeKind::Content).into_iter().filter(|one| one.spot != request.place) {
        tally.wrong.push(format!("the result of {tag} stands in {}", shown.place));
    }
}

#[cfg(test)]
mod tests {
    use wilco_core::Timestamp;

    use super::*;

    fn counted(told: Told, jobs: &[&str]) -> Tally {
        let words = |word: &str| word.to_owned();
        let (person, place, event) = (words("U1"), words("C1"), words("e1"));
        let request = Request { tag: words("t1"), form: Form::Short, way: Way::Command, person, place, event, told };
        let mut tally = Tally::default();
        let jobs: Vec<String> = jobs.iter().map(|job| words(job)).collect();
        ended(&request, &jobs, &[], &mut tally);
        tally
    }

    #[test]
    fn what_was_heard_or_accepted_and_has_no_job_is_lost() {
        for told in [Told::Nothing, Told::Heard, Told::Accepted] {
            let tally = counted(told, &[]);
            assert_eq!((tally.wrong.len(), tally.again), (1, 0), "{told:?}");
        }
        for told in [Told::Refused, Told::Failed, Told::Doubted] {
            let tally = counted(told, &[]);
            assert_eq!((tally.wrong.len(), tally.again), (0, 1), "{told:?}");
        }
    }

    #[test]
    fn a_stray_is_an_untouched_acknowledgement_above_the_result_of_its_job() {
        let said = |kind, job: &str, at| Seen {
            kind: Some(kind),
            job: Some(job.to_owned()),
            spot: "C1".to_owned(),
            at: Timestamp(at),
            by_bot: true,
            ..Seen::default()
        };
        let (stub, end) = (said(EnvelopeKind::Stub, "k7f2", 1), said(EnvelopeKind::Content, "k7f2", 2));
        assert!(may_be_stray(&stub, &[stub.clone(), end.clone()]));
        assert!(!may_be_stray(&stub, std::slice::from_ref(&stub)), "its job has no result");
        let filled = Seen { edits: 1, ..stub.clone() };
        assert!(!may_be_stray(&filled, &[filled.clone(), end.clone()]), "it was found");
        for elsewhere in [
            Seen { spot: "C2".to_owned(), ..end.clone() },
            Seen { job: Some("m2x9".to_owned()), ..end.clone() },
            Seen { at: Timestamp(0), ..end.clone() },
            Seen { deleted: true, ..end.clone() },
        ] {
            assert!(!may_be_stray(&stub, &[stub.clone(), elsewhere]));
        }
        let question = Seen { kind: Some(EnvelopeKind::Question), ..stub.clone() };
        assert!(!may_be_stray(&question, &[question.clone(), end]), "somebody waits for an answer");
    }

    #[test]
    fn what_was_given_again_although_it_has_a_job_is_counted() {
        for told in [Told::Failed, Told::Doubted] {
            assert_eq!(counted(told, &["k7f2"]).doubled, 1, "{told:?}");
        }
        let refused = counted(Told::Refused, &["k7f2"]);
        assert!(refused.wrong.iter().any(|one| one.contains("was refused, and there is a job")), "{refused:?}");
        assert_eq!(counted(Told::Accepted, &["k7f2"]).doubled, 0);
    }
}
