//! Owns what a sight of the local tree is, whoever saw it: on Linux `folders`, elsewhere `tree`. Never reads a file and
//! never decides what is sent.

#[cfg(target_os = "linux")]
mod distant;
#[cfg(target_os = "linux")]
mod folders;
#[cfg(target_os = "linux")]
mod names;
#[cfg(not(target_os = "linux"))]
mod tree;

use std::path::Path;

use crate::event::{Seen, Sight};

#[cfg(target_os = "linux")]
pub(crate) use folders::Watch;
#[cfg(not(target_os = "linux"))]
pub(crate) use tree::Watch;

/// Joins what was seen of the same path in one group; the weightiest counts.
pub(crate) fn join(sights: Vec<Sight>) -> Vec<Sight> {
    let weight = |what| match what {
        Seen::Writing => 0,
        Seen::Changed => 1,
        Seen::Moved => 2,
    };
    let mut joined = std::collections::BTreeMap::new();
    for Sight { path, what } in sights {
        let known = joined.entry(path).or_insert(what);
        if weight(what) > weight(*known) {
            *known = what;
        }
    }
    joined.into_iter().map(|(path, what)| Sight { path, what }).collect()
}

/// Of something new: a file is open for writing, and its end will be told; not so a link, of either kind.
#[cfg(unix)]
fn is_being_written(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1)
}

#[cfg(not(unix))]
fn is_being_written(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}
