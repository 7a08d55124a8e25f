//! What is wrong with manifests, told without any network: what the API server and the operator refuse, and what probably
//! does not mean what its author meant.
//!
//! **Place.** Beside `plan`, between `cli` and the rooms that know the kinds. It has no Kubernetes client, and reads neither
//! files nor the environment: `cli` hands both over. The rules of a collection are in its own folder
//! ([`crate::upstream::registry::lint`]); here are those of every manifest.
//!
//! **Contract.**
//! - A finding has a rule, a file, a line and a column. Every rule has a manifest that breaks it and one that keeps it.
//! - Errors are what the API server or the operator refuses. What the catalogue does not know is a warning: the upstream
//!   stays the judge.
//! - What cannot be read is a finding, and never silence.
//! - A comment in a manifest may allow a warning at one place, with a reason. One that allows nothing is a finding.
//! - No output contains a text of a document of another API, such as a Secret.
//!
//! | module | contents |
//! | --- | --- |
//! | `rules` | the rules for every manifest, and all rules together |
//! | `exceptions` | the comments that allow findings |
//! | [`report`] | the result, which is also the JSON output |
//! | [`render`] | the outputs for people and for code scanning |
//! | [`reference`] | the page with all rules |

mod exceptions;
pub mod reference;
pub mod render;
pub mod report;
mod rules;

pub use report::{Found, Report};
pub use rules::all as rules;

use crate::engine::Problem;
use crate::engine::finding::Finding;
use crate::manifests::{Input, Manifests, Object, Unreadable};
use crate::upstream::catalogue::Catalogue;
use crate::upstream::registry;
use exceptions::Exceptions;
use rules::{BROKEN_SCHEMA, REFUSED, UNREADABLE};
use std::collections::BTreeMap;

/// Checks manifests.
#[must_use]
pub fn lint(inputs: &[Input], catalogue: &Catalogue) -> Report {
    // The namespace matters to no rule.
    let manifests = Manifests::read(inputs, "default");
    let mut found: Vec<Found> = manifests.unreadable.iter().map(unreadable).collect();
    for object in &manifests.objects {
        found.extend(of(object, catalogue).into_iter().map(|finding| at(object, finding)));
    }
    let starts = starts(&manifests);
    let mut allowed = 0;
    for input in inputs {
        let mut exceptions = Exceptions::read(input, starts.get(input.file.as_str()).map_or(&[], Vec::as_slice));
        if exceptions.is_empty() {
            continue;
        }
        let before = found.len();
        found.retain(|it| it.file != input.file || !exceptions.allows(it));
        allowed += before - found.len();
        found.extend(exceptions.findings());
    }
    found.sort();
    Report::of(found, allowed, &manifests, catalogue)
}

/// Returns what is wrong with an object.
fn of(object: &Object, catalogue: &Catalogue) -> Vec<Finding> {
    let broken = |rule, problem: &Problem| Finding::new(rule, &problem.field, &problem.message);
    match &object.content {
        Err(problems) => problems.iter().map(|problem| broken(&BROKEN_SCHEMA, problem)).collect(),
        Ok(content) => {
            let problems = registry::problems(content.desired());
            let refused = problems.iter().map(|problem| broken(&REFUSED, problem));
            refused.chain(registry::lint(content.desired(), catalogue)).collect()
        }
    }
}

fn at(object: &Object, finding: Finding) -> Found {
    let place = object.place_of(&finding.field);
    Found {
        file: object.origin.file.clone(),
        line: place.line,
        column: place.column,
        level: finding.rule.level.label(),
        rule: finding.rule.id,
        name: finding.rule.name,
        object: Some(object.title()),
        field: Some(finding.field),
        message: finding.message,
        document: object.origin.line,
    }
}

fn unreadable(it: &Unreadable) -> Found {
    let rule = if it.refused { &BROKEN_SCHEMA } else { &UNREADABLE };
    Found {
        file: it.origin.file.clone(),
        line: it.origin.line,
        column: it.origin.column,
        level: rule.level.label(),
        rule: rule.id,
        name: rule.name,
        object: None,
        field: None,
        message: it.message.clone(),
        document: it.origin.line,
    }
}

/// Returns the lines on which the objects of each file begin, and the lines of texts in which a comment is none.
fn starts(manifests: &Manifests) -> BTreeMap<&str, Vec<&Object>> {
    let mut all: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for object in &manifests.objects {
        all.entry(object.origin.file.as_str()).or_default().push(object);
    }
    all
}

#[cfg(test)]
mod tests;
