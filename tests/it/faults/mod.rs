//! Deterministic fault sweeps: whichever step a fault hits, the run ends like the run without faults, and stays
//! so.
//!
//! A run without faults records the steps of each scenario. The plans inject each kind of fault at each of
//! these steps. The layers that inject are in front of a real API server ([`wire`]) and in the simulators
//! ([`upstream`]). Both ask one sequence ([`steps`]), so that a plan is the same every time.
//!
//! Oracles of every run:
//!
//! - (a) The upstream equals the spec, with exactly one object or none. No foreign object has changed. Status is true.
//! - (b) As many creates and deletes take effect as in the run without faults.
//! - (c) When the operator is idle it reconciles again and writes nothing.
//!
//! Then the object is deleted, and nothing is left. At no time may a process remove the finalizer of an object
//! that still exists upstream, or write upstream after it lost the leadership.
//!
//! `CLOUD_POLICY_FAULTS` selects the plans: `all`, one number, or the beginning of several numbers, in which a dot
//! stands for any digit. Without it a fixed selection runs.

pub mod clock;
mod crowds;
mod environment;
mod kinds;
mod mutations;
mod oracles;
mod outside;
mod plans;
mod process;
mod processes;
mod runs;
mod scenario;
mod schedule;
mod simulated;
mod steps;
mod stories;
mod sweep;
mod targets;
mod tenants;
mod upstream;
mod user;
mod weather;
mod wire;

use plans::Plan;
use sweep::{Sweep, run_plans};
use targets::Target;
use weather::Weather;

/// The number of digits in the number of a plan.
const DIGITS: usize = 9;

/// The approximate size of the fixed selection.
const SELECTION: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operator_converges_after_any_fault_at_any_step() {
    let wanted = std::env::var("CLOUD_POLICY_FAULTS").ok();
    let number: Option<u32> = wanted.as_ref().filter(|text| text.len() == DIGITS).and_then(|text| text.parse().ok());
    let sweep = match number {
        Some(number) => Sweep::prepare(Plan::scenario_of(number)).await,
        None => Sweep::prepare(|target, weather, _| is_wanted(wanted.as_deref(), target, weather)).await,
    };
    let mut plans = sweep.plans();
    match wanted.as_deref() {
        Some("all") => plans = usual(plans),
        Some(pattern) => plans.retain(|plan| matches(pattern, plan.number())),
        None => plans = select(usual(plans)),
    }
    assert!(!plans.is_empty(), "no such plan: {wanted:?}");
    let report = run_plans(&sweep, plans, wanted.is_some()).await;
    println!("{}", report.text);
    assert!(report.failed.is_empty(), "{}", report.text);
    assert!(report.without_effect * 20 <= report.total, "too many plans inject nothing: {}", report.text);
}

/// Returns whether plans of a target in some weather are wanted.
fn is_wanted(wanted: Option<&str>, target: Target, weather: Weather) -> bool {
    match wanted {
        None | Some("all") => true,
        Some(pattern) => pattern.starts_with('.') || pattern.starts_with(&weather.digit(target).to_string()),
    }
}

/// Returns the plans that run without a number: all in clear weather, and a part of those in other weather.
fn usual(plans: Vec<Plan>) -> Vec<Plan> {
    let each = plans.into_iter().enumerate();
    each.filter(|(index, plan)| index.is_multiple_of(plan.weather.stride())).map(|(_, plan)| plan).collect()
}

/// Returns whether a number begins as the pattern does, in which a dot stands for any digit.
fn matches(pattern: &str, number: u32) -> bool {
    let number = number.to_string();
    pattern.len() <= number.len() && pattern.chars().zip(number.chars()).all(|(p, digit)| p == '.' || p == digit)
}

#[test]
fn pattern_matches_numbers_that_begin_like_it() {
    assert!(matches("2033", 203_320_100) && matches("...32", 203_320_100) && matches(".........", 203_320_100));
    assert!(!matches("2034", 203_320_100) && !matches("...31", 203_320_100) && !matches("..........", 203_320_100));
}

/// Selects plans of every kind of fault, every target and every scenario. The selection is the same every time.
fn select(mut plans: Vec<Plan>) -> Vec<Plan> {
    plans.sort_by_key(|plan| (plan.fault, plan.number()));
    let stride = plans.len().div_ceil(SELECTION).max(1);
    plans.into_iter().step_by(stride).collect()
}
