//! The NAVER Cloud client against the simulator: each request, in every spelling that the upstream may use.

use crate::support::upstream::{account, converge, create, observation, owner_tag, policy, refusal, short_timeouts};
use cloud_policy::api::policy::PolicyDetails;
use cloud_policy::engine::{BoundExternal, ErrorKind, Ownership, Written};
use cloud_policy::upstream::{Account, Credentials};
use cloud_policy_simulator::ncloud::{
    CreateTags, EmptyDescription, Ncloud, NewPolicy, Options, Order, Search, Switches,
};
use cloud_policy_simulator::{Action, Fault, Operation};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub async fn simulator(change: impl FnOnce(&mut Switches)) -> (Ncloud, Arc<Account>) {
    let mut options = Options::default();
    change(&mut options.switches);
    let ncloud = Ncloud::start(options).await.unwrap();
    let account = open(&ncloud, &ncloud.secret_key());
    (ncloud, account)
}

fn open(ncloud: &Ncloud, secret_key: &str) -> Arc<Account> {
    let keys = Credentials::Ncloud { access_key: ncloud.access_key().into(), secret_key: secret_key.into() };
    let connection = json!({ "ncloud": { "endpoint": ncloud.url(), "credentialsSecretRef": { "name": "s" } } });
    account(connection, keys, &short_timeouts()).0
}

pub fn block() -> Value {
    json!({
        "policyName": "server-viewer",
        "description": "May look at servers",
        "permissions": [{
            "effect": "Allow",
            "targets": [{ "product": "Server", "actions": ["View/getServerInstanceList", "View/getServerDetail"], "resourceNrns": ["*"] }],
            "condition": { "StringEquals": { "ncp:principalName": ["alice", "bob"] } },
        }],
        "tags": { "team": "a" },
    })
}

pub fn bound(account: &Arc<Account>, block: &Value) -> Box<dyn BoundExternal> {
    policy(account, "ncloud", block, &owner_tag("uid-1"))
}

#[tokio::test]
async fn probe_counts_policies_and_tells_bad_key_from_wrong_clock() {
    let (ncloud, account) = simulator(|_| {}).await;
    create(&*bound(&account, &block())).await;
    let usage = account.probe().await.unwrap();
    assert_eq!((usage.count("policies"), usage.limit("policies")), (Some(1), Some(500)));

    let bad = refusal(open(&ncloud, "not the secret").probe().await, &["not the secret"]);
    assert_eq!(bad.kind, ErrorKind::Unauthorized);
    assert!(bad.message.contains("secretKey"), "{bad}");
    ncloud.clock().advance(Duration::from_mins(20));
    let skewed = refusal(account.probe().await, &[]);
    assert_eq!(skewed.kind, ErrorKind::ClockSkew);
    assert!(skewed.message.contains("minutes behind"), "{skewed}");
}

#[tokio::test]
async fn created_policy_reads_back_equal_in_every_server_spelling() {
    let switches: &[fn(&mut Switches)] = &[
        |_| {},
        |s| s.rewrite_wildcard = false,
        |s| s.order = Order::Reversed,
        |s| s.order = Order::Sorted,
        |s| s.empty_description = EmptyDescription::EmptyText,
        |s| s.empty_description = EmptyDescription::Null,
        |s| s.create_status = 201,
        |s| s.tags_in_result = false,
        |s| s.demand_content_type = true,
        |s| s.numeric_gateway_codes = true,
    ];
    for change in switches {
        let (ncloud, account) = simulator(change).await;
        for description in [json!("May look"), json!("")] {
            let mut block = block();
            block["description"] = description;
            block["policyName"] = json!(format!("viewer-{}", ncloud.policies().len()));
            let subject = bound(&account, &block);
            let seen = observation(&*subject, &create(&*subject).await).await;
            assert!(seen.diff.is_empty(), "{:?}: {}", ncloud.switches(), seen.diff.summary());
            assert_eq!(seen.owner, Ownership::Ours);
            assert!(seen.details.read::<PolicyDetails>().nrn.is_some_and(|nrn| nrn.starts_with("nrn:")));
        }
        assert!(ncloud.policies().iter().all(|policy| policy.tags["cloudpolicy-owner"] == "cluster_uid-1"));
    }
}

#[tokio::test]
async fn update_changes_every_field_and_keeps_owner_tag() {
    let (ncloud, account) = simulator(|_| {}).await;
    let id = create(&*bound(&account, &block())).await;
    let target = json!([{ "product": "VPC", "actions": ["*"], "resourceNrns": ["*"] }]);
    for (path, value) in [
        ("/description", json!("Other")),
        ("/description", json!("")),
        ("/permissions/0/effect", json!("Deny")),
        ("/permissions/0/targets/0/actions", json!(["View*"])),
        ("/permissions/0/targets/0/resourceNrns", json!(["nrn:PUB:Server:KR:2942:Server/7449"])),
        ("/permissions/0/condition", json!({ "StringLike": { "ncp:principalName": ["a*"] } })),
        ("/permissions/0/targets", target),
        ("/tags", json!({ "team": "b", "more": "c" })),
        ("/tags", json!({})),
    ] {
        let mut wanted = block();
        *wanted.pointer_mut(path).unwrap() = value;
        let subject = bound(&account, &wanted);
        converge(&*subject, &id).await;
        assert_eq!(observation(&*subject, &id).await.owner, Ownership::Ours, "{path}");
    }
    assert_eq!((ncloud.policies().len(), ncloud.journal().effects(Operation::Create)), (1, 1));
}

