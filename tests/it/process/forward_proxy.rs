//! A forward proxy: tinyproxy, from Debian, on an address of its own. The API server of the tests serves as the upstream, as
//! in `environment`: its response shows that the operator reached it.

use super::environment::authority;
use crate::support;
use crate::support::connection_helpers::connection_is;
use crate::support::test_env::{SOON, TestEnv};
use cloud_policy_testbed::{Child, Launch, wait_for};
use serde_json::json;
use std::fs;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU8, Ordering};
use tempfile::TempDir;

const PORT: u16 = 3128;

/// A running proxy. Its log names the requests.
struct Proxy {
    address: String,
    process: Child,
    folder: TempDir,
}

/// Counts the proxies of this process.
static COUNT: AtomicU8 = AtomicU8::new(1);

impl Proxy {
    /// Starts a proxy with these lines in its configuration.
    async fn start(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // No other program of this machine listens there.
        let [high, low] = u16::try_from(std::process::id() % 0x10000).unwrap().to_be_bytes();
        let address = format!("127.{}.{low}.{}", 64 + high % 64, COUNT.fetch_add(1, Ordering::Relaxed));
        let file = folder.path().join("tinyproxy.conf");
        let fixed =
            format!("Listen {address}\nPort {PORT}\nTimeout 60\nMaxClients 20\nAllow 127.0.0.1/8\nLogLevel Info\n");
        fs::write(&file, fixed + settings).unwrap();
        let launch = Launch::new("tinyproxy", "tinyproxy", folder.path());
        let process = launch.arg("-d").arg("-c").arg(file.display().to_string()).spawn().unwrap();
        let proxy = Self { address, process, folder };
        let listens = || async {
            let found = TcpStream::connect((proxy.address.as_str(), PORT));
            found.map(drop).map_err(|error| anyhow::anyhow!("{error}; `make tools` installs it: {}", proxy.log()))
        };
        wait_for("tinyproxy", SOON, listens).await.unwrap();
        proxy
    }

    fn log(&self) -> String {
        self.process.log().unwrap()
    }

    /// Returns the hosts to which the proxy was asked to connect.
    fn asked(&self) -> Vec<String> {
        let log = self.log();
        let requests = log.lines().filter_map(|line| line.split_once(": CONNECT ")?.1.split(' ').next());
        requests.map(str::to_owned).collect()
    }
}

/// An operator that uses a proxy, and a connection to the API server by this host name.
struct Scene {
    env: TestEnv,
    _operator: Child,
    _folder: TempDir,
}

impl Scene {
    async fn new(name: &str, proxy: &Proxy, host: &str, flags: &[&str], credentials: Option<[&str; 2]>) -> Self {
        let (folder, authority) = authority().await;
        let (env, control_plane) = (TestEnv::without_operator(name).await, support::control_plane().await);
        let namespace = env.namespace();
        let operator = Launch::new(name, env!("CARGO_BIN_EXE_cloud-policy"), folder.path())
            .args(["run", "--leader-elect=false", "--listen=127.0.0.1:0", "--cluster-id=here"])
            .arg(format!("--https-proxy=http://{}:{PORT}", proxy.address))
            .args(flags.to_vec())
            .args([format!("--namespace={namespace}"), format!("--watch-namespaces={namespace}")])
            .env("SSL_CERT_FILE", authority)
            .env("KUBECONFIG", control_plane.kubeconfig());
        let operator = match credentials {
            Some([username, password]) => {
                operator.env("CLOUD_POLICY_PROXY_USERNAME", username).env("CLOUD_POLICY_PROXY_PASSWORD", password)
            }
            None => operator,
        };
        let operator = operator.spawn().unwrap();
        let port = control_plane.config().cluster_url.port_u16().unwrap();
        let endpoint = format!("https://{host}:{port}");
        let spec = json!({ "ncloud": { "endpoint": endpoint, "credentialsSecretRef": { "name": "ncloud" } } });
        env.connection("own", spec).await;
        Self { env, _operator: operator, _folder: folder }
    }

    async fn message(&self, reason: &str) -> String {
        connection_is(&self.env, "own", reason).await
    }
}

