//! The servers' objects: repositories, a region with zones, policies and network policies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::ids::Ids;

/// A repository policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredPolicy {
    /// The id, chosen by the caller, unique in the domain.
    pub policy_id: String,
    /// Free text.
    pub name: String,
    /// `ENABLED` or `DISABLED`. No call changes it.
    pub state: String,
    /// Permission patterns with their order and repeats.
    pub permissions: Vec<String>,
    /// Free values.
    pub labels: Vec<Value>,
    /// Free values by key.
    pub tags: Map<String, Value>,
    /// Deprecated; empty when unset.
    pub project_id: String,
    /// The domain of the object.
    pub domain_id: String,
    /// The time of creation in milliseconds, `Z`.
    pub created_at: String,
    /// The same time as `created_at`. Updates do not change it.
    pub updated_at: String,
}

/// One route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoutingTable {
    /// The network, normalised.
    pub cidr: String,
    /// The address, normalised.
    pub destination: String,
    /// Free text; empty when unset.
    pub interface: String,
}

/// A reference to an object in another system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// The id in that system; empty when unset.
    pub resource_id: String,
    /// The link to that system; empty when unset.
    pub external_link: String,
}

/// An entry of the update history: a field that was set by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The field, or `data.<key>`.
    pub key: String,
    /// The time in seconds since 1970.
    pub updated_at: i64,
}

/// An inventory network policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredNetworkPolicy {
    /// The id, chosen by the server.
    pub network_policy_id: String,
    /// Free text, not unique.
    pub name: String,
    /// Routes with their order and repeats.
    pub routing_tables: Vec<RoutingTable>,
    /// Addresses.
    pub dns: Vec<String>,
    /// Free values. Updates merge the top level.
    pub data: Map<String, Value>,
    /// Free values. Updates replace them.
    pub metadata: Map<String, Value>,
    /// The reference. Updates replace it as a whole.
    pub reference: Reference,
    /// The tags. Updates replace them as a whole.
    pub tags: Map<String, Value>,
    /// The zone. It cannot be changed.
    pub zone_id: String,
    /// The domain of the object.
    pub domain_id: String,
    /// The fields that were set at least once, in the order of their first change.
    pub update_history: Vec<Update>,
    /// The fields that updates skip.
    pub pinned_keys: Vec<String>,
    /// The time of creation.
    pub created_at: Timestamp,
}

/// A zone. All zones belong to the one region.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) zone_id: String,
    pub(crate) name: String,
}

/// All objects of the servers.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) policies: Vec<StoredPolicy>,
    pub(crate) network_policies: Vec<StoredNetworkPolicy>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) region_id: String,
    pub(crate) region_name: String,
    pub(crate) repository_id: String,
    pub(crate) repository_name: String,
    pub(crate) domain_id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) ids: Ids,
}

impl Store {
    pub(crate) fn new(domain_id: String, zones: usize, ids: Ids, now: Timestamp) -> Self {
        let zone = |index: usize| Zone {
            zone_id: ids.prefixed("zone"),
            name: format!("zone-{}", char::from(b'a' + u8::try_from(index % 26).unwrap_or_default())),
        };
        Self {
            policies: Vec::new(),
            network_policies: Vec::new(),
            zones: (0..zones).map(zone).collect(),
            region_id: ids.prefixed("region"),
            region_name: "seoul".to_owned(),
            repository_id: ids.prefixed("repo"),
            repository_name: "Local".to_owned(),
            domain_id,
            created_at: now,
            ids,
        }
    }

    pub(crate) fn region_info(&self, minimal: bool) -> Value {
        let mut info = json!({"region_id": self.region_id, "name": self.region_name, "state": "ACTIVE"});
        if !minimal {
            info["tags"] = json!({});
            info["domain_id"] = json!(self.domain_id);
            info["created_at"] = json!(millis(self.created_at));
        }
        info
    }

    pub(crate) fn zone_info(&self, zone_id: &str) -> Value {
        let name = self.zones.iter().find(|zone| zone.zone_id == zone_id).map_or("", |zone| zone.name.as_str());
        json!({
            "zone_id": zone_id, "name": name, "state": "ACTIVE", "tags": {},
            "region_info": self.region_info(true), "domain_id": self.domain_id,
            "created_at": millis(self.created_at),
        })
    }

    /// Returns the repository in the form that other objects contain. A list adds the time of registration.
    pub(crate) fn repository_info(&self) -> Value {
        json!({"repository_id": self.repository_id, "name": self.repository_name, "repository_type": "local"})
    }
}

/// Prints a time as RFC 3339 in milliseconds.
pub(crate) fn millis(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// Prints a time as RFC 3339 in microseconds.
pub(crate) fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
