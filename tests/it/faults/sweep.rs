//! Runs many plans at once, and reports the results.

use super::environment::Environment;
use super::kinds::KINDS;
use super::plans::{Plan, Reference, plans};
use super::runs::{Failure, Record, Run, execute};
use super::scenario::Scenario;
use super::targets::Target;
use super::user::LIMIT;
use super::weather::Weather;
use crate::support;
use cloud_policy::controller::settings::Safeguards;
use futures::StreamExt;
use futures::stream;
use kube::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many plans run at once: a run mostly waits.
const WORKERS: usize = 10;

/// How often a plan that injected nothing runs again: the operator reads at varying times, so the read that the
/// plan waits for may not come before the end of the scenario.
const AGAIN: usize = 2;

/// The environments that no run uses, by target and weather.
type Idle = HashMap<(Target, Weather), Vec<Arc<Environment>>>;

/// The environments, and the records of the runs without faults.
pub struct Sweep {
    client: Client,
    idle: Mutex<Idle>,
    references: HashMap<(Target, Weather, Scenario), Reference>,
}

/// A plan and its result.
pub type PlanResult = (Plan, Result<Record, Failure>);

impl Sweep {
    /// Runs each of these scenarios without faults.
    pub async fn prepare(wanted: impl Fn(Target, Weather, Scenario) -> bool) -> Self {
        let client = support::client().await;
        let mut sweep = Self { client, idle: Mutex::default(), references: HashMap::new() };
        let scenarios = Target::ALL.into_iter().flat_map(|target| {
            let weathers = Weather::all(target).iter();
            weathers.flat_map(move |weather| Scenario::all(target).into_iter().map(move |s| (target, *weather, s)))
        });
        let scenarios = scenarios.filter(|(t, weather, s)| weather.fits(*s) && wanted(*t, *weather, *s));
        let results: Vec<_> = stream::iter(scenarios.collect::<Vec<_>>())
            .map(async |(target, weather, scenario)| {
                (target, weather, scenario, sweep.run(target, weather, &Run::without_faults(scenario)).await)
            })
            .buffer_unordered(WORKERS)
            .collect()
            .await;
        for (target, weather, scenario, ended) in results {
            let name = format!("{}{}, {}", target.name(), weather.name(), scenario.name(target));
            let record = ended.unwrap_or_else(|f| panic!("{name}, without faults: {}\n{}", f.why, f.trace));
            sweep.references.insert((target, weather, scenario), Reference::of(scenario, &record));
        }
        sweep
    }

    /// Returns every plan, ordered by number.
    pub fn plans(&self) -> Vec<Plan> {
        let references = self.references.iter();
        let mut all: Vec<_> = references.flat_map(|((t, weather, s), known)| plans(*t, *weather, *s, known)).collect();
        all.sort_by_key(Plan::number);
        all
    }

    pub fn reference(&self, plan: &Plan) -> &Reference {
        &self.references[&(plan.target, plan.weather, plan.scenario)]
    }

    async fn run(&self, target: Target, weather: Weather, run: &Run) -> Result<Record, Failure> {
        if run.is_shared() {
            return self.run_shared(target, weather, run).await;
        }
        let idle = self.idle.lock().unwrap().entry((target, weather)).or_default().pop();
        let environment = match idle {
            Some(environment) => environment,
            None => Arc::new(Environment::open(target, weather, false, self.client.clone()).await.unwrap()),
        };
        let ended = execute(&environment, run).await;
        // A failed run leaves objects behind, so its environment is not used again.
        if ended.is_ok() {
            self.idle.lock().unwrap().entry((target, weather)).or_default().push(environment);
        }
        ended
    }

    /// Executes a run in an environment of its own: only one at a time may have a cluster connection.
    async fn run_shared(&self, target: Target, weather: Weather, run: &Run) -> Result<Record, Failure> {
        let environment = Arc::new(Environment::open(target, weather, true, self.client.clone()).await.unwrap());
        let ended = execute(&environment, run).await;
        environment.close().await.unwrap();
        ended
    }

