//! Owns how a file too large for a pack is put on the remote: its requests leave at once, in order, so that it
//! takes one round trip and what its bytes take. Never decides what the change is.

use std::path::Path;
use std::sync::Arc;

use remora_agent::{AgentError, Change, Link, WriteSpec};
use remora_model::{Digest, RelPath, RemotePath};

use crate::delta::{Delivered, Delivery, Lists, Progress, deliver};
use crate::error::MirrorError;
use crate::event::{Large, Outcome};
use crate::pack::{is_refusal, preparations, prepared};

/// Where changes go.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) link: Link,
    pub(crate) root: RemotePath,
}

/// Where a large file comes from.
pub(crate) struct Source<'a> {
    pub(crate) place: &'a Path,
    /// What is known of the large files that the remote holds.
    pub(crate) lists: Option<Lists>,
    pub(crate) progress: Progress,
}

/// Puts one large file on the remote. A `Refused` still has to be filled in.
pub(crate) async fn push(remote: &Remote, source: &Source<'_>, path: &RelPath, large: Large) -> Outcome {
    let Remote { link, root } = remote;
    let before: Vec<Change> = preparations(path, &large.way);
    let prepare = async { if before.is_empty() { Ok(Vec::new()) } else { link.apply(root, &before).await } };
    // Polled in this order, so that what makes way for the file is done before it comes.
    let (made, stored) = tokio::join!(biased; prepare, stream(remote, source, path, &large));
    let made = match made {
        Ok(made) => prepared(path, &large.way, &made),
        Err(error) => return Outcome::Failed(MirrorError::of(path, error)),
    };
    let dirs = match (made, &stored) {
        (Ok(dirs), _) => dirs,
        // What is in the way says why the file could not be stored.
        (Err(outcome), Streamed::Answered(Err(_))) => return outcome,
        (Err(_), _) => Vec::new(),
    };
    match stored {
        Streamed::Changed => Outcome::Changed,
        Streamed::Failed(error) => Outcome::Failed(error),
        Streamed::Answered(Ok(digest)) => Outcome::Done { digest: Some(digest), dirs, made: true },
        Streamed::Answered(Err(error)) if is_refusal(&error) => Outcome::refused(),
        Streamed::Answered(Err(error)) => Outcome::Failed(MirrorError::of(path, error)),
    }
}

/// What came of streaming a file.
enum Streamed {
    /// The local file is not what it was.
    Changed,
    Failed(MirrorError),
    Answered(Result<Digest, AgentError>),
}

async fn stream(remote: &Remote, source: &Source<'_>, path: &RelPath, large: &Large) -> Streamed {
    let Large { size, mode, mtime, expect, .. } = *large;
    let delivery = Delivery {
        place: source.place,
        spec: WriteSpec { path: path.clone(), size, mode, mtime, expect },
        lists: source.lists.clone(),
        progress: Arc::clone(&source.progress),
    };
    match deliver(&remote.link, &remote.root, delivery).await {
        Delivered::Changed => Streamed::Changed,
        Delivered::Unreadable(error) => Streamed::Failed(MirrorError::unreadable(path, &error)),
        // What was stored has to be what was sent.
        Delivered::Answered(Ok(stored), Some(sent)) if sent != stored.digest => {
            Streamed::Failed(MirrorError::Other("the remote stored other bytes than were sent".into()))
        }
        Delivered::Answered(stored, _) => Streamed::Answered(stored.map(|stored| stored.digest)),
    }
}
