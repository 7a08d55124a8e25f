//! Reconciles `Policy` as a managed kind.

use super::managed::{Managed, Report};
use crate::api::shared::CommonSpec;
use crate::api::{Policy, PolicyStatus};
use crate::engine::Details;
use crate::upstream::registry::Wanted;

impl Managed for Policy {
    const KIND: &'static str = "Policy";
    const CRD: &'static str = "policies.cloudpolicy.dev";
    type Status = PolicyStatus;

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted::Policy(&self.spec)
    }

    fn report(&self) -> Report {
        let Some(PolicyStatus {
            common,
            policy_id,
            validation_result,
            nrn,
            state,
            repository_info,
            created_at,
            updated_at,
        }) = self.status.clone()
        else {
            return Report::unobserved();
        };
        Report {
            common,
            details: Details { nrn, state, repository_info, created_at, updated_at, ..Details::default() },
            observed_id: policy_id,
            verdict: validation_result,
        }
    }

    fn status(report: &Report) -> PolicyStatus {
        let Details { nrn, state, repository_info, region_info: _, zone_info: _, created_at, updated_at } =
            report.details.clone();
        PolicyStatus {
            common: report.common.clone(),
            policy_id: report.id(),
            validation_result: report.verdict.clone(),
            nrn,
            state,
            repository_info,
            created_at,
            updated_at,
        }
    }
}
