//! The words in which faults are told: steps, what happens at them, and who has to act.

use std::time::Duration;
use tokio::sync::oneshot;

/// What kind of step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// A write to Kubernetes; events and leases are not steps.
    KubeWrite,
    /// A write upstream.
    UpstreamWrite,
    /// A read upstream.
    UpstreamRead,
}

/// On which side of the effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The other end never sees the request.
    Before,
    /// The other end has carried the request out.
    After,
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Blow {
    /// The process ends.
    Crash(Edge),
    /// The process ends, and the request lands this much later.
    CrashLate(Duration),
    /// The process has ended already, whatever it still sends: its end was told, or is about to be.
    Gone,
    /// The answer is held; meanwhile another process becomes the leader and does the work.
    HandOver,
    /// All watches end, and come back only to be told that what they ask for is gone.
    Blind,
    /// The clock jumps by so many seconds.
    Jump(i64),
    /// This status, and this `Retry-After`.
    Answer(Edge, u16, Option<u32>),
    /// The connection is cut.
    Cut(Edge),
    /// No answer until the client gives up.
    Silence(Edge),
    /// The connection is cut at once, and the request lands this much later.
    Late(Duration),
}

/// Which step, counted from when the strike before it was over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The step of this name, by number from 1.
    Named(String, usize),
    /// The write of this number, whatever its name.
    Write(usize),
}

/// One blow of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Strike {
    /// Where.
    pub place: Place,
    /// What.
    pub blow: Blow,
    /// How many steps of that name in a row.
    pub times: usize,
}

/// A step that was taken.
#[derive(Debug, Clone)]
pub struct Step {
    /// Since the run began.
    pub at: Duration,
    /// Which process took it, by number from 1.
    pub life: u32,
    pub name: String,
    pub nature: Nature,
    pub blow: Option<Blow>,
    /// Whether the other end itself has refused it; `None` while that is not known.
    pub refused: Option<bool>,
    /// How many revisions of the object were known before it.
    pub revisions: usize,
}

/// What only the director of the run can do.
#[derive(Debug)]
pub enum Incident {
    Crash,
    Blind,
    /// The answer is given when the sender is used or dropped.
    HandOver(oneshot::Sender<()>),
}

/// What became of a run, in order.
#[derive(Debug, Clone)]
pub enum Line {
    Step(Step),
    /// What somebody else did.
    Note(Duration, String),
}
