//! The only list of upstream collections: from a spec, or from a deletion record, to a bound object.

use super::RequestContext;
use super::account::{Account, Upstream};
use super::{ncloud, spaceone};
use crate::api::{NetworkPolicySpec, PolicySpec};
use crate::engine::{Binding, BoundExternal, Deleter, External, ExternalDeleter, OwnerTag, Problem};
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
    pub fn unique_name(self) -> Option<(&'static str, &'a str)> {
        match self {
            Self::Policy(PolicySpec { ncloud: Some(spec), spaceone: None, .. }) => {
                Some((ncloud::client::SYSTEM, &spec.policy_name))
            }
            Self::Policy(PolicySpec { ncloud: None, spaceone: Some(spec), .. }) => {
                Some((spaceone::policy::SYSTEM, &spec.policy_id))
            }
            Self::Policy(_) | Self::NetworkPolicy(_) => None,
        }
    }
}

/// The names of all collections.
pub const SYSTEMS: [&str; 3] = [ncloud::client::SYSTEM, spaceone::policy::SYSTEM, spaceone::network_policy::SYSTEM];

/// Binds what is wanted to the collection that should hold it. A [`Problem`] when the connection
/// leads to another upstream than the spec speaks of.
pub fn bind(
    account: &Account,
    wanted: Wanted<'_>,
    owner_tag: &OwnerTag,
    request_context: impl Into<RequestContext>,
) -> Result<Box<dyn BoundExternal>, Problem> {
    let snapshot_caches = account.snapshot_caches();
    match (wanted, account.upstream()) {
        (Wanted::Policy(PolicySpec { ncloud: Some(spec), spaceone: None, .. }), Upstream::Ncloud(api)) => {
            let document = ncloud::policy::PolicyDocument(spec.clone());
            Ok(bound(
                ncloud::policy::Policies(Arc::new(api.on(request_context)), Arc::clone(&snapshot_caches.ncloud)),
                document,
                owner_tag,
            ))
        }
        (Wanted::Policy(PolicySpec { ncloud: None, spaceone: Some(spec), .. }), Upstream::Spaceone(api)) => {
            let document = spaceone::policy::PolicyDocument(spec.clone());
            Ok(bound(
                spaceone::policy::Policies(Arc::new(api.on(request_context)), Arc::clone(&snapshot_caches.spaceone)),
                document,
                owner_tag,
            ))
        }
        (Wanted::NetworkPolicy(NetworkPolicySpec { spaceone: spec, .. }), Upstream::Spaceone(api)) => {
            let document = spaceone::network_policy::NetworkPolicyDocument::from(spec.clone());
            Ok(bound(
                spaceone::network_policy::NetworkPolicies(
                    Arc::new(api.on(request_context)),
                    Arc::clone(&snapshot_caches.spaceone_network),
                ),
                document,
                owner_tag,
            ))
        }
        (Wanted::Policy(_) | Wanted::NetworkPolicy(_), upstream) => Err(mismatch(wanted, upstream)),
    }
}

/// Binds what is left to delete to the collection that a deletion record names. `None` when the
/// connection does not hold that collection.
#[must_use]
pub fn deleter(
    account: &Account,
    system: &str,
    owner_tag: &OwnerTag,
    request_context: impl Into<RequestContext>,
) -> Option<Box<dyn ExternalDeleter>> {
    let snapshot_caches = account.snapshot_caches();
    match (system, account.upstream()) {
        (ncloud::client::SYSTEM, Upstream::Ncloud(api)) => Some(deleter_of(
            ncloud::policy::Policies(Arc::new(api.on(request_context)), Arc::clone(&snapshot_caches.ncloud)),
            owner_tag,
        )),
        (spaceone::policy::SYSTEM, Upstream::Spaceone(api)) => Some(deleter_of(
            spaceone::policy::Policies(Arc::new(api.on(request_context)), Arc::clone(&snapshot_caches.spaceone)),
            owner_tag,
        )),
        (spaceone::network_policy::SYSTEM, Upstream::Spaceone(api)) => Some(deleter_of(
            spaceone::network_policy::NetworkPolicies(
                Arc::new(api.on(request_context)),
                Arc::clone(&snapshot_caches.spaceone_network),
            ),
            owner_tag,
        )),
        _ => None,
    }
}

fn bound<E: External>(external: E, wanted: E::Document, owner_tag: &OwnerTag) -> Box<dyn BoundExternal> {
    Box::new(Binding::new(Arc::new(external), wanted, owner_tag.clone()))
}

fn deleter_of<E: External>(external: E, owner_tag: &OwnerTag) -> Box<dyn ExternalDeleter> {
    Box::new(Deleter::new(Arc::new(external), owner_tag.clone()))
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
