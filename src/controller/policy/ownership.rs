//! Resolves owner tags of this cluster to the objects that they belong to.

use super::reconciliation::Reconciliation;
use crate::controller::kinds::managed::Managed;
use crate::controller::state::claims::Claim;
use crate::engine::Ownership;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::ListParams;
use kube::runtime::reflector::Store;
use kube::{Api, Resource};
use std::collections::HashSet;

/// Returns the owner of an upstream object as it was read. A tag that this process wrote for another object counts before
/// reads show it.
pub async fn of_read<K: Managed>(this: &Reconciliation<'_, K>, object: &Claim, read: Ownership) -> Ownership {
    let shared = this.shared();
    let written = || shared.written_tags.owner(object, shared.settings.create_grace).filter(|uid| *uid != this.uid());
    let unseen = if read == Ownership::Untagged { written() } else { None };
    resolve(this, unseen.map_or(read, |uid| Ownership::ForeignTag(shared.owner_tag(&uid).to_string()))).await
}

/// Resolves a tag of this cluster to its object, named as the object under reconciliation may see it.
///
/// Returns `Untagged` when the object of the tag does not exist any more, so that the adoption policy
/// applies to an upstream object that was orphaned. An owner that cannot be looked up counts as existing.
async fn resolve<K: Managed>(this: &Reconciliation<'_, K>, owner: Ownership) -> Ownership {
    let Ownership::ForeignTag(tag) = &owner else { return owner };
    let Some(uid) = this.shared().uid_in(tag) else { return owner };
    match owner_of(this, uid).await {
        Ok(Some(meta)) => {
            let (namespace, name) = (meta.namespace.unwrap_or_default(), meta.name.unwrap_or_default());
            Ownership::OtherObject(display_name(K::KIND, &namespace, &name, &this.namespace()))
        }
        Ok(None) => Ownership::Untagged,
        Err(_) => owner,
    }
}

/// Returns whether an owner tag names an object of this cluster that does not exist any more. The API server
/// confirms it, because the cache may lag; an operator that may not list the whole cluster cannot know.
pub async fn is_left_behind<K: Managed>(this: &Reconciliation<'_, K>, owner: &Ownership) -> bool {
    let Ownership::ForeignTag(tag) = owner else { return false };
    let Some(uid) = this.shared().uid_in(tag) else { return false };
    cached_owner(this, uid).is_none() && matches!(listed_owner(this, uid).await, Ok(None))
}

/// Returns whether an owner tag names an object of another cluster.
pub fn is_of_other_cluster<K: Managed>(this: &Reconciliation<'_, K>, owner: &Ownership) -> bool {
    matches!(owner, Ownership::ForeignTag(tag) if this.shared().uid_in(tag).is_none())
}

/// Finds the object of this kind with this uid in the whole cluster. An object that this operator does not watch may
/// belong to another operator of the cluster; it is an error if it may not be listed.
async fn owner_of<K: Managed>(this: &Reconciliation<'_, K>, uid: &str) -> kube::Result<Option<ObjectMeta>> {
    let known = cached_owner(this, uid);
    if known.is_some() || this.shared().settings.watches_all() { Ok(known) } else { listed_owner(this, uid).await }
}

fn cached_owner<K: Managed>(this: &Reconciliation<'_, K>, uid: &str) -> Option<ObjectMeta> {
    let cached = this.shared().stores.of::<K>().iter().flat_map(Store::state);
    let owner = cached.into_iter().find(|object| object.meta().uid.as_deref() == Some(uid));
    owner.map(|object| object.meta().clone())
}

/// Returns the uids of the objects of this kind in the cache.
pub fn cached_uids<K: Managed>(this: &Reconciliation<'_, K>) -> HashSet<String> {
    let cached = this.shared().stores.of::<K>().iter().flat_map(Store::state);
    cached.into_iter().filter_map(|object| object.meta().uid.clone()).collect()
}

async fn listed_owner<K: Managed>(this: &Reconciliation<'_, K>, uid: &str) -> kube::Result<Option<ObjectMeta>> {
    let everywhere: Api<K> = Api::all(this.shared().client.clone());
    let list = everywhere.list_metadata(&ListParams::default()).await?;
    Ok(list.items.into_iter().map(|object| object.metadata).find(|meta| meta.uid.as_deref() == Some(uid)))
}

/// Returns what to call an object in a message that `reader`'s namespace sees: objects of other namespaces
/// stay anonymous.
pub fn display_name(kind: &str, namespace: &str, name: &str, reader: &str) -> String {
    if namespace == reader { format!("{kind} {namespace}/{name}") } else { format!("a {kind} of another namespace") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_name_hides_objects_of_other_namespaces() {
        assert_eq!(display_name("Policy", "team-a", "viewer", "team-a"), "Policy team-a/viewer");
        assert_eq!(display_name("Policy", "team-a", "viewer", "team-b"), "a Policy of another namespace");
    }
}
