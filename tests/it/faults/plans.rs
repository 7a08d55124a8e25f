//! All plans, made from what the runs without faults recorded: which target, which scenario, which fault, at
//! which step. The number of a plan consists of these, one digit for the target and two for each of the others:
//!
//! `T SS FF NN DD`: target, scenario, fault, step (writes from 1, reads from 51), and depth, which only double
//! crashes and stale lists have.

use super::environment::Counts;
use super::kinds::{DOUBLE_CRASH, FaultKind, KINDS, STALE_LIST};
use super::runs::{Record, Run};
use super::scenario::Scenario;
use super::schedule::Timing::{After, Before};
use super::schedule::{Fault, Injection, Position, StepKind};
use super::targets::Target;
use super::weather::Weather;
use cloud_policy::controller::settings::Safeguards;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The reads of both upstreams. The first has the code [`FIRST_READ`].
const READS: [&str; 10] = [
    "Get Policy",
    "Get NetworkPolicy",
    "List Policy",
    "List NetworkPolicy",
    "List Other",
    "Stat Policy",
    "Stat NetworkPolicy",
    "Validate Policy",
    "Resources Policy",
    "TagsGet Policy",
];
const FIRST_READ: usize = 51;

/// The first code of the second read of a kind, which only crowds have: the second page of a list.
const SECOND_READ: usize = FIRST_READ + READS.len();

/// How many double crashes there are at each step.
const DOUBLES: usize = 2;

/// How many different second crashes exist at a step: before or after the first write, then before or after
/// each of the first three writes of the recovery.
const SECONDS: usize = 12;

/// A step at which faults can be injected.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Writes count from 1. The time of a read varies, so reads have fixed codes.
    code: usize,
    name: String,
    number: usize,
    kind: StepKind,
    /// How many revisions of the object existed when the step was answered.
    revisions: usize,
}

/// The steps and counts of a run without faults.
#[derive(Debug, Clone)]
pub struct Reference {
    pub marks: Vec<Mark>,
    pub counts: Counts,
}

impl Reference {
    /// Returns the steps that are the same in every run of the scenario.
    pub fn of(scenario: Scenario, record: &Record) -> Self {
        let steps = &record.steps;
        let last_write =
            steps.iter().rposition(|s| s.kind != StepKind::UpstreamRead && s.refused != Some(true)).unwrap_or_default();
        let first = steps.first().map_or(0, |step| step.revisions);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let (mut marks, mut writes) = (Vec::new(), 0);
        for step in steps[..steps.len().min(last_write + 1)].iter().filter(|step| step.refused != Some(true)) {
            let is_connection = step.name.contains("connections");
            if is_connection && !scenario.is_about_connections() {
                continue;
            }
            let number = seen.entry(&step.name).or_default();
            *number += 1;
            // The operator also reads at intervals, at no fixed place in the sequence.
            let is_page = scenario.is_crowd() && *number == 2 && step.name.contains(" List ");
            if step.kind == StepKind::UpstreamRead && *number > 1 && !is_page {
                continue;
            }
            let revisions = step.revisions.saturating_sub(first) + usize::from(step.kind == StepKind::KubeWrite);
            let code = match step.kind {
                StepKind::KubeWrite | StepKind::UpstreamWrite => {
                    writes += 1;
                    writes
                }
                StepKind::UpstreamRead => {
                    let read = READS.iter().position(|read| step.name.ends_with(read)).unwrap();
                    read + if is_page { SECOND_READ } else { FIRST_READ }
                }
            };
            marks.push(Mark { code, name: step.name.clone(), number: *number, kind: step.kind, revisions });
            // Whether more requests of the create arrive before the deletion depends on timing.
            if scenario == Scenario::Abandon && step.name.contains("Create") {
                break;
            }
        }
        Self { marks, counts: record.counts }
    }
}

/// One plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub target: Target,
    pub weather: Weather,
    pub scenario: Scenario,
    pub fault: u32,
    /// The code of a mark.
    step: usize,
    depth: usize,
}

impl Plan {
    pub fn number(&self) -> u32 {
        let parts = [self.scenario.code(), self.fault, small(self.step), small(self.depth)];
        parts.iter().fold(self.weather.digit(self.target), |number, part| number * 100 + part)
    }

    /// Returns a filter for the target and the scenario of a plan number.
    pub fn scenario_of(number: u32) -> impl Fn(Target, Weather, Scenario) -> bool {
        move |target, weather, scenario| {
            weather.digit(target) == number / 100_000_000 && scenario.code() == number / 1_000_000 % 100
        }
    }

    pub fn kind(&self) -> &'static FaultKind {
        KINDS.iter().find(|kind| kind.code == self.fault).unwrap()
    }

    fn mark<'a>(&self, reference: &'a Reference) -> &'a Mark {
        reference.marks.iter().find(|mark| mark.code == self.step).unwrap()
    }

    /// Describes the plan for people.
    pub fn title(&self, reference: &Reference) -> String {
        let (target, weather, mark) = (self.target.name(), self.weather.name(), self.mark(reference));
        let depth = if self.depth == 0 { String::new() } else { format!(", depth {}", self.depth) };
        let scenario = self.scenario.name(self.target);
        format!("{target}{weather}, {scenario}: {} at `{}` no. {}{depth}", self.kind().name, mark.name, mark.number)
    }

    /// Returns the run of this plan.
    pub fn run(&self, reference: &Reference, safeguards: Safeguards, limit: Duration) -> Run {
        let mark = self.mark(reference);
        let kind = self.kind();
        let position = Position::Named(mark.name.clone(), mark.number);
        let mut schedule = vec![Injection { position, fault: kind.fault, times: kind.times }];
        if self.fault == DOUBLE_CRASH {
            let timing = |after: bool| Fault::Crash(if after { After } else { Before });
            let which = self.depth - 1;
            schedule[0].fault = timing(which >= SECONDS / 2);
            let position = Position::Write(which % 3 + 1);
            schedule.push(Injection { position, fault: timing(which / 3 % 2 == 1), times: 1 });
        }
        let depth = if self.fault == STALE_LIST { self.depth } else { 0 };
        Run { scenario: self.scenario, schedule, depth, safeguards, limit, counts: Some(reference.counts) }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

/// Returns every plan of a scenario.
pub fn plans(target: Target, weather: Weather, scenario: Scenario, reference: &Reference) -> Vec<Plan> {
    let mut plans = Vec::new();
    for mark in &reference.marks {
        for kind in KINDS.iter().filter(|kind| kind.applies_to(scenario, mark.kind)) {
            let plan = |depth| Plan { target, weather, scenario, fault: kind.code, step: mark.code, depth };
            match kind.code {
                DOUBLE_CRASH => plans.extend(sample(target, scenario, mark.code).map(plan)),
                STALE_LIST => plans.extend((1..=mark.revisions).map(plan)),
                _ => plans.push(plan(0)),
            }
        }
    }
    plans
}

/// Selects some of the second crashes at a step. The hasher has fixed keys, so that every sweep selects the
/// same.
fn sample(target: Target, scenario: Scenario, step: usize) -> impl Iterator<Item = usize> {
    let mut hasher = DefaultHasher::new();
    (target.code(), scenario.code(), step).hash(&mut hasher);
    let first = usize::try_from(hasher.finish() % SECONDS as u64).unwrap_or_default();
    (0..DOUBLES).map(move |turn| (first + turn * (SECONDS / DOUBLES + 1)) % SECONDS + 1)
}
