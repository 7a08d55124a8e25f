//! Objects that a test creates, changes and deletes without the API.

use cloud_policy_simulator::spaceone::{Options, Spaceone, StoredNetworkPolicy, StoredPolicy};
use serde_json::{Value, json};

use crate::client::spaceone;

#[tokio::test]
async fn test_edits_objects_without_the_api() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    let policy = StoredPolicy { policy_id: "foreign".to_owned(), name: "T".to_owned(), ..StoredPolicy::default() };
    assert_eq!(server.add_policy(policy), "foreign");
    let id = server.add_network_policy(StoredNetworkPolicy { name: "n".to_owned(), ..StoredNetworkPolicy::default() });
    assert!(server.edit_policy("foreign", |policy| policy.permissions.push("x".to_owned())));
    assert!(server.edit_network_policy(&id, |policy| policy.dns.push("8.8.8.8".to_owned())));

    let domain = server.domain_id();
    let get = |target: String| spaceone(&server, "GET", &target, &Value::Null);
    let policy = get(format!("/repository/v1/policies/foreign?domain_id={domain}")).json();
    assert_eq!((&policy["state"], &policy["permissions"]), (&json!("ENABLED"), &json!(["x"])));
    let network = get(format!("/inventory/v1/network-policy/{id}?domain_id={domain}")).json();
    assert_eq!((&network["dns"], &network["zone_info"]["name"]), (&json!(["8.8.8.8"]), &json!("zone-a")));

    assert!(server.remove_policy("foreign") && server.remove_network_policy(&id));
    assert!(!server.remove_policy("foreign") && !server.edit_network_policy(&id, |_| {}));
    assert!(server.policies().is_empty() && server.network_policies().is_empty());
    assert!(server.journal().writes().is_empty());
}

#[tokio::test]
async fn delete_fails_when_subnet_uses_network_policy() {
    let server = Spaceone::start(Options::default()).await.unwrap();
    let id = server.add_network_policy(StoredNetworkPolicy::default());
    let target = format!("/inventory/v1/network-policy/{id}?domain_id={}", server.domain_id());
    server.attach_subnet(&id, "subnet-1");
    let answer = spaceone(&server, "DELETE", &target, &Value::Null);
    assert_eq!(
        (answer.status, &answer.json()["detail"]["code"]),
        (500, &json!("ERROR_EXIST_SUBNET_IN_NETWORK_POLICY"))
    );
    server.detach_subnet(&id);
    assert_eq!(spaceone(&server, "DELETE", &target, &Value::Null).status, 200);
}

#[tokio::test]
async fn installation_is_reproducible_from_seed() {
    let ids = async |seed: u64| {
        let server = Spaceone::start(Options { seed, zones: 3, ..Options::default() }).await.unwrap();
        (server.domain_id(), server.zone_ids(), server.region_id(), server.token())
    };
    assert_eq!(ids(7).await, ids(7).await);
    assert_ne!(ids(7).await, ids(8).await);
    assert_eq!(ids(7).await.1.len(), 3);
}
