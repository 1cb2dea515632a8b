//! Stories of debuggers that are not met over the connection, on a real sshd: each is attached to by the configuration that
//! was given.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;

use remora_debug::dap::Client;
use remora_testkit::census::{Census, runtime_folder};
use remora_testkit::command::Running;
use remora_testkit::editor::adapter;
use remora_testkit::python::newest;
use remora_testkit::scene::{Scene, text};
use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use serde_json::{Value, json};
use tokio::process::Child;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// A project whose settings name a target with such an exposure.
fn story(exposure: &str) -> (Scene, Sshd) {
    let mut scene = Scene::new(BINARY, &[("app.py", "value = 41\nvalue += 1\nprint(value)\n")]);
    let home = scene.user.home();
    let home = format!("SetEnv HOME={} XDG_RUNTIME_DIR={}", text(home), text(&runtime_folder(home)));
    let sshd =
        Sshd::start(SshdOptions { account: Account::Current, server_lines: vec![home], ..SshdOptions::default() });
    let target = json!({
        "name": "box", "host": "box", "sshConfig": sshd.ssh_config(), "exposure": exposure, "python": newest(),
    });
    scene.write(".vscode/settings.json", &json!({ "remora.targets": [target] }).to_string());
    scene.target.clear();
    (scene, sshd)
}

/// From the breakpoint to the end; nothing may be left.
async fn to_the_end(scene: &Scene, before: &Census, run: Running, mut client: Client, configuration: &Value) {
    let app = scene.local().join("app.py");
    client.attach(configuration, &[(text(&app), &[3])]).await.unwrap();
    let (thread, _) = client.stopped().await.unwrap();
    let stack = client.stack(thread).await.unwrap();
    assert_eq!((stack[0].line, stack[0].path.as_str()), (3, text(&app)));
    client.go_on(thread).await.unwrap();
    drop(client);
    let ended = run.end().await;
    assert_eq!(ended.output("stdout"), "42\n", "{ended:#?}");
    assert_eq!(ended.event("exited")["code"], 0);
    Census::expect_no_more_than(before, scene.user.home());
}

/// What `remora launch-json` would write.
async fn written(scene: &Scene) -> Value {
    let ended = scene.user.run(scene.args("launch-json", &["--stdout"])).await;
    let file: Value = serde_json::from_str(&ended.stdout).unwrap();
    file["configurations"][0].clone()
}

#[tokio::test]
async fn a_debugger_that_listens_there_is_warned_of_and_attached_to() {
    let (scene, _sshd) = story("direct");
    let before = Census::take(scene.user.home());
    let app = scene.local().join("app.py");
    let mut run = scene.user.start(scene.args("debug", &[text(&app)]));
    assert_eq!(run.event("fault").await["kind"], "port_exposed");
    let listening = run.event("listening").await;
    let configuration = &listening["configuration"];
    assert_eq!(written(&scene).await["connect"], configuration["connect"]);
    let port = configuration["connect"]["port"].as_u64().unwrap();
    let address = format!("{}:{port}", configuration["connect"]["host"].as_str().unwrap());
    let client = Client::connect(address.parse().unwrap()).await.unwrap();
    to_the_end(&scene, &before, run, client, configuration).await;
}

#[tokio::test]
async fn a_program_dials_the_editor_that_listens_where_the_connection_comes_from() {
    let (scene, _sshd) = story("reverse");
    let before = Census::take(scene.user.home());
    let app = scene.local().join("app.py");
    let mut run = scene.user.start(scene.args("debug", &[text(&app)]));
    let dialling = run.event("dialling").await;
    let configuration = &dialling["configuration"];
    assert_eq!(configuration["listen"]["host"], "127.0.0.1");
    assert_eq!(written(&scene).await["listen"], configuration["listen"]);
    let (client, _adapter) = editor(&scene);
    to_the_end(&scene, &before, run, client, configuration).await;
}

#[tokio::test]
async fn a_port_that_is_taken_there_is_said_before_anything_starts() {
    let (scene, _sshd) = story("direct");
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let address = format!("127.0.0.1:{}", taken.local_addr().unwrap().port());
    let app = scene.local().join("app.py");
    let ended = scene.user.run(scene.args("debug", &["--address", &address, text(&app)])).await;
    assert_eq!(
        (ended.event("fault")["kind"].as_str(), ended.status.code()),
        (Some("port_taken"), Some(125)),
        "{ended:#?}"
    );
}

/// What an editor starts here for a configuration with `listen`.
fn editor(scene: &Scene) -> (Client, Child) {
    let cache = scene.user.home().join(".cache/remora");
    let pushed = fs::read_dir(cache)
        .unwrap()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with("debugpy-"));
    let (reader, writer, adapter) = adapter(&pushed.unwrap().path());
    (Client::on(reader, writer), adapter)
}
