//! How the jobs about single files, and about what is overwritten, are done. Decides nothing.

use std::path::PathBuf;

use remora_agent::Link;
use remora_mirror::{Blocked, Mirror, explain_path, read_there, relative_path};
use remora_model::{LocalPath, RelPath};

use super::pass_barrier;
use crate::event::Overwrite;
use crate::fault::{self, Explained, Fault};
use crate::handlers::Question;

/// The largest remote file that is handed to an editor: it goes as one message, and no editor compares more
/// than that in comfort.
const REMOTE_FILE_BYTES: u64 = 16 << 20;

/// Has everything on the remote. With only some files to be overwritten, others that somebody else changed
/// are nobody's concern here.
pub(super) async fn mirror_all(mirror: &Mirror, rescan: bool, overwrite: &Overwrite) -> Result<(), Blocked> {
    let mut result = pass_barrier(mirror, rescan).await;
    // Only now it is known what was changed there; what is from here on, nobody has seen yet.
    if let Err(Blocked::Diverged(paths)) = &result {
        let chosen: Vec<RelPath> = paths.iter().filter(|path| overwrite.covers(path)).cloned().collect();
        if !chosen.is_empty() {
            mirror.overwrite(chosen);
            result = pass_barrier(mirror, false).await;
        }
    }
    match result {
        Err(Blocked::Diverged(paths)) if matches!(overwrite, Overwrite::These(_)) => {
            let left: Vec<RelPath> = paths.into_iter().filter(|path| overwrite.covers(path)).collect();
            if left.is_empty() { Ok(()) } else { Err(Blocked::Diverged(left)) }
        }
        result => result.map(drop),
    }
}

/// What the remote holds of a local file; nothing where nothing is.
pub(super) async fn read(
    link: &Link,
    local_root: LocalPath,
    remote_root: &str,
    file: PathBuf,
) -> Result<Option<Vec<u8>>, Fault> {
    let path = blocking(move || relative_path(&local_root, &file)).await?;
    let path = path.map_err(|error| fault::mirror(None, &error))?;
    let read = read_there(link, remote_root, &path, REMOTE_FILE_BYTES).await;
    read.map(|file| file.map(|file| file.bytes)).map_err(|error| fault::mirror(Some(&path), &error))
}

pub(super) async fn explain(question: Question) -> Result<Explained, Fault> {
    blocking(move || {
        let why = explain_path(&question.local_root, &question.policy, &question.file);
        why.map(|why| fault::explained(&why, &question)).map_err(|error| fault::mirror(None, &error))
    })
    .await?
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::panicked())
}
