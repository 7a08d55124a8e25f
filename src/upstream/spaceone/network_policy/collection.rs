//! The entry of the registry.

use super::document::NetworkPolicyDocument;
use super::received::ReceivedNetworkPolicy;
use super::{NETWORK_POLICY, NetworkPolicies, lint, minimal};
use crate::api::NetworkPolicySpec;
use crate::api::network_policy::SpaceoneNetworkPolicySpec;
use crate::engine::finding::{Finding, Rule};
use crate::engine::{Observed, Problem, Result};
use crate::upstream::catalogue::Catalogue;
use crate::upstream::collection::{Collection, Counted, Provider};
use crate::upstream::spaceone::PROVIDER;
use crate::upstream::spaceone::client::{Fields, Spaceone};
use crate::upstream::spaceone::listing::strict;
use std::sync::Mutex;

impl Collection for NetworkPolicies {
    const PROVIDER: &'static Provider = PROVIDER;
    const FIELD: &'static str = "spaceone";
    const COUNTED_AS: &'static str = "networkPolicies";
    const RULES: &'static [&'static Rule] = &lint::RULES;

    type Client = Spaceone;
    type KindSpec = NetworkPolicySpec;
    type Spec = SpaceoneNetworkPolicySpec;

    fn spec(desired: &NetworkPolicySpec) -> Option<&SpaceoneNetworkPolicySpec> {
        Some(&desired.spaceone)
    }

    fn document(spec: &SpaceoneNetworkPolicySpec) -> NetworkPolicyDocument {
        NetworkPolicyDocument::from(spec.clone())
    }

    fn lint(spec: &SpaceoneNetworkPolicySpec, _: &Catalogue) -> Vec<Finding> {
        lint::of(spec)
    }

    fn minimal(observed: &NetworkPolicyDocument) -> SpaceoneNetworkPolicySpec {
        minimal::of(observed)
    }

    fn untaggable(observed: &NetworkPolicyDocument) -> Option<Problem> {
        let pinned = observed.spec.pinned_keys.iter().flatten().any(|key| key == "tags");
        let message = "pins the tags, so the operator could not write its owner tag: unpin them upstream".to_owned();
        pinned.then(|| Problem { field: "spec.spaceone.pinnedKeys".to_owned(), message })
    }

    fn declared(resource: &str, data: &Fields) -> Option<std::result::Result<Observed<NetworkPolicyDocument>, String>> {
        (resource == NETWORK_POLICY.type_name()).then(|| ReceivedNetworkPolicy::declared(data))
    }

    async fn list_strictly(&self) -> Result<Vec<Observed<NetworkPolicyDocument>>> {
        let take = strict(NETWORK_POLICY, ReceivedNetworkPolicy::observed);
        self.client.search(NETWORK_POLICY, &Fields::new(), take).await
    }

    fn open(client: Spaceone) -> Self {
        Self { client, observed: Mutex::default() }
    }

    /// Counts. A domain may use the repository without the inventory, so an error means that the
    /// collection is missing.
    async fn count(&self) -> Result<Counted> {
        Ok(match self.client.count(NETWORK_POLICY).await {
            Ok(count) => Counted::Count { count: Some(count), limit: None },
            Err(error) => Counted::Missing(error),
        })
    }
}
