//! Words what can go wrong with the agent: its start, its requests, and the remote root.

use remora_agent::{AgentError, BootError, LostReason, OpErrorKind};
use remora_model::TransportSpec;

use super::transport::{describe, said};
use super::{Fault, Kind};

/// The fault for an agent that did not start; `complaints` is what came on standard error.
#[must_use]
pub fn boot(spec: &TransportSpec, error: &BootError, complaints: &str) -> Fault {
    let place = describe(spec);
    let fault = match error {
        BootError::NoPython => Fault::new(
            Kind::NoPython,
            format!("There is no Python on {place}."),
            "Install Python 3.6 or later there, or make it visible in the PATH of a non-interactive login.",
        ),
        BootError::PythonTooOld { found } => Fault::new(
            Kind::PythonTooOld,
            format!("Python on {place} is too old for Remora's agent: {found}."),
            "Install Python 3.6 or later beside it; your program may go on using the old one (--python).",
        ),
        BootError::Ended { noise } | BootError::TimedOut { noise } => {
            let timed_out = matches!(error, BootError::TimedOut { .. });
            let how = if timed_out { "did not start the agent in time" } else { "ended before the agent started" };
            let words = if complaints.trim().is_empty() { noise } else { complaints };
            Fault::new(
                Kind::BootFailed,
                format!("The login shell on {place} {how}{}.", said(words)),
                "Check that a command can be run there without a terminal.",
            )
        }
        BootError::OtherVersion => Fault::new(
            Kind::BootFailed,
            format!("What answers on {place} is the agent of another version of Remora."),
            "Use the version that started it.",
        ),
        BootError::Garbled(what) => Fault::new(
            Kind::BootFailed,
            format!("What answers on {place} is not Remora's agent: {what}."),
            "Check what the login prints when no terminal is there.",
        ),
    };
    fault.because(error)
}

/// The fault for a remote root that can't be used.
#[must_use]
pub fn root(root: &str, error: &AgentError) -> Fault {
    let fault = match error {
        AgentError::Lost(reason) => return lost(reason),
        AgentError::Op(op) => match op.kind {
            OpErrorKind::NotFound => root_missing(root),
            OpErrorKind::Permission | OpErrorKind::ReadOnly => root_read_only(root, &op.message),
            OpErrorKind::InTheWay => Fault::new(
                Kind::InTheWay,
                format!("The remote root {root} is not a folder."),
                "Choose another with --remote-root or the target's remoteRoot.",
            ),
            OpErrorKind::NoSpace => Fault::new(
                Kind::NoSpace,
                format!("Can't make the remote root {root}: the disk is full."),
                "Free some space there.",
            ),
            OpErrorKind::Invalid => not_absolute(root),
            _ => other(&format!("use the remote root {root}"), &op.message),
        },
    };
    fault.because(error)
}

/// The remote root, or the folder it should be made in, is not there.
#[must_use]
pub fn root_missing(root: &str) -> Fault {
    Fault::new(
        Kind::RemoteRootMissing,
        format!("The remote root {root} can't be made: the folder it belongs in is not there."),
        "Make that folder on the remote, or choose another with --remote-root or the target's remoteRoot.",
    )
}

/// The remote root can't be written.
#[must_use]
pub fn root_read_only(root: &str, words: &str) -> Fault {
    Fault::new(
        Kind::RemoteRootReadOnly,
        format!("The remote root {root} can't be written{}.", said(words)),
        "Give the login write access, or choose another folder with --remote-root or the target's remoteRoot.",
    )
}

/// The remote root is not an absolute path.
#[must_use]
pub fn not_absolute(root: &str) -> Fault {
    Fault::new(
        Kind::BadRequest,
        format!("The remote root {root:?} is neither an absolute path nor starts with ~/."),
        "Write it as /path/to/folder or ~/folder.",
    )
}

/// The link broke under a request.
#[must_use]
pub fn lost(reason: &LostReason) -> Fault {
    Fault::new(Kind::ConnectionLost, format!("The connection was lost: {reason}."), "Try again when it is back.")
}

/// Anything else, in the remote's words.
#[must_use]
pub fn other(what: &str, words: &str) -> Fault {
    Fault::new(Kind::Internal, format!("Can't {what}{}.", said(words)), "The log (RUST_LOG=debug) has the details.")
}
