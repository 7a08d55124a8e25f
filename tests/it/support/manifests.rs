//! Complete and valid objects that most tests start with.

use serde_json::{Value, json};

/// Returns a NAVER Cloud policy with one permission.
pub fn ncloud_policy(name: &str) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Policy",
        "metadata": { "name": name },
        "spec": {
            "connectionRef": { "name": "ncloud" },
            "ncloud": {
                "policyName": name,
                "description": "first",
                "permissions": [{
                    "effect": "Allow",
                    "targets": [{
                        "product": "Server",
                        "actions": ["View/getServerInstanceList", "Change/startServerInstances"],
                        "resourceNrns": ["*"],
                    }],
                    "condition": { "StringEquals": { "ncp:principalName": ["alice", "bob"] } },
                }],
            },
        },
    })
}

/// Returns a SpaceONE policy.
pub fn spaceone_policy(name: &str) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "Policy",
        "metadata": { "name": name },
        "spec": {
            "connectionRef": { "name": "spaceone" },
            "spaceone": {
                "policyId": name,
                "name": "Viewer",
                "permissions": ["inventory.Server.list", "inventory.Server.get"],
                "labels": ["team-a"],
                "tags": { "owner": "team-a", "level": 3 },
            },
        },
    })
}

/// Returns a SpaceONE network policy in this zone.
pub fn network_policy(name: &str, zone: &str) -> Value {
    json!({
        "apiVersion": "cloudpolicy.dev/v1alpha1",
        "kind": "NetworkPolicy",
        "metadata": { "name": name },
        "spec": {
            "connectionRef": { "name": "spaceone" },
            "spaceone": {
                "name": name,
                "zoneId": zone,
                "routingTables": [{ "cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0" }],
                "dns": ["10.0.0.2", "10.0.0.3"],
                "data": { "vpc": { "size": 2 } },
                "metadata": { "view": { "layout": "table" } },
                "reference": { "resourceId": "vpc-1" },
                "tags": { "env": "test" },
            },
        },
    })
}
