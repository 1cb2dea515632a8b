//! Owns the connection that OpenSSH keeps open for every rival of a bench. Never knows what they carry.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

/// A connection that stays open, and that `ssh`, `scp` and `rsync` use.
pub struct Shared {
    options: Vec<String>,
}

impl Shared {
    /// Connects to the host `box` of this `ssh_config`; the connection's socket is made in `folder`.
    pub async fn open(ssh_config: &Path, folder: &Path) -> Self {
        let socket: PathBuf = folder.join("shared");
        let options =
            ["-F".into(), ssh_config.display().to_string(), "-o".into(), format!("ControlPath={}", socket.display())];
        let shared = Self { options: options.to_vec() };
        let mut master = shared.with_options("ssh");
        // -f: it returns when the connection stands, and stays in the background.
        master.args(["-M", "-N", "-f", "box"]);
        succeed(master).await;
        shared
    }

    /// `ssh` or `scp` over the connection; the arguments come after its options.
    #[must_use]
    pub fn with_options(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }

    /// `rsync --archive` over the connection.
    #[must_use]
    pub fn rsync(&self) -> Command {
        let mut command = Command::new("rsync");
        command.args(["--archive", "--rsh", &format!("ssh {}", self.options.join(" "))]);
        command
    }

    /// Ends the connection.
    pub async fn close(self) {
        let mut command = self.with_options("ssh");
        command.args(["-q", "-O", "exit", "box"]).stderr(Stdio::null());
        succeed(command).await;
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it can't be run or fails.
pub async fn succeed(mut command: Command) {
    command.stdout(Stdio::null());
    let status = command.status().await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}
