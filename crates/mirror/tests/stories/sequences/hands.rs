//! Owns what people and programs do to a tree, and what stands in one. Knows nothing of a mirror.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What stands under one name.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    File { bytes: Vec<u8>, mode: u32, mtime: (i64, i64) },
    Link(Vec<u8>),
    Dir { mode: u32 },
}

pub type Snapshot = BTreeMap<PathBuf, Found>;

impl std::fmt::Debug for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { bytes, mode, mtime } => {
                let start = bytes[..bytes.len().min(24)].escape_ascii();
                write!(out, "a file of {} bytes, \"{start}\", {mode:o}, {mtime:?}", bytes.len())
            }
            Self::Link(text) => write!(out, "a link to \"{}\"", text.escape_ascii()),
            Self::Dir { mode } => write!(out, "a folder, {mode:o}"),
        }
    }
}

/// What stands at `place`.
pub fn found(place: &Path) -> Option<Found> {
    let metadata = fs::symlink_metadata(place).ok()?;
    Some(if metadata.is_symlink() {
        Found::Link(fs::read_link(place).ok()?.as_os_str().as_bytes().to_vec())
    } else if metadata.is_dir() {
        Found::Dir { mode: metadata.mode() & 0o7777 }
    } else {
        let mtime = (metadata.mtime(), metadata.mtime_nsec());
        Found::File { bytes: fs::read(place).ok()?, mode: metadata.mode() & 0o7777, mtime }
    })
}

/// All that stands below `root`; what vanishes meanwhile is not there.
pub fn snapshot(root: &Path) -> Snapshot {
    let mut all = Snapshot::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for place in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Some(what) = found(&place) else { continue };
            let name = place.strip_prefix(root).unwrap().to_owned();
            if matches!(what, Found::Dir { .. }) {
                open.push(place);
            }
            all.insert(name, what);
        }
    }
    all
}

pub fn is_real_dir(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir())
}

pub fn is_real_file(place: &Path) -> bool {
    fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_file())
}

/// Whether all that is above `name` are folders, so that nobody goes through a link.
pub fn is_reachable(root: &Path, name: &Path) -> bool {
    name.ancestors().skip(1).all(|dir| is_real_dir(&root.join(dir)))
}

/// Removes what stands under `name`, if it can be reached.
pub fn remove(root: &Path, name: &Path) {
    let place = root.join(name);
    if !is_reachable(root, name) {
        return;
    }
    if is_real_dir(&place) {
        fs::remove_dir_all(place).unwrap();
    } else if place.symlink_metadata().is_ok() {
        fs::remove_file(place).unwrap();
    }
}

/// Makes room for something at `name`: whatever is above becomes a folder, whatever is there goes. Says which
/// folders were made.
pub fn clear_way(root: &Path, name: &Path) -> (PathBuf, Vec<PathBuf>) {
    let above: Vec<&Path> = name.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
    let mut made = Vec::new();
    for dir in above.into_iter().rev() {
        if !is_real_dir(&root.join(dir)) {
            remove(root, dir);
            fs::create_dir(root.join(dir)).unwrap();
            made.push(dir.to_owned());
        }
    }
    remove(root, name);
    (root.join(name), made)
}

/// The same, but a file stays where it is, to be written in place.
pub fn clear_way_or_keep(root: &Path, name: &Path) {
    if !is_reachable(root, name) || !is_real_file(&root.join(name)) {
        clear_way(root, name);
    }
}

/// Moves what stands at `from` over what stands at `to`; whether it could be. Says which folders were made.
pub fn rename(root: &Path, from: &Path, to: &Path) -> Option<Vec<PathBuf>> {
    let within = from.starts_with(to) || to.starts_with(from);
    if within || !is_reachable(root, from) || root.join(from).symlink_metadata().is_err() {
        return None;
    }
    let (place, made) = clear_way(root, to);
    fs::rename(root.join(from), place).ok()?;
    Some(made)
}

/// Bytes that no other letter has, at any size.
pub fn text(letter: u32, size: usize) -> Vec<u8> {
    let mut state = letter.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut bytes = Vec::with_capacity(size);
    while bytes.len() < size {
        bytes.push(b'a' + ((state >> 13) % 26) as u8);
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    bytes
}

/// Puts some bytes into the middle of a file.
pub fn insert(place: &Path, what: &[u8]) {
    let mut bytes = fs::read(place).unwrap();
    let middle = bytes.len() / 2;
    bytes.splice(middle..middle, what.iter().copied());
    fs::write(place, bytes).unwrap();
}

pub fn link(place: &Path, text: &[u8]) {
    symlink(OsStr::from_bytes(text), place).unwrap();
}

pub fn chmod(place: &Path, mode: u32) {
    fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
}

/// Sets the time of modification to so many nanoseconds after 1970, or before.
pub fn touch(place: &Path, nanos: i64) {
    let since = Duration::from_nanos(nanos.unsigned_abs());
    let time = if nanos < 0 { SystemTime::UNIX_EPOCH - since } else { SystemTime::UNIX_EPOCH + since };
    File::open(place).unwrap().set_modified(time).unwrap();
}
