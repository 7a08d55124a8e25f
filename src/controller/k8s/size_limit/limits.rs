//! What is read of an object.

/// The annotation of an object that was not read whole. Only this module sets it, and only in memory.
pub(super) const TOO_LARGE: &str = "cloudpolicy.dev/too-large";

/// The most weight of one object, about the bytes that it takes in memory.
pub(super) const MAX_OBJECT: usize = 2 * 1024 * 1024;

/// The weight up to which an object is read whole although the limit of all objects is reached.
pub(super) const SMALL_OBJECT: usize = 8 * 1024;