const OPEN: &[&str] = &["--allow-private-addresses", "--allowed-hosts=127.0.0.1:*,localhost:*"];

#[tokio::test]
async fn upstream_is_reached_through_the_proxy() {
    let proxy = Proxy::start("").await;
    let scene = Scene::new("proxy-open", &proxy, "localhost", OPEN, None).await;
    let answered = scene.message("Unauthorized").await;
    assert!(answered.contains("system:anonymous"), "{answered}");
    assert!(!proxy.asked().is_empty(), "{}", proxy.log());
    assert!(proxy.asked().iter().all(|host| host.starts_with("localhost:")), "by name: {:?}", proxy.asked());
}

#[tokio::test]
async fn proxy_that_wants_credentials_is_named() {
    let proxy = Proxy::start("BasicAuth me hunter2\n").await;
    let named = format!("the proxy http://{}:{PORT}", proxy.address);
    let without = Scene::new("proxy-none", &proxy, "localhost", OPEN, None).await;
    let refused = without.message("Unreachable").await;
    assert!(refused.contains(&named) && refused.contains("(407): put them into a Secret"), "{refused}");
    // tinyproxy answers wrong credentials with 401.
    let wrong = Scene::new("proxy-wrong", &proxy, "localhost", OPEN, Some(["me", "hunter1"])).await;
    let refused = wrong.message("Unreachable").await;
    assert!(refused.contains(&named) && refused.contains("401: it refuses the user and the password"), "{refused}");
    assert!(!refused.contains("hunter1"), "{refused}");
    let right = Scene::new("proxy-right", &proxy, "localhost", OPEN, Some(["me", "hunter2"])).await;
    assert!(right.message("Unauthorized").await.contains("system:anonymous"));
}

#[tokio::test]
async fn proxy_that_forbids_the_host_is_named() {
    let proxy = Proxy::start("ConnectPort 1\n").await;
    let scene = Scene::new("proxy-forbids", &proxy, "localhost", OPEN, None).await;
    let refused = scene.message("Unreachable").await;
    for part in [&format!("the proxy http://{}:{PORT} does not connect to localhost:", proxy.address), "403"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
}

#[tokio::test]
async fn proxy_is_not_asked_for_a_private_address() {
    let proxy = Proxy::start("").await;
    // Both lead to this machine. The proxy would connect to either.
    for (name, host) in [("proxy-name", "localhost"), ("proxy-ip", "127.0.0.1")] {
        let flags = ["--allowed-hosts=127.0.0.1:*,localhost:*"];
        let scene = Scene::new(name, &proxy, host, &flags, None).await;
        let refused = scene.message("EndpointNotAllowed").await;
        assert!(refused.contains("private or reserved"), "{refused}");
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn unresolved_name_reaches_the_proxy_only_if_named_exactly() {
    let proxy = Proxy::start("").await;
    let wildcard =
        Scene::new("proxy-wild", &proxy, "a.upstream.invalid", &["--allowed-hosts=*.upstream.invalid:*"], None).await;
    let refused = wildcard.message("EndpointNotAllowed").await;
    assert!(refused.contains("whole name instead of *"), "{refused}");
    assert_eq!(proxy.asked(), Vec::<String>::new());
    let exact =
        Scene::new("proxy-exact", &proxy, "a.upstream.invalid", &["--allowed-hosts=a.upstream.invalid:*"], None).await;
    let refused = exact.message("Unreachable").await;
    assert!(refused.contains("does not connect to a.upstream.invalid:"), "{refused}");
    assert!(!proxy.asked().is_empty(), "the proxy resolves it: {}", proxy.log());
}

#[tokio::test]
async fn direct_host_is_reached_without_the_proxy() {
    let proxy = Proxy::start("ConnectPort 1\n").await;
    let flags = [OPEN, &["--no-proxy=localhost"]].concat();
    let scene = Scene::new("proxy-direct", &proxy, "localhost", &flags, None).await;
    assert!(scene.message("Unauthorized").await.contains("system:anonymous"));
    assert_eq!(proxy.asked(), Vec::<String>::new());
    assert!(proxy.folder.path().exists());
}
