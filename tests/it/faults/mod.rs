//! Deterministic fault sweeps: whatever fails, at whatever step, the end is that of the run without
//! faults, and stays so.
//!
//! An without_faults run of each scenario records its steps; the plans injection each step with each kind of
//! fault. The layers sit in front of a real API server ([`wire`]) and in the simulators ([`upstream`]),
//! and ask one sequence ([`steps`]), so that a plan is the same every time.
//!
//! Oracles of every run: (a) upstream equals spec, exactly one object or none, no stranger's touched,
//! and status tells the truth; (b) as many creates and deletes as without faults; (c) once it came to
//! rest the operator looks again and writes nothing. Then the object is deleted, and nothing is left.
//! Nor may any process ever let an object go that is still upstream, or write upstream when it leads no more.
//!
//! `CLOUD_POLICY_FAULTS` chooses the plans: `all`, one number or the beginning of several, or, without
//! it, a fixed part.

mod clock;
mod environment;
mod mutations;
mod plans;
mod process;
mod processes;
mod runs;
mod scenario;
mod schedule;
mod steps;
mod sweep;
mod targets;
mod upstream;
mod user;
mod wire;

use plans::Plan;
use sweep::{Sweep, run};

/// Of the number of a plan.
const DIGITS: usize = 9;

/// How many plans the fixed part has, about.
const PART: usize = 120;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_at_whatever_step_the_end_is_that_of_the_run_without_faults() {
    let wanted = std::env::var("CLOUD_POLICY_FAULTS").ok();
    let number: Option<u32> = wanted.as_ref().filter(|text| text.len() == DIGITS).and_then(|text| text.parse().ok());
    let sweep = match number {
        Some(number) => Sweep::prepare(Plan::scenario_of(number)).await,
        None => Sweep::prepare(|_, _| true).await,
    };
    let mut plans = sweep.plans();
    match wanted.as_deref() {
        Some("all") => {}
        Some(number) => plans.retain(|plan| plan.number().to_string().starts_with(number)),
        None => plans = part(plans),
    }
    assert!(!plans.is_empty(), "no such plan: {wanted:?}");
    let report = run(&sweep, plans, wanted.is_some()).await;
    println!("{}", report.text);
    assert!(report.failed.is_empty(), "{}", report.text);
    assert!(report.idle * 20 <= report.played, "too many plans injection nothing: {}", report.text);
}

/// A part that holds some of every kind of fault, target and scenario, and is always the same.
fn part(mut plans: Vec<Plan>) -> Vec<Plan> {
    plans.sort_by_key(|plan| (plan.fault, plan.number()));
    let stride = plans.len().div_ceil(PART).max(1);
    plans.into_iter().step_by(stride).collect()
}
