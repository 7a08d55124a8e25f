//! Runs the operator's Deployment, of the chart or of `deploy`, as a cluster does: it starts a pod for each template
//! with only the permissions of its service account, starts a new pod before it ends the old one, and updates the
//! status. The operator is a child of this process instead of a container.
//!
//! Two things differ from a pod. The token and the certificate authority of the projected volume come as a kubeconfig,
//! because a path below `/var/run` belongs to the machine. Each pod listens on a port of its own, because all pods
//! share the address of the machine.

use anyhow::{Context, bail, ensure};
use cloud_policy_testbed::{Child, ControlPlane, Launch, wait_for};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often the cluster reads the Deployment.
const ROUND: Duration = Duration::from_millis(100);
/// How long a pod runs on after its Deployment is deleted, because the kubelet does not react at once.
const LINGERS: Duration = Duration::from_secs(2);
const LIMIT: Duration = Duration::from_mins(1);

/// The only node of a cluster with at most one Deployment.
pub struct FakeKubelet {
    stop: CancellationToken,
    task: Option<JoinHandle<anyhow::Result<()>>>,
    seen: Arc<Mutex<Seen>>,
}

/// The state of the node that tests can read.
#[derive(Default)]
struct Seen {
    is_running: bool,
    /// Where the newest pod logs.
    log: PathBuf,
    /// The last error.
    error: String,
}

impl FakeKubelet {
    pub fn start(control_plane: &ControlPlane) -> Self {
        let (stop, seen) = (CancellationToken::new(), Arc::new(Mutex::new(Seen::default())));
        let kubelet = Kubelet {
            client: control_plane.client().unwrap(),
            kubeconfig: Kubeconfig::read_from(control_plane.kubeconfig()).unwrap(),
            seen: Arc::clone(&seen),
        };
        let task = tokio::spawn(kubelet.run(stop.clone()));
        Self { stop, task: Some(task), seen }
    }

    /// Waits until a pod is ready; returns the path of its log.
    pub async fn log(&self) -> PathBuf {
        let ready = wait_for("a pod", LIMIT, || async {
            let seen = self.seen.lock().unwrap();
            ensure!(seen.is_running, "none runs: {}", seen.error);
            Ok(seen.log.clone())
        });
        ready.await.unwrap()
    }

    /// Waits until no pod is left.
    pub async fn is_empty(&self) {
        let empty = wait_for("the pod to end", LIMIT, || async {
            ensure!(!self.seen.lock().unwrap().is_running, "it runs");
            Ok(())
        });
        empty.await.unwrap();
    }

    /// Ends the node and its pods; returns the error of any of them.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.task.take().context("stopped twice")?.await?
    }
}

impl Drop for FakeKubelet {
    fn drop(&mut self) {
        self.stop.cancel();
        if std::thread::panicking() {
            let seen = self.seen.lock().unwrap();
            let log = std::fs::read_to_string(&seen.log).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("{}\nthe last log lines of the operator, newest first:\n{}", seen.error, tail.join("\n"));
        }
    }
}

struct Kubelet {
    client: Client,
    kubeconfig: Kubeconfig,
    seen: Arc<Mutex<Seen>>,
}

struct Pod {
    child: Child,
    /// The uid of the Deployment, and the template of the pod.
    made_of: (Option<String>, Value),
    /// Outlives the child that logs into it.
    _directory: TempDir,
}

