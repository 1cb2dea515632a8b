//! Owns the program that is stepped through, and the two ways to it. Never takes a time.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use remora_testkit::command::User;
use remora_tests::bench::editor::remora;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::editor::Editor;

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
const BREAKPOINT: u32 = 4;
/// A debugpy started by hand listens after this at the latest.
const START: Duration = Duration::from_secs(60);

/// The program here, and where it goes.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let place = Self { folder };
        for folder in [place.local_root(), place.home()] {
            fs::create_dir(folder).expect("a folder can be made");
        }
        fs::write(place.local_root().join("order.py"), PROGRAM).expect("a file can be written");
        place
    }

    fn local_root(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    fn remote_root(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    /// The login's.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn file(&self) -> String {
        self.local_root().join("order.py").display().to_string()
    }

    /// `remora debug`, and a client on its port.
    pub(crate) async fn by_remora(&self, ssh_config: &Path) -> Vec<Duration> {
        let user = User::new(remora());
        let (local_root, remote_root) = (self.local_root(), self.remote_root());
        let mut args = ["debug", "--json", "--host", "box"].map(str::to_owned).to_vec();
        for (option, path) in [("--ssh-config", ssh_config), ("--root", &local_root), ("--remote-root", &remote_root)] {
            args.extend([option.to_owned(), path.display().to_string()]);
        }
        args.push("order.py".to_owned());
        let mut running = user.start(args);
        let listening = running.event("listening").await;
        let port = listening["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let editor = Editor::attach(port, &listening["configuration"], &self.file(), BREAKPOINT).await;
        let steps = editor.expect("the debugger answers").steps(&self.file()).await.expect("every step is answered");
        running.event("exited").await;
        steps
    }

    /// `ssh -L` and the same debugger, which Remora has brought there by now.
    pub(crate) async fn by_hand(&self, ssh_config: &Path) -> Vec<Duration> {
        let [port, remote_port] = [free_port(), free_port()];
        let debugger = debugger_there(&self.home());
        let command = format!(
            "cd {} && PYTHONPATH={} exec python3 -Xfrozen_modules=off -m debugpy --listen {remote_port} --wait-for-client order.py",
            self.remote_root().display(),
            debugger.display()
        );
        let mut ssh = Command::new("ssh")
            .arg("-F")
            .arg(ssh_config)
            .args(["-L", &format!("127.0.0.1:{port}:127.0.0.1:{remote_port}"), "box", &command])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("ssh can be started");
        let configuration = json!({
            "name": "by hand", "type": "debugpy", "request": "attach", "justMyCode": true,
            "pathMappings": [{"localRoot": self.local_root(), "remoteRoot": self.remote_root()}],
        });
        let start = Instant::now();
        // A connection that ssh can't lead on ends at once; whoever gets an answer is the client.
        let editor = loop {
            if let Some(editor) = Editor::attach(port, &configuration, &self.file(), BREAKPOINT).await {
                break editor;
            }
            assert!(start.elapsed() < START, "debugpy does not listen");
        };
        let steps = editor.steps(&self.file()).await.expect("every step is answered");
        ssh.wait().await.expect("ssh ends with its command");
        steps
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("invariant: it is bound").port()
}

fn debugger_there(home: &Path) -> PathBuf {
    let cache = home.join(".cache/remora");
    let entries = fs::read_dir(&cache).unwrap_or_else(|error| panic!("{}: {error}", cache.display()));
    let mut folders = entries.flatten().map(|entry| entry.path());
    folders
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("debugpy-")))
        .expect("Remora has brought a debugger there")
}
