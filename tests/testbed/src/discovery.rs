//! Selects the control plane in the order of `envtest`, with the one-process control plane last.

use anyhow::{Context, bail};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The default folder of `envtest`.
const DEFAULT_ASSETS: &str = "/usr/local/kubebuilder/bin";

/// A source of a control plane.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// `USE_EXISTING_CLUSTER=true`: the cluster of kubectl.
    Existing,
    /// Binaries of the user.
    Assets(Assets),
    /// The one-process control plane of `tests/controlplane`.
    Own,
}

/// The binaries that `envtest` uses.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Assets {
    pub(crate) kube_apiserver: PathBuf,
    pub(crate) etcd: PathBuf,
    pub(crate) kubectl: Option<PathBuf>,
}

impl Source {
    /// Selects a source by the environment of this process.
    pub(crate) fn find() -> anyhow::Result<Self> {
        Self::choose(|name| std::env::var_os(name).filter(|value| !value.is_empty()), Path::new(DEFAULT_ASSETS))
    }

    /// Selects a source. A source that is set explicitly must exist; a default may be missing.
    fn choose(variable: impl Fn(&str) -> Option<OsString>, default_assets: &Path) -> anyhow::Result<Self> {
        if variable("USE_EXISTING_CLUSTER").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self::Existing);
        }
        let kubectl = variable("TEST_ASSET_KUBECTL").map(PathBuf::from);
        match (variable("TEST_ASSET_KUBE_APISERVER"), variable("TEST_ASSET_ETCD")) {
            (Some(kube_apiserver), Some(etcd)) => {
                let assets = Assets { kube_apiserver: kube_apiserver.into(), etcd: etcd.into(), kubectl };
                return assets.checked().context("TEST_ASSET_KUBE_APISERVER and TEST_ASSET_ETCD");
            }
            (None, None) => {}
            _ => bail!("set both TEST_ASSET_KUBE_APISERVER and TEST_ASSET_ETCD, or neither"),
        }
        if let Some(folder) = variable("KUBEBUILDER_ASSETS") {
            return Assets::of(Path::new(&folder)).checked().context("KUBEBUILDER_ASSETS");
        }
        let usual = Assets::of(default_assets);
        Ok(usual.checked().unwrap_or(Self::Own))
    }
}

impl Assets {
    fn of(folder: &Path) -> Self {
        let kubectl = folder.join("kubectl");
        Self {
            kube_apiserver: folder.join("kube-apiserver"),
            etcd: folder.join("etcd"),
            kubectl: kubectl.is_file().then_some(kubectl),
        }
    }

    fn checked(self) -> anyhow::Result<Source> {
        for binary in [&self.kube_apiserver, &self.etcd].into_iter().chain(&self.kubectl) {
            anyhow::ensure!(binary.is_file(), "there is no file {}", binary.display());
        }
        Ok(Source::Assets(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const NOWHERE: &str = "/nonexistent";

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    fn choose(variables: &[(&str, &Path)], default_assets: &Path) -> anyhow::Result<Source> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Source::choose(|name| variables.get(name).map(|value| value.as_os_str().to_owned()), default_assets)
    }

    #[test]
    fn existing_cluster_takes_precedence() {
        let bin = folder(&["kube-apiserver", "etcd"]);
        let variables = [("USE_EXISTING_CLUSTER", Path::new("TRUE")), ("KUBEBUILDER_ASSETS", bin.path())];
        assert_eq!(choose(&variables, bin.path()).unwrap(), Source::Existing);
    }

    #[test]
    fn named_binaries_take_precedence_over_folder() {
        let (one, other) = (folder(&["kube-apiserver", "etcd"]), folder(&["kube-apiserver", "etcd"]));
        let (server, etcd) = (one.path().join("kube-apiserver"), one.path().join("etcd"));
        let variables = [
            ("TEST_ASSET_KUBE_APISERVER", &*server),
            ("TEST_ASSET_ETCD", &*etcd),
            ("KUBEBUILDER_ASSETS", other.path()),
        ];
        let expected = Assets { kube_apiserver: server.clone(), etcd: etcd.clone(), kubectl: None };
        assert_eq!(choose(&variables, Path::new(NOWHERE)).unwrap(), Source::Assets(expected));
    }

    #[test]
    fn named_folder_takes_precedence_over_default() {
        let (named, usual) = (folder(&["kube-apiserver", "etcd", "kubectl"]), folder(&["kube-apiserver", "etcd"]));
        let found = choose(&[("KUBEBUILDER_ASSETS", named.path())], usual.path()).unwrap();
        assert_eq!(found, Source::Assets(Assets::of(named.path())));
        let Source::Assets(assets) = found else { unreachable!() };
        assert_eq!(assets.kubectl, Some(named.path().join("kubectl")));
    }

    #[test]
    fn default_folder_takes_precedence_over_own_control_plane() {
        let usual = folder(&["kube-apiserver", "etcd"]);
        assert_eq!(choose(&[], usual.path()).unwrap(), Source::Assets(Assets::of(usual.path())));
    }

    #[test]
    fn own_control_plane_is_the_fallback() {
        let not_true = [("USE_EXISTING_CLUSTER", Path::new("false"))];
        assert_eq!(choose(&not_true, Path::new(NOWHERE)).unwrap(), Source::Own);
    }

    #[test]
    fn missing_named_binaries_are_an_error() {
        let error = choose(&[("KUBEBUILDER_ASSETS", Path::new(NOWHERE))], Path::new(NOWHERE)).unwrap_err();
        assert_eq!(format!("{error:#}"), "KUBEBUILDER_ASSETS: there is no file /nonexistent/kube-apiserver");
    }

    #[test]
    fn single_named_binary_is_an_error() {
        let error = choose(&[("TEST_ASSET_ETCD", Path::new("/bin/etcd"))], Path::new(NOWHERE)).unwrap_err();
        assert!(error.to_string().starts_with("set both TEST_ASSET_KUBE_APISERVER"), "{error}");
    }
}
