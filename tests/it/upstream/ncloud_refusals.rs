//! The NAVER Cloud client where the upstream refuses, contradicts itself or says little: what is
//! not there, what may not go, and what nobody can tell.

use crate::support::upstream::{accepted, account, create, owner_tag, refusal, short_timeouts};
use crate::upstream::ncloud::{block, bound, simulator};
use cloud_policy::engine::{Diff, ErrorKind, Remedy, Written};
use cloud_policy::upstream::Credentials;
use cloud_policy::upstream::Priority;
use cloud_policy::upstream::registry::deleter;
use cloud_policy_simulator::ncloud::{Assignee, DeleteBody, ErrorAnswer, ErrorShape, PrincipalType};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn an_unknown_id_is_absent_in_whatever_form_the_server_says_so() {
    for (shape, code) in [
        (ErrorShape::TopLevel, "404"),
        (ErrorShape::Gateway, "300"),
        (ErrorShape::Standard, "NotFound"),
        (ErrorShape::Empty, ""),
        (ErrorShape::Html, ""),
    ] {
        let (_ncloud, account) = simulator(|s| s.unknown_policy = ErrorAnswer::new(404, shape, code, "gone")).await;
        let subject = bound(&account, &block());
        assert_eq!(subject.observe("0-0-0").await.unwrap(), None, "{shape:?}");
        assert!(subject.deleter().delete("0-0-0").await.is_ok(), "{shape:?}");
        assert!(subject.deleter().used_by("0-0-0").await.unwrap().is_empty(), "{shape:?}");
        let mut diff = Diff::default();
        diff.compare("spec.ncloud.description", &"a", &"b", Remedy::Update);
        assert_eq!(refusal(subject.update("0-0-0", &diff).await, &[]).kind, ErrorKind::Unavailable, "{shape:?}");
    }
}

#[tokio::test]
async fn a_404_that_the_list_contradicts_is_no_absence() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    let gone = ncloud.switches().unknown_policy.message;
    let body = json!({ "errorCode": 404, "message": gone }).to_string();
    for operation in [Operation::Get, Operation::Delete] {
        ncloud.faults().add(Fault::on(operation).before(Action::status(404, body.clone())));
    }
    assert_eq!(refusal(subject.observe(&id).await, &[]).kind, ErrorKind::Unavailable);
    assert_eq!(refusal(subject.deleter().delete(&id).await, &[]).kind, ErrorKind::Unavailable);
    assert_eq!(ncloud.policies().len(), 1);
}

#[tokio::test]
async fn a_wrong_path_is_no_absence() {
    let (ncloud, _) = simulator(|_| {}).await;
    let keys = Credentials::Ncloud { access_key: ncloud.access_key().into(), secret_key: ncloud.secret_key().into() };
    let endpoint = format!("{}/wrong", ncloud.url());
    let connection = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "s" } } });
    let (account, _) = account(connection, keys, &short_timeouts());
    let subject = bound(&account, &block());
    refusal(subject.observe("0-0-0").await, &[]);
    refusal(subject.find().await, &[]);
    refusal(subject.deleter().delete("0-0-0").await, &[]);
}

#[tokio::test]
async fn an_id_cannot_climb_out_of_its_path() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    create(&*subject).await;
    ncloud.journal().clear();
    for id in ["", ".", ".."] {
        assert_eq!(refusal(subject.deleter().delete(id).await, &[]).kind, ErrorKind::Rejected, "{id}");
    }
    assert!(ncloud.journal().entries().is_empty());
    assert!(subject.deleter().delete("../policies").await.is_ok(), "an id like any other, and absent");
    assert_eq!(ncloud.policies().len(), 1);
}

