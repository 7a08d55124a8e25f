//! One real Kubernetes API server for all tests of a process.

use crate::child::Child;
use crate::discovery::{Assets, Source};
use crate::launch::Launch;
use crate::wait::wait_for;
use crate::{assets, paths};
use anyhow::{Context, anyhow};
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The time limit for a busy machine. An idle one needs three to six seconds.
const READY_LIMIT: Duration = Duration::from_mins(3);
/// The time limit of one request during the start.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);

static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();

/// A real Kubernetes API server.
///
/// [`ControlPlane::start`] uses the first of these sources: the cluster of the current kubeconfig if
/// `USE_EXISTING_CLUSTER=true`; the binaries `TEST_ASSET_KUBE_APISERVER` and
/// `TEST_ASSET_ETCD`; those in the folder `KUBEBUILDER_ASSETS`; those in
/// `/usr/local/kubebuilder/bin`; the one-process control plane that
/// `tests/controlplane/build.sh` builds once with Go.
///
/// A control plane does not depend on the caller's tokio runtime, so tests with different runtimes
/// can share it. Its processes end when this value is dropped, or with the process.
#[derive(Debug)]
pub struct ControlPlane {
    config: Config,
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    server_version: String,
    kind: Kind,
    /// The processes. They end when the value is dropped.
    children: Vec<Child>,
}

/// The source of a control plane, which decides its abilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Existing,
    Assets,
    Own,
}

/// A control plane whose API server may not answer yet.
struct Started {
    kubeconfig: PathBuf,
    kubectl: PathBuf,
    kind: Kind,
    children: Vec<Child>,
}

impl ControlPlane {
    /// Returns the control plane of this process. The first call starts it. It ends with the process.
    pub fn shared() -> anyhow::Result<&'static Self> {
        let started = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        started.as_ref().map_err(|error| anyhow!("no control plane: {error}"))
    }

    /// Returns the shared control plane if it was started.
    pub(crate) fn shared_if_started() -> Option<&'static Self> {
        SHARED.get()?.as_ref().ok()
    }

    /// Finds or starts a control plane for the caller alone.
    pub fn start() -> anyhow::Result<Self> {
        let started = match Source::find()? {
            Source::Existing => existing()?,
            Source::Assets(assets) => from_assets(&assets)?,
            Source::Own => own()?,
        };
        Self::await_ready(started)
    }

    /// Starts the one-process control plane with the state in `directory`. A restart with the same
    /// directory has the same data and the same address. The caller removes the directory.
    /// `server_flags` are additional flags of kube-apiserver.
    pub fn start_in(directory: &Path, server_flags: &[&str]) -> anyhow::Result<Self> {
        let binaries = build()?;
        let port = former_port(&directory.join("kubeconfig")).unwrap_or(0).to_string();
        let launch = own_launch(&binaries, directory).arg("--port").arg(port).arg("--").args(server_flags);
        Self::await_ready(own_ready(&binaries, launch)?)
    }

    fn await_ready(started: Started) -> anyhow::Result<Self> {
        let Started { kubeconfig, kubectl, kind, children } = started;
        let path = kubeconfig.clone();
        let answered = block_on(async move {
            let config = read_config(&path).await?;
            let client = Client::try_from(config.clone())?;
            let version = wait_for("the API server", READY_LIMIT, || server_version(&client)).await?;
            anyhow::Ok((config, version))
        });
        let (config, server_version) = answered.with_context(|| logs(&children))?;
        Ok(Self { config, kubeconfig, kubectl, server_version, kind, children })
    }

    /// Returns an administrator's client for the caller's runtime.
    pub fn client(&self) -> anyhow::Result<Client> {
        Ok(Client::try_from(self.config.clone())?)
    }

    /// Returns the administrator's configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns a client with the permissions that RBAC grants this user and these groups. `groups`
    /// usually contains `system:authenticated`.
    pub fn client_as(&self, user: &str, groups: &[&str]) -> anyhow::Result<Client> {
        Ok(Client::try_from(self.config_as(user, groups))?)
    }

    /// Returns the configuration that [`ControlPlane::client_as`] uses.
    #[must_use]
    pub fn config_as(&self, user: &str, groups: &[&str]) -> Config {
        let mut config = self.config.clone();
        config.auth_info = AuthInfo {
            impersonate: Some(user.to_owned()),
            impersonate_groups: Some(groups.iter().map(ToString::to_string).collect()),
            ..config.auth_info
        };
        config
    }

    /// Returns the path of the administrator's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns the path of a kubectl for this server.
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.kubectl
    }

    /// Runs kubectl and returns its output. A failure is an error with that output.
    pub fn run_kubectl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        kubectl_in(&self.kubectl, &self.kubeconfig, arguments)
    }

    /// Returns a kubectl command against this control plane.
    #[must_use]
    pub fn kubectl_command(&self) -> Command {
        kubectl_command(&self.kubectl, &self.kubeconfig)
    }

    /// Returns the server's version, such as `v1.36.1`.
    #[must_use]
    pub fn server_version(&self) -> &str {
        &self.server_version
    }

    /// Returns true if the control plane removes deleted namespaces and follows owner references. The
    /// binaries of `envtest` do not.
    #[must_use]
    pub fn has_controllers(&self) -> bool {
        self.kind != Kind::Assets
    }

    /// Compacts the one-process control plane: it removes old revisions, so that watches of these
    /// revisions must start again.
    pub fn compact(&self) -> anyhow::Result<()> {
        let own = self.children.first().filter(|_| self.kind == Kind::Own);
        own.context("only a control plane of our own can be compacted")?.signal("USR1")
    }
}

