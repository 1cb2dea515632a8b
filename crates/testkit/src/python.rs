//! Finds the Python interpreters of this machine. Names those that are missing; never skips in silence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The versions that tests use where the machine has them.
pub const WANTED: [&str; 9] = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];

/// The interpreter of this version.
///
/// # Panics
/// When there is none, with how to get one.
#[must_use]
pub fn find(version: &str) -> PathBuf {
    let found = found().iter().find(|(there, _)| *there == version);
    found.unwrap_or_else(|| panic!("no Python {version} here; `pyenv install {version}` installs it")).1.clone()
}

/// All interpreters of [`WANTED`] that are here, oldest first. The others are named on standard error.
///
/// # Panics
/// When there is none at all.
#[must_use]
pub fn all() -> Vec<(&'static str, PathBuf)> {
    let found = found();
    for version in WANTED {
        if found.iter().all(|(there, _)| *there != version) {
            eprintln!("MISSING: no Python {version} here; `pyenv install {version}` installs it");
        }
    }
    assert!(!found.is_empty(), "no Python at all here");
    found.clone()
}

/// The newest that works with every debugger, ptvsd included, where it is there; else the newest.
///
/// # Panics
/// When there is none at all.
#[must_use]
pub fn usual() -> PathBuf {
    let all = all();
    let usual = all.iter().find(|(version, _)| *version == "3.11").or(all.last());
    usual.expect("invariant: there is one at least").1.clone()
}

/// The newest.
///
/// # Panics
/// When there is none at all.
#[must_use]
pub fn newest() -> PathBuf {
    all().pop().expect("invariant: there is one at least").1
}

/// PyPy of this language version, if it is here; nobody has to install it.
#[must_use]
pub fn pypy(version: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(format!("pypy{version}")));
    candidates.find(|candidate| answers(candidate, version))
}

/// A folder below `cache` with these packages and what they need, for the `PYTHONPATH` of this interpreter. They come from
/// the registry that its pip uses, once.
///
/// # Panics
/// When pip can't install them, with what it said.
#[must_use]
pub fn packages(cache: &Path, python: &Path, wanted: &[&str]) -> PathBuf {
    let version = Command::new(python).args(["-c", "import sys; sys.stdout.write(sys.version.split()[0])"]).output();
    let version = version.expect("the interpreter runs").stdout;
    let folder = cache.join(format!("{}-for-{}", wanted.join("-"), String::from_utf8_lossy(&version)));
    if !folder.is_dir() {
        let made = tempfile::tempdir_in(cache).expect("a folder can be made in the cache");
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"];
        let output = Command::new(python).args(pip).arg(made.path().join("all")).args(wanted).output();
        let output = output.expect("the interpreter runs");
        assert!(output.status.success(), "pip: {}", String::from_utf8_lossy(&output.stderr));
        // Fails when another test was as fast; its folder holds the same.
        let placed = std::fs::rename(made.path().join("all"), &folder);
        assert!(placed.is_ok() || folder.is_dir(), "{placed:?}");
    }
    folder
}

/// Looked for once, because each is started to say its version.
fn found() -> &'static Vec<(&'static str, PathBuf)> {
    static FOUND: OnceLock<Vec<(&'static str, PathBuf)>> = OnceLock::new();
    FOUND.get_or_init(|| WANTED.into_iter().filter_map(|version| Some((version, look(version)?))).collect())
}

fn look(version: &str) -> Option<PathBuf> {
    let mut candidates: Vec<PathBuf> = Vec::new();
    for root in pyenv_roots() {
        let installed = std::fs::read_dir(root.join("versions")).into_iter().flatten().flatten();
        for entry in installed {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == version || name.strip_prefix(version).is_some_and(|rest| rest.starts_with('.')) {
                candidates.push(entry.path().join("bin/python"));
            }
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    candidates.extend(std::env::split_paths(&path).map(|folder| folder.join(format!("python{version}"))));
    candidates.into_iter().find(|candidate| answers(candidate, version))
}

/// Whether it is there and says that it is this version; pyenv's shims are there for versions that are not.
fn answers(candidate: &PathBuf, version: &str) -> bool {
    const ASK: &str = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])";
    let output = Command::new(candidate).args(["-c", ASK]).output();
    output.is_ok_and(|output| output.stdout == version.as_bytes())
}

/// Where pyenv may have its versions: where it says, in the home, and beside its shims in `PATH` (the home
/// of a test run is often not the one in which pyenv was installed).
fn pyenv_roots() -> BTreeSet<PathBuf> {
    let named = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let own = std::env::home_dir().map(|home| home.join(".pyenv"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let shims = std::env::split_paths(&path).filter(|folder| folder.ends_with("shims"));
    let beside: Vec<PathBuf> = shims.filter_map(|folder| Some(folder.parent()?.to_owned())).collect();
    named.into_iter().chain(own).chain(beside).collect()
}
