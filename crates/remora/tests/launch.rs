//! Stories of an editor that launches: over the local transport, with a debug client of its own.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_debug::dap::Client;
use remora_testkit::census::Census;
use remora_testkit::lsp::LspClient;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{DuplexStream, WriteHalf};
use tokio::task::JoinHandle;

/// A server, its client, and a project with one target.
struct Scene {
    folder: TempDir,
    client: LspClient<WriteHalf<DuplexStream>>,
    server: JoinHandle<()>,
}

impl Scene {
    async fn new(program: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let here = folder.path().join("here");
        fs::create_dir(&here).unwrap();
        fs::write(here.join("app.py"), program).unwrap();
        Self::serve(folder).await
    }

    /// A server for what is in the folder.
    async fn serve(folder: TempDir) -> Self {
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let server = tokio::spawn(remora::backend::serve(reader, writer, Some(folder.path().join("records"))));
        let (reader, writer) = tokio::io::split(ours);
        let settings = json!({"targets": [{"name": "here", "local": true, "remoteRoot": there}]});
        let mut client = LspClient::new(reader, writer, settings);
        for method in ["remora/status", "remora/mirrored", "remora/exited"] {
            client.ignore(method);
        }
        client.initialize(&here).await;
        Self { folder, client, server }
    }

    fn app(&self) -> String {
        self.folder.path().join("here/app.py").display().to_string()
    }

    fn entry(&self) -> Value {
        json!({"type": "remora", "request": "launch", "name": "My app", "program": self.app(), "__sessionId": "1"})
    }

    async fn launch(&mut self, entry: &Value) -> Value {
        self.client.request("remora/debug/launch", json!({"configuration": entry})).await.unwrap()
    }

    async fn end(self) {
        drop(self.close().await);
    }

    async fn close(mut self) -> TempDir {
        self.client.shutdown().await;
        self.server.await.unwrap();
        self.folder
    }
}

fn socket(launched: &Value) -> PathBuf {
    launched["socket"].as_str().unwrap().into()
}

/// What the client was told of the end.
async fn end(client: &mut Client) -> (Value, String) {
    client.event("terminated").await.unwrap();
    (client.event("exited").await.unwrap()["exitCode"].take(), client.take_output())
}

#[tokio::test]
async fn a_launch_stops_at_a_breakpoint_and_its_client_hears_all_until_the_end() {
    let mut scene = Scene::new("import sys\nvalue = sys.argv[1:]\nprint(value)\nsys.exit(3)\n").await;
    let mut entry = scene.entry();
    entry["args"] = json!(["é"]);
    let launched = scene.launch(&entry).await;
    assert_eq!((&launched["terminal"], &launched["port"]), (&Value::Null, &json!(0)));
    let path = socket(&launched);
    let mut debugger = Client::over(&path).await.unwrap();
    let app = scene.app();
    debugger.launch(&entry, &[(&app, &[3])]).await.unwrap();
    let (thread, _) = debugger.stopped().await.unwrap();
    let stack = debugger.stack(thread).await.unwrap();
    assert_eq!((stack[0].path.as_str(), stack[0].line), (app.as_str(), 3));
    let variables = debugger.variables(stack[0].id).await.unwrap();
    assert!(variables.iter().any(|shown| shown.name == "value" && shown.value == "['é']"), "{variables:?}");
    debugger.go_on(thread).await.unwrap();
    assert_eq!(end(&mut debugger).await, (json!(3), "['é']\n".into()));
    debugger.disconnect(false).await.unwrap();
    let exited = scene.client.expect("remora/exited").await;
    assert_eq!((&exited["session"], &exited["code"]), (&launched["session"], &json!(3)));
    let error = scene.client.request("remora/debug/sessionSocket", json!({"session": launched["session"]})).await;
    assert_eq!(error.unwrap_err()["data"]["kind"], "no_session");
    scene.end().await;
    assert!(!path.parent().unwrap().exists());
}

#[tokio::test]
async fn a_restart_ends_the_old_program_and_starts_the_new_text() {
    let mut scene = Scene::new("import time\nprint('old', flush=True)\ntime.sleep(600)\n").await;
    let mut entry = scene.entry();
    let home = scene.folder.path().join("home");
    entry["env"] = json!({"HOME": home});
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[(&scene.app(), &[3])]).await.unwrap();
    debugger.stopped().await.unwrap();
    debugger.request("disconnect", json!({"restart": true})).await.unwrap();
    assert_eq!(scene.client.expect("remora/exited").await["session"], launched["session"]);

    fs::write(scene.app(), "print('new')\n").unwrap();
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[]).await.unwrap();
    assert_eq!(end(&mut debugger).await, (json!(0), "new\n".into()));
    drop(debugger);
    scene.client.expect("remora/exited").await;
    assert_eq!(Census::take(&home), Census::default());
    scene.end().await;
}

