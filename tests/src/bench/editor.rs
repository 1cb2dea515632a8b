//! Owns a `remora lsp` that a bench drives as an editor does: its process, its language client, its end. Takes no
//! time itself; says when something was told.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use remora_testkit::lsp::LspClient;
use serde_json::{Value, json};
use tokio::process::{Child, ChildStdin, Command};

/// Nothing that is measured takes longer; a bench that hangs should end with a message.
const PATIENCE: Duration = Duration::from_secs(900);

/// Two folders that are to be equal; both are on this machine.
#[derive(Debug, Clone)]
pub struct Sides {
    /// What is mirrored.
    pub local_root: PathBuf,
    /// Where it is mirrored to.
    pub remote_root: PathBuf,
}

/// A running `remora lsp` and its client.
pub struct Editor {
    child: Child,
    client: LspClient<ChildStdin>,
}

impl Editor {
    /// Starts it with the host `box` of this `ssh_config` as its target. Nothing is connected yet.
    pub async fn start(home: &Path, sides: &Sides, ssh_config: &Path) -> Self {
        let mut command = Command::new(remora());
        command.arg("lsp").env("HOME", home).env_remove("XDG_CACHE_HOME").kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("remora can be started");
        let stdin = child.stdin.take().expect("invariant: standard input is piped");
        let stdout = child.stdout.take().expect("invariant: standard output is piped");
        let remote_root = &sides.remote_root;
        let target = json!({
            "name": "box", "host": "box", "sshConfig": ssh_config, "remoteRoot": remote_root, "python": "python3",
        });
        // A large file is sent, and replaced, without a word.
        let settings = json!({"targets": [target], "mirror": {"maxFileMegabytes": 0, "trashMegabytes": 10_000}});
        let mut client = LspClient::new(stdout, stdin, settings);
        for method in ["remora/status", "remora/mirrored", "window/logMessage", "client/registerCapability"] {
            client.ignore(method);
        }
        client.initialize(&sides.local_root).await;
        Self { child, client }
    }

    /// Has the connection stand while nothing is compared or sent: what a shared connection is to OpenSSH.
    pub async fn connect(&mut self) {
        self.ask("remora/pause").await;
        self.ask("remora/connect").await;
    }

    /// After [`Editor::connect`]: has everything on the remote. Done when that is confirmed.
    pub async fn first_mirror(&mut self) -> Value {
        self.ask("remora/resume").await;
        self.mirror().await
    }

    /// Has everything on the remote. Done when that is confirmed.
    pub async fn mirror(&mut self) -> Value {
        self.ask("remora/mirror").await
    }

    /// Presses F5: starts a program by an entry of `launch.json`. Done when a client can connect to what is said in the answer.
    pub async fn launch(&mut self, entry: &Value) -> Value {
        let launched = self.client.request("remora/debug/launch", json!({"configuration": entry})).await;
        launched.unwrap_or_else(|error| panic!("the program can't be started: {error:#}"))
    }

    /// Waits until the program that was started has ended.
    pub async fn exited(&mut self) {
        self.client.expect("remora/exited").await;
    }

    /// Tells that a file was saved.
    pub async fn save(&mut self, file: &Path) {
        let document = json!({"textDocument": {"uri": format!("file://{}", file.display())}});
        self.client.notify("textDocument/didSave", document).await;
    }

    /// Waits until so many files were confirmed since the last request, or all of them, and `arrived` finds that it is
    /// true. Returns when the deciding word came; looking does not count.
    pub async fn confirmed(&mut self, files: u64, mut arrived: impl FnMut() -> bool) -> Instant {
        let mut confirmed = 0;
        loop {
            let next = self.client.expect_any(&["remora/mirrored", "remora/status"]);
            let next = tokio::time::timeout(PATIENCE, next).await;
            let (method, params) = next.unwrap_or_else(|_| panic!("not confirmed: {confirmed} of {files} files"));
            let told = Instant::now();
            confirmed += if method == "remora/mirrored" { params["files"].as_u64().unwrap_or(0) } else { 0 };
            // The watcher sees a save as well; a word that comes twice is about the one before.
            if (confirmed >= files || is_settled(&params)) && arrived() {
                return told;
            }
        }
    }

    /// Waits until nothing is under way, so that what comes next is about what is done next. Asks again and again: what
    /// is only being looked at is in the answer, and its end is not told.
    pub async fn settle(&mut self) {
        let settled = async { while !is_settled(&self.ask("remora/connect").await) {} };
        tokio::time::timeout(PATIENCE, settled).await.expect("everything is on the remote in time");
    }

    /// The process id of `remora`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().expect("remora still runs")
    }

    /// Says good-bye and waits for its end.
    pub async fn close(mut self) {
        self.client.shutdown().await;
        drop(self.client);
        self.child.wait().await.expect("remora ends");
    }

    async fn ask(&mut self, method: &str) -> Value {
        let answer = tokio::time::timeout(PATIENCE, self.client.request(method, json!({}))).await;
        let answer = answer.unwrap_or_else(|_| panic!("{method} is not answered"));
        answer.unwrap_or_else(|error| panic!("{method}: {error:#}"))
    }
}

/// Whether a status says that everything is on the remote. What is no status says nothing.
fn is_settled(status: &Value) -> bool {
    status["phase"] == "inSync" && status["pending"] == 0
}

/// The program that was built beside this one.
#[must_use]
pub fn remora() -> PathBuf {
    let bench = std::env::current_exe().expect("a program knows where it is");
    bench.with_file_name(format!("remora{}", std::env::consts::EXE_SUFFIX))
}
