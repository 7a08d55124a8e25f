//! The rules of `cloud-policy lint` and what breaks them.
//!
//! Each room that knows what a manifest means has rules of its own: a collection those of its objects, `lint` those of
//! every manifest. They meet here, so that one command shows them in one form.

use std::fmt::{self, Display, Formatter};

/// How bad a finding is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// It works, and probably does not do what its author meant; or it relies on what is not known.
    Warning,
    /// The API server or the operator refuses it.
    Error,
}

impl Level {
    /// Returns its name in outputs.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A rule, with a manifest that breaks it and one that keeps it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id, such as `CP101`. An id is never used again for another rule.
    pub id: &'static str,
    /// Its name: a few words with hyphens.
    pub name: &'static str,
    /// How bad its findings are.
    pub level: Level,
    /// What it finds, why that matters, and what to do: sentences.
    pub text: &'static str,
    /// A manifest with one finding of this rule, and of no other one but that which a useless exception leaves.
    pub bad: &'static str,
    /// The same manifest without the mistake, and without findings.
    pub good: &'static str,
}

/// A broken rule in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// The path in the object, such as `spec.ncloud.permissions[0].targets[0].product`.
    pub field: String,
    /// What is wrong here and how to correct it: a sentence without the path.
    pub message: String,
}

impl Finding {
    /// Describes a broken rule.
    #[must_use]
    pub fn new(rule: &'static Rule, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, field: field.into(), message: message.into() }
    }
}

impl Display for Level {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
