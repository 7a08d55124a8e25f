//! The vocabulary of schedules: steps, the faults that are injected at them, and incidents.

use super::outside::Outside;
use std::time::Duration;
use tokio::sync::oneshot;

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A write to Kubernetes. Events and leases are not steps.
    KubeWrite,
    /// A write upstream.
    UpstreamWrite,
    /// A read upstream.
    UpstreamRead,
}

/// Whether a fault comes before or after the effect of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// The server never receives the request.
    Before,
    /// The server has executed the request.
    After,
}

/// A fault that is injected at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The process crashes.
    Crash(Timing),
    /// The process crashes, and the request takes effect this much later.
    CrashDelayed(Duration),
    /// The process has crashed, or is about to. Its requests have no effect.
    ProcessEnded,
    /// The response is delayed. Meanwhile another process becomes the leader and does the work.
    LeadershipLost,
    /// All watches end. When they open again they receive 410 Gone.
    MissedEvents,
    /// The clock jumps by this number of seconds.
    ClockJump(i64),
    /// The response has this status, and this `Retry-After`.
    Status(Timing, u16, Option<u32>),
    /// The connection is cut.
    Cut(Timing),
    /// The client receives no response before its timeout.
    NoResponse(Timing),
    /// The connection is cut at once, and the request takes effect this much later.
    Delayed(Duration),
    /// The response is delayed until an outsider has acted.
    Outside(Outside),
}

/// The step of an injection, counted from the end of the injection before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// The step with this name, by number from 1.
    Named(String, usize),
    /// The write with this number, whatever its name.
    Write(usize),
}

impl Position {
    pub fn is_named(&self, wanted: &str) -> bool {
        matches!(self, Self::Named(name, _) if name == wanted)
    }
}

/// One injection of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    pub position: Position,
    pub fault: Fault,
    /// How many steps of that name in a row.
    pub times: usize,
}

/// A step of a run.
#[derive(Debug, Clone)]
pub struct Step {
    /// The time since the start of the run.
    pub at: Duration,
    /// The number of the process, from 1.
    pub process: u32,
    pub name: String,
    pub kind: StepKind,
    pub fault: Option<Fault>,
    /// Whether the server itself refused the step. `None` until that is known.
    pub refused: Option<bool>,
    /// How many revisions of the object existed before the step.
    pub revisions: usize,
}

/// An event that [`Processes`](super::processes::Processes) must handle.
#[derive(Debug)]
pub enum Incident {
    Crash,
    MissedEvents,
    /// The response is given when the sender is used or dropped.
    LeadershipLost(oneshot::Sender<()>),
    /// The same.
    Outside(Outside, oneshot::Sender<()>),
}

/// One line of the trace of a run.
#[derive(Debug, Clone)]
pub enum TraceLine {
    Step(Step),
    /// An action that is not a step of the operator.
    Note(Duration, String),
}
