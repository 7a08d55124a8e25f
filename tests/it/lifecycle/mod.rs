//! Tests of creating, updating, suspending and deleting one object of each upstream resource.

mod incomplete_creates;
mod lagging;
mod late_creates;
mod lost_answers;
mod ncloud;
mod ncloud_strict;
mod numbers;
mod spaceone;
mod spaceone_refusals;
mod suspended;
mod validation;
