//! Stories of the ways into a program, on the command line: a real agent and real debuggers on this machine, no SSH.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::path::Path;
use std::process::Command;

use remora_debug::dap::Client;
use remora_testkit::command::Running;
use remora_testkit::python;
use remora_testkit::scene::{Scene, text};

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

/// What `remora debug` starts, run to its end without a stop.
async fn run_through(run: &mut Running) {
    let listening = run.event("listening").await;
    let port = u16::try_from(listening["port"].as_u64().unwrap()).unwrap();
    let mut client = Client::connect(([127, 0, 0, 1], port).into()).await.unwrap();
    client.attach(&listening["configuration"], &[]).await.unwrap();
    client.terminated().await.unwrap();
}

#[tokio::test]
async fn a_prefix_comes_from_the_settings_or_the_command_line_and_one_that_fails_is_a_fault() {
    let scene = Scene::new(BINARY, &[("app.py", "import os\nprint(os.environ['LAB'])\n")]);
    let app = scene.local().join("app.py");
    let line = "export LAB='of the line' && exec \"$@\"";
    let mut run = scene.user.start(scene.args("debug", &["--prefix", line, text(&app)]));
    run_through(&mut run).await;
    let ended = run.end().await;
    assert_eq!((ended.output("stdout").as_str(), ended.status.code()), ("of the line\n", Some(0)), "{ended:#?}");

    let settings = serde_json::json!({"remora.targets": [
        {"name": "lab", "local": true, "remoteRoot": scene.remote(), "prefix": ["env", "LAB=of the settings"]},
        {"name": "bad", "local": true, "remoteRoot": scene.remote(), "prefix": "module load nothing && exec \"$@\""},
    ]});
    scene.write(".vscode/settings.json", &settings.to_string());
    let named = |name: &'static str, command: &str| {
        let root = scene.local();
        [command, "--target", name, "--root", text(&root), "--json"].map(String::from).to_vec()
    };
    let debug = |name| [named(name, "debug"), vec![text(&app).to_owned()]].concat();
    let mut run = scene.user.start(debug("lab"));
    run_through(&mut run).await;
    assert_eq!(run.end().await.output("stdout"), "of the settings\n");

    let ended = scene.user.run(debug("bad")).await;
    let fault = ended.event("fault");
    assert_eq!((fault["kind"].as_str(), ended.status.code()), (Some("prefix_failed"), Some(125)), "{ended:#?}");
    let message = fault["message"].as_str().unwrap();
    assert!(message.contains("module load nothing") && message.contains("modulefile for 'nothing'"), "{message}");
    let checks = scene.user.run(named("bad", "doctor")).await;
    let check = checks.events.iter().find(|event| event["name"] == "interpreter").unwrap();
    assert_eq!((check["status"].as_str(), check["message"].as_str()), (Some("failed"), Some(message)), "{check}");
}

#[tokio::test]
async fn a_module_of_the_machine_is_loaded_before_the_interpreter_is_looked_for() {
    let scene =
        Scene::new(BINARY, &[("app.py", "import os, sys\nprint(os.path.basename(sys.prefix), os.environ['LAB'])\n")]);
    let venv = scene.folder.path().join("lab");
    let made = Command::new(python::usual()).args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let modules = scene.folder.path().join("modules");
    std::fs::create_dir(&modules).unwrap();
    let module = format!("#%Module1.0\nprepend-path PATH {}/bin\nsetenv LAB loaded\n", venv.display());
    std::fs::write(modules.join("lab"), module).unwrap();
    let line = format!("module use {} && module load lab && exec \"$@\"", modules.display());
    let app = scene.local().join("app.py");
    let mut run = scene.user.start(scene.args("debug", &["--prefix", &line, text(&app)]));
    run_through(&mut run).await;
    assert_eq!(run.end().await.output("stdout"), "lab loaded\n");
}

const TESTS: &str = "\
def test_sum():
    total = 1 + 2
    assert total == 3


def test_other():
    assert False
";

#[tokio::test]
async fn a_test_is_debugged_by_its_name_and_a_missing_pytest_is_a_fault_with_the_way_to_install_it() {
    let scene = Scene::new(BINARY, &[("tests/test_a.py", TESTS)]);
    let python = python::usual();
    let folder = python::packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &python, &["pytest==8.3.5"]);
    let path = format!("PYTHONPATH={}", folder.display());
    let rest = ["--python", text(&python), "--env", &path, "--pytest", "tests/test_a.py::test_sum", "-v"];
    let mut run = scene.user.start(scene.args("debug", &rest));
    run_through(&mut run).await;
    let ended = run.end().await;
    let output = ended.output("stdout");
    assert!(output.contains("tests/test_a.py::test_sum PASSED") && output.contains("1 passed"), "{ended:#?}");
    assert_eq!(ended.status.code(), Some(0));

    let bare = scene.folder.path().join("bare");
    let made = Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&bare).status().unwrap();
    assert!(made.success());
    let bare = bare.join("bin/python");
    let rest = ["--python", text(&bare), "--pytest", "tests/test_a.py"];
    let ended = scene.user.run(scene.args("debug", &rest)).await;
    let fault = ended.event("fault");
    assert_eq!((fault["kind"].as_str(), ended.status.code()), (Some("module_missing"), Some(125)), "{ended:#?}");
    let install = format!("`{} -m pip install pytest`.", bare.display());
    assert!(fault["hint"].as_str().unwrap().ends_with(&install), "{fault}");

    let ended = scene.user.run(scene.args("debug", &["--pytest", "nope.py::test_a"])).await;
    assert_eq!(ended.event("fault")["message"], "Can't debug nope.py: there is no such file.");
}
