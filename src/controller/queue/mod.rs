//! Decides which object is reconciled next, and when.
//!
//! | file | contents |
//! | --- | --- |
//! | [`permits`], `namespaces` | how many objects of one connection are reconciled at once; which waits for how long |
//! | [`priority`] | the priority of a reconcile |
//! | [`backoff`] | the wait before the next attempt |
//! | [`next`] | when an object is reconciled next |

pub mod backoff;
mod namespaces;
pub mod next;
pub mod permits;
pub mod priority;
