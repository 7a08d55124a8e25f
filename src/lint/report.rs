//! The result of a lint, which is also the JSON output.

use crate::engine::finding::Level;
use crate::manifests::Manifests;
use crate::upstream::catalogue::Catalogue;
use serde::Serialize;

/// The version of the JSON output.
const VERSION: &str = "cloudpolicy.dev/lint/v1";

/// A finding and its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// The file, or `-` for standard input.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The column in characters, from 1; 0 if it is not known.
    pub column: u64,
    /// How bad it is: `error` or `warning`.
    pub level: &'static str,
    /// The id of the rule.
    pub rule: &'static str,
    /// The name of the rule.
    pub name: &'static str,
    /// The object, such as `Policy team-a/viewer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The path in the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and how to correct it.
    pub message: String,
    /// The line on which its document begins.
    #[serde(skip)]
    pub document: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The version of this form.
    pub version: &'static str,
    /// The findings, in the order of their places.
    pub findings: Vec<Found>,
    /// The counts.
    pub summary: Summary,
    /// What the catalogue knows.
    pub catalogue: String,
    /// Whether something could not be read.
    #[serde(skip)]
    unreadable: bool,
}

/// The counts of a lint.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The findings that the API server or the operator refuses.
    pub errors: usize,
    /// The other findings.
    pub warnings: usize,
    /// The findings that comments allow.
    pub allowed: usize,
    /// The objects of managed kinds and the connections that were read.
    pub objects: usize,
    /// The documents of other APIs.
    pub ignored: usize,
}

/// The worst findings that are no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Errors fail.
    #[default]
    Error,
    /// Warnings fail, too.
    Warning,
    /// Findings never fail.
    Never,
}

/// How a lint ended, which is the exit code of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Verdict {
    /// Nothing that fails was found.
    Passed = 0,
    /// Something could not be read.
    Failed = 1,
    /// Something that fails was found.
    Found = 3,
}

impl Report {
    pub(super) fn of(findings: Vec<Found>, allowed: usize, manifests: &Manifests, catalogue: &Catalogue) -> Self {
        let count = |level: Level| findings.iter().filter(|it| it.level == level.label()).count();
        let refused = manifests.unreadable.iter().filter(|it| it.refused).count();
        let summary = Summary {
            errors: count(Level::Error),
            warnings: count(Level::Warning),
            allowed,
            objects: manifests.objects.len() + manifests.connections.len() + refused,
            ignored: manifests.ignored,
        };
        let unreadable = manifests.unreadable.len() > refused;
        Self { version: VERSION, findings, summary, catalogue: catalogue.coverage(), unreadable }
    }

    /// Returns how the lint ended.
    #[must_use]
    pub fn verdict(&self, fail_on: FailOn) -> Verdict {
        let Summary { errors, warnings, .. } = self.summary;
        let fails = match fail_on {
            FailOn::Error => errors,
            FailOn::Warning => errors + warnings,
            FailOn::Never => 0,
        };
        match (self.unreadable, fails) {
            (true, _) => Verdict::Failed,
            (false, 0) => Verdict::Passed,
            (false, _) => Verdict::Found,
        }
    }
}
