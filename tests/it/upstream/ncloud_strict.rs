//! The NAVER Cloud client against an account that keeps to the letter of the documentation.

use crate::support::upstream::{converge, create, observation, owner_tag, policy, refusal};
use crate::upstream::ncloud::{block, bound, simulator};
use cloud_policy::engine::{ErrorKind, Ownership};
use cloud_policy_simulator::ncloud::{Compression, CreateTags, NewPolicy, ResultBody, TagRule};
use cloud_policy_simulator::{Action, Fault, Journal, Operation};
use serde_json::json;

const OWNER: &str = "cloudpolicy-owner";

/// Returns the keys in the bodies of these requests.
fn keys(journal: &Journal, operation: Operation) -> Vec<String> {
    let sent = journal.entries().into_iter().filter(|entry| entry.operation == operation);
    sent.map(|entry| {
        let body: serde_json::Value = serde_json::from_str(&entry.request_body).unwrap();
        body["tagKey"].as_str().unwrap().to_owned()
    })
    .collect()
}

/// Id and name of the first policy of NAVER Cloud itself.
const SYSTEM_POLICY: (&str, &str) = ("48ac3260-0000-11ea-8000-246e96591500", "NCP_ADMINISTRATOR");

#[tokio::test]
async fn write_answered_with_text_succeeds() {
    for body in [ResultBody::Text, ResultBody::Empty, ResultBody::ProcessResult] {
        let (ncloud, account) = simulator(|s| (s.delete_body, s.tag_body) = (body, body)).await;
        let id = create(&*bound(&account, &block())).await;
        let mut wanted = block();
        wanted["tags"] = json!({ "team": "b", "more": "c" });
        let subject = bound(&account, &wanted);
        converge(&*subject, &id).await;
        subject.deleter().delete(&id).await.unwrap();
        assert!(ncloud.policies().is_empty(), "{body:?}");
    }
}

#[tokio::test]
async fn update_answered_without_json_succeeds() {
    for answer in ["OK", "", "true"] {
        let (ncloud, account) = simulator(|_| {}).await;
        let id = create(&*bound(&account, &block())).await;
        let mut wanted = block();
        wanted["description"] = json!("Other");
        let subject = bound(&account, &wanted);
        ncloud.faults().add(Fault::on(Operation::Update).after(Action::status(200, answer)));
        converge(&*subject, &id).await;
        ncloud.faults().add(Fault::on(Operation::Update).after(Action::Html));
        let diff = observation(&*bound(&account, &block()), &id).await.diff;
        let page = refusal(bound(&account, &block()).update(&id, &diff).await, &[]);
        assert_eq!(page.kind, ErrorKind::OutcomeUnknown, "{answer}");
    }
}

#[tokio::test]
async fn validation_sends_no_tags() {
    let (ncloud, account) = simulator(|s| s.strict_validation = true).await;
    assert!(bound(&account, &block()).check().await.unwrap().unwrap().success);
    let sent = ncloud.journal().entries().into_iter().find(|entry| entry.operation == Operation::Validate).unwrap();
    let body: serde_json::Value = serde_json::from_str(&sent.request_body).unwrap();
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["description", "permissions", "policyName"]);
}

#[tokio::test]
async fn tags_that_create_refuses_are_added_afterwards() {
    let (ncloud, account) = simulator(|s| s.create_tags = CreateTags::Refused).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::Untagged);
    subject.tag_owner(&id).await.unwrap();
    converge(&*subject, &id).await;
    assert_eq!(ncloud.policies()[0].tags["team"], "a");
    assert_eq!(ncloud.journal().effects(Operation::Create), 1);
}

