//! The words in which faults are told: steps, what happens at them, and who has to act.

use std::time::Duration;
use tokio::sync::oneshot;

/// What kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// A write to Kubernetes; events and leases are not steps.
    KubeWrite,
    /// A write upstream.
    UpstreamWrite,
    /// A read upstream.
    UpstreamRead,
}

/// On which side of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// The other end never sees the request.
    Before,
    /// The other end has carried the request out.
    After,
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// The process ends.
    Crash(Timing),
    /// The process ends, and the request lands this much later.
    CrashDelayed(Duration),
    /// The process has ended already, whatever it still sends: its end was told, or is about to be.
    ProcessEnded,
    /// The answer is held; meanwhile another process becomes the leader and does the work.
    LeadershipLost,
    /// All watches end, and come back only to be told that what they ask for is gone.
    MissedEvents,
    /// The clock jumps by so many seconds.
    ClockJump(i64),
    /// This status, and this `Retry-After`.
    Status(Timing, u16, Option<u32>),
    /// The connection is cut.
    Cut(Timing),
    /// No answer until the client gives up.
    NoResponse(Timing),
    /// The connection is cut at once, and the request lands this much later.
    Delayed(Duration),
}

/// Which step, counted from when the injection before it was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// The step of this name, by number from 1.
    Named(String, usize),
    /// The write of this number, whatever its name.
    Write(usize),
}

/// One fault of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Where.
    pub place: Position,
    /// What.
    pub fault: Fault,
    /// How many steps of that name in a row.
    pub times: usize,
}

/// A step that was taken.
#[derive(Debug, Clone)]
pub struct Step {
    /// Since the run began.
    pub at: Duration,
    /// Which process took it, by number from 1.
    pub process: u32,
    pub name: String,
    pub kind: StepKind,
    pub fault: Option<Fault>,
    /// Whether the other end itself has refused it; `None` while that is not known.
    pub refused: Option<bool>,
    /// How many revisions of the object were known before it.
    pub revisions: usize,
}

/// What only the director of the run can do.
#[derive(Debug)]
pub enum Incident {
    Crash,
    MissedEvents,
    /// The answer is given when the sender is used or dropped.
    LeadershipLost(oneshot::Sender<()>),
}

/// What became of a run, in order.
#[derive(Debug, Clone)]
pub enum Line {
    Step(Step),
    /// What somebody else did.
    Note(Duration, String),
}
