//! The environment: control plane, upstreams, CRDs and the operator. Steps 1 to 4 of the demo.

use crate::cluster::Cluster;
use crate::output::Output;
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

/// The number of lines of the operator's log in the diagnostics.
const LAST_LINES: usize = 15;

/// The options with which the environment starts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder for logs, kubeconfig and overlay.
    pub folder: PathBuf,
    /// Whether the folder is removed when the environment ends.
    pub temporary: bool,
    /// Whether to start the real SpaceONE servers.
    pub real_spaceone: bool,
}

/// The addresses and paths of the environment. The background process passes them on in a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct Environment {
    pub kubeconfig: PathBuf,
    pub kubectl: PathBuf,
    /// Whether the control plane removes deleted namespaces.
    pub has_controllers: bool,
    pub upstreams: Upstreams,
    /// The folder for `kubectl apply -k`.
    pub overlay: PathBuf,
    pub operator_log: PathBuf,
    /// The address of the operator's probes and metrics.
    pub operator_url: String,
    /// The number of printed steps.
    pub steps: usize,
}

/// The running processes, in the order in which they end.
#[derive(Debug)]
pub struct Running {
    _operator: Child,
    _servers: Servers,
    _control_plane: ControlPlane,
}

/// Builds and installs the programs first, because that may take minutes and fail.
pub fn prepare(real_spaceone: bool) -> anyhow::Result<Programs> {
    if real_spaceone {
        servers::install()?;
    }
    Programs::build()
}

/// Starts the environment.
pub async fn start(
    programs: &Programs,
    options: &Options,
    output: &mut Output,
) -> anyhow::Result<(Environment, Running)> {
    let begun = Instant::now();
    let (control_plane, servers) = start_both(programs, options)?;
    let kubeconfig = options.folder.join("kubeconfig");
    fs::copy(control_plane.kubeconfig(), &kubeconfig).context("cannot copy the kubeconfig")?;
    let (version, seconds) = (control_plane.server_version(), begun.elapsed().as_secs_f32());
    output
        .step(&format!("The Kubernetes control plane runs: a real kube-apiserver {version}, ready in {seconds:.1} s."));
    output.command(&format!("export KUBECONFIG={}", kubeconfig.display()));
    servers.print_step(output);

    let cluster = Cluster::new(control_plane.kubectl(), &kubeconfig);
    output.step("kubectl installs the custom resource definitions.");
    cluster.show(output, &["apply", "--server-side", "-f", "crds/"]).await?;
    let operator = operator::start(&programs.operator, &options.folder, cluster, output).await?;
    let overlay = options.folder.join("overlay");
    overlay::write(&overlay, servers.upstreams())?;
    let environment = Environment {
        kubectl: control_plane.kubectl().to_owned(),
        has_controllers: control_plane.has_controllers(),
        upstreams: servers.upstreams().clone(),
        overlay,
        operator_log: operator.log_path().to_owned(),
        operator_url: operator::await_ready(&operator).await?,
        steps: output.steps(),
        kubeconfig,
    };
    Ok((environment, Running { _operator: operator, _servers: servers, _control_plane: control_plane }))
}

/// Starts control plane and upstreams at the same time, as each takes seconds.
fn start_both(programs: &Programs, options: &Options) -> anyhow::Result<(ControlPlane, Servers)> {
    let (simulator, options) = (programs.simulator.clone(), options.clone());
    let servers = std::thread::spawn(move || Servers::start(&simulator, &options));
    let control_plane = ControlPlane::start();
    let servers = servers.join().map_err(|_| anyhow!("the start of the upstreams panicked"))?;
    Ok((control_plane?, servers?))
}

impl Environment {
    /// Returns the cluster.
    pub fn cluster(&self) -> Cluster<'_> {
        Cluster::new(&self.kubectl, &self.kubeconfig)
    }

    /// Returns the state of all objects and the end of the operator's log.
    pub async fn diagnostics(&self) -> String {
        let objects = self.cluster().run(&["get", "cloudpolicy", "-A", "-o", "wide"]).await;
        let objects = objects.unwrap_or_else(|error| format!("{error:#}"));
        let log = fs::read_to_string(&self.operator_log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        format!("\n{objects}\nThe end of the operator's log:\n{tail}")
    }
}
