//! Tells when an object is reconciled next.

use std::time::Duration;

/// When an object is reconciled next, if it does not change before. The runtime has a type for it, too, and does not
/// tell what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next(Option<Duration>);

impl Next {
    /// Reconciles the object again after this time.
    #[must_use]
    pub const fn after(wait: Duration) -> Self {
        Self(Some(wait))
    }

    /// Reconciles the object only when it changes.
    #[must_use]
    pub const fn on_change() -> Self {
        Self(None)
    }

    /// Returns the time until the reconcile; `None` if only a change leads to one.
    #[must_use]
    pub const fn wait(self) -> Option<Duration> {
        self.0
    }
}
