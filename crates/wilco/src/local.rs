//! The people of the local web chat, and what they may do there.

use wilco_core::access::{Role, Rule};
use wilco_core::settings::Settings;

use crate::bot::Extras;
use crate::config::Config;

/// The web chat that needs no configuration.
pub(crate) fn options() -> wilco_web::Options {
    wilco_web::Options::local(env!("CARGO_PKG_VERSION"))
}

/// The rules for the local people. Whoever opens the page has shown the link of this machine's terminal; the
/// rules hold for that account alone, so a person of the same id elsewhere gets nothing from them.
fn rules() -> Vec<Rule> {
    let options = options();
    let account = options.account.to_string();
    let rule = |known: wilco_web::WebPerson| {
        let grant = [Role::Owner, Role::Operator, Role::Viewer].into_iter().find(|role| role.name() == known.role)?;
        Some(Rule { account: Some(account.clone()), user: Some(known.person.id), ..Rule::granting(grant) })
    };
    options.people.into_iter().filter_map(rule).collect()
}

/// The settings of the loop: what is configured, what the program adds, and the local people.
pub(crate) fn settings(config: &Config, extras: &Additions) -> Settings {
    let mut settings = config.settings.clone();
    for (name, tune) in &extras.tuned {
        let mut kind = settings.kind(name);
        tune(&mut kind);
        settings.kinds.insert(name.clone(), kind);
    }
    settings.access.rules.extend(extras.access.iter().cloned());
    if config.web.enabled {
        settings.access.rules.extend(rules());
    }
    settings
}

/// What of the program's additions is needed again at every reload.
pub(crate) struct Additions {
    pub(crate) kinds: std::collections::BTreeMap<String, std::sync::Arc<dyn wilco_core::Worker>>,
    pub(crate) tuned: std::collections::BTreeMap<String, crate::bot::Tune>,
    pub(crate) access: Vec<Rule>,
}

impl Extras {
    /// Splits off the connections, which are made once.
    pub(crate) fn split(self) -> (Vec<crate::bot::MakeAdapter>, Additions) {
        (self.adapters, Additions { kinds: self.kinds, tuned: self.tuned, access: self.access })
    }
}

#[cfg(test)]
mod tests {
    use wilco_core::Person;

    use super::*;
    use crate::bot::Bot;
    use crate::config::{Flags, Loader};

    fn config(env: &[(&str, &str)]) -> Config {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Loader::new(Flags::default(), env, "/nonexistent").load().unwrap()
    }

    #[test]
    fn the_local_people_have_their_roles_on_the_page_and_nowhere_else() {
        let (_, none) = Extras::default().split();
        let access = settings(&config(&[]), &none).access;
        let role = |account: &str, id: &str| access.role(&account.into(), &Person::new(id, "x"), "general", None);
        assert_eq!(role("web", "ana"), Some(Role::Owner));
        assert_eq!(role("web", "bo"), Some(Role::Viewer));
        assert_eq!(role("web", "eve"), None);
        assert_eq!(role("discord", "ana"), None);

        let off = settings(&config(&[("WILCO_WEB__ENABLED", "false")]), &none).access;
        assert_eq!(off.role(&"web".into(), &Person::new("ana", "Ana"), "general", None), None);
    }

    #[test]
    fn y1_a_kind_of_ones_own_starts_from_the_configured_defaults() {
        let own = Bot::builder().worker_with("bake", wilco_loop::kinds::Echo, |kind| kind.max_running = 3);
        let (_, additions) = own.into_extras().split();
        let config = config(&[("WILCO_DEFAULTS__WORKER_CONTRACT__TERMINAL_SECS", "77")]);
        let kind = settings(&config, &additions).kind("bake");
        assert_eq!((kind.max_running, kind.terms.terminal_secs), (3, 77));
    }
}
