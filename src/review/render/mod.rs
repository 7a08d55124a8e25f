//! The outputs of a report for people and for spreadsheets. Each is a pure function of the report.

mod csv;
mod markdown;
#[cfg(test)]
mod tests;

pub use csv::csv;
pub use markdown::markdown;
