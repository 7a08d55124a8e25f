//! QUEUE

pub mod backoff;
pub mod permits;
pub mod priority;
