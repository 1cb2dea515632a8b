//! Owns a listening Unix socket (0600) in a private folder (0700). Never keeps either longer than itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::{fs, io};

use rustix::process::geteuid;
use tokio::net::UnixListener;
use tracing::warn;

use super::local_listener::Ends;
use super::place::Place;
use crate::error::DebugError;

/// A socket that only this user may open.
pub(crate) struct SocketListener {
    listener: UnixListener,
    /// Removed on drop.
    place: Place,
}

impl SocketListener {
    /// Makes the folder and the socket in it.
    pub(crate) async fn bind() -> Result<Self, DebugError> {
        let made = tokio::task::spawn_blocking(Place::make).await;
        let place = made.unwrap_or_else(|panicked| Err((PathBuf::new(), io::Error::other(panicked))));
        let failed = |folder: PathBuf, error: io::Error| DebugError::SocketFailed {
            folder: folder.display().to_string(),
            reason: error.to_string(),
        };
        let place = place.map_err(|(folder, error)| failed(folder, error))?;
        let path = place.socket();
        let bound = UnixListener::bind(&path).and_then(|listener| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => Ok(Self { listener, place }),
            Err(error) => Err(failed(path, error)),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.place.socket()
    }

    /// The next client, or nothing for another user's. Cancel-safe.
    pub(crate) async fn accept(&mut self) -> io::Result<Option<Ends>> {
        let (stream, _) = self.listener.accept().await?;
        // The modes keep others out; this keeps them out where somebody changed the modes.
        let uid = stream.peer_cred()?.uid();
        if uid != geteuid().as_raw() {
            warn!(uid, "a connection of another user was closed");
            return Ok(None);
        }
        let (reader, writer) = stream.into_split();
        Ok(Some(Ends::new(reader, writer)))
    }
}
