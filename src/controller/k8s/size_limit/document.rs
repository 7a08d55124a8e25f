//! One object, split into its fields without decoding their values.

use super::limits::TOO_LARGE;
use crate::api::{FINALIZER, GROUP};
use crate::engine::json_text::{JsonScanner, VALUE_WEIGHT};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// The annotation in which kubectl repeats the whole object. The operator never reads it.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The kind of which the operator reads the field managers.
const APPROVAL: &str = "PolicyApproval";

/// The annotations that the operator reads begin with this.
const OWN_KEYS: &str = "cloudpolicy.dev/";

/// How many of these annotations are kept. There are fewer.
const MAX_OWN_KEYS: usize = 16;

/// How many of the emptied fields are named.
const MAX_NAMED: usize = 5;

/// The fields of an object, by name.
type Fields<'a> = BTreeMap<String, Node<'a>>;

/// A field.
#[derive(Serialize)]
#[serde(untagged)]
enum Node<'a> {
    /// A value as it was received.
    Received(&'a RawValue),
    /// An object whose fields can be emptied one by one.
    Fields(Fields<'a>),
    /// What took the place of a value.
    Replaced(Box<RawValue>),
}

/// One object of our group.
pub(super) struct Document<'a> {
    fields: Fields<'a>,
    namespace: String,
    uid: String,
}

impl<'a> Document<'a> {
    /// Splits an object into its fields; `None` for anything but an object of our group.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = fields(std::str::from_utf8(bytes).ok()?)?;
        let version: String = read(fields.get("apiVersion")?)?;
        if !version.starts_with(GROUP) {
            return None;
        }
        for (name, node) in &mut fields {
            if matches!(name.as_str(), "metadata" | "spec" | "status") {
                node.open();
                if let Node::Fields(inner) = node {
                    inner.values_mut().for_each(Node::open);
                }
            }
        }
        let Some(Node::Fields(metadata)) = fields.get("metadata") else { return None };
        let text = |name: &str| metadata.get(name).and_then(read).unwrap_or_default();
        let (namespace, uid) = (text("namespace"), text("uid"));
        Some(Self { fields, namespace, uid })
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn uid(&self) -> &str {
        &self.uid
    }

    /// Drops what the operator never reads, and marks that a user set. The managers of an approval tell who wrote it.
    pub(super) fn drop_unread(&mut self) {
        let is_approval = self.fields.get("kind").and_then(read).is_some_and(|kind| kind == APPROVAL);
        let Some(Node::Fields(metadata)) = self.fields.get_mut("metadata") else { return };
        if !is_approval {
            metadata.remove("managedFields");
        }
        if let Some(Node::Fields(annotations)) = metadata.get_mut("annotations") {
            annotations.remove(LAST_APPLIED);
            annotations.remove(TOO_LARGE);
        }
    }

    /// Returns about how many bytes the object takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.fields.iter().map(|(name, node)| name.len() + node.weight()).sum()
    }

    /// Empties the heaviest fields until the object is not heavier than `limit`. Returns their paths.
    pub(super) fn lighten(&mut self, limit: usize) -> Vec<String> {
        let mut excess = self.weight().saturating_sub(limit);
        if excess == 0 {
            return Vec::new();
        }
        let mut leaves = Vec::new();
        leaves_of(&self.fields, &mut Vec::new(), &mut leaves);
        leaves.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let mut emptied = Vec::new();
        for (weight, path) in leaves {
            if excess == 0 {
                break;
            }
            empty(&mut self.fields, &path);
            excess = excess.saturating_sub(weight);
            let name = path.join(".");
            if !emptied.contains(&name) && emptied.len() < MAX_NAMED {
                emptied.push(name);
            }
        }
        emptied
    }

    /// Sets an annotation.
    pub(super) fn annotate(&mut self, key: &str, value: &str) {
        let Some(Node::Fields(metadata)) = self.fields.get_mut("metadata") else { return };
        let Ok(value) = to_raw_value(value) else { return };
        let annotations = metadata.entry("annotations".to_owned()).or_insert_with(|| Node::Fields(Fields::new()));
        if !matches!(annotations, Node::Fields(_)) {
            *annotations = Node::Fields(Fields::new());
        }
        if let Node::Fields(annotations) = annotations {
            annotations.insert(key.to_owned(), Node::Replaced(value));
        }
    }

    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.fields).ok()
    }
}

