//! Owns what can go wrong with a debug start. Never words it for the user.

use std::net::SocketAddr;
use std::time::Duration;

use remora_agent::{AgentError, Exit, LostReason};

use crate::attach::Obstacle;
use crate::request::Place;
use crate::wheels::Unsupported;

/// Why a program can't dial its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDial {
    /// No client of today listens for ptvsd.
    Ptvsd,
    /// The program calls its debugger itself, and waits there for a client to come.
    InCode,
    /// debugpy 1.5.1, for Python up to 3.6: it takes the breakpoints of a client's adapter of today (1.8.22 was tried), and
    /// never stops at one.
    OldDebugpy,
}

/// Why a program can't go on without us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLeave {
    /// It runs as another account, by an agent that lives as long as our connection.
    Account,
    /// It runs on a terminal that is shown here.
    Terminal,
    /// Its clients don't come over the link.
    Exposed,
}

/// Why a program could not be started under a debugger.
#[derive(Debug, thiserror::Error)]
pub enum DebugError {
    /// No interpreter was named and none was found.
    #[error("no Python found; looked at {}", tried.join(", "))]
    NoInterpreter {
        /// Where it was looked for.
        tried: Vec<String>,
    },
    /// The interpreter that was named is not there.
    #[error("there is no {path}")]
    InterpreterMissing {
        /// As it was named.
        path: String,
    },
    /// What was named is there but does not answer like a Python.
    #[error("{path} is not a Python interpreter: {said}")]
    NotPython {
        /// As it was named.
        path: String,
        /// What it said instead, shortened.
        said: String,
    },
    /// What the interpreter was to run behind has not run it.
    #[error("{prefix} ran nothing: {said}")]
    PrefixFailed {
        /// As it was written.
        prefix: String,
        /// What it said instead, shortened.
        said: String,
    },
    /// No debugger that may be used works with this interpreter.
    #[error("{path}: {unsupported}")]
    Unsupported {
        /// The interpreter.
        path: String,
        /// Its version and why.
        unsupported: Unsupported,
    },
    /// The file to run is not there.
    #[error("there is no file {path}")]
    ProgramMissing {
        /// Its absolute path there.
        path: String,
    },
    /// The interpreter does not find the module to run.
    #[error("{python} has no module {module}")]
    ModuleMissing {
        /// As it was named.
        module: String,
        /// The interpreter.
        python: String,
    },
    /// The working directory is not there.
    #[error("there is no directory {path}")]
    CwdMissing {
        /// Its absolute path there.
        path: String,
    },
    /// The local port is in use.
    #[error("{addr} is in use")]
    PortTaken {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// Listening here failed for another reason.
    #[error("can't listen on {addr}: {reason}")]
    ListenFailed {
        /// The address that was asked for.
        addr: SocketAddr,
        /// The system's words.
        reason: String,
    },
    /// No socket could be made here.
    #[error("can't listen on a socket in {folder}: {reason}")]
    SocketFailed {
        /// Where it was to be.
        folder: String,
        /// The system's words.
        reason: String,
    },
    /// What runs there can't be attached to.
    #[error("can't attach to {to}: {:?} {}", obstacle.why, obstacle.about)]
    CannotAttach {
        /// A process or a port.
        to: String,
        /// Why.
        obstacle: Obstacle,
    },
    /// ptvsd traces the threads that call it, and none that run already.
    #[error("ptvsd can't attach to a process")]
    PtvsdAttaches,
    /// The program can't dial a client.
    #[error("it can't dial a client: {0:?}")]
    CannotDial(NoDial),
    /// The program found no way to where its client was to listen.
    #[error("{at} can't be reached from there: {reason}")]
    Unreachable {
        /// What it dialled.
        at: Place,
        /// The system's words.
        reason: String,
    },
    /// The program or its debugger ended before a client could connect.
    #[error("ended before the debugger listened")]
    DiedBeforeListening {
        /// How it ended.
        exit: Exit,
        /// The end of its standard error, 8 KiB at most.
        stderr: String,
    },
    /// The program ended without calling `enable_attach` or `listen` (only with `in_code`).
    #[error("ended without calling enable_attach or listen")]
    EndedBeforeListening {
        /// How it ended.
        exit: Exit,
        /// The end of its standard error, 8 KiB at most.
        stderr: String,
    },
    /// The debugger did not listen in time.
    #[error("the debugger did not listen within {} s", after.as_secs())]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
        /// The end of its standard error, 8 KiB at most.
        stderr: String,
    },
    /// The program can't be left.
    #[error("it can't be left: {0:?}")]
    CannotLeave(NoLeave),
    /// A detached run can't be joined.
    #[error("the run can't be joined: {reason}")]
    NoRun {
        /// What its holder says.
        reason: String,
    },
    /// A request to the agent failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
}

impl From<LostReason> for DebugError {
    fn from(reason: LostReason) -> Self {
        Self::Agent(AgentError::Lost(reason))
    }
}
