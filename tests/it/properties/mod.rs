//! Properties that hold for every valid spec.
//!
//! | module | contents |
//! | --- | --- |
//! | [`specs`] | generators of specs that the API server and the operator accept |
//! | [`admission`] | the API server and the operator accept the generated specs |
//! | [`ncloud`], [`spaceone`], [`network`] | a spec arrives upstream by any path; equivalent specs cause no difference |
//! | [`comparison`] | the oracle: the expected content upstream, written without code of the operator |
//! | [`answers`] | no response of an upstream is misread: a failure is not an absence, an unclear result is not a success |
//! | [`histories`] | the whole operator: the result depends on the last spec, not on the specs before it |
//! | [`planning`] | a plan exists for every input and never writes more than allowed; conditions are a function of the outcome |

mod admission;
mod answers;
mod comparison;
mod histories;
mod ncloud;
mod network;
mod planning;
mod spaceone;
mod specs;
mod upstreams;
