//! The one sequence of steps of a run: every write to Kubernetes and every request upstream, from
//! both sides, in the order in which they happen; and the script that strikes some of them.
//!
//! A step has a name (`kube PATCH policies/status`, `ncloud Create Policy`) and is told from others of
//! its name by how many came before it. The layers of both sides ask [`Sequence::arrive`] before they
//! carry a step out, and do to it what they are told.

use super::clock::Offset;
use super::script::{Blow, Incident, Line, Nature, Place, Step, Strike};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    revisions: Vec<String>,
    armed: bool,
    script: VecDeque<Strike>,
    /// How many blows of the first strike in the script.
    struck: usize,
    /// How many strikes.
    fallen: usize,
    named: HashMap<String, usize>,
    writes: usize,
    /// Processes that have ended, or are about to: nothing of theirs arrives any more.
    dead: HashSet<u32>,
    last_write: Option<Instant>,
    /// When the last late request will have landed.
    landed: Option<Instant>,
    /// How many incidents are not over yet.
    disturbances: usize,
    /// What a process did that none may do, whatever comes of it.
    crimes: Vec<String>,
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

    /// From now on steps count, and the script is played.
    pub fn arm(&self, script: Vec<Strike>) {
        let mut state = self.state();
        state.armed = true;
        state.script = script.into();
    }

    /// A step is about to be taken: what is to happen to it, and its place in the record.
    pub fn arrive(&self, life: u32, nature: Nature, name: &str) -> (Option<Blow>, usize) {
        let at = self.begun.elapsed();
        let mut state = self.state();
        let blow = if state.dead.contains(&life) { Some(Blow::Gone) } else { state.next(nature, name) };
        match blow {
            Some(Blow::Crash(_) | Blow::CrashLate(_)) => drop(state.dead.insert(life)),
            Some(Blow::Jump(seconds)) => self.clock.jump(seconds),
            _ => {}
        }
        if let Some(Blow::Late(delay) | Blow::CrashLate(delay)) = blow {
            state.landed = Some(Instant::now() + delay);
        }
        if nature != Nature::UpstreamRead {
            state.last_write = Some(Instant::now());
        }
        let revisions = state.revisions.len();
        // Simulators answer at once; what a blow does to a step, the script knows.
        let refused = (nature != Nature::KubeWrite || blow.is_some()).then_some(false);
        let step = Step { at, life, name: name.to_owned(), nature, blow, refused, revisions };
        state.lines.push(Line::Step(step));
        (blow, state.lines.len() - 1)
    }

    /// The other end has answered.
    pub fn answered(&self, place: usize, refused: bool) {
        if let Some(Line::Step(step)) = self.state().lines.get_mut(place) {
            step.refused = Some(refused);
        }
    }

    /// Calls the director, who says when it is over.
    pub fn tell(&self, incident: Incident) {
        self.state().disturbances += 1;
        // A director that has gone home has seen enough.
        let _ = self.incidents.send(incident);
    }

    /// An incident is over.
    pub fn over(&self) {
        let mut state = self.state();
        state.disturbances = state.disturbances.saturating_sub(1);
    }

    /// Whether nothing is the matter any more: incidents are over, late requests have landed, and
    /// every step is answered.
    pub fn is_calm(&self) -> bool {
        let state = self.state();
        let landed = state.landed.is_none_or(|at| at <= Instant::now());
        let open = |line: &Line| matches!(line, Line::Step(step) if step.refused.is_none());
        state.disturbances == 0 && landed && !state.lines.iter().any(open)
    }

    /// What is the matter still, for people.
    pub fn what_is_open(&self) -> String {
        let state = self.state();
        let open = |line: &Line| matches!(line, Line::Step(step) if step.refused.is_none());
        let open = state.lines.iter().filter(|line| open(line)).count();
        format!("{} incidents are not over, {open} steps not answered", state.disturbances)
    }

    /// The process has ended; what it waited for does not matter any more.
    pub fn bury(&self, life: u32) {
        let mut state = self.state();
        state.dead.insert(life);
        for line in &mut state.lines {
            if let Line::Step(step) = line
                && step.life == life
            {
                step.refused.get_or_insert(false);
            }
        }
    }

    /// Whether the process may still be heard.
    pub fn lives(&self, life: u32) -> bool {
        !self.state().dead.contains(&life)
    }

    /// What somebody else did.
    pub fn note(&self, what: impl Into<String>) {
        let at = self.begun.elapsed();
        self.state().lines.push(Line::Note(at, what.into()));
    }

    /// A process did what none may do.
    pub fn accuse(&self, crime: String) {
        self.note(&crime);
        self.state().crimes.push(crime);
    }

    pub fn crimes(&self) -> Vec<String> {
        self.state().crimes.clone()
    }

    /// Whether a process has looked at the upstream object, or written more than status.
    pub fn has_acted(&self, life: u32) -> bool {
        let acts = |name: &str| {
            [" Get ", " Create ", " Delete "].iter().any(|part| name.contains(part)) || name.ends_with("policies")
        };
        let theirs = |line: &Line| matches!(line, Line::Step(step) if step.life == life && acts(&step.name));
        self.state().lines.iter().any(theirs)
    }

    /// How long ago a process asked an upstream for the first time; nothing if it has not.
    pub fn has_looked_for(&self, life: u32) -> Duration {
        let theirs = |line: &Line| match line {
            Line::Step(step) if step.life == life && step.nature == Nature::UpstreamRead => Some(step.at),
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
        let counted = |step: &&Step| step.nature != Nature::UpstreamRead && !step.name.contains("connections");
        steps.filter(counted).cloned().collect()
    }

    /// How many reads there were since a mark.
    pub fn reads_after(&self, mark: usize) -> usize {
        let state = self.state();
        let read = |line: &&Line| matches!(line, Line::Step(step) if step.nature == Nature::UpstreamRead);
        state.lines.iter().skip(mark).filter(read).count()
    }

    /// How many strikes of the script have fallen, the first blow of each counted.
    pub fn fallen(&self) -> usize {
        self.state().fallen
    }
}

impl State {
    /// The blow for the next step.
    fn next(&mut self, nature: Nature, name: &str) -> Option<Blow> {
        if !self.armed {
            return None;
        }
        let count = self.named.entry(name.to_owned()).or_default();
        *count += 1;
        let count = *count;
        self.writes += usize::from(nature != Nature::UpstreamRead);
        let strike = self.script.front()?;
        let here = match &strike.place {
            Place::Named(wanted, _) if wanted != name => false,
            Place::Named(_, number) => self.struck > 0 || *number == count,
            Place::Write(number) => nature != Nature::UpstreamRead && *number == self.writes,
        };
        if !here {
            return None;
        }
        let blow = strike.blow;
        self.fallen += usize::from(self.struck == 0);
        self.struck += 1;
        if self.struck == strike.times {
            self.script.pop_front();
            (self.struck, self.writes) = (0, 0);
            self.named.clear();
        }
        Some(blow)
    }
}
