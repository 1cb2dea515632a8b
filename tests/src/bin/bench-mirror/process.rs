//! Owns what `/proc` says of one process. Never touches the process.

use std::fs;
use std::time::Duration;

/// A process by its id.
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The name of its program; empty when it has ended.
    pub(crate) fn name(&self) -> String {
        fs::read_to_string(format!("/proc/{}/comm", self.0)).unwrap_or_default()
    }

    /// What it holds in memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most that it ever held, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// How long it has kept a processor busy. Linux counts in hundredths of a second.
    pub(crate) fn worked(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("the process lives");
        // The name is in parentheses and may hold anything. The eleventh and twelfth after it are what is wanted.
        let (_, fields) = stat.rsplit_once(')').expect("invariant: the name is in parentheses");
        let ticks: u64 =
            fields.split_ascii_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Duration::from_millis(10 * ticks)
    }

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).expect("the process lives");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux says what it holds");
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number of kB");
        kibibytes * 1024
    }
}
