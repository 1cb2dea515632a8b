//! Owns how a large file goes to the remote: whole the first time, by difference when it is known in which chunks
//! the remote holds its predecessor. Never decides whether it goes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use remora_agent::{AgentError, Expect, Link, OpErrorKind, Piece, Stored, WriteSpec};
use remora_model::{Digest, RelPath, RemotePath};
use tokio::sync::mpsc;
use tokio::task::JoinError;

use self::chunks::ChunkList;
pub(crate) use self::lists::Lists;
use self::reading::{Failure, Read, Reading};

mod chunks;
mod lists;
mod plan;
mod reading;

/// Pieces that may wait for the link; a read block makes some thirty.
const PIECES_WAITING: usize = 16;

/// Hears of a large file's progress, in bytes.
pub(crate) type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// A large file to be sent.
pub(crate) struct Delivery<'a> {
    /// Where it is here.
    pub(crate) place: &'a Path,
    /// Where it goes, and what it replaces.
    pub(crate) spec: WriteSpec,
    /// What is known of the chunks that the remote holds.
    pub(crate) lists: Option<Lists>,
    pub(crate) progress: Progress,
}

/// What came of it.
pub(crate) enum Delivered {
    /// The remote's answer, and the digest of what was sent if all of it was.
    Answered(Result<Stored, AgentError>, Option<Digest>),
    /// The local file is not the one that was looked at, or changed while it was read.
    Changed,
    Unreadable(io::Error),
}

/// Sends it.
pub(crate) async fn deliver(link: &Link, root: &RemotePath, delivery: Delivery<'_>) -> Delivered {
    let known = delivery.known().await;
    if let Some(list) = known {
        let delivered = attempt(link, root, &delivery, Some(list)).await;
        let misfit = |error: &AgentError| matches!(error, AgentError::Op(op) if op.kind == OpErrorKind::Corrupt);
        match &delivered {
            Delivered::Answered(Err(error), _) if misfit(error) => {
                tracing::warn!(path = %delivery.spec.path, %error, "the difference did not fit: sent as a whole");
            }
            _ => return delivered,
        }
    }
    attempt(link, root, &delivery, None).await
}

async fn attempt(link: &Link, root: &RemotePath, delivery: &Delivery<'_>, list: Option<ChunkList>) -> Delivered {
    let reading = match Reading::open(delivery.place, &delivery.spec, Arc::clone(&delivery.progress)) {
        Ok(Some(reading)) => reading,
        Ok(None) => return Delivered::Changed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Delivered::Changed,
        Err(error) => return Delivered::Unreadable(error),
    };
    let (pieces, source) = mpsc::channel::<Piece>(PIECES_WAITING);
    let (spec, stamp) = (delivery.spec.clone(), list.as_ref().and_then(|list| list.stamp.clone()));
    let by_difference = list.is_some();
    let reader = tokio::task::spawn_blocking(move || reading.run(list, &pieces));
    let request = async {
        if by_difference {
            link.rebuild(root, spec, stamp.as_deref(), source).await
        } else {
            link.write_from(root, spec, source).await
        }
    };
    // The request first: its first poll is what gives it its place among the others.
    let (answer, read) = tokio::join!(request, reader);
    delivery.conclude(answer, read).await
}

impl Delivery<'_> {
    /// The chunks of what is to be replaced.
    async fn known(&self) -> Option<ChunkList> {
        let Expect::Content(expected) = self.spec.expect else { return None };
        let list = self.with_lists(|lists, path| lists.load(path)).await??;
        (list.digest == expected).then_some(list)
    }

    async fn conclude(
        &self,
        answer: Result<Stored, AgentError>,
        read: Result<Result<Read, Failure>, JoinError>,
    ) -> Delivered {
        match (answer, read) {
            // What the reader says of a lost link is a consequence.
            (Err(error @ AgentError::Lost(_)), _) => Delivered::Answered(Err(error), None),
            (_, Ok(Err(Failure::Changed))) => Delivered::Changed,
            (_, Ok(Err(Failure::Unreadable(error)))) => Delivered::Unreadable(error),
            (_, Err(panicked)) => Delivered::Unreadable(io::Error::other(panicked)),
            (answer, Ok(Err(Failure::GivenUp))) => Delivered::Answered(answer, None),
            (answer, Ok(Ok(Read { digest, seed, chunks }))) => {
                match &answer {
                    Ok(stored) if stored.digest == digest => {
                        let list = ChunkList { digest, stamp: stored.stamp.clone(), seed, chunks };
                        self.with_lists(move |lists, path| lists.save(path, &list)).await;
                    }
                    _ => {
                        self.with_lists(|lists, path| lists.forget(path)).await;
                    }
                }
                Delivered::Answered(answer, Some(digest))
            }
        }
    }

    /// Does something with the lists where it may block.
    async fn with_lists<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Lists, &RelPath) -> T + Send + 'static,
    ) -> Option<T> {
        let (lists, path) = (self.lists.clone()?, self.spec.path.clone());
        tokio::task::spawn_blocking(move || work(&lists, &path)).await.ok()
    }
}
