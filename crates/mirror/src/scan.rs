//! Owns the walk through the local tree and what `lstat` says there. Follows a symbolic link only if
//! the policy says so, and never reads a file's bytes; blocking, so never called on the runtime's own threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use remora_model::{Entry, Kind, Mode, Modes, Mtime, RelPath};

use crate::case::Case;
use crate::error::MirrorError;
use crate::links::{Links, Met};
use crate::record::bounds_below;
use crate::rules::{Chain, Rules, ancestors};
use crate::spelling::{Spelling, Twins};

/// What is to be mirrored below a root.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Listing {
    /// Files, directories and links; directories before what is in them.
    pub(crate) entries: BTreeMap<RelPath, Entry>,
    /// What could not be looked at, so that nothing is known of it and of what may be below.
    pub(crate) unreadable: Vec<(RelPath, MirrorError)>,
    /// Links that are not mirrored. What was mirrored of them before is left alone.
    pub(crate) left: BTreeSet<RelPath>,
}

impl Listing {
    /// Whether this is, or is behind, a link that is not mirrored.
    pub(crate) fn leaves(&self, path: &RelPath) -> bool {
        let above = || std::iter::successors(Some(path.clone()), RelPath::parent);
        !self.left.is_empty() && above().any(|path| self.left.contains(&path))
    }

    /// The remote login may not look into these directories: what is in them can't be mirrored.
    pub(crate) fn close(&mut self, dirs: &[RelPath]) {
        for dir in dirs {
            let (first, end) = bounds_below(dir);
            let below = (Bound::Included(first), Bound::Excluded(end));
            let shut: Vec<RelPath> = self.entries.range(below).map(|(path, _)| path.clone()).collect();
            for path in shut {
                self.entries.remove(&path);
                self.unreadable.push((path, MirrorError::RemoteUnreadable { path: dir.clone() }));
            }
        }
    }
}

/// The local root and what is left out of it.
pub(crate) struct Tree<'a> {
    pub(crate) root: &'a Path,
    pub(crate) rules: &'a Rules,
    pub(crate) links: &'a Links,
    /// How names are spelled on the remote.
    pub(crate) spelling: Spelling,
    /// Whether it matters here how they are written.
    pub(crate) case: &'a Case,
    pub(crate) modes: Modes,
    /// Called for each directory before it is read, so that a watch set up there misses nothing.
    pub(crate) on_dir: &'a dyn Fn(&Path),
}

#[cfg(test)]
impl<'a> Tree<'a> {
    /// One where everything is as it is.
    pub(crate) fn plain(root: &'a Path, rules: &'a Rules, links: &'a Links, case: &'a Case) -> Self {
        Self { root, rules, links, spelling: Spelling::default(), case, modes: Modes::Keep, on_dir: &|_| {} }
    }
}

