//! The list of upstream collections. A new collection of a known provider is its own files and one
//! line here.

mod entry;
mod reader;

use super::account::Account;
use super::catalogue::Catalogue;
use super::collection::{Availability, Counted, Provider};
use super::request::RequestContext;
use super::{ncloud, spaceone};
use crate::api::connection::Usage;
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::finding::{Finding, Rule};
use crate::engine::location::Location;
use crate::engine::{BoundExternal, ExternalDeleter, OwnerTag, Problem, Result};
use entry::{Entry, Of};

pub use reader::{Existing, Listed, Reader};
use serde_json::{Map, Value};
use std::any::Any;
use std::collections::BTreeSet;
use std::marker::PhantomData;

/// THE list. A probe counts the collections of an account in this order.
const COLLECTIONS: &[&dyn Entry] = &[
    &Of::<ncloud::policy::Policies>(PhantomData),
    &Of::<spaceone::network_policy::NetworkPolicies>(PhantomData),
    &Of::<spaceone::policy::Policies>(PhantomData),
];

/// Returns the names of all collections, such as `ncloud/policy`.
pub fn systems() -> Vec<&'static str> {
    COLLECTIONS.iter().map(|collection| collection.system()).collect()
}

/// Returns the keys of `status.usage` under which collections are counted, such as `policies`.
pub fn count_keys() -> BTreeSet<&'static str> {
    COLLECTIONS.iter().map(|collection| collection.counted_as()).collect()
}

/// Returns the collection of a spec, and the name that only one object can have there; `None` if
/// names are not unique. `spec` is the spec of a managed kind.
#[must_use]
pub fn unique_name(spec: &dyn Any) -> Option<(&'static str, &str)> {
    let collection = described(spec)?;
    Some((collection.system(), collection.unique_name(spec)?))
}

/// What identifies the upstream object of a spec within an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The collection.
    pub system: &'static str,
    /// The path in the spec and the value of the name that only one object can have; `None` if names are not unique.
    pub name: Option<(&'static str, &'a str)>,
}

/// Returns the identity in a spec; `None` if the spec describes no object of any collection.
#[must_use]
pub fn identity(spec: &dyn Any) -> Option<Identity<'_>> {
    let collection = described(spec)?;
    let name = collection.unique_name(spec).map(|name| (collection.name_field(), name));
    Some(Identity { system: collection.system(), name })
}

/// Returns how access changes when the object of a spec appears upstream.
#[must_use]
pub fn granted(spec: &dyn Any) -> Change {
    described(spec).map_or(Change::Unknown, |collection| collection.granted(spec))
}

/// Returns how access changes when the spec `have` becomes `want`, as far as the fields of the collection tell.
#[must_use]
pub fn difference(want: &dyn Any, have: &dyn Any) -> Change {
    described(want).and_then(|collection| collection.difference(want, have)).unwrap_or(Change::Unknown)
}

/// Hands the name of the object of a spec, and what it grants, to `judge`. Does nothing if the spec describes no object of
/// any collection.
pub fn examine(spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>)) {
    if let Some(collection) = described(spec) {
        collection.examine(spec, judge);
    }
}

/// Returns the rules of `cloud-policy lint` for the objects of all collections.
#[must_use]
pub fn rules() -> Vec<&'static Rule> {
    COLLECTIONS.iter().flat_map(|collection| collection.rules()).copied().collect()
}

/// Returns the rules that the object of a spec breaks, beyond its [`problems`].
#[must_use]
pub fn lint(spec: &dyn Any, catalogue: &Catalogue) -> Vec<Finding> {
    described(spec).map(|collection| collection.lint(spec, catalogue)).unwrap_or_default()
}

/// Returns why the operator would not create the object of a spec.
#[must_use]
pub fn problems(spec: &dyn Any) -> Vec<Problem> {
    described(spec).map_or_else(|| vec![ambiguous(spec)], |collection| collection.problems(spec))
}

