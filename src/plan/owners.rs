//! What is known of the owners of upstream objects.

use crate::engine::{Ownership, owner_tag};
use std::collections::HashMap;

/// Stands for the cluster and the uid in the owner tag of an object that the API server has not seen.
pub const UNKNOWN: &str = "unknown";

/// What is known of the owners of upstream objects.
#[derive(Debug, Clone, Default)]
pub enum Owners {
    /// Nothing: an object with an owner tag belongs to another owner.
    #[default]
    Unknown,
    /// The id of the cluster, and none of its objects: an object with its owner tag is that of the manifest.
    Cluster {
        /// The id.
        id: String,
    },
    /// The objects of the cluster.
    Known {
        /// The id of the cluster.
        id: String,
        /// What to call each object, by its uid.
        objects: HashMap<String, String>,
    },
}

impl Owners {
    /// Returns the id of the cluster in owner tags.
    #[must_use]
    pub fn cluster(&self) -> &str {
        match self {
            Self::Unknown => UNKNOWN,
            Self::Cluster { id } | Self::Known { id, .. } => id,
        }
    }

    /// Resolves an owner tag of a cluster of which all objects are known: to its object, or to no owner if that does not
    /// exist any more.
    #[must_use]
    pub fn resolve(&self, owner: Ownership) -> Ownership {
        let (Self::Known { id, objects }, Ownership::ForeignTag(tag)) = (self, &owner) else { return owner };
        let Some(uid) = owner_tag::uid_of(tag, id) else { return owner };
        objects.get(uid).map_or(Ownership::Untagged, |title| Ownership::OtherObject(title.clone()))
    }
}
