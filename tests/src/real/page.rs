//! A browser of the web chat, as far as its HTTP API goes.

use std::time::Duration;

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// Who speaks.
pub const PERSON: &str = "ana";
/// How long one request may take; a process that was killed answers none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where somebody speaks on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The channel.
    pub channel: &'static str,
    /// The thread in it.
    pub thread: Option<&'static str>,
}

/// Every conversation of the page.
pub const CHANNELS: [Channel; 3] = [
    Channel { channel: "general", thread: None },
    Channel { channel: "general", thread: Some("deploys") },
    Channel { channel: "direct", thread: None },
];

/// A browser that is signed in.
pub struct Page {
    client: Client,
    base: String,
    cookie: String,
    csrf: String,
}

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nobody answered, or the answer broke off: the process may be gone. Asking again is right.
    Nobody(String),
    /// It was refused.
    Refused(String),
}

impl From<reqwest::Error> for Missed {
    fn from(error: reqwest::Error) -> Self {
        Self::Nobody(error.without_url().to_string())
    }
}

impl Page {
    /// Opens the link of the terminal.
    ///
    /// # Errors
    /// When nobody answers, or the link does not open the page.
    pub async fn sign_in(link: &str) -> Result<Self, Missed> {
        let client = Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build()?;
        let base = link.split("/login/").next().unwrap_or_default().to_owned();
        let opened = client.get(link).send().await?;
        let cookie = opened.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok()?.split(';').next());
        let cookie = cookie.ok_or_else(|| Missed::Refused(format!("the link gave no cookie: {}", opened.status())))?;
        let mut page = Self { client, base, cookie: cookie.to_owned(), csrf: String::new() };
        let session = page.get("/session", &[]).await?;
        page.csrf = session["csrf"].as_str().unwrap_or_default().to_owned();
        Ok(page)
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Value, Missed> {
        let response = request.header(COOKIE, &self.cookie).send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            let words = format!("{status}: {text}");
            // A bot that starts or stops asks for patience.
            return Err(if status.is_server_error() { Missed::Nobody(words) } else { Missed::Refused(words) });
        }
        serde_json::from_str(&text).map_err(|error| Missed::Nobody(error.to_string()))
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Missed> {
        let request = self.client.get(format!("{}/api/v1{path}", self.base));
        self.answer(request.query(&[("as", PERSON)]).query(query)).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Missed> {
        let request = self.client.post(format!("{}/api/v1{path}", self.base));
        self.answer(request.header("x-wilco-csrf", &self.csrf).json(body)).await
    }

    /// Says something. The same event again is the same thing said.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn say(&self, place: Channel, text: &str, event: &str) -> Result<Value, Missed> {
        let (channel, thread) = (place.channel, place.thread);
        let body = json!({ "as": PERSON, "channel": channel, "thread": thread, "text": text, "event": event });
        self.post("/messages", &body).await
    }

    /// Presses a button.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn press(&self, message: &str, payload: &str, event: &str) -> Result<Value, Missed> {
        let body = json!({ "as": PERSON, "message": message, "payload": payload, "event": event });
        self.post("/press", &body).await
    }

    /// What stands in a conversation.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn messages(&self, place: Channel) -> Result<Vec<Value>, Missed> {
        let mut query = vec![("channel", place.channel)];
        query.extend(place.thread.map(|thread| ("thread", thread)));
        Ok(list(self.get("/messages", &query).await?, "messages"))
    }

    /// What stands in all conversations.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn everything(&self) -> Result<Vec<Value>, Missed> {
        let mut all = Vec::new();
        for place in CHANNELS {
            all.extend(self.messages(place).await?);
        }
        Ok(all)
    }

    /// Every job.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn workers(&self) -> Result<Vec<Value>, Missed> {
        Ok(list(self.get("/workers", &[("limit", "5000")]).await?, "workers"))
    }

    /// How the bot says that it is.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn health(&self) -> Result<Value, Missed> {
        Ok(self.get("/health", &[]).await?["health"].take())
    }

    /// Why the bot is not ready, as it tells whoever watches the process; nothing when it is.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn unready(&self) -> Result<Vec<String>, Missed> {
        let text = self.client.get(format!("{}/readyz", self.base)).send().await?.text().await?;
        let told: Value = serde_json::from_str(&text).map_err(|error| Missed::Nobody(error.to_string()))?;
        let reasons = told["reasons"].as_array().ok_or_else(|| Missed::Nobody(text.clone()))?;
        Ok(reasons.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Every receipt in a state.
    ///
    /// # Errors
    /// When nobody answers, or it was refused.
    pub async fn receipts(&self, state: &str) -> Result<Vec<Value>, Missed> {
        Ok(list(self.get("/receipts", &[("limit", "5000"), ("state", state)]).await?, "receipts"))
    }
}

fn list(mut value: Value, key: &str) -> Vec<Value> {
    match value[key].take() {
        Value::Array(all) => all,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    }
}