impl Tree<'_> {
    /// What stands at a path, by the policy for links.
    pub(crate) fn meet(&self, path: &RelPath) -> io::Result<Met> {
        let here = self.spelling.here(self.root, path)?;
        let found = fs::symlink_metadata(self.root.join(here.to_local()))?;
        self.links.meet(self.root, path, &found)
    }

    /// Lists everything below the root.
    ///
    /// # Errors
    /// [`MirrorError::LocalRootGone`] when the root is no readable directory.
    pub(crate) fn walk(&self) -> Result<Listing, MirrorError> {
        if !self.root.is_dir() {
            return Err(MirrorError::LocalRootGone);
        }
        let mut listing = Listing::default();
        self.walk_from(None, self.rules.chain(), &mut listing).map_err(|error| {
            tracing::warn!(%error, "the local root can't be read");
            MirrorError::LocalRootGone
        })?;
        Ok(listing)
    }

    /// Lists everything below one directory, which itself is not left out.
    pub(crate) fn walk_below(&self, dir: &RelPath) -> Listing {
        let above = ancestors(dir);
        let way = above.iter().chain([dir]);
        let chain = way.fold(self.rules.chain(), |chain, dir| self.rules.chain_in(&chain, dir));
        let mut listing = Listing::default();
        if let Err(error) = self.walk_from(Some(dir.clone()), chain, &mut listing) {
            note(&mut listing, dir, &error);
        }
        listing
    }

    fn walk_from(&self, start: Option<RelPath>, chain: Chain, listing: &mut Listing) -> io::Result<()> {
        let mut met = Vec::new();
        self.list_one(self.open(start.as_ref())?, &chain, listing, &mut met)?;
        while let Some(MetDir { dir, entry, target, chain }) = met.pop() {
            let opened = self.open(Some(&dir));
            if self.rules.ignores_here(&chain, &dir, true) {
                continue;
            }
            target.into_iter().for_each(|target| self.links.note(&dir, target));
            let chain = self.rules.chain_in(&chain, &dir);
            if let Err(error) = opened.and_then(|opened| self.list_one(opened, &chain, listing, &mut met)) {
                note(listing, &dir, &error);
            }
            listing.entries.insert(dir, entry);
        }
        Ok(())
    }

    /// What is in a directory; the rules are told, who would have to ask for each of their files otherwise.
    fn open<'d>(&self, dir: Option<&'d RelPath>) -> io::Result<Opened<'d>> {
        let place = dir.map_or_else(|| self.root.to_owned(), |dir| self.spelling.place(self.root, dir));
        (self.on_dir)(&place);
        let items = fs::read_dir(&place)?.collect::<io::Result<Vec<_>>>()?;
        self.rules.learn(dir, items.iter().map(fs::DirEntry::file_name));
        Ok(Opened { dir, items })
    }

    fn list_one(
        &self,
        Opened { dir, items }: Opened<'_>,
        chain: &Chain,
        listing: &mut Listing,
        met_dirs: &mut Vec<MetDir>,
    ) -> io::Result<()> {
        let twins = self.spelling.twins(items.iter().map(fs::DirEntry::file_name));
        for item in items {
            let Ok(name) = RelPath::from_local(Path::new(&item.file_name())) else {
                tracing::warn!(name = ?item.file_name(), "a name that is not Unicode is passed over");
                continue;
            };
            let name = self.spelling.there(name);
            let is_twin = twins.contains(name.as_bytes());
            let path = match dir {
                None => name,
                Some(dir) => dir.child(name.as_bytes()).map_err(io::Error::other)?,
            };
            if is_twin {
                note(listing, &path, &io::Error::other(Twins));
                continue;
            }
            let met = item.metadata().and_then(|found| self.links.meet(self.root, &path, &found));
            let (entry, target) = match met {
                Ok(Met::Is(entry, target)) => (entry, target),
                Ok(Met::Left(_)) => {
                    listing.left.insert(path);
                    continue;
                }
                Err(error) => {
                    note(listing, &path, &error);
                    continue;
                }
            };
            let is_dir = entry.kind == Kind::Dir;
            if entry.kind == Kind::Other || self.rules.ignores_unopened(chain, &path, is_dir) {
                continue;
            }
            if is_dir {
                met_dirs.push(MetDir { dir: path, entry, target, chain: chain.clone() });
                continue;
            }
            target.into_iter().for_each(|target| self.links.note(&path, target));
            listing.entries.insert(path, entry);
        }
        Ok(())
    }
}

/// A directory, nothing for the root, and what is in it.
struct Opened<'d> {
    dir: Option<&'d RelPath>,
    items: Vec<fs::DirEntry>,
}

/// A directory that is to be opened, if what is in it does not say that it is left out.
struct MetDir {
    dir: RelPath,
    entry: Entry,
    target: Option<PathBuf>,
    /// The rules for itself.
    chain: Chain,
}

/// What vanished while we looked is simply not there; anything else is worth telling.
fn note(listing: &mut Listing, path: &RelPath, error: &io::Error) {
    if !is_absence(error) {
        listing.unreadable.push((path.clone(), MirrorError::unreadable(path, error)));
    }
}

