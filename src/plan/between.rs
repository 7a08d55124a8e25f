//! Compares manifests with earlier ones, without any upstream: what access the change of the files grants and revokes.

use super::hash;
use super::planner::blank;
use super::removal::{kept, revoked};
use super::report::{Access, Failure, Field, Planned, Report, Source};
use crate::api::{ConnectionKey, Reason};
use crate::engine::access::Change;
use crate::engine::access::effects::Effects;
use crate::engine::access::guardrails::Grants;
use crate::engine::actions::Action;
use crate::engine::diff::{SHOWN_FIELDS, child, shortened_beside};
use crate::manifests::{Described, Manifests, Object};
use crate::upstream::registry;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Returns what changes from `before` to `after`.
#[must_use]
pub fn between(before: &Manifests, after: &Manifests) -> Report {
    let known: BTreeMap<String, &Object> = before.objects.iter().map(|object| (object.title(), object)).collect();
    let described: BTreeSet<String> = after.objects.iter().map(Object::title).collect();
    let mut planned: Vec<Planned> =
        after.objects.iter().map(|object| changed(known.get(&object.title()).copied(), object)).collect();
    planned.extend(before.objects.iter().filter(|object| !described.contains(&object.title())).map(gone));
    let unreadable = before.unreadable.iter().chain(&after.unreadable);
    let failures = unreadable.map(|it| Failure {
        object: None,
        file: Some(it.origin.file.clone()),
        line: Some(it.origin.line),
        message: it.message.clone(),
    });
    hash::sealed(Report::of(Source::Git, planned, failures.collect(), after.ignored))
}

/// Returns how an object changes.
fn changed(before: Option<&Object>, after: &Object) -> Planned {
    let mut planned = blank(after);
    let now = match &after.content {
        Ok(now) => &**now,
        Err(problems) => {
            planned.action = Action::Blocked;
            planned.reason = Some(Reason::InvalidSpec.as_str());
            planned.message = Some(after.describe(problems));
            return planned;
        }
    };
    let old = before.and_then(|object| object.content.as_ref().ok()).map(|old| &**old);
    if let (Some(_), None) = (before, old) {
        planned.warnings.push("It was invalid before, so it counts as new.".to_owned());
    }
    let Some(old) = old else {
        planned.action = Action::Create;
        planned.access = access(None, Some(now));
        return planned;
    };
    if now.has_spec_of(old) {
        return planned;
    }
    planned.fields = fields(old, now, after);
    let moves = place(old, &after.namespace) != place(now, &after.namespace);
    (planned.action, planned.access) = if moves {
        let from = access(Some(old), None);
        let to = access(None, Some(now));
        (Action::Recreate, Access { change: "both", grants: to.grants, revokes: from.revokes })
    } else {
        (Action::Update, access(Some(old), Some(now)))
    };
    planned
}

/// Returns what becomes of an object that is not described any more.
fn gone(object: &Object) -> Planned {
    let mut planned = blank(object);
    planned.message = Some(format!("Only {} describes it.", object.origin.file));
    // The file may not exist any more.
    (planned.file, planned.line) = (None, None);
    let Ok(content) = &object.content else { return planned };
    (planned.action, planned.access) = match content.orphan_reason() {
        Some(why) => {
            planned.warnings.push(kept(why).to_owned());
            (Action::Orphan, Access::of(&Effects::default()))
        }
        None => (Action::Delete, revoked(&**content)),
    };
    planned
}

/// Returns where the upstream object of a spec is: its connection and its name there.
fn place(content: &dyn Described, namespace: &str) -> (String, Option<(&'static str, String)>) {
    let key = ConnectionKey::of(&content.common().connection_ref, namespace).to_string();
    let identity = registry::identity(content.desired());
    (key, identity.map(|it| (it.system, it.name.map(|(_, name)| name.to_owned()).unwrap_or_default())))
}

/// Returns how access changes. An object that only observes grants nothing.
fn access(old: Option<&dyn Described>, new: Option<&dyn Described>) -> Access {
    let old = old.filter(|content| !content.only_observes());
    let new = new.filter(|content| !content.only_observes());
    let mut found = None;
    with_grants(old, &mut |old| with_grants(new, &mut |new| found = Some(Effects::between(old, new))));
    match found.filter(|_| has_grants(old) || has_grants(new)) {
        Some(effects) => Access::of(&effects),
        None => Access::of(&Effects::of_change(change(old, new), None)),
    }
}

/// Returns how access changes where grants do not tell.
fn change(old: Option<&dyn Described>, new: Option<&dyn Described>) -> Change {
    match (old, new) {
        (Some(old), Some(new)) => registry::difference(new.desired(), old.desired()).reversed(),
        (None, Some(new)) => registry::granted(new.desired()),
        (Some(old), None) => registry::granted(old.desired()).reversed(),
        (None, None) => Change::Equal,
    }
}

fn has_grants(content: Option<&dyn Described>) -> bool {
    let mut has = false;
    with_grants(content, &mut |grants| has = *grants != Grants::Nothing);
    has
}

fn with_grants(content: Option<&dyn Described>, judge: &mut dyn FnMut(&Grants<'_>)) {
    match content {
        Some(content) => registry::examine(content.desired(), &mut |_, grants| judge(grants)),
        None => judge(&Grants::Nothing),
    }
}

/// Returns the fields that differ. A list of another length differs as a whole.
fn fields(old: &dyn Described, new: &dyn Described, object: &Object) -> Vec<Field> {
    let mut found = Vec::new();
    differences("spec", &old.spec_json(), &new.spec_json(), &mut |path, old, new| {
        found.push(Field {
            line: Some(object.line_of(path)),
            path: path.to_owned(),
            desired: shortened_beside(new, old),
            observed: shortened_beside(old, new),
        });
    });
    found.truncate(SHOWN_FIELDS);
    found
}

fn differences(path: &str, old: &Value, new: &Value, tell: &mut dyn FnMut(&str, &Value, &Value)) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(old), Value::Object(new)) => {
            let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            let of = |all: &Map<String, Value>, key: &String| all.get(key).cloned().unwrap_or_default();
            for key in keys {
                differences(&child(path, key), &of(old, key), &of(new, key), tell);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}[{at}]"), old, new, tell);
            }
        }
        (old, new) => tell(path, old, new),
    }
}
