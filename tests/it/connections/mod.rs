//! Connections: how a change of one reaches its objects, and the reasons why one is unusable.

mod changes;
mod troubles;
