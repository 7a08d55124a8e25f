//! The canonical form of a SpaceONE network policy: the spec itself, compared by meaning.
//!
//! - Routes are a set of (network, next hop, interface): a longer prefix wins, not an earlier one.
//! - Name servers keep their order, in which resolvers ask them.
//! - Of `data` and `metadata` the declared keys are compared. The upstream merges `data`, so that a
//!   key which somebody once set by hand and the spec no longer has can only go with the object.
//! - Emptied lists need delete and create: the upstream ignores an empty list.
//! - What the spec does not set is not compared; the stamp never is.

use super::networks::{Route, address};
use super::wire::Answered;
use crate::api::network_policy::SpaceoneNetworkPolicySpec;
use crate::engine::diff::child;
use crate::engine::{Diff, Document, FieldDiff, OwnerTag, Problem, Remedy};
use crate::upstream::spaceone::client::Fields;
use crate::upstream::spaceone::tags;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A network policy in the words of the spec, the stamp taken off.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NetworkPolicyDocument {
    #[serde(flatten)]
    pub(super) spec: SpaceoneNetworkPolicySpec,
    /// Only observed: the keys of `data` that were last written through the API, and not by a
    /// collector.
    #[serde(skip)]
    pub(super) data_by_hand: BTreeSet<String>,
}

impl From<SpaceoneNetworkPolicySpec> for NetworkPolicyDocument {
    fn from(spec: SpaceoneNetworkPolicySpec) -> Self {
        Self { spec, data_by_hand: BTreeSet::new() }
    }
}

impl Document for NetworkPolicyDocument {
    fn key(&self) -> String {
        self.spec.name.clone()
    }

    fn diff(&self, observed: &Self) -> Diff {
        let (want, have) = (&self.spec, &observed.spec);
        let mut diff = Diff::default();
        diff.compare("spec.spaceone.name", &want.name, &have.name, Remedy::Update);
        // An answer that leaves the zone out is no reason to delete anything.
        if !have.zone_id.is_empty() {
            diff.compare("spec.spaceone.zoneId", &want.zone_id, &have.zone_id, Remedy::Recreate);
        }
        lists(&mut diff, want, have);
        self.compare_data(&mut diff, observed);
        if let Some(metadata) = &want.metadata {
            declared(&mut diff, "spec.spaceone.metadata", metadata, have.metadata.as_ref());
        }
        if let Some(reference) = &want.reference {
            let have = have.reference.clone().unwrap_or_default();
            diff.compare("spec.spaceone.reference", reference, &have, Remedy::Update);
        }
        if let Some(tags) = &want.tags {
            diff.compare("spec.spaceone.tags", tags, &have.tags.clone().unwrap_or_default(), Remedy::Update);
        }
        if let Some(keys) = &want.pinned_keys {
            let have = have.pinned_keys.as_deref().unwrap_or_default();
            diff.compare_sets("spec.spaceone.pinnedKeys", keys, have, emptied(keys));
        }
        diff
    }

    fn validate(&self) -> Vec<Problem> {
        super::validate::of(&self.spec)
    }
}

impl NetworkPolicyDocument {
    /// The fields to pin, where the spec says so.
    pub(super) fn pins(&self) -> Option<&[String]> {
        self.spec.pinned_keys.as_deref().filter(|keys| !keys.is_empty())
    }

    pub(super) fn create_fields(&self, owner_tag: &OwnerTag) -> Fields {
        let spec = &self.spec;
        let mut fields = self.fields(|_| true, &Fields::new());
        fields.insert("zone_id".to_owned(), json!(spec.zone_id));
        fields.insert("tags".to_owned(), tags::stamped(spec.tags.as_ref(), owner_tag));
        fields
    }

    /// Only what differs: the upstream keeps what is left out.
    pub(super) fn update_fields(&self, diff: &Diff, current: &Answered, owner_tag: &OwnerTag) -> Fields {
        let differs = |field: &str| diff.touches(&format!("spec.spaceone.{field}"));
        let mut fields = self.fields(differs, current.metadata());
        if differs("tags") {
            fields.insert("tags".to_owned(), tags::stamped(self.spec.tags.as_ref(), owner_tag));
        }
        fields
    }

