//! Owns a named pipe that clients on this machine open: what Windows has in place of a Unix socket. Its default
//! access list lets only this user, administrators and the system write to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{io, mem};

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

use super::local_listener::Ends;
use crate::error::DebugError;

/// Tells the pipes of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A pipe that clients of this machine may open.
pub(crate) struct SocketListener {
    name: String,
    /// The instance that the next client gets.
    next: NamedPipeServer,
}

impl SocketListener {
    /// Makes a pipe under a name that nobody has.
    pub(crate) async fn bind() -> Result<Self, DebugError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!(r"\\.\pipe\remora-dap-{}-{number}", std::process::id());
        match instance(&name, true) {
            Ok(next) => Ok(Self { name, next }),
            Err(error) => Err(DebugError::SocketFailed { folder: name, reason: error.to_string() }),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }

    /// The next client. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Option<Ends>> {
        self.next.connect().await?;
        let connected = mem::replace(&mut self.next, instance(&self.name, false)?);
        let (reader, writer) = tokio::io::split(connected);
        Ok(Some(Ends::new(reader, writer)))
    }
}

/// The first must be the first: whoever made the pipe before us would get our clients.
fn instance(name: &str, first: bool) -> io::Result<NamedPipeServer> {
    ServerOptions::new().first_pipe_instance(first).reject_remote_clients(true).create(name)
}
