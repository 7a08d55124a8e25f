//! The sequence of steps of a run: every write to Kubernetes and every request upstream, in the order in which
//! they happen, and the schedule of injections.
//!
//! A step has a name (`kube PATCH policies/status`, `ncloud Create Policy`) and a number among the steps of its
//! name. The layers of both sides call [`Sequence::on_step`] before they execute a step, and inject the fault
//! that it returns.

use super::clock::Offset;
use super::outside::Outside;
use super::schedule::{Fault, Incident, Injection, Position, Step, StepKind, TraceLine};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

#[derive(Debug, Default)]
struct State {
    lines: Vec<TraceLine>,
    revisions: Vec<String>,
    armed: bool,
    schedule: VecDeque<Injection>,
    /// How often the first injection of the schedule was repeated.
    repeats: usize,
    /// How many injections took place.
    injected: usize,
    named: HashMap<String, usize>,
    writes: usize,
    /// Processes that have crashed, or are about to. Their requests have no effect.
    ended: HashSet<u32>,
    last_write: Option<Instant>,
    /// When the last delayed request will have taken effect.
    delayed_until: Option<Instant>,
    /// How many incidents have not ended.
    open_incidents: usize,
    /// Actions that no process may do in any scenario.
    violations: Vec<String>,
}

/// The sequence of one run.
#[derive(Debug)]
pub struct Sequence {
    begun: Instant,
    clock: Arc<Offset>,
    state: Mutex<State>,
    incidents: mpsc::UnboundedSender<Incident>,
}

