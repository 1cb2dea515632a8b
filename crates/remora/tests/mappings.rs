//! Stories of several local folders that are mirrored to several remote ones: over a language server in process, and
//! on the command line.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "lsp/scene.rs"]
mod scene;

use std::fs;
use std::path::Path;

use remora_testkit::command::Ended;
use remora_testkit::scene::{Scene as Project, text};
use serde_json::{Value, json};
use tempfile::TempDir;

use scene::Scene;

/// A workspace with a program in `src`, which has a remote folder of its own, and a library beside the workspace, which
/// goes into the remote copy of the workspace.
async fn scene(files: &[(&str, &str)]) -> Scene {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("shared")).unwrap();
    fs::write(at("shared/tools.py"), "def twice(x):\n    y = x * 2\n    return y\n").unwrap();
    let settings = json!({"targets": [{
        "name": "here", "local": true, "remoteRoot": at("there"),
        "mappings": [
            {"local": "src", "remote": at("program")},
            {"local": "../shared", "remote": at("there/vendor/lib")},
        ],
    }]});
    let mut scene = Scene::with_settings(folder, files, settings).await;
    fs::create_dir_all(scene.here("src")).unwrap();
    let program = "import sys\nsys.path.insert(0, sys.argv[1])\nimport tools\nprint(tools.twice(21))\n";
    fs::write(scene.here("src/main.py"), program).unwrap();
    // What is in the place of a mapped folder is nobody's.
    fs::create_dir_all(scene.here("vendor/lib")).unwrap();
    fs::write(scene.here("vendor/lib/tools.py"), "shadowed").unwrap();
    scene.client.ignore("remora/fault");
    scene.client.ignore("remora/mirrored");
    scene
}

fn read(scene: &Scene, name: &str) -> Option<String> {
    fs::read_to_string(scene.folder.path().join(name)).ok()
}

