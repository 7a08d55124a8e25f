//! All kinds of faults, and the steps that each applies to.

use super::outside::Outside;
use super::process::DELAY;
use super::scenario::Scenario;
use super::schedule::{Fault, StepKind, Timing};

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
    pub fault: Fault,
    pub times: usize,
}

const fn kind(code: u32, name: &'static str, on: On, fault: Fault, times: usize) -> FaultKind {
    FaultKind { code, name, on, fault, times }
}

pub const DOUBLE_CRASH: u32 = 3;
pub const STALE_LIST: u32 = 4;

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
    outside(50, "finalizer taken off", Outside::FinalizerTaken),
    outside(51, "status wiped", Outside::StatusWiped),
    outside(52, "kubectl replace", Outside::Replaced),
    outside(53, "connection re-pointed and back", Outside::Repointed),
    outside(54, "restored with a new uid", Outside::Restored),
    outside(55, "finalizer taken off, then deleted", Outside::DeletedByForce),
    outside(56, "status wiped, then deleted", Outside::WipedAndDeleted),
    outside(59, "status wiped while no process runs, then deleted", Outside::WipedAtRestart),
    outside(60, "status wiped while no process runs", Outside::LostAtRestart),
    outside(61, "deleted", Outside::Deleted),
    outside(62, "deleted while no process runs", Outside::DeletedAtRestart),
    outside(57, "another tenant wants the same name", Outside::Rival),
    outside(58, "another tenant's crowd", Outside::Crowd),
];

/// The faults of scenarios with several objects, which have many steps: crashes, lost and late answers, failed reads.
const CROWD_FAULTS: [u32; 6] = [1, 2, 29, 31, 42, 44];

const fn outside(code: u32, name: &'static str, what: Outside) -> FaultKind {
    kind(code, name, On::Write, Fault::Outside(what), 1)
}

impl FaultKind {
    pub fn is_double(&self) -> bool {
        self.code == DOUBLE_CRASH
    }

    /// Returns whether a scenario and a step of it can have this fault.
    pub fn applies_to(&self, scenario: Scenario, step: StepKind) -> bool {
        let is_step = match self.on {
            On::Write => step != StepKind::UpstreamRead,
            On::KubeWrite => step == StepKind::KubeWrite,
            On::UpstreamWrite => step == StepKind::UpstreamWrite,
            On::UpstreamRead => step == StepKind::UpstreamRead,
        };
        if scenario.is_crowd() {
            return is_step && CROWD_FAULTS.contains(&self.code);
        }
        match self.fault {
            Fault::Outside(what) => is_step && what.fits(scenario),
            _ => is_step,
        }
    }
}
