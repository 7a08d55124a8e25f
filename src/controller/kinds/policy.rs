//! Reconciles `Policy` as a managed kind.

use super::managed::{Managed, Report};
use crate::api::shared::CommonSpec;
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

    fn report(&self) -> Report {
        let Some(PolicyStatus { common, policy_id, validation_result, details }) = self.status.clone() else {
            return Report::unobserved();
        };
        Report { common, details: Details::of(&details), observed_id: policy_id, verdict: validation_result }
    }

    fn status(report: &Report) -> PolicyStatus {
        PolicyStatus {
            common: report.common.clone(),
            policy_id: report.id(),
            validation_result: report.verdict.clone(),
            details: report.details.read(),
        }
    }
}
