//! Tests of creating, updating, suspending and deleting one object of each upstream resource.

mod lagging;
mod lost_answers;
mod ncloud;
mod spaceone;
mod spaceone_refusals;
mod suspended;
mod validation;
