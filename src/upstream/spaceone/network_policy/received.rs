//! Network policies in SpaceONE's responses.

use super::document::{Details, NetworkPolicyDocument};
use super::metadata;
use crate::api::network_policy::{RoutingTable, SpaceoneNetworkPolicySpec, SpaceoneReference};
use crate::engine::{ErrorKind, Observed, UpstreamError};
use crate::upstream::lenient::{nullable, present};
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::declared;
use crate::upstream::spaceone::tags;
use crate::upstream::spaceone::wire::{described, timestamp};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The writer of a field in the update history that stands for the API.
const BY_API: &str = "MANUAL";

/// The fields of a create request, as a response shows them.
const DECLARED: [&str; 10] = [
    "network_policy_id",
    "name",
    "zone_info",
    "routing_tables",
    "dns",
    "data",
    "metadata",
    "reference",
    "tags",
    "collection_info",
];

/// A network policy in a response.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReceivedNetworkPolicy {
    network_policy_id: String,
    #[serde(default, deserialize_with = "nullable")]
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    routing_tables: Vec<Route>,
    #[serde(default, deserialize_with = "nullable")]
    dns: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    data: Fields,
    #[serde(default, deserialize_with = "nullable")]
    metadata: Fields,
    #[serde(default, deserialize_with = "nullable")]
    reference: Reference,
    #[serde(default, deserialize_with = "nullable")]
    tags: Fields,
    #[serde(default, deserialize_with = "nullable")]
    collection_info: Collected,
    #[serde(default)]
    region_info: Option<Fields>,
    #[serde(default)]
    zone_info: Option<Fields>,
    #[serde(default)]
    created_at: Value,
}

#[derive(Debug, Clone, Deserialize)]
struct Route {
    #[serde(default, deserialize_with = "nullable")]
    cidr: String,
    #[serde(default, deserialize_with = "nullable")]
    destination: String,
    #[serde(default)]
    interface: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Reference {
    #[serde(default)]
    resource_id: Option<String>,
    #[serde(default)]
    external_link: Option<String>,
}

/// The last writers of fields, and the pinned fields.
#[derive(Debug, Clone, Default, Deserialize)]
struct Collected {
    #[serde(default, deserialize_with = "nullable")]
    update_history: Vec<Update>,
    #[serde(default, deserialize_with = "nullable")]
    pinned_keys: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Update {
    #[serde(default, deserialize_with = "nullable")]
    key: String,
    #[serde(default, deserialize_with = "nullable")]
    updated_by: String,
}

impl ReceivedNetworkPolicy {
    /// Reads the fields of a create request. What a request declares was written by hand.
    pub(super) fn declared(data: &Fields) -> Result<Observed<NetworkPolicyDocument>, String> {
        let mut shown = data.clone();
        let keys = data.get("data").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key);
        let history: Vec<Value> =
            keys.map(|key| json!({ "key": format!("data.{key}"), "updated_by": BY_API })).collect();
        shown.insert("network_policy_id".to_owned(), json!(""));
        shown.insert("collection_info".to_owned(), json!({ "update_history": history }));
        if let Some(zone) = shown.remove("zone_id") {
            shown.insert("zone_info".to_owned(), json!({ "zone_id": zone }));
        }
        declared::read::<Self>(&shown, &DECLARED).map(Self::observed)
    }

    /// Returns its id.
    pub(super) fn id(&self) -> &str {
        &self.network_policy_id
    }

    /// Returns whether it has this id.
    pub(super) fn is(&self, id: &str) -> bool {
        self.network_policy_id == id
    }

    /// Returns all tags, the owner tag among them.
    pub(super) fn tags(&self) -> &Fields {
        &self.tags
    }

    pub(super) fn metadata(&self) -> &Fields {
        &self.metadata
    }

    /// Returns the owner tag.
    pub(super) fn found_tag(&self) -> Option<&String> {
        match self.tags.get(tags::OWNER) {
            Some(Value::String(found_tag)) => Some(found_tag),
            _ => None,
        }
    }

    /// Returns a sort key: the oldest first, objects of unknown age last.
    pub(super) fn age(&self) -> (Timestamp, String) {
        let created = timestamp(&self.created_at).and_then(|text| text.parse().ok());
        (created.unwrap_or(Timestamp::MAX), self.network_policy_id.clone())
    }

    /// Tells a refusal of the spec from one that the metadata of the object causes: before every update the server
    /// walks through the stored metadata, and fails at some values.
    pub(super) fn explain(&self, error: UpstreamError) -> UpstreamError {
        let objects = |(_, value): &(&String, &Value)| metadata::objection(value).is_some();
        let Some((key, _)) = self.metadata.iter().find(objects).filter(|_| error.kind == ErrorKind::Rejected) else {
            return error;
        };
        let message = format!(
            "{}: the upstream rejects every update of {}, because of the value of its metadata key `{key}`",
            error.message, self.network_policy_id
        );
        UpstreamError { kind: ErrorKind::NotUpdatable, message, ..error }
    }

    pub(super) fn is_pinned(&self, key: &str) -> bool {
        self.collection_info.pinned_keys.iter().any(|pinned| pinned == key)
    }

    pub(super) fn observed(self) -> Observed<NetworkPolicyDocument> {
        let (found_tag, tags) = tags::split_owner(self.tags);
        let zone_id = self.zone_info.as_ref().and_then(|zone| zone.get("zone_id")).and_then(Value::as_str);
        let history = self.collection_info.update_history.iter();
        let by_hand = history.filter(|update| update.updated_by == BY_API);
        let data_by_hand = by_hand.filter_map(|update| update.key.strip_prefix("data.")).map(str::to_owned).collect();
        let spec = SpaceoneNetworkPolicySpec {
            name: self.name,
            zone_id: zone_id.unwrap_or_default().to_owned(),
            routing_tables: Some(self.routing_tables.into_iter().map(RoutingTable::from).collect()),
            dns: Some(self.dns),
            data: Some(self.data.into()),
            metadata: Some(self.metadata.into()),
            reference: Some(SpaceoneReference {
                resource_id: present(self.reference.resource_id),
                external_link: present(self.reference.external_link),
            }),
            tags: Some(tags.into()),
            pinned_keys: Some(self.collection_info.pinned_keys),
        };
        let details = Details {
            region_info: described(self.region_info),
            zone_info: described(self.zone_info),
            created_at: timestamp(&self.created_at),
        };
        Observed {
            id: self.network_policy_id,
            document: NetworkPolicyDocument { spec, data_by_hand, once_declared: BTreeSet::new() },
            found_tag,
            details,
        }
    }
}

impl From<Route> for RoutingTable {
    fn from(Route { cidr, destination, interface }: Route) -> Self {
        Self { cidr, destination, interface: present(interface) }
    }
}
