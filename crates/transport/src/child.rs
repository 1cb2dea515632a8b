//! Owns a child process that holds a pipe, from its start until it is reaped. Never leaves one behind.

use crate::{Pipe, TransportError};

/// What to start.
pub(crate) struct Start<'a> {
    /// The program and its arguments.
    pub(crate) argv: &'a [String],
    /// What to call it in an error.
    pub(crate) shown: &'a str,
    /// What goes to its standard input before anything else.
    pub(crate) first_line: Option<Vec<u8>>,
}

/// Starts the child.
pub(crate) fn start(_start: Start<'_>) -> Result<Pipe, TransportError> {
    todo!()
}
