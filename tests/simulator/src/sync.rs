//! One lock habit for the crate: state stays readable after a panic in another thread.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also when another holder panicked: a test that fails must not take the simulator down with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
