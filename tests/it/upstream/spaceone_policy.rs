//! The behaviour of the client of SpaceONE policies. The suite [`crate::upstream::spaceone`] runs each of these against
//! every server.

use crate::support::upstream::{accepted, converge, create, observation, owner_tag, policy, refusal, unique};
use crate::upstream::spaceone_servers::Server;
use cloud_policy::api::policy::PolicyDetails;
use cloud_policy::engine::{BoundExternal, Diff, ErrorKind, Ownership, Remedy};
use cloud_policy::upstream::Priority;
use cloud_policy::upstream::registry::deleter;
use serde_json::{Value, json};

/// A policy with every field set.
pub fn full_policy() -> Value {
    json!({
        "policyId": unique("viewer"),
        "name": "Viewer",
        "permissions": ["inventory.Server.list", "identity.*"],
        "labels": ["a", "b"],
        "tags": { "team": "a", "number": 1, "deep": { "list": [1, 2.5, null, true] } },
    })
}

fn bound(server: &Server, block: &Value) -> Box<dyn BoundExternal> {
    policy(&server.account(), "spaceone", block, &owner_tag("uid-1"))
}

pub async fn probe_counts_objects_of_domain(server: &Server) {
    create(&*bound(server, &full_policy())).await;
    let usage = server.account().probe().await.unwrap();
    assert!(usage.count("policies").unwrap() >= 1, "{usage:?}");
    assert_eq!(usage.count("networkPolicies").is_some(), server.zones.is_some(), "{usage:?}");
    assert_eq!(usage.limit("policies"), None);
}

/// A get of one policy does not check the token, so the probe must send other requests.
pub async fn probe_rejects_expired_and_malformed_tokens(server: &Server) {
    for token in [server.expired_token.as_str(), "no-token-at-all"] {
        let error = refusal(server.account_with(&server.domain_id, token).probe().await, &[token]);
        assert_eq!(error.kind, ErrorKind::Unauthorized, "{error}");
        assert!(error.message.to_lowercase().contains("token"), "{error}");
    }
}

pub async fn probe_rejects_token_of_another_domain(server: &Server) {
    let account = server.account_with(&server.domain_id, &server.other_token);
    let error = refusal(account.probe().await, &[&server.other_token]);
    assert_eq!(error.kind, ErrorKind::InvalidReference, "{error}");
    assert!(error.message.contains(&server.other_domain_id) && error.message.contains(&server.domain_id), "{error}");
}

pub async fn created_policy_reads_back_equal(server: &Server) {
    let block = full_policy();
    let subject = bound(server, &block);
    assert!(subject.find().await.unwrap().is_empty());
    let id = create(&*subject).await;
    assert_eq!(block["policyId"], json!(id));
    let seen = observation(&*subject, &id).await;
    assert!(seen.diff.is_empty(), "{}", seen.diff.summary());
    let details: PolicyDetails = seen.details.read();
    assert_eq!((seen.owner.clone(), details.state.as_deref()), (Ownership::Ours, Some("ENABLED")));
    let repository = details.repository_info.unwrap().read();
    assert_eq!(repository["repository_id"], json!(server.repository_id));
    let created: jiff::Timestamp = details.created_at.unwrap().parse().unwrap();
    assert!(jiff::Timestamp::now().duration_since(created).as_secs() < 3600);
    assert_eq!(subject.find().await.unwrap(), [seen]);
    assert_eq!(subject.check().await.unwrap(), None);
}

pub async fn policy_without_optional_fields_reads_back_equal(server: &Server) {
    let block = json!({ "policyId": unique("bare"), "name": "Bare", "permissions": ["a.*"] });
    let subject = bound(server, &block);
    let id = create(&*subject).await;
    assert!(observation(&*subject, &id).await.diff.is_empty());
}

pub async fn second_create_fails_because_id_is_taken(server: &Server) {
    let subject = bound(server, &full_policy());
    let id = create(&*subject).await;
    let error = refusal(subject.create().await, &[&server.token]);
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::AlreadyExists, Some("ERROR_SAVE_UNIQUE_VALUES")));
    let theirs = policy(&server.account(), "spaceone", &full_policy(), &owner_tag("uid-2"));
    assert_eq!(observation(&*theirs, &id).await.owner, Ownership::ForeignTag("cluster_uid-1".to_owned()));
}

