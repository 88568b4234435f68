//! The calls by which an interaction is answered. Its token dies 15 minutes after the interaction was made, and a
//! webhook that is used after that counts against the bot, so nothing is tried on a dead one.

use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{ApplicationId, InteractionId};
use serenity::http::{LightMethod, Route};
use tracing::{debug, warn};

use super::note::EPHEMERAL;
use crate::discord::Discord;
use crate::options::Secret;
use crate::rest::{Answer, Call, Lane, Refusal};
use crate::snowflake::Snowflake;
use crate::time::within;

/// After this time Discord takes no first answer any more (Discord API, "Receiving and Responding", 3 s).
const FIRST_ANSWER: Duration = Duration::from_millis(2_900);
/// How long one try may take: a connection that hangs leaves time for another try within the three seconds.
const FIRST_TRY: Duration = Duration::from_millis(1_000);
/// The pause before a first answer is tried again.
const PAUSE: Duration = Duration::from_millis(200);
/// For how long a token works: 15 minutes, less what clocks may differ by.
pub(crate) const TOKEN_LIFE: Duration = Duration::from_secs(14 * 60);

/// Which interaction, and the right to answer it. Nothing of it is ever shown but the id.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: Snowflake,
    pub(crate) application: Snowflake,
    pub(crate) token: Secret,
}

/// What became of a first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It is shown.
    Shown,
    /// Somebody or something had answered before, perhaps this call itself, whose answer was lost.
    Before,
    /// Too late: nobody can be answered here any more. What was asked for goes its way by the bot token.
    Late,
}

/// What became of a later answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Later {
    /// It is shown, or gone, as was wanted.
    Done,
    /// The token is dead, or the note is not there any more: nothing further is tried.
    Dead,
    /// Discord does not take these words; the note may be given others.
    Refused,
    /// Nobody knows; again after this time.
    Again(Duration),
}

/// The words of a message as a first answer (callback type 4).
pub(crate) fn message(body: &Value) -> Value {
    json!({ "type": 4, "data": body })
}

/// A private answer that comes later (callback type 5): "is thinking…" until then. Where it never comes, Discord says
/// that the application did not respond, as soon as the token has died.
pub(crate) fn deferral() -> Value {
    json!({ "type": 5, "data": { "flags": EPHEMERAL } })
}

/// Suggestions while somebody types (callback type 8).
pub(crate) fn choices(list: &[Value]) -> Value {
    json!({ "type": 8, "data": { "choices": list } })
}

impl Discord {
    /// Gives the first answer, as often as it takes and the three seconds allow. `since` is when the interaction came in.
    pub(crate) async fn answer_first(&self, asked: &Asked, since: Duration, body: &Value) -> First {
        let end = since + FIRST_ANSWER;
        let mut doubtful = false;
        loop {
            let route = Route::InteractionResponse {
                interaction_id: InteractionId::new(asked.id.0.max(1)),
                token: asked.token.expose(),
            };
            let Ok(call) = Call::json(LightMethod::Post, route, body, Lane::Reserved) else { return First::Late };
            // A try that is given up may have been taken; giving the same answer again is recognised (40060).
            let Some(answer) = within(&*self.clock, FIRST_TRY, self.rest.call(call)).await else {
                doubtful = true;
                if self.clock.monotonic() >= end {
                    return First::Before;
                }
                continue;
            };
            let pause = match answer {
                Answer::Done { .. } => return First::Shown,
                Answer::Refused(refusal) => match refusal.code {
                    // Already acknowledged.
                    Some(40060) => return First::Before,
                    // Unknown interaction: more than 3 s, or another process was faster and is done with it.
                    Some(10062) if doubtful => return First::Before,
                    Some(10062) => return late(asked, &refusal),
                    Some(_) | None if refusal.status == 429 => refusal.retry_after.unwrap_or(PAUSE),
                    // A server in trouble, or something in between that is not Discord.
                    Some(_) | None if refusal.status >= 500 || !refusal.json => {
                        doubtful = true;
                        PAUSE
                    }
                    Some(_) | None => {
                        warn!(interaction = %asked.id, status = refusal.status, code = ?refusal.code, "discord: a first answer was refused");
                        return First::Late;
                    }
                },
                Answer::Held { delay, .. } => delay,
                Answer::NotSent(cause) => {
                    debug!(%cause, "discord: a first answer was not sent");
                    PAUSE
                }
                Answer::Unknown(cause) => {
                    debug!(%cause, "discord: whether a first answer was taken is not known");
                    doubtful = true;
                    PAUSE
                }
            };
            let next = self.clock.monotonic() + pause;
            if next >= end {
                // A later answer finds out whether this one was taken.
                return if doubtful { First::Before } else { First::Late };
            }
            self.clock.sleep_until(next).await;
        }
    }

    /// Gives the note other words.
    pub(crate) async fn answer_again(&self, asked: &Asked, body: &Value) -> Later {
        let mut body = body.clone();
        // Who sees it was settled by the first answer and is not said again.
        if let Some(fields) = body.as_object_mut() {
            fields.remove("flags");
        }
        let call = Call::json(LightMethod::Patch, original(asked), &body, Lane::Reserved);
        match call {
            Ok(call) => later(asked, self.rest.call(call).await),
            Err(_) => Later::Refused,
        }
    }

    /// Takes the note away.
    pub(crate) async fn take_answer_away(&self, asked: &Asked) -> Later {
        later(asked, self.rest.call(Call::bare(LightMethod::Delete, original(asked), Lane::Reserved)).await)
    }

    /// Adds a further message to an answer. It repeats what can be asked for again, so it is tried once.
    pub(crate) async fn answer_further(&self, asked: &Asked, body: &Value) -> Later {
        let route = Route::WebhookFollowupMessages {
            application_id: ApplicationId::new(asked.application.0.max(1)),
            token: asked.token.expose(),
        };
        match Call::json(LightMethod::Post, route, body, Lane::Reserved) {
            Ok(call) => later(asked, self.rest.call(call).await),
            Err(_) => Later::Refused,
        }
    }
}

fn original(asked: &Asked) -> Route<'_> {
    Route::WebhookOriginalInteractionResponse {
        application_id: ApplicationId::new(asked.application.0.max(1)),
        token: asked.token.expose(),
    }
}

fn late(asked: &Asked, refusal: &Refusal) -> First {
    warn!(interaction = %asked.id, code = ?refusal.code, "discord: an interaction could not be answered in time; what it asked for goes on");
    First::Late
}

fn later(asked: &Asked, answer: Answer) -> Later {
    match answer {
        Answer::Done { .. } => Later::Done,
        Answer::Refused(refusal) => match (refusal.code, refusal.status) {
            // Unknown message, webhook or interaction, and an invalid webhook token.
            (Some(10008 | 10015 | 10062 | 50027), _) => Later::Dead,
            (Some(_), 401 | 403 | 404) if refusal.json => Later::Dead,
            // Something in between that is not Discord.
            (_, status) if !refusal.json && status < 500 => Later::Again(Duration::from_secs(1)),
            (_, status) if status == 429 || status >= 500 => {
                Later::Again(refusal.retry_after.unwrap_or(Duration::from_secs(1)))
            }
            (code, status) => {
                warn!(interaction = %asked.id, ?code, status, why = refusal.message, "discord: a private note was refused");
                Later::Refused
            }
        },
        Answer::Held { delay, .. } => Later::Again(delay),
        Answer::NotSent(cause) | Answer::Unknown(cause) => {
            debug!(%cause, "discord: a private note did not get through");
            Later::Again(Duration::from_secs(1))
        }
    }
}
