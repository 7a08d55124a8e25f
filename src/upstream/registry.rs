//! The list of upstream collections. A new collection of a known provider is its own files and one
//! line here.

use super::account::Account;
use super::collection::{Availability, Collection, Counted, Provider, ProviderClient as _};
use super::request::{Priority, RequestContext};
use super::{ncloud, spaceone};
use crate::api::connection::Usage;
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::location::Location;
use crate::engine::{Binding, BoundExternal, Deleter, Document as _, ExternalDeleter, OwnerTag, Problem, Result};
use futures::future::BoxFuture;
use std::any::{Any, TypeId};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

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

/// Hands the name of the object of a spec, and what it grants, to `judge`. Does nothing if the spec describes no object of
/// any collection.
pub fn examine(spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>)) {
    if let Some(collection) = described(spec) {
        collection.examine(spec, judge);
    }
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

/// A [`Collection`] with its type erased.
trait Entry: Sync {
    fn system(&self) -> &'static str;
    fn provider(&self) -> &'static Provider;
    fn counted_as(&self) -> &'static str;
    fn in_repository(&self) -> bool;
    fn field(&self) -> &'static str;
    /// Returns the type of the spec of its kind.
    fn kind_spec(&self) -> TypeId;
    /// Reports whether the spec describes an object of the collection.
    fn describes(&self, spec: &dyn Any) -> bool;
    fn name_field(&self) -> &'static str;
    fn unique_name<'a>(&self, spec: &'a dyn Any) -> Option<&'a str>;
    fn granted(&self, spec: &dyn Any) -> Change;
    fn examine(&self, spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>));
    /// Binds the spec; `None` if the account or the spec is of another collection.
    fn bind(
        &self,
        account: &Account,
        spec: &dyn Any,
        owner_tag: &OwnerTag,
        request_context: RequestContext,
    ) -> Option<Box<dyn BoundExternal>>;
    /// Binds the owner tag; `None` if the account is of another provider.
    fn deleter(
        &self,
        account: &Account,
        owner_tag: &OwnerTag,
        request_context: RequestContext,
    ) -> Option<Box<dyn ExternalDeleter>>;
    /// Opens the collection for a probe; `None` if the account is of another provider.
    fn counter(&self, account: &Account) -> Option<Box<dyn Counter>>;
}

/// Counts one collection of an account.
trait Counter: Send + Sync {
    fn counted_as(&self) -> &'static str;
    fn prepare(&self) -> BoxFuture<'_, Result<Availability>>;
    fn count(&self) -> BoxFuture<'_, Result<Counted>>;
}

/// The entry of one collection.
struct Of<C>(PhantomData<fn() -> C>);

/// An open collection.
struct Open<C>(C);

fn open<C: Collection>(account: &Account, request_context: RequestContext) -> Option<C> {
    Some(C::open(account.client::<C::Client>()?.with(request_context)))
}

/// Returns the part of a spec that describes an object of the collection.
fn part<C: Collection>(spec: &dyn Any) -> Option<&C::Spec> {
    C::spec(spec.downcast_ref()?)
}

impl<C: Collection> Entry for Of<C> {
    fn system(&self) -> &'static str {
        C::SYSTEM
    }
    fn provider(&self) -> &'static Provider {
        C::PROVIDER
    }
    fn counted_as(&self) -> &'static str {
        C::COUNTED_AS
    }
    fn in_repository(&self) -> bool {
        C::IN_REPOSITORY
    }
    fn field(&self) -> &'static str {
        C::FIELD
    }
    fn kind_spec(&self) -> TypeId {
        TypeId::of::<C::KindSpec>()
    }
    fn describes(&self, spec: &dyn Any) -> bool {
        part::<C>(spec).is_some()
    }
    fn name_field(&self) -> &'static str {
        C::NAME_FIELD
    }
    fn unique_name<'a>(&self, spec: &'a dyn Any) -> Option<&'a str> {
        C::unique_name(part::<C>(spec)?)
    }
    fn granted(&self, spec: &dyn Any) -> Change {
        part::<C>(spec).map_or(Change::Unknown, |spec| C::document(spec).granted())
    }
    fn examine(&self, spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>)) {
        if let Some(document) = part::<C>(spec).map(C::document) {
            judge(&document.key(), &document.grants());
        }
    }
    fn bind(
        &self,
        account: &Account,
        spec: &dyn Any,
        owner_tag: &OwnerTag,
        request_context: RequestContext,
    ) -> Option<Box<dyn BoundExternal>> {
        let (collection, wanted) = (open::<C>(account, request_context)?, C::document(part::<C>(spec)?));
        let snapshots = account.snapshot_caches().of::<C>();
        Some(Box::new(Binding::new(collection, snapshots, wanted, owner_tag.clone())))
    }
    fn deleter(
        &self,
        account: &Account,
        owner_tag: &OwnerTag,
        request_context: RequestContext,
    ) -> Option<Box<dyn ExternalDeleter>> {
        let (collection, snapshots) = (open::<C>(account, request_context)?, account.snapshot_caches().of::<C>());
        Some(Box::new(Deleter::new(Arc::new(collection), snapshots, owner_tag.clone())))
    }
    fn counter(&self, account: &Account) -> Option<Box<dyn Counter>> {
        Some(Box::new(Open(open::<C>(account, Priority::Probe.into())?)))
    }
}

impl<C: Collection> Counter for Open<C> {
    fn counted_as(&self) -> &'static str {
        C::COUNTED_AS
    }
    fn prepare(&self) -> BoxFuture<'_, Result<Availability>> {
        Box::pin(self.0.prepare_count())
    }
    fn count(&self) -> BoxFuture<'_, Result<Counted>> {
        Box::pin(self.0.count())
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
