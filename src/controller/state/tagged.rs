//! Names an upstream object that has or had our owner tag.

/// The object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// Its id.
    pub id: String,
    /// The endpoint where it is.
    pub endpoint: String,
}
