//! The real parts: control plane, upstreams, the kinds, the operator. Steps 1 to 4 of the demo.

use crate::cluster::Cluster;
use crate::narrator::Narrator;
use crate::programs::Programs;
use crate::servers::{self, Servers};
use crate::upstreams::Upstreams;
use crate::{operator, overlay};
use anyhow::{Context, anyhow};
use cloud_policy_testbed::{Child, ControlPlane};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// How much of the operator's log explains a failure.
const LAST_LINES: usize = 15;

/// What to raise, and where.
#[derive(Debug, Clone)]
pub struct Order {
    /// For logs, kubeconfig and overlay.
    pub folder: PathBuf,
    /// Whether the folder goes when the stage goes, however it goes.
    pub temporary: bool,
    /// Whether SpaceONE is the real one.
    pub real_spaceone: bool,
}

/// How to reach everything. In a file, it is all that another process needs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stage {
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    /// Whether a deleted namespace goes away.
    pub has_controllers: bool,
    pub upstreams: Upstreams,
    /// What `kubectl apply -k` takes.
    pub overlay: PathBuf,
    pub operator_log: PathBuf,
    /// Where the operator serves probes and metrics.
    pub operator_url: String,
    /// How many steps were told so far.
    pub steps: usize,
}

/// What runs, in the order in which it ends.
#[derive(Debug)]
pub struct Running {
    _operator: Child,
    _servers: Servers,
    _control_plane: ControlPlane,
}

/// Builds what is needed; here, and not later, because it may take minutes and fail.
pub fn prepare(real_spaceone: bool) -> anyhow::Result<Programs> {
    if real_spaceone {
        servers::install()?;
    }
    Programs::build()
}

/// Starts everything.
pub async fn raise(programs: &Programs, order: &Order, narrator: &mut Narrator) -> anyhow::Result<(Stage, Running)> {
    let begun = Instant::now();
    let (control_plane, servers) = start_both(programs, order)?;
    let kubeconfig = order.folder.join("kubeconfig");
    fs::copy(control_plane.kubeconfig(), &kubeconfig).context("cannot copy the kubeconfig")?;
    let (version, seconds) = (control_plane.server_version(), begun.elapsed().as_secs_f32());
    narrator.step(&format!("A Kubernetes control plane runs: a real kube-apiserver {version}, after {seconds:.1} s."));
    narrator.command(&format!("export KUBECONFIG={}", kubeconfig.display()));
    servers.introduce(narrator);

    let cluster = Cluster::new(control_plane.kubectl(), &kubeconfig);
    narrator.step("The four kinds are installed.");
    cluster.show(narrator, &["apply", "--server-side", "-f", "crds/"]).await?;
    let operator = operator::start(&programs.operator, &order.folder, cluster, narrator).await?;
    let overlay = order.folder.join("overlay");
    overlay::write(&overlay, servers.upstreams())?;
    let stage = Stage {
        kubectl: control_plane.kubectl().to_owned(),
        has_controllers: control_plane.has_controllers(),
        upstreams: servers.upstreams().clone(),
        overlay,
        operator_log: operator.log_path().to_owned(),
        operator_url: operator::await_ready(&operator).await?,
        steps: narrator.steps(),
        kubeconfig,
    };
    Ok((stage, Running { _operator: operator, _servers: servers, _control_plane: control_plane }))
}

/// Both at once: neither needs the other, and each takes seconds.
fn start_both(programs: &Programs, order: &Order) -> anyhow::Result<(ControlPlane, Servers)> {
    let (simulator, order) = (programs.simulator.clone(), order.clone());
    let servers = std::thread::spawn(move || Servers::start(&simulator, &order));
    let control_plane = ControlPlane::start();
    let servers = servers.join().map_err(|_| anyhow!("the start of the upstreams panicked"))?;
    Ok((control_plane?, servers?))
}

impl Stage {
    /// The cluster, through kubectl.
    pub fn cluster(&self) -> Cluster<'_> {
        Cluster::new(&self.kubectl, &self.kubeconfig)
    }

    /// What explains a failure: all objects as they are, and the end of the operator's log.
    pub async fn last_words(&self) -> String {
        let objects = self.cluster().run(&["get", "cloudpolicy", "-A", "-o", "wide"]).await;
        let objects = objects.unwrap_or_else(|error| format!("{error:#}"));
        let log = fs::read_to_string(&self.operator_log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        format!("\n{objects}\nThe end of the operator's log:\n{tail}")
    }
}
