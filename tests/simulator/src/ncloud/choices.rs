//! The possible answers to facts that the documentation leaves open.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exchange::{Call, Reply};
use crate::faults::millis;
use crate::streams;

/// The rate limit, measured by the simulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// The number of requests per window.
    pub requests: u32,
    /// The length of the window.
    #[serde(with = "millis", rename = "windowMillis")]
    pub window: Duration,
}

/// How `searchWord` matches names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Search {
    /// Anywhere in the name.
    Substring,
    /// The whole name.
    Exact,
    /// At the start of the name.
    Prefix,
}

/// The order of actions and resources in a stored policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// As sent.
    Kept,
    /// Alphabetical.
    Sorted,
    /// Last first.
    Reversed,
}

/// How an absent description reads back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EmptyDescription {
    /// The field is absent.
    Omitted,
    /// The field is `""`.
    EmptyText,
    /// The field is `null`.
    Null,
}

/// The handling of tags in a create request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CreateTags {
    /// Stored.
    Stored,
    /// Silently ignored.
    Dropped,
    /// The request counts as malformed.
    Refused,
}

/// The body of the answer to a write that returns no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResultBody {
    /// None.
    Empty,
    /// A `ProcessResult`; deleting many answers an array of them.
    ProcessResult,
    /// The text `OK`.
    Text,
}

impl ResultBody {
    /// Returns the answer to a successful write on these policies.
    pub(crate) fn reply(self, status: u16, result: &impl Serialize) -> Reply {
        match self {
            Self::Empty => Reply::empty(status),
            Self::ProcessResult => Reply::json(status, result),
            Self::Text => Reply::text(status, "text/plain", "OK"),
        }
    }
}

/// Whether answers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Compression {
    /// Never.
    Never,
    /// With gzip, unless the request has `Accept-Encoding: identity`.
    UnlessIdentity,
    /// With gzip, whatever the request says.
    Always,
}

impl Compression {
    /// Returns the answer to a call as it is sent.
    pub(crate) fn apply(self, call: &Call, reply: Reply) -> Reply {
        let compressed = match self {
            Self::Never => false,
            Self::UnlessIdentity => call.header("accept-encoding") != Some("identity"),
            Self::Always => true,
        };
        if !compressed || reply.body.is_empty() {
            return reply;
        }
        let body = streams::gzip(&reply.body);
        Reply { body: body.into(), ..reply }.with_header("content-encoding", "gzip")
    }
}

/// The rules of tags. The pages of the documentation disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TagRule {
    /// Each character is allowed.
    Any,
    /// The newest page: `_ . / = + - @` and values of at most 256 characters.
    Newest,
    /// The older page of version 1: `( ) - _` and values of at most 128 characters.
    Older,
    /// The page of the government zone: `- _` and values of at most 127 characters.
    Government,
}

impl TagRule {
    /// Returns true if the rule allows this tag.
    pub(crate) fn allows(self, key: &str, value: &str) -> bool {
        let (specials, longest_key, longest_value) = match self {
            Self::Any => ("", 128, 256),
            Self::Newest => ("_./=+-@", 128, 256),
            Self::Older => ("()-_", 128, 128),
            Self::Government => ("-_", 127, 127),
        };
        let allowed = |c: char| self == Self::Any || c.is_alphanumeric() || specials.contains(c);
        let fits =
            |text: &str, longest: usize| (1..=longest).contains(&text.chars().count()) && text.chars().all(allowed);
        fits(key, longest_key) && fits(value, longest_value)
    }
}
