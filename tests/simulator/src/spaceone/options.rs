//! The options of a simulated SpaceONE installation.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::journal::Journal;
use crate::lag::Lag;

/// The generation of the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// Repository 1.11 and inventory of June 2020, behind the annotated REST paths.
    #[default]
    Rest,
    /// Repository 1.12 behind verb paths, without network policies.
    Verb,
}

/// The layout of errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorStyle {
    /// `{"detail":{"code","message"}}`.
    #[default]
    Detail,
    /// `{"error":{"message","code"}}`, as the Node front sent it until 2023.
    Error,
    /// `{"code":3,"message":"ERROR_X: ..","details":[]}`, as a generated gateway sends it.
    GrpcGateway,
}

/// The HTTP front of the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// A transcoder that serves the annotated paths of the servers, and both verb spellings.
    #[default]
    Transcoder,
    /// console-api-v2: only `POST /<service>/<resource>/<verb>`, with its own error texts.
    Console,
}

/// What the token may do with roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoleAccess {
    /// It may list them.
    #[default]
    Listed,
    /// It lacks the permission to list them.
    Denied,
    /// The front has no route to the identity service.
    Absent,
}

/// The differences between the fronts of one era.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Switches {
    /// The front. The console belongs to the verb era.
    pub front: Front,
    /// The layout of the transcoder's errors.
    pub error_style: ErrorStyle,
    /// Whether the front prints unset fields (`""`, `[]`, `null`), as the Node front does.
    pub emit_defaults: bool,
    /// Whether the front drops unknown request fields, as the Node front does, instead of rejecting them.
    pub ignore_unknown_fields: bool,
    /// The largest effective limit of a page. Larger values are reduced to it.
    pub largest_page: Option<u32>,
    /// How far reads are behind writes.
    pub lag: Lag,
    /// Whether roles can be listed.
    pub roles: RoleAccess,
}

/// The options with which an installation starts.
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
    /// The id of the domain; `None` makes one from the seed.
    pub domain_id: Option<String>,
    /// The generation of the servers.
    pub era: Era,
    /// The number of zones of the domain, all in one region.
    pub zones: usize,
    /// The options of the front.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::system(),
            journal: Journal::default(),
            seed: 1,
            domain_id: None,
            era: Era::default(),
            zones: 2,
            switches: Switches::default(),
        }
    }
}
