//! Nothing but a wish: the operator with all of its features.
//!
//! What is built with `--workspace` has the features that any member wishes for. So the tests test
//! all of them, and all commands of the workspace share what was compiled once. The operator alone,
//! as `make build` and the image have it, has its default features.

#![forbid(unsafe_code)]
