//! Owns which interpreter runs the program.

use remora_agent::Link;
use remora_model::RemotePath;

use crate::error::DebugError;

/// An interpreter on the remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// How it is called: the path as named or found (not resolved: a virtual environment's link stays).
    pub path: String,
    /// Its language version.
    pub version: (u8, u8, u8),
    /// Such as `CPython` or `PyPy`.
    pub implementation: String,
    /// Its `sys.prefix`.
    pub prefix: String,
    /// Whether it belongs to a virtual environment.
    pub venv: bool,
}

/// The interpreter named by `wanted`, or else the one found.
///
/// # Errors
/// [`DebugError::InterpreterMissing`], [`DebugError::NotPython`], [`DebugError::NoInterpreter`] or the agent's.
pub async fn find(_link: &Link, _remote_root: &RemotePath, _wanted: Option<&str>) -> Result<Interpreter, DebugError> {
    Err(DebugError::NoInterpreter { tried: Vec::new() })
}
