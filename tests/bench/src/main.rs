//! Measures the operator beside a bare loop, and prints the figures as Markdown and as JSON (`make bench`).
//!
//! The operator runs as an optimised binary in its own process, against a real API server and the simulators of this
//! process. Beside it, in the same run, a **bare loop** does only what cannot be left out for each object: one create
//! upstream and one write of status, with the same number at a time. The ratio of the two times depends little on the
//! machine; times and memory describe one run.
//!
//! | module | part |
//! | --- | --- |
//! | [`arguments`] | the number of objects, the latency and the rate limit |
//! | [`cluster`] | the API server, the objects, and what the API server counts |
//! | [`watched`] | which objects are ready or gone, from a watch |
//! | [`upstream`] | the simulators: their requests, and changes behind the operator's back |
//! | [`workload`] | the three collections and their objects |
//! | [`operator`] | the process of the operator: its processor time and memory |
//! | [`scenario`] | the order of what happens to the objects of one collection |
//! | [`bare_loop`] | the limit |
//! | [`figures`], [`report`], [`page`] | what is measured, its two forms, and the page that shows it |

#![forbid(unsafe_code)]

mod arguments;
mod bare_loop;
mod cluster;
mod figures;
mod operator;
mod page;
mod report;
mod scenario;
mod upstream;
mod watched;
mod workload;

use crate::arguments::Arguments;
use crate::cluster::Cluster;
use crate::report::Report;
use crate::workload::Workload;
use anyhow::anyhow;
use clap::Parser;

/// How many requests of the same kind are under way: `--concurrency` of the operator has the same default.
const AT_A_TIME: usize = 8;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    rustls::crypto::ring::default_provider()
        .install_default()
        .map_err(|_| anyhow!("another TLS provider is installed already"))?;
    let cluster = Cluster::start().await?;
    let mut all = Vec::new();
    for workload in Workload::ALL.into_iter().filter(|one| arguments.only.is_empty() || arguments.only.contains(one)) {
        all.push(scenario::run(&cluster, workload, &arguments).await?);
    }
    let report = Report::new(&arguments, all);
    println!("{}\n{}\n{}", report.markdown(), report.goals(), report.json()?);
    if let Some(page) = &arguments.write {
        page::write(page, &report.markdown())?;
        eprintln!("bench: wrote {}", page.display());
    }
    Ok(())
}
