//! One run: a scenario, with or without faults, and the oracles.

use super::clock::Offset;
use super::crowds;
use super::environment::{Counts, Environment};
use super::oracles::{check_counts, watch_copies};
use super::process::{ReconcileCounter, RunContext};
use super::processes::Processes;
use super::scenario::Scenario;
use super::schedule::{Fault, Injection, Step, TraceLine};
use super::steps::Sequence;
use super::user::{Goal, LIMIT, User};
use anyhow::Context;
use cloud_policy::controller::settings::Safeguards;
use kube::api::ListParams;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the operator must not write for a scenario to be over when a process had old data: an open watch does not mean that the process has received the newer
/// events and acted on them.
const CAUGHT_UP: Duration = Duration::from_secs(2);

/// How long the operator must not write afterwards, when no reconciles can be counted.
const AFTERWARDS: Duration = Duration::from_millis(350);

/// How long a look may be announced beforehand: a grace, and a little.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// How often the state is polled.
const POLL: Duration = Duration::from_millis(20);

/// How many reconciles without a write the third oracle requires.
const RECONCILES: usize = 3;

/// A run to execute.
#[derive(Debug, Clone)]
pub struct Run {
    pub scenario: Scenario,
    pub schedule: Vec<Injection>,
    /// How many revisions back the list of the operator is after a crash.
    pub depth: usize,
    pub safeguards: Safeguards,
    /// How long each wait may take.
    pub limit: Duration,
    /// Oracle (b): the counts of the run without faults.
    pub counts: Option<Counts>,
}

impl Run {
    /// Returns the scenario without faults.
    pub fn without_faults(scenario: Scenario) -> Self {
        Self { scenario, schedule: Vec::new(), depth: 0, safeguards: Safeguards::default(), limit: LIMIT, counts: None }
    }

    /// Returns whether the run needs a connection that another tenant uses, too.
    pub fn is_shared(&self) -> bool {
        let is_tenant =
            |injection: &Injection| matches!(injection.fault, Fault::Outside(what) if what.neighbours() > 0);
        self.schedule.iter().any(is_tenant)
    }

    /// Returns whether an upstream object may vanish without the doing of the operator that runs.
    fn may_lose(&self) -> bool {
        let is_late = |injection: &Injection| matches!(injection.fault, Fault::Delayed(_) | Fault::CrashDelayed(_));
        self.scenario == Scenario::Vanish || self.schedule.iter().any(is_late)
    }

    /// Returns whether a process in the run has old lists, or receives events late.
    fn misses_events(&self) -> bool {
        self.depth > 0 || self.schedule.iter().any(|injection| injection.fault == Fault::MissedEvents)
    }
}

/// The record of a run that passed.
#[derive(Debug, Clone)]
pub struct Record {
    /// The steps of the scenario itself.
    pub steps: Vec<Step>,
    pub counts: Counts,
    /// How many injections of the schedule took place.
    pub injected: usize,
    pub trace: String,
}

/// The record of a run that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    pub why: String,
    pub trace: String,
}

/// Executes a run. The environment is as before when the run passes.
pub async fn execute(environment: &Arc<Environment>, run: &Run) -> Result<Record, Failure> {
    let clock = Arc::new(Offset::default());
    let (sequence, mut happened) = Sequence::new(Arc::clone(&clock));
    environment.direct(&sequence);
    environment.limit_pages(run.scenario.is_crowd().then_some(crowds::PAGE));
    environment.expect_loss(run.may_lose());
    let context = RunContext {
        environment: Arc::clone(environment),
        sequence: Arc::clone(&sequence),
        clock,
        safeguards: run.safeguards,
        concurrency: run.scenario.is_crowd().then_some(crowds::AT_A_TIME),
        counter: ReconcileCounter::default(),
    };
    let counter = context.counter.clone();
    let user = User::new(environment, &sequence, run.scenario, run.limit, counter.clone());
    let mut processes = Processes::start(context, &user, run.depth);
    let ended = tokio::select! {
        ended = run_scenario(&user, &counter, run) => ended,
        never = processes.handle(&mut happened) => match never {},
        never = watch_copies(environment, &sequence) => match never {},
    };
    processes.end().await;
    environment.undirect();
    let trace = trace(&sequence);
    let violation = sequence.violations().first().cloned();
    match (ended, violation) {
        (Ok((steps, counts, injected)), None) => Ok(Record { steps, counts, injected, trace }),
        (Ok(_), Some(why)) => Err(Failure { why, trace }),
        (Err(error), violation) => Err(Failure { why: format!("{error:#} {}", violation.unwrap_or_default()), trace }),
    }
}

