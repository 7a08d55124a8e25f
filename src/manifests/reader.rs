//! Reads documents into objects, connections and what is wrong with them.

use super::found::{ConnectionManifest, Input, Manifests, Object, Origin, Unreadable};
use super::object;
use super::schema::{self, Patterns};
use super::yaml::{self, Node, Place};
use crate::api::ConnectionKey;
use crate::api::connection::{AllowedNamespaces, ConnectionSpec};
use crate::engine::Problem;
use crate::engine::nearest::nearest;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};
use std::sync::Arc;

/// The kind under which `kubectl get -o yaml` prints several objects.
const LIST: &str = "List";

pub struct Reader<'a> {
    pub found: Manifests,
    namespace: &'a str,
    known: Vec<Arc<CustomResourceDefinition>>,
    patterns: Patterns,
}

impl<'a> Reader<'a> {
    /// Returns a reader that knows these kinds. `namespace` is that of objects which name none.
    pub fn new(namespace: &'a str, known: Vec<CustomResourceDefinition>) -> Self {
        let known = known.into_iter().map(Arc::new).collect();
        Self { found: Manifests::default(), namespace, known, patterns: Patterns::default() }
    }

    /// Reads all documents of an input.
    pub fn input(&mut self, input: &Input) {
        match yaml::documents(&input.text) {
            Ok(documents) => documents.into_iter().for_each(|document| self.document(&input.file, document)),
            Err(error) => {
                let origin = Origin { file: input.file.clone(), line: error.line, column: error.column };
                self.found.unreadable.push(Unreadable { origin, message: error.message, refused: false });
            }
        }
    }

    fn document(&mut self, file: &str, document: Node) {
        let Place { line, column } = document.place;
        let origin = Origin { file: file.to_owned(), line, column };
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
            Ok((crd, version)) => self.object(origin, document, &crd, version),
            Err(message) => self.unreadable(origin, message),
        }
    }

    fn unreadable(&mut self, origin: Origin, message: String) {
        self.found.unreadable.push(Unreadable { origin, message, refused: false });
    }

    /// Returns the definition of a kind and the place of a version in it.
    fn definition(&self, version: &str, kind: &str) -> Result<(Arc<CustomResourceDefinition>, usize), String> {
        let Some(crd) = self.known.iter().find(|crd| crd.spec.names.kind == kind) else {
            let names: Vec<&str> = self.known.iter().map(|crd| crd.spec.names.kind.as_str()).collect();
            let hint = nearest(kind, names.iter().copied()).map(|name| format!(": did you mean {name}?"));
            let hint = hint.unwrap_or_else(|| format!(": use one of {}", names.join(", ")));
            return Err(format!("{kind} is no kind of this API{hint}"));
        };
        let of = |name: &str| format!("{}/{name}", crd.spec.group);
        let found = crd.spec.versions.iter().position(|own| of(&own.name) == version);
        found.map(|version| (Arc::clone(crd), version)).ok_or_else(|| {
            let versions: Vec<String> = crd.spec.versions.iter().map(|own| of(&own.name)).collect();
            format!("{version} is no version of {kind}: write apiVersion: {}", versions.join(" or "))
        })
    }

    fn object(&mut self, origin: Origin, document: Node, crd: &CustomResourceDefinition, version: usize) {
        let metadata = |key: &str| document.get("metadata").and_then(|it| it.get(key)).and_then(Node::text);
        let name = metadata("name").unwrap_or_default().to_owned();
        if name.is_empty() {
            return self.unreadable(origin, "has no metadata.name: add it".to_owned());
        }
        let is_namespaced = crd.spec.scope == "Namespaced";
        let namespace = metadata("namespace").unwrap_or(self.namespace).to_owned();
        let mut value = document.to_json();
        let schema = crd.spec.versions[version].schema.as_ref().and_then(|it| it.open_api_v3_schema.as_ref());
        let schema_problems = |schema| schema::problems(schema, &spec_only(&value), "", &mut self.patterns);
        let problems = schema.map(schema_problems).unwrap_or_default();
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
                let Place { line, column } = document.place_of(&problem.field);
                let message = format!("{}: {} ({key})", problem.field, problem.message);
                let origin = Origin { line, column, ..origin };
                self.found.unreadable.push(Unreadable { origin, message, refused: true });
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
