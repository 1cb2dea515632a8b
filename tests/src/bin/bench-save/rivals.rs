//! Owns the measured ways of today: scp, rsync and `ssh cat` over one connection that OpenSSH keeps open.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use remora_tests::bench::Samples;
use tokio::process::Command;

use crate::place::Place;

/// One way to carry a file.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    /// The command over the shared connection.
    command: fn(&Shared, &Place) -> Command,
}

/// Those that are measured.
pub(crate) const ALL: &[Rival] = &[
    Rival { name: "ssh cat", command: cat },
    Rival { name: "rsync", command: rsync },
    Rival { name: "scp", command: scp },
];

/// A connection that stays open, and that every rival uses.
pub(crate) struct Shared {
    /// What makes `ssh` and `scp` use it.
    options: Vec<String>,
}

impl Shared {
    pub(crate) async fn open(ssh_config: &Path, folder: &Path) -> Self {
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

    pub(crate) async fn measure(&self, rival: &Rival, place: Place) -> Samples {
        place.measure(async |place| succeed((rival.command)(self, place)).await).await
    }

    pub(crate) async fn close(self) {
        let mut command = self.with_options("ssh");
        command.args(["-q", "-O", "exit", "box"]).stderr(Stdio::null());
        succeed(command).await;
    }

    fn with_options(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }
}

fn cat(shared: &Shared, place: &Place) -> Command {
    let mut command = shared.with_options("ssh");
    command.args(["box", "cat", ">"]).arg(place.remote_file());
    command.stdin(File::open(place.local_file()).expect("the saved file can be read"));
    command
}

fn rsync(shared: &Shared, place: &Place) -> Command {
    let mut command = Command::new("rsync");
    // Saves of the same size within a second look the same to its quick check.
    command.args(["--archive", "--ignore-times", "--rsh", &format!("ssh {}", shared.options.join(" "))]);
    command.arg(place.local_file()).arg(format!("box:{}", place.remote_file().display()));
    command
}

fn scp(shared: &Shared, place: &Place) -> Command {
    let mut command = shared.with_options("scp");
    command.arg("-pq").arg(place.local_file()).arg(format!("box:{}", place.remote_file().display()));
    command
}

async fn succeed(mut command: Command) {
    command.stdout(Stdio::null());
    let status = command.status().await.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}
