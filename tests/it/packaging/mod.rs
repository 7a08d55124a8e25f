//! The files that a release consists of: archive, chart, image, samples, signatures and version numbers.

mod archive;
pub mod chart;
pub mod image;
mod kind_lists;
mod publishing;
mod samples;
mod signatures;
mod versions;
mod workflows;
