//! SpaceONE.
//!
//! | module | contents |
//! | --- | --- |
//! | `policy` | the collection `spaceone/policy` |
//! | `network_policy` | the collection `spaceone/networkpolicy` |
//! | `client` | the client of one account: sends calls, reads and deletes objects |
//! | `repository` | the repository from which the account's policies are read |
//! | `listing` | lists over all pages, and counts |
//! | `routes` | the paths of calls in each API style |
//! | `resource` | the description of a collection for all of these |
//! | `declared` | objects as the files of `spacectl` declare them |
//! | `errors` | the meaning of error responses |
//! | `tags` | tags, and the owner tag among them |
//! | `token` | the bearer token |
//! | `wire` | the common parts of responses |

pub(super) mod client;
mod declared;
mod errors;
#[cfg(test)]
mod fuzz;
mod listing;
pub(super) mod network_policy;
pub(super) mod policy;
#[cfg(test)]
mod recorded;
mod repository;
mod resource;
mod routes;
mod tags;
mod token;
mod wire;

use super::collection::Provider;

/// SpaceONE.
const PROVIDER: &Provider = &Provider { name: "SpaceONE" };
