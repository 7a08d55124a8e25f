//! The options of a simulated NAVER Cloud account.
//!
//! [`Switches`] has one field for each fact about the API that the documentation leaves open. The default
//! is the most likely answer. A client must work with the others as well.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::choices::{Compression, CreateTags, EmptyDescription, Order, RateLimit, ResultBody, Search, TagRule};
use super::errors::{ErrorAnswer, ErrorShape};
use crate::clock::Clock;
use crate::journal::Journal;
use crate::lag::Lag;

/// The options with which an account starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 means a free port.
    pub listen: SocketAddr,
    /// The clock. The caller keeps a handle to move the server's time.
    pub clock: Clock,
    /// The journal. Simulators that share it number their entries in one order.
    pub journal: Journal,
    /// The seed of the ids.
    pub seed: u64,
    /// The access key of the account.
    pub access_key: String,
    /// The secret of the access key.
    pub secret_key: String,
    /// Additional access keys and secrets, such as an old key that is not revoked yet.
    pub further_keys: Vec<(String, String)>,
    /// The member number in NRNs.
    pub member_number: String,
    /// The answers to open facts.
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

/// The facts that the documentation leaves open, one field each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one independent yes-or-no fact")]
pub struct Switches {
    /// The HTTP status of a create or edit whose `validationResult.success` is false.
    pub refused_status: u16,
    /// The HTTP status of a successful create.
    pub create_status: u16,
    /// The HTTP status of a successful delete.
    pub delete_status: u16,
    /// The body of a successful delete (none is documented for one policy, none was seen for many).
    pub delete_body: ResultBody,
    /// The body of a successful delete of many.
    pub delete_many_body: ResultBody,
    /// The body of a successful change of a tag.
    pub tag_body: ResultBody,
    /// Whether names of user-created policies are unique.
    pub unique_names: bool,
    /// Whether a new policy must not have the name of a system policy either.
    pub system_names_reserved: bool,
    /// Whether names that differ in case are different names.
    pub case_sensitive_names: bool,
    /// How `searchWord` matches.
    pub search: Search,
    /// The largest effective `size`. Larger values are reduced to it.
    pub largest_page: Option<u32>,
    /// Whether lists start with the newest policy.
    pub newest_first: bool,
    /// Whether each list request finds another order, so that pages overlap and leave policies out.
    pub shuffled_pages: bool,
    /// Whether resource `*` reads back as `nrn:*:{product}:*::*` (seen on product `Server`).
    pub rewrite_wildcard: bool,
    /// The order of actions and resources in a stored policy.
    pub order: Order,
    /// Whether an edit without a description clears it.
    pub clear_omitted_description: bool,
    /// How an absent description reads back.
    pub empty_description: EmptyDescription,
    /// Whether effect `Deny` is accepted (newer documentation) or only `Allow` (older).
    pub deny: bool,
    /// The handling of tags in a create request.
    pub create_tags: CreateTags,
    /// The rules of tags.
    pub tag_rule: TagRule,
    /// Whether the tag endpoints accept system policies.
    pub system_tags: bool,
    /// Whether a validation refuses fields that its page does not have, such as tags.
    pub strict_validation: bool,
    /// Whether the answers to create and edit contain the policy's tags.
    pub tags_in_result: bool,
    /// Whether NRNs of user-created policies contain the member number.
    pub member_number_in_nrn: bool,
    /// Whether validation details contain a location.
    pub locations: bool,
    /// Whether validation messages are Korean.
    pub korean: bool,
    /// Additional products, beside the built-in catalogue.
    pub more_products: Vec<String>,
    /// Products that accept only the action `*`.
    pub whole_products: Vec<String>,
    /// The sub accounts, groups and roles that exist. With `None`, each id exists.
    pub principals: Option<Vec<String>>,
    /// The number of reads that do not show a new policy yet (eventual consistency).
    pub hidden_reads: u32,
    /// How far reads are behind writes.
    pub lag: Lag,
    /// Whether answers are compressed.
    pub compression: Compression,
    /// Whether each request needs a `Content-Type`.
    pub demand_content_type: bool,
    /// Whether the gateway prints its error codes as numbers.
    pub numeric_gateway_codes: bool,
    /// Whether a gateway 401 has the reason in `details`.
    pub authentication_details: bool,
    /// The rate limit.
    pub rate_limit: Option<RateLimit>,
    /// The `Retry-After` of a 429, in seconds.
    pub retry_after: Option<u32>,
    /// The largest request body in bytes.
    pub largest_body: usize,
    /// The largest number of user-created policies in the account.
    pub policy_limit: usize,
    /// The answer to a create beyond the limit.
    pub over_limit: ErrorAnswer,
    /// The answer to a name that is in use.
    pub duplicate_name: ErrorAnswer,
    /// The answer to an unknown policy id.
    pub unknown_policy: ErrorAnswer,
    /// The answer to a delete of a policy that is attached to a principal.
    pub still_assigned: ErrorAnswer,
    /// The answer to a change or delete of a system policy.
    pub system_managed: ErrorAnswer,
    /// The answer to a body that is not JSON of the right shape.
    pub malformed: ErrorAnswer,
    /// The answer to an unknown sub account, group or role.
    pub unknown_principal: ErrorAnswer,
}

impl Default for Switches {
    fn default() -> Self {
        use ErrorShape::{Gateway, TopLevel};
        let error = ErrorAnswer::new;
        Self {
            refused_status: 200,
            create_status: 200,
            delete_status: 200,
            delete_body: ResultBody::Empty,
            delete_many_body: ResultBody::ProcessResult,
            tag_body: ResultBody::ProcessResult,
            unique_names: true,
            system_names_reserved: false,
            case_sensitive_names: true,
            search: Search::Substring,
            largest_page: None,
            newest_first: false,
            shuffled_pages: false,
            rewrite_wildcard: true,
            order: Order::Kept,
            clear_omitted_description: true,
            empty_description: EmptyDescription::Omitted,
            deny: true,
            create_tags: CreateTags::Stored,
            tag_rule: TagRule::Any,
            system_tags: false,
            strict_validation: false,
            tags_in_result: true,
            member_number_in_nrn: true,
            locations: true,
            korean: false,
            more_products: Vec::new(),
            whole_products: Vec::new(),
            principals: None,
            hidden_reads: 0,
            lag: Lag::default(),
            compression: Compression::Never,
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
            unknown_principal: error(401, TopLevel, "30", "Nonexistent account"),
        }
    }
}