    /// The chosen fields, in the upstream's words. Metadata is replaced by some servers and merged
    /// by others; sent along with what is there already, it is merged by all.
    fn fields(&self, chosen: impl Fn(&str) -> bool, metadata: &Fields) -> Fields {
        let spec = &self.spec;
        let metadata = spec.metadata.as_ref().map(|declared| {
            let mut merged = metadata.clone();
            merged.extend(declared.clone());
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

    fn compare_data(&self, diff: &mut Diff, observed: &Self) {
        let Some(want) = &self.spec.data else { return };
        let have = observed.spec.data.as_ref();
        declared(diff, "spec.spaceone.data", want, have);
        let undeclared = have.into_iter().flatten().filter(|(key, _)| !want.contains_key(*key));
        for (key, value) in undeclared.filter(|(key, _)| observed.data_by_hand.contains(*key)) {
            diff.fields.push(FieldDiff {
                path: child("spec.spaceone.data", key),
                desired: Value::Null,
                observed: value.clone(),
                remedy: Remedy::Recreate,
            });
        }
    }
}

/// The names under which the upstream pins the fields of an update.
pub(super) fn changed_keys(fields: &Fields) -> impl Iterator<Item = String> {
    fields.iter().flat_map(|(key, value)| match (key.as_str(), value) {
        ("data", Value::Object(data)) => data.keys().map(|inner| format!("data.{inner}")).collect(),
        _ => vec![key.clone()],
    })
}

fn lists(diff: &mut Diff, want: &SpaceoneNetworkPolicySpec, have: &SpaceoneNetworkPolicySpec) {
    if let Some(routes) = &want.routing_tables {
        let set = |routes: &[_]| routes.iter().map(Route::from).collect::<Vec<_>>();
        let have = set(have.routing_tables.as_deref().unwrap_or_default());
        diff.compare_sets("spec.spaceone.routingTables", &set(routes), &have, emptied(routes));
    }
    if let Some(dns) = &want.dns {
        let list = |dns: &[String]| dns.iter().map(|text| address(text)).collect::<Vec<_>>();
        let have = list(have.dns.as_deref().unwrap_or_default());
        diff.compare("spec.spaceone.dns", &list(dns), &have, emptied(dns));
    }
}

fn emptied<T>(list: &[T]) -> Remedy {
    if list.is_empty() { Remedy::Recreate } else { Remedy::Update }
}

fn declared(diff: &mut Diff, path: &str, want: &Fields, have: Option<&Fields>) {
    for (key, value) in want {
        let have = have.and_then(|have| have.get(key)).unwrap_or(&Value::Null);
        diff.compare(&child(path, key), value, have, Remedy::Update);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(change: impl FnOnce(&mut Value)) -> NetworkPolicyDocument {
        let mut spec = json!({"name": "n", "zoneId": "zone-1"});
        change(&mut spec);
        NetworkPolicyDocument::from(serde_json::from_value::<SpaceoneNetworkPolicySpec>(spec).unwrap())
    }

    /// What the upstream answers to a get.
    fn answered() -> Answered {
        serde_json::from_value(json!({
            "network_policy_id": "npolicy-1", "name": "n",
            "routing_tables": [{"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"}, {"cidr": "2001:db8::/32", "destination": "2001:db8::1"}],
            "dns": ["10.0.0.2", "2001:db8::2"],
            "data": {"mine": 1.0, "collected": "c"}, "metadata": {"a": "1", "b": "2"},
            "reference": {"resource_id": "r"}, "tags": {"t": 2.0, "cloudpolicy_owner": "c/u"},
            "collection_info": {"pinned_keys": ["name", "data.mine"], "update_history": [
                {"key": "data.mine", "updated_by": "MANUAL"}, {"key": "data.collected", "updated_by": "collector-1"}]},
            "zone_info": {"zone_id": "zone-1"}, "created_at": "2026-01-01T00:00:00Z",
        }))
        .unwrap()
    }

    fn diff(change: impl FnOnce(&mut Value)) -> Diff {
        document(change).diff(&answered().observed().document)
    }

    #[test]
    fn what_is_not_set_is_not_compared() {
        assert!(diff(|_| {}).is_empty());
    }

    #[test]
    fn the_same_meaning_is_no_difference() {
        let same = diff(|s| {
            s["routingTables"] = json!([{"cidr": "2001:DB8:0::/32", "destination": "2001:DB8::0001"}, {"cidr": "10.0.0.0/16", "destination": "10.0.0.1", "interface": "eth0"}]);
            s["dns"] = json!(["10.0.0.2", "2001:DB8::0002"]);
            s["data"] = json!({"mine": 1});
            s["metadata"] = json!({"b": "2"});
            s["reference"] = json!({"resourceId": "r"});
            s["tags"] = json!({"t": 2});
            s["pinnedKeys"] = json!(["data.mine", "name", "name"]);
        });
        assert!(same.is_empty(), "{}", same.summary());
    }

    #[test]
    fn every_field_shows_its_own_difference_and_its_remedy() {
        for (field, value, path, recreate) in [
            ("name", json!("m"), "name", false),
            ("zoneId", json!("zone-2"), "zoneId", true),
            ("routingTables", json!([{"cidr": "10.0.0.0/16", "destination": "10.0.0.1"}]), "routingTables", false),
            ("routingTables", json!([]), "routingTables", true),
            ("dns", json!(["2001:db8::2", "10.0.0.2"]), "dns[0], spec.spaceone.dns[1]", false),
            ("dns", json!([]), "dns", true),
            ("data", json!({"mine": 2}), "data.mine", false),
            ("data", json!({}), "data.mine", true),
            ("metadata", json!({"a": "2"}), "metadata.a", false),
            ("reference", json!({}), "reference", false),
            ("tags", json!({}), "tags", false),
            ("pinnedKeys", json!(["name"]), "pinnedKeys", false),
            ("pinnedKeys", json!([]), "pinnedKeys", true),
        ] {
            let diff = diff(|s| s[field] = value);
            assert_eq!((diff.summary(), diff.needs_recreate()), (format!("spec.spaceone.{path}"), recreate));
        }
    }

    #[test]
    fn a_key_that_a_collector_wrote_is_not_ours_to_miss() {
        let diff = diff(|s| s["data"] = json!({"mine": 1}));
        assert!(diff.is_empty(), "{}", diff.summary());
    }

    #[test]
    fn emptied_lists_that_are_empty_already_need_nothing() {
        let bare: Answered = serde_json::from_value(json!({"network_policy_id": "x", "name": "n"})).unwrap();
        let wanted = document(|s| {
            for (field, value) in [
                ("dns", json!([])),
                ("routingTables", json!([])),
                ("pinnedKeys", json!([])),
                ("data", json!({})),
                ("tags", json!({})),
            ] {
                s[field] = value;
            }
        });
        assert!(wanted.diff(&bare.observed().document).is_empty());
    }

    #[test]
    fn an_update_sends_what_differs_and_merges_metadata() {
        let wanted = document(|s| {
            s["name"] = json!("m");
            s["metadata"] = json!({"a": "3"});
            s["dns"] = json!(["10.0.0.2", "2001:db8::2"]);
            s["tags"] = json!({"new": true});
        });
        let owner_tag = OwnerTag::new("c", "u");
        let diff = wanted.diff(&answered().observed().document);
        let fields = Value::Object(wanted.update_fields(&diff, &answered(), &owner_tag));
        assert_eq!(
            fields,
            json!({"name": "m", "metadata": {"a": "3", "b": "2"}, "tags": {"new": true, "cloudpolicy_owner": "c/u"}})
        );
    }

    #[test]
    fn a_create_sends_what_is_set_and_the_stamp() {
        let wanted = document(|s| s["reference"] = json!({"externalLink": "l"}));
        let fields = Value::Object(wanted.create_fields(&OwnerTag::new("c", "u")));
        assert_eq!(
            fields,
            json!({"name": "n", "zone_id": "zone-1", "reference": {"external_link": "l"}, "tags": {"cloudpolicy_owner": "c/u"}})
        );
    }

    #[test]
    fn pinned_are_the_keys_of_data_and_the_names_of_fields() {
        let fields = json!({"name": "m", "data": {"mine": 2}, "routing_tables": []});
        let Value::Object(fields) = fields else { panic!("an object") };
        let keys: Vec<String> = changed_keys(&fields).collect();
        assert_eq!(keys, ["data.mine", "name", "routing_tables"]);
        assert!(answered().is_pinned("data.mine") && !answered().is_pinned("routing_tables"));
    }

    #[test]
    fn printed_defaults_read_as_left_out_ones() {
        let bare = json!({"network_policy_id": "x", "name": "n"});
        let mut printed = bare.clone();
        for (field, value) in [
            ("routing_tables", json!([])),
            ("dns", json!([])),
            ("data", json!(null)),
            ("metadata", json!({})),
            ("tags", json!(null)),
            ("reference", json!({"resource_id": "", "external_link": ""})),
            ("zone_info", json!(null)),
            ("region_info", json!({})),
            ("collection_info", json!(null)),
            ("created_at", json!(null)),
        ] {
            printed[field] = value;
        }
        let read = |value| serde_json::from_value::<Answered>(value).unwrap().observed();
        assert_eq!(read(printed), read(bare));
    }
}