    /// Runs these plans. Calls `seen` with each result.
    pub async fn run_all(
        &self,
        plans: Vec<Plan>,
        safeguards: Safeguards,
        limit: Duration,
        seen: impl Fn(&PlanResult),
    ) -> Vec<PlanResult> {
        stream::iter(plans)
            .map(async |plan| {
                let run = plan.run(self.reference(&plan), safeguards, limit);
                (plan, self.run(plan.target, plan.weather, &run).await)
            })
            .buffer_unordered(WORKERS)
            .inspect(|result| seen(result))
            .collect()
            .await
    }
}

/// The result of a sweep in figures.
pub struct Report {
    pub failed: Vec<u32>,
    pub total: usize,
    /// How many plans injected nothing, and so prove nothing.
    pub without_effect: usize,
    pub text: String,
}

/// Returns whether a plan injected nothing.
fn has_no_effect(result: &PlanResult) -> bool {
    result.1.as_ref().is_ok_and(|record| record.injected == 0)
}

/// Counts results and formats the report.
pub fn report(sweep: &Sweep, results: &[PlanResult], took: Duration) -> Report {
    let without_effect: Vec<_> =
        results.iter().filter(|result| has_no_effect(result)).map(|(plan, _)| plan.number()).collect();
    let is_single = |(plan, ended): &&PlanResult| {
        plan.kind().is_double() && ended.as_ref().is_ok_and(|record| record.injected == 1)
    };
    let singles = results.iter().filter(is_single).count();
    let failures: Vec<_> = results.iter().filter_map(|(plan, ended)| Some((plan, ended.as_ref().err()?))).collect();
    let mut lines = Vec::new();
    for (plan, failure) in &failures {
        let title = plan.title(sweep.reference(plan));
        lines.push(format!("FAILED {} {title}\n{}\n{}", plan.number(), failure.why, failure.trace));
    }
    for kind in KINDS {
        let count = results.iter().filter(|(plan, _)| plan.fault == kind.code).count();
        let bad = failures.iter().filter(|(plan, _)| plan.fault == kind.code).count();
        if count > 0 {
            lines.push(format!("{count:6} plans, {bad:3} failed: {}", kind.name));
        }
    }
    let failed: Vec<_> = failures.iter().map(|(plan, _)| plan.number()).collect();
    let seconds = took.as_secs_f32();
    let count = results.len();
    lines.push(format!("{singles} double crashes: nothing was left to do after the first crash"));
    lines.push(format!("{} plans found no step to inject at: {without_effect:?}", without_effect.len()));
    lines.push(format!(
        "faults: {count} plans of {} scenarios, 3 oracles each, in {seconds:.0} s; {} failed: {failed:?}",
        sweep.references.len(),
        failed.len(),
    ));
    Report { failed, total: count, without_effect: without_effect.len(), text: lines.join("\n") }
}

/// Runs a sweep and prints its progress.
pub async fn run_plans(sweep: &Sweep, plans: Vec<Plan>, is_verbose: bool) -> Report {
    let (begun, total) = (Instant::now(), plans.len());
    let done = Mutex::new(0);
    let seen = |(plan, ended): &PlanResult| {
        let mut done = done.lock().unwrap();
        *done += 1;
        if let Err(failure) = ended {
            println!("FAILED {} {}: {}", plan.number(), plan.title(sweep.reference(plan)), failure.why);
        }
        if is_verbose && *done % 100 == 0 {
            println!("faults: {done} of {total} plans, {:.0} s", begun.elapsed().as_secs_f32());
        }
    };
    let mut results = sweep.run_all(plans, Safeguards::default(), LIMIT, &seen).await;
    for _ in 0..AGAIN {
        let (without_effect, others): (Vec<_>, Vec<_>) = results.into_iter().partition(has_no_effect);
        let without_effect = without_effect.into_iter().map(|(plan, _)| plan).collect();
        results = others;
        results.extend(sweep.run_all(without_effect, Safeguards::default(), LIMIT, &seen).await);
    }
    let report = report(sweep, &results, begun.elapsed());
    if let ([(plan, Ok(record))], true) = (results.as_slice(), is_verbose) {
        println!("{} {}\n{}", plan.number(), plan.title(sweep.reference(plan)), record.trace);
    }
    report
}
