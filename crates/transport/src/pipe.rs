//! Owns the two ends of a pipe as the caller sees them. Never knows what is behind them beyond
//! "a child" or "an SSH channel".

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The standard input and output of the command that was asked for.
///
/// Dropping both halves ends the command's connection, and the thread or child that held it.
#[derive(Debug)]
pub struct Pipe {
    /// What the command writes.
    pub reader: PipeReader,
    /// What the command reads.
    pub writer: PipeWriter,
    /// Whether bytes may follow the command at once. Not so when the command itself went through the
    /// standard input of a shell, which may have read ahead.
    pub rides: bool,
    /// The end of what came on standard error, for error messages.
    pub complaints: Complaints,
}

/// The reading half of a [`Pipe`].
///
/// An end of file means that the command ended well. When it failed, or the connection was lost,
/// reading returns an [`io::Error`] with the reason inside: see
/// [`TransportError::of`](crate::TransportError::of).
pub struct PipeReader(Pin<Box<dyn AsyncRead + Send>>);

/// The writing half of a [`Pipe`]. Shutting it down is the end of the command's input.
pub struct PipeWriter(Pin<Box<dyn AsyncWrite + Send>>);

impl PipeReader {
    pub(crate) fn new(inner: impl AsyncRead + Send + 'static) -> Self {
        Self(Box::pin(inner))
    }
}

impl PipeWriter {
    pub(crate) fn new(inner: impl AsyncWrite + Send + 'static) -> Self {
        Self(Box::pin(inner))
    }
}

impl std::fmt::Debug for PipeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PipeReader")
    }
}

impl std::fmt::Debug for PipeWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PipeWriter")
    }
}

impl AsyncRead for PipeReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}

/// How much of standard error is kept: enough for a traceback, too little to matter.
const COMPLAINTS_KEPT: usize = 4096;

/// The end of what a command said on standard error.
///
/// Shared under a lock, because whoever builds an error message wants what is there at that moment,
/// on any thread, without a round trip to the thread that may just have died.
#[derive(Debug, Clone, Default)]
pub struct Complaints(Arc<Mutex<VecDeque<u8>>>);

impl Complaints {
    /// The last 4 KiB, trimmed; what is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }

    /// Adds `bytes`, forgetting the oldest.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(&bytes[bytes.len().saturating_sub(COMPLAINTS_KEPT)..]);
        let excess = kept.len().saturating_sub(COMPLAINTS_KEPT);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_the_complaints_is_kept() {
        let complaints = Complaints::default();
        complaints.push(&[b'a'; 10_000]);
        complaints.push(b"bye\n");
        let text = complaints.text();
        assert_eq!(text.len(), COMPLAINTS_KEPT - 1);
        assert!(text.ends_with("aabye"), "{text}");
    }
}
