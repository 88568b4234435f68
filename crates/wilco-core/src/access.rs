//! Who may do what. Nobody may do anything until a rule says so.

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::inbound::Person;
use crate::time::Timestamp;

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

    /// The role with a stored name; an unknown name is none, never a default.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Operator, Self::Owner].into_iter().find(|role| role.name() == name)
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
    /// A channel id. What is said in a thread is said in its channel.
    #[serde(default)]
    pub channel: Option<String>,
    /// A guild or workspace id. A direct message is in none, so a rule with a guild gives nothing there.
    #[serde(default)]
    pub guild: Option<String>,
    /// The role that it grants.
    pub grant: Role,
}

impl Rule {
    /// A rule without any condition: it matches nobody until one is set.
    pub fn granting(grant: Role) -> Self {
        Self { account: None, user: None, role: None, channel: None, guild: None, grant }
    }

    /// Whether it has a condition, so that it matches anybody at all.
    pub fn has_condition(&self) -> bool {
        self.user.is_some() || self.role.is_some() || self.channel.is_some() || self.guild.is_some()
    }

    /// Whether it holds for a connection: its account is that connection, its platform, or not set.
    pub fn holds_for(&self, account: &AccountId) -> bool {
        self.account.as_deref().is_none_or(|wanted| wanted == account.as_str() || wanted == account.platform())
    }
}

/// A right that a person was given while the bot ran, such as by the pairing code. It is kept in the store, because
/// the configuration is the operator's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The connection.
    pub account: AccountId,
    /// The person's stable id.
    pub person: String,
    /// What they were called then.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// Since when.
    pub since: Timestamp,
}

impl Grant {
    /// The rule that it amounts to.
    pub fn rule(&self) -> Rule {
        let (account, user) = (Some(self.account.to_string()), Some(self.person.clone()));
        Rule { account, user, ..Rule::granting(self.role) }
    }
}

/// All rules together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The rules; their order has no meaning.
    pub rules: Vec<Rule>,
}

impl Access {
    /// The highest role that any rule grants, or none. Outsiders and anonymous people have none. `guild` is the
    /// one around the channel, none in a direct message.
    pub fn role(&self, account: &AccountId, person: &Person, channel: &str, guild: Option<&str>) -> Option<Role> {
        if person.outsider {
            return None;
        }
        let is = |condition: &Option<String>, value: &str| condition.as_deref().is_none_or(|wanted| wanted == value);
        self.rules
            .iter()
            .filter(|rule| rule.has_condition() && rule.holds_for(account))
            .filter(|rule| is(&rule.user, &person.id) && is(&rule.channel, channel))
            .filter(|rule| rule.guild.as_deref().is_none_or(|wanted| guild == Some(wanted)))
            .filter(|rule| rule.role.as_ref().is_none_or(|wanted| person.roles.contains(wanted)))
            .map(|rule| rule.grant)
            .max()
    }

    /// Whether anybody can be owner on a connection.
    pub fn has_owner(&self, account: &AccountId) -> bool {
        self.rules.iter().any(|rule| rule.grant == Role::Owner && rule.has_condition() && rule.holds_for(account))
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
        Rule { user: own(user), role: own(role), channel: own(channel), ..Rule::granting(grant) }
    }

    #[test]
    fn everybody_is_denied_until_a_rule_exists() {
        let ana = Person::new("1", "ana");
        assert_eq!(Access::default().role(&"web".into(), &ana, "general", None), None);
        let open = Access { rules: vec![rule(None, None, None, Role::Owner)] };
        assert_eq!(open.role(&"web".into(), &ana, "general", None), None, "a rule without conditions matches nobody");
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
        assert_eq!(access.role(&"web".into(), &ana, "x", None), Some(Role::Viewer));
        ana.roles = vec!["ops".into()];
        assert_eq!(access.role(&"web".into(), &ana, "x", None), Some(Role::Operator));
        let named_like_ana = Person::new("2", "1");
        assert_eq!(access.role(&"web".into(), &named_like_ana, "x", None), None);
        assert_eq!(access.role(&"web".into(), &named_like_ana, "general", None), Some(Role::Viewer));
    }

    #[test]
    fn a_rule_for_a_platform_holds_for_its_accounts_and_no_other() {
        let mut slack = rule(Some("1"), None, None, Role::Owner);
        slack.account = Some("slack".into());
        let access = Access { rules: vec![slack] };
        let ana = Person::new("1", "ana");
        assert_eq!(access.role(&"slack:ops".into(), &ana, "x", None), Some(Role::Owner));
        assert_eq!(access.role(&"discord".into(), &ana, "x", None), None);
    }

    #[test]
    fn a_rule_for_a_guild_holds_there_alone_and_in_no_direct_message() {
        let guild = Rule { guild: Some("g1".into()), ..Rule::granting(Role::Operator) };
        let crew = Rule { role: Some("crew".into()), ..Rule { grant: Role::Owner, ..guild.clone() } };
        let access = Access { rules: vec![guild, crew] };
        let mut ana = Person::new("1", "ana");
        let role = |person: &Person, guild| access.role(&"discord".into(), person, "x", guild);
        assert_eq!(role(&ana, Some("g1")), Some(Role::Operator));
        assert_eq!((role(&ana, Some("g2")), role(&ana, None)), (None, None));
        ana.roles = vec!["crew".into()];
        assert_eq!(role(&ana, Some("g1")), Some(Role::Owner));
        assert_eq!(role(&ana, Some("g2")), None, "every condition has to match");
    }

    #[test]
    fn a_connection_has_an_owner_when_a_rule_can_make_somebody_one() {
        let owner = |account: &str, user: Option<&str>| Rule {
            account: Some(account.into()),
            user: user.map(str::to_owned),
            ..Rule::granting(Role::Owner)
        };
        let has = |rule: Rule| Access { rules: vec![rule] }.has_owner(&"discord".into());
        assert!(has(owner("discord", Some("1"))));
        assert!(has(Rule { user: Some("1".into()), ..Rule::granting(Role::Owner) }));
        assert!(!has(owner("slack", Some("1"))), "another platform's owner");
        assert!(!has(owner("discord", None)), "a rule without a condition matches nobody");
        assert!(!has(Rule { grant: Role::Operator, ..owner("discord", Some("1")) }));
    }

    #[test]
    fn outsiders_have_no_role_whatever_matches() {
        let access = Access { rules: vec![rule(Some("1"), None, None, Role::Owner)] };
        let mut guest = Person::new("1", "guest");
        guest.outsider = true;
        assert_eq!(access.role(&"web".into(), &guest, "x", None), None);
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
