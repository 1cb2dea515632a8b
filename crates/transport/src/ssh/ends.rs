//! Owns the asynchronous halves of an SSH pipe. Never touches libssh2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::shared::Shared;

/// The two halves of the connection that a thread serves.
pub(super) fn pair(shared: Arc<Shared>) -> (Reader, Writer) {
    (Reader(shared.clone()), Writer(shared))
}

pub(super) struct Reader(Arc<Shared>);

pub(super) struct Writer(Arc<Shared>);

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_take_inbound(cx, buf)
    }
}

impl AsyncWrite for Writer {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_put_outbound(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_sent(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.close_writing();
        self.0.poll_sent(cx)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.drop_reader();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.drop_writer();
    }
}
