//! The label sets of counters and histograms. All values are constants of this program, never text of
//! users or upstreams.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use std::fmt::Write as _;

/// The ways in which an upstream request fails without an HTTP status.
pub const FAILURES: [&str; 6] = ["timeout", "connect", "broken", "too_large", "forbidden_address", "proxy"];

/// The label value for every other text.
const ERROR: &str = "error";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Kind {
    pub kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct KindResult {
    pub kind: &'static str,
    pub result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Call {
    pub system: &'static str,
    pub operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    pub system: &'static str,
    pub operation: &'static str,
    pub code: Code,
}

/// A request that the operator did not send.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Unsent {
    pub system: &'static str,
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Wait {
    pub system: &'static str,
    pub priority: &'static str,
}

/// A request that may change something upstream, with its cause and its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Write {
    /// The upstream collection.
    pub system: &'static str,
    /// The operation, such as `create policy`.
    pub operation: &'static str,
    /// `spec`, `drift`, `adoption`, `recreate` or `deletion`.
    pub cause: &'static str,
    /// `accepted`, `refused`, `failed` or `unknown`.
    pub outcome: &'static str,
}

/// A change of the access that the upstream grants.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AccessChange {
    /// The upstream collection.
    pub system: &'static str,
    /// `wider`, `narrower`, `both` or `unknown`.
    pub direction: &'static str,
    /// `spec`, `drift`, `recreate` or `deletion`; `external` if another writer made the change.
    pub cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct System {
    pub system: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Orphan {
    pub kind: &'static str,
    pub reason: &'static str,
}

/// The result of a request as a closed set, so that an upstream cannot create a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Code {
    Status(u16),
    Failure(&'static str),
}

impl Code {
    pub fn parse(code: &str) -> Self {
        match code.parse() {
            Ok(status @ 100..=599) => Self::Status(status),
            _ => Self::Failure(FAILURES.iter().find(|known| **known == code).unwrap_or(&ERROR)),
        }
    }
}

impl EncodeLabelValue for Code {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> Result<(), std::fmt::Error> {
        match self {
            Self::Status(status) => write!(encoder, "{status}"),
            Self::Failure(failure) => encoder.write_str(failure),
        }
    }
}
