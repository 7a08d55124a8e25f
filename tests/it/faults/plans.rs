//! All plans, made from what the runs without faults recorded: which target, which scenario, which fault, at
//! which step. The number of a plan consists of these, one digit for the target and two for each of the others:
//!
//! `T SS FF NN DD`: target, scenario, fault, step (writes from 1, reads from 51), and depth, which only double
//! crashes and stale lists have.

use super::environment::Counts;
use super::process::DELAY;
use super::runs::{Record, Run};
use super::scenario::Scenario;
use super::schedule::{Fault, Injection, Position, StepKind, Timing};
use super::targets::Target;
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

/// How many double crashes there are at each step.
const DOUBLES: usize = 2;

/// How many different second crashes exist at a step: before or after the first write, then before or after
/// each of the first three writes of the recovery.
const SECONDS: usize = 12;

/// Longer than every interval and grace.
const JUMP: i64 = 3600;

/// The steps that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Write,
    KubeWrite,
    UpstreamWrite,
    UpstreamRead,
}

/// A kind of fault.
#[derive(Debug, Clone, Copy)]
pub struct FaultKind {
    pub code: u32,
    pub name: &'static str,
    on: On,
    fault: Fault,
    times: usize,
}

const fn kind(code: u32, name: &'static str, on: On, fault: Fault, times: usize) -> FaultKind {
    FaultKind { code, name, on, fault, times }
}

const DOUBLE_CRASH: u32 = 3;
const STALE_LIST: u32 = 4;

use Timing::{After, Before};

/// All kinds of faults.
pub const KINDS: &[FaultKind] = &[
    kind(1, "crash before", On::Write, Fault::Crash(Before), 1),
    kind(2, "crash after, answer lost", On::Write, Fault::Crash(After), 1),
    kind(DOUBLE_CRASH, "double crash", On::Write, Fault::Crash(After), 1),
    kind(STALE_LIST, "crash, then a stale list", On::Write, Fault::Crash(After), 1),
    kind(5, "missed events, 410", On::Write, Fault::MissedEvents, 1),
    kind(6, "clock forward", On::Write, Fault::ClockJump(JUMP), 1),
    kind(7, "clock back", On::Write, Fault::ClockJump(-JUMP), 1),
    kind(8, "lost leadership", On::Write, Fault::LeadershipLost, 1),
    kind(10, "kube 409", On::KubeWrite, Fault::Status(Before, 409, None), 1),
    kind(11, "kube 500 before", On::KubeWrite, Fault::Status(Before, 500, None), 1),
    kind(12, "kube 503 before", On::KubeWrite, Fault::Status(Before, 503, None), 1),
    kind(13, "kube cut before", On::KubeWrite, Fault::Cut(Before), 1),
    kind(14, "kube cut after", On::KubeWrite, Fault::Cut(After), 1),
    kind(15, "kube 500 after", On::KubeWrite, Fault::Status(After, 500, None), 1),
    kind(16, "kube 504 after", On::KubeWrite, Fault::Status(After, 504, None), 1),
    kind(20, "upstream 429", On::UpstreamWrite, Fault::Status(Before, 429, None), 1),
    kind(21, "upstream 429, Retry-After", On::UpstreamWrite, Fault::Status(Before, 429, Some(1)), 1),
    kind(22, "upstream 500 before", On::UpstreamWrite, Fault::Status(Before, 500, None), 1),
    kind(23, "upstream 503 before", On::UpstreamWrite, Fault::Status(Before, 503, None), 1),
    kind(24, "upstream 504 before", On::UpstreamWrite, Fault::Status(Before, 504, None), 1),
    kind(25, "upstream 500 after", On::UpstreamWrite, Fault::Status(After, 500, None), 1),
    kind(26, "upstream 503 after", On::UpstreamWrite, Fault::Status(After, 503, None), 1),
    kind(27, "upstream 504 after", On::UpstreamWrite, Fault::Status(After, 504, None), 1),
    kind(28, "upstream cut before", On::UpstreamWrite, Fault::Cut(Before), 1),
    kind(29, "upstream cut after", On::UpstreamWrite, Fault::Cut(After), 1),
    kind(30, "upstream silent", On::UpstreamWrite, Fault::NoResponse(After), 1),
    kind(31, "upstream lands late", On::UpstreamWrite, Fault::Delayed(DELAY), 1),
    kind(32, "crash, then it lands late", On::UpstreamWrite, Fault::CrashDelayed(DELAY), 1),
    kind(33, "storm of three 503", On::UpstreamWrite, Fault::Status(Before, 503, None), 3),
    // The operator tries reads twice, so that two faults make one failure.
    kind(40, "read 429", On::UpstreamRead, Fault::Status(Before, 429, None), 2),
    kind(41, "read 429, Retry-After", On::UpstreamRead, Fault::Status(Before, 429, Some(1)), 2),
    kind(42, "read 500", On::UpstreamRead, Fault::Status(Before, 500, None), 2),
    kind(43, "read 503", On::UpstreamRead, Fault::Status(Before, 503, None), 2),
    kind(44, "read cut", On::UpstreamRead, Fault::Cut(Before), 2),
];

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
            if step.kind == StepKind::UpstreamRead && *number > 1 {
                continue;
            }
            let revisions = step.revisions.saturating_sub(first) + usize::from(step.kind == StepKind::KubeWrite);
            let code = match step.kind {
                StepKind::KubeWrite | StepKind::UpstreamWrite => {
                    writes += 1;
                    writes
                }
                StepKind::UpstreamRead => READS.iter().position(|read| step.name.ends_with(read)).unwrap() + FIRST_READ,
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
    pub scenario: Scenario,
    pub fault: u32,
    /// The code of a mark.
    step: usize,
    depth: usize,
}

