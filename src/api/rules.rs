//! CEL rules of the API server that compare two fields, or the new with the old object.
//!
//! A rule about an optional field belongs to the parent. The API server does not evaluate a rule of
//! the field itself when a user adds or removes the field, so a user could change an immutable
//! field by removing and adding it.

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

/// Requires the same connection as before.
pub fn same_connection() -> Rule {
    Rule::new("self.connectionRef == oldSelf.connectionRef")
        .message("spec.connectionRef is immutable, because another connection is another account: delete this object and create another")
        .field_path(".connectionRef")
}

/// Requires the same `externalId` as before; a user may still add it.
pub fn same_external_id() -> Rule {
    Rule::new("!has(oldSelf.externalId) || (has(self.externalId) && self.externalId == oldSelf.externalId)")
        .message("spec.externalId is immutable once set: delete this object and create another")
        .field_path(".externalId")
}

/// Requires that `externalId` of a SpaceONE policy equals its `policyId`.
pub fn external_id_is_policy_id() -> Rule {
    Rule::new("!has(self.externalId) || !has(self.spaceone) || self.externalId == self.spaceone.policyId")
        .message("spec.externalId of a SpaceONE policy must equal spec.spaceone.policyId: remove spec.externalId")
        .field_path(".externalId")
}

/// Requires the same value of a required field of an upstream block as before.
pub fn same(block: &str, field: &str) -> Rule {
    Rule::new(format!("self.{field} == oldSelf.{field}"))
        .message(immutable(block, field).as_str())
        .field_path(format!(".{field}"))
}

/// Requires the same value of an optional field of an upstream block as before, or its absence.
pub fn same_optional(block: &str, field: &str) -> Rule {
    Rule::new(format!(
        "has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    ))
    .message(immutable(block, field).as_str())
    .field_path(format!(".{field}"))
}

fn immutable(block: &str, field: &str) -> String {
    format!("spec.{block}.{field} is immutable upstream: delete this object and create another")
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
