//! CEL rules of the API server that compare two fields, or the new with the old object. Rules about the fields of one
//! kind are in its own file.
//!
//! A rule about an optional field belongs to the parent. The API server does not evaluate a rule of
//! the field itself when a user adds or removes the field, so a user could change an immutable
//! field by removing and adding it.
//!
//! What identifies the upstream object may be corrected as long as nothing exists upstream: these rules read the old
//! status, so they belong to the root. They also permit the way back to what status records.

use kube::core::Rule;

/// Requires exactly one of these fields of the spec.
pub fn one_of(fields: &[&str]) -> Rule {
    let set: Vec<_> = fields.iter().map(|field| format!("has(self.{field})")).collect();
    let message = format!("exactly one of {} must be set", named(fields));
    Rule::new(format!("[{}].exists_one(is_set, is_set)", set.join(", "))).message(message.as_str())
}

/// Requires the same one of these fields of the spec as before.
pub fn same_choice(fields: &[&str]) -> Rule {
    let same: Vec<_> = fields.iter().map(|field| format!("has(self.{field}) == has(oldSelf.{field})")).collect();
    let message = format!("{} cannot replace each other: delete this object and create another", named(fields));
    Rule::new(same.join(" && ")).message(message.as_str())
}

/// Returns the fields of the spec as a list in words, such as `spec.a, spec.b and spec.c`.
fn named(fields: &[&str]) -> String {
    let paths: Vec<_> = fields.iter().map(|field| format!("spec.{field}")).collect();
    match paths.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        paths => paths.concat(),
    }
}

/// Whether the object before the change has something upstream, or may have.
const RECORDED: &str = "has(oldSelf.status) && (has(oldSelf.status.upstream) || has(oldSelf.status.operation))";

/// Requires the same connection as before, or the recorded one.
pub fn same_connection() -> Rule {
    let recorded = "has(oldSelf.status.upstream) \
        && self.spec.connectionRef.kind == oldSelf.status.upstream.connection.kind \
        && self.spec.connectionRef.name == oldSelf.status.upstream.connection.name";
    let holds = format!("self.spec.connectionRef == oldSelf.spec.connectionRef || ({recorded})");
    once_recorded("connectionRef", &holds)
}

/// Requires the same `externalId` as before; a user may still add it.
pub fn same_external_id() -> Rule {
    let same = "has(self.spec.externalId) && self.spec.externalId == oldSelf.spec.externalId";
    once_recorded("externalId", &format!("!has(oldSelf.spec.externalId) || ({same})"))
}

/// Requires the same name in an upstream block as before, or the recorded one.
pub fn same_name(block: &str, field: &str) -> Rule {
    let (now, before) = (format!("self.spec.{block}.{field}"), format!("oldSelf.spec.{block}.{field}"));
    let recorded = format!("has(oldSelf.status.upstream) && {now} == oldSelf.status.upstream.key");
    let absent = format!("!has(self.spec.{block}) || !has(oldSelf.spec.{block})");
    once_recorded(&format!("{block}.{field}"), &format!("{absent} || {now} == {before} || ({recorded})"))
}

/// Requires something of a field of the spec while status records an upstream object or a pending write. The rule
/// belongs to the root of the object, because it reads the old status.
pub fn once_recorded(field: &str, holds: &str) -> Rule {
    let message = format!(
        "spec.{field} is immutable once status records an upstream object: delete this object and create another"
    );
    Rule::new(format!("!({RECORDED}) || {holds}")).message(message.as_str()).field_path(format!(".spec.{field}"))
}
