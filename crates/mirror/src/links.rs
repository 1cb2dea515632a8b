//! Owns what a symbolic link is to the mirror: itself, what it leads to, or nothing. Follows links of this machine alone;
//! on the remote nothing is ever followed.
//!
//! What is followed has several names here and one place. Whoever changes it does so under one of them, and all have to
//! be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use remora_model::{Entry, Kind, Policy, RelPath, Symlinks};

use crate::event::Sight;
use crate::rules::ancestors;
use crate::scan::{entry_of, is_absence, is_link_loop};
use crate::spelling::Spelling;

/// A link within what a link led to, and so on, is followed this often. Folders that lead to each other crosswise would
/// multiply without end.
const LINKS_DEEP: usize = 8;

/// Why a link is not mirrored. What was mirrored of it stays on the remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftLink {
    /// The user wants none.
    Skipped,
    /// There is nothing where it leads.
    Broken,
    /// It leads to a folder that it is in.
    Endless,
}

/// What stands at a path.
#[derive(Debug, PartialEq)]
pub(crate) enum Met {
    /// This; and where it is, if a link led there.
    Is(Entry, Option<PathBuf>),
    /// A link that is left where it is.
    Left(LeftLink),
}

/// The policy for links, and where those lead that were followed.
#[derive(Debug, Default)]
pub(crate) struct Links {
    policy: Symlinks,
    spelling: Spelling,
    /// A lock, because walks and looks on several blocking threads note what they follow.
    followed: Mutex<BTreeMap<RelPath, PathBuf>>,
}

impl Links {
    pub(crate) fn new(policy: &Policy) -> Self {
        Self { policy: policy.symlinks, spelling: Spelling::new(policy.unicode), followed: Mutex::default() }
    }

    /// What `path`, of which `lstat` said this, is to the mirror.
    pub(crate) fn meet(&self, root: &Path, path: &RelPath, found: &Metadata) -> io::Result<Met> {
        if !found.is_symlink() || self.policy == Symlinks::Keep {
            return Ok(Met::Is(entry_of(found), None));
        }
        if self.policy == Symlinks::Skip {
            return Ok(Met::Left(LeftLink::Skipped));
        }
        let target = match fs::canonicalize(self.spelling.place(root, path)) {
            Ok(target) => target,
            Err(error) if is_nowhere(&error) => return Ok(Met::Left(LeftLink::Broken)),
            Err(error) => return Err(error),
        };
        let entry = entry_of(&fs::symlink_metadata(&target)?);
        let endless = entry.kind == Kind::Dir && self.is_endless(root, path, &target);
        Ok(if endless { Met::Left(LeftLink::Endless) } else { Met::Is(entry, Some(target)) })
    }

    /// Whether the way to `path` goes through `target`, whatever links it takes.
    fn is_endless(&self, root: &Path, path: &RelPath, target: &Path) -> bool {
        let above = ancestors(path);
        let leads_back = |dir: &Path| fs::canonicalize(dir).is_ok_and(|dir| dir.starts_with(target));
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let deep = above.iter().filter(|dir| followed.contains_key(dir)).count() >= LINKS_DEEP;
        deep || leads_back(root) || above.iter().any(|dir| leads_back(&self.spelling.place(root, dir)))
    }

    /// Where the bytes of `path` are: a link on the way, or at its end, is followed if the policy says so.
    pub(crate) fn place(&self, root: &Path, path: &RelPath) -> PathBuf {
        let place = self.spelling.place(root, path);
        if self.policy == Symlinks::Follow { fs::canonicalize(&place).unwrap_or(place) } else { place }
    }

    /// A link was followed to `target`.
    pub(crate) fn note(&self, path: &RelPath, target: PathBuf) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone(), target);
    }

    /// A new walk will note them all.
    pub(crate) fn forget(&self) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What was seen under one name, under all.
    pub(crate) fn spread(&self, root: &Path, sights: Vec<Sight>) -> Vec<Sight> {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.is_empty() {
            return sights;
        }
        let all = |Sight { path, what }: Sight| {
            names(&followed, root, &path).into_iter().map(move |path| Sight { path, what })
        };
        sights.into_iter().flat_map(all).collect()
    }
}

/// All names of what `path` names.
fn names(followed: &BTreeMap<RelPath, PathBuf>, root: &Path, path: &RelPath) -> BTreeSet<RelPath> {
    let led = std::iter::successors(Some(path.clone()), RelPath::parent).find_map(|link| {
        let rest = path.to_local().strip_prefix(link.to_local()).map(Path::to_owned).ok()?;
        Some(joined(followed.get(&link)?, &rest))
    });
    let real = led.unwrap_or_else(|| root.join(path.to_local()));
    let below_root = real.strip_prefix(root).ok().and_then(|rest| RelPath::from_local(rest).ok());
    let links = followed.iter().filter_map(|(link, target)| {
        let rest = real.strip_prefix(target).ok()?;
        RelPath::from_local(&joined(&link.to_local(), rest)).ok()
    });
    links.chain(below_root).chain([path.clone()]).collect()
}

/// Joining nothing would add a slash.
fn joined(start: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { start.to_owned() } else { start.join(rest) }
}

fn is_nowhere(error: &io::Error) -> bool {
    is_absence(error) || is_link_loop(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed_is_known_under_all_its_names() {
        let path = |name: &str| RelPath::new(name).unwrap();
        let followed = [("alias", "/r/real"), ("out", "/data"), ("also", "/data/in"), ("file", "/r/real/x")];
        let followed = followed.map(|(link, target)| (path(link), PathBuf::from(target))).into();
        for (seen, all) in [
            ("other", &["other"][..]),
            ("real/x", &["alias/x", "file", "real/x"]),
            ("alias/x", &["alias/x", "file", "real/x"]),
            ("file", &["alias/x", "file", "real/x"]),
            ("real", &["alias", "real"]),
            ("out/in/y", &["also/y", "out/in/y"]),
            ("also/y", &["also/y", "out/in/y"]),
            ("out/z", &["out/z"]),
            ("realm", &["realm"]),
        ] {
            let names: Vec<String> =
                names(&followed, Path::new("/r"), &path(seen)).iter().map(ToString::to_string).collect();
            assert_eq!(names, all, "{seen}");
        }
    }
}
