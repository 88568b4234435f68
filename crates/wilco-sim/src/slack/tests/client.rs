//! A bare WebSocket client.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Stage;

/// One connection, after its handshake.
pub(super) struct Client(pub(super) WebSocketStream<TcpStream>);

impl Client {
    /// The address for a further connection.
    pub(super) async fn url(stage: &Stage) -> String {
        let request = stage.client.post(format!("{}apps.connections.open", stage.api));
        let got = stage.send(request.bearer_auth(stage.slack.app_token(&stage.team))).await;
        got.body["url"].as_str().unwrap().to_owned()
    }

    /// Connects, and has not heard hello yet.
    pub(super) async fn dial(stage: &Stage, url: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let tcp = TcpStream::connect(stage.slack.base().replacen("http://", "", 1)).await.unwrap();
        Ok(Self(client_async(url, tcp).await?.0))
    }

    /// A client that has heard hello.
    pub(super) async fn ready(stage: &Stage) -> Self {
        let url = Self::url(stage).await;
        let mut client = Self::dial(stage, &url).await.unwrap();
        assert_eq!(client.hear().await.unwrap()["type"], "hello");
        client
    }

    /// The next frame of JSON; none when the connection is over.
    pub(super) async fn hear(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).ok(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_) | Message::Binary(_) | Message::Frame(_)) | Err(_)) | None => return None,
            }
        }
    }

    /// A client that has heard hello, by the token of the app of any workspace.
    pub(super) async fn ready_with(stage: &Stage, token: &str) -> Self {
        let request = stage.client.post(format!("{}apps.connections.open", stage.api));
        let got = stage.send(request.bearer_auth(token)).await;
        let mut client = Self::dial(stage, got.body["url"].as_str().unwrap()).await.unwrap();
        assert_eq!(client.hear().await.unwrap()["type"], "hello");
        client
    }

    /// Acknowledges an envelope.
    pub(super) async fn ack(&mut self, envelope: &Value, payload: Option<Value>) {
        let mut frame = json!({"envelope_id": envelope["envelope_id"]});
        if let Some(payload) = payload {
            frame["payload"] = payload;
        }
        self.0.send(Message::Text(frame.to_string())).await.unwrap();
    }

    /// The next envelope's payload, acknowledged.
    pub(super) async fn take(&mut self) -> Value {
        let envelope = self.hear().await.unwrap();
        self.ack(&envelope, None).await;
        envelope["payload"].clone()
    }
}
