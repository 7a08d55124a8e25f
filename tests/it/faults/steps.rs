//! The one sequence of steps of a run: every write to Kubernetes and every request upstream, from
//! both sides, in the order in which they happen; and the schedule that strikes some of them.
//!
//! A step has a name (`kube PATCH policies/status`, `ncloud Create Policy`) and is told from others of
//! its name by how many came before it. The layers of both sides ask [`Sequence::on_step`] before they
//! carry a step out, and do to it what they are told.

use super::clock::Offset;
use super::schedule::{Fault, Incident, Injection, Line, Position, Step, StepKind};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    revisions: Vec<String>,
    armed: bool,
    schedule: VecDeque<Injection>,
    /// How many blows of the first injection in the schedule.
    repeats: usize,
    /// How many strikes.
    injected: usize,
    named: HashMap<String, usize>,
    writes: usize,
    /// Processes that have ended, or are about to: nothing of theirs arrives any more.
    ended: HashSet<u32>,
    last_write: Option<Instant>,
    /// When the last late request will have delayed_until.
    delayed_until: Option<Instant>,
    /// How many incidents are not over yet.
    open_incidents: usize,
    /// What a process did that none may do, whatever comes of it.
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
    /// A sequence in which nothing has happened, and what happens that needs the director.
    pub fn new(clock: Arc<Offset>) -> (Arc<Self>, mpsc::UnboundedReceiver<Incident>) {
        let (incidents, happened) = mpsc::unbounded_channel();
        (Arc::new(Self { begun: Instant::now(), clock, state: Mutex::default(), incidents }), happened)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on steps count, and the schedule is played.
    pub fn arm(&self, schedule: Vec<Injection>) {
        let mut state = self.state();
        state.armed = true;
        state.schedule = schedule.into();
    }

    /// A step is about to be taken: what is to happen to it, and its place in the record.
    pub fn on_step(&self, process: u32, kind: StepKind, name: &str) -> (Option<Fault>, usize) {
        let at = self.begun.elapsed();
        let mut state = self.state();
        let fault = if state.ended.contains(&process) { Some(Fault::ProcessEnded) } else { state.next(kind, name) };
        match fault {
            Some(Fault::Crash(_) | Fault::CrashDelayed(_)) => drop(state.ended.insert(process)),
            Some(Fault::ClockJump(seconds)) => self.clock.jump(seconds),
            _ => {}
        }
        if let Some(Fault::Delayed(delay) | Fault::CrashDelayed(delay)) = fault {
            state.delayed_until = Some(Instant::now() + delay);
        }
        if kind != StepKind::UpstreamRead {
            state.last_write = Some(Instant::now());
        }
        let revisions = state.revisions.len();
        // Simulators answer at once; what a fault does to a step, the schedule knows.
        let refused = (kind != StepKind::KubeWrite || fault.is_some()).then_some(false);
        let step = Step { at, process, name: name.to_owned(), kind, fault, refused, revisions };
        state.lines.push(Line::Step(step));
        (fault, state.lines.len() - 1)
    }

    /// The other end has answered.
    pub fn answered(&self, place: usize, refused: bool) {
        if let Some(Line::Step(step)) = self.state().lines.get_mut(place) {
            step.refused = Some(refused);
        }
    }

    /// Calls the director, who says when it is over.
    pub fn report(&self, incident: Incident) {
        self.state().open_incidents += 1;
        // A director that has gone home has seen enough.
        let _ = self.incidents.send(incident);
    }

    /// An incident is over.
    pub fn incident_ended(&self) {
        let mut state = self.state();
        state.open_incidents = state.open_incidents.saturating_sub(1);
    }

    /// Whether nothing is the matter any more: incidents are over, late requests have delayed_until, and
    /// every step is answered.
    pub fn is_quiet(&self) -> bool {
        let state = self.state();
        let delayed_until = state.delayed_until.is_none_or(|at| at <= Instant::now());
        let open = |line: &Line| matches!(line, Line::Step(step) if step.refused.is_none());
        state.open_incidents == 0 && delayed_until && !state.lines.iter().any(open)
    }

    /// What is the matter still, for people.
    pub fn describe_open(&self) -> String {
        let state = self.state();
        let open = |line: &Line| matches!(line, Line::Step(step) if step.refused.is_none());
        let open = state.lines.iter().filter(|line| open(line)).count();
        format!("{} incidents are not over, {open} steps not answered", state.open_incidents)
    }

    /// The process has ended; what it waited for does not matter any more.
    pub fn mark_ended(&self, process: u32) {
        let mut state = self.state();
        state.ended.insert(process);
        for line in &mut state.lines {
            if let Line::Step(step) = line
                && step.process == process
            {
                step.refused.get_or_insert(false);
            }
        }
    }

    /// Whether the process may still be heard.
    pub fn is_running(&self, process: u32) -> bool {
        !self.state().ended.contains(&process)
    }

    /// What somebody else did.
    pub fn note(&self, what: impl Into<String>) {
        let at = self.begun.elapsed();
        self.state().lines.push(Line::Note(at, what.into()));
    }

    /// A process did what none may do.
    pub fn report_violation(&self, violation: String) {
        self.note(&violation);
        self.state().violations.push(violation);
    }

    pub fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    /// Whether a process has looked at the upstream object, or written more than status.
    pub fn has_acted(&self, process: u32) -> bool {
        let acts = |name: &str| {
            [" Get ", " Create ", " Delete "].iter().any(|part| name.contains(part)) || name.ends_with("policies")
        };
        let theirs = |line: &Line| matches!(line, Line::Step(step) if step.process == process && acts(&step.name));
        self.state().lines.iter().any(theirs)
    }

    /// How long ago a process asked an upstream for the first time; nothing if it has not.
    pub fn reading_for(&self, process: u32) -> Duration {
        let theirs = |line: &Line| match line {
            Line::Step(step) if step.process == process && step.kind == StepKind::UpstreamRead => Some(step.at),
            _ => None,
        };
        let first = self.state().lines.iter().find_map(theirs);
        first.map_or(Duration::ZERO, |at| self.begun.elapsed().saturating_sub(at))
    }

    /// The object has this `resourceVersion` now.
    pub fn revision(&self, version: &str) {
        let mut state = self.state();
        if state.revisions.last().is_none_or(|last| last != version) {
            state.revisions.push(version.to_owned());
        }
    }

    /// The revision that stood so many before the newest.
    pub fn revision_before(&self, depth: usize) -> Option<String> {
        let state = self.state();
        state.revisions.iter().rev().nth(depth).cloned()
    }

    /// Everything that happened.
    pub fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// Every step that was taken.
    pub fn steps(&self) -> Vec<Step> {
        let step = |line: &Line| {
            if let Line::Step(step) = line { Some(step.clone()) } else { None }
        };
        self.state().lines.iter().filter_map(step).collect()
    }

    /// How many lines there are: a mark for [`Self::writes_after`].
    pub fn mark(&self) -> usize {
        self.state().lines.len()
    }

    /// The writes since a mark, but for those about connections: these count their dependants at
    /// their own pace.
    pub fn writes_after(&self, mark: usize) -> Vec<Step> {
        let state = self.state();
        let steps = state.lines.iter().skip(mark).filter_map(|line| match line {
            Line::Step(step) => Some(step),
            Line::Note(..) => None,
        });
        let counted = |step: &&Step| step.kind != StepKind::UpstreamRead && !step.name.contains("connections");
        steps.filter(counted).cloned().collect()
    }

    /// How many reads there were since a mark.
    pub fn reads_after(&self, mark: usize) -> usize {
        let state = self.state();
        let read = |line: &&Line| matches!(line, Line::Step(step) if step.kind == StepKind::UpstreamRead);
        state.lines.iter().skip(mark).filter(read).count()
    }

    /// How many strikes of the schedule have injected, the first fault of each counted.
    pub fn injected(&self) -> usize {
        self.state().injected
    }
}

impl State {
    /// The fault for the next step.
    fn next(&mut self, kind: StepKind, name: &str) -> Option<Fault> {
        if !self.armed {
            return None;
        }
        let count = self.named.entry(name.to_owned()).or_default();
        *count += 1;
        let count = *count;
        self.writes += usize::from(kind != StepKind::UpstreamRead);
        let injection = self.schedule.front()?;
        let here = match &injection.place {
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
