//! The only list of upstream collections: from a spec, or from a deletion record, to a bound object.

use super::Account;
use crate::api::{NetworkPolicySpec, PolicySpec};
use crate::engine::{Problem, Remnant, Stamp, Subject};
use std::sync::Arc;

/// What is wanted, of whichever kind.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// A `Policy`.
    Policy(&'a PolicySpec),
    /// A `NetworkPolicy`.
    NetworkPolicy(&'a NetworkPolicySpec),
}

/// Binds what is wanted to the collection that should hold it. A [`Problem`] when the connection
/// leads to another upstream than the spec speaks of.
pub fn bind(account: &Arc<Account>, wanted: Wanted<'_>, stamp: &Stamp) -> Result<Box<dyn Subject>, Problem> {
    let _ = (account, wanted, stamp);
    Err(Problem { field: "spec.connectionRef".to_owned(), message: "not there yet".to_owned() })
}

/// Binds what is left to delete to the collection that a deletion record names. `None` when the
/// connection does not hold that collection.
#[must_use]
pub fn remnant(account: &Arc<Account>, system: &str, stamp: &Stamp) -> Option<Box<dyn Remnant>> {
    let _ = (account, system, stamp);
    None
}
