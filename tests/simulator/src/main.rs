//! Serves both simulators and the admin port until it is stopped.
//!
//! The program prints one line with the addresses to standard output: `READY {"ncloud":url, ...}`. It
//! ends on SIGTERM, on SIGINT and when standard input ends, so that it does not outlive the process
//! that holds the other end of that pipe.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use cloud_policy_simulator::admin::Admin;
use cloud_policy_simulator::{Clock, Journal, ncloud, spaceone};
use serde_json::{Value, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// NAVER Cloud and SpaceONE policy APIs on loopback.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address of the NAVER Cloud simulator; port 0 means a free port.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    ncloud: SocketAddr,
    /// Address of the SpaceONE simulator.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    spaceone: SocketAddr,
    /// Generation of SpaceONE servers to simulate.
    #[arg(long, value_enum, default_value_t = EraArgument::Rest)]
    spaceone_era: EraArgument,
    /// Address of the admin port.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = loopback)]
    admin: SocketAddr,
    /// Keep running when standard input ends.
    #[arg(long)]
    detached: bool,
    /// Write addresses and keys as variables of a shell to this file once the simulators are ready.
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EraArgument {
    /// Repository 1.11 and inventory of June 2020: policies and network policies.
    Rest,
    /// Repository 1.12: policies only.
    Verb,
}

impl From<EraArgument> for spaceone::Era {
    fn from(argument: EraArgument) -> Self {
        match argument {
            EraArgument::Rest => Self::Rest,
            EraArgument::Verb => Self::Verb,
        }
    }
}

/// Parses a loopback address. Other machines must not reach the simulators, which check few credentials.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|error| format!("{error}"))?;
    if address.ip().is_loopback() { Ok(address) } else { Err("not a loopback address".to_owned()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloud-policy-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> io::Result<()> {
    let signals = StopSignals::listen(arguments.detached)?;
    let (clock, journal) = (Clock::system(), Journal::default());
    let cloud = ncloud::Options {
        listen: arguments.ncloud,
        clock: clock.clone(),
        journal: journal.clone(),
        ..ncloud::Options::default()
    };
    let inventory = spaceone::Options {
        listen: arguments.spaceone,
        era: arguments.spaceone_era.into(),
        clock,
        journal,
        ..spaceone::Options::default()
    };
    let cloud = Arc::new(ncloud::Ncloud::start(cloud).await?);
    let inventory = Arc::new(spaceone::Spaceone::start(inventory).await?);
    let admin = Admin::start(arguments.admin, Arc::clone(&cloud), Arc::clone(&inventory)).await?;
    let ready = json!({
        "ncloud": cloud.url(),
        "spaceone": inventory.url(),
        "admin": admin.url(),
        "accessKey": cloud.access_key(),
        "secretKey": cloud.secret_key(),
        "domainId": inventory.domain_id(),
        "otherDomainId": inventory.other_domain_id(),
        "token": inventory.token(),
        "expiredToken": inventory.expired_token(),
        "otherToken": inventory.other_token(),
        "repositoryId": inventory.repository_id(),
        "regionId": inventory.region_id(),
        "zoneIds": inventory.zone_ids(),
    });
    if let Some(file) = &arguments.env {
        write_variables(file, &ready)?;
    }
    let mut output = io::stdout().lock();
    writeln!(output, "READY {ready}")?;
    output.flush()?;
    drop(output);
    signals.wait().await;
    Ok(())
}

/// The variables that `cloud-policy plan` reads with `--connection NAME=env:NCLOUD_` and `env:SPACEONE_`, and the admin port.
const VARIABLES: [(&str, &str); 8] = [
    ("NCLOUD_ENDPOINT", "ncloud"),
    ("NCLOUD_ACCESS_KEY", "accessKey"),
    ("NCLOUD_SECRET_KEY", "secretKey"),
    ("SPACEONE_ENDPOINT", "spaceone"),
    ("SPACEONE_DOMAIN_ID", "domainId"),
    ("SPACEONE_TOKEN", "token"),
    ("SPACEONE_REPOSITORY_ID", "repositoryId"),
    ("SIMULATOR_ADMIN", "admin"),
];

/// Writes the variables to a file. A reader never sees a part of it.
fn write_variables(file: &Path, ready: &Value) -> io::Result<()> {
    let line = |(name, field): (&str, &str)| format!("{name}='{}'\n", ready[field].as_str().unwrap_or_default());
    let unfinished = file.with_extension("part");
    std::fs::write(&unfinished, VARIABLES.map(line).concat())?;
    std::fs::rename(&unfinished, file)
}

/// The signals that end the program. It listens for them before it prints that it is ready.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    detached: bool,
}

impl StopSignals {
    fn listen(detached: bool) -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, detached })
    }

    async fn wait(mut self) {
        let input_ends = async { if self.detached { std::future::pending().await } else { end_of_input().await } };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            () = input_ends => {}
        }
    }
}

/// Waits for the end of standard input. The read runs on its own thread, as it cannot be cancelled.
async fn end_of_input() {
    let (reading, ended) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // A read error counts as the end of the input.
        let _bytes = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(reading);
    });
    let _closed = ended.await;
}
