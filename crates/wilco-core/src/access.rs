//! Who may do what. Nobody may do anything until a rule says so.

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::inbound::Person;

/// What a person may do; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read what was asked in the channels that the person is in.
    Viewer,
    /// Start jobs, and cancel one's own.
    Operator,
    /// Read and cancel everything.
    Owner,
}

impl Role {
    /// The name in the configuration and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }
}

/// One rule: whoever matches every condition that is set has the role. A rule without any condition
/// matches nobody, so that an empty table can never open the bot to everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The connection, such as `discord`; all when absent.
    #[serde(default)]
    pub account: Option<String>,
    /// A person's stable id.
    #[serde(default)]
    pub user: Option<String>,
    /// A role or group id.
    #[serde(default)]
    pub role: Option<String>,
    /// A channel id.
    #[serde(default)]
    pub channel: Option<String>,
    /// The role that it grants.
    pub grant: Role,
}

/// All rules together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The rules; their order has no meaning.
    pub rules: Vec<Rule>,
}

impl Access {
    /// The highest role that any rule grants, or none. Outsiders and anonymous people have none.
    pub fn role(&self, account: &AccountId, person: &Person, channel: &str) -> Option<Role> {
        if person.outsider {
            return None;
        }
        let is = |condition: &Option<String>, value: &str| condition.as_deref().is_none_or(|wanted| wanted == value);
        self.rules
            .iter()
            .filter(|rule| rule.user.is_some() || rule.role.is_some() || rule.channel.is_some())
            .filter(|rule| is(&rule.account, account.as_str()) || is(&rule.account, account.platform()))
            .filter(|rule| is(&rule.user, &person.id) && is(&rule.channel, channel))
            .filter(|rule| rule.role.as_ref().is_none_or(|wanted| person.roles.contains(wanted)))
            .map(|rule| rule.grant)
            .max()
    }
}

/// What somebody is to one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Their role, if any.
    pub role: Option<Role>,
    /// Whether they started it.
    pub starter: bool,
    /// Whether they moderate a channel in which it is shown and ask from there.
    pub moderator: bool,
    /// Whether they ask from a channel in which it is shown.
    pub here: bool,
}

impl Standing {
    /// The person at the machine's own shell.
    pub const HOST: Self = Self { role: Some(Role::Owner), starter: false, moderator: false, here: true };

    /// Whether the job exists as far as they are concerned.
    pub fn may_read(self) -> bool {
        match self.role {
            None => false,
            Some(Role::Owner) => true,
            Some(Role::Viewer | Role::Operator) => self.starter || self.moderator || self.here,
        }
    }

    /// Whether they may stop it or answer its questions.
    pub fn may_cancel(self) -> bool {
        match self.role {
            None => false,
            Some(Role::Owner) => true,
            Some(Role::Viewer | Role::Operator) => self.starter || self.moderator,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(user: Option<&str>, role: Option<&str>, channel: Option<&str>, grant: Role) -> Rule {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Rule { account: None, user: own(user), role: own(role), channel: own(channel), grant }
    }

    #[test]
    fn everybody_is_denied_until_a_rule_exists() {
        let ana = Person::new("1", "ana");
        assert_eq!(Access::default().role(&"web".into(), &ana, "general"), None);
        let open = Access { rules: vec![rule(None, None, None, Role::Owner)] };
        assert_eq!(open.role(&"web".into(), &ana, "general"), None, "a rule without conditions matches nobody");
    }

    #[test]
    fn rules_go_by_id_and_the_highest_grant_counts() {
        let access = Access {
            rules: vec![
                rule(Some("1"), None, None, Role::Viewer),
                rule(None, Some("ops"), None, Role::Operator),
                rule(None, None, Some("general"), Role::Viewer),
            ],
        };
        let mut ana = Person::new("1", "ana");
        assert_eq!(access.role(&"web".into(), &ana, "x"), Some(Role::Viewer));
        ana.roles = vec!["ops".into()];
        assert_eq!(access.role(&"web".into(), &ana, "x"), Some(Role::Operator));
        let named_like_ana = Person::new("2", "1");
        assert_eq!(access.role(&"web".into(), &named_like_ana, "x"), None);
        assert_eq!(access.role(&"web".into(), &named_like_ana, "general"), Some(Role::Viewer));
    }

    #[test]
    fn a_rule_for_a_platform_holds_for_its_accounts_and_no_other() {
        let mut slack = rule(Some("1"), None, None, Role::Owner);
        slack.account = Some("slack".into());
        let access = Access { rules: vec![slack] };
        let ana = Person::new("1", "ana");
        assert_eq!(access.role(&"slack:ops".into(), &ana, "x"), Some(Role::Owner));
        assert_eq!(access.role(&"discord".into(), &ana, "x"), None);
    }

    #[test]
    fn outsiders_have_no_role_whatever_matches() {
        let access = Access { rules: vec![rule(Some("1"), None, None, Role::Owner)] };
        let mut guest = Person::new("1", "guest");
        guest.outsider = true;
        assert_eq!(access.role(&"web".into(), &guest, "x"), None);
    }

    #[test]
    fn who_may_read_and_who_may_cancel() {
        let standing = |role, starter, moderator, here| Standing { role, starter, moderator, here };
        assert!(Standing::HOST.may_read() && Standing::HOST.may_cancel());
        let starter = standing(Some(Role::Operator), true, false, false);
        assert!(starter.may_read() && starter.may_cancel());
        let moderator = standing(Some(Role::Viewer), false, true, true);
        assert!(moderator.may_read() && moderator.may_cancel());
        let reader = standing(Some(Role::Viewer), false, false, true);
        assert!(reader.may_read() && !reader.may_cancel());
        let elsewhere = standing(Some(Role::Operator), false, false, false);
        assert!(!elsewhere.may_read() && !elsewhere.may_cancel());
        let former = standing(None, true, true, true);
        assert!(!former.may_read() && !former.may_cancel(), "a right that was taken away is gone");
    }
}