#[tokio::test]
async fn changed_tag_is_replaced_and_never_absent() {
    let (ncloud, account) = simulator(|_| {}).await;
    let id = create(&*bound(&account, &block())).await;
    let mut wanted = block();
    wanted["tags"] = json!({ "team": "b" });
    converge(&*bound(&account, &wanted), &id).await;
    assert_eq!(
        (keys(ncloud.journal(), Operation::TagsAdd), ncloud.journal().count(Operation::TagsRemove)),
        (vec!["team".to_owned()], 0)
    );

    wanted["tags"] = json!({ "team": "c" });
    let subject = bound(&account, &wanted);
    let diff = observation(&*subject, &id).await.diff;
    ncloud
        .faults()
        .add(Fault::on(Operation::TagsAdd).forever().before(Action::status(400, r#"{"errorCode":1,"message":"no"}"#)));
    assert_eq!(refusal(subject.update(&id, &diff).await, &[]).kind, ErrorKind::Rejected);
    assert_eq!(ncloud.policies()[0].tags["team"], "b", "a refused value leaves the old one");
    ncloud.faults().clear();

    let theirs = policy(&account, "ncloud", &block(), &owner_tag("uid-2"));
    ncloud.journal().clear();
    theirs.tag_owner(&id).await.unwrap();
    assert_eq!(
        (keys(ncloud.journal(), Operation::TagsAdd), ncloud.journal().count(Operation::TagsRemove)),
        (vec![OWNER.to_owned()], 0)
    );
}

#[tokio::test]
async fn tag_is_replaced_where_existing_keys_are_refused() {
    let (ncloud, account) = simulator(|_| {}).await;
    let id = create(&*bound(&account, &block())).await;
    let mut wanted = block();
    wanted["tags"] = json!({ "team": "b" });
    let subject = bound(&account, &wanted);
    let taken = Action::status(409, r#"{"errorCode":9011,"message":"exists"}"#);
    ncloud.faults().add(Fault::on(Operation::TagsAdd).before(taken.clone()));
    converge(&*subject, &id).await;
    assert_eq!(ncloud.policies()[0].tags["team"], "b");
    ncloud.faults().add(Fault::on(Operation::TagsAdd).before(taken));
    ncloud.faults().add(Fault::on(Operation::TagsAdd).before(Action::status(400, r#"{"errorCode":1,"message":"no"}"#)));
    let back = bound(&account, &block());
    let diff = observation(&*back, &id).await.diff;
    assert_eq!(refusal(back.update(&id, &diff).await, &[]).kind, ErrorKind::Rejected);
    assert_eq!(ncloud.policies()[0].tags["team"], "b", "the old value is put back");
}

#[tokio::test]
async fn full_set_of_tags_is_replaced_within_the_limit() {
    let (ncloud, account) = simulator(|_| {}).await;
    let tags = |prefix: &str| (0..19).map(|n| (format!("{prefix}{n}"), json!("v"))).collect::<serde_json::Map<_, _>>();
    let mut wanted = block();
    wanted["tags"] = json!(tags("a"));
    let id = create(&*bound(&account, &wanted)).await;
    wanted["tags"] = json!(tags("b"));
    converge(&*bound(&account, &wanted), &id).await;
    assert_eq!(ncloud.policies()[0].tags.len(), 20);
}

#[tokio::test]
async fn name_of_system_policy_is_reserved_and_names_its_holder() {
    let (_ncloud, account) = simulator(|s| s.system_names_reserved = true).await;
    let (id, name) = SYSTEM_POLICY;
    let mut wanted = block();
    wanted["policyName"] = json!(name);
    let error = refusal(bound(&account, &wanted).create().await, &[]);
    assert_eq!(error.kind, ErrorKind::NameReserved);
    assert!(error.message.contains(id) && error.message.contains(name), "{error}");
}

#[tokio::test]
async fn name_in_other_case_is_reserved_where_case_is_ignored() {
    let (ncloud, account) = simulator(|s| s.case_sensitive_names = false).await;
    ncloud.add_policy(NewPolicy { policy_name: "Server-Viewer".to_owned(), ..NewPolicy::default() });
    let error = refusal(bound(&account, &block()).create().await, &[]);
    // A search that respects case finds no holder.
    assert_eq!(error.kind, ErrorKind::AlreadyExists);
    let listed =
        json!({ "items": [{ "policyId": "p-1", "policyName": "Server-Viewer", "policyType": "USER_CREATED" }] });
    ncloud.faults().add(Fault::on(Operation::List).before(Action::status(200, listed.to_string())));
    let error = refusal(bound(&account, &block()).create().await, &[]);
    assert!(error.kind == ErrorKind::NameReserved && error.message.contains("Server-Viewer"), "{error}");
}

#[tokio::test]
async fn system_policy_is_reserved_and_its_tags_are_not_read() {
    let (ncloud, account) = simulator(|s| s.system_tags = true).await;
    let (id, _) = SYSTEM_POLICY;
    assert_eq!(observation(&*bound(&account, &block()), id).await.owner, Ownership::Reserved);
    assert_eq!(ncloud.journal().count(Operation::TagsGet), 0);
}

#[tokio::test]
async fn absence_needs_one_search_among_many_policies() {
    let (ncloud, account) = simulator(|s| s.shuffled_pages = true).await;
    for n in 0..450 {
        ncloud.add_policy(NewPolicy { policy_name: format!("policy-{n}"), ..NewPolicy::default() });
    }
    let id = create(&*bound(&account, &block())).await;
    ncloud.journal().clear();
    let deleter = bound(&account, &block()).deleter();
    assert_eq!(deleter.owner(&id).await.unwrap(), Some(Ownership::Ours));
    assert!(deleter.used_by(&id, std::time::Instant::now()).await.unwrap().is_empty());
    deleter.delete(&id).await.unwrap();
    assert_eq!(deleter.owner(&id).await.unwrap(), None);
    let requests = ncloud.journal().entries().len();
    assert!(requests <= 6, "{requests} requests");
    deleter.delete(&id).await.unwrap();
    assert_eq!(ncloud.journal().count(Operation::List), 2);
}

#[tokio::test]
async fn identity_is_asked_for_and_compressed_answer_is_named() {
    let (ncloud, account) = simulator(|s| s.compression = Compression::UnlessIdentity).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    assert!(observation(&*subject, &id).await.diff.is_empty());
    ncloud.set_options(|options| options.switches.compression = Compression::Always);
    let error = refusal(subject.observe(&id).await, &[]);
    assert!(error.message.contains("compressed") && error.message.contains("identity"), "{error}");
}

#[tokio::test]
async fn details_of_the_gateway_reach_verdict_and_error() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let body = r#"{"error":{"errorCode":"100","message":"Bad Request Exception","details":"malformed NRN"}}"#;
    for operation in [Operation::Validate, Operation::Create, Operation::Create] {
        ncloud.faults().add(Fault::on(operation).before(Action::status(400, body)));
    }
    let verdict = subject.check().await.unwrap().unwrap();
    assert_eq!(verdict.details[0].message, "Bad Request Exception: malformed NRN");
    let error = refusal(subject.create().await, &[]);
    assert!(error.message.contains("malformed NRN"), "{error}");
    let newer = json!({ "error": { "errorCode": "BadRequest", "message": "Bad", "fieldErrors": [
        { "field": "permissions[0].targets[0].product", "message": "unknown product" }] } });
    ncloud.faults().add(Fault::on(Operation::Validate).before(Action::status(400, newer.to_string())));
    let verdict = subject.check().await.unwrap().unwrap();
    assert_eq!(verdict.details[0].field.as_deref(), Some("spec.ncloud.permissions[0].targets[0].product"));
}

#[tokio::test]
async fn owner_tag_is_accepted_by_every_rule_of_tags() {
    for rule in [TagRule::Any, TagRule::Newest, TagRule::Older, TagRule::Government] {
        let (_ncloud, account) = simulator(|s| s.tag_rule = rule).await;
        let subject = bound(&account, &block());
        let id = create(&*subject).await;
        assert_eq!(observation(&*subject, &id).await.owner, Ownership::Ours, "{rule:?}");
    }
}

#[tokio::test]
async fn old_owner_tag_is_ours_until_next_write_of_tags() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    ncloud.edit_policy(&id, |policy| drop(policy.tags.insert(OWNER.to_owned(), "cluster/uid-1".to_owned())));
    ncloud.journal().clear();
    let seen = observation(&*subject, &id).await;
    assert!(seen.owner == Ownership::Ours && seen.diff.is_empty());
    subject.tag_owner(&id).await.unwrap();
    assert!(ncloud.journal().writes().is_empty(), "no write is needed");
    let mut wanted = block();
    wanted["tags"] = json!({ "team": "b" });
    converge(&*bound(&account, &wanted), &id).await;
    assert_eq!(ncloud.policies()[0].tags[OWNER], "cluster_uid-1");
}