impl Node<'_> {
    /// Splits an object into its fields.
    fn open(&mut self) {
        if let Self::Received(raw) = self
            && let Some(inner) = fields(raw.get())
        {
            *self = Self::Fields(inner);
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Received(raw) => Some(raw.get()),
            Self::Replaced(raw) => Some(raw.get()),
            Self::Fields(_) => None,
        }
    }

    fn weight(&self) -> usize {
        match self {
            Self::Received(raw) => weight(raw.get()),
            Self::Replaced(raw) => weight(raw.get()),
            Self::Fields(inner) => {
                VALUE_WEIGHT + inner.iter().map(|(name, node)| name.len() + node.weight()).sum::<usize>()
            }
        }
    }
}

fn fields(text: &str) -> Option<Fields<'_>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    Some(fields.into_iter().map(|(name, raw)| (name, Node::Received(raw))).collect())
}

fn read(node: &Node<'_>) -> Option<String> {
    serde_json::from_str(node.text()?).ok()
}

/// Returns about how many bytes a value takes in memory: its text, and a part for each value in it.
fn weight(json: &str) -> usize {
    VALUE_WEIGHT + JsonScanner::default().weigh(json.as_bytes())
}

/// Collects the fields that can be emptied, with their weights and paths.
fn leaves_of(fields: &Fields<'_>, path: &mut Vec<String>, leaves: &mut Vec<(usize, Vec<String>)>) {
    for (name, node) in fields {
        path.push(name.clone());
        match node {
            Node::Fields(_) if is_map(path) => leaves.push((node.weight(), path.clone())),
            Node::Fields(inner) => leaves_of(inner, path, leaves),
            Node::Received(_) if !is_identity(path) => leaves.push((node.weight() + name.len(), path.clone())),
            Node::Received(_) | Node::Replaced(_) => {}
        }
        path.pop();
    }
}

/// Returns whether a field has any number of keys, which are emptied together.
fn is_map(path: &[String]) -> bool {
    matches!(path, [metadata, name] if metadata == "metadata" && matches!(name.as_str(), "annotations" | "labels"))
}

/// Returns whether the operator needs this field to know which object it is. The API server bounds it.
fn is_identity(path: &[String]) -> bool {
    match path {
        [name] => name != "metadata" && name != "spec" && name != "status",
        [metadata, name] if metadata == "metadata" => {
            !matches!(name.as_str(), "finalizers" | "ownerReferences" | "labels" | "annotations")
        }
        _ => false,
    }
}

/// Replaces a value by an empty one of the same type, so that the object can still be decoded.
fn empty(fields: &mut Fields<'_>, path: &[String]) {
    let [name, rest @ ..] = path else { return };
    if !rest.is_empty() {
        if let Some(Node::Fields(inner)) = fields.get_mut(name) {
            empty(inner, rest);
        }
        return;
    }
    if let Some(Node::Fields(map)) = fields.get_mut(name) {
        let own = std::mem::take(map).into_iter().filter(|(key, _)| key.starts_with(OWN_KEYS));
        *map = own.take(MAX_OWN_KEYS).collect();
        return;
    }
    let Some(node) = fields.get_mut(name) else { return };
    let text = node.text().unwrap_or_default().to_owned();
    let replacement = match text.trim_start().as_bytes().first() {
        Some(b'[') if name == "finalizers" && text.contains(&format!("\"{FINALIZER}\"")) => to_raw_value(&[FINALIZER]),
        Some(b'[') => to_raw_value(&[(); 0]),
        Some(b'{') => RawValue::from_string("{}".to_owned()),
        Some(b'"') => to_raw_value(""),
        _ => return,
    };
    if let Ok(replacement) = replacement {
        *node = Node::Replaced(replacement);
    }
}
