//! One manifest for each upstream object, checked as the API server and the operator check it.

use super::names;
use super::reading::Found;
use super::yaml;
use crate::api::shared::{AdoptionPolicy, ConnectionKind, ManagementPolicy};
use crate::engine::{FoundTag, User};
use crate::manifests::{Kind, kind_of};
use crate::plan::{Input, Manifests};
use crate::upstream::registry::Existing;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many users of an object a comment names.
const NAMED_USERS: usize = 20;

/// How objects are described.
#[derive(Debug, Clone)]
pub struct Options {
    /// The namespace of the manifests; `None` leaves it to the one who applies them.
    pub namespace: Option<String>,
    /// The kind of the connections.
    pub connection_kind: ConnectionKind,
    /// Whether the operator may adopt the objects.
    pub adopt: AdoptionPolicy,
    /// Whether users are named.
    pub names_users: bool,
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Manifest {
    /// The kind of the object.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The document, with the comments before it.
    pub text: String,
}

/// An upstream object without a manifest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Skipped {
    /// The connection.
    pub connection: String,
    /// The collection.
    pub system: &'static str,
    /// Its name upstream.
    pub key: String,
    /// Its id.
    pub id: String,
    /// Why it has none.
    pub reason: String,
    /// Whether a person should act: the object has no other owner, and no manifest can describe it.
    pub is_refused: bool,
}

/// The manifests of accounts.
#[derive(Debug, Clone, Default)]
pub struct Export {
    /// The manifests, by kind and name.
    pub manifests: Vec<Manifest>,
    /// The objects without one, by connection, collection and name.
    pub skipped: Vec<Skipped>,
}

impl Export {
    /// Returns all manifests as one text.
    #[must_use]
    pub fn text(&self) -> String {
        one_text(&self.manifests)
    }
}

/// Returns manifests as one text.
#[must_use]
pub fn one_text(manifests: &[Manifest]) -> String {
    manifests.iter().map(|manifest| manifest.text.as_str()).collect::<Vec<_>>().join("---\n")
}

/// An object, and what it is called.
struct Candidate<'a> {
    connection: &'a str,
    existing: &'a Existing,
    users: Option<&'a [User]>,
    kind: Kind,
    /// Whether only its id tells it from others.
    needs_id: bool,
    /// Whether the operator may create and delete it, and never update it.
    creates_only: bool,
    name: String,
}

/// Describes what was read of each connection, by its name.
#[must_use]
pub fn export(found: &BTreeMap<String, Found>, options: &Options) -> Export {
    let mut export = Export::default();
    let mut candidates = Vec::new();
    for (connection, found) in found {
        let shared = shared_names(found);
        for (existing, users) in &found.objects {
            let needs_id = !existing.has_unique_name || shared.contains(&(existing.system, existing.key.as_str()));
            match candidate(connection, existing, users.as_deref(), needs_id) {
                Ok(candidate) => candidates.push(candidate),
                Err(reason) => export.skipped.push(skipped(connection, existing, reason, false)),
            }
        }
    }
    tell_apart(&mut candidates);
    for candidate in candidates {
        match manifest(&candidate, options) {
            Ok(manifest) => export.manifests.push(manifest),
            Err(reason) => export.skipped.push(skipped(candidate.connection, candidate.existing, reason, true)),
        }
    }
    export.manifests.sort();
    export.skipped.sort();
    export
}

/// Returns the names that several objects of a collection have, although names should be unique there.
fn shared_names(found: &Found) -> BTreeSet<(&'static str, &str)> {
    let mut seen = BTreeSet::new();
    found.objects.iter().map(|(it, _)| (it.system, it.key.as_str())).filter(|name| !seen.insert(*name)).collect()
}

fn skipped(connection: &str, existing: &Existing, reason: String, is_refused: bool) -> Skipped {
    Skipped {
        connection: connection.to_owned(),
        system: existing.system,
        key: existing.key.clone(),
        id: existing.id.clone(),
        reason,
        is_refused,
    }
}

/// Returns an object that may be adopted, or why it may not.
fn candidate<'a>(
    connection: &'a str,
    existing: &'a Existing,
    users: Option<&'a [User]>,
    needs_id: bool,
) -> Result<Candidate<'a>, String> {
    match &existing.found_tag {
        FoundTag::Reserved => return Err("the upstream manages it".to_owned()),
        FoundTag::Some(tag) => return Err(format!("it has the owner tag {tag}: an object describes it already")),
        FoundTag::None | FoundTag::NotShown => {}
    }
    let kind = kind_of(existing.kind_spec).ok_or("no kind describes it")?;
    let identity = needs_id.then(|| identity(existing));
    let name = names::of(&existing.key, identity.as_deref());
    Ok(Candidate { connection, existing, users, kind, needs_id, creates_only: false, name })
}

