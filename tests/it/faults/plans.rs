//! All plans, made of what the undisturbed runs recorded: which target, which story, which fault, at
//! which step. The number of a plan says these five things, two digits each:
//!
//! `T WW FF SS DD`: target, workload, fault, step (writes from 1, reads from 51), and depth, which only
//! double crashes and stale lists have.

use super::life::LANDING;
use super::run::{Record, Run};
use super::script::{Blow, Edge, Nature, Place, Strike};
use super::stage::Counts;
use super::targets::Target;
use super::workloads::Workload;
use cloud_policy::controller::settings::Safeguards;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The reads of both upstreams, and the code of the first.
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

/// How many double crashes are tried at each step.
const DOUBLES: usize = 2;

/// How many different second crashes there are at a step: before or after the first write, then
/// before or after the first three of the recovery.
const SECONDS: usize = 12;

/// A year of hours would do as well: longer than every interval and grace.
const JUMP: i64 = 3600;

/// Which steps a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Write,
    KubeWrite,
    UpstreamWrite,
    UpstreamRead,
}

/// A kind of fault.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub code: u32,
    pub name: &'static str,
    on: On,
    blow: Blow,
    times: usize,
}

const fn kind(code: u32, name: &'static str, on: On, blow: Blow, times: usize) -> Kind {
    Kind { code, name, on, blow, times }
}

const DOUBLE_CRASH: u32 = 3;
const STALE_LIST: u32 = 4;

use Edge::{After, Before};

/// All kinds of faults.
pub const KINDS: &[Kind] = &[
    kind(1, "crash before", On::Write, Blow::Crash(Before), 1),
    kind(2, "crash after, answer lost", On::Write, Blow::Crash(After), 1),
    kind(DOUBLE_CRASH, "double crash", On::Write, Blow::Crash(After), 1),
    kind(STALE_LIST, "crash, then a stale list", On::Write, Blow::Crash(After), 1),
    kind(5, "missed events, 410", On::Write, Blow::Blind, 1),
    kind(6, "clock forward", On::Write, Blow::Jump(JUMP), 1),
    kind(7, "clock back", On::Write, Blow::Jump(-JUMP), 1),
    kind(8, "lost leadership", On::Write, Blow::HandOver, 1),
    kind(10, "kube 409", On::KubeWrite, Blow::Answer(Before, 409, None), 1),
    kind(11, "kube 500 before", On::KubeWrite, Blow::Answer(Before, 500, None), 1),
    kind(12, "kube 503 before", On::KubeWrite, Blow::Answer(Before, 503, None), 1),
    kind(13, "kube cut before", On::KubeWrite, Blow::Cut(Before), 1),
    kind(14, "kube cut after", On::KubeWrite, Blow::Cut(After), 1),
    kind(15, "kube 500 after", On::KubeWrite, Blow::Answer(After, 500, None), 1),
    kind(16, "kube 504 after", On::KubeWrite, Blow::Answer(After, 504, None), 1),
    kind(20, "upstream 429", On::UpstreamWrite, Blow::Answer(Before, 429, None), 1),
    kind(21, "upstream 429, Retry-After", On::UpstreamWrite, Blow::Answer(Before, 429, Some(1)), 1),
    kind(22, "upstream 500 before", On::UpstreamWrite, Blow::Answer(Before, 500, None), 1),
    kind(23, "upstream 503 before", On::UpstreamWrite, Blow::Answer(Before, 503, None), 1),
    kind(24, "upstream 504 before", On::UpstreamWrite, Blow::Answer(Before, 504, None), 1),
    kind(25, "upstream 500 after", On::UpstreamWrite, Blow::Answer(After, 500, None), 1),
    kind(26, "upstream 503 after", On::UpstreamWrite, Blow::Answer(After, 503, None), 1),
    kind(27, "upstream 504 after", On::UpstreamWrite, Blow::Answer(After, 504, None), 1),
    kind(28, "upstream cut before", On::UpstreamWrite, Blow::Cut(Before), 1),
    kind(29, "upstream cut after", On::UpstreamWrite, Blow::Cut(After), 1),
    kind(30, "upstream silent", On::UpstreamWrite, Blow::Silence(After), 1),
    kind(31, "upstream lands late", On::UpstreamWrite, Blow::Late(LANDING), 1),
    kind(32, "crash, then it lands late", On::UpstreamWrite, Blow::CrashLate(LANDING), 1),
    kind(33, "storm of three 503", On::UpstreamWrite, Blow::Answer(Before, 503, None), 3),
    // Reads are tried twice inside, so that two blows make one failure.
    kind(40, "read 429", On::UpstreamRead, Blow::Answer(Before, 429, None), 2),
    kind(41, "read 429, Retry-After", On::UpstreamRead, Blow::Answer(Before, 429, Some(1)), 2),
    kind(42, "read 500", On::UpstreamRead, Blow::Answer(Before, 500, None), 2),
    kind(43, "read 503", On::UpstreamRead, Blow::Answer(Before, 503, None), 2),
    kind(44, "read cut", On::UpstreamRead, Blow::Cut(Before), 2),
];

/// A step that faults can strike.
#[derive(Debug, Clone)]
pub struct Mark {
    /// Writes count from 1. Looks come as time allows, so that reads have codes of their own.
    code: usize,
    name: String,
    number: usize,
    nature: Nature,
    /// How many revisions of the story were known when it was answered.
    revisions: usize,
}

