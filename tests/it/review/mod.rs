//! `cloud-policy report`: who has access to cloud accounts, complete or not at all.
//!
//! | module | tests |
//! | --- | --- |
//! | [`agrees`] | the report equals the state of generated accounts |
//! | [`program`] | the program: outputs, owners, errors, and what no output may contain |
//! | [`servers`] | the real SpaceONE servers |
//! | [`page`] | the documented form of the JSON output |

mod agrees;
mod page;
mod program;
mod servers;
