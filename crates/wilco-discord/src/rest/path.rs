//! Which rate limit a request falls under, as far as its path tells.

use reqwest::Method;
use wilco_core::text::fingerprint;

/// A route without its ids, and the id that divides its limit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct RouteKey {
    /// Method and path with every id replaced: what Discord calls a route.
    pub(super) route: String,
    /// The major parameter: the channel, guild or webhook (Discord API, "Rate Limits"). A webhook's token is only in
    /// here as a fingerprint.
    pub(super) major: String,
    /// Whether the call belongs to an interaction, which the account's global limit does not count.
    pub(super) interaction: bool,
}

impl RouteKey {
    /// The key of a path below the API's base.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let first = segments.first().copied().unwrap_or_default();
        // The only webhooks that the bot uses are those of its interactions.
        let interaction = matches!(first, "webhooks" | "interactions") && segments.len() > 2;
        let is_major = interaction || matches!(first, "channels" | "guilds" | "webhooks");
        let mut route = method.as_str().to_owned();
        let mut major = String::new();
        let mut before = "";
        for (at, segment) in segments.iter().copied().enumerate() {
            route.push('/');
            if interaction && at == 2 {
                major.push_str(&format!(":{:x}", fingerprint(segment)));
                route.push_str(":token");
            } else if before == "reactions" {
                route.push_str(":emoji");
            } else if segment.bytes().all(|byte| byte.is_ascii_digit()) {
                if is_major && at == 1 {
                    major.push_str(segment);
                }
                route.push_str(":id");
            } else {
                route.push_str(segment);
            }
            before = segment;
        }
        Self { route, major, interaction }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_out_and_the_major_one_is_kept() {
        let key = |method: Method, path: &str| {
            let key = RouteKey::of(&method, path);
            (key.route, key.major, key.interaction)
        };
        let table = [
            (Method::POST, "/channels/12/messages", "POST/channels/:id/messages", "12", false),
            (Method::PATCH, "/channels/12/messages/99", "PATCH/channels/:id/messages/:id", "12", false),
            (
                Method::PUT,
                "/channels/12/messages/99/reactions/%F0%9F%91%80/@me",
                "PUT/channels/:id/messages/:id/reactions/:emoji/@me",
                "12",
                false,
            ),
            (Method::GET, "/users/@me", "GET/users/@me", "", false),
            (Method::GET, "/users/77", "GET/users/:id", "", false),
            (Method::PUT, "/applications/5/guilds/6/commands", "PUT/applications/:id/guilds/:id/commands", "", false),
        ];
        for (method, path, route, major, interaction) in table {
            assert_eq!(key(method, path), (route.to_owned(), major.to_owned(), interaction), "{path}");
        }
    }

    #[test]
    fn a_token_of_an_interaction_divides_the_limit_and_is_nowhere() {
        let one = RouteKey::of(&Method::PATCH, "/webhooks/5/aW50ZXJhY3Rpb24/messages/@original");
        let two = RouteKey::of(&Method::PATCH, "/webhooks/5/another/messages/@original");
        assert_eq!(one.route, "PATCH/webhooks/:id/:token/messages/@original");
        assert_eq!(one.route, two.route);
        assert_ne!(one.major, two.major);
        assert!(one.interaction && !one.major.contains("aW50"));
    }
}
