//! Owns the upload of a file that is too large to hold. Never takes more than the pipe can carry soon.

use std::sync::Arc;

use remora_model::{Digest, RemotePath};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::conversation::{Command, Commands, Outgoing, Reply};
use crate::error::{AgentError, OpError, OpErrorKind};
use crate::ops::{Piece, WriteSpec};

/// Pieces that may wait to be sent: enough to keep the pipe busy while the next is read.
const PIECES_WAITING: usize = 8;

/// The head of a `write` request, and the path by which the order of changes is kept.
pub(super) fn head(root: &RemotePath, spec: &WriteSpec) -> (Value, Vec<u8>) {
    let WriteSpec { path, size, mode, mtime, expect } = spec;
    let head = json!({
        "op": "write", "root": root, "path": path, "size": size, "mode": mode, "mtime": mtime, "expect": expect,
    });
    (head, root.join(path).as_bytes().to_vec())
}

/// Sends a request for a change whose body comes in pieces; `head` and path as from [`head`].
pub(super) async fn from_pieces(
    commands: &Commands,
    (head, path): (Value, Vec<u8>),
    pieces: mpsc::Receiver<Piece>,
) -> Result<Reply, AgentError> {
    let stream = commands.new_stream();
    let abandon = Abandon::new(commands, stream);
    let request = commands.request(stream, head, Outgoing::Fed(path), None);
    let feed = feed(commands, stream, pieces);
    tokio::pin!(request, feed);
    let mut fed = false;
    loop {
        tokio::select! {
            // The request first: its first poll is what gives the change its place among the others.
            biased;
            reply = &mut request => {
                abandon.disarm();
                return reply;
            }
            complete = &mut feed, if !fed => {
                fed = true;
                if !complete {
                    let message = "the source ended early".to_owned();
                    return Err(OpError { kind: OpErrorKind::Invalid, message }.into());
                }
            }
        }
    }
}

/// Tells the agent that nobody waits for a reply any more, when a request's future is dropped or its source fails.
pub(super) struct Abandon<'a> {
    commands: &'a Commands,
    stream: u32,
    armed: bool,
}

impl<'a> Abandon<'a> {
    pub(super) fn new(commands: &'a Commands, stream: u32) -> Self {
        Self { commands, stream, armed: true }
    }

    /// The reply has come.
    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.commands.send(Command::Reset { stream: self.stream });
        }
    }
}

/// Passes all pieces on; whether their end came.
async fn feed(commands: &Commands, stream: u32, mut pieces: mpsc::Receiver<Piece>) -> bool {
    let waiting = Arc::new(Semaphore::new(PIECES_WAITING));
    let mut crc = crc32fast::Hasher::new();
    while let Some(piece) = pieces.recv().await {
        let (bytes, is_end) = match piece {
            Piece::Bytes(bytes) => {
                crc.update(&bytes);
                (bytes, false)
            }
            Piece::Whole(digest) => (seal(&digest, crc.clone().finalize()), true),
            Piece::End => (Vec::new(), true),
        };
        if !bytes.is_empty() {
            let permit = Arc::clone(&waiting).acquire_owned().await.expect("invariant: the semaphore is never closed");
            commands.send(Command::Piece { stream, piece: Some((bytes, permit)) });
        }
        if is_end {
            commands.send(Command::Piece { stream, piece: None });
            return true;
        }
    }
    false
}

/// What stands behind a file's bytes, and proves them.
fn seal(digest: &Digest, crc: u32) -> Vec<u8> {
    [&digest.as_bytes()[..], &crc.to_be_bytes()].concat()
}
