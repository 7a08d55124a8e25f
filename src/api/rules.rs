//! The rules that need two fields, or the object as it was, as CEL for the API server.
//!
//! A rule about an optional field stands on the parent: on the field itself it would not be
//! asked when the field is added or removed, so that removing and adding would change what is
//! immutable.

use kube::core::Rule;

/// Exactly one of the two upstream blocks.
pub fn one_upstream() -> Rule {
    Rule::new("has(self.ncloud) != has(self.spaceone)")
        .message("exactly one of spec.ncloud and spec.spaceone must be set")
}

/// The upstream block that was chosen stays.
pub fn same_upstream() -> Rule {
    Rule::new("has(self.ncloud) == has(oldSelf.ncloud) && has(self.spaceone) == has(oldSelf.spaceone)")
        .message("spec.ncloud and spec.spaceone cannot take each other's place: delete this object and create another")
}

/// The connection stays.
pub fn same_connection() -> Rule {
    Rule::new("self.connectionRef == oldSelf.connectionRef")
        .message("spec.connectionRef is immutable, as another connection is another account: delete this object and create another")
        .field_path(".connectionRef")
}

/// An id to take over stays; it may still be added.
pub fn same_external_id() -> Rule {
    Rule::new("!has(oldSelf.externalId) || (has(self.externalId) && self.externalId == oldSelf.externalId)")
        .message("spec.externalId is immutable once set: delete this object and create another")
        .field_path(".externalId")
}

/// The id to take over is the id that is written.
pub fn external_id_is_policy_id() -> Rule {
    Rule::new("!has(self.externalId) || !has(self.spaceone) || self.externalId == self.spaceone.policyId")
        .message("spec.externalId of a SpaceONE policy must equal spec.spaceone.policyId: leave it out")
        .field_path(".externalId")
}

/// A required field of an upstream block stays.
pub fn same(block: &str, field: &str) -> Rule {
    Rule::new(format!("self.{field} == oldSelf.{field}"))
        .message(immutable(block, field).as_str())
        .field_path(format!(".{field}"))
}

/// An optional field of an upstream block stays as it is or absent.
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

/// The Sub Account API is named by its zone or by its address.
pub fn zone_or_endpoint() -> Rule {
    Rule::new("has(self.zone) != has(self.endpoint)")
        .message("exactly one of spec.ncloud.zone and spec.ncloud.endpoint must be set")
}

/// All namespaces or some.
pub fn all_or_names() -> Rule {
    Rule::new("!(has(self.all) && self.all && has(self.names))")
        .message("spec.allowedNamespaces takes either all: true or names")
}