impl Kubelet {
    async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pod: Option<Pod> = None;
        let mut rounds = tokio::time::interval(ROUND);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = rounds.tick() => {}
            }
            pod = self.round(pod).await.inspect_err(|error| self.seen.lock().unwrap().error = format!("{error:#}"))?;
            self.seen.lock().unwrap().is_running = pod.is_some();
        }
        match pod {
            Some(pod) => end(pod).await,
            None => Ok(()),
        }
    }

    async fn round(&self, pod: Option<Pod>) -> anyhow::Result<Option<Pod>> {
        let all = Api::<Deployment>::all(self.client.clone()).list(&ListParams::default()).await?.items;
        ensure!(all.len() <= 1, "more than one Deployment");
        match (pod, all.into_iter().next()) {
            (None, None) => Ok(None),
            (Some(pod), None) => {
                tokio::time::sleep(LINGERS).await;
                end(pod).await.map(|()| None)
            }
            (Some(mut pod), Some(deployment)) if pod.made_of == made_of(&deployment)? => {
                ensure!(pod.child.exited()?.is_none(), "the operator ended:\n{}", pod.child.log_tail());
                self.report(&deployment).await?;
                Ok(Some(pod))
            }
            (former, Some(deployment)) => {
                let new = self.begin(&deployment).await?;
                if let Some(former) = former {
                    end(former).await?;
                }
                self.report(&deployment).await?;
                Ok(Some(new))
            }
        }
    }

    async fn begin(&self, deployment: &Deployment) -> anyhow::Result<Pod> {
        let made_of = made_of(deployment)?;
        let (namespace, spec) = (deployment.namespace().context("no namespace")?, &made_of.1["spec"]);
        let container = &spec["containers"][0];
        let directory = tempfile::tempdir()?;
        let account = spec["serviceAccountName"].as_str().context("no account")?;
        let kubeconfig = self.kubeconfig_of(&namespace, account, &directory).await?;
        let pod_name = format!("{}-{}", deployment.name_any(), uuid::Uuid::new_v4().simple());
        let child = Launch::new("operator", "env", directory.path())
            .arg("-i")
            .args(environment(container, &pod_name, &namespace)?)
            .arg(format!("KUBECONFIG={}", kubeconfig.display()))
            .arg(env!("CARGO_BIN_EXE_cloud-policy"))
            .args(arguments(container)?)
            .spawn()?;
        child.log_path().clone_into(&mut self.seen.lock().unwrap().log);
        await_ready(&child, container["readinessProbe"]["httpGet"]["path"].as_str().context("no probe")?).await?;
        Ok(Pod { child, made_of, _directory: directory })
    }

    /// Writes a kubeconfig with the content of a pod's projected volume: a token that the API server issues for the
    /// account, and the certificate authority.
    async fn kubeconfig_of(&self, namespace: &str, account: &str, directory: &TempDir) -> anyhow::Result<PathBuf> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let spec = TokenRequestSpec { expiration_seconds: Some(3600), ..TokenRequestSpec::default() };
        let asked = TokenRequest { spec, ..TokenRequest::default() };
        let granted = accounts.create_token_request(account, &PostParams::default(), &asked).await?;
        let token = granted.status.context("no token")?.token;
        let mut kubeconfig = serde_json::to_value(&self.kubeconfig)?;
        kubeconfig["users"][0]["user"] = json!({ "token": token });
        let file = directory.path().join("kubeconfig");
        std::fs::write(&file, kubeconfig.to_string())?;
        Ok(file)
    }

    /// Writes the status as the Deployment controller does.
    async fn report(&self, deployment: &Deployment) -> anyhow::Result<()> {
        let generation = deployment.metadata.generation;
        if deployment.status.as_ref().is_some_and(|status| status.observed_generation == generation) {
            return Ok(());
        }
        let status = json!({ "status": {
            "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1,
            "availableReplicas": 1,
        } });
        let namespace = deployment.namespace().context("no namespace")?;
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), &namespace);
        deployments.patch_status(&deployment.name_any(), &PatchParams::default(), &Patch::Merge(status)).await?;
        Ok(())
    }
}

/// Ends a pod as the kubelet does: by SIGTERM and a grace period.
async fn end(pod: Pod) -> anyhow::Result<()> {
    let Pod { mut child, _directory, .. } = pod;
    let (ended, tail) = tokio::task::spawn_blocking(move || {
        let ended = child.signal("TERM").and_then(|()| child.wait(LIMIT));
        (ended, child.log_tail())
    })
    .await?;
    ensure!(ended?.success(), "the operator did not end in order:\n{tail}");
    Ok(())
}

fn made_of(deployment: &Deployment) -> anyhow::Result<(Option<String>, Value)> {
    let spec = deployment.spec.as_ref().context("no spec")?;
    Ok((deployment.uid(), serde_json::to_value(&spec.template)?))
}

/// Returns the environment variables of a container, including those about the pod.
fn environment(container: &Value, pod: &str, namespace: &str) -> anyhow::Result<Vec<String>> {
    let variables = container["env"].as_array().context("no environment")?.iter().map(|variable| {
        let name = variable["name"].as_str().context("no name")?;
        let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
            Some("metadata.name") => pod,
            Some("metadata.namespace") => namespace,
            Some(other) => bail!("{other} is not known here"),
            None => variable["value"].as_str().context("no value")?,
        };
        Ok(format!("{name}={value}"))
    });
    variables.collect()
}

/// Returns the arguments of a container, with a free port on loopback.
fn arguments(container: &Value) -> anyhow::Result<Vec<String>> {
    let given: Vec<String> = serde_json::from_value(container["args"].clone())?;
    let port = container["ports"][0]["containerPort"].as_u64().context("no port")?;
    let listen = format!("--listen=0.0.0.0:{port}");
    let (told, mut others): (Vec<_>, Vec<_>) = given.into_iter().partition(|argument| argument.starts_with("--listen"));
    ensure!(told.iter().all(|told| *told == listen), "{told:?}: not {listen}, which is the default, too");
    others.push("--listen=127.0.0.1:0".to_owned());
    Ok(others)
}

async fn await_ready(child: &Child, path: &str) -> anyhow::Result<()> {
    let ready = wait_for("the readiness probe", LIMIT, || async {
        let log = child.log()?;
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address =
            lines.find_map(|line| line["address"].as_str().map(str::to_owned)).context("it does not listen yet")?;
        let answer = reqwest::get(format!("http://{address}{path}")).await?;
        ensure!(answer.status().is_success(), "{}", answer.text().await?);
        Ok(())
    });
    ready.await.with_context(|| child.log_tail())
}