#[tokio::test]
async fn who_left_a_session_finds_its_socket_again_and_the_status_says_who_is_there() {
    let mut scene = Scene::new("import time\nwhile True:\n    time.sleep(0.01)\n").await;
    let entry = scene.entry();
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[]).await.unwrap();
    let shown = shown_sessions(&mut scene).await;
    assert_eq!(shown, json!([{"session": launched["session"], "name": "My app", "attached": true, "stale": []}]));
    debugger.disconnect(false).await.unwrap();
    while shown_sessions(&mut scene).await[0]["attached"] == true {}
    let found =
        scene.client.request("remora/debug/sessionSocket", json!({"session": launched["session"]})).await.unwrap();
    assert_eq!(found["socket"], launched["socket"]);
    let mut debugger = Client::over(Path::new(found["socket"].as_str().unwrap())).await.unwrap();
    debugger.attach(&json!({"type": "remora", "request": "attach"}), &[(&scene.app(), &[3])]).await.unwrap();
    debugger.stopped().await.unwrap();
    scene.client.request("remora/debug/stop", json!({"session": launched["session"]})).await.unwrap();
    debugger.event("terminated").await.unwrap();
    scene.end().await;
}

async fn shown_sessions(scene: &mut Scene) -> Value {
    scene.client.request("remora/connect", json!({})).await.unwrap()["sessions"].take()
}

#[tokio::test]
async fn a_port_in_the_entry_is_listened_on_in_place_of_a_socket() {
    let mut scene = Scene::new("print(1)\n").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut entry = scene.entry();
    entry["port"] = json!(free.port());
    let launched = scene.launch(&entry).await;
    assert_eq!((&launched["socket"], &launched["host"]), (&Value::Null, &json!("127.0.0.1")));
    let mut debugger = Client::connect(free).await.unwrap();
    debugger.launch(&entry, &[]).await.unwrap();
    let (status, _) = end(&mut debugger).await;
    assert_eq!(status, 0);
    scene.client.ignore("remora/output");
    scene.end().await;
}

#[tokio::test]
async fn a_configuration_that_is_wrong_is_refused_before_anything_starts() {
    let mut scene = Scene::new("print(1)\n").await;
    let app = scene.app();
    let table = [
        (
            json!({"program": app, "args": "a 'b"}),
            "bad_request",
            "launch.json: a quote in \"args\" is not closed: a 'b.",
        ),
        (
            json!({"program": app, "module": "app"}),
            "bad_request",
            "launch.json: only one of \"program\", \"module\" and \"pytest\" can be given.",
        ),
        (
            json!({"program": app, "target": "none"}),
            "no_target",
            "launch.json: \"target\" is \"none\", and remora.targets has none of that name.",
        ),
    ];
    for (configuration, kind, message) in table {
        let error =
            scene.client.request("remora/debug/launch", json!({"configuration": configuration})).await.unwrap_err();
        assert_eq!((&error["data"]["kind"], &error["message"]), (&json!(kind), &json!(message)));
    }
    let missing = json!({"configuration": {"program": "nope.py"}});
    let error = scene.client.request("remora/debug/launch", missing).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "file_missing");
    scene.end().await;
}

#[tokio::test]
async fn a_launch_that_is_cancelled_leaves_nothing_running() {
    // It says that it runs by a pipe with a name, because nobody hears its output yet.
    let program = "import os, time\nopen(os.environ['HOME'] + '/runs', 'w').close()\ntime.sleep(600)\n";
    let mut scene = Scene::new(program).await;
    let home = scene.folder.path().join("home");
    fs::create_dir(&home).unwrap();
    assert!(Command::new("mkfifo").arg(home.join("runs")).status().unwrap().success());
    let mut entry = scene.entry();
    entry["inCode"] = json!(true);
    entry["env"] = json!({"HOME": home});
    let request = scene.client.ask("remora/debug/launch", json!({"configuration": entry})).await;
    let runs = home.join("runs");
    let opened = tokio::task::spawn_blocking(move || fs::read(runs));
    tokio::select! {
        answer = scene.client.answer(request) => panic!("{answer:?}"),
        opened = opened => drop(opened.unwrap().unwrap()),
    }
    assert!(!Census::take(&home).processes.is_empty(), "the program runs");
    fs::remove_file(home.join("runs")).unwrap();
    scene.client.notify("$/cancelRequest", json!({"id": request})).await;
    assert_eq!(scene.client.answer(request).await.unwrap_err()["code"], -32800);
    tokio::task::spawn_blocking(move || Census::expect_no_more_than(&Census::default(), &home)).await.unwrap();
    scene.end().await;
}

/// What a terminal shows until it has shown `wanted`.
async fn shown(scene: &mut Scene, wanted: &str) -> String {
    let mut text = String::new();
    while !text.contains(wanted) {
        text += scene.client.expect("remora/terminal/output").await["data"].as_str().unwrap();
    }
    text
}

