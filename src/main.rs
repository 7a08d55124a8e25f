//! The `cloud-policy` binary: installs the TLS provider and calls the command line.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    // Every TLS client of the process uses this provider, so it is installed first.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("error: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    cloud_policy::cli::main()
}
