//! The figures as a Markdown table and as JSON, and the goals beside them.

use crate::arguments::Arguments;
use crate::figures::{Figures, Work};
use serde::Serialize;

/// The number of objects for which the goals of memory are set.
const MEMORY_GOAL_OBJECTS: usize = 5000;

/// The figures of a run, and what they depend on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    latency_millis: u128,
    requests_per_second: u32,
    cores: usize,
    collections: Vec<Figures>,
}

/// A row of the table: what is measured, and how it is shown.
type Row = (&'static str, fn(&Figures) -> String);

/// Rows that describe the operator.
const COUNTS: [Row; 11] = [
    ("objects", |f| f.objects.to_string()),
    ("time until all are ready, over that of the bare loop", |f| format!("{:.1}", f.ratio())),
    ("requests, each object of a new crowd", |f| each(f.creation.work.upstream_requests, f)),
    ("requests, one new object", |f| f.alone.create.upstream_requests.to_string()),
    ("requests, one edit", |f| f.alone.edit.upstream_requests.to_string()),
    ("requests, one deletion", |f| f.alone.delete.upstream_requests.to_string()),
    ("requests, each object of a crowd that is deleted", |f| each(f.deletion.upstream_requests, f)),
    ("requests, a start with all objects unchanged", |f| f.restart.upstream_requests.to_string()),
    ("requests, a start with drift of one object", |f| f.drift_of_one.upstream_requests.to_string()),
    ("requests, each object of a start with drift of all", |f| each(f.drift_of_all.upstream_requests, f)),
    ("writes to Kubernetes, each object of a new crowd; events", |f| {
        let events = usize::try_from(f.creation.events).unwrap_or(usize::MAX);
        format!("{}; {}", writes(&f.creation.work, f), each(events, f))
    }),
];

/// Rows that describe this run.
const RUN: [Row; 9] = [
    ("bare loop", |f| seconds(f.bare_loop_seconds)),
    ("a new crowd, until all are ready", |f| seconds(f.creation.work.seconds)),
    ("one new object, from its apply until it is ready", |f| seconds(f.alone.create.seconds)),
    ("one edit, until it is ready", |f| seconds(f.alone.edit.seconds)),
    ("the crowd is deleted", |f| seconds(f.deletion.seconds)),
    ("a start, until all are compared", |f| seconds(f.restart.seconds)),
    ("drift of one object; of all: until it is corrected", |f| {
        format!("{}; {}", seconds(f.drift_of_one.seconds), seconds(f.drift_of_all.seconds))
    }),
    ("processor time, each new object", |f| format!("{:.1} ms", cpu(f))),
    ("memory, at most while they are created; at rest", |f| {
        format!("{} MB; {} MB", f.creation.peak_kilobytes >> 10, f.creation.rest_kilobytes >> 10)
    }),
];

impl Report {
    pub fn new(arguments: &Arguments, collections: Vec<Figures>) -> Self {
        Self {
            latency_millis: arguments.latency.as_millis(),
            requests_per_second: arguments.rate,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            collections,
        }
    }

    /// Returns the figures as two tables: what describes the operator, and what describes this run.
    pub fn markdown(&self) -> String {
        let run = format!("this run, on {} cores", self.cores);
        format!(
            "Latency of each upstream response: {} ms; rate limit: {} requests a second.\n\n{}\n{}",
            self.latency_millis,
            self.requests_per_second,
            self.table("figure", &COUNTS),
            self.table(&run, &RUN),
        )
    }

    pub fn json(&self) -> anyhow::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// Says which goals are reached.
    pub fn goals(&self) -> String {
        let mut lines = vec![table_row("goal", vec!["value".to_owned(), "reached".to_owned()])];
        lines.push(table_row("---", vec!["---".to_owned(); 2]));
        for figures in &self.collections {
            for (goal, value, most) in goals(figures) {
                let reached = if value <= most { "yes" } else { "no" }.to_owned();
                let label = format!("{}: {goal} <= {most}", figures.collection);
                lines.push(table_row(&label, vec![format!("{value:.2}"), reached]));
            }
        }
        lines.concat()
    }

    fn table(&self, head: &str, rows: &[Row]) -> String {
        let titles = self.collections.iter().map(|figures| figures.collection.to_owned());
        let line = "---".to_owned();
        let mut lines =
            vec![table_row(head, titles.collect()), table_row(&line, vec![line.clone(); self.collections.len()])];
        lines.extend(rows.iter().map(|(label, value)| table_row(label, self.collections.iter().map(value).collect())));
        lines.concat()
    }
}

fn table_row(first: &str, others: Vec<String>) -> String {
    let cells = [vec![first.to_owned()], others].concat();
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the goals of a collection: what, the value, and the highest value that reaches the goal.
fn goals(f: &Figures) -> Vec<(&'static str, f64, f64)> {
    let ncloud = f.collection.starts_with("NAVER");
    let (crowd, edit) = if ncloud { (3.1, 4.0) } else { (1.1, 2.0) };
    let mut goals = vec![
        ("requests, each new object of a crowd", over(f.creation.work.upstream_requests, f), crowd),
        ("requests, one edit", count(f.alone.edit.upstream_requests), edit),
        ("requests, each deleted object of a crowd", over(f.deletion.upstream_requests, f), crowd),
        ("seconds, one new object", f.alone.create.seconds, 0.2),
        ("time over the bare loop", f.ratio(), 2.0),
        ("ms of processor time, each new object", cpu(f), 3.0),
        ("writes to Kubernetes, each new object", count_of(f.creation.work.kubernetes_writes) / count(f.objects), 3.0),
    ];
    if f.objects >= MEMORY_GOAL_OBJECTS {
        goals.push(("MB at rest", count_of(f.creation.rest_kilobytes) / 1024.0, 48.0));
        goals.push(("MB while created", count_of(f.creation.peak_kilobytes) / 1024.0, 64.0));
    }
    goals
}

fn over(total: usize, f: &Figures) -> f64 {
    count(total) / count(f.objects)
}

fn each(total: usize, f: &Figures) -> String {
    format!("{:.2}", over(total, f))
}

fn writes(work: &Work, f: &Figures) -> String {
    format!("{:.2}", count_of(work.kubernetes_writes) / count(f.objects))
}

fn cpu(f: &Figures) -> f64 {
    count_of(f.creation.cpu_millis) / count(f.objects)
}

fn seconds(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.2} s") } else { format!("{seconds:.0} s") }
}

#[allow(clippy::cast_precision_loss, reason = "millions at most")]
fn count(number: usize) -> f64 {
    number as f64
}

#[allow(clippy::cast_precision_loss, reason = "millions at most")]
fn count_of(number: u64) -> f64 {
    number as f64
}
