//! Follow-ups over the API: listing, setting one, and acting on one.

use axum::http::StatusCode;
use serde_json::{Value, json};
use wilco_core::access::Role;
use wilco_core::desk::{Caller, DeskError, FollowupWish};
use wilco_core::followup::FollowupAct;
use wilco_core::{Address, Audience, Reply, Short};

use crate::fakes::{START, followup, occurrence};
use crate::site::{Site, general};

#[tokio::test]
async fn f16_follow_ups_are_listed_for_a_place_or_for_a_person() {
    let site = Site::open().await;
    let listed = site.get("/api/v1/followups?as=ana&channel=general&thread=deploys").await;
    assert_eq!(listed.status, StatusCode::OK);
    assert_eq!(listed.json(), json!({ "followups": [followup()] }));
    let shown = listed.json()["followups"][0].clone();
    assert_eq!(shown["task"], json!({ "kind": "turn", "text": "check the deploy" }));
    assert_eq!((&shown["state"], &shown["rule"], &shown["next"]), (&json!("pending"), &json!("once"), &json!(START)));
    assert_eq!(shown["may_change"], true);
    for (query, all) in [("", false), ("&all", true), ("&all=1", true), ("&all=false", false)] {
        assert_eq!(site.get(&format!("/api/v1/followups?as=ana{query}")).await.status, StatusCode::OK, "{query}");
        let filter = site.desk.filters.lock().unwrap().pop().unwrap();
        assert_eq!((filter.all, filter.address), (all, None), "{query}");
    }
    assert_eq!(site.desk.filters.lock().unwrap()[0].address, Some(general().in_thread("deploys")));
    let wrong = site.get("/api/v1/followups?as=ana&all=maybe").await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"));
    let hidden = site.get("/api/v1/followups?as=bo&channel=dm-ana").await;
    assert_eq!(hidden.status, StatusCode::NOT_FOUND, "another person's direct message does not exist");
}

#[tokio::test]
async fn one_follow_up_is_shown_with_its_occurrences() {
    let site = Site::open().await;
    let shown = site.get("/api/v1/followups/f3k9?as=ana&channel=general&limit=7").await;
    assert_eq!(shown.json(), json!({ "followup": followup(), "occurrences": [occurrence()] }));
    assert_eq!(shown.json()["occurrences"][0]["state"], "failed_dropped", "f7: the word is the same everywhere");
    assert_eq!(site.desk.limits.lock().unwrap().as_slice(), [7]);
}

fn wish(more: &[(&str, Value)]) -> Value {
    let mut body = json!({
        "as": "ana", "channel": "general", "thread": "deploys", "event": "event-0001",
        "when": "in 2h", "text": "check the deploy",
    });
    body.as_object_mut().unwrap().extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    body
}

#[tokio::test]
async fn a_follow_up_is_set_in_the_place_and_the_name_of_who_speaks() {
    let site = Site::open().await;
    let set = site.post("/api/v1/followups", wish(&[])).await;
    assert_eq!(set.status, StatusCode::ACCEPTED);
    assert_eq!(set.json()["followup"]["address"]["thread"], "deploys");
    assert_eq!((&set.json()["first"], &set.json()["rolled"]), (&json!(START), &json!(false)));
    let more = [
        ("worker", json!("report")),
        ("reason", json!("the release")),
        ("key", json!("deploy")),
        ("delete_after_run", json!(true)),
    ];
    assert_eq!(site.post("/api/v1/followups", wish(&more)).await.status, StatusCode::ACCEPTED);

    let wishes = site.desk.wishes.lock().unwrap().clone();
    let (place, event, plain) = &wishes[0];
    assert_eq!((&place.address, place.audience), (&general().in_thread("deploys"), Audience::Public));
    assert_eq!((&place.parent, &place.direct), (&Some(general()), &Some(Address::channel("web", "dm-ana"))));
    let expected = FollowupWish { when: "in 2h".into(), text: "check the deploy".into(), ..FollowupWish::default() };
    assert_eq!((event.as_str(), plain), ("event-0001", &expected));
    let expected = FollowupWish {
        worker: Some("report".into()),
        reason: Some("the release".into()),
        key: Some("deploy".into()),
        delete_after_run: true,
        ..expected
    };
    assert_eq!(wishes[1].2, expected);
    let callers = site.desk.callers.lock().unwrap().clone();
    let Caller::Person { person, address, .. } = &callers[0] else { panic!("{callers:?}") };
    assert_eq!((person.id.as_str(), address.as_ref()), ("ana", Some(&general().in_thread("deploys"))));
}

