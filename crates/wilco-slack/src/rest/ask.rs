//! A question of whoever sets the connection up: with the token that it is about, and with what Slack says of its scopes.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use wilco_core::Cause;

use super::{Answer, CALL_LIMIT, Method, Rest, answer};
use crate::options::Secret;

/// The header in which Slack names the scopes of the token that was used (Slack, "Web API", "Evaluating responses").
const SCOPES: &str = "x-oauth-scopes";

impl Rest {
    /// Calls a method with this token and these arguments. A person waits for it, so it counts against no limit of
    /// ours and is asked once. Answers also what Slack says of the token's scopes, where it does.
    pub(crate) async fn ask(
        &self,
        name: &str,
        token: &Secret,
        arguments: &[(&str, &str)],
    ) -> (Answer, Option<Vec<String>>) {
        let Ok(mut authorization) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) else {
            return (Answer::NotSent(Cause::new("token", "the token has characters that no token has")), None);
        };
        authorization.set_sensitive(true);
        let url = format!("{}/{name}", self.api.as_str().trim_end_matches('/'));
        // The token in the header and not among the arguments: some methods take an app-level token in no other way.
        let builder = self.http.post(url).header(AUTHORIZATION, authorization).form(arguments);
        match self.exchange(builder, CALL_LIMIT).await {
            Ok(raw) => {
                let named = raw.headers.get(SCOPES).and_then(|value| value.to_str().ok());
                let scopes = named.map(|named| named.split(',').map(|one| one.trim().to_owned()).collect());
                (answer::read(&raw, Method::AuthTest), scopes)
            }
            Err(answer) => (answer, None),
        }
    }
}
