//! What is counted after the kills: from what stands in the channels of the fake Discord, and from the list of jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use wilco_core::EnvelopeKind;
use wilco_sim::discord::Shown;

use super::{Guild, Request, Told, Way};
use crate::real::count::{Shows, Tally};
use crate::real::crowd::Form;
use crate::real::kinds::result_of;
use crate::real::{Home, wait};

/// How long Discord has to stay quiet before the count.
const QUIET: Duration = Duration::from_millis(1_500);

/// The ids that people type of the jobs of each tag.
type Jobs = BTreeMap<String, Vec<String>>;

impl Guild {
    /// Takes part until everything has come to its end and nothing happens any more.
    ///
    /// # Errors
    /// What is still open at the limit.
    pub async fn settles(&mut self, home: &Home, limit: Duration) -> Result<(), String> {
        let mut open = Vec::new();
        let mut quiet = (0, self.fake.log().len());
        let settled = wait::for_some(limit, async || {
            self.turn();
            let calls = self.fake.log().len();
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
        let snapshot = self.fake.snapshot();
        let mut open = self.unfinished(&snapshot);
        if self.fake.listening() == 0 {
            // What was written before its session is read after it has begun.
            open.push("nobody listens".to_owned());
        }
        for (at, wish) in self.wishes.iter().enumerate() {
            let last = wish.last.map(|last| &self.requests[last]);
            match last {
                Some(last) if last.told == Told::Accepted => {
                    let shown = public(&snapshot).any(|one| one.channel == last.place && speaks_of(one, last));
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

    /// What may not stay as it is: a message without its end, a note that says *Heard*, an answer that is still awaited.
    fn unfinished(&self, snapshot: &[Shown]) -> Vec<String> {
        let all = snapshot.iter().filter(|one| one.by_bot && !one.deleted);
        let open = all.filter(|one| match &one.only_for {
            Some(_) => (one.loading && !self.unanswered.contains(&one.id)) || one.raw.starts_with("Heard"),
            None => matches!(one.kind, Some(EnvelopeKind::Stub | EnvelopeKind::Progress | EnvelopeKind::Question)),
        });
        open.map(|one| format!("{} shows {:?}", one.place, one.text.lines().next().unwrap_or_default())).collect()
    }

    /// The count, when everything has settled.
    ///
    /// # Errors
    /// That the command line does not list the jobs.
    pub async fn tally(&self, home: &Home) -> Result<Tally, String> {
        let mut tally = Tally { asked: self.wishes.len(), wrong: self.wrong.clone(), ..Tally::default() };
        let snapshot = self.fake.snapshot();
        let jobs = jobs(home, &mut tally).await?;
        for request in &self.requests {
            let jobs = jobs.get(&request.tag).map(Vec::as_slice).unwrap_or_default();
            ended(request, jobs, &snapshot, &mut tally);
        }
        for tag in jobs.keys().filter(|tag| !self.requests.iter().any(|request| request.tag == **tag)) {
            tally.wrong.push(format!("nobody asked for {tag}"));
        }
        tally.wrong.extend(self.unfinished(&snapshot).into_iter().map(|left| format!("left in the end: {left}")));
        for (earlier, later) in self.fake.duplicates() {
            tally.wrong.push(format!("shown twice in {}: {} and {}", later.place, earlier.text, later.text));
        }
        pings(&snapshot, &mut tally);
        tally.wrong.extend(self.fake.deviations().iter().map(|one| format!("a deviation: {one:?}")));
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

fn public(snapshot: &[Shown]) -> impl Iterator<Item = &Shown> {
    snapshot.iter().filter(|one| one.by_bot && !one.deleted && one.only_for.is_none())
}

/// Whether a message is the result of a request; one that did not end well does not say its tag, but stands in a
/// thread of its own.
fn speaks_of(shown: &Shown, request: &Request) -> bool {
    let says_it = shown.raw.contains(&result_of(&request.tag));
    let ended_badly = request.form != Form::Later && !shown.text.starts_with("Done");
    shown.kind == Some(EnvelopeKind::Content) && (says_it || ended_badly)
}

/// A job notifies its person once.
fn pings(snapshot: &[Shown], tally: &mut Tally) {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for ping in public(snapshot).filter(|one| one.kind == Some(EnvelopeKind::Ping)) {
        *seen.entry((&ping.place, &ping.raw)).or_default() += 1;
    }
    let twice = seen.into_iter().filter(|(_, times)| *times > 1);
    tally.wrong.extend(twice.map(|((place, text), times)| format!("{text:?} stands {times} times in {place}")));
}

/// Each request that was stored has one job and one result. One that was not is known to its person.
fn ended(request: &Request, jobs: &[String], snapshot: &[Shown], tally: &mut Tally) {
    let Request { tag, form, way, told, .. } = request;
    let [job] = jobs else {
        match (jobs.len(), told) {
            (0, Told::Nothing | Told::Again) => tally.again += 1,
            (0, Told::Accepted) if *way == Way::Mention => tally.wrong.push(format!("the mention {tag} is lost")),
            (0, Told::Accepted) => tally.wrong.push(format!("{tag} ({form:?}) was accepted and is lost")),
            (many, _) => tally.wrong.push(format!("{tag} ({form:?}) was stored {many} times")),
        }
        return;
    };
    let wanted = result_of(tag);
    // A reminder names what was scheduled, and not the job that shows it.
    let is_its = |one: &Shown| {
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
    for shown in of_kind(EnvelopeKind::Content).into_iter().filter(|one| one.channel != request.place) {
        tally.wrong.push(format!("the result of {tag} stands in {}", shown.place));
    }
}
