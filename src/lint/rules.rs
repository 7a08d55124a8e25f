//! The rules for every manifest, and all rules together.

use crate::engine::finding::Level::{Error, Warning};
use crate::engine::finding::Rule;
use crate::upstream::registry;

pub static UNREADABLE: Rule = Rule {
    id: "CP010",
    name: "unreadable",
    level: Error,
    text: "The text is no valid YAML, or a document is no Kubernetes object. Nothing can be told about it, so the command ends with exit code 1.",
    bad: include_str!("examples/CP010.bad.yaml"),
    good: include_str!("examples/CP010.good.yaml"),
};
pub static BROKEN_SCHEMA: Rule = Rule {
    id: "CP011",
    name: "broken-schema",
    level: Error,
    text: "A field is unknown, missing or of another form, and the API server refuses the object. Rules of the API server about several fields are checked only where the operator checks them, too.",
    bad: include_str!("examples/CP011.bad.yaml"),
    good: include_str!("examples/CP011.good.yaml"),
};
pub static REFUSED: Rule = Rule {
    id: "CP012",
    name: "invalid-spec",
    level: Error,
    text: "The API server accepts the object, and the operator refuses it with the reason `InvalidSpec`, because the upstream cannot store it.",
    bad: include_str!("examples/CP012.bad.yaml"),
    good: include_str!("examples/CP012.good.yaml"),
};
pub static MISFORMED_EXCEPTION: Rule = Rule {
    id: "CP020",
    name: "exception-form",
    level: Warning,
    text: "A comment `cloud-policy:allow` needs the id of a rule that warns and a reason, such as `# cloud-policy:allow CP101 new product`. Errors cannot be allowed.",
    bad: include_str!("examples/CP020.bad.yaml"),
    good: include_str!("examples/CP020.good.yaml"),
};
pub static UNUSED_EXCEPTION: Rule = Rule {
    id: "CP021",
    name: "unused-exception",
    level: Warning,
    text: "A comment `cloud-policy:allow` allows no finding: remove it, so that it does not hide a later one.",
    bad: include_str!("examples/CP021.bad.yaml"),
    good: include_str!("examples/CP021.good.yaml"),
};

/// The rules for every manifest.
static OWN: [&Rule; 5] = [&UNREADABLE, &BROKEN_SCHEMA, &REFUSED, &MISFORMED_EXCEPTION, &UNUSED_EXCEPTION];

/// Returns all rules in the order of their ids.
#[must_use]
pub fn all() -> Vec<&'static Rule> {
    let mut all: Vec<&Rule> = OWN.into_iter().chain(registry::rules()).collect();
    all.sort_by_key(|rule| rule.id);
    all
}

/// Returns the rule with this id.
pub fn by_id(id: &str) -> Option<&'static Rule> {
    all().into_iter().find(|rule| rule.id == id)
}