/// Returns a kubectl command against a cluster. Its cache is that of the cluster: an earlier one may have had the same
/// port, and other resources.
fn kubectl_command(kubectl: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(kubectl);
    command.arg("--kubeconfig").arg(kubeconfig).arg("--cache-dir").arg(kubeconfig.with_extension("kubectl-cache"));
    command.stdin(Stdio::null());
    command
}

/// Runs a kubectl against a cluster and returns its output.
fn kubectl_in(kubectl: &Path, kubeconfig: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = kubectl_command(kubectl, kubeconfig);
    command.args(arguments);
    let output = command.output().with_context(|| format!("cannot run {}", kubectl.display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "kubectl {}: {stderr}{stdout}", arguments.join(" "));
    Ok(stdout)
}

/// Writes the current kubeconfig to one file for other programs. An idle process removes the file,
/// and the credentials in it, when this process ends.
fn existing() -> anyhow::Result<Started> {
    let kubeconfig = Kubeconfig::read().context("USE_EXISTING_CLUSTER=true needs a kubeconfig")?;
    let directory = paths::scratch("kubeconfig")?;
    let remover = Launch::new("remover", "cat", &directory).remove_directory_at_end().spawn()?;
    let file = directory.join("kubeconfig");
    std::fs::write(&file, serde_json::to_vec(&kubeconfig)?)?;
    let kubectl = assets::kubectl_on_path()?;
    Ok(Started { kubeconfig: file, kubectl, kind: Kind::Existing, children: vec![remover] })
}

fn from_assets(binaries: &Assets) -> anyhow::Result<Started> {
    let assets::Started { children, kubeconfig } = assets::start(binaries, &paths::scratch("controlplane")?)?;
    Ok(Started { kubeconfig, kubectl: assets::kubectl(binaries)?, kind: Kind::Assets, children })
}

fn own() -> anyhow::Result<Started> {
    let binaries = build()?;
    let directory = paths::scratch("controlplane")?;
    own_ready(&binaries, own_launch(&binaries, &directory).remove_directory_at_end())
}

fn own_launch(binaries: &Path, directory: &Path) -> Launch {
    Launch::new("output", binaries.join("controlplane"), directory).arg("--dir").arg(directory)
}

/// Returns the port of the previous run, so that its clients find the server again.
fn former_port(kubeconfig: &Path) -> Option<u16> {
    let read = Kubeconfig::read_from(kubeconfig).ok()?;
    let server = read.clusters.first()?.cluster.as_ref()?.server.clone()?;
    server.rsplit_once(':')?.1.trim_end_matches('/').parse().ok()
}

fn own_ready(binaries: &Path, launch: Launch) -> anyhow::Result<Started> {
    let (child, words) = launch.ready(READY_LIMIT)?;
    let kubeconfig = words.get(1).with_context(|| format!("the READY line has no kubeconfig: {words:?}"))?.into();
    Ok(Started { kubeconfig, kubectl: binaries.join("kubectl"), kind: Kind::Own, children: vec![child] })
}

/// Builds `controlplane` and `kubectl` and returns their folder. The first build takes minutes and
/// prints its progress to standard error.
fn build() -> anyhow::Result<PathBuf> {
    let script = paths::repository().join("tests/controlplane/build.sh");
    let built = Command::new(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", script.display()))?;
    anyhow::ensure!(built.status.success(), "{} failed, see above", script.display());
    Ok(PathBuf::from(String::from_utf8(built.stdout)?.trim()))
}

/// Stands for a proxy that the kubeconfig does not name.
const NO_PROXY: &str = "http://no-proxy.invalid";

async fn read_config(kubeconfig: &Path) -> anyhow::Result<Config> {
    let mut read = Kubeconfig::read_from(kubeconfig)?;
    // Without a proxy of its own, kube-rs would take one from the environment, and cannot use it.
    let clusters = read.clusters.iter_mut().filter_map(|named| named.cluster.as_mut());
    for cluster in clusters.filter(|cluster| cluster.proxy_url.as_ref().is_none_or(String::is_empty)) {
        cluster.proxy_url = Some(NO_PROXY.to_owned());
    }
    let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    config.proxy_url = config.proxy_url.filter(|proxy| *proxy != http::Uri::from_static(NO_PROXY));
    Ok(config)
}

/// Returns the version of the server if it is ready.
async fn server_version(client: &Client) -> anyhow::Result<String> {
    let ready = http::Request::get("/readyz").body(Vec::new())?;
    tokio::time::timeout(REQUEST_LIMIT, client.request_text(ready)).await??;
    Ok(client.apiserver_version().await?.git_version)
}

fn logs(children: &[Child]) -> String {
    let tails: Vec<_> =
        children.iter().map(|child| format!("{}:\n{}", child.log_path().display(), child.log_tail())).collect();
    format!("the control plane did not start\n{}", tails.join("\n"))
}

/// Runs a future on a new thread with its own runtime, so that the caller may be on a tokio runtime
/// or not. Both end afterwards, so that no connection outlives its reactor.
pub(crate) fn block_on<T, F>(future: F) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>> + Send + 'static,
{
    let thread =
        std::thread::spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future));
    thread.join().map_err(|_| anyhow!("the thread of the future panicked"))?
}
