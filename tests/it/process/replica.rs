//! Operators as processes with leader election, whose endpoints a test can ask.

use crate::support::test_env::{SOON, TestEnv};
use cloud_policy_testbed::{Child, ControlPlane, Launch, wait_for};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the stand-in of a kubelet looks at its process.
const ROUND: Duration = Duration::from_millis(100);

/// One replica. Like a kubelet, it starts the process again when that ends by itself.
pub struct Replica {
    process: Arc<Mutex<Child>>,
    restarts: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    kubelet: Option<JoinHandle<()>>,
}

impl Replica {
    /// Starts a replica for the namespace of a test environment.
    pub fn start(name: &str, env: &TestEnv, control_plane: &ControlPlane, directory: &Path) -> Self {
        let namespace = env.namespace().to_owned();
        let (name, directory) = (name.to_owned(), directory.to_owned());
        let kubeconfig = control_plane.kubeconfig().to_owned();
        let launch = move |number: usize| {
            Launch::new(&format!("{name}-{number}"), env!("CARGO_BIN_EXE_cloud-policy"), &directory)
                .args(["run", "--listen=127.0.0.1:0", "--cluster-id=replicas"])
                .args(["--allow-http", "--allow-private-addresses", "--allowed-hosts=127.0.0.1"])
                .args([format!("--namespace={namespace}"), format!("--watch-namespaces={namespace}")])
                .args([format!("--instance={name}"), format!("--tenant-namespaces={namespace}")])
                .env("KUBECONFIG", &kubeconfig)
                .spawn()
                .unwrap()
        };
        let process = Arc::new(Mutex::new(launch(0)));
        let (restarts, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let kubelet = std::thread::spawn({
            let (process, restarts, stop) = (Arc::clone(&process), Arc::clone(&restarts), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    let mut child = process.lock().unwrap_or_else(PoisonError::into_inner);
                    if child.exited().unwrap().is_some() {
                        *child = launch(restarts.fetch_add(1, Ordering::SeqCst) + 1);
                    }
                    drop(child);
                    // This is a plain thread, so no executor waits while it sleeps.
                    std::thread::sleep(ROUND);
                }
            }
        });
        Self { process, restarts, stop, kubelet: Some(kubelet) }
    }

    /// Returns how often the process ended by itself.
    pub fn restarts(&self) -> usize {
        self.restarts.load(Ordering::SeqCst)
    }

    pub fn log(&self) -> String {
        self.process.lock().unwrap().log().unwrap()
    }

    /// Returns the status and the body of an endpoint.
    pub async fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("serving /healthz"));
        let port = line.and_then(|line| line.split("127.0.0.1:").nth(1));
        let port: String = port.unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
        anyhow::ensure!(!port.is_empty(), "it does not listen: {log}");
        let answer = reqwest::get(format!("http://127.0.0.1:{port}{path}")).await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// Waits until an endpoint has this status, and its body these words.
    pub async fn answers(&self, path: &str, status: u16, words: &str) {
        wait_for(&format!("{path} to answer {status} {words}"), SOON, || async {
            let seen = self.get(path).await?;
            anyhow::ensure!(seen.0 == status && seen.1.contains(words), "{} {}", seen.0, seen.1);
            Ok(())
        })
        .await
        .unwrap();
    }

    /// Ends the replica as a kubelet does that scales down.
    pub fn terminate(mut self) {
        self.end_kubelet();
        let mut process = self.process.lock().unwrap();
        process.signal("TERM").unwrap();
        let status = process.wait(SOON).unwrap();
        assert!(status.success(), "{status}: {}", process.log_tail());
    }

    fn end_kubelet(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(kubelet) = self.kubelet.take() {
            // A panic of the thread fails the test elsewhere.
            let _ = kubelet.join();
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.end_kubelet();
    }
}
