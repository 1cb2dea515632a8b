//! Counts what is left of us on a "remote" that is this machine: processes, sockets, files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What was there at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Processes that carry our mark, or run our agent: pid and command line.
    pub processes: BTreeSet<(u32, String)>,
    /// Our private folders.
    pub folders: BTreeSet<PathBuf>,
}

impl Census {
    /// Counts the processes whose environment has `HOME=home`, and what is in that home's runtime folder.
    #[must_use]
    pub fn take(home: &Path) -> Self {
        Self { processes: processes(home), folders: folders(home) }
    }

    /// Waits until nothing is there that was not there `before`.
    ///
    /// # Panics
    /// When something still is after a while, with its name.
    pub fn expect_no_more_than(before: &Self, home: &Path) {
        let Self { processes, folders } = Self::left_over(before, home);
        assert!(processes.is_empty() && folders.is_empty(), "left behind: {processes:#?} {folders:#?}");
    }

    /// What is there after a while that was not there `before`; at once, when nothing is.
    #[must_use]
    pub fn left_over(before: &Self, home: &Path) -> Self {
        // Processes end after they were told to; there is no signal of a stranger's end to wait for.
        const PATIENCE: Duration = Duration::from_secs(15);
        const LOOK_AGAIN: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = Self::take(home);
            let left = Self {
                processes: now.processes.difference(&before.processes).cloned().collect(),
                folders: now.folders.difference(&before.folders).cloned().collect(),
            };
            if left == Self::default() || Instant::now() >= deadline {
                return left;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

fn processes(home: &Path) -> BTreeSet<(u32, String)> {
    let mark = format!("HOME={}", home.display()).into_bytes();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let ours = environment.split(|&byte| byte == 0).any(|variable| variable == mark);
        if !ours {
            return None;
        }
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        // A zombie has no command line; its parent has yet to look at it, but it holds nothing.
        (!command.is_empty()).then(|| (pid, String::from_utf8_lossy(&command).replace('\0', " ")))
    })
    .collect()
}

/// The folder that [`crate::command::User`] names as the runtime folder.
#[must_use]
pub fn runtime_folder(home: &Path) -> PathBuf {
    home.join("run")
}

fn folders(home: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(runtime_folder(home)).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// The TCP ports on which the processes with `HOME=home` listen.
#[must_use]
pub fn listening_ports(home: &Path) -> BTreeSet<u16> {
    let inodes: BTreeSet<String> = processes(home).into_iter().flat_map(|(pid, _)| socket_inodes(pid)).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|table| fs::read_to_string(table).ok());
    let rows: Vec<String> =
        tables.flat_map(|table| table.lines().skip(1).map(String::from).collect::<Vec<_>>()).collect();
    rows.iter()
        .filter_map(|row| {
            let columns: Vec<&str> = row.split_whitespace().collect();
            let listens = columns.get(3) == Some(&"0A") && inodes.contains(*columns.get(9)?);
            let (_, port) = columns.get(1)?.rsplit_once(':')?;
            listens.then(|| u16::from_str_radix(port, 16).ok()).flatten()
        })
        .collect()
}

fn socket_inodes(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}
