//! A request, and what a policy does with it. This is the plain definition that every witness is checked against.

use super::interpretation::Interpretation;
use super::statement::{Statement, Statements};
use crate::engine::access::glob;
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// What a policy does with a request, in the order of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The request is refused, also if another policy allows it.
    Denied,
    /// The policy says nothing of it.
    Unspecified,
    /// The request is allowed, unless another policy denies it.
    Allowed,
}

/// A concrete request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The service code, such as `Server`.
    pub product: String,
    /// The action, such as `View/getServerDetail`.
    pub action: String,
    /// The resource, such as `nrn:PUB:Server:KR:1:Server/1`.
    pub resource: String,
    /// The condition keys that matter, with their values. The others have none.
    pub context: BTreeMap<String, String>,
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} on {}", self.product, self.action, self.resource)?;
        for (at, (key, value)) in self.context.iter().enumerate() {
            write!(f, " {} {key}={value}", if at == 0 { "with" } else { "and" })?;
        }
        Ok(())
    }
}

/// Returns what statements do with a request of their product. `opaque` tells whether clauses hold that are not
/// understood.
pub fn effect(statements: &Statements<'_>, request: &Request, interpretation: Interpretation, opaque: bool) -> Effect {
    let mut applying =
        statements.iter().filter(|statement| applies(statement, request, interpretation, opaque)).peekable();
    if applying.peek().is_none() {
        Effect::Unspecified
    } else if applying.any(|statement| statement.denies) {
        Effect::Denied
    } else {
        Effect::Allowed
    }
}

fn applies(statement: &Statement<'_>, request: &Request, interpretation: Interpretation, opaque: bool) -> bool {
    let value = |key: &str| request.context.get(key).map(String::as_str);
    statement.actions.iter().any(|action| glob::matches(action, &request.action))
        && statement
            .resources
            .iter()
            .any(|resource| interpretation.resource_matches(&interpretation.resource(resource), &request.resource).0)
        && statement
            .clauses
            .iter()
            .all(|clause| clause.holds(value(clause.key), interpretation.absent_passes_not, opaque))
}