async fn kind(scene: &mut Scene, method: &str, params: Value) -> (Value, String) {
    let error = scene.client.request(method, params).await.unwrap_err();
    (error["data"]["kind"].clone(), error["message"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn each_folder_goes_to_its_own_place_and_no_file_to_two() {
    let mut scene = scene(&[("app.py", "1")]).await;
    let mirrored = scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert_eq!(mirrored["files"], 3);
    assert_eq!(read(&scene, "there/app.py").as_deref(), Some("1"));
    assert!(read(&scene, "program/main.py").is_some() && read(&scene, "there/src/main.py").is_none());
    assert!(read(&scene, "there/vendor/lib/tools.py").unwrap().starts_with("def twice"));
    scene.save("../shared/tools.py", "a = 1\n").await;
    scene.save("src/main.py", "b = 2\n").await;
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert_eq!(read(&scene, "there/vendor/lib/tools.py").as_deref(), Some("a = 1\n"));
    assert_eq!(read(&scene, "program/main.py").as_deref(), Some("b = 2\n"));
    let status = scene.client.request("remora/connect", json!({})).await.unwrap();
    assert_eq!((&status["phase"], &status["pending"]), (&json!("inSync"), &json!(0)));
    assert_eq!(status["remoteRoot"], json!(scene.folder.path().join("there").canonicalize().unwrap()));
    scene.end().await;
}

#[tokio::test]
async fn a_file_of_any_folder_is_asked_about_by_the_name_that_the_status_gives_it() {
    let mut scene = scene(&[]).await;
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    let (lib, main) =
        (scene.folder.path().join("there/vendor/lib/tools.py"), scene.folder.path().join("program/main.py"));
    fs::write(&lib, "theirs").unwrap();
    fs::write(&main, "theirs").unwrap();
    let (diverged, message) = kind(&mut scene, "remora/mirror", json!({})).await;
    assert_eq!(diverged, "diverged");
    assert!(message.starts_with("src/main.py is on the remote, but not as Remora put it"), "{message}");
    let status = scene.client.request("remora/connect", json!({})).await.unwrap();
    assert_eq!(status["diverged"], json!(["src/main.py", "../shared/tools.py"]));

    let file = json!({"file": scene.folder.path().join("shared/tools.py")});
    let there = scene.client.request("remora/remoteFile", file.clone()).await.unwrap();
    assert_eq!(there["content"], "dGhlaXJz");
    let explained = scene.client.request("remora/explain", file.clone()).await.unwrap();
    let sentence = explained["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("../shared/tools.py is mirrored to /"), "{sentence}");
    let shadowed = json!({"file": scene.here("vendor/lib/tools.py")});
    let explained = scene.client.request("remora/explain", shadowed).await.unwrap();
    assert_eq!(
        explained["sentence"],
        "vendor/lib/tools.py is not mirrored: the target's mappings have vendor/lib/, or what would be its place on the \
         remote, somewhere else."
    );
    scene.client.request("remora/takeRemote", file).await.unwrap();
    assert_eq!(read(&scene, "shared/tools.py").as_deref(), Some("theirs"));
    let keep_mine = json!({"overwrite": true, "paths": ["src/main.py"]});
    scene.client.request("remora/mirror", keep_mine).await.unwrap();
    assert!(fs::read_to_string(&main).unwrap().starts_with("import sys"));

    let kept = scene.client.request("remora/trash", json!({})).await.unwrap();
    assert_eq!((&kept["kept"][0]["path"], kept["kept"].as_array().unwrap().len()), (&json!("src/main.py"), 1));
    let restore = json!({"path": "src/main.py", "time": kept["kept"][0]["time"], "overwrite": true});
    scene.client.request("remora/restore", restore).await.unwrap();
    assert_eq!(read(&scene, "here/src/main.py").as_deref(), Some("theirs"));
    scene.end().await;
}

#[tokio::test]
async fn a_program_of_one_folder_stops_at_a_breakpoint_in_another() {
    let mut scene = scene(&[]).await;
    let (main, tools) = (scene.here("src/main.py"), scene.folder.path().join("shared/tools.py"));
    let library = scene.folder.path().join("there/vendor/lib");
    let start = json!({"file": main, "args": [library]});
    let started = scene.client.request("remora/debug/start", start).await.unwrap();
    let mappings = started["configuration"]["pathMappings"].as_array().unwrap();
    let remote =
        |index: usize| Path::new(mappings[index]["remoteRoot"].as_str().unwrap()).file_name().unwrap().to_owned();
    assert_eq!(mappings.len(), 3, "{mappings:?}");
    assert_eq!(remote(2), "there", "the folder around the others comes last: {mappings:?}");
    let address = format!("127.0.0.1:{}", started["port"]).parse().unwrap();
    let mut debugger = remora_debug::dap::Client::connect(address).await.unwrap();
    debugger.attach(&started["configuration"], &[(text(&tools), &[2])]).await.unwrap();
    let (thread, _) = debugger.stopped().await.unwrap();
    let stack = debugger.request("stackTrace", json!({"threadId": thread})).await.unwrap();
    let at = |index: usize| stack["stackFrames"][index]["source"]["path"].clone();
    assert_eq!((at(0), at(1)), (json!(tools), json!(main)), "both are files of this machine");
    debugger.go_on(thread).await.unwrap();
    let mut said = String::new();
    while !said.ends_with('\n') {
        said += scene.client.expect("remora/output").await["data"].as_str().unwrap();
    }
    assert_eq!(said, "42\n");
    scene.client.expect("remora/exited").await;
    scene.end().await;
}

#[tokio::test]
async fn launch_json_names_all_folders_and_is_right_the_second_time() {
    let mut scene = scene(&[]).await;
    let answer = scene.client.request("remora/launchJson", json!({"text": ""})).await.unwrap();
    let value: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
    let mappings = value["configurations"][0]["pathMappings"].as_array().unwrap();
    let names = |key: &str| mappings.iter().map(|mapping| mapping[key].clone()).collect::<Vec<_>>();
    let at = |name: &str| json!(scene.folder.path().join(name));
    assert_eq!(names("localRoot"), [at("here/src"), at("shared"), at("here")]);
    let again = scene.client.request("remora/launchJson", json!({"text": answer["text"]})).await.unwrap();
    assert_eq!(again["text"], answer["text"]);
    scene.end().await;
}

#[tokio::test]
async fn a_mapped_folder_that_is_gone_stops_the_mirror_and_removes_nothing() {
    let mut scene = scene(&[("app.py", "1")]).await;
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    fs::rename(scene.folder.path().join("shared"), scene.folder.path().join("away")).unwrap();
    let (gone, message) = kind(&mut scene, "remora/mirror", json!({})).await;
    assert_eq!(gone, "local_root_gone");
    assert!(message.starts_with("The local folder ../shared that is mirrored is gone"), "{message}");
    assert!(read(&scene, "there/vendor/lib/tools.py").is_some());
    fs::write(scene.here("app.py"), "22").unwrap();
    kind(&mut scene, "remora/mirror", json!({})).await;
    assert_eq!(read(&scene, "there/app.py").as_deref(), Some("22"), "the others go on");
    fs::rename(scene.folder.path().join("away"), scene.folder.path().join("shared")).unwrap();
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    scene.end().await;
}

async fn remora(project: &Project, words: &[&str]) -> Ended {
    let local = project.local();
    project.user.run(words.iter().copied().chain(["--target", "box", "--root", text(&local)])).await
}

#[tokio::test]
async fn the_command_line_reads_the_mappings_of_the_settings() {
    let project = Project::new(env!("CARGO_BIN_EXE_remora"), &[("app.py", "1"), ("src/main.py", "2")]);
    let remote = project.remote();
    let settings = json!({"remora.targets": [{
        "name": "box", "local": true,
        "mappings": [{"local": "src", "remote": remote}],
    }]});
    fs::create_dir_all(project.local().join(".vscode")).unwrap();
    fs::write(project.local().join(".vscode/settings.json"), settings.to_string()).unwrap();

    let planned = remora(&project, &["mirror", "--dry-run"]).await;
    let lines: Vec<&str> = planned.stdout.lines().collect();
    assert_eq!(lines[..1], ["upload     src/main.py"], "{planned:#?}");
    assert!(remora(&project, &["mirror"]).await.status.success());
    assert!(remote.join("main.py").exists() && !remote.join("app.py").exists());
    let app = project.local().join("app.py");
    let explained = remora(&project, &["mirror", "--explain", text(&app)]).await;
    assert!(explained.stdout.contains("it is not in the folder"), "{explained:#?}");
    let examined = remora(&project, &["doctor"]).await;
    assert!(examined.stdout.contains("src: "), "{examined:#?}");
}
