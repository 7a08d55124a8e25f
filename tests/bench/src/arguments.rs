//! The arguments of the program.

use crate::workload::Workload;
use clap::Parser;
use std::path::PathBuf;
use std::time::Duration;

/// Measures the operator beside a loop that does only what cannot be left out.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Number of objects of each collection. NAVER Cloud allows 500 in an account, so there are at most 450 of them.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub objects: u32,
    /// Delay of each upstream response, such as 20ms.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    pub latency: Duration,
    /// Requests per second that the connection allows. The schema of a connection allows 100; this program lifts that
    /// maximum.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// Measure only this collection. Can be repeated.
    #[arg(long, value_enum)]
    pub only: Vec<Workload>,
    /// Page whose table the program replaces.
    #[arg(long)]
    pub write: Option<PathBuf>,
}

/// Parses a duration in milliseconds or seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let number = |digits: &str| digits.parse::<u64>().map_err(|error| format!("{digits}: {error}"));
    match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(millis), _) => number(millis).map(Duration::from_millis),
        (None, Some(seconds)) => number(seconds).map(Duration::from_secs),
        (None, None) => Err("a number with the unit ms or s, such as 20ms".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_parsed_with_its_unit() {
        assert_eq!(duration("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert!(duration("20").is_err() && duration("xms").is_err());
    }
}
