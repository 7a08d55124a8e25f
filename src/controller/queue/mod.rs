//! Decides which object is reconciled next, and when.
//!
//! | file | contents |
//! | --- | --- |
//! | [`permits`] | how many objects of one connection are reconciled at once |
//! | [`priority`] | the priority of a reconcile |
//! | [`backoff`] | the wait before the next attempt |

pub mod backoff;
pub mod permits;
pub mod priority;
