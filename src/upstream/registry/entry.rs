//! An entry of the registry: a collection with its type erased.

use super::reader::{self, Existing, Reader};
use crate::engine::access::Change;
use crate::engine::access::guardrails::Grants;
use crate::engine::finding::{Finding, Rule};
use crate::engine::{Binding, BoundExternal, Deleter, Document as _, ExternalDeleter, OwnerTag, Problem, Result};
use crate::upstream::account::Account;
use crate::upstream::catalogue::Catalogue;
use crate::upstream::collection::{Availability, Collection, Counted, Provider, ProviderClient as _};
use crate::upstream::request::{Priority, RequestContext};
use futures::future::BoxFuture;
use serde_json::{Map, Value};
use std::any::{Any, TypeId};
use std::marker::PhantomData;
use std::sync::Arc;

/// A [`Collection`] with its type erased.
pub(super) trait Entry: Sync {
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
    /// Returns how access changes from `have` to `want`; `None` if one of them is of another collection.
    fn difference(&self, want: &dyn Any, have: &dyn Any) -> Option<Change>;
    fn examine(&self, spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>));
    /// Returns the rules of its manifests.
    fn rules(&self) -> &'static [&'static Rule];
    /// Returns the rules that the spec breaks.
    fn lint(&self, spec: &dyn Any, catalogue: &Catalogue) -> Vec<Finding>;
    /// Returns why the operator would not create the object.
    fn problems(&self, spec: &dyn Any) -> Vec<Problem>;
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
    /// Reads an object as a request declares it: [`Collection::declared`].
    fn declared(&self, resource: &str, data: &Map<String, Value>) -> Option<std::result::Result<Existing, String>>;
    /// Opens the collection for a complete reading; `None` if the account is of another provider.
    fn reader(&self, account: &Account, request_context: RequestContext) -> Option<Box<dyn Reader>>;
    /// Opens the collection for a probe; `None` if the account is of another provider.
    fn counter(&self, account: &Account) -> Option<Box<dyn Counter>>;
}

/// Counts one collection of an account.
pub(super) trait Counter: Send + Sync {
    fn counted_as(&self) -> &'static str;
    fn prepare(&self) -> BoxFuture<'_, Result<Availability>>;
    fn count(&self) -> BoxFuture<'_, Result<Counted>>;
}

/// The entry of one collection.
pub(super) struct Of<C>(pub(super) PhantomData<fn() -> C>);

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
    fn difference(&self, want: &dyn Any, have: &dyn Any) -> Option<Change> {
        let (want, have) = (C::document(part::<C>(want)?), C::document(part::<C>(have)?));
        // The diff says what the observed object grants beyond the desired one.
        Some(want.diff(&have).access.reversed())
    }
    fn examine(&self, spec: &dyn Any, judge: &mut dyn FnMut(&str, &Grants<'_>)) {
        if let Some(document) = part::<C>(spec).map(C::document) {
            judge(&document.key(), &document.grants());
        }
    }
    fn rules(&self) -> &'static [&'static Rule] {
        C::RULES
    }
    fn lint(&self, spec: &dyn Any, catalogue: &Catalogue) -> Vec<Finding> {
        part::<C>(spec).map(|spec| C::lint(spec, catalogue)).unwrap_or_default()
    }
    fn problems(&self, spec: &dyn Any) -> Vec<Problem> {
        let Some(document) = part::<C>(spec).map(C::document) else { return Vec::new() };
        document.validate().into_iter().chain(document.validate_new()).collect()
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
    fn declared(&self, resource: &str, data: &Map<String, Value>) -> Option<std::result::Result<Existing, String>> {
        Some(C::declared(resource, data)?.map(|observed| reader::existing::<C>(&observed)))
    }
    fn reader(&self, account: &Account, request_context: RequestContext) -> Option<Box<dyn Reader>> {
        let client = account.client::<C::Client>()?.with(request_context.clone());
        Some(reader::of(move || C::open(client.with(request_context.clone()))))
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
