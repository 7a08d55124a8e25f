//! CEL rules of the API server that compare two fields, or the new with the old object.
//!
//! A rule about an optional field belongs to the parent. The API server does not evaluate a rule of
//! the field itself when a user adds or removes the field, so a user could change an immutable
//! field by removing and adding it.
//!
//! What identifies the upstream object may be corrected as long as nothing exists upstream: these rules read the old
//! status, so they belong to the root. They also permit the way back to what status records.

use kube::core::Rule;

/// Requires exactly one of the two upstream blocks.
pub fn one_upstream() -> Rule {
    Rule::new("has(self.ncloud) != has(self.spaceone)")
        .message("exactly one of spec.ncloud and spec.spaceone must be set")
}

/// Requires the same upstream block as before.
pub fn same_upstream() -> Rule {
    Rule::new("has(self.ncloud) == has(oldSelf.ncloud) && has(self.spaceone) == has(oldSelf.spaceone)")
        .message("spec.ncloud and spec.spaceone cannot replace each other: delete this object and create another")
}

/// Requires that `externalId` of a SpaceONE policy equals its `policyId`.
pub fn external_id_is_policy_id() -> Rule {
    Rule::new("!has(self.externalId) || !has(self.spaceone) || self.externalId == self.spaceone.policyId")
        .message("spec.externalId of a SpaceONE policy must equal spec.spaceone.policyId: remove spec.externalId")
        .field_path(".externalId")
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

/// Requires the same project as before, or its absence. A project that differs upstream may be corrected.
pub fn same_project() -> Rule {
    let path = "spec.spaceone.projectId";
    let same =
        format!("has(self.{path}) == has(oldSelf.{path}) && (!has(self.{path}) || self.{path} == oldSelf.{path})");
    let differs = format!("has(oldSelf.status.drift) && oldSelf.status.drift.fields.exists(f, f.path == '{path}')");
    let absent = "!has(self.spec.spaceone) || !has(oldSelf.spec.spaceone)";
    once_recorded("spaceone.projectId", &format!("{absent} || ({same}) || ({differs})"))
}

/// Requires something of a field of the spec while status records an upstream object or a pending write. The rule
/// belongs to the root of the object, because it reads the old status.
fn once_recorded(field: &str, holds: &str) -> Rule {
    let message = format!(
        "spec.{field} is immutable once status records an upstream object: delete this object and create another"
    );
    Rule::new(format!("!({RECORDED}) || {holds}")).message(message.as_str()).field_path(format!(".spec.{field}"))
}

/// Requires either the zone or the address of the Sub Account API.
pub fn zone_or_endpoint() -> Rule {
    Rule::new("has(self.zone) != has(self.endpoint)")
        .message("exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set")
}

/// Requires either all namespaces or a list of names.
pub fn all_or_names() -> Rule {
    Rule::new("!(has(self.all) && self.all && has(self.names))")
        .message("spec.allowedNamespaces must have either all: true or names, not both: write all: false to allow only the names")
}
