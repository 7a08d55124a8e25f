//! The deletion plan, row by row.

use super::*;

const UNRECORDED: DeletionRecord<'_> =
    DeletionRecord { id: None, in_flight: None, proven: None, adopts: false, is_claimed: false };
const RECORDED: DeletionRecord<'_> = DeletionRecord { id: Some("id-1"), ..UNRECORDED };
const CREATING: DeletionRecord<'_> = DeletionRecord { in_flight: Some(OperationKind::Create), ..UNRECORDED };
const FORGED: DeletionRecord<'_> = DeletionRecord { in_flight: Some(OperationKind::Adopt), ..RECORDED };
const ADOPTING: DeletionRecord<'_> = DeletionRecord { adopts: true, ..FORGED };

fn foreign() -> [Ownership; 2] {
    [Ownership::ForeignTag("cluster/uid".to_owned()), Ownership::OtherObject("Policy team/viewer".to_owned())]
}

fn named(found: &[(&str, Ownership)]) -> Vec<(String, Ownership)> {
    found.iter().map(|(id, owner)| ((*id).to_owned(), owner.clone())).collect()
}

/// Plans for the object that a get by the recorded id and a search by name both return.
fn one(record: &DeletionRecord<'_>, owner: &Ownership) -> DeletionPlan {
    plan_deletion(record, record.id.map(|_| owner.clone()), named(&[("id-1", owner.clone())]))
}

