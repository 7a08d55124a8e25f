//! What was read: objects and connections with their files and lines, and what cannot be read.

use super::object::Described;
use super::yaml::{Node, Place};
use crate::api::connection::{AllowedNamespaces, ConnectionSpec};
use crate::engine::Problem;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A text to read.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name in messages, such as `policies/viewer.yaml`, or `-` for standard input.
    pub file: String,
    /// Its content.
    pub text: String,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The name of the input.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
}

/// Why an input cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub origin: Origin,
    /// What is wrong and how to correct it.
    pub message: String,
    /// Whether it was read, and the API server would refuse it.
    pub refused: bool,
}

/// An object of a managed kind.
#[derive(Clone)]
pub struct Object {
    /// Where it begins.
    pub origin: Origin,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The object, or the rules of the API server that it breaks.
    pub content: Result<Arc<dyn Described>, Vec<Problem>>,
    pub(super) node: Arc<Node>,
}

impl Object {
    /// Returns an object that stands in no manifest.
    #[must_use]
    pub fn nowhere(
        kind: String,
        namespace: String,
        name: String,
        content: Result<Arc<dyn Described>, Vec<Problem>>,
    ) -> Self {
        let origin = Origin { file: String::new(), line: 0, column: 0 };
        Self { origin, kind, namespace, name, content, node: Arc::new(Node::nowhere()) }
    }

    /// Returns the manifest as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.node.to_json()
    }

    /// Returns the place of a field, or of the nearest one above it that is there.
    #[must_use]
    pub fn place_of(&self, path: &str) -> Place {
        self.node.place_of(path)
    }

    /// Returns whether a text of the object contains some words and covers a line.
    #[must_use]
    pub fn has_text_on(&self, line: u64, words: &str) -> bool {
        self.node.has_text_on(line, words)
    }

    /// Returns the line of a field.
    #[must_use]
    pub fn line_of(&self, path: &str) -> u64 {
        self.node.place_of(path).line
    }

    /// Returns what to call it in messages.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }

    /// Describes problems of the object with their lines.
    #[must_use]
    pub fn describe(&self, problems: &[Problem]) -> String {
        let line = |it: &Problem| format!("line {}: {}: {}", self.line_of(&it.field), it.field, it.message);
        problems.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}

/// A connection in the manifests.
#[derive(Debug, Clone)]
pub struct ConnectionManifest {
    /// Where it begins.
    pub origin: Origin,
    /// Its spec.
    pub spec: ConnectionSpec,
    /// The namespaces that may use it; `None` for a connection of a namespace.
    pub allowed: Option<AllowedNamespaces>,
}

/// Everything that was read.
#[derive(Clone, Default)]
pub struct Manifests {
    /// The objects of managed kinds, in the order of the inputs.
    pub objects: Vec<Object>,
    /// The objects that only the cluster has, and that are to be deleted.
    pub removed: Vec<Object>,
    /// The connections.
    pub connections: BTreeMap<String, ConnectionManifest>,
    /// What cannot be read.
    pub unreadable: Vec<Unreadable>,
    /// How many documents are of other APIs.
    pub ignored: usize,
}
