//! Plays many plans at once, and says what came of them.

use super::environment::Environment;
use super::plans::{KINDS, Plan, Reference, plans};
use super::runs::{Failure, Record, Run, execute};
use super::scenario::Scenario;
use super::targets::Target;
use super::user::LIMIT;
use crate::support;
use cloud_policy::controller::settings::Safeguards;
use futures::StreamExt;
use futures::stream;
use kube::Client;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How many runs are played at once: most of their time they wait.
const WORKERS: usize = 10;

/// How often a plan is played once more that found no step to injection: operators read as time allows,
/// so that the read it is to injection did not come before the end of the scenario.
const AGAIN: usize = 2;

/// The stages, and what the without_faults runs showed.
pub struct Sweep {
    client: Client,
    idle: Mutex<HashMap<Target, Vec<Arc<Environment>>>>,
    references: HashMap<(Target, Scenario), Reference>,
}

/// One plan, and what came of it.
pub type Finished = (Plan, Result<Record, Failure>);

impl Sweep {
    /// Plays the without_faults run of each of these scenarios.
    pub async fn prepare(wanted: impl Fn(Target, Scenario) -> bool) -> Self {
        let client = support::client().await;
        let mut sweep = Self { client, idle: Mutex::default(), references: HashMap::new() };
        let scenarios = Target::ALL.into_iter().flat_map(|target| {
            Scenario::all(target)
                .into_iter()
                .filter(|w| wanted(target, *w))
                .map(move |w| (target, w))
                .collect::<Vec<_>>()
        });
        let played: Vec<_> = stream::iter(scenarios)
            .map(async |(target, scenario)| (target, scenario, sweep.run(target, &Run::without_faults(scenario)).await))
            .buffer_unordered(WORKERS)
            .collect()
            .await;
        for (target, scenario, ended) in played {
            let name = format!("{}, {}", target.name(), scenario.name(target));
            let record = ended.unwrap_or_else(|f| panic!("{name}, without_faults: {}\n{}", f.why, f.trace));
            sweep.references.insert((target, scenario), Reference::of(scenario, &record));
        }
        sweep
    }

    /// Every plan, by number.
    pub fn plans(&self) -> Vec<Plan> {
        let each = self.references.iter().flat_map(|((target, scenario), known)| plans(*target, *scenario, known));
        let mut all: Vec<_> = each.collect();
        all.sort_by_key(Plan::number);
        all
    }

    pub fn reference(&self, plan: &Plan) -> &Reference {
        &self.references[&(plan.target, plan.scenario)]
    }

    async fn run(&self, target: Target, run: &Run) -> Result<Record, Failure> {
        let idle = self.idle.lock().unwrap().entry(target).or_default().pop();
        let environment = match idle {
            Some(environment) => environment,
            None => Arc::new(Environment::open(target, self.client.clone()).await.unwrap()),
        };
        let ended = execute(&environment, run).await;
        // What a failed run leaves behind must not trouble the next.
        if ended.is_ok() {
            self.idle.lock().unwrap().entry(target).or_default().push(environment);
        }
        ended
    }

    /// Plays these plans; `seen` is told of each as it ends.
    pub async fn run_all(
        &self,
        plans: Vec<Plan>,
        safeguards: Safeguards,
        limit: Duration,
        seen: impl Fn(&Finished),
    ) -> Vec<Finished> {
        stream::iter(plans)
            .map(async |plan| {
                let run = plan.run(self.reference(&plan), safeguards, limit);
                (plan, self.run(plan.target, &run).await)
            })
            .buffer_unordered(WORKERS)
            .inspect(|played| seen(played))
            .collect()
            .await
    }
}

/// What a sweep came to, in figures.
pub struct Report {
    pub failed: Vec<u32>,
    pub played: usize,
    /// Plans whose fault found no step to injection: they show nothing.
    pub idle: usize,
    pub text: String,
}

/// Whether a plan's fault found no step to injection.
fn is_idle(played: &Finished) -> bool {
    played.1.as_ref().is_ok_and(|record| record.injected == 0)
}

/// Counts.
pub fn report(sweep: &Sweep, played: &[Finished], took: Duration) -> Report {
    let idle: Vec<_> = played.iter().filter(|p| is_idle(p)).map(|(plan, _)| plan.number()).collect();
    let is_single =
        |(plan, ended): &&Finished| plan.kind().is_double() && ended.as_ref().is_ok_and(|record| record.injected == 1);
    let singles = played.iter().filter(is_single).count();
    let failures: Vec<_> = played.iter().filter_map(|(plan, ended)| Some((plan, ended.as_ref().err()?))).collect();
    let mut lines = Vec::new();
    for (plan, failure) in &failures {
        let title = plan.title(sweep.reference(plan));
        lines.push(format!("FAILED {} {title}\n{}\n{}", plan.number(), failure.why, failure.trace));
    }
    for kind in KINDS {
        let count = played.iter().filter(|(plan, _)| plan.fault == kind.code).count();
        let bad = failures.iter().filter(|(plan, _)| plan.fault == kind.code).count();
        if count > 0 {
            lines.push(format!("{count:6} plans, {bad:3} failed: {}", kind.name));
        }
    }
    let failed: Vec<_> = failures.iter().map(|(plan, _)| plan.number()).collect();
    let seconds = took.as_secs_f32();
    let count = played.len();
    lines.push(format!("{singles} double crashes found nothing left to do after the first"));
    lines.push(format!("{} plans found nothing to injection: {idle:?}", idle.len()));
    lines.push(format!(
        "faults: {count} plans of {} scenarios, 3 oracles each, in {seconds:.0} s; {} failed: {failed:?}",
        sweep.references.len(),
        failed.len(),
    ));
    Report { failed, played: count, idle: idle.len(), text: lines.join("\n") }
}

/// Plays a sweep and prints how it goes.
pub async fn run(sweep: &Sweep, plans: Vec<Plan>, is_loud: bool) -> Report {
    let (begun, total) = (Instant::now(), plans.len());
    let done = Mutex::new(0);
    let seen = |(plan, ended): &Finished| {
        let mut done = done.lock().unwrap();
        *done += 1;
        if let Err(failure) = ended {
            println!("FAILED {} {}: {}", plan.number(), plan.title(sweep.reference(plan)), failure.why);
        }
        if is_loud && *done % 100 == 0 {
            println!("faults: {done} of {total} plans, {:.0} s", begun.elapsed().as_secs_f32());
        }
    };
    let mut played = sweep.run_all(plans, Safeguards::default(), LIMIT, &seen).await;
    for _ in 0..AGAIN {
        let (idle, others): (Vec<_>, Vec<_>) = played.into_iter().partition(is_idle);
        let idle = idle.into_iter().map(|(plan, _)| plan).collect();
        played = others;
        played.extend(sweep.run_all(idle, Safeguards::default(), LIMIT, &seen).await);
    }
    let report = report(sweep, &played, begun.elapsed());
    if let ([(plan, Ok(record))], true) = (played.as_slice(), is_loud) {
        println!("{} {}\n{}", plan.number(), plan.title(sweep.reference(plan)), record.trace);
    }
    report
}
