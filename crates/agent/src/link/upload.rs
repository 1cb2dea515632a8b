//! Owns the upload of a file that is too large to hold. Never reads more than the pipe can take soon.

use std::sync::Arc;

use remora_model::RemotePath;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::Semaphore;

use crate::conversation::{Command, Commands, Outgoing, Reply};
use crate::error::{AgentError, OpError, OpErrorKind};
use crate::frames::CHUNK;
use crate::ops::WriteSpec;

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

/// Sends a `write` request whose body comes from `source`.
pub(super) async fn write_from<S: AsyncRead + Unpin>(
    commands: &Commands,
    root: &RemotePath,
    spec: &WriteSpec,
    source: S,
) -> Result<Reply, AgentError> {
    let (head, path) = head(root, spec);
    let stream = commands.new_stream();
    let abandon = Abandon::new(commands, stream);
    let request = commands.request(stream, head, Outgoing::Fed(path), None);
    let feed = feed(commands, stream, source, spec.size);
    tokio::pin!(request, feed);
    let mut fed = false;
    loop {
        tokio::select! {
            // The request first: its first poll is what gives the write its place among the others.
            biased;
            reply = &mut request => {
                abandon.disarm();
                return reply;
            }
            result = &mut feed, if !fed => {
                fed = true;
                result.map_err(|message| OpError { kind: OpErrorKind::Invalid, message })?;
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

/// Passes `size` bytes of `source` on; the error is the source's.
async fn feed<S: AsyncRead + Unpin>(commands: &Commands, stream: u32, source: S, size: u64) -> Result<(), String> {
    let waiting = Arc::new(Semaphore::new(PIECES_WAITING));
    let mut source = source.take(size);
    let mut left = size;
    while left > 0 {
        let permit = Arc::clone(&waiting).acquire_owned().await.expect("invariant: the semaphore is never closed");
        let mut piece = Vec::with_capacity(CHUNK);
        while piece.len() < CHUNK {
            match source.read_buf(&mut piece).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if piece.is_empty() {
            return Err(format!("the source ended {left} bytes early"));
        }
        left -= piece.len() as u64;
        commands.send(Command::Piece { stream, piece: Some((piece, permit)) });
    }
    commands.send(Command::Piece { stream, piece: None });
    Ok(())
}