#[tokio::test]
async fn what_cannot_be_set_is_answered_in_the_form_of_the_api() {
    let site = Site::open().await;
    for (name, value) in [("event", json!("short")), ("when", json!(7)), ("as", json!(null))] {
        let refused = site.post("/api/v1/followups", wish(&[(name, value)])).await;
        assert_eq!((refused.status, refused.code().as_str()), (StatusCode::BAD_REQUEST, "bad_input"), "{name}");
    }
    let mut without = wish(&[]);
    without.as_object_mut().unwrap().remove("when");
    let refused = site.post("/api/v1/followups", without).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.text().contains("when"), "{}", refused.text());
    let nowhere = site.post("/api/v1/followups", wish(&[("channel", json!("attic"))])).await;
    assert_eq!((nowhere.status, nowhere.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert!(site.desk.wishes.lock().unwrap().is_empty(), "nothing of it reached the desk");

    site.desk.fails_with(DeskError::Refused(Reply::text("Not scheduled: 3s from now is too soon.")));
    let refused = site.post("/api/v1/followups", wish(&[])).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "refused"));
    assert_eq!(refused.json()["error"]["message"], "Not scheduled: 3s from now is too soon.");
    let needs = DeskError::NotAllowed { what: "to schedule follow-ups".into(), needs: Role::Operator, has: None };
    site.desk.fails_with(needs);
    assert_eq!(site.post("/api/v1/followups", wish(&[])).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn f10_every_act_has_its_address_and_nothing_else_has() {
    let site = Site::open().await;
    let act = async |act: &str| {
        let body = json!({ "as": "ana", "channel": "general" });
        site.post(&format!("/api/v1/followups/f3k9/{act}"), body).await
    };
    for (name, result) in [("cancel", "cancelled"), ("run", "runs"), ("pause", "paused")] {
        assert_eq!(act(name).await.json(), json!({ "result": result, "short": "f3k9" }));
    }
    let resumed = json!({ "result": "resumed", "short": "f3k9", "next": START, "zone": "UTC" });
    assert_eq!(act("resume").await.json(), resumed);
    let acts = site.desk.acts.lock().unwrap().clone();
    let expected = [FollowupAct::Cancel, FollowupAct::Run, FollowupAct::Pause, FollowupAct::Resume];
    assert_eq!(acts, expected.map(|act| ("f3k9".to_owned(), act)));

    let unknown = act("explode").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::NOT_FOUND, "not_found"));
    assert!(unknown.text().contains("cancel, run, pause, resume"), "{}", unknown.text());
    assert_eq!(site.get("/api/v1/followups/f3k9/cancel?as=ana").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(site.desk.acts.lock().unwrap().len(), 4);
    site.desk.fails_with(DeskError::NotFound("f3k9".into()));
    assert_eq!(act("cancel").await.status, StatusCode::NOT_FOUND);
    let candidates = vec![Short::new("f3k9"), Short::new("f3m2")];
    site.desk.fails_with(DeskError::AmbiguousFollowup { name: "f3".into(), candidates });
    let several = act("cancel").await;
    assert_eq!((several.status, several.code().as_str()), (StatusCode::CONFLICT, "ambiguous"));
    assert_eq!(several.json()["error"]["candidates"], json!(["f3k9", "f3m2"]));
}
