//! What the policy kinds have in common, so that they are reconciled by one piece of code.

use crate::api::ConnectionKey;
use crate::api::shared::CommonSpec;
use crate::api::status::{CommonStatus, ValidationResult};
use crate::api::{NetworkPolicy, NetworkPolicyStatus, Policy, PolicyStatus, RECONCILE_REQUESTED_AT};
use crate::controller::state::stores::{StoreOf, Stores};
use crate::engine::Details;
use k8s_openapi::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::fmt::Debug;

/// What status shows of an object, before it takes the shape of its kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The part that every kind shares.
    pub common: CommonStatus,
    /// What the upstream says of the object; its id stands in `common.upstream` or in `seen_id`.
    pub details: Details,
    /// The id to show when the object is only observed.
    pub seen_id: Option<String>,
    /// The upstream's verdict.
    pub verdict: Option<ValidationResult>,
}

/// A kind whose objects live upstream.
pub trait Managed:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + ResourceExt
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The kind's name, for logs and metrics.
    const KIND: &'static str;
    /// The name of its CRD.
    const CRD: &'static str;
    /// The status of the kind.
    type Status: Serialize + Debug + PartialEq + Send + Sync;

    /// The shared part of the spec.
    fn common(&self) -> &CommonSpec;
    /// Returns the spec, from which the registry of upstream collections finds the one that it describes.
    fn desired(&self) -> &dyn Any;
    /// What status says now.
    fn report(&self) -> Report;
    /// The status that says so.
    fn status(report: &Report) -> Self::Status;
    /// The stores of the kind.
    fn stores(all: &Stores) -> &[StoreOf<Self>];

    /// The connection that the object names.
    fn connection(&self) -> ConnectionKey {
        ConnectionKey::of(&self.common().connection_ref, &self.namespace().unwrap_or_default())
    }

    /// Whether somebody asks, by annotation, for a reconcile that this status does not know of.
    fn reconcile_requested(&self, status: &CommonStatus) -> bool {
        let found_tag = self.annotations().get(RECONCILE_REQUESTED_AT);
        found_tag.is_some_and(|found_tag| status.last_handled_reconcile_at.as_ref() != Some(found_tag))
    }

    /// Whether the spec is another than the one that this status speaks of.
    fn spec_changed(&self, status: &CommonStatus) -> bool {
        self.meta().generation != Some(status.observed_generation)
    }

    /// Whether this annotation says yes.
    fn has_annotation(&self, annotation: &str) -> bool {
        self.annotations().get(annotation).is_some_and(|value| value == "true")
    }
}

fn shown_id(report: &Report) -> Option<String> {
    let recorded = report.common.upstream.as_ref().and_then(|u| u.id.clone());
    recorded.or_else(|| report.seen_id.clone())
}

impl Managed for Policy {
    const KIND: &'static str = "Policy";
    const CRD: &'static str = "policies.cloudpolicy.dev";
    type Status = PolicyStatus;

    fn stores(all: &Stores) -> &[StoreOf<Self>] {
        &all.policies
    }

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn desired(&self) -> &dyn Any {
        &self.spec
    }

    fn report(&self) -> Report {
        let Some(PolicyStatus { common, policy_id, validation_result, details }) = self.status.clone() else {
            return unseen();
        };
        Report { common, details: Details::of(&details), seen_id: policy_id, verdict: validation_result }
    }

    fn status(report: &Report) -> PolicyStatus {
        PolicyStatus {
            common: report.common.clone(),
            policy_id: shown_id(report),
            validation_result: report.verdict.clone(),
            details: report.details.read(),
        }
    }
}

impl Managed for NetworkPolicy {
    const KIND: &'static str = "NetworkPolicy";
    const CRD: &'static str = "networkpolicies.cloudpolicy.dev";
    type Status = NetworkPolicyStatus;

    fn stores(all: &Stores) -> &[StoreOf<Self>] {
        &all.network_policies
    }

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn desired(&self) -> &dyn Any {
        &self.spec
    }

    fn report(&self) -> Report {
        let Some(NetworkPolicyStatus { common, network_policy_id, details }) = self.status.clone() else {
            return unseen();
        };
        Report { common, details: Details::of(&details), seen_id: network_policy_id, verdict: None }
    }

    fn status(report: &Report) -> NetworkPolicyStatus {
        NetworkPolicyStatus {
            common: report.common.clone(),
            network_policy_id: shown_id(report),
            details: report.details.read(),
        }
    }
}

fn unseen() -> Report {
    let common = CommonStatus { observed_generation: crate::api::status::unseen(), ..CommonStatus::default() };
    Report { common, ..Report::default() }
}
