//! Owns how something that was replaced or removed on the remote is brought back to the local root, from where it is
//! mirrored like any other change. Never changes the remote.

use remora_agent::{AgentError, Link, OpErrorKind, Trashed};
use remora_model::{Kind, LocalPath, Mtime, RelPath, RemotePath, Unicode};

use crate::error::MirrorError;
use crate::place::canonical;
use crate::replace::{replace, replace_by_link};
use crate::spelling::Spelling;

/// What is to be brought back.
#[derive(Debug, Clone)]
pub struct Restore {
    /// The file.
    pub path: RelPath,
    /// What was kept at that time; without it, what was kept last.
    pub at: Option<Mtime>,
    /// Whether a local file may be replaced by it.
    pub replace: bool,
    /// How names of here are written there.
    pub unicode: Unicode,
}

/// What is kept of the remote root `root`, as the user gave it; the oldest first.
///
/// # Errors
/// A lost link, or what keeps the root from being opened.
pub async fn list_trash(link: &Link, root: &str) -> Result<Vec<Trashed>, MirrorError> {
    match open(link, root).await? {
        Some(root) => link.list_trash(&root).await.map_err(failure),
        None => Ok(Vec::new()),
    }
}

/// Brings something back to the local root; what was kept of it is still kept then.
///
/// # Errors
/// [`MirrorError::NotKept`], [`MirrorError::AlreadyHere`], what keeps the local file from being written (where links are
/// not to be had, a link), or a lost link.
pub async fn restore(link: &Link, root: &str, local: &LocalPath, wanted: Restore) -> Result<Trashed, MirrorError> {
    let Restore { path, at, replace: may_replace, unicode } = wanted;
    let not_kept = || MirrorError::NotKept { path: path.clone() };
    let root = open(link, root).await?.ok_or_else(not_kept)?;
    let kept = link.list_trash(&root).await.map_err(failure)?;
    let fits = |entry: &&Trashed| entry.path == path && at.is_none_or(|at| entry.when == at);
    let entry = kept.iter().rev().find(fits).cloned().ok_or_else(not_kept)?;
    let bytes = link.read_trash(&root, &path, entry.when).await.map_err(failure)?;
    let (local, kind) = (local.clone(), entry.kind);
    let write = move || {
        let local = canonical(local.as_path()).ok_or(MirrorError::LocalRootGone)?;
        let unwritable =
            |error: std::io::Error| MirrorError::LocalUnwritable { path: path.clone(), message: error.to_string() };
        let here = Spelling::new(unicode).here(&local, &path).map_err(unwritable)?;
        if !may_replace && local.join(here.to_local()).symlink_metadata().is_ok() {
            return Err(MirrorError::AlreadyHere { path });
        }
        if let Some(dir) = here.parent() {
            std::fs::create_dir_all(local.join(dir.to_local())).map_err(unwritable)?;
        }
        match kind {
            Kind::Symlink => replace_by_link(&local, &here, &bytes.bytes).map_err(unwritable),
            _ => replace(&local, &here, &bytes).map_err(unwritable).map(drop),
        }
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| Err(MirrorError::Other(error.to_string())))?;
    Ok(entry)
}

async fn open(link: &Link, root: &str) -> Result<Option<RemotePath>, MirrorError> {
    match link.root(root, false).await {
        Ok(info) => Ok(Some(info.path)),
        Err(AgentError::Op(op)) if op.kind == OpErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn failure(error: AgentError) -> MirrorError {
    match error {
        AgentError::Lost(reason) => MirrorError::Link(reason),
        AgentError::Op(op) => MirrorError::Other(op.message),
    }
}
