//! Stories of a remote terminal in an editor: opened, used, resized, closed, and lost.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::lsp::LspClient;
use remora_testkit::sshd::{Sshd, SshdOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{DuplexStream, WriteHalf};
use tokio::task::JoinHandle;

/// Typed at a shell: something in the foreground that says when it is there (its echo does not).
const FOREGROUND: &str = "sh -c 'echo be\"\"gun; exec sleep 600'\n";

/// A server, its client, a project, a remote root, and a home for whoever logs in.
struct Scene {
    folder: TempDir,
    client: LspClient<WriteHalf<DuplexStream>>,
    server: JoinHandle<()>,
    /// What the terminal showed since the last look.
    shown: String,
}

impl Scene {
    /// With a target that a command reaches, whose login has a home of its own and a plain prompt.
    async fn new() -> Self {
        Self::with(|scene| {
            let home = scene.home();
            let run = runtime_folder(&home);
            let mut command = vec!["env".to_owned(), format!("HOME={}", home.display())];
            command.push(format!("XDG_RUNTIME_DIR={}", run.display()));
            command.extend(["SHELL=/bin/bash", "HISTFILE=", "sh"].map(String::from));
            fs::write(home.join(".bash_profile"), "PS1='$ '\n").unwrap();
            json!({"command": command})
        })
        .await
    }

    async fn with(target: impl FnOnce(&Self) -> Value) -> Self {
        let folder = TempDir::new().unwrap();
        for name in ["here", "there", "home", "home/run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::set_permissions(folder.path().join("home/run"), fs::Permissions::from_mode(0o700)).unwrap();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let server = tokio::spawn(remora::backend::serve(reader, writer, Some(folder.path().join("records"))));
        let (reader, writer) = tokio::io::split(ours);
        let mut client = LspClient::new(reader, writer, Value::Null);
        client.ignore("remora/status");
        let mut scene = Self { folder, client, server, shown: String::new() };
        let mut target = target(&scene);
        target["name"] = "box".into();
        target["remoteRoot"] = json!(scene.there());
        scene.client.set_settings(json!({"targets": [target]}));
        let here = scene.folder.path().join("here");
        scene.client.initialize(&here).await;
        scene
    }

    fn home(&self) -> PathBuf {
        fs::canonicalize(self.folder.path().join("home")).unwrap()
    }

    fn there(&self) -> PathBuf {
        fs::canonicalize(self.folder.path().join("there")).unwrap()
    }

    async fn open(&mut self) -> Value {
        let opened = self.client.request("remora/terminal/open", json!({"cols": 100, "rows": 30})).await;
        opened.unwrap()["terminal"].clone()
    }

    async fn types(&mut self, terminal: &Value, data: &str) {
        self.client.notify("remora/terminal/write", json!({"terminal": terminal, "data": data})).await;
    }

    /// Waits until the terminal shows this, and forgets everything up to it.
    async fn until(&mut self, terminal: &Value, text: &str) {
        loop {
            if let Some(at) = self.shown.find(text) {
                self.shown.drain(..at + text.len());
                return;
            }
            let output = self.client.expect("remora/terminal/output").await;
            assert_eq!(&output["terminal"], terminal);
            self.shown.push_str(output["data"].as_str().unwrap());
        }
    }

    async fn ended(&mut self) -> Value {
        self.client.ignore("remora/terminal/output");
        self.client.expect("remora/terminal/ended").await
    }

    /// Says good-bye, and checks that nothing is left.
    async fn end(mut self) {
        self.client.shutdown().await;
        self.server.await.unwrap();
        assert_eq!(Census::take(&self.folder.path().join("home")), Census::default(), "nothing is left by then");
    }
}

#[tokio::test]
async fn a_shell_on_this_machine_knows_its_folder_and_its_size_and_tells_its_exit() {
    let mut scene = Scene::with(|_| json!({"local": true})).await;
    let terminal = scene.open().await;
    scene.types(&terminal, "stty size; pwd -P; exec sh -c 'exit 5'\n").await;
    let there = scene.there().display().to_string();
    scene.until(&terminal, "30 100\r\n").await;
    scene.until(&terminal, &there).await;
    assert_eq!(scene.ended().await, json!({"terminal": terminal, "code": 5}));
    // It has ended: nobody takes notice.
    scene.types(&terminal, "echo\n").await;
    scene.client.notify("remora/terminal/resize", json!({"terminal": terminal, "cols": 1, "rows": 1})).await;
    scene.client.notify("remora/terminal/close", json!({"terminal": terminal})).await;
    scene.end().await;
}

#[tokio::test]
async fn a_login_shell_is_the_logins_own_and_obeys_keys_and_sizes() {
    let mut scene = Scene::new().await;
    fs::write(scene.home().join(".bash_profile"), "echo profile read; alias greet='echo hello'; PS1='$ '\n").unwrap();
    let terminal = scene.open().await;
    scene.until(&terminal, "profile read").await;
    scene.until(&terminal, "$ ").await;
    scene.types(&terminal, "greet $TERM $COLORTERM; printf '\\303'; printf '\\251\\377'; echo '<'\n").await;
    scene.until(&terminal, "hello xterm-256color truecolor\r\né\u{fffd}<\r\n").await;
    scene.client.notify("remora/terminal/resize", json!({"terminal": terminal, "cols": 132, "rows": 43})).await;
    scene.types(&terminal, "stty size\n").await;
    scene.until(&terminal, "43 132\r\n").await;
    scene.types(&terminal, FOREGROUND).await;
    scene.until(&terminal, "begun").await;
    scene.types(&terminal, "\u{3}").await;
    scene.until(&terminal, "$ ").await;
    scene.types(&terminal, "exit 0\n").await;
    assert_eq!(scene.ended().await, json!({"terminal": terminal, "code": 0}));
    scene.end().await;
}

#[tokio::test]
async fn one_that_is_closed_ends_with_all_that_ran_in_it_and_the_others_go_on() {
    let mut scene = Scene::new().await;
    let first = scene.open().await;
    scene.types(&first, "sleep 600 & setsid sleep 600 &\n").await;
    scene.types(&first, FOREGROUND).await;
    scene.until(&first, "begun").await;
    scene.client.ignore("remora/terminal/output");
    let second = scene.open().await;
    assert_ne!(first, second);
    scene.client.notify("remora/terminal/close", json!({"terminal": first})).await;
    assert_eq!(scene.ended().await, json!({"terminal": first, "signal": 1}));
    scene.types(&second, "until ! pgrep -x sleep -P $PPID; do :; done; exit 4\n").await;
    assert_eq!(scene.ended().await, json!({"terminal": second, "code": 4}));
    scene.end().await;
}

#[tokio::test]
async fn one_whose_connection_is_lost_says_so() {
    let mut scene = Scene::new().await;
    scene.client.ignore("remora/fault");
    let terminal = scene.open().await;
    scene.until(&terminal, "$ ").await;
    scene.types(&terminal, "kill -9 $PPID\n").await;
    assert_eq!(scene.ended().await, json!({"terminal": terminal, "lost": true}));
    let home = scene.home();
    tokio::task::spawn_blocking(move || Census::expect_no_more_than(&Census::default(), &home)).await.unwrap();
    let again = scene.open().await;
    assert_ne!(again, terminal);
    scene.client.notify("remora/terminal/close", json!({"terminal": again})).await;
    scene.ended().await;
    scene.end().await;
}

#[tokio::test]
async fn all_end_when_the_editor_leaves() {
    let mut scene = Scene::new().await;
    let terminal = scene.open().await;
    scene.types(&terminal, "trap '' HUP TERM; nohup sleep 600 & setsid sleep 600 &\n").await;
    scene.types(&terminal, FOREGROUND).await;
    scene.until(&terminal, "begun").await;
    scene.client.ignore("remora/terminal/output");
    scene.client.shutdown().await;
    assert_eq!(scene.ended().await, json!({"terminal": terminal, "lost": true}));
    scene.server.await.unwrap();
    assert_eq!(Census::take(&scene.folder.path().join("home")), Census::default());
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_named() {
    let mut scene = Scene::new().await;
    let params = json!({"cols": 80, "rows": 24, "cwd": "nowhere"});
    let error = scene.client.request("remora/terminal/open", params).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "file_missing");
    assert!(error["message"].as_str().unwrap().contains("there/nowhere"), "{error}");
    scene.end().await;
}

#[tokio::test]
async fn a_terminal_over_ssh_carries_much_both_ways() {
    let mut sshd = None;
    let mut scene = Scene::with(|scene| {
        let login = format!("SetEnv HOME={} SHELL=/bin/sh PS1=$", scene.home().display());
        let started = Sshd::start(SshdOptions { server_lines: vec![login], ..SshdOptions::default() });
        let config = started.ssh_config();
        sshd = Some(started);
        json!({"host": "box", "sshConfig": config})
    })
    .await;
    let terminal = scene.open().await;
    scene.types(&terminal, "stty raw -echo; echo re\"\"ady; head -c 300000 | wc -c; seq 100000; exit 6\n").await;
    scene.until(&terminal, "ready").await;
    scene.types(&terminal, &"é".repeat(150_000)).await;
    scene.until(&terminal, "300000\n1\n2\n").await;
    scene.until(&terminal, "\n99999\n100000\n").await;
    assert_eq!(scene.ended().await, json!({"terminal": terminal, "code": 6}));
    scene.end().await;
}