#[tokio::test]
async fn a_program_on_a_terminal_is_typed_to_there_and_the_terminal_ends_with_it() {
    let program = "import os, sys\nprint(os.environ['COLORTERM'])\nname = input('name? ')\n\
                   print('hello', name, *os.get_terminal_size())\nsys.exit(3)\n";
    let mut scene = Scene::new(program).await;
    let mut entry = scene.entry();
    entry["console"] = json!("integratedTerminal");
    let launched = scene.launch(&entry).await;
    let terminal = &launched["terminal"];
    scene.client.notify("remora/terminal/resize", json!({"terminal": terminal, "cols": 100, "rows": 30})).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[(&scene.app(), &[4])]).await.unwrap();
    assert!(shown(&mut scene, "name? ").await.contains("truecolor"));
    scene.client.notify("remora/terminal/write", json!({"terminal": terminal, "data": "é\r"})).await;
    let (thread, _) = debugger.stopped().await.unwrap();
    debugger.go_on(thread).await.unwrap();
    shown(&mut scene, "hello é 100 30").await;
    assert_eq!(end(&mut debugger).await, (json!(3), String::new()));
    scene.client.ignore("remora/terminal/output");
    assert_eq!(scene.client.expect("remora/terminal/ended").await, json!({"terminal": terminal, "code": 3}));
    scene.end().await;
}

#[tokio::test]
async fn a_program_ends_with_the_terminal_that_it_runs_on() {
    let mut scene = Scene::new("import time\nwhile True:\n    print('x' * 1000)\n").await;
    scene.client.ignore("remora/terminal/output");
    let home = scene.folder.path().join("home");
    let mut entry = scene.entry();
    entry["console"] = json!("integratedTerminal");
    entry["env"] = json!({"HOME": home});
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[]).await.unwrap();
    scene.client.notify("remora/terminal/close", json!({"terminal": launched["terminal"]})).await;
    scene.client.expect("remora/terminal/ended").await;
    debugger.event("terminated").await.unwrap();
    drop(debugger);
    scene.client.expect("remora/exited").await;
    assert_eq!(Census::take(&home), Census::default());
    scene.end().await;
}

#[tokio::test]
async fn the_test_at_the_caret_is_found_in_the_editor_and_debugged() {
    let text = "def test_one():\n    one = 1\n    assert one\n\n\ndef test_two():\n    two = 2\n    assert two\n";
    let mut scene = Scene::new("").await;
    let file = scene.folder.path().join("here/test_app.py");
    fs::write(&file, text).unwrap();
    let found = scene.client.request("remora/debug/starts", json!({"file": file, "text": text})).await.unwrap();
    assert_eq!(found["starts"], json!([{"line": 0, "test": "test_one"}, {"line": 5, "test": "test_two"}]));

    let python = remora_testkit::python::usual();
    let packages = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let packages = remora_testkit::python::packages(packages, &python, &["pytest==8.3.5"]);
    let entry = |line: usize| {
        let test = format!("{}:{line}", file.display());
        json!({"type": "remora", "request": "launch", "pytest": test, "python": python, "env": {"PYTHONPATH": packages}})
    };
    let launched = scene.launch(&entry(7)).await;
    let name = shown_sessions(&mut scene).await[0]["name"].take();
    assert_eq!(name, "test_app.py::test_two");
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    let path = file.display().to_string();
    debugger.launch(&entry(7), &[(&path, &[3, 8])]).await.unwrap();
    let (thread, _) = debugger.stopped().await.unwrap();
    assert_eq!(debugger.stack(thread).await.unwrap()[0].line, 8);
    debugger.go_on(thread).await.unwrap();
    let (status, output) = end(&mut debugger).await;
    assert!(status == 0 && output.contains("1 passed"), "{output}");
    drop(debugger);

    let error = scene.client.request("remora/debug/launch", json!({"configuration": entry(5)})).await.unwrap_err();
    assert!(error["message"].as_str().unwrap().ends_with("test_app.py: it stands in no test."), "{error}");
    scene.end().await;
}

#[tokio::test]
async fn a_detached_launch_goes_on_without_its_editor_and_an_attach_entry_comes_back_to_it() {
    let mut scene = Scene::new("value = 41\nvalue += 1\nprint(value)\n").await;
    let mut entry = scene.entry();
    entry["detach"] = json!(true);
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.launch(&entry, &[(&scene.app(), &[3])]).await.unwrap();
    debugger.stopped().await.unwrap();
    let run = loop {
        let said = debugger.event("output").await.unwrap();
        if let Some((_, rest)) = said["output"].as_str().unwrap().split_once("This is run ") {
            break rest[..8].to_owned();
        }
    };
    drop(debugger);
    let mut scene = Scene::serve(scene.close().await).await;
    let entry = json!({"type": "remora", "request": "attach", "name": "Back", "run": run, "__sessionId": "2"});
    let launched = scene.launch(&entry).await;
    let mut debugger = Client::over(&socket(&launched)).await.unwrap();
    debugger.attach(&entry, &[(&scene.app(), &[3])]).await.unwrap();
    let (thread, reason) = debugger.stopped().await.unwrap();
    let stack = debugger.stack(thread).await.unwrap();
    assert_eq!((stack[0].line, reason.as_str()), (3, "breakpoint"));
    debugger.go_on(thread).await.unwrap();
    assert_eq!(end(&mut debugger).await, (json!(0), "42\n".into()));
    debugger.disconnect(false).await.unwrap();
    let exited = scene.client.expect("remora/exited").await;
    assert_eq!((&exited["session"], &exited["code"]), (&launched["session"], &json!(0)));
    scene.end().await;
}