impl Sequence {
    /// Returns an empty sequence, and the receiver of its incidents.
    pub fn new(clock: Arc<Offset>) -> (Arc<Self>, mpsc::UnboundedReceiver<Incident>) {
        let (incidents, happened) = mpsc::unbounded_channel();
        (Arc::new(Self { begun: Instant::now(), clock, state: Mutex::default(), incidents }), happened)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts to count steps and to inject the faults of the schedule.
    pub fn arm(&self, schedule: Vec<Injection>) {
        let mut state = self.state();
        state.armed = true;
        state.schedule = schedule.into();
    }

    /// Records a step that is about to be executed. Returns the fault to inject and the index of the step in
    /// the trace.
    pub fn on_step(&self, process: u32, kind: StepKind, name: &str) -> (Option<Fault>, usize) {
        let at = self.begun.elapsed();
        let mut state = self.state();
        let fault = if state.ended.contains(&process) { Some(Fault::ProcessEnded) } else { state.next(kind, name) };
        match fault {
            Some(Fault::Crash(_) | Fault::CrashDelayed(_)) => drop(state.ended.insert(process)),
            Some(Fault::ClockJump(seconds)) => self.clock.jump(seconds),
            // From now on, so that no moment between the effect and the action looks quiet.
            Some(Fault::Outside(_)) => state.open_incidents += 1,
            _ => {}
        }
        if let Some(Fault::Delayed(delay) | Fault::CrashDelayed(delay)) = fault {
            state.delayed_until = Some(Instant::now() + delay);
        }
        if kind != StepKind::UpstreamRead {
            state.last_write = Some(Instant::now());
        }
        let revisions = state.revisions.len();
        // Simulators respond at once, and the schedule determines the result of a faulty step.
        let refused = (kind != StepKind::KubeWrite || fault.is_some()).then_some(false);
        let step = Step { at, process, name: name.to_owned(), kind, fault, refused, revisions };
        state.lines.push(TraceLine::Step(step));
        (fault, state.lines.len() - 1)
    }

    /// Records the response to a step.
    pub fn answered(&self, index: usize, refused: bool) {
        if let Some(TraceLine::Step(step)) = self.state().lines.get_mut(index) {
            step.refused = Some(refused);
        }
    }

    /// Reports an incident, which is open until [`Self::incident_ended`] is called.
    pub fn report(&self, incident: Incident) {
        self.state().open_incidents += 1;
        // The receiver may be gone at the end of a run.
        let _ = self.incidents.send(incident);
    }

    /// Lets an outsider act at a step, and waits until the action is done.
    pub async fn admit(&self, what: Outside) {
        let (release, released) = oneshot::channel();
        // The receiver may be gone at the end of a run.
        let _ = self.incidents.send(Incident::Outside(what, release));
        drop(released.await);
    }

    /// Records the end of an incident.
    pub fn incident_ended(&self) {
        let mut state = self.state();
        state.open_incidents = state.open_incidents.saturating_sub(1);
    }

    /// Returns whether all incidents have ended, all delayed requests have taken effect, and every step has a
    /// response.
    pub fn is_quiet(&self) -> bool {
        let state = self.state();
        let no_request_is_delayed = state.delayed_until.is_none_or(|at| at <= Instant::now());
        let open = |line: &TraceLine| matches!(line, TraceLine::Step(step) if step.refused.is_none());
        state.open_incidents == 0 && no_request_is_delayed && !state.lines.iter().any(open)
    }

    /// Describes the open incidents and steps for people.
    pub fn describe_open(&self) -> String {
        let state = self.state();
        let open = |line: &TraceLine| matches!(line, TraceLine::Step(step) if step.refused.is_none());
        let open = state.lines.iter().filter(|line| open(line)).count();
        format!("{} incidents are open, {open} steps have no response", state.open_incidents)
    }

    /// Records the end of a process. Its open steps no longer matter.
    pub fn mark_ended(&self, process: u32) {
        let mut state = self.state();
        state.ended.insert(process);
        for line in &mut state.lines {
            if let TraceLine::Step(step) = line
                && step.process == process
            {
                step.refused.get_or_insert(false);
            }
        }
    }

    /// Returns whether the requests of the process still have an effect.
    pub fn is_running(&self, process: u32) -> bool {
        !self.state().ended.contains(&process)
    }

    /// Records an action that is not a step of the operator.
    pub fn note(&self, what: impl Into<String>) {
        let at = self.begun.elapsed();
        self.state().lines.push(TraceLine::Note(at, what.into()));
    }

    /// Records an action that no process may do.
    pub fn report_violation(&self, violation: String) {
        self.note(&violation);
        self.state().violations.push(violation);
    }

    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Returns whether a process has read the upstream object, or written more than status.
    pub fn has_acted(&self, process: u32) -> bool {
        let acts = |name: &str| {
            [" Get ", " Create ", " Delete "].iter().any(|part| name.contains(part)) || name.ends_with("policies")
        };
        let theirs =
            |line: &TraceLine| matches!(line, TraceLine::Step(step) if step.process == process && acts(&step.name));
        self.state().lines.iter().any(theirs)
    }

    /// Returns the time since the first upstream read of a process. Zero if there was none.
    pub fn reading_for(&self, process: u32) -> Duration {
        let theirs = |line: &TraceLine| match line {
            TraceLine::Step(step) if step.process == process && step.kind == StepKind::UpstreamRead => Some(step.at),
            _ => None,
        };
        let first = self.state().lines.iter().find_map(theirs);
        first.map_or(Duration::ZERO, |at| self.begun.elapsed().saturating_sub(at))
    }

    /// Records the current `resourceVersion` of the object.
    pub fn revision(&self, version: &str) {
        let mut state = self.state();
        if state.revisions.last().is_none_or(|last| last != version) {
            state.revisions.push(version.to_owned());
        }
    }

    /// Returns the revision that is `depth` before the newest.
    pub fn revision_before(&self, depth: usize) -> Option<String> {
        let state = self.state();
        state.revisions.iter().rev().nth(depth).cloned()
    }

    /// Returns the whole trace.
    pub fn lines(&self) -> Vec<TraceLine> {
        self.state().lines.clone()
    }

    /// Returns every step.
    pub fn steps(&self) -> Vec<Step> {
        let step = |line: &TraceLine| {
            if let TraceLine::Step(step) = line { Some(step.clone()) } else { None }
        };
        self.state().lines.iter().filter_map(step).collect()
    }

    /// Returns the length of the trace, as a mark for [`Self::writes_after`].
    pub fn mark(&self) -> usize {
        self.state().lines.len()
    }

    /// Returns the writes after a mark, without those to connections: the operator updates their number of
    /// dependents at times of its own.
    pub fn writes_after(&self, mark: usize) -> Vec<Step> {
        let state = self.state();
        let steps = state.lines.iter().skip(mark).filter_map(|line| match line {
            TraceLine::Step(step) => Some(step),
            TraceLine::Note(..) => None,
        });
        let counted = |step: &&Step| step.kind != StepKind::UpstreamRead && !step.name.contains("connections");
        steps.filter(counted).cloned().collect()
    }

    /// Returns the number of reads after a mark.
    pub fn reads_after(&self, mark: usize) -> usize {
        let state = self.state();
        let read = |line: &&TraceLine| matches!(line, TraceLine::Step(step) if step.kind == StepKind::UpstreamRead);
        state.lines.iter().skip(mark).filter(read).count()
    }

    /// Returns how many injections took place. A repeated fault counts once.
    pub fn injected(&self) -> usize {
        self.state().injected
    }
}

impl State {
    /// Returns the fault for the next step.
    fn next(&mut self, kind: StepKind, name: &str) -> Option<Fault> {
        if !self.armed {
            return None;
        }
        let count = self.named.entry(name.to_owned()).or_default();
        *count += 1;
        let count = *count;
        self.writes += usize::from(kind != StepKind::UpstreamRead);
        let injection = self.schedule.front()?;
        let here = match &injection.position {
            Position::Named(wanted, _) if wanted != name => false,
            Position::Named(_, number) => self.repeats > 0 || *number == count,
            Position::Write(number) => kind != StepKind::UpstreamRead && *number == self.writes,
        };
        if !here {
            return None;
        }
        let fault = injection.fault;
        self.injected += usize::from(self.repeats == 0);
        self.repeats += 1;
        if self.repeats == injection.times {
            self.schedule.pop_front();
            (self.repeats, self.writes) = (0, 0);
            self.named.clear();
        }
        Some(fault)
    }
}
