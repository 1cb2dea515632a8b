//! Owns what can go wrong on the way to a remote shell. Holds the facts; the wording for the user is
//! the sidecar's.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no pipe, or why it ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// The name has no address.
    #[error("{host} has no address: {reason}")]
    UnknownHost {
        /// The name that was looked up.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Nobody listens there.
    #[error("{host} port {port} refused the connection")]
    Refused {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The network says that there is no way to the host.
    #[error("{host} port {port} can't be reached: {reason}")]
    Unreachable {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// No answer in time.
    #[error("{host} port {port} did not answer within {} s ({phase})", after.as_secs())]
    TimedOut {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// How long it was waited for.
        after: Duration,
        /// What was waited for.
        phase: Phase,
    },
    /// There is a connection, but what answers does not speak SSH, or not as we can.
    #[error("no SSH with {host} port {port}: {reason}")]
    Handshake {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What libssh2 said.
        reason: String,
    },
    /// The host's key is unknown and the user did not trust it.
    #[error("the key {fingerprint} of {host} port {port} was not trusted")]
    HostKeyDeclined {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// `SHA256:…`.
        fingerprint: String,
    },
    /// The host's key is unknown and `StrictHostKeyChecking yes` forbids to ask.
    #[error("the key {fingerprint} of {host} port {port} is not known, and the configuration forbids to ask")]
    HostKeyUnknown {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// `SHA256:…`.
        fingerprint: String,
    },
    /// The host shows another key than the one on record. No credential was sent.
    #[error("{host} port {port} shows the {algorithm} key {fingerprint}, not the one in {} line {line}", file.display())]
    HostKeyChanged {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The type of the key it shows.
        algorithm: String,
        /// `SHA256:…` of the key it shows.
        fingerprint: String,
        /// Where the key on record is.
        file: PathBuf,
        /// The line in `file`, from 1.
        line: usize,
    },
    /// The host's key is marked `@revoked`.
    #[error("the key {fingerprint} of {host} port {port} is revoked in {} line {line}", file.display())]
    HostKeyRevoked {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// `SHA256:…`.
        fingerprint: String,
        /// Where it is revoked.
        file: PathBuf,
        /// The line in `file`, from 1.
        line: usize,
    },
    /// The known hosts could not be read or written.
    #[error("{}: {reason}", file.display())]
    KnownHosts {
        /// The file.
        file: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The server let none of our credentials pass.
    #[error("{user} was not let in at {host}; tried: {}", tried.join(", "))]
    AuthFailed {
        /// The login.
        user: String,
        /// The host.
        host: String,
        /// The methods that were tried, in order: `agent`, `key FILE`, `keyboard-interactive`, `password`.
        tried: Vec<String>,
        /// The methods that the server offers: `publickey`, `password`, ….
        offered: Vec<String>,
        /// What else is worth knowing: a key file that can't be used, an agent that does not answer.
        notes: Vec<String>,
    },
    /// The user declined to answer.
    #[error("given up by the user")]
    Cancelled,
    /// The SSH configuration can't be used.
    #[error("the SSH configuration can't be used: {reason}")]
    ConfigUnreadable {
        /// The file, if the settings name one.
        file: Option<PathBuf>,
        /// What `ssh` or the system said.
        reason: String,
    },
    /// The target's settings or the command to run make no sense.
    #[error("{reason}")]
    BadSpec {
        /// What is wrong.
        reason: String,
    },
    /// A program that is needed is not on this machine.
    #[error("there is no program {program}")]
    ProgramMissing {
        /// Its name or path.
        program: String,
    },
    /// A program is there but could not be started.
    #[error("{program} can't be started: {reason}")]
    ProgramFailed {
        /// Its name or path.
        program: String,
        /// What the system said.
        reason: String,
    },
    /// The command that holds the pipe ended by itself. Comes from the reader, as the inner error of
    /// an [`io::Error`]; see [`TransportError::of`].
    #[error("{command} ended{}: {stderr}", status.map(|status| format!(" with status {status}")).unwrap_or_default())]
    CommandEnded {
        /// What was run.
        command: String,
        /// Its exit status; nothing if a signal ended it.
        status: Option<i32>,
        /// The signal that ended it, such as `9` or `KILL`.
        signal: Option<String>,
        /// The end of what it said on standard error.
        stderr: String,
    },
    /// The `ProxyCommand` or `ProxyJump` on the way to the host ended before there was a connection.
    #[error("the way to {host} failed: {command}: {stderr}")]
    ProxyFailed {
        /// The host behind it.
        host: String,
        /// What was run.
        command: String,
        /// The end of what it said on standard error.
        stderr: String,
    },
    /// An established connection is gone. Comes from the reader and the writer, as the inner error of
    /// an [`io::Error`], and says the reason only: whoever reads there knows which connection it is.
    #[error("{reason}")]
    Closed {
        /// The host.
        host: String,
        /// How it was noticed.
        reason: String,
    },
    /// Anything else, in the words of the library or the system.
    #[error("{what}: {reason}")]
    Other {
        /// What was attempted.
        what: String,
        /// What was said.
        reason: String,
    },
}

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The TCP connection.
    Connect,
    /// The SSH handshake.
    Handshake,
    /// The login.
    Login,
    /// The start of the command.
    Start,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::Handshake => "SSH handshake",
            Self::Login => "logging in",
            Self::Start => "starting the command",
        })
    }
}

impl TransportError {
    /// The typed reason inside an error that a [`PipeReader`](crate::PipeReader) or
    /// [`PipeWriter`](crate::PipeWriter) returned.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// Wraps the reason so that a reader or writer can return it.
    pub(crate) fn into_io(self, kind: io::ErrorKind) -> io::Error {
        io::Error::new(kind, self)
    }
}
