//! Owns processes on the remote, as seen from here, and the private folders they may have.

use remora_model::RemotePath;

use crate::error::AgentError;
use crate::ops::{Exit, RunDirId, Said};
use crate::stream::StreamWriter;

/// A process that was started on the remote.
pub struct Process {
    /// To signal and end it; may be cloned.
    pub handle: ProcessHandle,
    /// Its standard input.
    pub stdin: StreamWriter,
}

impl Process {
    /// The next thing that happened. Output comes in order per stream; `Exited` comes last, once, after
    /// all output (or a moment after the exit, when a stranger keeps the pipe open). Cancel-safe.
    ///
    /// # Errors
    /// [`AgentError::Lost`].
    pub async fn next(&mut self) -> Result<ProcessEvent, AgentError> {
        todo!()
    }
}

/// What happened to a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It wrote to standard output.
    Stdout(Vec<u8>),
    /// It wrote to standard error.
    Stderr(Vec<u8>),
    /// It ended.
    Exited(Exit),
}

/// Signals and ends a process.
#[derive(Clone)]
pub struct ProcessHandle {}

impl ProcessHandle {
    /// Its process id there.
    #[must_use]
    pub fn pid(&self) -> u32 {
        todo!()
    }

    /// Sends a signal to its whole process group; fine if it has ended.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn signal(&self, _signal: i32) -> Result<(), AgentError> {
        todo!()
    }

    /// Ends it and everything it started, also what left its process group: asks first, insists after a
    /// moment. Returns when none is left.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn end(&self) -> Result<(), AgentError> {
        todo!()
    }
}

/// A private folder (0700) on the remote with a control socket `ctl` in it (0600). Dropping it removes the
/// folder; so does the agent's end.
pub struct RunDir {}

impl RunDir {
    /// Its name in [`crate::SpawnSpec`].
    #[must_use]
    pub fn id(&self) -> RunDirId {
        todo!()
    }

    /// Where it is; short enough that a socket in it has a valid name.
    #[must_use]
    pub fn path(&self) -> &RemotePath {
        todo!()
    }

    /// The next line somebody said on its control socket. Cancel-safe.
    ///
    /// # Errors
    /// [`AgentError::Lost`].
    pub async fn said(&mut self) -> Result<Said, AgentError> {
        todo!()
    }

    /// Puts a file of ours into it, mode 0600.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn put(&self, _name: &str, _bytes: &[u8]) -> Result<RemotePath, AgentError> {
        todo!()
    }
}