#[tokio::test]
async fn limits_and_taken_names_have_errors_of_their_own() {
    let (ncloud, account) = simulator(|s| s.policy_limit = 1).await;
    let subject = bound(&account, &block());
    create(&*subject).await;
    assert_eq!(refusal(subject.create().await, &[]).kind, ErrorKind::AlreadyExists);
    let mut second = block();
    second["policyName"] = json!("second");
    let full = refusal(bound(&account, &second).create().await, &[]);
    assert_eq!((full.kind, full.code.as_deref()), (ErrorKind::QuotaExceeded, Some("9012")));
    assert_eq!(ncloud.policies().len(), 1);
}

#[tokio::test]
async fn a_policy_that_is_assigned_is_in_use_and_names_its_holders() {
    for (status, code) in [(409, "9013"), (400, "9013"), (403, "9013")] {
        let answer = ErrorAnswer::new(status, ErrorShape::TopLevel, code, "assigned");
        let (ncloud, account) =
            simulator(|s| (s.still_assigned, s.delete_body) = (answer, DeleteBody::ProcessResult)).await;
        let subject = bound(&account, &block());
        let id = create(&*subject).await;
        let alice = Assignee {
            resource_type: PrincipalType::SubAccount,
            resource_id: "sub-1".to_owned(),
            resource_name: "alice".to_owned(),
        };
        ncloud.assign(&id, alice);
        let deleter = deleter(&account, "ncloud/policy", &owner_tag("uid-1"), Priority::Change).unwrap();
        assert_eq!(deleter.used_by(&id).await.unwrap(), ["SubAccount alice (sub-1)"]);
        let refused = refusal(deleter.delete(&id).await, &[]);
        assert_eq!(refused.kind, ErrorKind::InUse, "{status}");
        assert!(refused.message.contains("alice"), "{refused}");
        ncloud.unassign(&id);
        deleter.delete(&id).await.unwrap();
        deleter.delete(&id).await.unwrap();
        assert_eq!((ncloud.policies().len(), deleter.owner(&id).await.unwrap()), (0, None));
    }
}

#[tokio::test]
async fn a_success_that_says_failure_inside_is_a_failure() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    let failed = json!([{ "success": false, "message": "not today" }]).to_string();
    ncloud.faults().add(Fault::on(Operation::Delete).before(Action::status(200, failed)));
    let refused = refusal(subject.deleter().delete(&id).await, &[]);
    assert!(refused.message.contains("not today"), "{refused}");
    let empty = BTreeMap::new();
    let page = Action::Status { code: 200, body: "<html>signed out</html>".to_owned(), headers: empty };
    ncloud.faults().add(Fault::on(Operation::Delete).before(page));
    assert_eq!(refusal(subject.deleter().delete(&id).await, &[]).kind, ErrorKind::OutcomeUnknown);
    assert_eq!(ncloud.policies().len(), 1);
}

#[tokio::test]
async fn a_create_that_is_accepted_and_names_no_policy_has_an_unknown_outcome() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    for body in [r#"{"validationResult":{"success":true,"details":[]}}"#, "{}", r#"{"policyId":""}"#] {
        ncloud.faults().add(Fault::on(Operation::Create).before(Action::status(200, body)));
        assert_eq!(refusal(subject.create().await, &[]).kind, ErrorKind::OutcomeUnknown, "{body}");
    }
}

#[tokio::test]
async fn a_refusal_that_names_a_policy_is_looked_into() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let refused = |id: &str| {
        let body = json!({ "policyId": id, "validationResult": { "success": false, "details": [] } }).to_string();
        Fault::on(Operation::Create).before(Action::status(200, body))
    };
    ncloud.faults().add(refused("0-0-0"));
    assert!(matches!(subject.create().await.unwrap(), Written::Refused(_)));
    let id = create(&*subject).await;
    ncloud.faults().add(refused(&id));
    assert_eq!(accepted(subject.create().await), id);
}

#[tokio::test]
async fn a_new_policy_that_does_not_show_at_once_is_absent_until_it_does() {
    let (_ncloud, account) = simulator(|s| s.hidden_reads = 2).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    assert_eq!(subject.observe(&id).await.unwrap(), None);
    assert!(subject.observe(&id).await.unwrap().is_some());
}
