//! The fields of create and update requests.

use super::document::NetworkPolicyDocument;
use super::received::ReceivedNetworkPolicy;
use crate::engine::{Diff, OwnerTag};
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::tags;
use serde_json::{Map, Value, json};

impl NetworkPolicyDocument {
    /// Returns the fields to pin, if the spec sets them.
    pub(super) fn pins(&self) -> Option<&[String]> {
        self.spec.pinned_keys.as_deref().filter(|keys| !keys.is_empty())
    }

    /// Returns the fields of a create request.
    pub(super) fn create_fields(&self, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.spec;
        let mut fields = self.fields(|_| true, &Fields::new());
        fields.insert("zone_id".to_owned(), json!(spec.zone_id));
        fields.insert("tags".to_owned(), tags::with_owner(tags::declared(spec.tags.as_ref()), owner_tag));
        fields
    }

    /// Returns the fields that differ: the upstream keeps the fields that are left out.
    pub(super) fn update_fields(&self, diff: &Diff, current: &ReceivedNetworkPolicy, owner_tag: &OwnerTag) -> Fields {
        let differs = |field: &str| diff.touches(&format!("spec.spaceone.{field}"));
        let mut fields = self.fields(differs, current.metadata());
        if differs("tags") {
            fields.insert("tags".to_owned(), tags::with_owner(tags::declared(self.spec.tags.as_ref()), owner_tag));
        }
        fields
    }

    /// Returns the chosen fields under the upstream's names. Some servers replace metadata, others merge
    /// it; sent together with the existing metadata, all servers merge it.
    fn fields(&self, chosen: impl Fn(&str) -> bool, metadata: &Fields) -> Fields {
        let spec = &self.spec;
        let metadata = spec.metadata.as_ref().map(|declared| {
            let mut merged = metadata.clone();
            merged.extend(declared.read());
            merged
        });
        let reference = spec.reference.as_ref().map(|reference| {
            let members = [("resource_id", &reference.resource_id), ("external_link", &reference.external_link)];
            let set = members.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
            set.collect::<Map<_, _>>()
        });
        let all = [
            ("name", "name", json!(spec.name)),
            ("routingTables", "routing_tables", json!(spec.routing_tables)),
            ("dns", "dns", json!(spec.dns)),
            ("data", "data", json!(spec.data)),
            ("metadata", "metadata", json!(metadata)),
            ("reference", "reference", json!(reference)),
        ];
        let set = all.into_iter().filter(|(field, _, value)| !value.is_null() && chosen(field));
        set.map(|(_, key, value)| (key.to_owned(), value)).collect()
    }
}

/// Returns the names under which the upstream pins the fields of an update.
pub(super) fn changed_keys(fields: &Fields) -> impl Iterator<Item = String> {
    fields.iter().flat_map(|(key, value)| match (key.as_str(), value) {
        ("data", Value::Object(data)) => data.keys().map(|inner| format!("data.{inner}")).collect(),
        _ => vec![key.clone()],
    })
}
