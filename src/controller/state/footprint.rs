//! The part of an object that the operator writes itself and other writers can take away.

use super::hash;
use crate::api::has_finalizer;
use crate::api::recorded_place::RECORDED_UPSTREAM;
use crate::controller::kinds::connection::ConnectionResource;
use crate::controller::kinds::managed::Managed;

/// The part of an object that the operator writes itself and depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Whether the object has our finalizer.
    pub(super) finalizer: bool,
    /// Hash of the annotation with the place of the upstream object.
    pub(super) place: Option<u64>,
    /// Hash of what status records of the upstream object.
    pub(super) upstream: Option<u64>,
    /// The write in flight of a managed object, or the endpoint of a connection.
    pub(super) detail: Option<String>,
}

impl Footprint {
    /// Returns the footprint of a managed object.
    pub fn of<K: Managed>(object: &K) -> Self {
        let status = object.common_status();
        let detail = status.operation.as_ref().map(|operation| operation.id.clone());
        let place = object.annotations().get(RECORDED_UPSTREAM).map(hash);
        Self { finalizer: has_finalizer(object), place, upstream: status.upstream.as_ref().map(hash), detail }
    }

    /// Returns the footprint of a connection.
    pub fn of_connection<K: ConnectionResource>(connection: &K) -> Self {
        let detail = connection.status().endpoint;
        Self { finalizer: has_finalizer(connection), place: None, upstream: None, detail }
    }
}