/// Returns the collection whose object a spec describes; `None` if it describes objects of several collections, or none.
fn described(spec: &dyn Any) -> Option<&'static dyn Entry> {
    let mut all = COLLECTIONS.iter().filter(|collection| collection.describes(spec));
    all.next().copied().filter(|_| all.next().is_none())
}

/// Binds a spec to its collection. Returns a [`Problem`] if the spec describes no object of any
/// collection, or if the connection leads to another provider.
pub fn bind(
    account: &Account,
    spec: &dyn Any,
    owner_tag: &OwnerTag,
    request_context: impl Into<RequestContext>,
) -> std::result::Result<Box<dyn BoundExternal>, Problem> {
    let Some(collection) = described(spec) else {
        return Err(ambiguous(spec));
    };
    let bound = collection.bind(account, spec, owner_tag, request_context.into());
    bound.ok_or_else(|| mismatch(account.provider(), collection))
}

/// Binds the collection in a deletion record. Returns `None` if the account has no such collection.
#[must_use]
pub fn deleter(
    account: &Account,
    system: &str,
    owner_tag: &OwnerTag,
    request_context: impl Into<RequestContext>,
) -> Option<Box<dyn ExternalDeleter>> {
    let collection = COLLECTIONS.iter().find(|collection| collection.system() == system)?;
    collection.deleter(account, owner_tag, request_context.into())
}

/// Opens the collections of an account for a complete reading, in the order of the list.
#[must_use]
pub fn readers(account: &Account, request_context: &RequestContext) -> Vec<Box<dyn Reader>> {
    COLLECTIONS.iter().filter_map(|collection| collection.reader(account, request_context.clone())).collect()
}

/// Reads an object as a request to the API of its provider declares it. `None` if no collection has this name there.
#[must_use]
pub fn declared(resource: &str, data: &Map<String, Value>) -> Option<std::result::Result<Existing, String>> {
    COLLECTIONS.iter().find_map(|collection| collection.declared(resource, data))
}

/// Returns the place of the objects of a collection, to which their ids are relative.
#[must_use]
pub fn location(account: &Account, system: &str) -> Location {
    let collection = COLLECTIONS.iter().find(|collection| collection.system() == system);
    account.location(collection.is_some_and(|collection| collection.in_repository()))
}

impl Account {
    /// Proves that the endpoint responds and accepts the credentials, and counts the objects of the
    /// account. Fails if the account offers no collection.
    pub async fn probe(&self) -> Result<Usage> {
        self.check_credentials()?;
        let (mut available, mut missing) = (Vec::new(), Vec::new());
        for counter in COLLECTIONS.iter().filter_map(|collection| collection.counter(self)) {
            match counter.prepare().await? {
                Availability::Available => available.push(counter),
                Availability::Missing(error) => missing.push(error),
            }
        }
        let (mut usage, mut offered) = (Usage::default(), false);
        for counter in available {
            match counter.count().await? {
                Counted::Count { count, limit } => {
                    offered = true;
                    usage.set(counter.counted_as(), count, limit);
                }
                Counted::Missing(error) => missing.push(error),
            }
        }
        match missing.into_iter().next() {
            Some(error) if !offered => Err(error),
            _ => Ok(usage),
        }
    }
}

/// Returns the problem of a spec that describes objects of several collections, or of none.
fn ambiguous(spec: &dyn Any) -> Problem {
    let own = COLLECTIONS.iter().filter(|collection| collection.kind_spec() == spec.type_id());
    let fields: BTreeSet<_> = own.map(|collection| collection.field()).collect();
    let message = format!("must set exactly one of {}", fields.into_iter().collect::<Vec<_>>().join(" and "));
    Problem { field: "spec".to_owned(), message }
}

/// Returns the problem of a spec that names a connection to another provider.
fn mismatch(account: &Provider, described: &dyn Entry) -> Problem {
    let leads = account.name;
    let speaks = format!("{} (spec.{})", described.provider().name, described.field());
    let message =
        format!("names a connection to {leads}, and the object is one of {speaks}: name a connection to {speaks}");
    Problem { field: "spec.connectionRef".to_owned(), message }
}

#[cfg(test)]
mod tests;
