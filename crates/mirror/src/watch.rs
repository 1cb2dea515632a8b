//! Owns the watch on the local tree: which directories are watched, and what each of the system's
//! events means for us. Never reads a file and never decides what is sent.
//!
//! On Linux each directory is watched by itself, and only those that are not left out, so that a
//! `node_modules` costs nothing. Elsewhere the system watches a whole tree as cheaply as one directory.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{ErrorKind, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use remora_model::RelPath;
use tokio::sync::mpsc::UnboundedSender;

use crate::error::MirrorError;
use crate::event::{Event, Seen, Sight};

/// A running watch; dropping it ends it.
pub(crate) struct Watch {
    /// A lock, because walks on several blocking threads add the directories they are about to read, and
    /// may read them only when that is done.
    inner: Mutex<Inner>,
    watched: Watched,
    out: UnboundedSender<Event>,
}

/// The directories that are watched under their present names. A comparison walks them all; the system is asked
/// only for those that are not in here, because asking takes a turn of the watcher's thread each. A lock, because
/// the watcher's thread takes out what was moved before anybody hears of that.
#[derive(Clone, Default)]
struct Watched(Arc<Mutex<BTreeSet<Vec<u8>>>>);

impl Watched {
    fn has(&self, dir: &Path) -> bool {
        self.lock().contains(key(dir).as_slice())
    }

    fn add(&self, dir: &Path) {
        self.lock().insert(key(dir));
    }

    /// Something came, went, or was renamed at this path: what was watched there and below may not be any more, or
    /// under another name.
    fn forget(&self, path: &Path) {
        let mut watched = self.lock();
        let first = key(path);
        // "/" is followed by "0": all that begins with the path and a "/" stands before that.
        let mut end = first.clone();
        let last = end.len() - 1;
        end[last] = b'0';
        let gone: Vec<Vec<u8>> = watched.range((Bound::Included(first), Bound::Excluded(end))).cloned().collect();
        for dir in gone {
            watched.remove(&dir);
        }
    }

    fn forget_all(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory's name with a `/` at its end, so that what is below it begins with it.
fn key(dir: &Path) -> Vec<u8> {
    [dir.as_os_str().as_encoded_bytes(), b"/"].concat()
}

struct Inner {
    watcher: RecommendedWatcher,
    /// How many directories were added.
    added: usize,
    /// It was told that not all could be.
    told: bool,
}

impl Watch {
    /// Starts to watch the tree at `root`, which is canonical. On Linux nothing is seen before
    /// [`Watch::add`].
    pub(crate) fn start(root: &Path, out: UnboundedSender<Event>) -> Result<Self, MirrorError> {
        let (handler_root, handler_out) = (root.to_owned(), out.clone());
        let watched = Watched::default();
        let moved = watched.clone();
        let handler = move |event: notify::Result<notify::Event>| {
            note_moves(&moved, &event);
            for event in translate(&handler_root, event) {
                // The other end is gone only when the mirror is ending.
                let _ = handler_out.send(event);
            }
        };
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(handler, config).map_err(|error| failure(&error, 0))?;
        if !cfg!(target_os = "linux") {
            watcher.watch(root, RecursiveMode::Recursive).map_err(|error| failure(&error, 0))?;
        }
        Ok(Self { inner: Mutex::new(Inner { watcher, added: 0, told: false }), watched, out })
    }

    /// Watches one more directory; one that was renamed from elsewhere, and the watch with it, under its new name.
    pub(crate) fn add(&self, dir: &Path) {
        if !cfg!(target_os = "linux") || self.watched.has(dir) {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        // Before: what happens to it from here on takes it out again.
        self.watched.add(dir);
        let watching = inner.watcher.watch(dir, RecursiveMode::NonRecursive);
        if watching.is_err() {
            self.watched.forget(dir);
        }
        match watching {
            Ok(()) => inner.added += 1,
            // The walk will find the same, and the event for it is in the directory above.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
            Err(error) if inner.told => tracing::debug!(%error, "one more directory can't be watched"),
            Err(error) => {
                inner.told = true;
                let _ = self.out.send(Event::Unwatched(failure(&error, inner.added)));
            }
        }
    }
}

fn note_moves(watched: &Watched, event: &notify::Result<notify::Event>) {
    match event {
        Ok(event) if event.need_rescan() => watched.forget_all(),
        Err(_) => watched.forget_all(),
        Ok(event) => {
            let moves = matches!(
                event.kind,
                EventKind::Create(CreateKind::Folder | CreateKind::Any | CreateKind::Other)
                    | EventKind::Modify(ModifyKind::Name(_))
                    | EventKind::Remove(_)
            );
            if moves {
                event.paths.iter().for_each(|path| watched.forget(path));
            }
        }
    }
}

fn failure(error: &notify::Error, watched: usize) -> MirrorError {
    // inotify_init says EMFILE when there are too many instances; inotify_add_watch says ENOSPC.
    match &error.kind {
        ErrorKind::MaxFilesWatch => MirrorError::WatchLimit { watched, limit: watch_limit() },
        _ => MirrorError::Watch(error.to_string()),
    }
}

fn watch_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?.trim().parse().ok()
}

fn translate(root: &Path, event: notify::Result<notify::Event>) -> Vec<Event> {
    let event = match event {
        Ok(event) if event.need_rescan() => return vec![Event::Overflowed],
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%error, "the watcher failed");
            return vec![Event::Overflowed];
        }
    };
    let Some(what) = meaning(&event.kind, &event.paths) else { return Vec::new() };
    let sight = |path: &PathBuf| {
        if path == root {
            // Its own attributes are nobody's business; its end is found by looking.
            return (what == Seen::Moved).then_some(Event::Overflowed);
        }
        let path = RelPath::from_local(path.strip_prefix(root).ok()?).ok()?;
        Some(Event::Seen(vec![Sight { path, what }]))
    };
    event.paths.iter().filter_map(sight).collect()
}

/// What an event says; nothing when it is no change, or another event says the same.
fn meaning(kind: &EventKind, paths: &[PathBuf]) -> Option<Seen> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Seen::Changed),
        EventKind::Access(_) => None,
        EventKind::Create(CreateKind::Folder) => Some(Seen::Moved),
        // A new file is open for writing, and its end will be told; not so a link, of either kind.
        EventKind::Create(_) if paths.iter().all(|path| is_being_written(path)) => Some(Seen::Writing),
        EventKind::Create(_) => Some(Seen::Moved),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Seen::Writing),
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) if cfg!(target_os = "linux") => None,
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => Some(Seen::Moved),
        EventKind::Modify(_) => Some(Seen::Changed),
        EventKind::Any | EventKind::Other => Some(Seen::Changed),
    }
}

#[cfg(unix)]
fn is_being_written(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1)
}

#[cfg(not(unix))]
fn is_being_written(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_forgotten_with_all_below_and_nothing_beside() {
        let watched = Watched::default();
        let dirs = ["/r", "/r/a", "/r/a/b", "/r/a-b", "/r/a0", "/r/b"].map(Path::new);
        dirs.iter().for_each(|dir| watched.add(dir));
        watched.forget(Path::new("/r/a"));
        assert_eq!(dirs.map(|dir| watched.has(dir)), [true, false, false, true, true, true]);
        watched.forget(Path::new("/r/b/file"));
        assert!(watched.has(Path::new("/r/b")));
        watched.forget(Path::new("/r"));
        assert!(dirs.iter().all(|dir| !watched.has(dir)));
    }
}
