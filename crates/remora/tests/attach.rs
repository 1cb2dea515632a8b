//! Stories of what runs over there already: found, attached to, stopped, and left to run, by the command line over a real
//! sshd, and by an editor.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "conversations/plain.rs"]
#[expect(dead_code, reason = "only what is unpacked is of use here")]
mod plain;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use remora_debug::dap::Client;
use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::lsp::LspClient;
use remora_testkit::python::usual;
use remora_testkit::scene::{Scene, text};
use remora_testkit::sshd::{Sshd, SshdOptions};
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// Turns until it is killed. With an argument it listens for its debug client itself.
const PROGRAM: &str = "import select, sys
if len(sys.argv) > 1:
    import debugpy
    print(debugpy.listen((\"127.0.0.1\", 0))[1], flush=True)
else:
    print(\"up\", flush=True)
turns = 0
while True:
    turns += 1
    select.select([], [], [], 0.02)
";
const LINE: u32 = 9;

/// A program that nobody of us has started.
struct Stranger(Child);

impl Stranger {
    /// The program, and the first line that it says.
    fn start(file: &Path, home: &Path, debugpy: Option<&Path>) -> (Self, String) {
        let mut command = Command::new(usual());
        command.arg(file).env("HOME", home).stdout(Stdio::piped());
        if let Some(debugpy) = debugpy {
            command.arg("listens").env("PYTHONPATH", debugpy);
        }
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(process), line.trim().to_owned())
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A scene whose target is a private sshd, with the program there.
async fn prepared() -> (Scene, Sshd) {
    let mut scene = Scene::new(BINARY, &[("app.py", PROGRAM)]);
    let home = scene.user.home();
    let home = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", text(home), text(&runtime_folder(home)));
    let sshd = Sshd::start(SshdOptions { server_lines: vec![home], ..SshdOptions::default() });
    scene.target = ["--host", "box", "--ssh-config", text(&sshd.ssh_config())].map(String::from).to_vec();
    let mirrored = scene.user.run(scene.args("mirror", &[])).await;
    assert!(mirrored.status.success());
    (scene, sshd)
}

#[tokio::test]
async fn a_process_is_found_attached_to_and_left_to_run() {
    let (scene, _sshd) = prepared().await;
    let (mut stranger, _) = Stranger::start(&scene.remote().join("app.py"), scene.user.home(), None);
    let before = Census::take(scene.user.home());
    let listed = scene.user.run(scene.args("processes", &[])).await;
    let found = listed.events.iter().find(|event| event["pid"] == stranger.0.id()).unwrap();
    assert!(found["command"].as_str().unwrap().ends_with("app.py") && found["debugger"].is_null(), "{found}");
    let app = scene.local().join("app.py");
    for _ in 0..2 {
        let mut run = scene.user.start(scene.args("attach", &["--name", text(&scene.remote().join("app.py"))]));
        let listening = run.event("listening").await;
        let mut client = Client::by_configuration(&listening["configuration"], &[(text(&app), &[LINE])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        let stack = client.stack(thread).await.unwrap();
        assert_eq!((stack[0].path.as_str(), stack[0].line), (text(&app), LINE));
        run.signal(Signal::INT);
        run.end().await;
        Census::expect_no_more_than(&before, scene.user.home());
        assert!(stranger.runs());
    }
    let missing = scene.user.run(scene.args("attach", &["--name", "no such program"])).await;
    assert_eq!(missing.event("fault")["kind"], "cannot_attach");
}

#[tokio::test]
async fn a_program_that_listens_itself_is_attached_to_over_the_link() {
    let (scene, _sshd) = prepared().await;
    let debugpy = plain::unpacked(scene.folder.path(), &usual());
    let (mut stranger, port) = Stranger::start(&scene.remote().join("app.py"), scene.user.home(), Some(&debugpy));
    let refused = scene.user.run(scene.args("attach", &[&stranger.0.id().to_string()])).await;
    assert_eq!(refused.event("fault")["hint"], format!("Attach to its port instead: {port}."));
    let app = scene.local().join("app.py");
    let before = Census::take(scene.user.home());
    for _ in 0..2 {
        let mut run = scene.user.start(scene.args("attach", &["--port", &port]));
        let listening = run.event("listening").await;
        let mut client = Client::by_configuration(&listening["configuration"], &[(text(&app), &[LINE])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        assert_eq!(client.stack(thread).await.unwrap()[0].line, LINE);
        client.disconnect(false).await.unwrap();
        run.signal(Signal::INT);
        run.end().await;
        Census::expect_no_more_than(&before, scene.user.home());
        assert!(stranger.runs());
    }
}

#[tokio::test]
async fn an_editor_attaches_to_a_process_that_it_picks() {
    let folder = TempDir::new().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    for side in [&here, &there] {
        fs::create_dir(side).unwrap();
        fs::write(side.join("app.py"), PROGRAM).unwrap();
    }
    let (mut stranger, _) = Stranger::start(&there.join("app.py"), folder.path(), None);
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let (reader, writer) = tokio::io::split(theirs);
    let server = tokio::spawn(remora::backend::serve(reader, writer, Some(folder.path().join("records"))));
    let (reader, writer) = tokio::io::split(ours);
    let settings = json!({"targets": [{"name": "here", "local": true, "remoteRoot": there}]});
    let mut editor = LspClient::new(reader, writer, settings);
    for method in ["remora/status", "remora/mirrored", "remora/exited"] {
        editor.ignore(method);
    }
    editor.initialize(&here).await;
    let listed = editor.request("remora/debug/processes", json!({})).await.unwrap();
    let mut processes = listed["processes"].as_array().unwrap().iter();
    let picked = processes.find(|process| process["pid"] == stranger.0.id()).unwrap();
    assert!(picked["label"].as_str().unwrap().ends_with("app.py"), "{picked}");
    let entry: Value = json!({"type": "remora", "request": "attach", "processId": picked["pid"].to_string()});
    let app = here.join("app.py");
    for _ in 0..2 {
        let started = editor.request("remora/debug/launch", json!({"configuration": entry})).await.unwrap();
        let mut client = Client::over(Path::new(started["socket"].as_str().unwrap())).await.unwrap();
        client.attach(&entry, &[(text(&app), &[LINE])]).await.unwrap();
        let (thread, _) = client.stopped().await.unwrap();
        assert_eq!(client.stack(thread).await.unwrap()[0].path, text(&app));
        client.disconnect(false).await.unwrap();
        editor.expect("remora/exited").await;
        assert!(stranger.runs());
    }
    editor.shutdown().await;
    server.await.unwrap();
}
