//! Owns the `local` transport: a child process on this machine. Never touches a network.

use crate::child::{self, Start};
use crate::{Pipe, TransportError};

/// Runs `sh -c command` here.
pub(crate) async fn connect(command: &str) -> Result<Pipe, TransportError> {
    let argv = ["sh", "-c", command].map(str::to_owned);
    child::start(Start { argv: &argv, shown: "sh", first_line: None }).await
}
