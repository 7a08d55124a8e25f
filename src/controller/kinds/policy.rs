//! Reconciles `Policy` as a managed kind.

use super::managed::{Managed, StatusDraft};
use crate::api::shared::CommonSpec;
use crate::api::status::CommonStatus;
use crate::api::{Policy, PolicyStatus};
use crate::engine::Details;
use std::any::Any;

impl Managed for Policy {
    const KIND: &'static str = "Policy";
    const CRD: &'static str = "policies.cloudpolicy.dev";
    type Status = PolicyStatus;

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn desired(&self) -> &dyn Any {
        &self.spec
    }

    fn status_draft(&self) -> StatusDraft {
        let Some(PolicyStatus {
            common,
            policy_id,
            validation_result,
            narrowing,
            attached_to,
            pending_change,
            details,
        }) = self.status.clone()
        else {
            return StatusDraft::unobserved();
        };
        let (details, verdict) = (Details::of(&details), validation_result);
        StatusDraft {
            common,
            details,
            observed_id: policy_id,
            verdict,
            narrowing,
            attached_to,
            pending_change,
            ..StatusDraft::default()
        }
    }

    fn saved_common(&self) -> Option<&CommonStatus> {
        self.status.as_ref().map(|status| &status.common)
    }

    fn status(draft: &StatusDraft) -> PolicyStatus {
        PolicyStatus {
            common: draft.common.clone(),
            policy_id: draft.id(),
            validation_result: draft.verdict.clone(),
            narrowing: draft.narrowing.clone(),
            attached_to: draft.attached_to.clone(),
            pending_change: draft.pending_change.clone(),
            details: draft.details.read(),
        }
    }
}
