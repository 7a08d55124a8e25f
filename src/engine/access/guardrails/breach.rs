//! How an object is beyond the bound, and how people are told.

use crate::engine::access::change::{Undecided, shortened};
use crate::engine::access::ncloud::Request;
use std::fmt::{self, Display, Formatter};

/// How an object is beyond the bound.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// The indexes of the rules that forbid it; none if no rule applies.
    pub rules: Vec<usize>,
    /// What they forbid.
    pub kind: BreachKind,
}

/// What a rule forbids.
#[derive(Debug, Clone, PartialEq)]
pub enum BreachKind {
    /// No rule applies to the namespace.
    NoRule {
        /// The namespace.
        namespace: String,
    },
    /// No rule permits this request.
    NotAllowed(Witness),
    /// No rule permits this request, which needs an explicit statement because of what it is about.
    NotExplicit {
        /// The request.
        witness: Witness,
        /// The product or the service.
        about: String,
    },
    /// A rule denies this request.
    Denied(Witness),
    /// A permission allows this request without a condition that a rule requires.
    NoCondition {
        /// The request.
        witness: Witness,
        /// The key that the condition lacks.
        key: String,
    },
    /// The upstream name does not begin as a rule requires.
    Name {
        /// The name.
        name: String,
        /// How it must begin.
        prefix: String,
    },
    /// The namespace has enough objects that come before.
    TooMany {
        /// How many a rule permits.
        most: usize,
    },
    /// The engine cannot tell.
    Undecided(Undecided),
}

/// A concrete request that an object grants.
#[derive(Debug, Clone, PartialEq)]
pub enum Witness {
    /// One of NAVER Cloud.
    Ncloud(Box<Request>),
    /// One of `SpaceONE`.
    Spaceone(String),
}

impl Breach {
    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.kind, BreachKind::Undecided(_))
    }

    /// Returns what people can do, as a sentence.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self.kind {
            BreachKind::NoRule { .. } => "Ask who maintains the connection for a rule.",
            BreachKind::NotAllowed(_) | BreachKind::NotExplicit { .. } | BreachKind::Denied(_) => {
                "Narrow the permissions, or ask who maintains the connection for a wider bound."
            }
            BreachKind::NoCondition { .. } => "Add the condition to every permission that allows.",
            BreachKind::Name { .. } => "Choose another name.",
            BreachKind::TooMany { .. } => "Delete objects that are not needed, or ask who maintains the connection.",
            BreachKind::Undecided(_) => "Write the permissions more simply.",
        }
    }

    /// Returns the paths of the rules.
    fn paths(&self) -> String {
        let paths: Vec<String> = self.rules.iter().map(|index| format!("spec.guardrails[{index}]")).collect();
        paths.join(", ")
    }
}

impl Display for Breach {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rules = self.paths();
        match &self.kind {
            BreachKind::NoRule { namespace } => {
                write!(f, "no rule of spec.guardrails applies to namespace {namespace}")
            }
            BreachKind::NotAllowed(witness) => write!(f, "{rules} does not allow this request: {witness}"),
            BreachKind::NotExplicit { witness, about } => {
                write!(f, "{rules} does not allow {about} explicitly, as it must for this request: {witness}")
            }
            BreachKind::Denied(witness) => write!(f, "{rules} denies this request: {witness}"),
            BreachKind::NoCondition { witness, key } => {
                write!(f, "{rules} requires a condition on {key} for this request: {witness}")
            }
            BreachKind::Name { name, prefix } => {
                write!(f, "{rules} requires names that begin with {prefix}, not {name}")
            }
            BreachKind::TooMany { most } => write!(f, "{rules} permits {most} objects in the namespace"),
            BreachKind::Undecided(reason) => write!(f, "{rules} cannot be compared with the permissions: {reason}"),
        }
    }
}

impl Display for Witness {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            Self::Ncloud(request) => shortened(&request.to_string()),
            Self::Spaceone(request) => shortened(request),
        })
    }
}
