//! The people of the page: they say each thing until somebody has answered, as a browser does, and count
//! afterwards what they see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::count::{Shows, Tally};
use super::crowd::Form;
use super::kinds::GO_ON;
use super::page::{CHANNELS, Channel, Missed, Page};
use super::program::Running;
use super::wait;

/// How long a start may take until the page can be opened.
pub const OPENS_WITHIN: Duration = Duration::from_secs(60);

/// One request.
#[derive(Clone, Debug)]
struct Wish {
    tag: String,
    form: Form,
    place: Channel,
    /// Whether the bot has answered that it is stored.
    taken: bool,
    /// The id that people type, when the answer named it.
    short: Option<String>,
    /// Whether it was asked to stop.
    stopped: bool,
}

/// Everybody on the page, over all lives of the bot.
#[derive(Default)]
pub struct Visitors {
    wishes: Vec<Wish>,
    pressed: BTreeSet<String>,
    /// What must not be.
    pub wrong: Vec<String>,
}

impl Visitors {
    /// Somebody wants something; it is said as soon as there is a page.
    pub fn want(&mut self, form: Form) {
        let number = self.wishes.len();
        let place = CHANNELS[number % CHANNELS.len()];
        self.wishes.push(Wish { tag: format!("t{number}"), form, place, taken: false, short: None, stopped: false });
    }

    /// Opens the page of this life and speaks there, until it is dropped or the life has ended.
    pub async fn live(&mut self, running: &mut Running) {
        let Some(link) = running.link(OPENS_WITHIN).await else { return };
        let Ok(page) = Page::sign_in(&link).await else { return };
        loop {
            if self.turn(&page).await.is_err() {
                return;
            }
            wait::pause(Duration::from_millis(25)).await;
        }
    }

    /// Opens the page of this life and speaks there until the bot has taken everything.
    ///
    /// # Errors
    /// When the page does not open or closes before.
    pub async fn live_until_taken(&mut self, running: &mut Running) -> Result<(), Missed> {
        let link = running.link(OPENS_WITHIN).await.ok_or_else(|| Missed::Nobody("no link was shown".to_owned()))?;
        let page = Page::sign_in(&link).await?;
        while self.wishes.iter().any(|wish| !wish.taken) {
            self.turn(&page).await?;
        }
        Ok(())
    }

    /// One look around: what was not answered is said again, questions are answered, some jobs are stopped.
    async fn turn(&mut self, page: &Page) -> Result<(), Missed> {
        for at in 0..self.wishes.len() {
            let wish = self.wishes[at].clone();
            if !wish.taken {
                let told = page.say(wish.place, &wish.form.line(&wish.tag), &format!("event-{}", wish.tag)).await;
                self.hear(at, told)?;
            }
            let stops = matches!(wish.form, Form::Cancelled | Form::Pressed | Form::Spin);
            if stops && wish.taken && !wish.stopped {
                if let Some(short) = &wish.short {
                    page.say(wish.place, &format!("/cancel {short}"), &format!("cancel-{}", wish.tag)).await?;
                }
                self.wishes[at].stopped = true;
            }
        }
        for message in page.everything().await? {
            self.answer(page, &message).await?;
        }
        Ok(())
    }

    fn hear(&mut self, at: usize, told: Result<Value, Missed>) -> Result<(), Missed> {
        let told = match told {
            Ok(told) => told,
            Err(Missed::Refused(why)) => {
                self.wrong.push(format!("{} was refused: {why}", self.wishes[at].tag));
                return Ok(());
            }
            Err(nobody) => return Err(nobody),
        };
        match told["result"].as_str().unwrap_or_default() {
            "stored" | "duplicate" => {
                self.wishes[at].taken = true;
                self.wishes[at].short = told["worker"].as_str().map(str::to_owned);
            }
            // Whether it is stored shows when it is said again.
            "busy" | "heard" => {}
            other => self.wrong.push(format!("{} was answered `{other}`", self.wishes[at].tag)),
        }
        Ok(())
    }

