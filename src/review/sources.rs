//! The Kubernetes objects that are known, and the policies that they describe.

use crate::engine::owner_tag;
use crate::manifests::{Manifests, Object};
use crate::plan::Cluster;
use crate::upstream::registry::{self, Existing};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// A Kubernetes object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// What to call it, such as `Policy team-a/viewer`.
    pub object: String,
    /// The file in which it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line on which it begins there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The value of the annotation that names the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When the operator last changed the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_write_time: Option<String>,
}

/// What identifies the policy of an object of a file.
type Identity = (String, &'static str, String);

/// The objects that are known.
#[derive(Debug, Default)]
pub struct Sources {
    /// The id of the cluster that was read.
    cluster: Option<String>,
    by_uid: HashMap<String, Source>,
    by_name: BTreeMap<Identity, Source>,
    by_id: BTreeMap<Identity, Source>,
}

/// The owner that an owner tag names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// An object that exists.
    Object(&'a Source),
    /// An object of the cluster that was read, and it does not exist.
    Gone,
    /// An object of another cluster, or of one that was not read.
    Unread,
}

impl Sources {
    /// Adds all objects of a cluster. `revision` is the annotation that names their revision.
    #[must_use]
    pub fn with_cluster(mut self, cluster: &Cluster, revision: Option<&str>) -> Self {
        self.cluster = Some(cluster.id.clone());
        for object in &cluster.objects {
            let (metadata, text) = (&object["metadata"], |value: &Value| value.as_str().map(str::to_owned));
            let part = |value: &Value| text(value).unwrap_or_default();
            let title =
                format!("{} {}/{}", part(&object["kind"]), part(&metadata["namespace"]), part(&metadata["name"]));
            let source = Source {
                object: title,
                revision: revision_of(metadata, revision),
                last_write_time: text(&object["status"]["lastWriteTime"]),
                ..Source::default()
            };
            self.by_uid.insert(part(&metadata["uid"]), source);
        }
        self
    }

    /// Adds the objects of files. `revision` is the annotation that names their revision.
    ///
    /// # Errors
    /// If something in the files cannot be read: its policy would look unmanaged.
    pub fn with_files(mut self, manifests: &Manifests, revision: Option<&str>) -> Result<Self, String> {
        if let Some(it) = manifests.unreadable.first() {
            return Err(format!("{}:{}: {}", it.origin.file, it.origin.line, it.message));
        }
        for object in &manifests.objects {
            self.add(object, revision)?;
        }
        Ok(self)
    }

    fn add(&mut self, object: &Object, revision: Option<&str>) -> Result<(), String> {
        let place = || format!("{}:{}", object.origin.file, object.origin.line);
        let content = object.content.as_ref();
        let content = content.map_err(|problems| format!("{}: {}", place(), object.describe(problems)))?;
        let Some(identity) = registry::identity(content.desired()) else { return Ok(()) };
        let source = Source {
            object: object.title(),
            file: Some(object.origin.file.clone()),
            line: Some(object.origin.line),
            revision: revision_of(&object.to_json()["metadata"], revision),
            last_write_time: None,
        };
        let connection = content.common().connection_ref.name.clone();
        if let Some(id) = &content.common().external_id {
            self.by_id.insert((connection, identity.system, id.clone()), source);
        } else if let Some((_, name)) = identity.name {
            self.by_name.insert((connection, identity.system, name.to_owned()), source);
        }
        Ok(())
    }

    /// Returns the id of the cluster that was read.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// Returns the owner that an owner tag names.
    pub(super) fn owner(&self, tag: &str) -> Named<'_> {
        let uid = self.cluster.as_deref().and_then(|id| owner_tag::uid_of(tag, id));
        match uid.map(|uid| self.by_uid.get(uid)) {
            Some(Some(source)) => Named::Object(source),
            Some(None) => Named::Gone,
            None => Named::Unread,
        }
    }

    /// Returns the object of a file that describes a policy of a connection.
    pub(super) fn file(&self, connection: &str, existing: &Existing) -> Option<&Source> {
        let of = |name: &str| (connection.to_owned(), existing.system, name.to_owned());
        self.by_id.get(&of(&existing.id)).or_else(|| self.by_name.get(&of(&existing.key)))
    }
}

fn revision_of(metadata: &Value, annotation: Option<&str>) -> Option<String> {
    metadata["annotations"][annotation?].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn known() -> Sources {
        let object = json!({
            "kind": "Policy",
            "metadata": { "namespace": "a", "name": "viewer", "uid": "uid-1", "annotations": { "x/revision": "3f2a" } },
            "status": { "lastWriteTime": "2026-11-21T08:00:00Z" },
        });
        Sources::default().with_cluster(&Cluster { id: "here".to_owned(), objects: vec![object] }, Some("x/revision"))
    }

    #[test]
    fn owner_tag_names_an_object_only_of_the_cluster_read() {
        let known = known();
        let Named::Object(source) = known.owner("here_uid-1") else { panic!("{known:?}") };
        assert_eq!((source.object.as_str(), source.revision.as_deref()), ("Policy a/viewer", Some("3f2a")));
        assert_eq!(source.last_write_time.as_deref(), Some("2026-11-21T08:00:00Z"));
        assert_eq!(known.owner("here_uid-2"), Named::Gone);
        assert_eq!((known.owner("there_uid-1"), known.owner("by hand")), (Named::Unread, Named::Unread));
        assert_eq!(Sources::default().owner("here_uid-1"), Named::Unread, "no cluster was read");
    }
}
