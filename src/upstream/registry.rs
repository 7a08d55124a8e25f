//! The only list of upstream collections: from a spec, or from a deletion record, to a bound object.

use super::account::{Account, Upstream};
use super::{Errand, ncloud, ncloud_policy, spaceone_network_policy, spaceone_policy};
use crate::api::{NetworkPolicySpec, PolicySpec};
use crate::engine::{Bound, External, Leftover, Problem, Remnant, Stamp, Subject};
use std::sync::Arc;

/// What is wanted, of whichever kind.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// A `Policy`.
    Policy(&'a PolicySpec),
    /// A `NetworkPolicy`.
    NetworkPolicy(&'a NetworkPolicySpec),
}

impl<'a> Wanted<'a> {
    /// The collection and the name that only one object may have there; `None` where names mean nothing.
    #[must_use]
    pub fn exclusive_name(self) -> Option<(&'static str, &'a str)> {
        match self {
            Self::Policy(PolicySpec { ncloud: Some(spec), spaceone: None, .. }) => {
                Some((ncloud::SYSTEM, &spec.policy_name))
            }
            Self::Policy(PolicySpec { ncloud: None, spaceone: Some(spec), .. }) => {
                Some((spaceone_policy::SYSTEM, &spec.policy_id))
            }
            Self::Policy(_) | Self::NetworkPolicy(_) => None,
        }
    }
}

/// The names of all collections.
pub const SYSTEMS: [&str; 3] = [ncloud::SYSTEM, spaceone_policy::SYSTEM, spaceone_network_policy::SYSTEM];

/// Binds what is wanted to the collection that should hold it. A [`Problem`] when the connection
/// leads to another upstream than the spec speaks of.
pub fn bind(
    account: &Account,
    wanted: Wanted<'_>,
    stamp: &Stamp,
    errand: impl Into<Errand>,
) -> Result<Box<dyn Subject>, Problem> {
    let sweeps = account.sweeps();
    match (wanted, account.upstream()) {
        (Wanted::Policy(PolicySpec { ncloud: Some(spec), spaceone: None, .. }), Upstream::Ncloud(api)) => {
            let document = ncloud_policy::PolicyDocument(spec.clone());
            Ok(bound(ncloud_policy::Policies(Arc::new(api.on(errand)), Arc::clone(&sweeps.ncloud)), document, stamp))
        }
        (Wanted::Policy(PolicySpec { ncloud: None, spaceone: Some(spec), .. }), Upstream::Spaceone(api)) => {
            let document = spaceone_policy::PolicyDocument(spec.clone());
            Ok(bound(
                spaceone_policy::Policies(Arc::new(api.on(errand)), Arc::clone(&sweeps.spaceone)),
                document,
                stamp,
            ))
        }
        (Wanted::NetworkPolicy(NetworkPolicySpec { spaceone: spec, .. }), Upstream::Spaceone(api)) => {
            let document = spaceone_network_policy::NetworkPolicyDocument::from(spec.clone());
            Ok(bound(
                spaceone_network_policy::NetworkPolicies(
                    Arc::new(api.on(errand)),
                    Arc::clone(&sweeps.spaceone_network),
                ),
                document,
                stamp,
            ))
        }
        (Wanted::Policy(_) | Wanted::NetworkPolicy(_), upstream) => Err(mismatch(wanted, upstream)),
    }
}

/// Binds what is left to delete to the collection that a deletion record names. `None` when the
/// connection does not hold that collection.
#[must_use]
pub fn remnant(account: &Account, system: &str, stamp: &Stamp, errand: impl Into<Errand>) -> Option<Box<dyn Remnant>> {
    let sweeps = account.sweeps();
    match (system, account.upstream()) {
        (ncloud::SYSTEM, Upstream::Ncloud(api)) => {
            Some(leftover(ncloud_policy::Policies(Arc::new(api.on(errand)), Arc::clone(&sweeps.ncloud)), stamp))
        }
        (spaceone_policy::SYSTEM, Upstream::Spaceone(api)) => {
            Some(leftover(spaceone_policy::Policies(Arc::new(api.on(errand)), Arc::clone(&sweeps.spaceone)), stamp))
        }
        (spaceone_network_policy::SYSTEM, Upstream::Spaceone(api)) => Some(leftover(
            spaceone_network_policy::NetworkPolicies(Arc::new(api.on(errand)), Arc::clone(&sweeps.spaceone_network)),
            stamp,
        )),
        _ => None,
    }
}

fn bound<E: External>(external: E, wanted: E::Document, stamp: &Stamp) -> Box<dyn Subject> {
    Box::new(Bound::new(Arc::new(external), wanted, stamp.clone()))
}

fn leftover<E: External>(external: E, stamp: &Stamp) -> Box<dyn Remnant> {
    Box::new(Leftover::new(Arc::new(external), stamp.clone()))
}

fn mismatch(wanted: Wanted<'_>, upstream: &Upstream) -> Problem {
    let leads = match upstream {
        Upstream::Ncloud(_) => "NAVER Cloud",
        Upstream::Spaceone(_) => "SpaceONE",
    };
    let speaks = match wanted {
        Wanted::Policy(PolicySpec { ncloud: Some(_), spaceone: None, .. }) => "NAVER Cloud (spec.ncloud)",
        Wanted::Policy(PolicySpec { ncloud: None, spaceone: Some(_), .. }) | Wanted::NetworkPolicy(_) => {
            "SpaceONE (spec.spaceone)"
        }
        Wanted::Policy(_) => {
            let message = "must set exactly one of ncloud and spaceone".to_owned();
            return Problem { field: "spec".to_owned(), message };
        }
    };
    let message = format!(
        "names a connection to {leads}, and the object is one of {speaks}: delete this object and create it with a connection to {speaks}"
    );
    Problem { field: "spec.connectionRef".to_owned(), message }
}
