//! How the jobs about single files, and about where folders are, are done. Decides nothing.

use std::path::PathBuf;

use remora_agent::Link;
use remora_mirror::{Mirror, MirrorError, Restore, Why, explain_path, read_there, relative_path};
use remora_model::Unicode;

use crate::event::{Project, Rooted};
use crate::fault::{self, Explained, Fault};
use crate::folders::{Folder, FolderName, inner_first};
use crate::handlers::Question;
use crate::host;
use crate::kept::Kept;

/// The largest remote file that is handed to an editor: it goes as one message, and no editor compares more
/// than that in comfort.
const REMOTE_FILE_BYTES: u64 = 16 << 20;

/// Which folder is which there.
pub(super) async fn find_roots(link: &Link, folders: Vec<Folder>, project: Project) -> Result<Rooted, Fault> {
    let mut roots = Vec::new();
    for folder in folders {
        roots.push((folder.local, host::find_root(link, &folder.remote).await?));
    }
    let meeting = project.wish.meeting(link).await?;
    Ok(Rooted { roots, project, meeting })
}

/// What the remote holds of a local file; nothing where nothing is.
pub(super) async fn read(
    link: &Link,
    folders: Vec<Folder>,
    unicode: Unicode,
    file: PathBuf,
) -> Result<Option<Vec<u8>>, Fault> {
    let (folder, path) = blocking(move || {
        let mut outside = MirrorError::NotInside { path: file.display().to_string() };
        for folder in inner_first(&folders, Folder::lies_in) {
            match relative_path(&folder.local, unicode, &file) {
                Ok(path) => return Ok((folder, path)),
                Err(error) => outside = error,
            }
        }
        Err(fault::mirror(&FolderName::default(), None, &outside))
    })
    .await??;
    let read = read_there(link, &folder.remote, &path, REMOTE_FILE_BYTES).await;
    read.map(|file| file.map(|file| file.bytes)).map_err(|error| fault::mirror(&folder.name, Some(&path), &error))
}

/// What is kept of what was replaced or removed, of each folder in the order of time.
pub(super) async fn list_trash(link: &Link, folders: &[Folder]) -> Result<Vec<Kept>, Fault> {
    let mut all = Vec::new();
    for folder in folders {
        let kept = remora_mirror::list_trash(link, &folder.remote).await;
        let kept = kept.map_err(|error| fault::mirror(&folder.name, None, &error))?;
        all.extend(kept.into_iter().map(|entry| Kept { folder: folder.name.clone(), entry }));
    }
    if folders.len() > 1 {
        all.sort_by_key(|kept| kept.entry.when);
    }
    Ok(all)
}

/// Brings some of it back here; the mirror, if there is one, hears of it.
pub(super) async fn restore(
    link: &Link,
    folder: &Folder,
    mirror: Option<Mirror>,
    wanted: Restore,
) -> Result<Kept, Fault> {
    let restored = remora_mirror::restore(link, &folder.remote, &folder.local, wanted).await;
    let entry = restored.map_err(|error| fault::mirror(&folder.name, None, &error))?;
    if let Some(mirror) = mirror {
        mirror.saved(folder.local.join(&entry.path).as_path());
    }
    Ok(Kept { folder: folder.name.clone(), entry })
}

pub(super) async fn explain_there(questions: Vec<Question>) -> Result<Explained, Fault> {
    blocking(move || explain(&questions)).await?
}

/// Why a file is mirrored, or not: the first of these whose folder holds the file says it; blocking.
pub(crate) fn explain(questions: &[Question]) -> Result<Explained, Fault> {
    for question in questions {
        let why = explain_path(&question.folder.local, &question.policy, &question.file);
        let why = why.map_err(|error| fault::mirror(&question.folder.name, None, &error))?;
        if why != Why::Outside || questions.len() == 1 {
            return Ok(fault::explained(&why, question));
        }
    }
    let asked = questions.first().ok_or_else(|| Fault::internal("There is no folder to ask about."))?;
    Ok(fault::in_no_folder(&asked.file))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Fault::panicked())
}
