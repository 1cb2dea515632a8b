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
        Self::after_a_while(before, || Self::take(home))
    }

    /// Waits until nothing is left of an account: no process, and none of our private folders.
    ///
    /// # Panics
    /// When something still is after a while, with its name.
    #[cfg(unix)]
    pub fn expect_nothing_of(account: &str) {
        let left = Self::after_a_while(&Self::default(), || Self::of_account(account));
        assert!(left == Self::default(), "left behind by {account}: {left:#?}");
    }

    /// Waits until there are none of some processes.
    ///
    /// # Panics
    /// When one still is there after a while, with its name.
    pub fn expect_none(processes: impl Fn() -> BTreeSet<(u32, String)>) {
        let left = Self::after_a_while(&Self::default(), || Self { processes: processes(), ..Self::default() });
        assert!(left == Self::default(), "left behind: {left:#?}");
    }

    /// Counts all processes of an account, and its private folders where no runtime folder is.
    #[cfg(unix)]
    #[must_use]
    pub fn of_account(account: &str) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        let output = std::process::Command::new("id").args(["-u", account]).output().expect("id can be run");
        let uid: u32 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("there is such an account");
        let is_its = |path: &Path| fs::metadata(path).is_ok_and(|status| status.uid() == uid);
        let names = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let pids =
            names("/proc").filter(|path| is_its(path)).filter_map(|path| path.file_name()?.to_str()?.parse().ok());
        let folders = names("/tmp").filter(|path| {
            is_its(path) && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("remora-"))
        });
        Self { processes: pids.filter_map(named).collect(), folders: folders.collect() }
    }

    fn after_a_while(before: &Self, take: impl Fn() -> Self) -> Self {
        // Processes end after they were told to; there is no signal of a stranger's end to wait for.
        const PATIENCE: Duration = Duration::from_secs(15);
        const LOOK_AGAIN: Duration = Duration::from_millis(20);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = take();
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
    with_variable(&format!("HOME={}", home.display()))
}

/// The processes with this variable, `NAME=VALUE`, in their environment: pid and command line.
#[must_use]
pub fn with_variable(variable: &str) -> BTreeSet<(u32, String)> {
    let mark = variable.as_bytes();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let ours = environment.split(|&byte| byte == 0).any(|variable| variable == mark);
        if !ours {
            return None;
        }
        named(pid)
    })
    .collect()
}

/// A process and its command line. A zombie has none; its parent has yet to look at it, but it holds nothing.
fn named(pid: u32) -> Option<(u32, String)> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    (!command.is_empty()).then(|| (pid, String::from_utf8_lossy(&command).replace('\0', " ")))
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
