//! Owns how a path of this machine is understood as one below the mirrored root. Asks the file system where
//! links lead; never opens a file.

use std::path::{Path, PathBuf};

use remora_model::{LocalPath, RelPath, Unicode};

use crate::case::Case;
use crate::error::MirrorError;

/// Where below the root `path` is, as the mirror sees it, and as it is called on the remote; blocking.
///
/// # Errors
/// [`MirrorError::NotInside`]; [`MirrorError::LocalRootGone`].
pub fn relative_path(root: &LocalPath, unicode: Unicode, path: &Path) -> Result<RelPath, MirrorError> {
    let canonical = canonical(root.as_path()).ok_or(MirrorError::LocalRootGone)?;
    let inside = relative(&canonical, root, path);
    let inside = inside.ok_or_else(|| MirrorError::NotInside { path: path.display().to_string() })?;
    let written = Case::of(&canonical).written(&canonical, &inside);
    Ok(unicode.there(&written).into_owned())
}

/// A path as the editor gave it, below `root`, which is `given` without links. The directory may be reached
/// through a symbolic link, inside the root or above it; what counts is where the file really is.
pub(crate) fn relative(root: &Path, given: &LocalPath, path: &Path) -> Option<RelPath> {
    let real = || Some(canonical(path.parent()?)?.join(path.file_name()?));
    let inside = |path: &Path| RelPath::from_local(path.strip_prefix(root).ok()?).ok();
    real().and_then(|path| inside(&path)).or_else(|| inside(path)).or_else(|| given.relative(path))
}

/// The path without symbolic links. Windows would answer with a form that its own tools do not understand.
pub(crate) fn canonical(path: &Path) -> Option<PathBuf> {
    if cfg!(unix) { path.canonicalize().ok() } else { path.is_dir().then(|| path.to_owned()) }
}