fn deletes(ids: &[&str]) -> DeletionPlan {
    DeletionPlan::Delete(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn blocked(plan: DeletionPlan) -> Outcome {
    match plan {
        DeletionPlan::Blocked(outcome) => outcome,
        other => panic!("expected a blocked deletion, got {other:?}"),
    }
}

#[test]
fn deletion_plan_deletes_objects_with_our_tag() {
    for record in [RECORDED, CREATING, ADOPTING] {
        assert_eq!(one(&record, &Ownership::Ours), deletes(&["id-1"]), "{record:?}");
    }
}

#[test]
fn deletion_plan_is_empty_when_nothing_is_found() {
    for record in [RECORDED, CREATING, ADOPTING] {
        assert_eq!(plan_deletion(&record, None, Vec::new()), deletes(&[]), "{record:?}");
    }
}

#[test]
fn deletion_plan_skips_untagged_objects_while_adopting() {
    for owner in [Ownership::Untagged, Ownership::Unknown] {
        assert_eq!(one(&ADOPTING, &owner), deletes(&[]), "{owner:?}");
    }
}

#[test]
fn deletion_plan_distrusts_the_id_when_another_object_claims_it() {
    let claimed = DeletionRecord { is_claimed: true, ..RECORDED };
    assert!(blocked(one(&claimed, &Ownership::Unknown)).message.contains("Cannot tell whether id-1"));
    assert_eq!(one(&claimed, &Ownership::Ours), deletes(&["id-1"]), "the owner tag decides");
    let known = DeletionRecord { proven: Some("id-1"), ..claimed };
    assert_eq!(one(&known, &Ownership::Unknown), deletes(&["id-1"]), "this process created it");
}

#[test]
fn deletion_plan_trusts_the_id_when_no_tags_are_shown() {
    assert_eq!(one(&RECORDED, &Ownership::Unknown), deletes(&["id-1"]));
    let renamed = plan_deletion(&RECORDED, Some(Ownership::Unknown), named(&[("id-2", Ownership::Unknown)]));
    assert!(blocked(renamed).message.contains("Cannot tell whether id-2"), "the name must match as well");
    let renamed = plan_deletion(&RECORDED, Some(Ownership::Unknown), Vec::new());
    assert!(blocked(renamed).message.contains("does not have the owner tag"), "the name must match as well");
}

#[test]
fn deletion_plan_blocks_when_status_hides_an_object() {
    let other = named(&[("id-2", Ownership::Unknown)]);
    let outcome = blocked(plan_deletion(&RECORDED, None, other.clone()));
    assert!(outcome.message.starts_with("Cannot tell whether id-2"), "a bogus id: {}", outcome.message);
    let outcome = blocked(plan_deletion(&RECORDED, Some(Ownership::Unknown), other));
    assert!(outcome.message.starts_with("Cannot tell whether id-2"), "a foreign id: {}", outcome.message);
    let outcome = blocked(one(&FORGED, &Ownership::Unknown));
    assert!(outcome.message.starts_with("Cannot tell whether id-1"), "a forged adoption: {}", outcome.message);
}

#[test]
fn deletion_plan_deletes_what_the_process_knows() {
    for owner in [Ownership::Untagged, Ownership::Unknown] {
        for record in [RECORDED, CREATING, FORGED, ADOPTING] {
            let record = DeletionRecord { proven: Some("id-1"), ..record };
            assert_eq!(one(&record, &owner), deletes(&["id-1"]), "{record:?} {owner:?}");
        }
    }
    let bogus = DeletionRecord { proven: Some("id-2"), ..RECORDED };
    assert_eq!(plan_deletion(&bogus, None, named(&[("id-2", Ownership::Unknown)])), deletes(&["id-2"]));
    for owner in foreign() {
        let record = DeletionRecord { proven: Some("id-1"), ..RECORDED };
        assert_eq!(one(&record, &owner), DeletionPlan::NotOurs, "an owner tag counts more");
    }
}

#[test]
fn deletion_plan_blocks_when_recorded_object_is_untagged() {
    let outcome = blocked(one(&RECORDED, &Ownership::Untagged));
    assert_eq!(outcome.reason, Reason::Conflict);
    assert!(outcome.stalled && outcome.message.contains("id-1 does not have the owner tag"), "{}", outcome.message);
}

#[test]
fn deletion_plan_blocks_when_create_may_have_taken_effect() {
    for owner in [Ownership::Untagged, Ownership::Unknown] {
        let outcome = blocked(one(&CREATING, &owner));
        assert_eq!(outcome.reason, Reason::Conflict);
        assert!(outcome.message.starts_with("Cannot tell whether id-1 was created"), "{}", outcome.message);
    }
}

#[test]
fn deletion_plan_orphans_recorded_object_of_another_owner() {
    for owner in foreign() {
        assert_eq!(one(&RECORDED, &owner), DeletionPlan::NotOurs);
    }
}

#[test]
fn deletion_plan_skips_foreign_objects_under_our_name() {
    for owner in foreign() {
        assert_eq!(plan_deletion(&CREATING, None, named(&[("id-1", owner)])), deletes(&[]));
    }
}

#[test]
fn deletion_plan_deletes_second_object_of_a_late_create() {
    let both = named(&[("id-2", Ownership::Ours), ("id-1", Ownership::Ours), ("id-3", Ownership::Untagged)]);
    assert_eq!(plan_deletion(&RECORDED, Some(Ownership::Ours), both), deletes(&["id-1", "id-2"]));
}

#[test]
fn deletion_plan_prefers_our_tag_over_a_forged_id() {
    for owner in foreign().into_iter().chain([Ownership::Untagged, Ownership::Unknown]) {
        let plan = plan_deletion(&RECORDED, Some(owner), named(&[("id-2", Ownership::Ours)]));
        assert_eq!(plan, deletes(&["id-2"]));
    }
}

#[test]
fn deletion_plan_prefers_our_tag_over_other_objects_of_the_name() {
    let found = named(&[("id-1", Ownership::Untagged), ("id-2", Ownership::Ours), ("id-3", Ownership::Unknown)]);
    assert_eq!(plan_deletion(&CREATING, None, found), deletes(&["id-2"]));
}

#[test]
fn deletion_record_needs_search_unless_nothing_can_be_missed() {
    let ours = Some(&Ownership::Ours);
    assert!(UNRECORDED.needs_search(None, "name"), "another writer may have removed the record");
    assert!(CREATING.needs_search(None, "name"));
    assert!(RECORDED.needs_search(ours, "name"), "a second object may have the same name");
    assert!(!RECORDED.needs_search(ours, "id-1"), "the id is the name");
    assert!(RECORDED.needs_search(Some(&Ownership::Untagged), "id-1") && RECORDED.needs_search(None, "id-1"));
}

#[test]
fn deletion_plan_without_record_deletes_only_what_has_our_tag() {
    let found = |owner: Ownership| plan_deletion(&UNRECORDED, None, named(&[("id-1", owner)]));
    assert_eq!(found(Ownership::Ours), deletes(&["id-1"]));
    for owner in foreign().into_iter().chain([Ownership::Untagged]) {
        assert_eq!(found(owner), deletes(&[]));
    }
    assert!(blocked(found(Ownership::Unknown)).message.starts_with("Cannot tell whether id-1"));
}

#[test]
fn in_use_names_the_first_five_users() {
    let users: Vec<String> = (1..=7).map(|i| format!("user-{i}")).collect();
    let outcome = in_use("id-1", &users);
    assert_eq!(outcome.reason, Reason::InUse);
    assert!(outcome.message.contains("user-5 and 2 more"), "{}", outcome.message);
    assert!(in_use("id-1", &users[..1]).message.contains("is used by user-1."));
}
