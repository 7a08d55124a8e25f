//! The canonical form of a SpaceONE network policy, and its comparison. It is the spec itself.
//!
//! - Routes are a set of (network, next hop, interface): a longer prefix wins, not an earlier route.
//! - Name servers keep their order, because resolvers query them in this order.
//! - In `data` and `metadata` the declared keys are compared. The upstream merges `data`, so a key that
//!   the object declared once and that is no longer in the spec can only be deleted with the object.
//! - Emptied lists need delete and create: the upstream ignores an empty list.
//! - Fields that the spec does not set are not compared, and neither is the owner tag.

use super::networks::{Route, address};
use super::reach;
use crate::api::JsonObject;
use crate::api::network_policy::SpaceoneNetworkPolicySpec;
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::diff::child;
use crate::engine::{Diff, Document, FieldDiff, Problem, Remedy};
use crate::upstream::spaceone::client::Fields;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// The fields of a network policy that only the upstream sets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region_info: Option<JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zone_info: Option<JsonObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
}

/// A network policy in the form of the spec, without its owner tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NetworkPolicyDocument {
    #[serde(flatten)]
    pub(super) spec: SpaceoneNetworkPolicySpec,
    /// Only in observed documents: the keys of `data` that were last written through the API and not
    /// by a collector.
    #[serde(skip)]
    pub(super) data_by_hand: BTreeSet<String>,
    /// Only in desired documents: the keys of `data` that the object declared once.
    #[serde(skip)]
    pub(super) once_declared: BTreeSet<String>,
}

impl From<SpaceoneNetworkPolicySpec> for NetworkPolicyDocument {
    fn from(spec: SpaceoneNetworkPolicySpec) -> Self {
        Self { spec, data_by_hand: BTreeSet::new(), once_declared: BTreeSet::new() }
    }
}

impl NetworkPolicyDocument {
    /// Returns the name and the zone, by which people tell network policies apart.
    pub(super) fn identity(&self) -> (&str, &str) {
        (&self.spec.name, &self.spec.zone_id)
    }
}

impl Document for NetworkPolicyDocument {
    type Details = Details;

    fn key(&self) -> String {
        self.spec.name.clone()
    }

    fn grants(&self) -> Grants<'_> {
        Grants::Nothing
    }

    fn diff(&self, observed: &Self) -> Diff {
        let (want, have) = (&self.spec, &observed.spec);
        let mut diff = Diff::default();
        diff.compare("spec.spaceone.name", &want.name, &have.name, Remedy::Update);
        // A response without the zone is no reason to recreate the object.
        if !have.zone_id.is_empty() {
            diff.compare("spec.spaceone.zoneId", &want.zone_id, &have.zone_id, Remedy::Recreate);
        }
        lists(&mut diff, want, have);
        self.compare_data(&mut diff, observed);
        if let Some(metadata) = &want.metadata {
            declared(&mut diff, "spec.spaceone.metadata", &metadata.read(), &content(have.metadata.as_ref()));
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
        reach::mark(&mut diff, want, have);
        diff
    }

    fn granted(&self) -> Change {
        reach::granted(&self.spec)
    }

    fn lasting_names(&self) -> BTreeSet<String> {
        content(self.spec.data.as_ref()).into_iter().map(|(key, _)| key).collect()
    }

    fn remember(&mut self, once_declared: &BTreeSet<String>) {
        self.once_declared.clone_from(once_declared);
    }

    fn validate_new(&self) -> Vec<Problem> {
        super::validate::of_new(&self.spec)
    }

    fn validate(&self) -> Vec<Problem> {
        super::validate::of(&self.spec)
    }
}

impl NetworkPolicyDocument {
    fn compare_data(&self, diff: &mut Diff, observed: &Self) {
        let Some(want) = self.spec.data.as_ref().map(JsonObject::read) else { return };
        let have = content(observed.spec.data.as_ref());
        declared(diff, "spec.spaceone.data", &want, &have);
        let undeclared = have.iter().filter(|(key, _)| !want.contains_key(*key));
        // A key that this object never declared belongs to another writer, who used the same API.
        let dropped = |key: &String| self.once_declared.contains(key) && observed.data_by_hand.contains(key);
        for (key, value) in undeclared.filter(|(key, _)| dropped(key)) {
            diff.fields.push(FieldDiff {
                path: child("spec.spaceone.data", key),
                desired: Value::Null,
                observed: value.clone(),
                remedy: Remedy::Recreate,
                widens: false,
            });
        }
    }
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

fn content(object: Option<&JsonObject>) -> Fields {
    object.map(JsonObject::read).unwrap_or_default()
}

fn declared(diff: &mut Diff, path: &str, want: &Fields, have: &Fields) {
    for (key, value) in want {
        let have = have.get(key).unwrap_or(&Value::Null);
        diff.compare(&child(path, key), value, have, Remedy::Update);
    }
}
