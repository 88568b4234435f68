//! Where somebody speaks, and who they are, in core's words.

use wilco_core::{AccountId, Address, Audience, MessageRef, Person, Place};

use crate::gateway::Spot;
use crate::payload::{ChannelKind, Member, User};
use crate::permissions::Permissions;
use crate::snowflake::Snowflake;

/// A member without an account of their own (Discord API, "Guild Member Flags", `IS_GUEST`).
const GUEST: u64 = 1 << 4;

/// The address of a channel or thread.
pub(crate) fn address(account: &AccountId, spot: &Spot) -> Address {
    match spot.parent {
        Some(parent) => Address::channel(account.clone(), parent.to_string()).in_thread(spot.id.to_string()),
        None => Address::channel(account.clone(), spot.id.to_string()),
    }
}

/// The address of a direct message by its channel.
pub(crate) fn direct_address(account: &AccountId, channel: Snowflake) -> Address {
    Address::channel(account.clone(), channel.to_string())
}

/// A message there.
pub(crate) fn message(account: &AccountId, spot: &Spot, message: Snowflake) -> MessageRef {
    MessageRef { address: address(account, spot), message: message.to_string() }
}

/// Where somebody speaks. A place that only some can read has no way on but their direct message; a place of which
/// nothing is known counts as such a one (requirement D10).
pub(crate) fn place(account: &AccountId, spot: &Spot, direct: Option<Address>) -> Place {
    let here = address(account, spot);
    if spot.kind == ChannelKind::Direct {
        return Place::direct(here);
    }
    let parent = spot.parent.filter(|_| spot.open && spot.parent_takes);
    Place {
        audience: if spot.open { Audience::Public } else { Audience::Private },
        parent: parent.map(|parent| direct_address(account, parent)),
        direct,
        guild: spot.guild.map(|guild| guild.to_string()),
        address: here,
    }
}

/// Who somebody is. Roles are those of the guild in which they speak; in a direct message there are none.
pub(crate) fn person(user: &User, member: Option<&Member>, permissions: Option<Permissions>) -> Person {
    let nick = member.and_then(|member| member.nick.as_deref());
    let name = nick.or(user.global_name.as_deref()).unwrap_or(&user.username);
    let mut person = Person::new(user.id.to_string(), name);
    person.roles = member.map(|member| member.roles.iter().map(Snowflake::to_string).collect()).unwrap_or_default();
    person.moderator = permissions.is_some_and(Permissions::moderates);
    person.outsider =
        user.bot || user.system || member.is_some_and(|member| member.pending || member.flags & GUEST != 0);
    person
}

#[cfg(test)]
mod tests {
    use wilco_core::Route;

    use super::*;

    fn spot(kind: ChannelKind, parent: Option<u64>, open: bool) -> Spot {
        let parent = parent.map(Snowflake);
        Spot { id: Snowflake(20), kind, guild: Some(Snowflake(1)), parent, parent_takes: true, open }
    }

    fn steps(spot: &Spot) -> Vec<String> {
        let account = AccountId::new("discord");
        let direct = Some(direct_address(&account, Snowflake(77)));
        let place = place(&account, spot, direct);
        Route::from_place(&place)
            .steps()
            .iter()
            .map(|step| step.thread.clone().unwrap_or(step.channel.clone()))
            .collect()
    }

    #[test]
    fn d10_a_public_thread_goes_on_to_its_channel_and_a_private_one_to_the_person_alone() {
        assert_eq!(steps(&spot(ChannelKind::PublicThread, Some(10), true)), ["20", "10", "77"]);
        assert_eq!(steps(&spot(ChannelKind::PrivateThread, Some(10), false)), ["20", "77"]);
        assert_eq!(steps(&spot(ChannelKind::PublicThread, Some(10), false)), ["20", "77"], "in a hidden channel");
        assert_eq!(steps(&spot(ChannelKind::Text, None, true)), ["20", "77"]);
        let post = Spot { parent_takes: false, ..spot(ChannelKind::PublicThread, Some(10), true) };
        assert_eq!(steps(&post), ["20", "77"], "a forum takes no messages");
    }

    #[test]
    fn a_direct_message_has_no_further_address() {
        let direct = Spot { guild: None, ..spot(ChannelKind::Direct, None, false) };
        assert_eq!(steps(&direct), ["20"]);
        assert_eq!(place(&"discord".into(), &direct, None).audience, Audience::Direct);
    }

    #[test]
    fn a_person_is_their_id_and_has_the_name_of_the_place() {
        let user: User =
            serde_json::from_str(r#"{"id":"6","username":"ana_92","global_name":"Ana","discriminator":"0"}"#).unwrap();
        assert_eq!(person(&user, None, None).name, "Ana");
        let member: Member = serde_json::from_str(
            r#"{"nick":"Ana (ops)","roles":["2","3"],"permissions":"8192","pending":false,"avatar":null}"#,
        )
        .unwrap();
        let ana = person(&user, Some(&member), member.permissions);
        assert_eq!((ana.id.as_str(), ana.name.as_str(), ana.moderator, ana.outsider), ("6", "Ana (ops)", true, false));
        assert_eq!(ana.roles, ["2", "3"]);
    }

    #[test]
    fn bots_guests_and_people_who_wait_at_the_door_are_outsiders() {
        let user = User { id: Snowflake(6), username: "x".into(), ..User::default() };
        let bot = User { bot: true, ..user.clone() };
        assert!(person(&bot, None, None).outsider);
        assert!(person(&user, Some(&Member { pending: true, ..Member::default() }), None).outsider);
        assert!(person(&user, Some(&Member { flags: GUEST, ..Member::default() }), None).outsider);
        assert!(!person(&user, Some(&Member::default()), None).outsider);
    }
}