    async fn answer(&mut self, page: &Page, message: &Value) -> Result<(), Missed> {
        let (Some(id), Some("question")) = (message["id"].as_str(), message["kind"].as_str()) else { return Ok(()) };
        let buttons = message["buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
        let Some(button) = buttons.iter().find(|button| button["label"] == GO_ON) else { return Ok(()) };
        let event = format!("press-{}-{}", &id[id.len().saturating_sub(12)..], message["rev"]);
        if self.pressed.contains(&event) {
            return Ok(());
        }
        match page.press(id, button["payload"].as_str().unwrap_or_default(), &event).await {
            Ok(_) => drop(self.pressed.insert(event)),
            Err(Missed::Refused(why)) => self.wrong.push(format!("a press was refused: {why}")),
            Err(nobody) => return Err(nobody),
        }
        Ok(())
    }

    /// What is missing before everything has settled; empty when nothing is.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn open(&self, page: &Page) -> Result<Vec<String>, Missed> {
        let unsaid = self.wishes.iter().filter(|wish| !wish.taken).map(|wish| format!("{} is not taken", wish.tag));
        let mut open: Vec<String> = unsaid.collect();
        for worker in page.workers().await? {
            if worker["ended"].is_null() {
                open.push(format!("{} is {}", worker["input"], worker["state"]));
            }
        }
        for state in ["waiting", "pending", "sending"] {
            open.extend(page.receipts(state).await?.into_iter().map(|receipt| format!("{state}: {receipt}")));
        }
        Ok(open)
    }

    /// Takes part until nothing is open any more, or the limit has passed; answers what is then still open.
    pub async fn settle(&mut self, page: &Page, limit: Duration) -> Vec<String> {
        let mut open = Vec::new();
        let settled: Option<()> = wait::for_some(limit, async || {
            if let Err(missed) = self.turn(page).await {
                open = vec![format!("{missed:?}")];
                return None;
            }
            open = self.open(page).await.unwrap_or_else(|missed| vec![format!("{missed:?}")]);
            open.is_empty().then_some(())
        })
        .await;
        if settled.is_some() { Vec::new() } else { open }
    }

    /// The count, from the conversations as they stand.
    ///
    /// # Errors
    /// When the page does not answer.
    pub async fn tally(&self, page: &Page) -> Result<Tally, Missed> {
        let mut tally = Tally { asked: self.wishes.len(), wrong: self.wrong.clone(), ..Tally::default() };
        let workers = page.workers().await?;
        let messages = page.everything().await?;
        let mut of_worker: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for message in &messages {
            if let (Some(worker), Some(_)) = (message["worker"].as_str(), message["kind"].as_str()) {
                of_worker.entry(worker).or_default().push(message);
            }
        }
        for wish in &self.wishes {
            let last = |worker: &&Value| {
                worker["input"].as_str().and_then(|it| it.split_whitespace().last()) == Some(&wish.tag)
            };
            let ids: Vec<&str> = workers.iter().filter(last).filter_map(|worker| worker["id"].as_str()).collect();
            let [id] = ids.as_slice() else {
                tally.wrong.push(format!("{} has started {} jobs", wish.tag, ids.len()));
                continue;
            };
            one(wish, &of_worker.remove(id).unwrap_or_default(), &mut tally);
        }
        tally.wrong.extend(of_worker.keys().map(|worker| format!("nobody asked for {worker}")));
        for receipt in page.receipts("failed").await? {
            tally.wrong.push(format!("on the operator's list: {receipt}"));
        }
        Ok(tally)
    }
}

fn one(wish: &Wish, messages: &[&Value], tally: &mut Tally) {
    let tag = &wish.tag;
    let of_kind = |kind: &str| -> Vec<&str> {
        let fitting = messages.iter().filter(|message| message["kind"] == kind);
        fitting.map(|message| message["text"].as_str().unwrap_or_default()).collect()
    };
    for kind in ["stub", "progress", "question"] {
        tally.wrong.extend(of_kind(kind).into_iter().map(|text| format!("{tag} is left as {text:?}")));
    }
    let texts = |kind| of_kind(kind).into_iter().map(str::to_owned).collect();
    Shows { results: texts("content"), parts: texts("part"), files: of_kind("file").len() }
        .judge(tag, wish.form, tally);
}
