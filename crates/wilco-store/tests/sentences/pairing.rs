//! A code makes its first giver an owner, once, and nobody else.

use wilco_core::access::{Access, Grant, Role};
use wilco_core::pairing::{LIVES, PairingCode, Refusal, TRIES_OF_ALL, WITHIN};
use wilco_core::{AccountId, Person, Place};
use wilco_store::args;
use wilco_store::changes::{Act, Asker, Grants, OfferItem, OfferPairing, Offered, RevokeGrant};

use crate::support::*;

fn code() -> PairingCode {
    PairingCode::spelled(77)
}

async fn offer(w: &World, code: &PairingCode) {
    let expires = w.engine.write(OfferPairing { digest: code.digest(), now: w.now }).await.unwrap();
    assert_eq!(expires, w.now.plus(LIVES));
}

async fn gives(w: &mut World, person: &str, code: &str) -> Result<Grant, Refusal> {
    let act = Act::Pair(PairingCode::typed(code).digest());
    match w.one(person, Place::public(ops()), act).await {
        Offered::Paired(done) => done,
        other => panic!("{other:?}"),
    }
}

async fn grants(w: &World) -> Vec<Grant> {
    w.engine.read(Grants).await.unwrap()
}

fn owner(w: &World, person: &str) -> Grant {
    let (account, person) = (AccountId::new("sim"), person.to_owned());
    Grant { account, name: person.clone(), person, role: Role::Owner, since: w.now }
}

proves!(the_code_makes_one_person_owner_of_one_account, |w| {
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::NoCode));
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Ok(owner(&w, "ana")));
    assert_eq!(grants(&w).await, [owner(&w, "ana")]);
    w.pass(secs(1));
    assert_eq!(gives(&mut w, "bo", &code().shown()).await, Err(Refusal::Used), "it works once");
    let access = Access { rules: grants(&w).await.iter().map(Grant::rule).collect() };
    let role = |account: &str, who: &str| access.role(&account.into(), &Person::new(who, who), "anywhere", None);
    assert_eq!((role("sim", "ana"), role("other", "ana"), role("sim", "bo")), (Some(Role::Owner), None, None));
});

proves!(two_who_give_the_code_at_once_do_not_both_become_owner, |w| {
    offer(&w, &code()).await;
    let act = || Act::Pair(code().digest());
    let items = vec![w.item("ana", Place::public(ops()), act()), w.item("bo", Place::public(ops()), act())];
    let answers = w.offer(items).await;
    assert_eq!(answers, [Offered::Paired(Ok(owner(&w, "ana"))), Offered::Paired(Err(Refusal::Used))]);
    assert_eq!(grants(&w).await.len(), 1);
});

proves!(the_same_event_again_is_neither_another_try_nor_a_used_code, |w| {
    offer(&w, &code()).await;
    for given in [PairingCode::typed("guess"), code()] {
        let item = w.item("ana", Place::public(ops()), Act::Pair(given.digest()));
        let first = w.offer(vec![item.clone()]).await;
        assert!(matches!(first[..], [Offered::Paired(_)]), "{first:?}");
        assert_eq!(w.offer(vec![item]).await, [Offered::Duplicate { worker: None }]);
    }
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM pairing_tries").await, 1);
    assert_eq!(w.count_of("SELECT wrong AS n FROM pairing").await, 1);
    assert_eq!(grants(&w).await, [owner(&w, "ana")]);
});

proves!(a_code_expires_and_says_so_to_whoever_has_it, |w| {
    offer(&w, &code()).await;
    w.pass(LIVES);
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::Expired));
    assert!(grants(&w).await.is_empty());
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM pairing_tries").await, 0, "an old code is no guess");
});

proves!(a_code_ends_with_the_process_that_offered_it, |w| {
    offer(&w, &code()).await;
    w.recover("two", true).await;
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::NoCode));
    assert!(grants(&w).await.is_empty());
});

proves!(a_new_code_takes_the_place_of_the_old_one, |w| {
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", "guess").await, Err(Refusal::Wrong { left: 4 }));
    let new = PairingCode::spelled(78);
    offer(&w, &new).await;
    assert_eq!(
        gives(&mut w, "ana", &code().shown()).await,
        Err(Refusal::Wrong { left: 3 }),
        "the person's tries count on"
    );
    assert_eq!(gives(&mut w, "ana", &new.shown()).await, Ok(owner(&w, "ana")));
});

