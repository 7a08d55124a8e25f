//! Helpers of the integration tests: the control plane with the CRDs installed, clients, and the test environment.

pub mod connection_helpers;
pub mod fake_kubelet;
pub mod installation;
pub mod kinds;
pub mod manifests;
pub mod rbac;
pub mod refusing_policy;
pub mod spaceone_contract;
pub mod test_env;
pub mod test_log;
pub mod upstream;
pub mod write_counter;

use cloud_policy::api::crds;
use cloud_policy_testbed::{ControlPlane, install_crds};
use kube::Client;
use tokio::sync::OnceCell;

static INSTALLED: OnceCell<()> = OnceCell::const_new();

/// Makes ring the only TLS provider of the process, as the operator's `main` does.
pub fn install_crypto() {
    // An error means that another test was first.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns the control plane of this run, with the CRDs installed as the types generate them.
pub async fn control_plane() -> &'static ControlPlane {
    install_crypto();
    let control_plane = ControlPlane::shared().unwrap();
    INSTALLED
        .get_or_init(|| async {
            install_crds(&control_plane.client().unwrap(), &crds::all()).await.unwrap();
        })
        .await;
    control_plane
}

/// Returns a client with every right, for the runtime of the calling test.
pub async fn client() -> Client {
    control_plane().await.client().unwrap()
}
