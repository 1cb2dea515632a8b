//! Floor 1: "run this command there, give me its byte pipe".
//!
//! Owns the three ways to a remote shell: SSH, any command, and a local child. Knows nothing of what
//! travels on the pipe, and says nothing to the user: questions go through [`Ask`], failures are
//! typed in [`TransportError`].

mod ask;
mod candidates;
mod child;
mod command;
mod error;
mod local;
mod pipe;
mod shell;
mod ssh;

use std::sync::Arc;

use remora_model::TransportSpec;

pub use ask::{Answer, Ask, Question, Secret};
pub use candidates::{Candidate, CandidateKind, candidates};
pub use error::{Phase, TransportError};
pub use pipe::{Complaints, Pipe, PipeReader, PipeWriter};

/// Runs `command` on the target that `spec` names and returns its standard input and output.
///
/// `command` is a POSIX `sh` script in one line, without `'`, `!` and `\`, so that it survives any
/// login shell. `ask` is called on the connecting thread only and may block it. Dropping the future
/// abandons the attempt and leaves neither a thread nor a child, except that a thread in the middle
/// of a question, or of a conversation with an SSH agent, ends when that does. It needs a tokio
/// runtime with I/O and time.
///
/// That the command was started does not mean that it lives: a child or a remote shell that dies at
/// once is reported by the reader (see [`PipeReader`]).
///
/// # Errors
/// [`TransportError`].
pub async fn connect(spec: &TransportSpec, ask: Arc<dyn Ask>, command: &str) -> Result<Pipe, TransportError> {
    shell::check(command)?;
    match spec {
        TransportSpec::Local => local::connect(command).await,
        TransportSpec::Command(argv) => command::connect(argv, command).await,
        TransportSpec::Ssh(spec) => ssh::connect(spec, ask, command).await,
    }
}

/// The name or address behind an SSH target, as the user's `ssh_config` has it. Connects to nothing.
///
/// # Errors
/// [`TransportError::ConfigUnreadable`], [`TransportError::BadSpec`].
pub async fn host_name(spec: &remora_model::SshSpec) -> Result<String, TransportError> {
    ssh::host_name(spec).await
}
