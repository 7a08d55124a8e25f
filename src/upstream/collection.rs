//! The contract between the registry and a collection, and between an account and a provider's client.

use super::catalogue::Catalogue;
use super::http::Http;
use super::request::RequestContext;
use crate::engine::finding::{Finding, Rule};
use crate::engine::{External, Observed, Problem, Result, UpstreamError};
use serde::Serialize;
use serde_json::{Map, Value};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// A provider of upstream collections.
#[derive(Debug)]
pub(crate) struct Provider {
    /// Its name in messages.
    pub(crate) name: &'static str,
}

/// The client of a provider's API, for one account. Clones share the limits of the account.
pub(crate) trait ProviderClient: Any + Send + Sync {
    /// Returns the provider.
    fn provider(&self) -> &'static Provider;

    /// Returns the HTTP client.
    fn http(&self) -> &Http;

    /// Returns the id of the account behind the credentials; `None` while no response has shown it.
    fn account_id(&self) -> Option<String>;

    /// Takes the id of the account from an earlier run, which used the same credentials.
    fn assume_account_id(&self, _id: &str) {}

    /// Returns the repository that the connection names.
    fn repository_id(&self) -> Option<String> {
        None
    }

    /// Checks the credentials as far as no request is needed.
    fn check_credentials(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the same client for requests with this context.
    fn with(&self, request_context: RequestContext) -> Self
    where
        Self: Sized;
}

/// What the collections of an account remember between requests. Each one keeps values of its own types, so the client
/// of the provider needs to know none of them. Clones share the values.
#[derive(Clone, Default)]
pub(crate) struct CollectionState(Arc<Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl CollectionState {
    /// Returns the value of a type, and creates it at the first call.
    pub(crate) fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(values.entry(TypeId::of::<T>()).or_insert_with(|| Arc::<T>::default()));
        // The value of a type id always has that type.
        value.downcast().unwrap_or_default()
    }
}

/// One entry of the registry: a collection that describes itself.
pub(crate) trait Collection: External {
    /// The provider.
    const PROVIDER: &'static Provider;

    /// The field of the kind's spec that describes one of its objects, such as `ncloud`.
    const FIELD: &'static str;

    /// The key of its count in `status.usage` of a connection, in camel case.
    const COUNTED_AS: &'static str;

    /// Whether its objects are in a repository, so that their ids are relative to it.
    const IN_REPOSITORY: bool = false;

    /// The path in the spec of the name that [`Self::unique_name`] returns.
    const NAME_FIELD: &'static str = "spec";

    /// The rules of `cloud-policy lint` for its objects.
    const RULES: &'static [&'static Rule];

    /// The client of the provider.
    type Client: ProviderClient;

    /// The spec of the kind whose objects it holds.
    type KindSpec: Any;

    /// The part of that spec that describes one of its objects.
    type Spec: Serialize;

    /// Returns the field [`Self::FIELD`] of the spec; `None` if it is not set. The other collections of the kind do not
    /// matter here: the registry refuses a spec with several.
    fn spec(desired: &Self::KindSpec) -> Option<&Self::Spec>;

    /// Converts the spec to the canonical form.
    fn document(spec: &Self::Spec) -> Self::Document;

    /// Returns the name that only one object of the collection can have; `None` if names are not unique.
    fn unique_name(_spec: &Self::Spec) -> Option<&str> {
        None
    }

    /// Returns the rules of [`Self::RULES`] that a spec breaks.
    fn lint(spec: &Self::Spec, catalogue: &Catalogue) -> Vec<Finding>;

    /// Returns the smallest spec that equals an observed object: without fields that are empty, and in an order that does
    /// not depend on the order in which the upstream shows it.
    fn minimal(observed: &Self::Document) -> Self::Spec;

    /// Returns why the operator could not write its owner tag to an observed object.
    fn untaggable(_observed: &Self::Document) -> Option<Problem> {
        None
    }

    /// Reads an object as a request to the provider's API declares it: `resource` is the name of the collection there, such
    /// as `repository.Policy`. `None` if it is another one, or if the provider has no such names.
    fn declared(
        _resource: &str,
        _data: &Map<String, Value>,
    ) -> Option<std::result::Result<Observed<Self::Document>, String>> {
        None
    }

    /// Lists the whole collection as [`External::list`] does; an object that cannot be read is an error here.
    fn list_strictly(&self) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send {
        self.list()
    }

    /// Lists the whole collection as [`Collection::list_strictly`] does, also the objects that the provider manages itself.
    fn list_all(&self) -> impl Future<Output = Result<Vec<Observed<Self::Document>>>> + Send {
        self.list_strictly()
    }

    /// Opens the collection of one account.
    fn open(client: Self::Client) -> Self;

    /// Checks before any collection of the account is counted whether this one can be.
    fn prepare_count(&self) -> impl Future<Output = Result<Availability>> + Send {
        async { Ok(Availability::Available) }
    }

    /// Counts the objects of the account. An error ends the probe of the account.
    fn count(&self) -> impl Future<Output = Result<Counted>> + Send;
}

/// Whether an account offers a collection.
#[derive(Debug)]
pub(crate) enum Availability {
    /// It does.
    Available,
    /// It does not, for this reason. A probe fails only if an account offers no collection at all.
    Missing(UpstreamError),
}

/// The result of counting a collection.
#[derive(Debug)]
pub(crate) enum Counted {
    /// The account holds this many objects, where the upstream shows it, and may hold that many,
    /// where there is a limit.
    Count { count: Option<u64>, limit: Option<u64> },
    /// The account does not offer the collection, for this reason.
    Missing(UpstreamError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn collection_state_has_one_value_for_each_type() {
        #[derive(Default)]
        struct Other(AtomicU32);
        let state = CollectionState::default();
        state.of::<AtomicU32>().store(7, Ordering::Relaxed);
        assert_eq!(state.clone().of::<AtomicU32>().load(Ordering::Relaxed), 7, "clones share it");
        assert_eq!(state.of::<Other>().0.load(Ordering::Relaxed), 0);
    }
}
