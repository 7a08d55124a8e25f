//! `cloud-policy export`: what exists in accounts becomes manifests that change nothing but owner tags.
//!
//! | module | tests |
//! | --- | --- |
//! | [`states`] | none; generated accounts of both simulators |
//! | [`agrees`] | an export is adopted by a plan without another change, whatever the account holds |
//! | [`applied`] | an export is admitted by a real API server, and the operator writes owner tags only |
//! | [`servers`] | the same on the real SpaceONE servers |
//! | [`program`] | the program: outputs, what it skips, its errors and its requests |

mod agrees;
mod applied;
mod program;
pub mod servers;
pub mod states;
