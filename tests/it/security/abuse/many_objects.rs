//! Many objects at once: all become ready, each is created once, then nothing is written, and all can be
//! deleted.
//!
//! 300 objects against an operator in this process. With `CLOUD_POLICY_CROWD=n`, n objects against the binary,
//! on a control plane of its own; then the memory of the operator is printed, too.

use crate::support::install_crypto;
use crate::support::test_env::{TestEnv, ncloud_policy, network_policy, spaceone_policy};
use cloud_policy::api::{NetworkPolicy, Policy, crds};
use cloud_policy::controller::kinds::managed::Managed;
use cloud_policy_simulator::{Journal, Operation};
use cloud_policy_testbed::{Child, ControlPlane, Launch, install_crds, wait_for};
use futures::{StreamExt, stream};
use kube::ResourceExt;
use kube::api::{DeleteParams, ListParams};
use serde_json::Value;
use std::time::{Duration, Instant};

/// The highest number of policies in the NAVER Cloud account, with some reserve below its quota.
const MOST_NCLOUD: usize = 450;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_objects_are_created_once_and_deleted_completely() {
    let Some(size) = std::env::var("CLOUD_POLICY_CROWD").ok().and_then(|size| size.parse().ok()) else {
        let env = TestEnv::with("crowd", |settings| settings.interval_divisor = 30).await;
        return scenario(&env, 300, None).await;
    };
    install_crypto();
    let control_plane = ControlPlane::start().unwrap();
    let client = control_plane.client().unwrap();
    install_crds(&client, &crds::all()).await.unwrap();
    let env = TestEnv::without_operator_on(client, "crowd").await;
    let directory = tempfile::tempdir().unwrap();
    let operator = launch(&control_plane, directory.path());
    scenario(&env, size, Some(&operator)).await;
}

/// Starts the binary with its usual flags, and those that let it reach loopback.
fn launch(control_plane: &ControlPlane, directory: &std::path::Path) -> Child {
    let flags = "run --tenant-namespaces=* --allow-http --allow-private-addresses --allowed-hosts=127.0.0.1 \
                 --leader-elect=false --delete-limit=0 --connection-interval-seconds=5 --listen=127.0.0.1:0";
    Launch::new("operator", env!("CARGO_BIN_EXE_cloud-policy"), directory)
        .args(flags.split_whitespace())
        .env("KUBECONFIG", control_plane.kubeconfig())
        .spawn()
        .unwrap()
}

async fn scenario(env: &TestEnv, size: usize, operator: Option<&Child>) {
    let patience = Duration::from_mins(2) + Duration::from_millis(250) * u32::try_from(size).unwrap();
    let objects = Objects::of(size);
    let begun = Instant::now();
    objects.create(env).await;
    let created = begun.elapsed();
    wait_for("all objects to be ready", patience, || objects.are_ready(env)).await.unwrap();
    let ready = begun.elapsed();
    objects.assert_once_each(env);
    let requests = entries(env);
    println!(
        "{size} objects: created in {created:.0?}, ready after {ready:.0?}, {requests} upstream requests{}",
        operator.map(memory).unwrap_or_default()
    );
    assert_no_writes(env, size, operator.is_none()).await;
    let begun = Instant::now();
    objects.delete_all::<Policy>(env, patience).await;
    objects.delete_all::<NetworkPolicy>(env, patience).await;
    println!("{size} objects: gone after {:.0?}{}", begun.elapsed(), operator.map(memory).unwrap_or_default());
    assert_eq!(env.ncloud.policies(), []);
    assert_eq!((env.spaceone.policies(), env.spaceone.network_policies()), (vec![], vec![]));
}

/// The number of objects of each kind.
struct Objects {
    ncloud: usize,
    spaceone: usize,
    network: usize,
}

impl Objects {
    fn of(size: usize) -> Self {
        let ncloud = (size / 3).min(MOST_NCLOUD);
        let spaceone = (size - ncloud) / 2;
        Self { ncloud, spaceone, network: size - ncloud - spaceone }
    }

    fn manifests(&self, zone: &str) -> Vec<Value> {
        let mut objects: Vec<Value> = (0..self.ncloud).map(|n| ncloud_policy(&format!("n-{n}"))).collect();
        objects.extend((0..self.spaceone).map(|n| spaceone_policy(&format!("p-{n}"))));
        objects.extend((0..self.network).map(|n| network_policy(&format!("w-{n}"), zone)));
        objects
    }