fn identity(existing: &Existing) -> String {
    format!("{} {}", existing.system, existing.id)
}

/// Returns the manifest of an object that a file declares, under this name or its own; or the rules that it breaks.
pub(super) fn declared(
    existing: &Existing,
    connection: &str,
    creates_only: bool,
    options: &Options,
) -> Result<Manifest, String> {
    let kind = kind_of(existing.kind_spec).ok_or("no kind describes it")?;
    let name = names::of(&existing.key, None);
    manifest(&Candidate { connection, existing, users: None, kind, needs_id: false, creates_only, name }, options)
}

/// Gives objects of one kind and name the hash of their place: those of several collections or connections.
fn tell_apart(candidates: &mut [Candidate<'_>]) {
    let mut counts = BTreeMap::<(&str, String), usize>::new();
    for it in candidates.iter() {
        *counts.entry((it.kind.name, it.name.clone())).or_default() += 1;
    }
    for it in candidates {
        if counts.get(&(it.kind.name, it.name.clone())).is_some_and(|count| *count > 1) {
            it.name = names::hashed(&it.existing.key, &format!("{} {}", it.connection, identity(it.existing)));
        }
    }
}

/// Returns the manifest of an object, or the rules that it breaks.
fn manifest(candidate: &Candidate<'_>, options: &Options) -> Result<Manifest, String> {
    let Candidate { connection, existing, users, kind, needs_id, creates_only, name } = candidate;
    if !existing.problems.is_empty() {
        let told = existing.problems.iter().map(|it| format!("{}: {}", it.field, it.message));
        return Err(told.collect::<Vec<_>>().join("; "));
    }
    let mut spec = Map::new();
    spec.insert("connectionRef".to_owned(), connection_ref(connection, options.connection_kind));
    if options.adopt != AdoptionPolicy::default() {
        spec.insert("adoptionPolicy".to_owned(), json!(options.adopt));
    }
    if *creates_only {
        spec.insert("managementPolicy".to_owned(), json!(ManagementPolicy::CreateOnly));
    }
    if *needs_id {
        spec.insert("externalId".to_owned(), json!(existing.id));
    }
    spec.insert(existing.field.to_owned(), existing.content.clone());
    let mut metadata = json!({ "name": name });
    if let Some(namespace) = &options.namespace {
        metadata["namespace"] = json!(namespace);
    }
    let object =
        json!({ "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": Value::Object(spec) });
    let text = yaml::document(&object);
    check(&text)?;
    let comment = users.map(|users| comment(users, options.names_users)).unwrap_or_default();
    Ok(Manifest { kind: kind.name.to_owned(), name: name.clone(), text: comment + &text })
}

fn connection_ref(name: &str, kind: ConnectionKind) -> Value {
    let mut reference = json!({ "name": name });
    if kind != ConnectionKind::default() {
        reference["kind"] = json!(kind);
    }
    reference
}

/// Reads the text as a plan reads it. Returns the rules that it breaks.
fn check(text: &str) -> Result<(), String> {
    let read = Manifests::read(&[Input { file: String::new(), text: text.to_owned() }], "default");
    let unreadable = read.unreadable.iter().map(|it| it.message.clone());
    let problems = read.objects.iter().filter_map(|object| object.content.as_ref().err()).flatten();
    let told: Vec<String> = unreadable.chain(problems.map(|it| format!("{}: {}", it.field, it.message))).collect();
    if told.is_empty() && read.objects.len() == 1 { Ok(()) } else { Err(told.join("; ")) }
}

/// Returns the comment about users. Their names are personal data, and may contain anything.
fn comment(users: &[User], is_named: bool) -> String {
    let plain = |user: &User| user.shown.chars().map(|it| if it.is_control() { ' ' } else { it }).collect::<String>();
    let named: Vec<String> = users.iter().take(NAMED_USERS).filter(|_| is_named).map(plain).collect();
    let more = users.len() - named.len();
    match (named.is_empty(), more) {
        (true, _) => format!("# held by {}\n", users.len()),
        (false, 0) => format!("# held by {}: {}\n", users.len(), named.join(", ")),
        (false, more) => format!("# held by {}: {} and {more} more\n", users.len(), named.join(", ")),
    }
}
