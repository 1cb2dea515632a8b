//! Owns what can go wrong between here and the agent. Never words it for the user.

use serde::Deserialize;

/// Anything that can go wrong with a request.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AgentError {
    /// The agent got the request and refused it or failed at it.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The connection is gone; whether the request took effect is unknown.
    #[error("the connection to the agent was lost: {0}")]
    Lost(#[from] LostReason),
}

/// A request that the agent refused or failed at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Deserialize)]
#[error("{message}")]
pub struct OpError {
    /// What kind of failure.
    pub kind: OpErrorKind,
    /// The remote's own words, such as `[Errno 13] Permission denied: '/srv/x'`.
    pub message: String,
}

/// Kinds of failure on the remote, by the same names as in `agent.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpErrorKind {
    /// No such file or directory.
    NotFound,
    /// The login may not.
    Permission,
    /// The file system is read-only.
    ReadOnly,
    /// The disk or the quota is full.
    NoSpace,
    /// The path would leave the root: a part of it is a symbolic link (or `..`).
    OutsideRoot,
    /// What is there is not what the request expected to replace or remove.
    Diverged,
    /// A directory is in the way or not empty, or a file is where a directory should be.
    InTheWay,
    /// The address is in use.
    AddressInUse,
    /// Nobody listens there.
    Refused,
    /// It took longer than the request allowed.
    TimedOut,
    /// A digest does not fit the bytes that came.
    Corrupt,
    /// The request itself is wrong.
    Invalid,
    /// Anything else; the message tells.
    #[serde(other)]
    Other,
}

/// Why the agent could not be started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BootError {
    /// No interpreter was found there.
    #[error("no Python found")]
    NoPython,
    /// Only interpreters older than 3.6 were found; their versions and paths.
    #[error("only old Python found: {found}")]
    PythonTooOld {
        /// Such as `2.7.18 /usr/bin/python`.
        found: String,
    },
    /// The pipe ended before the agent spoke; what came instead, shortened.
    #[error("the remote shell ended before the agent started: {noise}")]
    Ended {
        /// The end of what the login printed.
        noise: String,
    },
    /// The agent did not speak in time; what came instead, shortened.
    #[error("the agent did not start in time: {noise}")]
    TimedOut {
        /// The end of what the login printed.
        noise: String,
    },
    /// An agent greets that is not this version's.
    #[error("another version of the agent greets")]
    OtherVersion,
    /// More than the allowed amount of noise, or bytes that are no frames.
    #[error("the remote does not speak the agent's protocol: {0}")]
    Garbled(String),
}

/// Why a holder could not be joined.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JoinError {
    /// It could not be reached.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// It does not greet as ours.
    #[error(transparent)]
    Boot(#[from] BootError),
}

/// Why a link ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LostReason {
    /// We ended it.
    #[error("closed")]
    Closed,
    /// The pipe ended.
    #[error("the remote closed the connection")]
    PipeEnded,
    /// Reading or writing the pipe failed.
    #[error("{0}")]
    PipeFailed(String),
    /// Nothing was heard for this many seconds.
    #[error("no answer for {0} s")]
    Silent(u64),
    /// Another client has joined the holder.
    #[error("another client has taken over")]
    TakenOver,
    /// The agent broke the protocol.
    #[error("the agent broke the protocol: {0}")]
    Garbled(String),
}
