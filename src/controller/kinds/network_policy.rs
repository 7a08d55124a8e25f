//! Reconciles `NetworkPolicy` as a managed kind.

use super::managed::{Managed, StatusDraft};
use crate::api::shared::CommonSpec;
use crate::api::status::CommonStatus;
use crate::api::{NetworkPolicy, NetworkPolicyStatus};
use crate::engine::Details;
use std::any::Any;

impl Managed for NetworkPolicy {
    const KIND: &'static str = "NetworkPolicy";
    const CRD: &'static str = "networkpolicies.cloudpolicy.dev";
    type Status = NetworkPolicyStatus;

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn desired(&self) -> &dyn Any {
        &self.spec
    }

    fn status_draft(&self) -> StatusDraft {
        let Some(status) = self.status.clone() else {
            return StatusDraft::unobserved();
        };
        let NetworkPolicyStatus { common, network_policy_id, declared_data_keys, details } = status;
        let (details, observed_id) = (Details::of(&details), network_policy_id);
        StatusDraft { common, details, observed_id, once_declared: declared_data_keys, ..StatusDraft::default() }
    }

    fn saved_common(&self) -> Option<&CommonStatus> {
        self.status.as_ref().map(|status| &status.common)
    }

    fn status(draft: &StatusDraft) -> NetworkPolicyStatus {
        NetworkPolicyStatus {
            common: draft.common.clone(),
            network_policy_id: draft.id(),
            declared_data_keys: draft.once_declared.clone(),
            details: draft.details.read(),
        }
    }
}
