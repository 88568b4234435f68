//! The time zones that people set.

use wilco_core::AccountId;
use wilco_core::when::Zone;
use wilco_store::args;
use wilco_store::changes::{Act, Offered, SetZone, ZoneOf, Zones};

use super::support::*;
use crate::support::*;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

async fn set(w: &mut World, account: &str, person: Option<&str>, channel: &str, name: &str) {
    let (account, person) = (AccountId::new(account), person.map(str::to_owned));
    let act = Act::SetZone(SetZone { account, person, channel: channel.to_owned(), zone: zone(name) });
    assert_eq!(w.one("ana", thread_place("ana"), act).await, Offered::ZoneSet);
}

async fn of(w: &World, account: &str, person: &str, channel: &str) -> Zones {
    let query = ZoneOf { account: AccountId::new(account), person: person.to_owned(), channel: channel.to_owned() };
    w.engine.read(query).await.unwrap()
}

proves!(f17_a_zone_is_a_persons_or_a_channels_and_each_is_kept_apart, |w| {
    assert_eq!(of(&w, "sim", "ana", "ops").await, Zones::default());
    set(&mut w, "sim", Some("ana"), "ops", "Europe/Berlin").await;
    set(&mut w, "sim", None, "ops", "America/New_York").await;
    let (berlin, new_york) = (Some(zone("Europe/Berlin")), Some(zone("America/New_York")));
    assert_eq!(of(&w, "sim", "ana", "ops").await, Zones { person: berlin, channel: new_york });
    assert_eq!(of(&w, "sim", "ana", "attic").await, Zones { person: berlin, channel: None }, "one's own goes along");
    assert_eq!(of(&w, "sim", "ben", "ops").await, Zones { person: None, channel: new_york });
    assert_eq!(of(&w, "sim", "ben", "attic").await, Zones::default());
    assert_eq!(of(&w, "other", "ana", "ops").await, Zones::default(), "another account, another person");
    // A person whose id reads like the channel's is not the channel.
    assert_eq!(of(&w, "sim", "ops", "ana").await, Zones::default());
});

proves!(f17_a_zone_that_is_set_again_replaces_the_one_before, |w| {
    for name in ["Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"] {
        set(&mut w, "sim", Some("ana"), "ops", name).await;
        set(&mut w, "sim", None, "ops", name).await;
        assert_eq!(of(&w, "sim", "ana", "ops").await, Zones { person: Some(zone(name)), channel: Some(zone(name)) });
    }
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM zones").await, 2);
});

proves!(f17_a_zone_that_the_program_does_not_know_any_more_counts_as_not_set, |w| {
    set(&mut w, "sim", Some("ana"), "ops", "Europe/Berlin").await;
    set(&mut w, "sim", None, "ops", "Asia/Kolkata").await;
    w.run_sql("UPDATE zones SET zone = 'Mars/Olympus' WHERE person = 'ana'", args![]).await;
    assert_eq!(of(&w, "sim", "ana", "ops").await, Zones { person: None, channel: Some(zone("Asia/Kolkata")) });
});

proves!(f17_what_is_scheduled_keeps_its_zone, |w| {
    let mut wanted = every(&w, 30);
    wanted.schedule.zone = zone("Europe/Berlin");
    let short = w.ana_schedules(wanted).await;
    set(&mut w, "sim", Some("ana"), "ops", "Asia/Kolkata").await;
    w.pass(minutes(30));
    let firing = w.firing().await;
    assert_eq!((firing.short, firing.zone), (short, zone("Europe/Berlin")));
});
