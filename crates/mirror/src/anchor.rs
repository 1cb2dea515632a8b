//! Owns whether the local root is still what was mirrored: the same directory, with something of it there. Looks at the
//! root's `stat` alone; never lists or reads anything.
//!
//! A volume that is no longer mounted leaves its mount point: another directory under the same name, empty or with
//! other things in it. Nobody removes a whole tree that way, and so nothing is removed for it before the user says so.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use remora_model::RelPath;

use crate::error::MirrorError;
use crate::record::{Record, Records};
use crate::scan::Listing;

/// The fewest files whose sudden absence, with nothing else there, is taken for a lost file system and not for the
/// user's wish. Where the root became another directory, one is enough.
const EMPTIED: usize = 5;

/// The same where something else is there: a small project that is rewritten from scratch looks like that.
const REPLACED: usize = 10;

/// Device and inode; nothing where the system has none, or nothing is there.
type Id = Option<(u64, u64)>;

/// The local root as it was when it was last compared.
#[derive(Debug)]
pub(crate) struct Anchor {
    /// A lock, because walks and looks run on several blocking threads and a look has to know what the last walk found.
    id: Mutex<Id>,
    /// The user said that what is here is meant to be so: the next check passes.
    meant: AtomicBool,
    /// The user said so for all of them.
    always_meant: bool,
}

impl Anchor {
    pub(crate) fn of(root: &Path, always_meant: bool) -> Self {
        Self { id: Mutex::new(id(root)), meant: AtomicBool::new(false), always_meant }
    }

    /// The user said that an emptied root is meant to be so; good for one comparison.
    pub(crate) fn mean(&self) {
        self.meant.store(true, Ordering::SeqCst);
    }

    /// Whether the root is the directory that was compared. Otherwise nothing follows from what is missing in it.
    pub(crate) fn holds(&self, root: &Path) -> bool {
        *self.id.lock().unwrap_or_else(PoisonError::into_inner) == id(root)
    }

    /// Takes the root as it was listed for the present one, if something of what is recorded is in it.
    ///
    /// # Errors
    /// [`MirrorError::LocalRootEmptied`] if nothing is.
    pub(crate) fn check(
        &self,
        root: &Path,
        listing: &Listing,
        records: &Records,
        ignored: &dyn Fn(&RelPath, bool) -> bool,
    ) -> Result<(), MirrorError> {
        let present = id(root);
        let mut known = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        let least = match (*known == present, listing.entries.is_empty()) {
            (false, _) => 1,
            (true, true) => EMPTIED,
            (true, false) => REPLACED,
        };
        let meant = self.meant.swap(false, Ordering::SeqCst) || self.always_meant;
        if !meant && records.files() >= least && !is_any_left(listing, records, ignored) {
            return Err(MirrorError::LocalRootEmptied { files: records.files() });
        }
        *known = present;
        Ok(())
    }
}

/// Whether any recorded file is there, or can't be known to be gone.
fn is_any_left(listing: &Listing, records: &Records, ignored: &dyn Fn(&RelPath, bool) -> bool) -> bool {
    let unknown = |path: &RelPath| listing.unreadable.iter().any(|(unreadable, _)| path.is_within(unreadable));
    let mut files = records.iter().filter(|(_, record)| !matches!(record, Record::Dir { .. }));
    files.any(|(path, _)| listing.entries.contains_key(&path) || unknown(&path) || ignored(&path, false))
}

#[cfg(unix)]
fn id(root: &Path) -> Id {
    use std::os::unix::fs::MetadataExt as _;
    root.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn id(_: &Path) -> Id {
    None
}
