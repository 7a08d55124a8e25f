//! What a comparison found: each direction, and both together.

use std::fmt::{self, Display, Formatter};

/// How many characters of a witness people are shown.
const SHOWN_WITNESS: usize = 300;

/// How access changes from an old policy to a new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Change {
    /// Every request is treated the same.
    #[default]
    Equal,
    /// Some requests lose access, none gains any.
    Narrower,
    /// Some requests gain access, none loses any.
    Wider,
    /// Some requests gain access, and others lose it.
    Both,
    /// At least one direction is undecided.
    Unknown,
}

impl Change {
    /// Returns the change from the new policy back to the old one.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::Narrower => Self::Wider,
            Self::Wider => Self::Narrower,
            Self::Equal | Self::Both | Self::Unknown => self,
        }
    }

    /// Returns whether some request may gain access.
    #[must_use]
    pub fn may_grant(self) -> bool {
        matches!(self, Self::Wider | Self::Both | Self::Unknown)
    }

    /// Returns the change with these two directions.
    #[must_use]
    pub fn of(grants: bool, revokes: bool) -> Self {
        match (grants, revokes) {
            (false, false) => Self::Equal,
            (false, true) => Self::Narrower,
            (true, false) => Self::Wider,
            (true, true) => Self::Both,
        }
    }

    /// Returns its value in the audit log and in metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Both => "both",
            Self::Unknown => "unknown",
        }
    }
}

/// One direction of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding<W> {
    /// Proven: no request has more access.
    Nothing,
    /// This request has more access.
    Witness(W),
    /// Neither was shown.
    Undecided(Undecided),
}

/// Why a direction is undecided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undecided {
    /// The comparison would take too many steps.
    TooLarge,
    /// A pattern has a form whose meaning the upstream does not document.
    Pattern,
    /// A condition has an operator or a value whose meaning the upstream does not document.
    Condition,
}

/// Both directions of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<W> {
    /// What the new policy grants beyond the old one.
    pub granted: Finding<W>,
    /// What the old policy grants beyond the new one.
    pub revoked: Finding<W>,
}

impl<W> Comparison<W> {
    /// Returns both directions as one change.
    pub fn change(&self) -> Change {
        match (&self.granted, &self.revoked) {
            (Finding::Undecided(_), _) | (_, Finding::Undecided(_)) => Change::Unknown,
            (granted, revoked) => {
                let is_some = |found: &Finding<W>| matches!(found, Finding::Witness(_));
                Change::of(is_some(granted), is_some(revoked))
            }
        }
    }

    /// Returns whether the new policy may grant more. What is undecided may.
    pub fn may_widen(&self) -> bool {
        !matches!(self.granted, Finding::Nothing)
    }

    /// Returns a request that the new policy treats better, for people; `None` if none is known.
    pub fn witness(&self) -> Option<String>
    where
        W: Display,
    {
        let Finding::Witness(request) = &self.granted else { return None };
        Some(shortened(&request.to_string()))
    }

    /// Returns whether the new policy may grant less. What is undecided may.
    pub fn may_narrow(&self) -> bool {
        !matches!(self.revoked, Finding::Nothing)
    }
}

/// Returns a witness as people are shown it.
pub(super) fn shortened(witness: &str) -> String {
    let head: String = witness.chars().take(SHOWN_WITNESS).collect();
    if head == witness { head } else { format!("{head}...") }
}

impl<W> From<Result<Option<W>, Undecided>> for Finding<W> {
    fn from(found: Result<Option<W>, Undecided>) -> Self {
        match found {
            Ok(None) => Self::Nothing,
            Ok(Some(witness)) => Self::Witness(witness),
            Err(reason) => Self::Undecided(reason),
        }
    }
}

impl Display for Undecided {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the permissions are too large to compare",
            Self::Pattern => "a pattern has a form whose meaning is not documented",
            Self::Condition => "a condition has a meaning that is not documented",
        })
    }
}
