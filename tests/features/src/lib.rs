//! Enables all features of the operator in builds with `--workspace`.
//!
//! With `--workspace`, cargo builds the operator with the features that any member asks for. The
//! tests therefore cover all features, and all commands of the workspace share the compiled crates.
//! `make build` and the image build only the operator, with its default features.

#![forbid(unsafe_code)]
