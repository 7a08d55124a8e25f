//! What a simulated NAVER Cloud account is like.
//!
//! [`Switches`] holds one field for every fact about the API that documentation leaves open: the default
//! is the likeliest answer, and a client must survive the others as well.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::errors::{ErrorAnswer, ErrorShape};
use crate::clock::Clock;
use crate::faults::millis;
use crate::journal::Journal;

/// How to start a simulated account.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Shared with the caller to move the server's time.
    pub clock: Clock,
    /// Shared between simulators to get one order of events.
    pub journal: Journal,
    /// Seed of the ids.
    pub seed: u64,
    /// The access key that the account knows.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Access keys and secrets beside that one, such as an old key that is not revoked yet.
    pub further_keys: Vec<(String, String)>,
    /// Member number, as it occurs in NRNs.
    pub member_number: String,
    /// Facts that are not settled.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::system(),
            journal: Journal::default(),
            seed: 1,
            access_key: "SIMULATORACCESSKEY01".to_owned(),
            secret_key: "SimulatorSecret/000000000000000000000001".to_owned(),
            further_keys: Vec::new(),
            member_number: "1234567".to_owned(),
            switches: Switches::default(),
        }
    }
}

/// Requests allowed per window, by the simulator's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Requests answered per window.
    pub requests: u32,
    /// Length of the window.
    #[serde(with = "millis", rename = "windowMillis")]
    pub window: Duration,
}

/// How `searchWord` is matched against names.
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

/// What becomes of the order of actions and resources in a stored policy.
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

/// What becomes of tags sent with a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CreateTags {
    /// Stored.
    Stored,
    /// Silently ignored.
    Dropped,
    /// The request is malformed.
    Refused,
}

/// The body of a successful delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeleteBody {
    /// None.
    Empty,
    /// A `ProcessResult`; deleting many answers an array of them.
    ProcessResult,
}

/// The facts that documentation leaves open, one field each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one independent yes-or-no fact")]
pub struct Switches {
    /// HTTP status of a create or edit whose `validationResult.success` is false.
    pub refused_status: u16,
    /// HTTP status of a successful create.
    pub create_status: u16,
    /// HTTP status of a successful delete.
    pub delete_status: u16,
    /// Body of a successful delete (none is documented for one policy, none was seen for many).
    pub delete_body: DeleteBody,
    /// Body of a successful delete of many.
    pub delete_many_body: DeleteBody,
    /// Whether two user-created policies may not share a name.
    pub unique_names: bool,
    /// Whether names that differ in case are different names.
    pub case_sensitive_names: bool,
    /// Meaning of `searchWord`.
    pub search: Search,
    /// Largest `size` that is honoured; larger ones are cut down to it.
    pub largest_page: Option<u32>,
    /// Whether lists start with the newest policy.
    pub newest_first: bool,
    /// Whether resource `*` reads back as `nrn:*:{product}:*::*` (seen on product `Server`).
    pub rewrite_wildcard: bool,
    /// Order of actions and resources after storing.
    pub order: Order,
    /// Whether an edit without description clears it.
    pub clear_omitted_description: bool,
    /// How an absent description reads back.
    pub empty_description: EmptyDescription,
    /// Whether effect `Deny` is accepted (newer documentation) or only `Allow` (older).
    pub deny: bool,
    /// Tags sent with a create.
    pub create_tags: CreateTags,
    /// Whether create and edit answer with the policy's tags.
    pub tags_in_result: bool,
    /// Whether NRNs of user-created policies carry the member number.
    pub member_number_in_nrn: bool,
    /// Whether validation details say where the problem is.
    pub locations: bool,
    /// Whether validation messages are Korean.
    pub korean: bool,
    /// Products known besides the built-in catalogue.
    pub more_products: Vec<String>,
    /// Products that can only be granted whole, so that any action but `*` is refused.
    pub whole_products: Vec<String>,
    /// Sub accounts, groups and roles that exist; `None` takes every id for existing.
    pub holders: Option<Vec<String>>,
    /// How many reads of a new policy find nothing yet (eventual consistency).
    pub hidden_reads: u32,
    /// Whether a `Content-Type` is demanded on every request.
    pub demand_content_type: bool,
    /// Whether the gateway prints its error codes as numbers.
    pub numeric_gateway_codes: bool,
    /// Whether a gateway 401 explains itself in `details`.
    pub authentication_details: bool,
    /// Requests per window.
    pub rate_limit: Option<RateLimit>,
    /// `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
    /// Largest request body in bytes.
    pub largest_body: usize,
    /// User-created policies per account.
    pub policy_limit: usize,
    /// Answer to the policy beyond the limit.
    pub over_limit: ErrorAnswer,
    /// Answer to a name that is taken.
    pub duplicate_name: ErrorAnswer,
    /// Answer to an id that is no policy's.
    pub unknown_policy: ErrorAnswer,
    /// Answer to deleting a policy that someone holds.
    pub still_assigned: ErrorAnswer,
    /// Answer to changing or deleting a system policy.
    pub system_managed: ErrorAnswer,
    /// Answer to a body that is not JSON of the right shape.
    pub malformed: ErrorAnswer,
    /// Answer to an unknown sub account, group or role.
    pub unknown_holder: ErrorAnswer,
}

impl Default for Switches {
    fn default() -> Self {
        use ErrorShape::{Gateway, TopLevel};
        let error = ErrorAnswer::new;
        Self {
            refused_status: 200,
            create_status: 200,
            delete_status: 200,
            delete_body: DeleteBody::Empty,
            delete_many_body: DeleteBody::ProcessResult,
            unique_names: true,
            case_sensitive_names: true,
            search: Search::Substring,
            largest_page: None,
            newest_first: false,
            rewrite_wildcard: true,
            order: Order::Kept,
            clear_omitted_description: true,
            empty_description: EmptyDescription::Omitted,
            deny: true,
            create_tags: CreateTags::Stored,
            tags_in_result: true,
            member_number_in_nrn: true,
            locations: true,
            korean: false,
            more_products: Vec::new(),
            whole_products: Vec::new(),
            holders: None,
            hidden_reads: 0,
            demand_content_type: false,
            numeric_gateway_codes: false,
            authentication_details: true,
            rate_limit: None,
            retry_after: None,
            largest_body: 1 << 20,
            policy_limit: 500,
            over_limit: error(409, TopLevel, "9012", "최대 허용값을 초과하였습니다"),
            duplicate_name: error(409, TopLevel, "9011", "The policy name is already in use."),
            unknown_policy: error(404, TopLevel, "404", "This policy isn't registered."),
            still_assigned: error(409, TopLevel, "9013", "The policy is assigned and cannot be deleted."),
            system_managed: error(403, TopLevel, "9014", "A system managed policy cannot be changed."),
            malformed: error(400, Gateway, "100", "Bad Request Exception"),
            unknown_holder: error(401, TopLevel, "30", "Nonexistent account"),
        }
    }
}
