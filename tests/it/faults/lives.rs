//! The lives of the operator in one run: crashes and starts again, is blinded, loses its leadership.

use super::life::{Life, Setting};
use super::script::{Incident, Nature};
use super::theatre::Theatre;
use super::wire::Sight;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep};

/// For how long a blinded process sees nothing, and how long one that saw an old revision and began
/// to act upon it sees nothing newer.
const BLINDNESS: Duration = Duration::from_millis(300);

/// How long a process that starts with an old revision may take to act upon it, if it does: since it
/// first asked the upstream, as its start takes long on a busy machine; and at most.
const STALENESS: Duration = Duration::from_secs(3);
const STALENESS_AT_MOST: Duration = Duration::from_secs(20);

/// How long a new leader must have been quiet to have done its work.
const QUIET: Duration = Duration::from_millis(300);

/// How long the new leader may take, and how long the old one is watched after it was heard again.
const TERM: Duration = Duration::from_secs(6);

/// The lives of one run.
pub struct Lives<'a> {
    setting: Setting,
    theatre: &'a Theatre<'a>,
    /// How many revisions back a process sees that starts after a crash.
    depth: usize,
    current: Option<Life>,
    begun: u32,
}

impl<'a> Lives<'a> {
    pub fn begin(setting: Setting, theatre: &'a Theatre<'a>, depth: usize) -> Self {
        let current = Some(Life::begin(&setting, 1, None));
        Self { setting, theatre, depth, current, begun: 1 }
    }

    /// Does what incidents ask for; never ends.
    pub async fn tend(&mut self, happened: &mut mpsc::UnboundedReceiver<Incident>) -> Infallible {
        while let Some(incident) = happened.recv().await {
            match incident {
                Incident::Crash => self.crash().await,
                Incident::Blind => self.blind(),
                Incident::HandOver(release) => self.hand_over(release).await,
            }
        }
        std::future::pending().await
    }

    pub async fn end(&mut self) {
        if let Some(life) = self.current.take() {
            self.setting.sequence.bury(life.number());
            life.crash().await;
        }
    }

    fn next(&mut self, revision: Option<String>) -> Life {
        self.begun += 1;
        Life::begin(&self.setting, self.begun, revision)
    }

    async fn crash(&mut self) {
        self.end().await;
        let revision = if self.depth == 0 { None } else { self.setting.sequence.revision_before(self.depth) };
        let seen = revision.as_ref().map_or_else(String::new, |revision| format!(" and sees revision {revision}"));
        self.setting.sequence.note(format!("the operator crashes, starts again{seen}"));
        let patience = if revision.is_some() { STALENESS } else { Duration::ZERO };
        let life = self.next(revision);
        self.clear_later(&life, patience);
        self.current = Some(life);
    }

    fn blind(&mut self) {
        self.setting.sequence.note("all watches end, and what they miss is compacted away");
        if let Some(life) = &self.current {
            life.eyes.set(Sight::Lost);
            self.clear_later(life, BLINDNESS);
        }
    }

    /// Has a process see again once it has done what it does about what it saw; when it sees, or is
    /// dead, the incident is over.
    fn clear_later(&self, life: &Life, patience: Duration) {
        let (eyes, number, sequence) = (life.eyes.clone(), life.number(), self.setting.sequence.clone());
        tokio::spawn(async move {
            let begun = Instant::now();
            while sequence.has_looked_for(number) < patience
                && begun.elapsed() < STALENESS_AT_MOST
                && !sequence.has_acted(number)
            {
                sleep(Duration::from_millis(10)).await;
            }
            sleep(patience.min(BLINDNESS)).await;
            eyes.set(Sight::Clear);
            while !eyes.watches() && sequence.lives(number) {
                sleep(Duration::from_millis(10)).await;
            }
            sequence.over();
        });
    }

    /// The answer to the current process is held. Another one takes over, and comes to rest; then the
    /// answer is given, and the deposed one must not write upstream.
    async fn hand_over(&mut self, release: oneshot::Sender<()>) {
        let Some(old) = self.current.take() else { return };
        old.depose();
        self.setting.sequence.note("the operator loses its leadership to another one");
        self.current = Some(self.next(None));
        let mark = self.setting.sequence.mark();
        self.rest(mark).await;
        let heard = self.setting.sequence.mark();
        self.setting.sequence.note("the deposed operator gets its answer");
        // Dropping does the same: the step's wait ends either way.
        let _ = release.send(());
        sleep(QUIET).await;
        let writes = self.setting.sequence.writes_after(heard);
        let mut late = writes.iter().filter(|s| s.life == old.number() && s.nature == Nature::UpstreamWrite);
        if let Some(step) = late.next() {
            self.setting.sequence.accuse(format!("a process that lost its leadership did `{}`", step.name));
        }
        self.setting.sequence.bury(old.number());
        old.crash().await;
        self.setting.sequence.over();
    }

    /// Waits until the new process has looked, holds no operation in flight and writes no more.
    async fn rest(&self, mark: usize) {
        let begun = Instant::now();
        let (mut seen, mut since) = (0, Instant::now());
        while begun.elapsed() < TERM {
            let sequence = &self.setting.sequence;
            let (writes, reads) = (sequence.writes_after(mark).len(), sequence.reads_after(mark));
            let busy = self.theatre.is_busy().await.unwrap_or(true);
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
