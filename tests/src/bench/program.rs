//! Owns a program that is debugged on a remote, its folders on both sides, and debugpy started for it by hand. Takes no time.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::bench::editor::Sides;

const PROGRAM: &str = "\
def order(count):
    total, names = 0, []
    for number in range(count):
        price = number * 3
        name = 'item %d' % number
        names = names[-5:] + [name]
        total += price
    return total


print(order(1000))
";
/// Where it is to stop; first after a few lines, then often.
pub const BREAKPOINT: u32 = 4;

/// The program here, where it goes, and a login's home.
pub struct Place {
    folder: TempDir,
}

/// A debugpy that somebody has started over there, reached by a forwarded port.
pub struct ByHand {
    ssh: Child,
    /// The port here.
    pub port: u16,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// The program is here, and nothing is there.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let place = Self { folder };
        for folder in [place.sides().local_root, place.home()] {
            fs::create_dir(folder).expect("a folder can be made");
        }
        fs::write(place.file(), PROGRAM).expect("a file can be written");
        place
    }

    /// Both folders.
    #[must_use]
    pub fn sides(&self) -> Sides {
        Sides { local_root: self.folder.path().join("here"), remote_root: self.folder.path().join("there") }
    }

    /// The login's.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The program here.
    #[must_use]
    pub fn file(&self) -> String {
        self.sides().local_root.join("order.py").display().to_string()
    }

    /// What a client is told that attaches to a debugpy which was started by hand.
    #[must_use]
    pub fn attach(&self) -> Value {
        let Sides { local_root, remote_root } = self.sides();
        json!({
            "name": "by hand", "type": "debugpy", "request": "attach", "justMyCode": true,
            "pathMappings": [{"localRoot": local_root, "remoteRoot": remote_root}],
        })
    }

    /// The debugger that Remora has brought to the login, if it has.
    #[must_use]
    pub fn debugger_there(&self) -> Option<PathBuf> {
        let entries = fs::read_dir(self.home().join(".cache/remora")).ok()?;
        let mut folders = entries.flatten().map(|entry| entry.path());
        folders.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("debugpy-")))
    }

    /// `ssh -L` and the debugger that Remora has brought there by now; done when it listens. It says so to a file; a pipe
    /// with a name hears it at once, and no connection of ours is taken for the client.
    pub async fn by_hand(&self, mut ssh: Command) -> ByHand {
        let [port, remote_port] = [free_port(), free_port()];
        let endpoints = self.folder.path().join(format!("endpoints-{port}"));
        let made = Command::new("mkfifo").arg(&endpoints).status().await.expect("mkfifo can be run");
        assert!(made.success(), "a pipe with a name can be made");
        let command = format!(
            "cd {} && PYTHONPATH={} DEBUGPY_ADAPTER_ENDPOINTS={} exec python3 -Xfrozen_modules=off -m debugpy --listen {remote_port} --wait-for-client order.py",
            self.sides().remote_root.display(),
            self.debugger_there().expect("Remora has brought a debugger there").display(),
            endpoints.display()
        );
        ssh.args(["-L", &format!("127.0.0.1:{port}:127.0.0.1:{remote_port}"), "box", &command]);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let ssh = ssh.spawn().expect("ssh can be started");
        let said = tokio::fs::read(&endpoints).await.expect("a pipe can be read");
        assert!(!said.is_empty(), "debugpy does not listen");
        ByHand { ssh, port }
    }
}

impl ByHand {
    /// Waits until the program has ended, and its connection with it.
    pub async fn ended(mut self) {
        self.ssh.wait().await.expect("ssh ends with its command");
    }
}

/// `ssh` with a connection of its own.
#[must_use]
pub fn ssh(ssh_config: &Path) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(ssh_config);
    command
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("invariant: it is bound").port()
}
