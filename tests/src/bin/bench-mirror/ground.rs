//! Owns the folder in which everything is measured, in memory where the system has such a place, and the trees in it.
//! Never knows who carries them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use remora_tests::bench::editor::Sides;
use remora_tests::bench::shared::succeed;
use tempfile::TempDir;
use tokio::process::Command;

use crate::source;

/// How many files the small tree has.
pub(crate) const SMALL_TREE: usize = 201;

/// Holds everything, and is removed when dropped.
pub(crate) struct Ground {
    folder: TempDir,
    /// One unpacked tree.
    source: PathBuf,
    /// How many times the large tree has it.
    pub(crate) copies: usize,
    /// How many times the tree that is watched has it.
    pub(crate) watched_copies: usize,
    /// The large file, in bytes.
    pub(crate) large_file: u64,
}

impl Ground {
    pub(crate) async fn new(small: bool) -> Self {
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::Builder::new().prefix("remora-bench-").tempdir_in(place).expect("a folder can be made");
        let source = source::unpack(folder.path()).await;
        fs::create_dir(folder.path().join("home")).expect("a folder can be made");
        let (copies, watched_copies, large_file) = if small { (1, 2, 128 << 20) } else { (7, 15, 1 << 30) };
        Self { folder, source, copies, watched_copies, large_file }
    }

    /// What everything is in.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A new folder, removed when dropped.
    pub(crate) fn folder(&self, name: &str) -> TempDir {
        let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(self.folder.path());
        folder.expect("a folder can be made")
    }

    /// The home of the user who runs Remora.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Makes a tree of so many copies at `place`.
    pub(crate) async fn tree(&self, place: &Path, copies: usize) {
        fs::create_dir(place).expect("a folder can be made");
        for number in 1..=copies {
            copy(&self.source, &place.join(format!("copy-{number}"))).await;
        }
    }

    /// Makes the small tree at `place`.
    pub(crate) fn small_tree(&self, place: &Path) {
        for file in files(&self.source).into_iter().filter(|file| is_python(file)).take(SMALL_TREE) {
            let to = place.join(file.strip_prefix(&self.source).expect("invariant: it was found there"));
            fs::create_dir_all(to.parent().expect("invariant: it is below a folder")).expect("folders can be made");
            fs::copy(file, to).expect("a file can be copied");
        }
    }
}

/// Copies a file or a tree with its times.
pub(crate) async fn copy(from: &Path, to: &Path) {
    let mut cp = Command::new("cp");
    cp.arg("--archive").arg(from).arg(to);
    succeed(cp).await;
}

/// The two sides of a mirror in `folder`; nothing is made.
pub(crate) fn sides(folder: &TempDir, name: &str) -> Sides {
    let side = |side: &str| folder.path().join(format!("{name}-{side}"));
    Sides { local_root: side("here"), remote_root: side("there") }
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder can be read") {
        let entry = entry.expect("a folder can be read");
        match entry.file_type().expect("a file can be looked at").is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found.sort();
    found
}

pub(crate) fn is_python(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "py")
}

/// Compares both sides byte by byte, and modes and times of files too. A folder only has to be there.
///
/// # Panics
/// When they differ: a figure for something else than a mirror would be worth nothing.
pub(crate) async fn check_equal(local_root: &Path, remote_root: &Path) {
    let mut rsync = Command::new("rsync");
    rsync.args(["--archive", "--checksum", "--dry-run", "--itemize-changes", "--delete", "--omit-dir-times"]);
    // What was replaced is kept there, where the cache is on another file system.
    rsync.arg("--exclude=/.remora-trash");
    rsync.arg(local_root.join("")).arg(remote_root.join("")).stderr(Stdio::inherit());
    let output = rsync.output().await.expect("rsync can be run");
    let differences = String::from_utf8_lossy(&output.stdout);
    let about_files = differences.lines().filter(|line| !line.starts_with(".d"));
    let shown: Vec<&str> = about_files.take(20).collect();
    assert!(output.status.success() && shown.is_empty(), "the trees differ:\n{}", shown.join("\n"));
}
