//! Reconciles `NetworkPolicy` as a managed kind.

use super::managed::{Managed, Report};
use crate::api::shared::CommonSpec;
use crate::api::{NetworkPolicy, NetworkPolicyStatus};
use crate::engine::Details;
use crate::upstream::registry::Wanted;

impl Managed for NetworkPolicy {
    const KIND: &'static str = "NetworkPolicy";
    const CRD: &'static str = "networkpolicies.cloudpolicy.dev";
    type Status = NetworkPolicyStatus;

    fn common(&self) -> &CommonSpec {
        &self.spec.common
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted::NetworkPolicy(&self.spec)
    }

    fn report(&self) -> Report {
        let Some(NetworkPolicyStatus { common, network_policy_id, region_info, zone_info, created_at }) =
            self.status.clone()
        else {
            return Report::unobserved();
        };
        Report {
            common,
            details: Details { region_info, zone_info, created_at, ..Details::default() },
            observed_id: network_policy_id,
            verdict: None,
        }
    }

    fn status(report: &Report) -> NetworkPolicyStatus {
        let Details { nrn: _, state: _, repository_info: _, region_info, zone_info, created_at, updated_at: _ } =
            report.details.clone();
        NetworkPolicyStatus {
            common: report.common.clone(),
            network_policy_id: report.id(),
            region_info,
            zone_info,
            created_at,
        }
    }
}
