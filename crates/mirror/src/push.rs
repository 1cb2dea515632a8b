//! Owns how one change is put on the remote over a link: all its requests leave at once, in order, so
//! that it takes one round trip. Never decides what the change is.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use remora_agent::{AgentError, Link, OpErrorKind, Stored, Surveyed, WriteSpec};
use remora_model::{Digest, Hasher, Mtime, RelPath, RemotePath};
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::MirrorError;
use crate::event::{Op, Outcome, What};
use crate::look;
use crate::scan::entry_of;
use crate::state::IMPLIED_DIR_MODE;

/// A large file's progress is told in steps of this many bytes.
const STREAMED_STEP: u64 = 1 << 20;

/// Where changes go.
#[derive(Clone)]
pub(crate) struct Remote {
    pub(crate) link: Link,
    pub(crate) root: RemotePath,
}

/// What one request of a change said.
enum Answer {
    Dir(RelPath, Result<bool, AgentError>),
    Cleared(Result<bool, AgentError>),
    Stored(Result<Stored, AgentError>),
    Made(Result<bool, AgentError>),
    /// The local file is not what it was.
    Changed,
    Unreadable(MirrorError),
}

type Request<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Puts one change on the remote. `streamed` hears of a large file's progress, in bytes.
pub(crate) async fn push(
    remote: &Remote,
    local_root: &Path,
    path: &RelPath,
    op: Op,
    streamed: &(dyn Fn(u64) + Sync),
) -> Outcome {
    let Remote { link, root } = remote;
    let Op { dirs, clear, what } = op;
    let is_mkdir = matches!(what, What::Mkdir { .. });
    let mut requests: Vec<Request<'_>> = Vec::new();
    for dir in dirs {
        requests.push(Box::pin(async move {
            let made = link.mkdir(root, &dir, IMPLIED_DIR_MODE).await;
            Answer::Dir(dir, made)
        }));
    }
    if let Some(expect) = clear {
        requests.push(Box::pin(async move { Answer::Cleared(link.remove(root, path, expect).await) }));
    }
    requests.push(Box::pin(perform(remote, local_root, path, what, streamed)));
    let answers = in_order(requests).await;
    match conclude(path, answers, is_mkdir) {
        Outcome::Refused { .. } => what_is_there(remote, path).await,
        outcome => outcome,
    }
}

async fn perform(
    remote: &Remote,
    local_root: &Path,
    path: &RelPath,
    what: What,
    streamed: &(dyn Fn(u64) + Sync),
) -> Answer {
    let Remote { link, root } = remote;
    match what {
        What::Write { bytes, digest, mode, mtime, expect } => {
            let spec = WriteSpec { path: path.clone(), size: bytes.len() as u64, mode, mtime, expect };
            let stored = link.write(root, spec, bytes).await;
            proven(stored, Some(digest))
        }
        What::Stream { size, mode, mtime, expect } => {
            let mut source = match Source::open(&local_root.join(path.to_local()), size, mtime, streamed) {
                Ok(Some(source)) => source,
                Ok(None) => return Answer::Changed,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Answer::Changed,
                Err(error) => return Answer::Unreadable(MirrorError::unreadable(path, &error)),
            };
            let spec = WriteSpec { path: path.clone(), size, mode, mtime, expect };
            let stored = link.write_from(root, spec, &mut source).await;
            match (source.failed.take(), &stored) {
                (Some(_), Err(AgentError::Lost(_))) | (None, _) => proven(stored, source.digest()),
                (Some(Failure::Changed), _) => Answer::Changed,
                (Some(Failure::Unreadable(error)), _) => Answer::Unreadable(MirrorError::unreadable(path, &error)),
            }
        }
        What::Symlink { text, expect } => Answer::Made(link.symlink(root, path, &text, expect).await.map(|()| true)),
        What::SetMeta { mode, mtime, expect } => {
            Answer::Made(link.set_meta(root, path, mode, mtime, expect).await.map(|()| true))
        }
        What::Mkdir { mode } => Answer::Made(link.mkdir(root, path, mode).await),
        What::Remove { expect } => Answer::Made(link.remove(root, path, expect).await),
    }
}

