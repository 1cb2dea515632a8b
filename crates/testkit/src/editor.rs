//! Owns debugpy's own adapter as an editor with Microsoft's extension starts it. Never speaks to it.

use std::path::Path;
use std::process::Stdio;

use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::python::newest;

/// The two ends of an adapter's pipe; it ends with the third.
pub type Adapter = (ChildStdout, ChildStdin, Child);

/// Starts the adapter of the debugpy that is unpacked at `tree`.
///
/// # Panics
/// If it can't be started.
#[must_use]
pub fn adapter(tree: &Path) -> Adapter {
    let mut command = Command::new(newest());
    command.args(["-m", "debugpy.adapter"]).env("PYTHONPATH", tree);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut adapter = command.spawn().expect("Python can be started");
    let reader = adapter.stdout.take().expect("invariant: stdout is piped");
    let writer = adapter.stdin.take().expect("invariant: stdin is piped");
    (reader, writer, adapter)
}
