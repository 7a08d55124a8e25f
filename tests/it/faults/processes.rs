//! The processes of one run: crashes and restarts, missed events, and lost leadership.

use super::outside::Outside;
use super::process::{Process, RunContext};
use super::schedule::{Incident, StepKind};
use super::user::User;
use super::wire::WatchMode;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

/// How long a process receives no events after they are lost; and how long a process with an old list receives
/// nothing newer after it began to act on the list.
const EVENTS_MISSED_FOR: Duration = Duration::from_millis(300);

/// How long a process with an old list may take to act on it: counted from its first upstream request, because
/// a start takes long on a busy machine; and in total.
const STALE_START: Duration = Duration::from_secs(3);
const STALE_START_AT_MOST: Duration = Duration::from_secs(20);

/// How long a new leader must not write to count as idle.
const QUIET: Duration = Duration::from_millis(300);

/// How long the new leader may take to become idle.
const TAKEOVER: Duration = Duration::from_secs(6);

/// The processes of one run, of which one is current.
pub struct Processes<'a> {
    context: RunContext,
    user: &'a User<'a>,
    /// How many revisions back the list of a process is that starts after a crash.
    depth: usize,
    current: Option<Process>,
    started: u32,
}

impl<'a> Processes<'a> {
    pub fn start(context: RunContext, user: &'a User<'a>, depth: usize) -> Self {
        let current = Some(Process::start(&context, 1, None));
        Self { context, user, depth, current, started: 1 }
    }

    /// Handles incidents. Never returns.
    pub async fn handle(&mut self, happened: &mut mpsc::UnboundedReceiver<Incident>) -> Infallible {
        while let Some(incident) = happened.recv().await {
            match incident {
                Incident::Crash => self.crash().await,
                Incident::MissedEvents => self.miss_events(),
                Incident::LeadershipLost(release) => self.lose_leadership(release).await,
                Incident::Outside(what, release) => self.admit(what, release).await,
            }
        }
        std::future::pending().await
    }

    /// Lets an outsider act, then gives the response to the operator, then lets the outsider end the action.
    async fn admit(&mut self, what: Outside, release: oneshot::Sender<()>) {
        if what.needs_restart() {
            self.end().await;
        }
        let acted = self.user.act_outside(what).await;
        if what.needs_restart() {
            self.context.sequence.note("the operator restarts");
            self.current = Some(self.next(None));
        }
        // Dropping the sender has the same effect.
        let _ = release.send(());
        let ended = self.user.end_outside(what).await;
        if let Err(error) = acted.and(ended) {
            self.context.sequence.report_violation(format!("the outsider fails: {error:#}"));
        }
        self.context.sequence.incident_ended();
    }

    pub async fn end(&mut self) {
        if let Some(process) = self.current.take() {
            self.context.sequence.mark_ended(process.number());
            process.crash().await;
        }
    }

    fn next(&mut self, revision: Option<String>) -> Process {
        self.started += 1;
        Process::start(&self.context, self.started, revision)
    }

    async fn crash(&mut self) {
        self.end().await;
        let revision = if self.depth == 0 { None } else { self.context.sequence.revision_before(self.depth) };
        let seen = revision.as_ref().map_or_else(String::new, |revision| format!(" and lists revision {revision}"));
        self.context.sequence.note(format!("the operator crashes and restarts{seen}"));
        let patience = if revision.is_some() { STALE_START } else { Duration::ZERO };
        let process = self.next(revision);
        self.restore_events(&process, patience);
        self.current = Some(process);
    }

    fn miss_events(&mut self) {
        self.context.sequence.note("all watches end, and the events that they miss are compacted");
        if let Some(process) = &self.current {
            process.watch_control.set_mode(WatchMode::Lost);
            self.restore_events(process, EVENTS_MISSED_FOR);
        }
    }

    /// Lets a process receive events again after it has acted on what it saw. The incident ends when its watch
    /// is open, or the process has ended.
    fn restore_events(&self, process: &Process, patience: Duration) {
        let (watch_control, number, sequence) =
            (process.watch_control.clone(), process.number(), self.context.sequence.clone());
        tokio::spawn(async move {
            let started = Instant::now();
            while sequence.reading_for(number) < patience
                && started.elapsed() < STALE_START_AT_MOST
                && !sequence.has_acted(number)
            {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(patience.min(EVENTS_MISSED_FOR)).await;
            watch_control.set_mode(WatchMode::Live);
            while !watch_control.is_watching() && sequence.is_running(number) {
                sleep(Duration::from_millis(10)).await;
            }
            sequence.incident_ended();
        });
    }

    /// Delays the response to the current process, and starts another process, which becomes the leader. When
    /// that one is idle, gives the response to the former leader, which must not write upstream.
    async fn lose_leadership(&mut self, release: oneshot::Sender<()>) {
        let Some(old) = self.current.take() else { return };
        old.revoke_leadership();
        self.context.sequence.note("the operator loses its leadership to another process");
        self.current = Some(self.next(None));
        let mark = self.context.sequence.mark();
        self.wait_until_idle(mark).await;
        let responded = self.context.sequence.mark();
        self.context.sequence.note("the former leader receives its response");
        // Dropping the sender has the same effect: the step continues either way.
        let _ = release.send(());
        sleep(QUIET).await;
        let writes = self.context.sequence.writes_after(responded);
        let mut late = writes.iter().filter(|s| s.process == old.number() && s.kind == StepKind::UpstreamWrite);
        if let Some(step) = late.next() {
            self.context.sequence.report_violation(format!("a process that lost its leadership did `{}`", step.name));
        }
        self.context.sequence.mark_ended(old.number());
        old.crash().await;
        self.context.sequence.incident_ended();
    }

    /// Waits until the new process has read, has no operation in flight and writes no more.
    async fn wait_until_idle(&self, mark: usize) {
        let started = Instant::now();
        let (mut seen, mut since) = (0, Instant::now());
        while started.elapsed() < TAKEOVER {
            let sequence = &self.context.sequence;
            let (writes, reads) = (sequence.writes_after(mark).len(), sequence.reads_after(mark));
            let busy = self.user.is_busy().await.unwrap_or(true);
            if writes != seen || reads == 0 || busy {
                (seen, since) = (writes, Instant::now());
            }
            if since.elapsed() >= QUIET {
                return;
            }
            sleep(Duration::from_millis(25)).await;
        }
    }
}
