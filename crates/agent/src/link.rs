//! Owns one live conversation with an agent: its tasks, its requests, its end.

use remora_model::{Digest, Mode, Mtime, RelPath, RemotePath, RemotePort};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{AgentError, BootError, LostReason};
use crate::ops::{
    Address, Expect, Hello, ReadFile, RootInfo, RunOutput, RunSpec, SpawnSpec, Stored, Surveyed, WriteSpec,
};
use crate::process::{Process, RunDir};
use crate::stream::Stream;

/// The command that starts the agent: for a POSIX shell, one line, without `'`, `!` or `\`, so that
/// `exec sh -c 'COMMAND'` means the same to sh, bash, zsh, fish and tcsh.
#[must_use]
pub fn boot_command() -> &'static str {
    todo!()
}

/// The two ends of a byte pipe on which [`boot_command`] has been started.
pub struct PipeEnds<R, W> {
    /// What comes from there; noise may come first.
    pub reader: R,
    /// What goes there.
    pub writer: W,
    /// Whether bytes may follow the command at once. When the command itself went through the standard
    /// input of a shell, the shell may have read ahead: then the source waits for the boot's first word.
    pub rides: bool,
}

/// A live conversation with an agent. Clones share it; when the last is dropped, it ends.
#[derive(Clone)]
pub struct Link {}

impl Link {
    /// Sends the agent over `pipe`, waits for its greeting, and keeps the conversation going.
    ///
    /// # Errors
    /// [`BootError`].
    pub async fn open<R, W>(_pipe: PipeEnds<R, W>) -> Result<Self, BootError>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        todo!()
    }

    /// What the agent said of itself.
    #[must_use]
    pub fn hello(&self) -> &Hello {
        todo!()
    }

    /// Waits until the conversation ends, and says why. Cancel-safe.
    pub async fn lost(&self) -> LostReason {
        todo!()
    }

    /// Ends it in order: the agent ends all it started, removes its folders, and exits.
    pub async fn close(&self) {
        todo!()
    }

    /// Looks at a remote root; `~` and `~/…` are understood. With `create`, a missing last part is made,
    /// and below the home directory all missing parts.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn root(&self, _path: &str, _create: bool) -> Result<RootInfo, AgentError> {
        todo!()
    }

    /// What stands under each of `paths`, in their order, in one round trip.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn survey(&self, _root: &RemotePath, _paths: &[RelPath]) -> Result<Vec<Surveyed>, AgentError> {
        todo!()
    }

    /// The digest of the file (or link text) under each of `paths`, in their order; nothing where there is
    /// none or it can't be read. In one round trip.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn digests(&self, _root: &RemotePath, _paths: &[RelPath]) -> Result<Vec<Option<Digest>>, AgentError> {
        todo!()
    }

    /// Replaces one file atomically, in one round trip. Several may be under way; they are done in the
    /// order of the calls' first poll.
    ///
    /// # Errors
    /// [`AgentError`]; after `Diverged`, `NoSpace`, … the old file is whole.
    pub async fn write(&self, _root: &RemotePath, _spec: WriteSpec, _bytes: Vec<u8>) -> Result<Stored, AgentError> {
        todo!()
    }

    /// The same for a file too large to hold: reads exactly `spec.size` bytes from `source`. When the
    /// source fails or ends early, the remote file stays as it was and the source's error comes back as
    /// `OpErrorKind::Invalid`.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn write_from<S>(&self, _root: &RemotePath, _spec: WriteSpec, _source: S) -> Result<Stored, AgentError>
    where
        S: AsyncRead + Send + Unpin,
    {
        todo!()
    }

    /// Makes a directory (and missing parents); `true` if it was not there. One that is there gets `mode`.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn mkdir(&self, _root: &RemotePath, _path: &RelPath, _mode: Mode) -> Result<bool, AgentError> {
        todo!()
    }

    /// Makes or replaces a symbolic link; its text is never interpreted.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn symlink(
        &self,
        _root: &RemotePath,
        _path: &RelPath,
        _text: &[u8],
        _expect: Expect,
    ) -> Result<(), AgentError> {
        todo!()
    }

    /// Gives a file mode and mtime if it still has the expected content.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn set_meta(
        &self,
        _root: &RemotePath,
        _path: &RelPath,
        _mode: Mode,
        _mtime: Mtime,
        _expect: Expect,
    ) -> Result<(), AgentError> {
        todo!()
    }

    /// Removes a file or link that still has the expected content, or an empty directory (for which
    /// `expect` is not looked at). `false` if nothing was there.
    ///
    /// # Errors
    /// [`AgentError`]; a directory that is not empty is `InTheWay`.
    pub async fn remove(&self, _root: &RemotePath, _path: &RelPath, _expect: Expect) -> Result<bool, AgentError> {
        todo!()
    }

    /// Reads a file below a root.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn read(&self, _root: &RemotePath, _path: &RelPath) -> Result<ReadFile, AgentError> {
        todo!()
    }

    /// Runs a short command to its end.
    ///
    /// # Errors
    /// [`AgentError`]; a program that is not there is `NotFound`.
    pub async fn run(&self, _spec: RunSpec) -> Result<RunOutput, AgentError> {
        todo!()
    }

    /// Starts a long-running process. When the [`Process`] and all its handles are dropped, or the link
    /// ends, the process and all it started are ended.
    ///
    /// # Errors
    /// [`AgentError`]; a program that is not there is `NotFound`.
    pub async fn spawn(&self, _spec: SpawnSpec) -> Result<Process, AgentError> {
        todo!()
    }

    /// Makes a private folder with a control socket.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn run_dir(&self) -> Result<RunDir, AgentError> {
        todo!()
    }

    /// Connects to a socket there. Traffic of such streams overtakes file uploads.
    ///
    /// # Errors
    /// [`AgentError`]; nobody listening is `Refused`.
    pub async fn dial(&self, _address: Address) -> Result<Stream, AgentError> {
        todo!()
    }

    /// Where the tree `name` stands in the remote cache, if it is there. `name` is content-addressed.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn cached(&self, _name: &str) -> Result<Option<RemotePath>, AgentError> {
        todo!()
    }

    /// Unpacks a `.tar.gz` into the remote cache under `name`, after checking its SHA-256; whole or not at
    /// all.
    ///
    /// # Errors
    /// [`AgentError`]; a wrong digest is `Corrupt`.
    pub async fn cache(&self, _name: &str, _sha256: &str, _tar_gz: &[u8]) -> Result<RemotePath, AgentError> {
        todo!()
    }

    /// Listens on `host:port` there, accepting and closing connections, until the returned stream is
    /// dropped (for the reachability check). Every connection writes one line `PEER-ADDRESS` into it.
    ///
    /// # Errors
    /// [`AgentError`]; `AddressInUse`, `Permission`.
    pub async fn listen_probe(&self, _host: &str, _port: RemotePort) -> Result<Stream, AgentError> {
        todo!()
    }
}
