//! The cause of an upstream write.

/// Why the operator writes upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The spec is new or has changed.
    Spec,
    /// Another writer changed the upstream object.
    Drift,
    /// The operator writes its owner tag to an existing object.
    Adoption,
    /// The object is deleted and created again, because it cannot be changed in place.
    Recreate,
    /// The Kubernetes object is deleted.
    Deletion,
}

impl Cause {
    /// Returns the value of `cause` in the audit log and in the metric.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Drift => "drift",
            Self::Adoption => "adoption",
            Self::Recreate => "recreate",
            Self::Deletion => "deletion",
        }
    }
}
