//! NAVER Cloud Platform.
//!
//! | module | contents |
//! | --- | --- |
//! | `policy` | the collection `ncloud/policy` |
//! | `client` | the client of one account: sends calls and reads the common parts of responses |
//! | `listing` | lists over all pages |
//! | `errors` | the meaning of error responses |
//! | `signature` | the signature of requests |
//! | `wire` | the common parts of responses |

pub(super) mod client;
mod errors;
#[cfg(test)]
mod fuzz;
mod listing;
pub(super) mod policy;
mod signature;
mod wire;

use super::collection::Provider;

/// NAVER Cloud Platform.
const PROVIDER: &Provider = &Provider { name: "NAVER Cloud" };
