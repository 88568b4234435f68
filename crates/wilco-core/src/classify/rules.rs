//! The table: what each service says when nothing can succeed until a person acts.
//!
//! The words come from what the programs print, as people have reported it: for Claude Code the issues
//! 1746, 4208, 5666, 6331 and 33811 of anthropics/claude-code and the error list of the Messages API;
//! for Codex the issues 6028, 9634, 17042, 20786, 24365 and 41973 of openai/codex and the error codes
//! of the platform. Everything here is in the form that [`super::words`] gives a line.

use super::Service;
use crate::gate::GateReason;

/// One thing that a service says. The first that fits counts, so the narrower stand before the wider.
pub(super) struct Rule {
    pub(super) service: Service,
    pub(super) reason: GateReason,
    /// How the line begins in which the backend's own program reports it.
    pub(super) leads: &'static [&'static str],
    /// How it may begin in the job's own error as well, where a bare status is the backend's.
    pub(super) bare: &'static [&'static str],
    /// One of these has to stand there or in the two lines below; none are needed where the beginning
    /// says all of it.
    pub(super) says: &'static [&'static str],
}

/// How Claude Code begins a line about a refused request.
const CLAUDE_401: &[&str] = &["api error 401", "failed to authenticate api error 401"];
/// How Codex begins a line about a refused request.
const CODEX_401: &[&str] = &[
    "unexpected status 401 unauthorized",
    "error unexpected status 401 unauthorized",
    "stream error unexpected status 401 unauthorized",
    "exceeded retry limit last status 401 unauthorized",
    "error exceeded retry limit last status 401 unauthorized",
    "stream error exceeded retry limit last status 401 unauthorized",
];
const BARE_401: &[&str] = &["401", "error 401", "http 401", "status 401"];

pub(super) const TABLE: &[Rule] = &[
    // Claude: the key.
    Rule {
        service: Service::Claude,
        reason: GateReason::NeedsKey,
        leads: CLAUDE_401,
        bare: BARE_401,
        says: &["invalid x api key", "x api key header is required"],
    },
    Rule {
        service: Service::Claude,
        reason: GateReason::NeedsKey,
        leads: &[
            "invalid api key please run login",
            "invalid api key fix external api key",
            "missing api key run login",
            "missing api key please run login",
        ],
        bare: &["could not resolve authentication method", "error could not resolve authentication method"],
        says: &[],
    },
    // Claude: the session. Both an expired and a revoked token want the same of a person.
    Rule {
        service: Service::Claude,
        reason: GateReason::SessionExpired,
        leads: CLAUDE_401,
        bare: BARE_401,
        says: &[
            "type authentication_error",
            "oauth token has expired",
            "oauth token has been revoked",
            "oauth authentication is currently not supported",
        ],
    },
    Rule {
        service: Service::Claude,
        reason: GateReason::SessionExpired,
        leads: &["api error 403", "failed to authenticate api error 403"],
        bare: &["403", "error 403"],
        says: &["oauth token has been revoked"],
    },
    Rule {
        service: Service::Claude,
        reason: GateReason::SessionExpired,
        leads: &[
            "not logged in please run login",
            "oauth token revoked please run login",
            "oauth token has expired please run login",
            "session expired please run login",
        ],
        bare: &[],
        says: &[],
    },
    // Claude: the credit.
    Rule {
        service: Service::Claude,
        reason: GateReason::NeedsCredit,
        leads: &["api error 400", "api error 402", "api error 403", "credit balance is too low"],
        bare: &["400", "error 400", "402", "error 402", "your credit balance is too low"],
        says: &["credit balance is too low", "type billing_error"],
    },
    // Codex: the key.
    Rule {
        service: Service::Codex,
        reason: GateReason::NeedsKey,
        leads: CODEX_401,
        bare: BARE_401,
        says: &[
            "incorrect api key provided",
            "code invalid_api_key",
            "missing bearer or basic authentication in header",
        ],
    },
    // Codex: the session.
    Rule {
        service: Service::Codex,
        reason: GateReason::SessionExpired,
        leads: &[
            "your access token could not be refreshed",
            "error your access token could not be refreshed",
            "failed to refresh token",
            "error failed to refresh token",
        ],
        bare: &[],
        says: &["sign in again", "signing in again", "log in again"],
    },
    Rule {
        service: Service::Codex,
        reason: GateReason::SessionExpired,
        leads: CODEX_401,
        bare: BARE_401,
        says: &[
            "code token_invalidated",
            "code token_expired",
            "code token_revoked",
            "authentication token has been invalidated",
            "authentication token is expired",
            // The address that only somebody who is signed in with ChatGPT uses.
            "https chatgpt com backend api codex",
        ],
    },
    // Codex: the credit.
    Rule {
        service: Service::Codex,
        reason: GateReason::NeedsCredit,
        leads: &[
            "quota exceeded",
            "error quota exceeded",
            "insufficient quota",
            "stream error",
            "error stream disconnected before completion",
            "unexpected status 429",
            "error unexpected status 429",
        ],
        bare: &["429", "error 429", "http 429", "insufficient_quota", "you exceeded your current quota"],
        says: &[
            "check your plan and billing details",
            "check your billing details",
            "insufficient_quota",
            "you exceeded your current quota",
        ],
    },
    Rule {
        service: Service::Codex,
        reason: GateReason::NeedsCredit,
        leads: &["you hit your spend cap", "error you hit your spend cap"],
        bare: &[],
        says: &[],
    },
];
