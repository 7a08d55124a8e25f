//! A user of an upstream object: it holds what the object grants.

/// The kind of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UserKind {
    /// A sub account of NAVER Cloud.
    SubAccount,
    /// A group of sub accounts. Its members are not resolved.
    Group,
    /// A role.
    Role,
    /// Any other.
    Other,
}

/// A user of an upstream object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct User {
    /// Its kind.
    pub kind: UserKind,
    /// A text for people, such as `SubAccount alice (1b9d…)`. The name in it is personal data.
    pub shown: String,
}
