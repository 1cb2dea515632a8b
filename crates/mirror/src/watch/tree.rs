//! Owns the watch where the system watches a whole tree as cheaply as one directory. Never used on Linux.

use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use remora_model::RelPath;
use tokio::sync::mpsc::UnboundedSender;

use super::is_being_written;
use crate::error::MirrorError;
use crate::event::{Event, Seen, Sight};

/// A running watch; dropping it ends it.
pub(crate) struct Watch {
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Starts to watch the tree at `root`, which is canonical. What links out of it lead to is not in that tree: its
    /// changes are found by comparisons.
    pub(crate) fn start(root: &Path, _follow: bool, out: UnboundedSender<Event>) -> Result<Self, MirrorError> {
        let handler_root = root.to_owned();
        let handler = move |event: notify::Result<notify::Event>| {
            for event in translate(&handler_root, event) {
                // The other end is gone only when the mirror is ending.
                let _ = out.send(event);
            }
        };
        let failure = |error: notify::Error| MirrorError::Watch(error.to_string());
        let config = notify::Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(handler, config).map_err(failure)?;
        watcher.watch(root, RecursiveMode::Recursive).map_err(failure)?;
        Ok(Self { _watcher: watcher })
    }

    /// A directory is about to be read; it is watched already.
    #[allow(clippy::unused_self, reason = "it is the same as on Linux")]
    pub(crate) fn add(&self, _: &Path) {}

    /// The system keeps what is watched.
    #[allow(clippy::unused_self, reason = "it is the same as on Linux")]
    pub(crate) fn tidy(&self) {}
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

/// What an event says; nothing when it is no change.
fn meaning(kind: &EventKind, paths: &[PathBuf]) -> Option<Seen> {
    match kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(Seen::Changed),
        EventKind::Access(_) => None,
        EventKind::Create(CreateKind::Folder) => Some(Seen::Moved),
        EventKind::Create(_) if paths.iter().all(|path| is_being_written(path)) => Some(Seen::Writing),
        EventKind::Create(_) => Some(Seen::Moved),
        EventKind::Modify(ModifyKind::Data(_)) => Some(Seen::Writing),
        EventKind::Modify(ModifyKind::Name(_)) | EventKind::Remove(_) => Some(Seen::Moved),
        EventKind::Modify(_) => Some(Seen::Changed),
        EventKind::Any | EventKind::Other => Some(Seen::Changed),
    }
}