#[tokio::test]
async fn policy_is_found_by_exact_name_across_all_pages() {
    for search in [Search::Substring, Search::Exact, Search::Prefix] {
        let (ncloud, account) =
            simulator(|s| (s.search, s.largest_page, s.newest_first) = (search, Some(10), true)).await;
        for n in 0..25 {
            ncloud.add_policy(NewPolicy { policy_name: format!("server-viewer-{n}"), ..NewPolicy::default() });
        }
        ncloud.add_policy(NewPolicy { policy_name: "Server-Viewer".to_owned(), ..NewPolicy::default() });
        let subject = bound(&account, &block());
        assert!(subject.find().await.unwrap().is_empty(), "{search:?}");
        let id = create(&*subject).await;
        let found = subject.find().await.unwrap();
        assert_eq!(found.iter().map(|seen| &seen.id).collect::<Vec<_>>(), [&id], "{search:?}");
    }
}

#[tokio::test]
async fn owner_tag_identifies_owner_of_policy() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    let theirs = policy(&account, "ncloud", &block(), &owner_tag("uid-2"));
    assert_eq!(observation(&*theirs, &id).await.owner, Ownership::ForeignTag("cluster_uid-1".to_owned()));
    ncloud.edit_policy(&id, |policy| drop(policy.tags.remove("cloudpolicy-owner")));
    assert_eq!(observation(&*theirs, &id).await.owner, Ownership::Untagged);
    for (status, body) in [(404, ""), (405, ""), (401, r#"{"error":{"errorCode":"210","message":"no"}}"#), (200, "7")] {
        ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(status, body)));
        let shown = refusal(theirs.observe(&id).await, &[]);
        assert_eq!(shown.kind, ErrorKind::Unavailable, "{status}: this account has shown tags");
        // An account that never showed tags.
        ncloud.faults().add(Fault::on(Operation::TagsGet).before(Action::status(status, body)));
        let fresh = open(&ncloud, &ncloud.secret_key());
        let seen = observation(&*policy(&fresh, "ncloud", &block(), &owner_tag("uid-2")), &id).await;
        assert_eq!(seen.owner, Ownership::Unknown, "{status}");
        assert!(seen.diff.is_empty(), "tags that are not shown are no difference: {}", seen.diff.summary());
    }
    ncloud.faults().add(Fault::on(Operation::TagsGet).forever().before(Action::status(503, "")));
    assert_eq!(
        refusal(theirs.observe(&id).await, &[]).kind,
        ErrorKind::Unavailable,
        "an unavailable upstream is an error, not an unknown owner"
    );
}

#[tokio::test]
async fn owner_tagging_changes_only_the_owner_tag() {
    let (ncloud, account) = simulator(|_| {}).await;
    let id = create(&*policy(&account, "ncloud", &block(), &owner_tag("uid-2"))).await;
    let before = ncloud.policies();
    let subject = bound(&account, &block());
    subject.tag_owner(&id).await.unwrap();
    subject.tag_owner(&id).await.unwrap();
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::Ours);
    let mut after = ncloud.policies();
    after[0].tags.insert("cloudpolicy-owner".to_owned(), "cluster_uid-2".to_owned());
    assert_eq!(after, before);
    assert_eq!(ncloud.journal().effects(Operation::Update), 0);
}

#[tokio::test]
async fn policy_is_unmarked_when_server_drops_owner_tag() {
    let (_ncloud, account) = simulator(|s| s.create_tags = CreateTags::Dropped).await;
    let subject = bound(&account, &block());
    let id = create(&*subject).await;
    assert_eq!(observation(&*subject, &id).await.owner, Ownership::Untagged);
}

#[tokio::test]
async fn verdict_names_field_and_writes_nothing() {
    for (locations, korean, refused_status) in [(true, false, 200), (false, true, 200), (true, false, 400)] {
        let (ncloud, account) =
            simulator(|s| (s.locations, s.korean, s.refused_status) = (locations, korean, refused_status)).await;
        let mut wanted = block();
        wanted["permissions"][0]["targets"][0]["product"] = json!("Nonsense");
        let subject = bound(&account, &wanted);
        let verdict = subject.check().await.unwrap().unwrap();
        assert!(!verdict.success);
        assert_eq!(verdict.details[0].code, "iam.policy.invalidProduct");
        assert_eq!(verdict.details[0].field.as_deref(), Some("spec.ncloud.permissions[0].targets[0].product"));
        assert_eq!(subject.create().await.unwrap(), Written::Refused(verdict.clone()), "{refused_status}");
        let good = bound(&account, &block());
        let id = create(&*good).await;
        let diff = observation(&*subject, &id).await.diff;
        assert_eq!(subject.update(&id, &diff).await.unwrap(), Written::Refused(verdict));
        assert!(observation(&*good, &id).await.diff.is_empty(), "the rejected update changes nothing");
        assert_eq!(ncloud.journal().writes().len(), 1);
    }
}

#[tokio::test]
async fn check_returns_verdict_only_when_server_validates() {
    let (ncloud, account) = simulator(|_| {}).await;
    let subject = bound(&account, &block());
    assert!(subject.check().await.unwrap().unwrap().success);
    ncloud.faults().add(Fault::on(Operation::Validate).before(Action::status(404, "")));
    assert_eq!(subject.check().await.unwrap(), None);
    let outright = r#"{"error":{"errorCode":"100","message":"Bad Request Exception"}}"#;
    ncloud.faults().add(Fault::on(Operation::Validate).before(Action::status(400, outright)));
    let verdict = subject.check().await.unwrap().unwrap();
    assert_eq!((verdict.success, verdict.details[0].code.as_str()), (false, "100"));
}
