//! One run: a story, with or without faults, and the oracles.

use super::clock::Offset;
use super::life::{Gauge, Setting};
use super::lives::Lives;
use super::script::{Blow, Line, Step, Strike};
use super::stage::{Counts, Stage};
use super::steps::Sequence;
use super::theatre::{Goal, LIMIT, Theatre};
use super::workloads::Workload;
use anyhow::Context;
use cloud_policy::controller::settings::Safeguards;
use kube::api::ListParams;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long nothing must be written for a story to be over.
const STILL: Duration = Duration::from_millis(200);

/// How long, where a process saw something old: that its watch stands does not say that it has heard
/// of what is new, and acted upon it.
const CAUGHT_UP: Duration = Duration::from_secs(2);

/// How long nothing may be written then, where no interval can be counted.
const AFTERWARDS: Duration = Duration::from_millis(350);

/// How often is asked whether it is still.
const POLL: Duration = Duration::from_millis(20);

/// How often the operator must have looked again, and written nothing.
const LOOKS: usize = 3;

/// What to run.
#[derive(Debug, Clone)]
pub struct Run {
    pub workload: Workload,
    pub script: Vec<Strike>,
    /// How many revisions back the operator sees after a crash.
    pub depth: usize,
    pub safeguards: Safeguards,
    /// How long anything may take once the faults are over.
    pub limit: Duration,
    /// Oracle (b): what the run without faults counted.
    pub counts: Option<Counts>,
}

impl Run {
    /// The story without faults.
    pub fn undisturbed(workload: Workload) -> Self {
        Self { workload, script: Vec::new(), depth: 0, safeguards: Safeguards::default(), limit: LIMIT, counts: None }
    }

    /// Whether a process in it sees old lists, or learns of events late.
    fn misses_events(&self) -> bool {
        self.depth > 0 || self.script.iter().any(|strike| strike.blow == Blow::Blind)
    }
}

/// A run that ended as it must.
#[derive(Debug, Clone)]
pub struct Record {
    /// The steps of the story itself.
    pub steps: Vec<Step>,
    pub counts: Counts,
    /// How many strikes of the script fell.
    pub fallen: usize,
    pub trace: String,
}

/// A run that did not.
#[derive(Debug, Clone)]
pub struct Failure {
    pub why: String,
    pub trace: String,
}

/// Plays a run on a stage, which is as before when it succeeds.
pub async fn perform(stage: &Arc<Stage>, run: &Run) -> Result<Record, Failure> {
    let clock = Arc::new(Offset::default());
    let (sequence, mut happened) = Sequence::new(Arc::clone(&clock));
    stage.direct(&sequence);
    let setting = Setting {
        stage: Arc::clone(stage),
        sequence: Arc::clone(&sequence),
        clock,
        safeguards: run.safeguards,
        gauge: Gauge::default(),
    };
    let gauge = setting.gauge.clone();
    let theatre = Theatre { stage, sequence: &sequence, limit: run.limit };
    let mut lives = Lives::begin(setting, &theatre, run.depth);
    let ended = tokio::select! {
        ended = tell(&theatre, &gauge, run) => ended,
        never = lives.tend(&mut happened) => match never {},
    };
    lives.end().await;
    stage.undirect();
    let trace = trace(&sequence);
    let crime = sequence.crimes().first().cloned();
    match (ended, crime) {
        (Ok((steps, counts, fallen)), None) => Ok(Record { steps, counts, fallen, trace }),
        (Ok(_), Some(why)) => Err(Failure { why, trace }),
        (Err(error), crime) => Err(Failure { why: format!("{error:#} {}", crime.unwrap_or_default()), trace }),
    }
}

