//! The upstreams as processes: the simulators, and for SpaceONE, if asked for, the real servers.

use crate::narrator::Narrator;
use crate::stage::Order;
use crate::upstreams::{Spaceone, Upstreams};
use anyhow::Context;
use cloud_policy_testbed::{Child, Era, Launch, Spaceone as RealSpaceone, repository};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// For a busy machine; an idle one needs a moment.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// Running upstreams; they end when this value is dropped.
#[derive(Debug)]
pub struct Servers {
    upstreams: Upstreams,
    _simulator: Child,
    _spaceone: Option<RealSpaceone>,
}

/// Makes the real SpaceONE servers available; the first time that takes two minutes, and shows.
pub fn install() -> anyhow::Result<()> {
    let script = repository().join("tests/spaceone/run.py");
    let installed = Command::new("python3")
        .arg(script)
        .args(["install", "--era", "rest"])
        .stdin(Stdio::null())
        .status()
        .context("cannot run python3")?;
    anyhow::ensure!(installed.success(), "the SpaceONE servers cannot be installed; it says why above");
    Ok(())
}

impl Servers {
    /// Starts them and waits until they answer.
    pub fn start(simulator: &Path, order: &Order) -> anyhow::Result<Self> {
        let mut launch = Launch::new("simulator", simulator, &order.folder);
        if order.temporary {
            launch = launch.remove_directory_at_end();
        }
        let (simulator, words) = launch.ready(READY_LIMIT)?;
        let said: Value = serde_json::from_str(&words.join(" ")).context("cannot read what the simulator says")?;
        let servers = order.real_spaceone.then(|| RealSpaceone::start(Era::Rest)).transpose()?;
        let spaceone = servers.as_ref().map_or_else(|| simulated(&said), real)?;
        let upstreams = Upstreams {
            ncloud: text(&said["ncloud"])?,
            access_key: text(&said["accessKey"])?,
            secret_key: text(&said["secretKey"])?,
            admin: text(&said["admin"])?,
            spaceone,
        };
        Ok(Self { upstreams, _simulator: simulator, _spaceone: servers })
    }

    /// Where they are.
    pub fn upstreams(&self) -> &Upstreams {
        &self.upstreams
    }

    /// Tells of them.
    pub fn introduce(&self, narrator: &mut Narrator) {
        let Upstreams { ncloud, admin, spaceone, access_key: _, secret_key: _ } = &self.upstreams;
        let spaceone_is = if spaceone.real { "the real servers" } else { "simulated" };
        narrator.step(&format!(
            "The upstreams run: NAVER Cloud (simulated) at {ncloud}, SpaceONE ({spaceone_is}) at {}.",
            spaceone.url
        ));
        let journal =
            if spaceone.real { format!("{admin}/journal {}", spaceone.log()) } else { format!("{admin}/journal") };
        narrator.command(&format!("curl {journal}   # every request that they get"));
    }
}

fn simulated(said: &Value) -> anyhow::Result<Spaceone> {
    Ok(Spaceone {
        url: text(&said["spaceone"])?,
        token: text(&said["token"])?,
        domain_id: text(&said["domainId"])?,
        repository_id: text(&said["repositoryId"])?,
        zone_id: text(&said["zoneIds"][0])?,
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
