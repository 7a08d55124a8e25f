//! What a simulated SpaceONE installation is like.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::journal::Journal;

/// Which generation of servers answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Era {
    /// Repository 1.11 and inventory of June 2020, behind the annotated REST paths.
    #[default]
    Rest,
    /// Repository 1.12 behind verb paths; it has no network policies.
    Verb,
}

/// How errors are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorStyle {
    /// `{"detail":{"code","message"}}`.
    #[default]
    Detail,
    /// `{"error":{"message","code"}}`, the Node front until 2023.
    Error,
    /// `{"code":3,"message":"ERROR_X: ..","details":[]}`, a generated gateway.
    GrpcGateway,
}

/// Which HTTP front stands before the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Front {
    /// A transcoder that follows the servers' annotations, and serves both verb spellings as well.
    #[default]
    Transcoder,
    /// console-api-v2: only `POST /<service>/<resource>/<verb>`, and error texts of its own.
    Console,
}

/// What differs between fronts of one era.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Switches {
    /// Which front; the console belongs to the verb era.
    pub front: Front,
    /// Layout of the transcoder's errors.
    pub error_style: ErrorStyle,
    /// Whether unset fields are printed (`""`, `[]`, `null`), as the Node front does.
    pub emit_defaults: bool,
    /// Whether unknown request fields are dropped, as the Node front does, instead of refused.
    pub ignore_unknown_fields: bool,
}

/// How to start a simulated installation.
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
    /// Which servers.
    pub era: Era,
    /// How many zones the domain has, all in one region.
    pub zones: usize,
    /// What differs between fronts.
    pub switches: Switches,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock: Clock::system(),
            journal: Journal::default(),
            seed: 1,
            era: Era::default(),
            zones: 2,
            switches: Switches::default(),
        }
    }
}