async fn tell(theatre: &Theatre<'_>, gauge: &Gauge, run: &Run) -> anyhow::Result<(Vec<Step>, Counts, usize)> {
    let sequence = theatre.sequence;
    if let Some(before) = run.workload.prepare(theatre).await? {
        still(theatre, gauge, &before, STILL).await.context("before the story")?;
    }
    theatre.stage.count_anew();
    let before = theatre.stage.api().list(&ListParams::default().limit(1)).await?;
    sequence.revision(&before.metadata.resource_version.unwrap_or_default());
    let start = sequence.steps().len();
    sequence.note("the story begins");
    sequence.arm(run.script.clone());
    let goal = run.workload.act(theatre).await?;
    theatre.reach(&goal).await?;
    // What has not struck by now would strike at rest.
    sequence.arm(Vec::new());
    still(theatre, gauge, &goal, if run.misses_events() { CAUGHT_UP } else { STILL }).await?;
    let steps = sequence.steps().split_off(start);
    sequence.note("the story is over");
    watch(theatre, gauge, &goal).await?;
    theatre.is_at(&goal).await.context("some time after the end")?;
    let counts = theatre.stage.counts();
    if let Some(wanted) = run.counts {
        // A create that failed need not be tried again once the object is deleted.
        let abandoned = run.workload == Workload::Abandon && counts.creates == counts.deletes;
        let fits = counts == wanted || abandoned && counts.creates <= wanted.creates;
        anyhow::ensure!(fits, "{counts:?} upstream instead of {wanted:?}");
    }
    let fallen = sequence.fallen();
    clear(theatre, goal).await.context("when it was cleared away")?;
    Ok((steps, counts, fallen))
}

/// Waits until nothing is the matter any more and nothing is tried to be written: for a while, and
/// where the operator looks at intervals, in a whole look.
async fn still(theatre: &Theatre<'_>, gauge: &Gauge, goal: &Goal, long: Duration) -> anyhow::Result<()> {
    let sequence = theatre.sequence;
    // The look under way, and a whole one.
    let looks = if goal.is_kept() { 2 } else { 0 };
    let begun = Instant::now();
    let (mut mark, mut since, mut base) = (sequence.mark(), begun, gauge.rounds());
    loop {
        sleep(POLL).await;
        let (writes, rounds) = (sequence.writes_after(mark), gauge.rounds());
        if !writes.is_empty() || !sequence.is_calm() || rounds < base {
            (mark, since, base) = (sequence.mark(), Instant::now(), rounds);
        } else if rounds >= base + looks && since.elapsed() >= long {
            return Ok(());
        }
        anyhow::ensure!(
            begun.elapsed() < theatre.limit,
            "no rest, the last write is {:?}; {}",
            writes.last().map(|w| &w.name),
            sequence.what_is_open()
        );
    }
}

/// Oracle (c): the operator looks again and again, and writes nothing.
async fn watch(theatre: &Theatre<'_>, gauge: &Gauge, goal: &Goal) -> anyhow::Result<()> {
    let sequence = theatre.sequence;
    let mark = sequence.mark();
    if goal.is_kept() {
        let before = gauge.rounds();
        let looks = || async {
            let rounds = gauge.rounds().saturating_sub(before);
            anyhow::ensure!(rounds >= LOOKS, "{rounds} rounds");
            Ok(())
        };
        theatre.until("the operator to look again", looks).await?;
    } else {
        sleep(AFTERWARDS).await;
    }
    // What a cache that lags tries and the API server refuses is no write; wait for its answer.
    let answered = || async {
        anyhow::ensure!(sequence.is_calm(), "a step is not answered");
        Ok(())
    };
    theatre.until("all answers", answered).await?;
    let tried = sequence.writes_after(mark);
    let written: Vec<_> = tried.iter().filter(|s| s.refused != Some(true)).map(|s| &s.name).collect();
    anyhow::ensure!(written.is_empty(), "written at rest: {written:?}");
    Ok(())
}

/// Whatever happened before, the object can be deleted.
async fn clear(theatre: &Theatre<'_>, goal: Goal) -> anyhow::Result<()> {
    match goal {
        Goal::Ready | Goal::Adopted => {
            theatre.delete().await?;
            theatre.reach(&Goal::Gone).await
        }
        Goal::Gone => Ok(()),
        Goal::Left(_) => {
            anyhow::ensure!(theatre.stage.remove(), "nothing to remove");
            Ok(())
        }
    }
}

/// What happened, for people.
fn trace(sequence: &Sequence) -> String {
    let mut text = String::new();
    for line in sequence.lines() {
        // Writing to a String cannot fail.
        let _ = match line {
            Line::Note(at, what) => writeln!(text, "{:7.3}   -- {what}", at.as_secs_f32()),
            Line::Step(step) => {
                let refused = if step.refused == Some(true) { " (refused)" } else { "" };
                let blow = step.blow.map(|blow| format!("  <== {blow:?}")).unwrap_or_default();
                writeln!(text, "{:7.3} {:>2} {}{refused}{blow}", step.at.as_secs_f32(), step.life, step.name)
            }
        };
    }
    text
}
