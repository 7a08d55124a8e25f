//! How urgent a request is: who goes first where requests wait for the limits of a connection.

/// How urgent the work is that a request belongs to, least urgent first. Deletions go before
/// changes, because what is deleted grants access until it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Comparing what is settled, and another try for what failed before: neither may hold up
    /// what somebody waits for.
    Background,
    /// A new or changed spec.
    Change,
    /// Something is to go.
    Deletion,
    /// Whether the connection works at all: all others depend on it.
    Probe,
}

impl Urgency {
    /// The value of the metric's label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Change => "change",
            Self::Deletion => "deletion",
            Self::Probe => "probe",
        }
    }
}
