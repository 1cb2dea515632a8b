//! Owns how a file too large for a pack is put on the remote: its requests leave at once, in order, so that it
//! takes one round trip and what its bytes take. Never decides what the change is.

use std::fs::File;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use remora_agent::{AgentError, Change, Link, WriteSpec};
use remora_model::{Digest, Hasher, Mtime, RelPath, RemotePath};
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::MirrorError;
use crate::event::{Large, Outcome};
use crate::look;
use crate::pack::{is_refusal, preparations, prepared};
use crate::scan::entry_of;

/// A large file's progress is told in steps of this many bytes.
const STREAMED_STEP: u64 = 1 << 20;

/// Where changes go.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) link: Link,
    pub(crate) root: RemotePath,
}

/// Puts one large file on the remote. `streamed` hears of its progress, in bytes. A `Refused` still has to be filled
/// in.
pub(crate) async fn push(
    remote: &Remote,
    local_root: &Path,
    path: &RelPath,
    large: Large,
    streamed: &(dyn Fn(u64) + Sync),
) -> Outcome {
    let Remote { link, root } = remote;
    let before: Vec<Change> = preparations(path, &large.way);
    let prepare = async { if before.is_empty() { Ok(Vec::new()) } else { link.apply(root, &before).await } };
    // Polled in this order, so that what makes way for the file is done before it comes.
    let (made, stored) = tokio::join!(biased; prepare, stream(remote, local_root, path, &large, streamed));
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

async fn stream(
    remote: &Remote,
    local_root: &Path,
    path: &RelPath,
    large: &Large,
    streamed: &(dyn Fn(u64) + Sync),
) -> Streamed {
    let Large { size, mode, mtime, expect, .. } = *large;
    let mut source = match Source::open(&local_root.join(path.to_local()), size, mtime, streamed) {
        Ok(Some(source)) => source,
        Ok(None) => return Streamed::Changed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Streamed::Changed,
        Err(error) => return Streamed::Failed(MirrorError::unreadable(path, &error)),
    };
    let spec = WriteSpec { path: path.clone(), size, mode, mtime, expect };
    let stored = remote.link.write_from(&remote.root, spec, &mut source).await;
    match (source.failed.take(), stored) {
        (Some(_), stored @ Err(AgentError::Lost(_))) => Streamed::Answered(stored.map(|stored| stored.digest)),
        (Some(Failure::Changed), _) => Streamed::Changed,
        (Some(Failure::Unreadable(error)), _) => Streamed::Failed(MirrorError::unreadable(path, &error)),
        // What was stored has to be what was sent.
        (None, Ok(stored)) if source.digest().is_some_and(|sent| sent != stored.digest) => {
            Streamed::Failed(MirrorError::Other("the remote stored other bytes than were sent".into()))
        }
        (None, stored) => Streamed::Answered(stored.map(|stored| stored.digest)),
    }
}

/// A large local file on its way: fails when the file turns out to have changed meanwhile, so that no
/// mixture of old and new is ever stored.
struct Source<'a> {
    file: tokio::fs::File,
    check: File,
    size: u64,
    mtime: Mtime,
    left: u64,
    untold: u64,
    hasher: Hasher,
    failed: Option<Failure>,
    streamed: &'a (dyn Fn(u64) + Sync),
}

enum Failure {
    Changed,
    Unreadable(io::Error),
}

impl<'a> Source<'a> {
    /// Nothing when the file is not the one that was looked at.
    fn open(place: &Path, size: u64, mtime: Mtime, streamed: &'a (dyn Fn(u64) + Sync)) -> io::Result<Option<Self>> {
        let file = look::open(place)?;
        let entry = entry_of(&file.metadata()?);
        if (entry.size, entry.mtime) != (size, mtime) {
            return Ok(None);
        }
        let check = file.try_clone()?;
        let file = tokio::fs::File::from_std(file);
        let hasher = Hasher::default();
        Ok(Some(Self { file, check, size, mtime, left: size, untold: 0, hasher, failed: None, streamed }))
    }

    fn digest(&self) -> Option<Digest> {
        (self.left == 0).then(|| self.hasher.clone().finish())
    }

    fn is_unchanged(&self) -> io::Result<bool> {
        let entry = entry_of(&self.check.metadata()?);
        Ok((entry.size, entry.mtime) == (self.size, self.mtime))
    }

    fn fail(&mut self, failure: Failure) -> Poll<io::Result<()>> {
        self.failed = Some(failure);
        Poll::Ready(Err(io::Error::other("the local file changed while it was read")))
    }
}

impl AsyncRead for Source<'_> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut this.file).poll_read(context, buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => return this.fail(Failure::Unreadable(error)),
            Poll::Ready(Ok(())) => {}
        }
        let read = (buffer.filled().len() - before) as u64;
        if read == 0 && this.left == 0 {
            return Poll::Ready(Ok(()));
        }
        if read == 0 || read > this.left {
            return this.fail(Failure::Changed);
        }
        this.hasher.update(&buffer.filled()[before..]);
        this.left -= read;
        this.untold += read;
        if this.untold >= STREAMED_STEP || this.left == 0 {
            (this.streamed)(std::mem::take(&mut this.untold));
        }
        // Before the last bytes leave: what left before them is of the same file.
        if this.left == 0 {
            match this.is_unchanged() {
                Ok(true) => {}
                Ok(false) => return this.fail(Failure::Changed),
                Err(error) => return this.fail(Failure::Unreadable(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
