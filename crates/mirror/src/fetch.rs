//! Owns how one remote file is read: what may be read, how much of it, and what each refusal means. Never
//! writes anything, here or there.

use remora_agent::{AgentError, Link, OpErrorKind, ReadFile, Surveyed};
use remora_model::{Kind, RelPath};

use crate::error::MirrorError;

/// What stands on the remote under `path`, below `root` as the user gave it; nothing where nothing is. Asks for
/// the size first, so that a file of more than `limit` bytes does not travel.
///
/// # Errors
/// [`MirrorError::TooLarge`], [`MirrorError::NoFile`], [`MirrorError::OutsideRoot`],
/// [`MirrorError::RemoteUnreadable`], or a lost link.
pub async fn read_there(link: &Link, root: &str, path: &RelPath, limit: u64) -> Result<Option<ReadFile>, MirrorError> {
    let root = match link.root(root, false).await {
        Ok(info) => info.path,
        Err(error) if is_kind(&error, OpErrorKind::NotFound) => return Ok(None),
        Err(error) => return Err(failure(path, error)),
    };
    let found = link.survey(&root, std::slice::from_ref(path)).await.map_err(|error| failure(path, error))?;
    match found.first() {
        None | Some(Surveyed::Missing) => return Ok(None),
        Some(Surveyed::Closed) => return Err(MirrorError::RemoteUnreadable { path: path.clone() }),
        Some(Surveyed::Outside) => return Err(MirrorError::OutsideRoot { path: path.clone() }),
        Some(Surveyed::Link(_)) => return Err(MirrorError::NoFile { path: path.clone(), kind: Kind::Symlink }),
        Some(Surveyed::Found(entry)) if entry.kind != Kind::File => {
            return Err(MirrorError::NoFile { path: path.clone(), kind: entry.kind });
        }
        Some(Surveyed::Found(entry)) if entry.size > limit => {
            return Err(MirrorError::TooLarge { path: path.clone(), size: entry.size, limit });
        }
        Some(Surveyed::Found(_)) => {}
    }
    match link.read(&root, path).await {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_kind(&error, OpErrorKind::NotFound) => Ok(None),
        Err(error) => Err(failure(path, error)),
    }
}

fn is_kind(error: &AgentError, kind: OpErrorKind) -> bool {
    matches!(error, AgentError::Op(op) if op.kind == kind)
}

fn failure(path: &RelPath, error: AgentError) -> MirrorError {
    match error {
        AgentError::Op(op) if op.kind == OpErrorKind::Permission => {
            MirrorError::RemoteUnreadable { path: path.clone() }
        }
        // It changed while it was read; the remote says so in its own words.
        AgentError::Op(op) if op.kind == OpErrorKind::Diverged => MirrorError::Other(op.message),
        error => MirrorError::of(path, error),
    }
}
