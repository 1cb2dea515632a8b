//! Words what can go wrong when a terminal is opened.

use remora_agent::{AgentError, OpErrorKind};

use super::agent::{lost, other};
use super::transport::said;
use super::{Fault, Kind};

/// The fault for a terminal that was not opened.
#[must_use]
pub fn terminal(error: &AgentError) -> Fault {
    let fault = match error {
        AgentError::Lost(reason) => lost(reason),
        AgentError::Op(op) => match op.kind {
            OpErrorKind::NotFound => Fault::new(
                Kind::FileMissing,
                format!("Can't open a terminal on the remote{}.", said(&op.message)),
                "Correct the folder, or the command.",
            ),
            OpErrorKind::Permission => Fault::new(
                Kind::Permission,
                format!("Can't open a terminal on the remote{}.", said(&op.message)),
                "The login needs access to the folder, and the right to run the command.",
            ),
            _ => other("open a terminal on the remote", &op.message),
        },
    };
    fault.because(error)
}

/// A terminal ended with its connection.
#[must_use]
pub fn terminal_lost() -> Fault {
    Fault::new(Kind::ConnectionLost, "The connection was lost, and with it the terminal.", "Open it again.")
}

/// The folder for a terminal is no path.
#[must_use]
pub fn no_folder(folder: &str) -> Fault {
    Fault::new(Kind::BadRequest, format!("There can't be a folder {folder:?}."), "Name another one.")
}