async fn run_scenario(
    user: &User<'_>,
    counter: &ReconcileCounter,
    run: &Run,
) -> anyhow::Result<(Vec<Step>, Counts, usize)> {
    let sequence = user.sequence;
    if let Some(before) = run.scenario.prepare(user).await? {
        wait_until_idle(user, counter, &before, user.environment.weather.idle())
            .await
            .context("before the scenario")?;
    }
    user.environment.reset_counts();
    let before = user.environment.api().list(&ListParams::default().limit(1)).await?;
    sequence.revision(&before.metadata.resource_version.unwrap_or_default());
    let start = sequence.steps().len();
    sequence.note("the scenario starts");
    sequence.arm(run.schedule.clone());
    let goal = run.scenario.act(user).await?;
    user.reach(&goal).await?;
    // An injection that has not taken place by now must not hit an idle operator.
    sequence.arm(Vec::new());
    // An outsider may have changed the end meanwhile.
    wait_for_responses(user).await?;
    let goal = user.actual(&goal);
    user.reach(&goal).await?;
    let idle = if run.misses_events() { CAUGHT_UP } else { user.environment.weather.idle() };
    wait_until_idle(user, counter, &goal, idle).await?;
    let steps = sequence.steps().split_off(start);
    sequence.note("the scenario ends");
    check_idle(user, counter, &goal).await?;
    user.is_at(&goal).await.context("after the operator was idle")?;
    let counts = user.environment.counts();
    check_counts(user, run, counts)?;
    let injected = sequence.injected();
    clean_up(user, goal).await.context("during the final deletion")?;
    user.environment.return_home().await?;
    Ok((steps, counts, injected))
}

/// Waits until all incidents have ended and the operator does not try to write: for `long`, and, when the
/// object still exists, for a whole reconcile.
async fn wait_until_idle(
    user: &User<'_>,
    counter: &ReconcileCounter,
    goal: &Goal,
    long: Duration,
) -> anyhow::Result<()> {
    let sequence = user.sequence;
    // The current reconcile, and a whole one.
    let expected = if goal.is_managed() { 2 * user.objects() } else { 0 };
    let begun = Instant::now();
    let (mut mark, mut since, mut base) = (sequence.mark(), begun, counter.reconciles());
    let mut looked = None;
    loop {
        sleep(POLL).await;
        let (writes, reconciles) = (sequence.writes_after(mark), counter.reconciles());
        if !writes.is_empty() || !sequence.is_quiet() || reconciles < base {
            (mark, since, base, looked) = (sequence.mark(), Instant::now(), reconciles, None);
        } else if reconciles >= base + expected && since.elapsed() >= long {
            // A look that the operator announced may end in a write.
            let announced = Instant::now() + counter.announced().min(LONGEST_LOOK);
            if *looked.get_or_insert(announced) <= Instant::now() {
                return Ok(());
            }
        }
        anyhow::ensure!(
            begun.elapsed() < user.limit,
            "not idle, the last write is {:?}; {}",
            writes.last().map(|w| &w.name),
            sequence.describe_open()
        );
    }
}

/// Oracle (c): the operator reconciles several times and writes nothing.
async fn check_idle(user: &User<'_>, counter: &ReconcileCounter, goal: &Goal) -> anyhow::Result<()> {
    let sequence = user.sequence;
    let mark = sequence.mark();
    if goal.is_managed() {
        let before = counter.reconciles();
        let reconciled = || async {
            let reconciles = counter.reconciles().saturating_sub(before);
            anyhow::ensure!(reconciles >= RECONCILES * user.objects(), "{reconciles} reconciles");
            Ok(())
        };
        user.until("the operator to reconcile again", reconciled).await?;
    } else {
        sleep(AFTERWARDS).await;
    }
    // A write of a lagging cache that the API server refuses does not count. Wait for the responses.
    wait_for_responses(user).await?;
    let tried = sequence.writes_after(mark);
    let written: Vec<_> = tried.iter().filter(|s| s.refused != Some(true)).map(|s| &s.name).collect();
    anyhow::ensure!(written.is_empty(), "written when idle: {written:?}");
    Ok(())
}

/// Waits until each step has a response and each incident has ended.
async fn wait_for_responses(user: &User<'_>) -> anyhow::Result<()> {
    let answered = || async {
        anyhow::ensure!(user.sequence.is_quiet(), "{}", user.sequence.describe_open());
        Ok(())
    };
    user.until("all responses", answered).await
}

/// Checks that the object can be deleted.
async fn clean_up(user: &User<'_>, goal: Goal) -> anyhow::Result<()> {
    user.take_over();
    match goal {
        Goal::Ready | Goal::Adopted => {
            if user.scenario.is_crowd() {
                user.disperse().await?;
            }
            user.delete().await?;
            user.reach(&Goal::Gone).await
        }
        Goal::Gone => {
            // Only what the operator told is left by now.
            while user.environment.remove() {}
            Ok(())
        }
        Goal::Left(_) => {
            anyhow::ensure!(user.environment.remove(), "nothing to remove");
            Ok(())
        }
    }
}

/// Formats the steps and notes for people.
fn trace(sequence: &Sequence) -> String {
    let mut text = String::new();
    for line in sequence.lines() {
        // Writing to a String cannot fail.
        let _ = match line {
            TraceLine::Note(at, what) => writeln!(text, "{:7.3}   -- {what}", at.as_secs_f32()),
            TraceLine::Step(step) => {
                let refused = if step.refused == Some(true) { " (refused)" } else { "" };
                let fault = step.fault.map(|fault| format!("  <== {fault:?}")).unwrap_or_default();
                writeln!(text, "{:7.3} {:>2} {}{refused}{fault}", step.at.as_secs_f32(), step.process, step.name)
            }
        };
    }
    text
}