/// What an undisturbed run showed.
#[derive(Debug, Clone)]
pub struct Reference {
    pub marks: Vec<Mark>,
    pub counts: Counts,
}

impl Reference {
    /// The steps of the story that are the same in every run of it.
    pub fn of(workload: Workload, record: &Record) -> Self {
        let steps = &record.steps;
        let last_write =
            steps.iter().rposition(|s| s.nature != Nature::UpstreamRead && s.refused != Some(true)).unwrap_or_default();
        let first = steps.first().map_or(0, |step| step.revisions);
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let (mut marks, mut writes) = (Vec::new(), 0);
        for step in steps[..steps.len().min(last_write + 1)].iter().filter(|step| step.refused != Some(true)) {
            let is_link = step.name.contains("connections");
            if is_link && !workload.is_about_connections() {
                continue;
            }
            let number = seen.entry(&step.name).or_default();
            *number += 1;
            // Looks at intervals come between as time allows.
            if step.nature == Nature::UpstreamRead && *number > 1 {
                continue;
            }
            let revisions = step.revisions.saturating_sub(first) + usize::from(step.nature == Nature::KubeWrite);
            let code = match step.nature {
                Nature::KubeWrite | Nature::UpstreamWrite => {
                    writes += 1;
                    writes
                }
                Nature::UpstreamRead => READS.iter().position(|read| step.name.ends_with(read)).unwrap() + FIRST_READ,
            };
            marks.push(Mark { code, name: step.name.clone(), number: *number, nature: step.nature, revisions });
            // Whether more of the create arrives before the deletion is a matter of moments.
            if workload == Workload::Abandon && step.name.contains("Create") {
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
    pub workload: Workload,
    pub fault: u32,
    /// The code of a mark.
    step: usize,
    depth: usize,
}

impl Plan {
    pub fn number(&self) -> u32 {
        let parts = [self.workload.code(), self.fault, small(self.step), small(self.depth)];
        parts.iter().fold(self.target.code(), |number, part| number * 100 + part)
    }

    /// Which target and story a number speaks of.
    pub fn stories_of(number: u32) -> impl Fn(Target, Workload) -> bool {
        move |target, workload| target.code() == number / 100_000_000 && workload.code() == number / 1_000_000 % 100
    }

    pub fn kind(&self) -> &'static Kind {
        KINDS.iter().find(|kind| kind.code == self.fault).unwrap()
    }

    fn mark<'a>(&self, reference: &'a Reference) -> &'a Mark {
        reference.marks.iter().find(|mark| mark.code == self.step).unwrap()
    }

    /// In words.
    pub fn title(&self, reference: &Reference) -> String {
        let (target, mark) = (self.target.name(), self.mark(reference));
        let depth = if self.depth == 0 { String::new() } else { format!(", depth {}", self.depth) };
        let workload = self.workload.name(self.target);
        format!("{target}, {workload}: {} at `{}` no. {}{depth}", self.kind().name, mark.name, mark.number)
    }

    /// The run that plays it.
    pub fn run(&self, reference: &Reference, safeguards: Safeguards, limit: Duration) -> Run {
        let mark = self.mark(reference);
        let kind = self.kind();
        let place = Place::Named(mark.name.clone(), mark.number);
        let mut script = vec![Strike { place, blow: kind.blow, times: kind.times }];
        if self.fault == DOUBLE_CRASH {
            let edge = |after: bool| Blow::Crash(if after { After } else { Before });
            let which = self.depth - 1;
            script[0].blow = edge(which >= SECONDS / 2);
            let place = Place::Write(which % 3 + 1);
            script.push(Strike { place, blow: edge(which / 3 % 2 == 1), times: 1 });
        }
        let depth = if self.fault == STALE_LIST { self.depth } else { 0 };
        Run { workload: self.workload, script, depth, safeguards, limit, counts: Some(reference.counts) }
    }
}

fn small(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

/// Every plan of a story.
pub fn plans(target: Target, workload: Workload, reference: &Reference) -> Vec<Plan> {
    let mut plans = Vec::new();
    for mark in &reference.marks {
        for kind in KINDS.iter().filter(|kind| kind.strikes(mark.nature)) {
            let plan = |depth| Plan { target, workload, fault: kind.code, step: mark.code, depth };
            match kind.code {
                DOUBLE_CRASH => plans.extend(sample(target, workload, mark.code).map(plan)),
                STALE_LIST => plans.extend((1..=mark.revisions).map(plan)),
                _ => plans.push(plan(0)),
            }
        }
    }
    plans
}

impl Kind {
    pub fn is_double(&self) -> bool {
        self.code == DOUBLE_CRASH
    }

    fn strikes(&self, nature: Nature) -> bool {
        match self.on {
            On::Write => nature != Nature::UpstreamRead,
            On::KubeWrite => nature == Nature::KubeWrite,
            On::UpstreamWrite => nature == Nature::UpstreamWrite,
            On::UpstreamRead => nature == Nature::UpstreamRead,
        }
    }
}

/// Some of the second crashes at a step, the same in every sweep: the hasher has fixed keys.
fn sample(target: Target, workload: Workload, step: usize) -> impl Iterator<Item = usize> {
    let mut hasher = DefaultHasher::new();
    (target.code(), workload.code(), step).hash(&mut hasher);
    let first = usize::try_from(hasher.finish() % SECONDS as u64).unwrap_or_default();
    (0..DOUBLES).map(move |turn| (first + turn * (SECONDS / DOUBLES + 1)) % SECONDS + 1)
}
