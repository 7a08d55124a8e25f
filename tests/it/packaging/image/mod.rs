//! The image that `hack/image.sh` builds: its contents, and a run of it as a kubelet runs it.
//!
//! `hack/test.sh` builds it with the profile `trial`. `CLOUD_POLICY_IMAGE` names the OCI layout of another
//! image, such as that of a release. These tests need root, for containers without a user namespace.

mod container;
pub mod layout;
mod names;

use crate::support::installation::{Installation, OWN, TENANT, ours, secret};
use cloud_policy_testbed::{Launch, wait_for};
use container::{Container, Mount};
use layout::Layout;
use names::NameServer;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const NONROOT: &str = "65532";
const SOON: Duration = Duration::from_secs(30);

#[test]
fn image_contains_only_expected_files() {
    let place = tempfile::tempdir().unwrap();
    let root = Layout::of_this_run().unpack(place.path()).join("rootfs");
    let files: Vec<String> = layout::files(&root).into_iter().map(|file| file.to_string()).collect();
    let expected = [
        "r-xr-xr-x root cloud-policy",
        "r-xr-xr-x root cloud-policy-simulator",
        "rwxr-xr-x root etc/",
        "r--r--r-- root etc/group",
        "r--r--r-- root etc/nsswitch.conf",
        "r--r--r-- root etc/passwd",
        "rwxr-xr-x root etc/ssl/",
        "rwxr-xr-x root etc/ssl/certs/",
        "r--r--r-- root etc/ssl/certs/ca-certificates.crt",
        "rwxrwxrwx root kubectl-cloud_policy",
        "rwxrwxrwx root kubectl_complete-cloud_policy",
    ];
    assert_eq!(files, expected);
    for link in ["kubectl-cloud_policy", "kubectl_complete-cloud_policy"] {
        assert_eq!(fs::read_link(root.join(link)).unwrap(), Path::new("cloud-policy"));
    }
    let roots = fs::read_to_string(root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let count = roots.matches("-----BEGIN CERTIFICATE-----").count();
    assert!((80..300).contains(&count), "{count} root certificates");
    assert!(fs::read_to_string(root.join("etc/passwd")).unwrap().contains(&format!("nonroot:x:{NONROOT}:{NONROOT}:")));
}

#[test]
fn image_config_has_user_entrypoint_and_labels() {
    let place = tempfile::tempdir().unwrap();
    let program = fs::read(Layout::of_this_run().unpack(place.path()).join("rootfs/cloud-policy")).unwrap();
    let [own, _] = layout::architectures(&program);
    let image = Layout::of_this_run().config();
    assert_eq!((&image["os"], &image["architecture"]), (&json!("linux"), &json!(own)));
    let config = &image["config"];
    assert_eq!(config["User"], json!(format!("{NONROOT}:{NONROOT}")));
    assert_eq!(config["Entrypoint"], json!(["/cloud-policy"]));
    assert_eq!(config["Cmd"], json!(["run"]));
    assert_eq!(config["ExposedPorts"], json!({ "8080/tcp": {} }));
    assert_eq!(config["Env"], json!(["MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=131072"]), "it has no shell");
    let mut labels: BTreeMap<String, String> = serde_json::from_value(config["Labels"].clone()).unwrap();
    let label = |labels: &mut BTreeMap<String, String>, name: &str| {
        labels.remove(&format!("org.opencontainers.image.{name}")).unwrap_or_else(|| panic!("no label {name}"))
    };
    assert_eq!(label(&mut labels, "version"), VERSION);
    assert_eq!(label(&mut labels, "title"), env!("CARGO_PKG_NAME"));
    assert_eq!(label(&mut labels, "description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label(&mut labels, "licenses"), "Apache-2.0");
    let source = label(&mut labels, "source");
    assert_eq!(label(&mut labels, "documentation"), format!("{source}/tree/v{VERSION}/docs"));
    assert!(label(&mut labels, "revision").len() >= 40);
    assert!(!label(&mut labels, "vendor").is_empty());
    assert_eq!(labels, BTreeMap::new());
}

#[test]
fn image_build_is_reproducible() {
    let place = tempfile::tempdir().unwrap();
    let program = Layout::of_this_run().unpack(place.path()).join("rootfs/cloud-policy");
    let [first, again] = ["first", "again"].map(|folder| layout::pack(&program, &place.path().join(folder)));
    assert_eq!(first, again);
    assert_eq!(Layout::at(&place.path().join("again")).digest(), again);
}

/// The image contains no traces, and the tests build the binary with all features.
#[test]
fn image_names_flag_and_remedy_when_traces_are_asked_for() {
    let place = tempfile::tempdir().unwrap();
    let program = Layout::of_this_run().unpack(place.path()).join("rootfs/cloud-policy");
    let mut ended = Launch::new("untraced", program, place.path())
        .args(["run", "--listen=127.0.0.1:0", "--otlp-endpoint=http://collector.test:4318"])
        // There is no cluster, so the process ends.
        .env("KUBECONFIG", "/nowhere")
        .spawn()
        .unwrap();
    assert!(!ended.wait(SOON).unwrap().success());
    let log = ended.log().unwrap();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("--otlp-endpoint")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains("WARN"), "{log}");
    for words in ["built without traces", "build it with --features otel", "http://collector.test:4318"] {
        assert!(warnings[0].contains(words), "{words}: {log}");
    }
}

#[test]
fn images_of_two_architectures_join_under_one_tag() {
    let place = tempfile::tempdir().unwrap();
    let image = Layout::of_this_run();
    let root = image.unpack(place.path()).join("rootfs");
    let program = fs::read(root.join("cloud-policy")).unwrap();
    let stand_in = place.path().join("foreign-program");
    fs::write(&stand_in, layout::foreign(&program)).unwrap();
    fs::copy(root.join("cloud-policy-simulator"), place.path().join("cloud-policy-simulator")).unwrap();
    let foreign = Layout::at(&place.path().join("foreign"));
    layout::pack(&stand_in, foreign.folder());

    let joined = Layout::at(&place.path().join("joined"));
    let printed = layout::join(joined.folder(), &[image.folder(), foreign.folder()]);
    assert_eq!(printed, joined.digest());
    let index = joined.blob(&printed);
    let members: Vec<(&Value, &Value)> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (&member["platform"]["architecture"], &member["digest"]))
        .collect();
    let [own, other] = layout::architectures(&program);
    assert_eq!(members, [(&json!(own), &json!(image.digest())), (&json!(other), &json!(foreign.digest()))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn image_runs_read_only_and_without_privileges() {
    let installation = Installation::new().await;
    let names = NameServer::start("dns.test").await;
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let container = run(&installation, &names, place.path(), port);
    wait_until_ready(&format!("http://127.0.0.1:{port}/readyz"), &container).await;

    // The name server knows one upstream, `/etc/hosts` the other.
    connect(&installation, "up.dns.test", "up.hosts.test").await;
    installation.populate().await;
    assert!(names.questions() > 0, "the name server was not asked");
    assert_untrusted_server_is_refused(&installation).await;
    assert_confined(container.pid());

    let begun = Instant::now();
    let status = container.terminate(Duration::from_secs(5));
    assert!(status.success(), "{status} after {:.1?}", begun.elapsed());
    let leases = installation.api("coordination.k8s.io/v1", "Lease", Some(OWN));
    let lease = leases.get("cloud-policy-operator").await.unwrap();
    assert!(lease.data["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty(), "{}", lease.data);
}

fn run(installation: &Installation, names: &NameServer, place: &Path, port: u16) -> Container {
    let kubeconfig = fs::read(installation.control_plane.kubeconfig()).unwrap();
    let mounts = [
        Mount::new("/etc/kubeconfig", kubeconfig),
        Mount::new("/etc/resolv.conf", format!("nameserver {}\n", names.address())),
        Mount::new("/etc/hosts", "127.0.0.1 up.hosts.test\n"),
    ];
    let flags = format!(
        "run --tenant-namespaces={TENANT} --allow-http --allow-private-addresses --allowed-hosts=127.0.0.1,*.test:* \
         --connection-interval-seconds=5 --listen=127.0.0.1:{port}"
    );
    let bundle = Layout::of_this_run().unpack(place);
    Container::start(&bundle, &mounts, &[("KUBECONFIG", "/etc/kubeconfig")], flags.split_whitespace())
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

async fn wait_until_ready(url: &str, container: &Container) {
    wait_for("the container to be ready", SOON, || async {
        let answer = reqwest::get(url).await.map_err(|error| anyhow::anyhow!("{error}: {}", container.log()))?;
        anyhow::ensure!(answer.status().is_success(), "{}: {}", answer.status(), container.log());
        Ok(())
    })
    .await
    .unwrap();
}

/// Creates the connections that `Installation::populate` uses, with these names instead of the address.
async fn connect(installation: &Installation, ncloud: &str, spaceone: &str) {
    let named = |url: String, name: &str| url.replace("127.0.0.1", name);
    let keys = json!({ "accessKey": installation.ncloud.access_key(), "secretKey": installation.ncloud.secret_key() });
    installation.apply(Some(TENANT), secret("ncloud", &keys)).await;
    installation.apply(Some(OWN), secret("spaceone", &json!({ "token": installation.spaceone.token() }))).await;
    let endpoint = named(installation.ncloud.url(), ncloud);
    let spec = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "ncloud" } } });
    installation.apply(Some(TENANT), ours("Connection", "ncloud", &spec)).await;
    let spec = json!({
        "spaceone": {
            "endpoint": named(installation.spaceone.url(), spaceone), "apiStyle": "Rest",
            "domainId": installation.spaceone.domain_id(), "tokenSecretRef": { "name": "spaceone", "key": "token" },
        },
        "allowedNamespaces": { "names": [TENANT] },
    });
    installation.apply(None, ours("ClusterConnection", "spaceone", &spec)).await;
}

/// Asserts that a server is refused whose certificate no root has signed: the image has roots and uses them.
async fn assert_untrusted_server_is_refused(installation: &Installation) {
    let api_server = installation.control_plane.config().cluster_url.to_string();
    let spec = json!({ "ncloud": { "endpoint": api_server, "credentialsSecretRef": { "name": "ncloud" } } });
    installation.apply(Some(TENANT), ours("Connection", "untrusted", &spec)).await;
    let unknown = |ready: &Value| ready["message"].as_str().is_some_and(|why| why.contains("UnknownIssuer"));
    installation.ready_in(TENANT, "Connection", "untrusted", unknown).await;
}

/// Asserts the identity and the rights of the process as the kernel reports them, and that it cannot write.
fn assert_confined(pid: u32) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let said = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_else(|| panic!("{field}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(said("Uid:"), [NONROOT; 4]);
    assert_eq!(said("Gid:"), [NONROOT; 4]);
    assert_eq!(said("NoNewPrivs:"), ["1"]);
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(said(set), ["0000000000000000"], "{set}");
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let root = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|fields| fields[4] == "/");
    assert!(root.unwrap()[5].split(',').any(|option| option == "ro"), "{mounts}");
}
