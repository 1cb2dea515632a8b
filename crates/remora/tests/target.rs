//! Stories of `remora target`: what there is, what could be added, and adding it.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use remora_testkit::census::Census;
use remora_testkit::command::Ended;
use remora_testkit::python;
use remora_testkit::scene::{Scene, text};
use serde_json::{Value, json};

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

fn settings(scene: &Scene) -> PathBuf {
    scene.local().join(".vscode/settings.json")
}

async fn target(scene: &Scene, command: &str, rest: &[&str]) -> Ended {
    let local = scene.local();
    let root = ["--root", text(&local)];
    let root = if command == "candidates" { &[][..] } else { &root[..] };
    scene.user.run(["target", command].iter().chain(root).chain(rest)).await
}

#[tokio::test]
async fn a_target_is_added_behind_the_others_and_then_listed_and_used() {
    let text_before = "{\n    // ours\n    \"editor.rulers\": [100],\n    \"remora.targets\": [\n        { \"name\": \"old\", \
                       \"host\": \"old\" }, // still there\n    ],\n}\n";
    let scene = Scene::new(BINARY, &[(".vscode/settings.json", text_before), ("app.py", "")]);
    let remote = scene.remote();
    let flags = ["--local", "--name", "here", "--remote-root", text(&remote), "--python", "python3"];
    let shown = target(&scene, "add", &[&flags[..], &["--stdout"]].concat()).await;
    assert_eq!(fs::read_to_string(settings(&scene)).unwrap(), text_before, "only shown");
    assert!(target(&scene, "add", &flags).await.status.success());
    let after = fs::read_to_string(settings(&scene)).unwrap();
    assert_eq!(shown.stdout, after);
    for kept in ["// ours", "\"editor.rulers\": [100]", "{ \"name\": \"old\", \"host\": \"old\" }, // still there"] {
        assert!(after.contains(kept), "{after}");
    }

    let listed = target(&scene, "list", &["--json"]).await;
    let entries: Vec<&Value> = listed.events.iter().map(|event| &event["target"]).collect();
    let here = json!({"name": "here", "local": true, "remoteRoot": remote, "python": "python3"});
    assert_eq!(entries, [&json!({"name": "old", "host": "old"}), &here]);
    assert_eq!((&listed.events[0]["used"], &listed.events[1]["used"]), (&json!(true), &json!(false)));
    let words = target(&scene, "list", &[]).await.stdout;
    assert!(words.starts_with("* old") && words.contains("here             this machine"), "{words}");

    let mirror = ["mirror", "--json", "--target", "here", "--root"].map(String::from);
    let ended = scene.user.run(mirror.into_iter().chain([text(&scene.local()).to_owned()])).await;
    assert!(ended.status.success() && remote.join("app.py").exists(), "{ended:#?}");
}

#[tokio::test]
async fn the_first_target_makes_the_file() {
    let scene = Scene::new(BINARY, &[]);
    let none = target(&scene, "list", &[]).await;
    assert!(none.status.success() && none.stderr.contains("no targets"), "{none:#?}");
    let local = scene.local();
    let args = ["target", "add", "--project", text(&local), "--host", "me@box", "--ssh-config", "~/x"];
    assert!(scene.user.run(args).await.status.success());
    let written: Value = serde_json::from_str(&fs::read_to_string(settings(&scene)).unwrap()).unwrap();
    let entry = json!({"name": "me@box", "host": "me@box", "sshConfig": "~/x"});
    assert_eq!(written, json!({"remora.targets": [entry]}));
}

#[tokio::test]
async fn what_can_not_be_added_changes_nothing() {
    let before = "{ \"remora.targets\": [{ \"name\": \"box\", \"local\": true }] }";
    let scene = Scene::new(BINARY, &[(".vscode/settings.json", before)]);
    for (flags, words) in [
        (&["--host", "box"][..], "has a target named \"box\" already"),
        (&[], "It is not said where the target is"),
        (&["--command", "docker exec -i web"], "has no name of its own"),
        (&["--command", "it's", "--name", "a"], "a quote is not closed"),
        (&["--local", "--remote-root", "app"], "neither an absolute path"),
    ] {
        let ended = target(&scene, "add", flags).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
        assert!(ended.stderr.contains(words), "{flags:?}: {}", ended.stderr);
        assert_eq!(fs::read_to_string(settings(&scene)).unwrap(), before);
    }
    assert_eq!(target(&scene, "add", &["--local", "--host", "a"]).await.status.code(), Some(2));
    for wrong in ["[]", "{ \"remora.targets\": 3 }", "{"] {
        fs::write(settings(&scene), wrong).unwrap();
        let ended = target(&scene, "add", &["--local"]).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
        assert_eq!(fs::read_to_string(settings(&scene)).unwrap(), wrong);
    }
}

#[tokio::test]
async fn candidates_are_the_users_own_hosts_containers_and_this_machine() {
    let mut scene = Scene::new(BINARY, &[]);
    let (ssh, bin) = (scene.user.home().join(".ssh"), scene.folder.path().join("bin"));
    fs::create_dir(&ssh).unwrap();
    fs::create_dir(&bin).unwrap();
    fs::write(ssh.join("config"), "Host build01\n  HostName build.example\n  User deploy\nHost *\n  Port 22\n")
        .unwrap();
    // As `docker ps --format` prints a container: <https://docs.docker.com/reference/cli/docker/container/ls/#format>.
    fs::write(bin.join("docker"), "#!/bin/sh\nprintf 'web\\tpython:3.12\\n'\n").unwrap();
    fs::set_permissions(bin.join("docker"), fs::Permissions::from_mode(0o755)).unwrap();
    scene.user.set("PATH", text(&bin));
    let ended = target(&scene, "candidates", &["--json"]).await;
    assert!(ended.status.success(), "{ended:#?}");
    for (kind, detail, target) in [
        ("ssh", "deploy@build.example", json!({"name": "build01", "host": "build01"})),
        ("docker", "python:3.12", json!({"name": "web", "command": ["docker", "exec", "-i", "web"]})),
        ("local", "", json!({"name": "local", "local": true})),
    ] {
        let expected = json!({"event": "candidate", "kind": kind, "detail": detail, "target": target});
        assert!(ended.events.contains(&expected), "{kind}: {:#?}", ended.events);
    }
    let words = target(&scene, "candidates", &[]).await.stdout;
    assert!(words.contains("ssh         build01          deploy@build.example\n"), "{words}");
}

#[tokio::test]
async fn interpreters_of_a_target_are_printed_and_nothing_is_left_there() {
    let scene = Scene::new(BINARY, &[]);
    let venv = scene.remote().join(".venv");
    let made = Command::new(python::find("3.11")).args(["-m", "venv", "--without-pip"]).arg(&venv).status().unwrap();
    assert!(made.success());
    let before = Census::take(scene.user.home());
    let remote = scene.remote();
    let flags = ["--local", "--remote-root", text(&remote), "--json"];
    let ended = target(&scene, "interpreters", &flags).await;
    let first = &ended.events[0];
    assert_eq!((&first["event"], &first["kind"]), (&json!("interpreter"), &json!("venv")), "{ended:#?}");
    assert_eq!(first["path"], json!(venv.join("bin/python")));
    Census::expect_no_more_than(&before, scene.user.home());
    let missing = target(&scene, "interpreters", &["--command", "no-such-program-here", "--json"]).await;
    assert_eq!(missing.event("fault")["kind"], "program_missing");
}
