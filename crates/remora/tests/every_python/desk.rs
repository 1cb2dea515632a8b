//! Owns what a person at an editor has: a `remora lsp` with a project and a target behind an sshd. Knows nothing of what is
//! tried with it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use remora_debug::dap::Client;
use remora_testkit::lsp::LspClient;
use remora_testkit::scene::text;
use remora_testkit::sshd::Sshd;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, ChildStdin, Command};

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// An editor that runs.
pub(crate) struct Desk {
    folder: TempDir,
    process: Child,
    client: LspClient<ChildStdin>,
}

/// A program that was launched, and the client that debugs it.
pub(crate) struct Session {
    pub(crate) id: Value,
    pub(crate) socket: PathBuf,
    pub(crate) client: Client,
}

impl Desk {
    /// Opens a folder with these programs.
    pub(crate) async fn open(home: &Path, sshd: &Sshd, programs: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
        fs::create_dir(&here).unwrap();
        for (name, program) in programs {
            fs::write(here.join(name), program).unwrap();
        }
        let mut command = Command::new(BINARY);
        command
            .arg("lsp")
            .env("HOME", home)
            .env_remove("XDG_CACHE_HOME")
            .env_remove("SSH_AUTH_SOCK")
            .kill_on_drop(true);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let target = json!({"name": "box", "host": "box", "sshConfig": sshd.ssh_config(), "remoteRoot": there});
        let mut client = LspClient::new(stdout, stdin, json!({"targets": [target]}));
        for method in ["remora/status", "remora/mirrored", "window/logMessage", "client/registerCapability"] {
            client.ignore(method);
        }
        client.initialize(&here).await;
        Self { folder, process, client }
    }

    /// A file of the project, as the editor knows it.
    pub(crate) fn here(&self, name: &str) -> String {
        text(&self.folder.path().join("here").join(name)).to_owned()
    }

    /// Presses F5: the program runs, and its client is connected.
    ///
    /// # Errors
    /// What the editor is told.
    pub(crate) async fn launch(&mut self, entry: &Value, breakpoints: &[(&str, &[u32])]) -> Result<Session, Value> {
        let launched = self.client.request("remora/debug/launch", json!({"configuration": entry})).await?;
        let socket = PathBuf::from(launched["socket"].as_str().unwrap());
        let mut client = Client::over(&socket).await.unwrap();
        let set = client.launch(entry, breakpoints).await.unwrap();
        assert!(set.iter().all(|breakpoint| breakpoint.verified), "{set:?}");
        Ok(Session { id: launched["session"].clone(), socket, client })
    }

    /// Waits until the editor was told that the program has ended.
    pub(crate) async fn exited(&mut self, session: &Value) {
        assert_eq!(self.client.expect("remora/exited").await["session"], *session);
    }

    pub(crate) async fn close(mut self) {
        self.client.shutdown().await;
        drop(self.client);
        assert!(self.process.wait().await.unwrap().success());
    }
}