proves!(five_wrong_codes_an_hour_are_all_that_one_person_may_give, |w| {
    offer(&w, &code()).await;
    let first = w.now;
    for left in (0..5).rev() {
        assert_eq!(gives(&mut w, "ana", "guess").await, Err(Refusal::Wrong { left }));
        w.pass(secs(60));
    }
    let until = first.plus(WITHIN);
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::Wait { until }), "the right one waits, too");
    assert_eq!(
        gives(&mut w, "ana", "guess").await,
        Err(Refusal::Wait { until }),
        "a try that is not looked at is none"
    );
    assert_eq!(w.count_of("SELECT wrong AS n FROM pairing").await, 5);
    assert_eq!(gives(&mut w, "bo", &code().shown()).await, Ok(owner(&w, "bo")), "another person is not held up");
    // A restart gives nobody new tries.
    w.recover("two", true).await;
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::Wait { until }));
    w.now = until;
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", "guess").await, Err(Refusal::Wrong { left: 0 }), "one try has aged");
    w.pass(WITHIN);
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Ok(owner(&w, "ana")));
    assert_eq!(w.count_of("SELECT COUNT(*) AS n FROM pairing_tries").await, 0, "what does not count is not kept");
});

proves!(twenty_wrong_codes_of_all_people_spend_the_code, |w| {
    offer(&w, &code()).await;
    for number in 0..TRIES_OF_ALL {
        let refused = gives(&mut w, &format!("p{number}"), "guess").await;
        assert_eq!(refused, Err(Refusal::Wrong { left: (TRIES_OF_ALL - number - 1).min(4) }));
    }
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Err(Refusal::Spent));
    assert!(grants(&w).await.is_empty());
    offer(&w, &code()).await;
    assert_eq!(gives(&mut w, "ana", &code().shown()).await, Ok(owner(&w, "ana")));
});

proves!(what_was_granted_can_be_revoked_and_a_stranger_cannot, |w| {
    offer(&w, &code()).await;
    let granted = gives(&mut w, "ana", &code().shown()).await.unwrap();
    let revoke = |account: &str, person: &str| RevokeGrant { account: account.into(), person: person.into() };
    assert_eq!(w.engine.write(revoke("sim", "bo")).await.unwrap(), None);
    assert_eq!(w.engine.write(revoke("other", "ana")).await.unwrap(), None);
    assert_eq!(w.engine.write(revoke("sim", "ana")).await.unwrap(), Some(granted));
    assert!(grants(&w).await.is_empty());
});

proves!(the_store_holds_no_letter_of_a_code, |w| {
    offer(&w, &code()).await;
    assert!(gives(&mut w, "ana", "secret-guess").await.is_err());
    assert!(gives(&mut w, "bo", &code().shown()).await.is_ok());
    let plain = code().shown().replace('-', "");
    for table in [
        "SELECT digest AS t FROM pairing",
        "SELECT account || person || event AS t FROM pairing_tries",
        "SELECT account || event AS t FROM inbox",
        "SELECT account || person || name || role AS t FROM grants",
    ] {
        for row in w.engine.read(Sql(table, args![])).await.unwrap() {
            let text = row.text("t").unwrap();
            assert!(!text.contains(&plain) && !text.contains("guess"), "{table}: {text}");
        }
    }
});

proves!(f11_roles_seen_in_one_guild_say_nothing_of_another, |w| {
    use crate::followups::support::once;
    let place = |guild: &str| Place { direct: Some(dm("ana")), ..Place::public(ops()).in_guild(guild) };
    let speaks = async |w: &mut World, guild: &str, role: &str, act: Act| {
        let person = Person { roles: vec![role.to_owned()], ..Person::new("ana", "ana") };
        let asker = Asker::person("sim".into(), person, Some(ops()), Some(Role::Operator));
        let item = OfferItem { event: w.event(), asker, place: place(guild), act };
        w.offer(vec![item]).await.remove(0)
    };
    let wanted = once(&w, secs(600));
    let act = Act::Schedule(Box::new(w.new_followup(wanted)));
    assert!(matches!(speaks(&mut w, "g1", "of-g1", act).await, Offered::Scheduled(_)));
    for (guild, seen, kept) in [("g2", "of-g2", "of-g1"), ("g1", "new-of-g1", "new-of-g1")] {
        // Whatever they say there; this changes nothing.
        let said = speaks(&mut w, guild, seen, Act::Pair(code().digest())).await;
        assert_eq!(said, Offered::Paired(Err(Refusal::NoCode)));
        let rows = w.engine.read(Sql("SELECT person FROM followups", args![])).await.unwrap();
        let roles: Vec<_> = rows.iter().map(|row| row.json::<Person>("person").unwrap().roles).collect();
        assert_eq!(roles, [[kept]]);
    }
});
