//! The `process_*` metrics, by the names that every Prometheus client uses: memory, processor time and open files of this
//! process, read from `/proc` at each scrape. Without `/proc`, as on macOS, they have no samples.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Linux shows times of processes in hundredths of a second (`USER_HZ`) on every architecture of the image.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the metrics of one process.
#[derive(Debug)]
pub(super) struct Process {
    folder: PathBuf,
    /// When the process started, in seconds since 1970. Read once: the time that Linux booted is that of a clock which
    /// may be corrected.
    started: Option<f64>,
}

impl Process {
    /// Reads the metrics of this process.
    pub fn this() -> Self {
        Self::of(Path::new("/proc/self"))
    }

    fn of(folder: &Path) -> Self {
        let boot = fs::read_to_string("/proc/stat").ok().and_then(|text| boot_time(&text));
        let stat = fs::read_to_string(folder.join("stat")).ok();
        let since_boot = stat.and_then(|stat| seconds(&stat, START));
        Self { folder: folder.to_owned(), started: boot.zip(since_boot).map(|(boot, since)| boot + since) }
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    fn cpu_seconds(&self) -> Option<f64> {
        let stat = self.read("stat")?;
        Some(seconds(&stat, USER)? + seconds(&stat, SYSTEM)?)
    }

    /// Counts the open files, without the folder that shows them.
    fn open_files(&self) -> Option<f64> {
        let count = fs::read_dir(self.folder.join("fd")).ok()?.count().saturating_sub(1);
        u32::try_from(count).ok().map(f64::from)
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let help = "Total user and system CPU time spent in seconds";
        let counter = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        if let Some(value) = self.cpu_seconds() {
            ConstCounter::new(value).encode(counter)?;
        }
        let status = self.read("status").unwrap_or_default();
        let limits = self.read("limits").unwrap_or_default();
        for (name, help, value) in [
            ("process_start_time_seconds", "Start time of the process in seconds since 1970", self.started),
            ("process_resident_memory_bytes", "Resident memory size in bytes", bytes(&status, "VmRSS:")),
            ("process_virtual_memory_bytes", "Virtual memory size in bytes", bytes(&status, "VmSize:")),
            ("process_open_fds", "Number of open file descriptors", self.open_files()),
            ("process_max_fds", "Maximum number of open file descriptors", max_files(&limits)),
        ] {
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            if let Some(value) = value {
                ConstGauge::new(value).encode(gauge)?;
            }
        }
        Ok(())
    }
}

/// The fields of `/proc/PID/stat`, by their number behind the name of the program, which may contain blanks.
const USER: usize = 11;
const SYSTEM: usize = 12;
const START: usize = 19;

/// Returns a field of `/proc/PID/stat` that is a time.
fn seconds(stat: &str, field: usize) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().nth(field)?.parse().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// Returns when Linux booted, from `/proc/stat`.
fn boot_time(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// Returns a size in `/proc/PID/status`, which shows kibibytes.
fn bytes(status: &str, field: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Returns the soft limit of open files in `/proc/PID/limits`.
fn max_files(limits: &str) -> Option<f64> {
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_whitespace().next()?;
    if soft == "unlimited" { Some(f64::INFINITY) } else { soft.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::{Duration, SystemTime};

    /// The files of a process with a name that imitates further fields.
    fn recorded() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write(
            "stat",
            "7 (a) S 9 9 (b) R 1 7 7 0 -1 4194304 102 0 0 0 150 25 0 0 20 0 1 0 40444 3133440 416 1844 0 0\n",
        );
        write("status", "Name:\tVmRSS: 1 kB\nVmSize:\t    3060 kB\nVmRSS:\t    1664 kB\n");
        write("limits", "Limit   Soft Limit  Hard Limit  Units\nMax open files   1024   4096   files\n");
        fs::create_dir(folder.path().join("fd")).unwrap();
        for file in ["0", "1", "2", "3"] {
            write(&format!("fd/{file}"), "");
        }
        folder
    }

    #[test]
    fn times_are_read_behind_the_name_of_the_program() {
        let folder = recorded();
        let process = Process::of(folder.path());
        assert_eq!(process.cpu_seconds(), Some(1.75));
        let boot = boot_time(&fs::read_to_string("/proc/stat").unwrap()).unwrap();
        assert_eq!(process.started, Some(boot + 404.44));
        assert_eq!(boot_time("cpu 1 2\nbtime 1796060167\nprocesses 9\n"), Some(1_796_060_167.0));
    }

    #[test]
    fn sizes_and_limits_are_read() {
        let folder = recorded();
        let process = Process::of(folder.path());
        let (status, limits) = (process.read("status").unwrap(), process.read("limits").unwrap());
        assert_eq!(bytes(&status, "VmRSS:"), Some(1_703_936.0));
        assert_eq!(bytes(&status, "VmSize:"), Some(3_133_440.0));
        assert_eq!(max_files(&limits), Some(1024.0));
        assert_eq!(process.open_files(), Some(3.0), "one of the four is the folder that shows them");
        assert_eq!(max_files("Max open files  unlimited  unlimited  files"), Some(f64::INFINITY));
        for broken in ["", "VmRSS:", "VmRSS: x kB", "Max open files"] {
            assert_eq!((bytes(broken, "VmRSS:"), max_files(broken)), (None, None), "{broken:?}");
        }
    }

    #[test]
    fn metrics_are_those_of_the_process() {
        let begun = SystemTime::now();
        // It reads its input, which stays open until the test closes it.
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let process = Process::of(Path::new(&format!("/proc/{}", child.id())));
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(process.started.unwrap());
        let apart = started.duration_since(begun).unwrap_or_else(|before| before.duration());
        assert!(apart < Duration::from_mins(1), "{apart:?}");
        assert!(process.cpu_seconds().unwrap() < 60.0);
        child.stdin.take();
        child.wait().unwrap();
        assert_eq!(process.cpu_seconds(), None);
    }
}
