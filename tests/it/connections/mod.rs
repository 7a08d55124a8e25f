//! Connections: how their changes reach the objects that use them, and the reasons why one is unavailable.

mod changes;
mod denied;
mod moved;
mod moved_refusals;
mod troubles;