    async fn create(&self, env: &TestEnv) {
        let zone = env.spaceone.zone_ids()[0].clone();
        let all = stream::iter(self.manifests(&zone)).map(|object| env.apply(object));
        all.buffer_unordered(32).for_each(|_| async {}).await;
    }

    /// Waits before a list. A list of thousands is expensive, so the pause grows with the number of objects.
    async fn pause(&self) {
        let size = self.ncloud + self.spaceone + self.network;
        tokio::time::sleep(Duration::from_millis(500 + size as u64)).await;
    }

    async fn are_ready(&self, env: &TestEnv) -> anyhow::Result<()> {
        self.pause().await;
        let (policies, networks) = (ready::<Policy>(env).await?, ready::<NetworkPolicy>(env).await?);
        let all = policies == self.ncloud + self.spaceone && networks == self.network;
        all.then_some(())
            .ok_or_else(|| anyhow::anyhow!("{policies} policies and {networks} network policies are ready"))
    }

    async fn delete_all<K: Managed + crate::support::test_env::Kind>(&self, env: &TestEnv, patience: Duration) {
        let api = env.api::<K>();
        let names = api.list_metadata(&ListParams::default()).await.unwrap().items.into_iter().map(|o| o.name_any());
        // One by one, like kubectl: the API server aborts a deletecollection of thousands.
        let each = stream::iter(names).map(async |name| api.delete(&name, &DeleteParams::background()).await.unwrap());
        each.buffer_unordered(32).for_each(|_| async {}).await;
        wait_for("all objects to be gone", patience, || async {
            self.pause().await;
            let left = api.list(&ListParams::default()).await?.items.len();
            anyhow::ensure!(left == 0, "{left} are left");
            Ok(())
        })
        .await
        .unwrap();
    }

    fn assert_once_each(&self, env: &TestEnv) {
        let creates = |journal: &Journal| journal.effects(Operation::Create);
        assert_eq!((env.ncloud.policies().len(), creates(env.ncloud.journal())), (self.ncloud, self.ncloud));
        let counts = (env.spaceone.policies().len(), env.spaceone.network_policies().len());
        assert_eq!(counts, (self.spaceone, self.network));
        assert_eq!(creates(env.spaceone.journal()), self.spaceone + self.network);
    }
}

async fn ready<K: Managed + crate::support::test_env::Kind>(env: &TestEnv) -> anyhow::Result<usize> {
    let all = env.api::<K>().list(&ListParams::default()).await?;
    let is_ready = |object: &&K| {
        let status = crate::support::test_env::common(*object);
        crate::support::test_env::condition(&status, "Ready").is_some_and(|ready| ready.reason == "UpToDate")
    };
    Ok(all.items.iter().filter(is_ready).count())
}

fn entries(env: &TestEnv) -> usize {
    env.ncloud.journal().entries().len() + env.spaceone.journal().entries().len()
}

/// Asserts that nothing is written while every object is reconciled once more.
async fn assert_no_writes(env: &TestEnv, size: usize, in_process: bool) {
    env.ncloud.journal().clear();
    env.spaceone.journal().clear();
    if in_process {
        env.wait_for_reconciles(size).await;
    } else {
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(env.ncloud.journal().writes(), vec![]);
    assert_eq!(env.spaceone.journal().writes(), vec![]);
}

/// Returns the memory of the operator, now and at most, as Linux reports it.
pub(super) fn memory(operator: &Child) -> String {
    assert!(!operator.log_tail().contains("panicked"), "{}", operator.log_tail());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of_program = processes.filter(|process| {
        let line = std::fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
        line.starts_with(env!("CARGO_BIN_EXE_cloud-policy"))
    });
    let kilobytes = |status: &str, field: &str| {
        let line = status.lines().find(|line| line.starts_with(field))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let sizes = of_program.filter_map(|process| {
        let status = std::fs::read_to_string(process.path().join("status")).ok()?;
        Some((kilobytes(&status, "VmRSS:")?, kilobytes(&status, "VmHWM:")?))
    });
    let (now, most) = sizes.max().unwrap();
    format!("; memory of the operator: {} MB, at most {} MB", now >> 10, most >> 10)
}
