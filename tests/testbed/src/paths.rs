//! Paths of the checkout and of temporary directories.

use anyhow::Context;
use std::path::{Path, PathBuf};

/// Returns the root of the checkout that this crate was built from.
#[must_use]
pub fn repository() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// Returns the script that ends a program with this process.
pub(crate) fn lifeline() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("lifeline.sh")
}

/// Returns true if directories should stay after the programs that used them.
pub(crate) fn keep() -> bool {
    std::env::var_os("CLOUD_POLICY_TESTBED_KEEP").is_some_and(|value| !value.is_empty())
}

/// Creates a directory that only this user can read. The caller removes it.
pub(crate) fn scratch(what: &str) -> anyhow::Result<PathBuf> {
    let directory = tempfile::Builder::new()
        .prefix(&format!("cloud-policy-{what}-"))
        .tempdir()
        .with_context(|| format!("cannot create a directory for {what}"))?;
    Ok(directory.keep())
}