impl Plan {
    pub fn number(&self) -> u32 {
        let parts = [self.scenario.code(), self.fault, small(self.step), small(self.depth)];
        parts.iter().fold(self.target.code(), |number, part| number * 100 + part)
    }

    /// Returns a filter for the target and the scenario of a plan number.
    pub fn scenario_of(number: u32) -> impl Fn(Target, Scenario) -> bool {
        move |target, scenario| target.code() == number / 100_000_000 && scenario.code() == number / 1_000_000 % 100
    }

    pub fn kind(&self) -> &'static FaultKind {
        KINDS.iter().find(|kind| kind.code == self.fault).unwrap()
    }

    fn mark<'a>(&self, reference: &'a Reference) -> &'a Mark {
        reference.marks.iter().find(|mark| mark.code == self.step).unwrap()
    }

    /// Describes the plan for people.
    pub fn title(&self, reference: &Reference) -> String {
        let (target, mark) = (self.target.name(), self.mark(reference));
        let depth = if self.depth == 0 { String::new() } else { format!(", depth {}", self.depth) };
        let scenario = self.scenario.name(self.target);
        format!("{target}, {scenario}: {} at `{}` no. {}{depth}", self.kind().name, mark.name, mark.number)
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
pub fn plans(target: Target, scenario: Scenario, reference: &Reference) -> Vec<Plan> {
    let mut plans = Vec::new();
    for mark in &reference.marks {
        for kind in KINDS.iter().filter(|kind| kind.applies_to(mark.kind)) {
            let plan = |depth| Plan { target, scenario, fault: kind.code, step: mark.code, depth };
            match kind.code {
                DOUBLE_CRASH => plans.extend(sample(target, scenario, mark.code).map(plan)),
                STALE_LIST => plans.extend((1..=mark.revisions).map(plan)),
                _ => plans.push(plan(0)),
            }
        }
    }
    plans
}

impl FaultKind {
    pub fn is_double(&self) -> bool {
        self.code == DOUBLE_CRASH
    }

    fn applies_to(&self, kind: StepKind) -> bool {
        match self.on {
            On::Write => kind != StepKind::UpstreamRead,
            On::KubeWrite => kind == StepKind::KubeWrite,
            On::UpstreamWrite => kind == StepKind::UpstreamWrite,
            On::UpstreamRead => kind == StepKind::UpstreamRead,
        }
    }
}

/// Selects some of the second crashes at a step. The hasher has fixed keys, so that every sweep selects the
/// same.
fn sample(target: Target, scenario: Scenario, step: usize) -> impl Iterator<Item = usize> {
    let mut hasher = DefaultHasher::new();
    (target.code(), scenario.code(), step).hash(&mut hasher);
    let first = usize::try_from(hasher.finish() % SECONDS as u64).unwrap_or_default();
    (0..DOUBLES).map(move |turn| (first + turn * (SECONDS / DOUBLES + 1)) % SECONDS + 1)
}
