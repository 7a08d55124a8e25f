//! The NAVER Cloud client when the upstream rejects requests, contradicts itself or responds incompletely: absent
//! objects, objects in use, and unknown outcomes.

use crate::support::upstream::{accepted, account, create, owner_tag, refusal, short_timeouts};
use crate::upstream::ncloud::{block, bound, simulator};
use cloud_policy::engine::{Diff, ErrorKind, Remedy, Written};
use cloud_policy::upstream::Credentials;
use cloud_policy::upstream::Priority;
use cloud_policy::upstream::registry::deleter;
use cloud_policy_simulator::ncloud::{Assignee, ErrorAnswer, ErrorShape, PrincipalType, ResultBody};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn unknown_id_is_absent_in_every_error_format() {
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
        assert!(subject.deleter().used_by("0-0-0", std::time::Instant::now()).await.unwrap().is_empty(), "{shape:?}");
        let mut diff = Diff::default();
        diff.compare("spec.ncloud.description", &"a", &"b", Remedy::Update);
        assert_eq!(refusal(subject.update("0-0-0", &diff).await, &[]).kind, ErrorKind::Unavailable, "{shape:?}");
    }
}

#[tokio::test]
async fn not_found_is_an_error_when_list_contradicts_it() {
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
async fn wrong_path_is_an_error_and_not_absence() {
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
async fn id_cannot_escape_its_path() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    create(&*subject).await;
    ncloud.journal().clear();
    for id in ["", ".", "..", "../policies", "a\\b"] {
        assert_eq!(refusal(subject.deleter().delete(id).await, &[]).kind, ErrorKind::InvalidReference, "{id}");
    }
    assert!(ncloud.journal().entries().is_empty());
    assert_eq!(ncloud.policies().len(), 1);
}

#[tokio::test]
async fn limit_and_taken_name_have_distinct_errors() {
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
async fn assigned_policy_is_in_use_and_names_its_users() {
    for (status, code) in [(409, "9013"), (400, "9013"), (403, "9013")] {
        let answer = ErrorAnswer::new(status, ErrorShape::TopLevel, code, "assigned");
        let (ncloud, account) =
            simulator(|s| (s.still_assigned, s.delete_body) = (answer, ResultBody::ProcessResult)).await;
        let subject = bound(&account, &block());
        let id = create(&*subject).await;
        let alice = Assignee {
            resource_type: PrincipalType::SubAccount,
            resource_id: "sub-1".to_owned(),
            resource_name: "alice".to_owned(),
        };
        ncloud.assign(&id, alice);
        let deleter = deleter(&account, "ncloud/policy", &owner_tag("uid-1"), Priority::Change).unwrap();
        assert_eq!(deleter.used_by(&id, std::time::Instant::now()).await.unwrap(), ["SubAccount alice (sub-1)"]);
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
async fn success_status_with_failure_body_is_an_error() {
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
async fn create_outcome_is_unknown_when_response_has_no_id() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    for body in [r#"{"validationResult":{"success":true,"details":[]}}"#, "{}", r#"{"policyId":""}"#] {
        ncloud.faults().add(Fault::on(Operation::Create).before(Action::status(200, body)));
        assert_eq!(refusal(subject.create().await, &[]).kind, ErrorKind::OutcomeUnknown, "{body}");
    }
}

#[tokio::test]
async fn rejection_with_id_is_accepted_when_policy_exists() {
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
async fn new_policy_is_absent_until_reads_show_it() {
    let (_ncloud, account) = simulator(|s| s.hidden_reads = 2).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    assert_eq!(subject.observe(&id).await.unwrap(), None);
    assert!(subject.observe(&id).await.unwrap().is_some());
}
