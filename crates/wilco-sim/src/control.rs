//! A test's hand on a platform in another process: the same orders and the same eyes as in process.

use std::time::Duration;

use serde::de::DeserializeOwned;
use wilco_core::{Person, Place};

use crate::faults::{Chaos, Rule};
use crate::message::Entry;
use crate::platform::Order;
use crate::remote;
use crate::snapshot::Snapshot;

/// The platform did not do it; the sentence says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlError(pub String);

impl std::fmt::Display for ControlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ControlError {}

impl From<reqwest::Error> for ControlError {
    fn from(error: reqwest::Error) -> Self {
        Self(error.to_string())
    }
}

/// Steers and watches a platform over HTTP.
#[derive(Clone, Debug)]
pub struct Control {
    base: String,
    client: reqwest::Client,
}

impl Control {
    /// A hand on the platform at `base_url`.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(base_url: &str) -> Result<Self, ControlError> {
        Ok(Self { base: base_url.trim_end_matches('/').to_owned(), client: remote::client()? })
    }

    /// Gives an order. Returns the id of the event that came of it, when one did.
    ///
    /// # Errors
    /// The platform's refusal, or a broken connection.
    pub async fn order(&self, order: Order) -> Result<Option<String>, ControlError> {
        let response = self.client.post(format!("{}/control", self.base)).json(&order).send().await?;
        if response.status().is_success() {
            return Ok(response.json().await?);
        }
        Err(ControlError(response.text().await?))
    }

    /// A person writes a line.
    ///
    /// # Errors
    /// As for [`Control::order`].
    pub async fn say(&self, person: &Person, place: &Place, text: &str) -> Result<Option<String>, ControlError> {
        self.order(Order::Say { person: person.clone(), place: place.clone(), text: text.to_owned() }).await
    }

    /// A person presses a button that a message shows now.
    ///
    /// # Errors
    /// As for [`Control::order`].
    pub async fn press(&self, person: &Person, message: &str, label: &str) -> Result<Option<String>, ControlError> {
        self.order(Order::Press { person: person.clone(), message: message.to_owned(), label: label.to_owned() }).await
    }

    /// Adds a line to the fault script.
    ///
    /// # Errors
    /// As for [`Control::order`].
    pub async fn fault(&self, rule: Rule) -> Result<(), ControlError> {
        self.order(Order::Fault { rule }).await.map(|_| ())
    }

    /// Starts random faults, or stops them.
    ///
    /// # Errors
    /// As for [`Control::order`].
    pub async fn chaos(&self, chaos: Option<Chaos>) -> Result<(), ControlError> {
        self.order(Order::Chaos { chaos }).await.map(|_| ())
    }

    /// Ends every fault that is scripted or drawn.
    ///
    /// # Errors
    /// As for [`Control::order`].
    pub async fn calm(&self) -> Result<(), ControlError> {
        self.order(Order::Calm).await.map(|_| ())
    }

    /// All channels as they are now.
    ///
    /// # Errors
    /// A broken connection.
    pub async fn snapshot(&self) -> Result<Snapshot, ControlError> {
        self.get("/channels".to_owned(), Duration::ZERO).await
    }

    /// The log after an entry; `0` gives all of it.
    ///
    /// # Errors
    /// A broken connection.
    pub async fn log_after(&self, seq: u64) -> Result<Vec<Entry>, ControlError> {
        self.get(format!("/log?after={seq}"), Duration::ZERO).await
    }

    /// The log after an entry, as soon as there is one; nothing when none came within `wait` (at most 20 s).
    ///
    /// # Errors
    /// A broken connection.
    pub async fn log_grows(&self, seq: u64, wait: Duration) -> Result<Vec<Entry>, ControlError> {
        self.get(format!("/log?after={seq}&wait_ms={}", wait.as_millis()), wait).await
    }

    async fn get<T: DeserializeOwned>(&self, path: String, wait: Duration) -> Result<T, ControlError> {
        let request = self.client.get(format!("{}{path}", self.base)).timeout(wait + Duration::from_secs(15));
        Ok(request.send().await?.error_for_status()?.json().await?)
    }
}
