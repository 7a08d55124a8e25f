//! Finds the objects of other operators that use a connection.
//!
//! Beside other operators ([`selector`](crate::controller::settings::selector)) the caches show only a part of the objects.
//! Before a connection is released, the operator lists the metadata of all objects. The annotation with the place of
//! the upstream object names the connection, so an object with something upstream is found whichever operator manages it. An object
//! without it has nothing to delete, and blocks nothing.

use super::usage::{self, Use};
use crate::api::kinds::managed_kinds;
use crate::api::{ConnectionKey, has_finalizer, recorded_place};
use crate::controller::context::Shared;
use crate::controller::k8s::namespaces::{scoped, scopes};
use crate::controller::kinds::managed::Managed;
use futures::future::{BoxFuture, FutureExt};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

/// How many objects a page has.
const PAGE_SIZE: u32 = 500;

/// Finds an object of one kind that uses a connection.
type Find = for<'a> fn(&'a Shared, &'a ConnectionKey) -> BoxFuture<'a, kube::Result<Option<String>>>;

/// Returns whether an object that this operator does not manage uses the connection.
pub(super) async fn find(shared: &Shared, key: &ConnectionKey) -> Use {
    if shared.settings.selector.selects_all() {
        return Use::Free;
    }
    let kinds: &[Find] = &managed_kinds!(|K| user_of::<K> as Find);
    for find in kinds {
        match find(shared, key).await {
            Ok(None) => {}
            Ok(Some(user)) => return Use::Blocked(usage::message(&format!("{user}, of another operator"))),
            Err(error) => {
                tracing::warn!(connection = %key, %error, "cannot list the objects that use this connection");
                return Use::Unknown;
            }
        }
    }
    Use::Free
}

fn user_of<'a, K: Managed>(shared: &'a Shared, key: &'a ConnectionKey) -> BoxFuture<'a, kube::Result<Option<String>>> {
    async move {
        for namespace in scopes(&shared.settings) {
            let user = first_user(&scoped::<K>(&shared.client, namespace), key).await?;
            if user.is_some() {
                return Ok(user);
            }
        }
        Ok(None)
    }
    .boxed()
}

async fn first_user<K: Managed>(api: &Api<K>, key: &ConnectionKey) -> kube::Result<Option<String>> {
    let mut params = ListParams::default().limit(PAGE_SIZE);
    loop {
        let page = api.list_metadata(&params).await?;
        let uses = |object: &&kube::core::PartialObjectMeta<K>| {
            let namespace = object.namespace().unwrap_or_default();
            let place = recorded_place::read(*object).filter(|_| has_finalizer(*object));
            place.is_some_and(|place| ConnectionKey::of(&place.connection, &namespace) == *key)
        };
        if let Some(user) = page.items.iter().find(uses) {
            return Ok(Some(format!("{} {}/{}", K::KIND, user.namespace().unwrap_or_default(), user.name_any())));
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(None),
        }
    }
}
