//! The processes of the upstreams: the simulators and, on request, the real SpaceONE servers.

use crate::environment::Options;
use crate::output::Output;
use crate::upstreams::{Spaceone, Upstreams};
use anyhow::Context;
use cloud_policy_testbed::{Child, Era, Launch, Spaceone as RealSpaceone, repository};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The time limit for a busy machine. An idle one needs less than a second.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// The running upstreams. They end when this value is dropped.
#[derive(Debug)]
pub struct Servers {
    upstreams: Upstreams,
    _simulator: Child,
    _spaceone: Option<RealSpaceone>,
}

/// Installs the real SpaceONE servers. The first time takes two minutes and prints progress.
pub fn install() -> anyhow::Result<()> {
    let script = repository().join("tests/spaceone/run.py");
    let installed = Command::new("python3")
        .arg(script)
        .args(["install", "--era", "rest"])
        .stdin(Stdio::null())
        .status()
        .context("cannot run python3")?;
    anyhow::ensure!(installed.success(), "cannot install the SpaceONE servers, see above");
    Ok(())
}

impl Servers {
    /// Starts the upstreams and waits until they answer.
    pub fn start(simulator: &Path, options: &Options) -> anyhow::Result<Self> {
        let mut launch = Launch::new("simulator", simulator, &options.folder);
        if options.temporary {
            launch = launch.remove_directory_at_end();
        }
        let (simulator, words) = launch.ready(READY_LIMIT)?;
        let ready: Value = serde_json::from_str(&words.join(" ")).context("cannot parse the simulator's READY line")?;
        let servers = options.real_spaceone.then(|| RealSpaceone::start(Era::Rest)).transpose()?;
        let spaceone = servers.as_ref().map_or_else(|| simulated(&ready), real)?;
        let upstreams = Upstreams {
            ncloud: text(&ready["ncloud"])?,
            access_key: text(&ready["accessKey"])?,
            secret_key: text(&ready["secretKey"])?,
            admin: text(&ready["admin"])?,
            spaceone,
        };
        Ok(Self { upstreams, _simulator: simulator, _spaceone: servers })
    }

    /// Returns the addresses and credentials.
    pub fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// Prints the step about the upstreams.
    pub fn print_step(&self, output: &mut Output) {
        let Upstreams { ncloud, admin, spaceone, access_key: _, secret_key: _ } = &self.upstreams;
        let spaceone_is = if spaceone.real { "the real servers" } else { "simulated" };
        output.step(&format!(
            "The upstreams run: NAVER Cloud (simulated) at {ncloud}, SpaceONE ({spaceone_is}) at {}.",
            spaceone.url
        ));
        let journal =
            if spaceone.real { format!("{admin}/journal {}", spaceone.log()) } else { format!("{admin}/journal") };
        output.command(&format!("curl {journal}   # all requests to the upstreams"));
    }
}

fn simulated(ready: &Value) -> anyhow::Result<Spaceone> {
    Ok(Spaceone {
        url: text(&ready["spaceone"])?,
        token: text(&ready["token"])?,
        domain_id: text(&ready["domainId"])?,
        repository_id: text(&ready["repositoryId"])?,
        zone_id: text(&ready["zoneIds"][0])?,
        real: false,
    })
}

fn real(servers: &RealSpaceone) -> anyhow::Result<Spaceone> {
    Ok(Spaceone {
        url: servers.base_url.clone(),
        token: servers.token.clone(),
        domain_id: servers.domain_id.clone(),
        repository_id: servers.repository_id.clone(),
        zone_id: servers.zone_id.clone().context("the SpaceONE servers have no zone")?,
        real: true,
    })
}

fn text(value: &Value) -> anyhow::Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("not a text: {value}"))
}