pub async fn update_changes_every_field_and_keeps_owner_tag(server: &Server) {
    let block = full_policy();
    let id = create(&*bound(server, &block)).await;
    for (field, value) in [
        ("name", json!("Other")),
        ("permissions", json!(["a.*"])),
        ("labels", json!(["c"])),
        ("labels", json!([])),
        ("tags", json!({ "other": { "n": 2 } })),
        ("tags", json!({})),
    ] {
        let mut wanted = block.clone();
        wanted[field] = value;
        let subject = bound(server, &wanted);
        converge(&*subject, &id).await;
        assert_eq!(observation(&*subject, &id).await.owner, Ownership::Ours, "{field}");
    }
}

pub async fn update_keeps_fields_that_spec_does_not_set(server: &Server) {
    let block = full_policy();
    let id = create(&*bound(server, &block)).await;
    let fewer = json!({ "policyId": id, "name": "Renamed", "permissions": block["permissions"] });
    converge(&*bound(server, &fewer), &id).await;
    let mut renamed = block;
    renamed["name"] = json!("Renamed");
    assert!(observation(&*bound(server, &renamed), &id).await.diff.is_empty(), "labels and tags are as they were");
}

pub async fn owner_tagging_changes_only_the_owner_tag(server: &Server) {
    let block = full_policy();
    let id = create(&*policy(&server.account(), "spaceone", &block, &owner_tag("uid-2"))).await;
    let subject = bound(server, &block);
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::ForeignTag("cluster_uid-2".to_owned()));
    subject.tag_owner(&id).await.unwrap();
    let seen = observation(&*subject, &id).await;
    assert!(seen.owner == Ownership::Ours && seen.diff.is_empty(), "{seen:?}");
}

pub async fn delete_succeeds_when_repeated(server: &Server) {
    let subject = bound(server, &full_policy());
    let id = create(&*subject).await;
    let deleter = deleter(&server.account(), "spaceone/policy", &owner_tag("uid-1"), Priority::Change).unwrap();
    assert_eq!(deleter.find(&id).await.unwrap(), [(id.clone(), Ownership::Ours)]);
    assert_eq!(deleter.owner(&id).await.unwrap(), Some(Ownership::Ours));
    assert!(deleter.used_by(&id, std::time::Instant::now()).await.unwrap().is_empty());
    deleter.delete(&id).await.unwrap();
    deleter.delete(&id).await.unwrap();
    assert_eq!(subject.observe(&id).await.unwrap(), None);
    assert!(subject.find().await.unwrap().is_empty());
}

pub async fn write_fails_when_policy_is_gone(server: &Server) {
    let subject = bound(server, &full_policy());
    let mut diff = Diff::default();
    diff.compare("spec.spaceone.name", &"a", &"b", Remedy::Update);
    let gone = unique("gone");
    assert_eq!(refusal(subject.update(&gone, &diff).await, &[]).kind, ErrorKind::Unavailable);
    assert_eq!(refusal(subject.tag_owner(&gone).await, &[]).kind, ErrorKind::Unavailable);
}

pub async fn create_is_rejected_whatever_the_status_code(server: &Server) {
    for (field, value, code) in [
        ("policyId", json!("Not An Id"), "ERROR_INVALID_POLICY_ID_FORMAT"),
        ("name", json!("n".repeat(256)), "ERROR_DB_QUERY"),
        ("permissions", json!([]), "ERROR_REQUIRED_PARAMETER"),
    ] {
        let mut block = full_policy();
        block[field] = value;
        let subject = bound(server, &block);
        let error = refusal(subject.create().await, &[&server.token]);
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Rejected, Some(code)), "{error}");
        let problems = subject.validate();
        assert_eq!(problems.len(), 1, "validation finds it before the request: {problems:?}");
        assert_eq!(problems[0].field, format!("spec.spaceone.{field}"));
    }
}

pub async fn project_is_compared_and_never_updated(server: &Server) {
    let mut block = full_policy();
    let id = create(&*bound(server, &block)).await;
    block["projectId"] = json!("project-000000000000");
    let subject = bound(server, &block);
    let diff = observation(&*subject, &id).await.diff;
    assert_eq!(diff.summary(), "spec.spaceone.projectId");
    assert_eq!(accepted(subject.update(&id, &diff).await), id);
    assert_eq!(observation(&*subject, &id).await.diff, diff, "nothing was sent that could change it");
}