/// Nothing is there, or a part of the way is no directory.
pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A link stands where none is followed, or links lead to each other and nowhere else.
#[cfg(unix)]
pub(crate) fn is_link_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
pub(crate) fn is_link_loop(_: &io::Error) -> bool {
    false
}

/// What `lstat` said, in our words. A directory gets the bits without which nothing could be put in it.
pub(crate) fn entry_of(metadata: &Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_file() => Kind::File,
        _ => Kind::Other,
    };
    let size = if kind == Kind::Dir { 0 } else { metadata.len() };
    Entry { kind, size, mtime: mtime_of(metadata), mode: mode_of(metadata, kind) }
}

#[cfg(unix)]
fn mtime_of(metadata: &Metadata) -> Mtime {
    use std::os::unix::fs::MetadataExt as _;
    Mtime(metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()))
}

#[cfg(not(unix))]
fn mtime_of(metadata: &Metadata) -> Mtime {
    metadata.modified().map_or(Mtime(0), mtime_from)
}

/// A time of this machine's clock.
pub(crate) fn mtime_from(time: std::time::SystemTime) -> Mtime {
    let nanos = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(std::time::UNIX_EPOCH) {
        Ok(after) => Mtime(nanos(after)),
        Err(before) => Mtime(-nanos(before.duration())),
    }
}

#[cfg(unix)]
fn mode_of(metadata: &Metadata, kind: Kind) -> Mode {
    use std::os::unix::fs::MetadataExt as _;
    let bits = metadata.mode() & 0o777;
    Mode(if kind == Kind::Dir { bits | 0o700 } else { bits })
}

/// Windows knows no permission bits; see `modes`.
#[cfg(not(unix))]
fn mode_of(_: &Metadata, kind: Kind) -> Mode {
    Mode(if kind == Kind::Dir { 0o755 } else { 0o644 })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::sync::Mutex;

    use remora_model::Policy;

    use super::*;

    #[test]
    fn a_walk_lists_what_is_to_be_mirrored_and_watches_only_that() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for name in ["a/b", "node_modules/x", "empty", ".git"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        fs::write(root.join("a/b/run it.py"), "#!x\r\n").unwrap();
        fs::set_permissions(root.join("a/b/run it.py"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(root.join("node_modules/x/y.js"), "").unwrap();
        symlink("../nowhere", root.join("a/link")).unwrap();
        symlink("a", root.join("to a")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();

        let rules = Rules::new(root, &Policy::default()).unwrap();
        let watched = Mutex::new(Vec::new());
        let on_dir = |place: &Path| watched.lock().unwrap().push(place.strip_prefix(root).unwrap().to_owned());
        let listing =
            Tree { on_dir: &on_dir, ..Tree::plain(root, &rules, &Links::default(), &Case::default()) }.walk().unwrap();
        let seen: Vec<String> =
            listing.entries.iter().map(|(path, entry)| format!("{path} {:?} {:?}", entry.kind, entry.mode)).collect();
        assert_eq!(
            seen,
            [
                "a Dir Mode(0o755)",
                "a/b Dir Mode(0o755)",
                "a/b/run it.py File Mode(0o755)",
                "a/link Symlink Mode(0o777)",
                "empty Dir Mode(0o755)",
                "to a Symlink Mode(0o777)"
            ]
        );
        let mut watched = watched.into_inner().unwrap();
        watched.sort();
        assert_eq!(watched, ["", "a", "a/b", "empty"].map(std::path::PathBuf::from));
    }

    #[test]
    fn a_root_that_is_gone_is_told_and_not_taken_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("gone");
        let rules = Rules::new(&root, &Policy::default()).unwrap();
        let (links, case) = (Links::default(), Case::default());
        let tree = Tree::plain(&root, &rules, &links, &case);
        assert_eq!(tree.walk(), Err(MirrorError::LocalRootGone));
    }
}
