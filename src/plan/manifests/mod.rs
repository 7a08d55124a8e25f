//! Reads manifests: the objects and connections in YAML or JSON, each with its file and line.
//!
//! | what is wrong | what becomes of it |
//! | --- | --- |
//! | the text is no YAML, or a document is no Kubernetes object | [`Manifests::unreadable`]: the plan cannot tell what would happen |
//! | an object of this API breaks its schema | [`Object::content`] is an error: the API server would refuse it |
//! | a document is of another API, such as a Secret | it is counted and forgotten |

mod cluster;
mod nearest;
mod object;
mod schema;
mod yaml;

pub use cluster::Cluster;
pub use nearest::nearest;
pub use object::Described;
pub use yaml::Node;

use crate::api::connection::{AllowedNamespaces, ConnectionSpec};
use crate::api::{ConnectionKey, crds};
use crate::engine::Problem;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kind under which `kubectl get -o yaml` prints several objects.
const LIST: &str = "List";

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
}

/// Why an input cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Where.
    pub origin: Origin,
    /// What is wrong and how to correct it.
    pub message: String,
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
    node: Arc<Node>,
}

impl Object {
    /// Returns the line of a field.
    #[must_use]
    pub fn line_of(&self, path: &str) -> u64 {
        self.node.line_of(path)
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

impl Manifests {
    /// Reads inputs. `namespace` is that of objects which name none.
    #[must_use]
    pub fn read(inputs: &[Input], namespace: &str) -> Self {
        let mut reader = Reader { found: Self::default(), namespace, known: crds::all() };
        for input in inputs {
            reader.input(input);
        }
        reader.found
    }

    /// Adds the connections of a cluster. One in the manifests comes first: it is what will be applied.
    pub fn add_connections(&mut self, existing: &[Value]) {
        let mut reader = Reader { found: Self::default(), namespace: "", known: crds::connections() };
        for text in existing.iter().map(ToString::to_string) {
            reader.input(&Input { file: "the cluster".to_owned(), text });
        }
        for (key, connection) in reader.found.connections {
            self.connections.entry(key).or_insert(connection);
        }
    }

    /// Returns the connection in the manifests that this key names.
    #[must_use]
    pub fn connection(&self, key: &ConnectionKey) -> Option<&ConnectionManifest> {
        self.connections.get(&key.to_string())
    }
}

struct Reader<'a> {
    found: Manifests,
    namespace: &'a str,
    known: Vec<CustomResourceDefinition>,
}

impl Reader<'_> {
    fn input(&mut self, input: &Input) {
        match yaml::documents(&input.text) {
            Ok(documents) => documents.into_iter().for_each(|document| self.document(&input.file, document)),
            Err(error) => {
                let origin = Origin { file: input.file.clone(), line: error.line };
                self.found.unreadable.push(Unreadable { origin, message: error.message });
            }
        }
    }

    fn document(&mut self, file: &str, document: Node) {
        let origin = Origin { file: file.to_owned(), line: document.line };
        let text = |key: &str| document.get(key).and_then(Node::text).unwrap_or_default().to_owned();
        let (version, kind) = (text("apiVersion"), text("kind"));
        if version.is_empty() || kind.is_empty() {
            let message = "is no Kubernetes object: add apiVersion and kind, or leave this document out";
            return self.unreadable(origin, message.to_owned());
        }
        if kind == LIST {
            let items = document.get("items").map(Node::items).unwrap_or_default().to_vec();
            return items.into_iter().for_each(|item| self.document(file, item));
        }
        let group = version.split_once('/').map_or("", |(group, _)| group);
        if self.known.iter().all(|crd| crd.spec.group != group) {
            self.found.ignored += 1;
            return;
        }
        match self.definition(&version, &kind) {
            Ok((crd, schema)) => self.object(origin, document, &crd, &schema),
            Err(message) => self.unreadable(origin, message),
        }
    }

