//! Owns byte streams to sockets and processes on the remote, with flow control.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream in both directions.
pub struct Stream {
    /// What comes from there.
    pub reader: StreamReader,
    /// What goes there; dropping it or shutting it down says end of file there.
    pub writer: StreamWriter,
}

/// The incoming half.
pub struct StreamReader {}

/// The outgoing half.
pub struct StreamWriter {}

impl AsyncRead for StreamReader {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        todo!()
    }
}

impl AsyncWrite for StreamWriter {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        todo!()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        todo!()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        todo!()
    }
}
