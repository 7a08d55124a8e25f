//! The targets of a sweep: the three upstream collections, one object of each, and its expected content
//! upstream. Written from the manifests alone, without code of the operator.

use super::process::CLUSTER;
use kube::core::ApiResource;
use serde_json::{Map, Value, json};

/// The name of the object under test. A run leaves nothing behind, so that the next can use the name again.
pub const OBJECT_NAME: &str = "subject";

/// One kind on one upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    Ncloud,
    Spaceone,
    Network,
}

/// A change of one field: its name, and the patch of the upstream's part of the spec.
pub type Edit = (&'static str, Value);

impl Target {
    pub const ALL: [Self; 3] = [Self::Ncloud, Self::Spaceone, Self::Network];

    pub fn code(self) -> u32 {
        self as u32 + 1
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ncloud => "Policy/ncloud",
            Self::Spaceone => "Policy/spaceone",
            Self::Network => "NetworkPolicy/spaceone",
        }
    }

    /// Returns the upstream, which is also the name of its part of the spec.
    pub fn system(self) -> &'static str {
        if self == Self::Ncloud { "ncloud" } else { "spaceone" }
    }

    pub fn resource(self) -> &'static str {
        if self == Self::Network { "networkpolicies" } else { "policies" }
    }

    fn kind(self) -> &'static str {
        if self == Self::Network { "NetworkPolicy" } else { "Policy" }
    }

    pub fn api(self) -> ApiResource {
        api_resource(self.kind(), self.resource())
    }

    /// Returns the manifest of the object under test.
    pub fn manifest(self, zones: &[String]) -> Value {
        let document = match self {
            Self::Ncloud => json!({
                "policyName": OBJECT_NAME,
                "description": "first",
                "permissions": permissions("View/getServerInstanceList", "alice"),
            }),
            Self::Spaceone => json!({
                "policyId": OBJECT_NAME,
                "name": "Viewer",
                "permissions": ["inventory.Server.list", "inventory.Server.get"],
                "labels": ["team-a"],
                "tags": { "owner": "team-a" },
            }),
            Self::Network => json!({
                "name": OBJECT_NAME,
                "zoneId": zones[0],
                "routingTables": [{ "cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0" }],
                "dns": ["10.0.0.2", "10.0.0.3"],
                "data": { "vpc": { "size": "small" } },
                "metadata": { "view": { "layout": "table" } },
                "reference": { "resourceId": "vpc-1" },
                "tags": { "env": "test" },
            }),
        };
        let mut spec = json!({ "connectionRef": { "name": "link" }, "recreatePolicy": "WhenRequired" });
        spec[self.system()] = document;
        json!({
            "apiVersion": "cloudpolicy.dev/v1alpha1",
            "kind": self.kind(),
            "metadata": { "name": OBJECT_NAME },
            "spec": spec,
        })
    }

    /// Returns a change of each field that may change.
    pub fn edits(self, zones: &[String]) -> Vec<Edit> {
        match self {
            Self::Ncloud => vec![
                ("description", json!({ "description": "second" })),
                ("permissions", json!({ "permissions": permissions("Change/startServerInstances", "alice") })),
                ("condition", json!({ "permissions": permissions("View/getServerInstanceList", "bob") })),
                ("tags", json!({ "tags": { "team": "blue" } })),
            ],
            Self::Spaceone => vec![
                ("name", json!({ "name": "Editor" })),
                ("permissions", json!({ "permissions": ["inventory.*"] })),
                ("labels", json!({ "labels": ["team-b", "x"] })),
                ("tags", json!({ "tags": { "owner": "team-b", "level": "4" } })),
            ],
            Self::Network => vec![
                ("name", json!({ "name": "renamed" })),
                ("routingTables", json!({ "routingTables": [{ "cidr": "10.1.0.0/16", "destination": "10.1.0.1" }] })),
                ("dns", json!({ "dns": ["10.0.0.9"] })),
                ("data", json!({ "data": { "vpc": { "size": "large" } } })),
                ("metadata", json!({ "metadata": { "view": { "layout": "graph" } } })),
                ("reference", json!({ "reference": { "resourceId": "vpc-2" } })),
                ("tags", json!({ "tags": { "env": "prod" } })),
                ("pinnedKeys", json!({ "pinnedKeys": ["name", "dns"] })),
                ("zoneId", json!({ "zoneId": zones[1] })),
            ],
        }
    }

    /// Returns the expected content upstream of an object with this spec and uid.
    pub fn expected(self, spec: &Value, uid: &str) -> Value {
        let wanted = &spec[self.system()];
        let tag = owner_tag_of(uid);
        let list = |value: &Value| if value.is_null() { json!([]) } else { value.clone() };
        let owner = if self == Self::Ncloud { "cloudpolicy-owner" } else { "cloudpolicy_owner" };
        let mut tags = wanted["tags"].as_object().cloned().unwrap_or_default();
        tags.insert(owner.to_owned(), json!(tag));
        match self {
            Self::Ncloud => json!({
                "policyName": wanted["policyName"],
                "description": wanted["description"],
                "permissions": spelled_out(&wanted["permissions"]),
                "tags": tags,
            }),
            Self::Spaceone => json!({
                "policy_id": wanted["policyId"],
                "name": wanted["name"],
                "permissions": wanted["permissions"],
                "labels": list(&wanted["labels"]),
                "tags": tags,
            }),
            Self::Network => json!({
                "name": wanted["name"],
                "zone_id": wanted["zoneId"],
                "routing_tables": list(&wanted["routingTables"]),
                "dns": list(&wanted["dns"]),
                "data": wanted["data"],
                "metadata": wanted["metadata"],
                "reference": { "resource_id": wanted["reference"]["resourceId"] },
                "tags": tags,
                "pinned_keys": list(&wanted["pinnedKeys"]),
            }),
        }
    }

    /// Returns the part of a stored object that [`Self::expected`] covers.
    pub fn shown(self, stored: &Value) -> Value {
        let fields: &[&str] = match self {
            Self::Ncloud => &["policyName", "description", "permissions", "tags"],
            Self::Spaceone => &["policy_id", "name", "permissions", "labels", "tags"],
            Self::Network => {
                &["name", "zone_id", "routing_tables", "dns", "data", "metadata", "reference", "tags", "pinned_keys"]
            }
        };
        let shown: Map<String, Value> = fields.iter().map(|f| ((*f).to_owned(), without_blanks(&stored[*f]))).collect();
        shown.into()
    }

    /// Returns the upstream's id of a stored object.
    pub fn id(self, stored: &Value) -> &str {
        let field = match self {
            Self::Ncloud => "policyId",
            Self::Spaceone => "policy_id",
            Self::Network => "network_policy_id",
        };
        stored[field].as_str().unwrap_or_default()
    }
}

/// Returns the owner tag that the operator writes for an object with this uid.
pub fn owner_tag_of(uid: &str) -> String {
    format!("{CLUSTER}_{uid}")
}

/// Describes a kind of the API group.
pub fn api_resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: "cloudpolicy.dev".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "cloudpolicy.dev/v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

fn permissions(action: &str, principal: &str) -> Value {
    json!([{
        "effect": "Allow",
        "targets": [{ "product": "Server", "actions": [action], "resourceNrns": ["*"] }],
        "condition": { "StringEquals": { "ncp:principalName": [principal] } },
    }])
}

/// Spells wildcards out, as the server does.
fn spelled_out(permissions: &Value) -> Value {
    let mut permissions = permissions.clone();
    for target in permissions[0]["targets"].as_array_mut().into_iter().flatten() {
        target["resourceNrns"] = json!([format!("nrn:*:{}:*::*", target["product"].as_str().unwrap_or_default())]);
    }
    permissions
}

/// Removes empty strings of fields that nothing has set.
fn without_blanks(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.iter().filter(|(_, value)| **value != json!(""));
            set.map(|(key, value)| (key.clone(), without_blanks(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(without_blanks).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}