    fn unreadable(&mut self, origin: Origin, message: String) {
        self.found.unreadable.push(Unreadable { origin, message });
    }

    /// Returns the definition of a kind and its schema in a version.
    fn definition(&self, version: &str, kind: &str) -> Result<(CustomResourceDefinition, JSONSchemaProps), String> {
        let Some(crd) = self.known.iter().find(|crd| crd.spec.names.kind == kind) else {
            let names: Vec<&str> = self.known.iter().map(|crd| crd.spec.names.kind.as_str()).collect();
            let hint = nearest(kind, names.iter().copied()).map(|name| format!(": did you mean {name}?"));
            let hint = hint.unwrap_or_else(|| format!(": use one of {}", names.join(", ")));
            return Err(format!("{kind} is no kind of this API{hint}"));
        };
        let of = |name: &str| format!("{}/{name}", crd.spec.group);
        let found = crd.spec.versions.iter().find(|own| of(&own.name) == version);
        let schema = found.and_then(|own| own.schema.as_ref()?.open_api_v3_schema.clone());
        schema.map(|schema| (crd.clone(), schema)).ok_or_else(|| {
            let versions: Vec<String> = crd.spec.versions.iter().map(|own| of(&own.name)).collect();
            format!("{version} is no version of {kind}: write apiVersion: {}", versions.join(" or "))
        })
    }

    fn object(&mut self, origin: Origin, document: Node, crd: &CustomResourceDefinition, schema: &JSONSchemaProps) {
        let metadata = |key: &str| document.get("metadata").and_then(|it| it.get(key)).and_then(Node::text);
        let name = metadata("name").unwrap_or_default().to_owned();
        if name.is_empty() {
            return self.unreadable(origin, "has no metadata.name: add it".to_owned());
        }
        let is_namespaced = crd.spec.scope == "Namespaced";
        let namespace = metadata("namespace").unwrap_or(self.namespace).to_owned();
        let mut value = document.to_json();
        let problems = schema::problems(schema, &spec_only(&value), "");
        let kind = crd.spec.names.kind.clone();
        if let Some(decode) = object::decoder(&kind) {
            value["metadata"]["namespace"] = json!(namespace);
            let content = if problems.is_empty() { decode(value) } else { Err(problems) };
            let node = Arc::new(document);
            return self.found.objects.push(Object { origin, kind, namespace, name, content, node });
        }
        let key = ConnectionKey { namespace: is_namespaced.then_some(namespace), name };
        match connection(&value, is_namespaced, &problems) {
            Ok((spec, allowed)) => {
                self.found.connections.insert(key.to_string(), ConnectionManifest { origin, spec, allowed });
            }
            Err(problem) => {
                let origin = Origin { line: document.line_of(&problem.field), ..origin };
                self.unreadable(origin, format!("{}: {} ({key})", problem.field, problem.message));
            }
        }
    }
}

/// Returns an object without what its schema leaves to the API server.
fn spec_only(value: &Value) -> Value {
    let left = ["apiVersion", "kind", "metadata", "status"];
    let kept = value.as_object().into_iter().flatten().filter(|(key, _)| !left.contains(&key.as_str()));
    Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn connection(
    value: &Value,
    is_namespaced: bool,
    problems: &[Problem],
) -> Result<(ConnectionSpec, Option<AllowedNamespaces>), Problem> {
    if let Some(problem) = problems.first() {
        return Err(problem.clone());
    }
    let unread = |error: serde_json::Error| Problem { field: "spec".to_owned(), message: error.to_string() };
    let spec = serde_json::from_value(value["spec"].clone()).map_err(unread)?;
    let allowed = value["spec"].get("allowedNamespaces").cloned().unwrap_or_else(|| json!({}));
    let allowed = if is_namespaced { None } else { Some(serde_json::from_value(allowed).map_err(unread)?) };
    Ok((spec, allowed))
}

#[cfg(test)]
mod tests;