/// What was stored has to be what was sent.
fn proven(stored: Result<Stored, AgentError>, sent: Option<Digest>) -> Answer {
    match (&stored, sent) {
        (Ok(there), Some(here)) if there.digest != here => {
            Answer::Unreadable(MirrorError::Other("the remote stored other bytes than were sent".into()))
        }
        _ => Answer::Stored(stored),
    }
}

/// What all answers together mean. A `Refused` still has to be filled in.
fn conclude(path: &RelPath, answers: Vec<Answer>, is_mkdir: bool) -> Outcome {
    let refused = || Outcome::Refused { there: Surveyed::Missing, digest: None };
    let failed = |error| if is_refusal(&error) { refused() } else { Outcome::Failed(MirrorError::of(path, error)) };
    let mut dirs = Vec::new();
    let mut blocked = None;
    for answer in answers {
        match answer {
            Answer::Dir(dir, Ok(made)) => dirs.push((dir, made)),
            Answer::Dir(dir, Err(error)) => {
                blocked.get_or_insert(Outcome::Failed(MirrorError::of(&dir, error)));
            }
            Answer::Cleared(Ok(_)) => {}
            // A directory is there already, which is what is wanted.
            Answer::Cleared(Err(error)) if is_mkdir && is_kind(&error, OpErrorKind::InTheWay) => {}
            Answer::Cleared(Err(error)) => {
                blocked.get_or_insert(failed(error));
            }
            Answer::Changed => return Outcome::Changed,
            Answer::Unreadable(error) => return Outcome::Failed(error),
            Answer::Stored(Err(error)) | Answer::Made(Err(error)) => return blocked.unwrap_or_else(|| failed(error)),
            Answer::Stored(Ok(stored)) => return Outcome::Done { digest: Some(stored.digest), dirs, made: true },
            Answer::Made(Ok(made)) => return Outcome::Done { digest: None, dirs, made },
        }
    }
    blocked.unwrap_or(Outcome::Changed)
}

/// Whether the remote said that something else is there than was expected.
fn is_refusal(error: &AgentError) -> bool {
    [OpErrorKind::Diverged, OpErrorKind::InTheWay, OpErrorKind::NotFound].iter().any(|kind| is_kind(error, *kind))
}

fn is_kind(error: &AgentError, kind: OpErrorKind) -> bool {
    matches!(error, AgentError::Op(op) if op.kind == kind)
}

async fn what_is_there(remote: &Remote, path: &RelPath) -> Outcome {
    let Remote { link, root } = remote;
    let paths = std::slice::from_ref(path);
    let (there, digest) = tokio::join!(biased; link.survey(root, paths), link.digests(root, paths));
    match (there, digest) {
        (Ok(there), Ok(digests)) => {
            let there = there.into_iter().next().unwrap_or(Surveyed::Missing);
            Outcome::Refused { there, digest: digests.into_iter().next().flatten() }
        }
        // A path that is missing is an answer; only the root itself can be missed.
        (Err(error), _) | (_, Err(error)) if is_kind(&error, OpErrorKind::NotFound) => {
            Outcome::Failed(MirrorError::RemoteRootGone { path: root.clone() })
        }
        (Err(error), _) | (_, Err(error)) => Outcome::Failed(MirrorError::of(path, error)),
    }
}

/// Runs all requests at once; their first polls, and so their effects, come in order.
async fn in_order(requests: Vec<Request<'_>>) -> Vec<Answer> {
    let mut slots: Vec<(Request<'_>, Option<Answer>)> = requests.into_iter().map(|request| (request, None)).collect();
    poll_fn(|context| {
        let mut ready = true;
        for (request, answer) in &mut slots {
            if answer.is_none() {
                match request.as_mut().poll(context) {
                    Poll::Ready(done) => *answer = Some(done),
                    Poll::Pending => ready = false,
                }
            }
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    slots.into_iter().filter_map(|(_, answer)| answer).collect()
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
