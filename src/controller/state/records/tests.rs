use super::*;
use crate::api::shared::ConnectionRef;

fn reference(id: Option<&str>) -> UpstreamRef {
    UpstreamRef {
        system: "ncloud/policy".to_owned(),
        connection: serde_json::from_str::<ConnectionRef>(r#"{ "name": "c" }"#).unwrap(),
        endpoint: String::new(),
        account: None,
        repository: None,
        id: id.map(str::to_owned),
        key: "p".to_owned(),
        adopted: false,
    }
}

fn create() -> Operation {
    let (id, started_at, request_hash) = ("1-2".to_owned(), "2026-11-21T08:00:00Z".to_owned(), String::new());
    Operation { id, kind: OperationKind::Create, started_at, request_hash }
}

#[test]
fn object_is_disturbed_when_it_lost_what_was_remembered() {
    let records = Records::default();
    let whole = Footprint { finalizer: true, place: Some(1), upstream: Some(1), detail: None };
    assert!(!records.is_disturbed("a", &whole), "an unknown object is reconciled anyway");
    records.remember("a", whole.clone());
    assert!(!records.is_disturbed("a", &whole));
    for lost in [
        Footprint { finalizer: false, ..whole.clone() },
        Footprint { place: None, ..whole.clone() },
        Footprint { upstream: None, ..whole.clone() },
        Footprint { upstream: Some(2), ..whole.clone() },
        Footprint { detail: Some("1-2".to_owned()), ..whole },
    ] {
        assert!(records.is_disturbed("a", &lost), "{lost:?}");
    }
}

#[test]
fn finalizer_is_remembered_when_another_writer_removes_it() {
    let records = Records::default();
    for (finalizer, had) in [(false, false), (true, true), (false, true)] {
        records.remember("a", Footprint { finalizer, ..Footprint::default() });
        assert_eq!(records.had_finalizer("a"), had);
    }
    assert!(!records.is_first_process("a"), "it is only put back");
}

#[test]
fn lost_record_is_restored_and_other_objects_are_not() {
    let (records, mut status) = (Records::default(), CommonStatus::default());
    assert!(!records.restore("a", &mut status));
    records.record("a", Some(reference(Some("1"))));
    for shown in [None, Some(reference(None)), Some(reference(Some("2")))] {
        status.upstream = shown;
        assert!(records.restore("a", &mut status));
        assert_eq!(status.upstream, Some(reference(Some("1"))));
    }
    assert!(!records.restore("a", &mut status) && !records.restore("b", &mut CommonStatus::default()));
}

#[test]
fn lost_create_is_restored_until_its_outcome_is_known() {
    let records = Records::default();
    records.record("a", Some(reference(None)));
    records.create_sent("a", create());
    let mut status = CommonStatus::default();
    assert!(records.restore("a", &mut status));
    assert_eq!(status.operation, Some(create()));
    records.create_ended("a");
    assert_eq!(records.sent_create("a"), None);
}

#[test]
fn acquired_object_is_known_until_status_records_it() {
    let records = Records::default();
    let in_flight = CommonStatus { operation: Some(create()), upstream: Some(reference(None)), ..Default::default() };
    records.record("a", in_flight.upstream.clone());
    records.create_sent("a", create());
    records.acquired("a", Some(reference(Some("1"))));
    for _ in 0..2 {
        let mut status = in_flight.clone();
        assert!(!records.restore("a", &mut status), "nothing was lost");
        assert_eq!(status.upstream, Some(reference(Some("1"))));
    }
    let recorded = CommonStatus { upstream: Some(reference(Some("1"))), ..CommonStatus::default() };
    let mut status = recorded.clone();
    assert!(!records.restore("a", &mut status) && status == recorded, "the write took effect: {status:?}");
    assert_eq!(records.sent_create("a"), None);
    records.acquired("b", Some(reference(Some("1"))));
    assert_eq!(records.forget("b", Some(reference(None))), Some(reference(Some("1"))), "the create ended");
}

#[test]
fn recorded_object_is_no_longer_only_acquired() {
    let records = Records::default();
    records.acquired("a", Some(reference(Some("1"))));
    records.record("a", Some(reference(None)));
    let mut status = CommonStatus { operation: Some(create()), ..CommonStatus::default() };
    assert!(!records.restore("a", &mut status));
    assert_eq!(status.upstream, None, "it is created again");
}

#[test]
fn age_of_create_is_known_only_to_its_sender() {
    let records = Records::default();
    assert_eq!(records.since_sent("a", "1-2"), None, "an earlier process sent it");
    records.create_sent("a", create());
    assert!(records.since_sent("a", "1-2").is_some());
    assert_eq!(records.since_sent("a", "1-3"), None, "status shows another operation");
    records.create_ended("a");
    assert_eq!(records.since_sent("a", "1-2"), None);
}

#[test]
fn cache_that_lags_does_not_replace_what_was_recorded() {
    let records = Records::default();
    records.learn("a", None);
    records.learn("a", Some(&reference(None)));
    records.record("a", Some(reference(Some("1"))));
    records.learn("a", Some(&reference(None)));
    let mut status = CommonStatus { upstream: Some(reference(Some("1"))), ..CommonStatus::default() };
    assert!(!records.restore("a", &mut status), "{status:?}");
}

#[test]
fn cache_that_lags_does_not_bring_back_a_record_taken_back() {
    let records = Records::default();
    records.record("a", Some(reference(Some("1"))));
    records.record("a", None);
    records.learn("a", Some(&reference(Some("1"))));
    let mut status = CommonStatus::default();
    assert!(!records.restore("a", &mut status), "{status:?}");
    assert_eq!(status.upstream, None, "a refused adoption left nothing");
}

#[test]
fn lost_adoption_is_restored_until_its_outcome_is_known() {
    let records = Records::default();
    let adoption = Operation { kind: OperationKind::Adopt, ..create() };
    records.record("a", Some(reference(Some("1"))));
    records.adopting("a", Some(adoption.clone()), true);
    let mut status = CommonStatus::default();
    assert!(records.restore("a", &mut status));
    assert_eq!((status.operation, status.upstream), (Some(adoption), Some(reference(Some("1")))));
    records.adopting("a", None, true);
    let mut status = CommonStatus::default();
    assert!(records.restore("a", &mut status));
    assert_eq!(status.operation, None);
}

#[test]
fn released_object_leaves_nothing() {
    let records = Records::default();
    records.record("a", Some(reference(Some("1"))));
    assert!(records.release("a") && !records.release("a") && records.is_released("a"));
    records.keep("a");
    assert!(records.release("a"), "a refused release is made again");
    assert_eq!(records.forget("a", Some(reference(Some("1")))), None);
    assert_eq!(
        records.forget("a", Some(reference(Some("2")))),
        Some(reference(Some("2"))),
        "an unknown object was not let go"
    );
    records.record("b", Some(reference(Some("1"))));
    assert_eq!(records.forget("b", None), Some(reference(Some("1"))), "status was wiped before the object went");
}

#[test]
fn forged_id_is_not_that_of_the_object_that_is_left() {
    let records = Records::default();
    records.record("a", Some(reference(Some("1"))));
    assert_eq!(records.forget("a", Some(reference(Some("2")))), Some(reference(Some("1"))));
}

#[test]
fn intent_without_memory_is_left_when_the_object_goes() {
    let records = Records::default();
    records.remember("a", Footprint::default());
    assert_eq!(records.forget("a", Some(reference(None))), Some(reference(None)), "its create may be under way");
    records.record("b", Some(reference(Some("1"))));
    assert_eq!(records.forget("b", Some(reference(None))), Some(reference(None)), "it is created again");
}

#[test]
fn forged_adoption_is_not_one_that_this_process_began() {
    let (records, adoption) = (Records::default(), Operation { kind: OperationKind::Adopt, ..create() });
    records.adopting("a", Some(adoption.clone()), false);
    assert!(!records.began_adoption("a", &adoption.id), "another writer wrote it into status");
    records.adopting("a", Some(adoption.clone()), true);
    assert!(!records.began_adoption("a", &adoption.id), "it was put back into status");
    records.adopting("a", None, true);
    records.adopting("a", Some(adoption.clone()), true);
    assert!(records.began_adoption("a", &adoption.id));
}

#[test]
fn refused_create_is_remembered_until_a_search_after_the_grace() {
    let (records, grace) = (Records::default(), Duration::from_secs(30));
    assert_eq!(records.refused_hidden_for("a", grace), None);
    records.create_refused("a", reference(None));
    assert!(records.refused_hidden_for("a", grace).is_some_and(|left| !left.is_zero()));
    assert_eq!(records.refused_hidden_for("a", Duration::ZERO), Some(Duration::ZERO), "the next search is the last");
    assert_eq!(records.refused_place("a"), Some(reference(None)));
    records.refusal_searched("a");
    assert_eq!((records.refused_hidden_for("a", grace), records.refused_place("a")), (None, None));
    let UpstreamRef { system, key, .. } = reference(None);
    assert!(records.was_refused("a", &system, &key), "its object may have been deleted before the search");
    assert!(!records.was_refused("a", &system, "other") && !records.was_refused("b", &system, &key));
    records.create_refused("a", reference(None));
    records.acquired("a", Some(reference(Some("1"))));
    assert_eq!(records.refused_hidden_for("a", grace), None, "its object was found");
}

#[test]
fn object_rests_after_a_refused_create_only() {
    let records = Records::default();
    records.rest("a", true);
    assert!(!records.is_at_rest("a"));
    records.create_refused("a", reference(None));
    records.rest("a", true);
    assert!(records.is_at_rest("a"));
    records.create_refused("a", reference(None));
    assert!(!records.is_at_rest("a"), "another create was sent");
}

#[test]
fn refused_create_may_be_left_when_the_object_goes() {
    let records = Records::default();
    records.create_refused("a", reference(None));
    assert_eq!(records.forget("a", None), Some(reference(None)));
    records.create_refused("b", reference(None));
    assert!(records.release("b"));
    assert_eq!(records.forget("b", None), None, "a search came first");
}

#[test]
fn copy_of_an_earlier_process_is_hidden_for_the_rest() {
    let (records, grace) = (Records::default(), Duration::from_secs(30));
    records.copy_inherited("a", Duration::from_secs(20));
    let left = records.copy_hidden_for("a", grace).unwrap();
    assert!(left <= Duration::from_secs(10) && left > Duration::from_secs(5), "{left:?}");
    records.create_repeated("b");
    records.copy_inherited("b", grace);
    assert!(records.copy_hidden_for("b", grace).unwrap() > Duration::from_secs(20), "this process knows better");
}

#[test]
fn removal_of_an_owner_tag_counts_from_the_first_time() {
    let records = Records::default();
    assert_eq!(records.since_untagged("a", "1"), None);
    let object = Tagged { id: "1".to_owned(), endpoint: "https://a".to_owned() };
    records.untag("a", &object);
    let first = records.since_untagged("a", "1").unwrap();
    records.untag("a", &object);
    assert!(records.since_untagged("a", "1").unwrap() >= first);
    assert_eq!(records.untagged("a"), [object]);
    assert_eq!(records.since_untagged("a", "2"), None);
}

#[test]
fn released_object_is_announced_once() {
    let (records, object) = (Records::default(), Tagged { id: "1".to_owned(), endpoint: "https://a".to_owned() });
    assert!(records.announce("a", &object) && records.announce("b", &object));
    assert!(!records.announce("a", &object));
    assert_eq!(records.untagged("a"), [], "its owner tag is still there");
}

#[test]
fn memory_of_an_object_stays_small() {
    // Thousands of objects have one each: what is rare is boxed.
    assert!(size_of::<super::Memory>() <= 448, "{}", size_of::<super::Memory>());
}
