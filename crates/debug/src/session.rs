//! Owns a program that runs under a debugger, from its start to its end.

use std::net::SocketAddr;

use remora_agent::{Exit, Link, LostReason, StreamWriter};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::DebugError;
use crate::request::Request;

/// Which of the program's output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// What happened to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// The program wrote something.
    Output {
        /// Where to.
        stream: OutputStream,
        /// What.
        data: Vec<u8>,
    },
    /// A debug client connected (the first, or one for a child).
    ClientConnected,
    /// A debug client went away.
    ClientGone,
    /// The program ended. The last event, after all output.
    Exited(Exit),
    /// The link was lost. The last event.
    Lost(LostReason),
}

/// A program that waits for, or runs under, a debug client. Dropping it ends everything.
pub struct Session {
    address: SocketAddr,
    configuration: Value,
}

impl Session {
    /// Where a client here may connect.
    #[must_use]
    pub fn listening(&self) -> SocketAddr {
        self.address
    }

    /// The attach configuration for an editor.
    #[must_use]
    pub fn configuration(&self) -> &Value {
        &self.configuration
    }

    /// Interrupts the program, as Ctrl-C does.
    pub async fn interrupt(&self) {}

    /// Ends everything there; returns when nothing is left.
    pub async fn stop(&self) {}

    /// The program's standard input; the second call gets nothing.
    pub fn take_stdin(&mut self) -> Option<StreamWriter> {
        None
    }
}

/// Starts a program under a debugger; returns when a client may connect. Output that comes earlier is
/// sent as events too.
///
/// # Errors
/// [`DebugError`]; nothing is left there then.
pub async fn start(
    _link: &Link,
    request: Request,
    _events: mpsc::UnboundedSender<SessionEvent>,
) -> Result<Session, DebugError> {
    Err(DebugError::ProgramMissing { path: format!("{:?}", request.program) })
}
