//! Stories of the language server, in process, over the local transport.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "lsp/scene.rs"]
mod scene;

use std::fs;
use std::path::PathBuf;

use remora_testkit::census::Census;
use remora_testkit::sshd::{Account, Sshd, SshdOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use scene::Scene;

#[tokio::test]
async fn the_first_save_connects_and_every_save_is_confirmed() {
    let mut scene = Scene::new(&[("app.py", "1"), ("other.py", "2")]).await;
    scene.save("app.py", "11").await;
    scene.client.expect("remora/mirrored").await;
    let mirrored = scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert!(mirrored["files"].is_u64() && mirrored["ms"].is_number(), "{mirrored}");
    assert_eq!((scene.there("app.py"), scene.there("other.py")), ("11".into(), "2".into()));
    scene.save("app.py", "111").await;
    while scene.there("app.py") != "111" {
        scene.client.expect("remora/mirrored").await;
    }
    scene.end().await;
}

#[tokio::test]
async fn a_debug_session_runs_from_start_to_exit() {
    let mut scene = Scene::new(&[("app.py", "value = 41\nvalue += 1\nprint(value)\n")]).await;
    let app = scene.here("app.py");
    let started = scene.client.request("remora/debug/start", json!({"file": app})).await.unwrap();
    assert_eq!(started["configuration"]["type"], "debugpy");
    assert_eq!(started["configuration"]["connect"]["port"], started["port"]);
    let address = format!("127.0.0.1:{}", started["port"]).parse().unwrap();
    let mut debugger = remora_debug::dap::Client::connect(address).await.unwrap();
    debugger.attach(&started["configuration"], &[(app.to_str().unwrap(), &[3])]).await.unwrap();
    let (thread, _) = debugger.stopped().await.unwrap();
    debugger.go_on(thread).await.unwrap();
    let mut text = String::new();
    while !text.ends_with('\n') {
        let output = scene.client.expect("remora/output").await;
        assert_eq!((&output["session"], &output["stream"]), (&started["session"], &json!("stdout")));
        text += output["data"].as_str().unwrap();
    }
    assert_eq!(text, "42\n");
    let exited = scene.client.expect("remora/exited").await;
    assert_eq!((&exited["session"], &exited["code"]), (&started["session"], &json!(0)));
    scene.client.expect("remora/mirrored").await;
    let work = scene.client.shown_work();
    assert!(work.iter().any(|title| title == "Starting the program"), "it takes over half a second: {work:?}");
    scene.end().await;
}

#[tokio::test]
async fn a_session_that_is_stopped_is_gone() {
    let mut scene = Scene::new(&[("app.py", "import time\ntime.sleep(600)\n")]).await;
    let started = scene.client.request("remora/debug/start", json!({"file": scene.here("app.py")})).await.unwrap();
    let session = json!({"session": started["session"]});
    scene.client.request("remora/debug/stop", session.clone()).await.unwrap();
    let error = scene.client.request("remora/debug/stop", session).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "no_session");
    scene.client.ignore("remora/exited");
    scene.end().await;
}

#[tokio::test]
async fn launch_json_is_text_in_text_out() {
    let mut scene = Scene::new(&[]).await;
    let answer = scene.client.request("remora/launchJson", json!({"text": "", "port": 5678})).await.unwrap();
    let text = answer["text"].as_str().unwrap();
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value["configurations"][0]["name"], "Remora: here");
    assert_eq!(value["configurations"][0]["connect"], json!({"host": "127.0.0.1", "port": 5678}));
    assert_eq!(value["configurations"][0]["type"], "debugpy");
    for (extensions, expected) in [(json!({}), "remora"), (json!({"ms-python.python": "2023.1.0"}), "python")] {
        let params = json!({"text": "", "extensions": extensions});
        let answer = scene.client.request("remora/launchJson", params).await.unwrap();
        let value: Value = serde_json::from_str(answer["text"].as_str().unwrap()).unwrap();
        assert_eq!(value["configurations"][0]["type"], expected);
    }
    let error = scene.client.request("remora/launchJson", json!({"text": "{\n]"})).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "launch_json_invalid");
    assert!(error["message"].as_str().unwrap().contains("line 2"), "{error}");
    scene.end().await;
}

#[tokio::test]
async fn bad_messages_and_bad_parameters_are_answered_and_the_server_lives() {
    let mut scene = Scene::new(&[("app.py", "1")]).await;
    for bad in [
        &b"Content-Length: 9\r\n\r\n{\"jsonrpc"[..],
        b"Content-Length: 2\r\n\r\n\xff\xfe",
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: nine\r\n\r\n",
        b"nonsense\r\n\r\n",
    ] {
        scene.client.send_raw(bad).await;
        let status = scene.client.request("remora/connect", json!({})).await;
        assert!(status.is_ok(), "{:?}: {status:?}", String::from_utf8_lossy(bad));
    }
    for (method, params) in [
        ("remora/connect", json!({"target": 3})),
        ("remora/connect", json!({"tarkett": "here"})),
        ("remora/debug/start", json!({"file": ["a"]})),
        ("remora/debug/start", json!({"debugger": "gdb", "module": "a"})),
        ("remora/debug/stop", json!({})),
    ] {
        let error = scene.client.request(method, params.clone()).await.unwrap_err();
        assert_eq!(error["code"], -32602, "{method} {params}: {error}");
    }
    assert_eq!(scene.client.request("remora/no", json!({})).await.unwrap_err()["code"], -32601);
    let error = scene.client.request("remora/debug/start", json!({})).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "bad_request");
    let error = scene.client.request("remora/connect", json!({"target": "none"})).await.unwrap_err();
    assert_eq!((&error["data"]["kind"], &error["code"]), (&json!("no_target"), &json!(-32000)));
    scene.client.forget_answers_without_id();
    scene.end().await;
}

#[tokio::test]
async fn a_host_key_and_a_password_are_asked_of_the_editor() {
    let sshd = Sshd::start(SshdOptions {
        account: Account::Throwaway { shell: "/bin/sh".into() },
        password: true,
        known: false,
        client_lines: vec!["PubkeyAuthentication no".into()],
        ..SshdOptions::default()
    });
    let settings = json!({"targets": [{"name": "box", "host": "box", "sshConfig": sshd.ssh_config()}]});
    let mut scene = Scene::with_settings(TempDir::new().unwrap(), &[("app.py", "1")], settings).await;

    let connect = scene.client.ask("remora/connect", json!({})).await;
    let asked = scene.client.reply("remora/ask", Value::Null).await;
    assert_eq!(asked["kind"], "hostKey");
    assert!(asked["prompt"].as_str().unwrap().contains("\nSHA256:"), "{asked}");
    let error = scene.client.answer(connect).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "host_key_unknown");

    let mirror = scene.client.ask("remora/mirror", json!({})).await;
    scene.client.reply("remora/ask", json!({"trust": true, "remember": true})).await;
    let asked = scene.client.reply("remora/ask", json!({"secret": "wrong"})).await;
    assert_eq!((asked["kind"].as_str(), asked["attempt"].as_u64()), (Some("password"), Some(1)));
    let asked = scene.client.reply("remora/ask", json!({"secret": sshd.password()})).await;
    assert_eq!(asked["attempt"], 2);
    assert_eq!(scene.client.answer(mirror).await.unwrap()["files"], 1);

    sshd.end_sessions();
    let fault = scene.client.expect("remora/fault").await;
    assert_eq!(fault["kind"], "connection_lost");
    let status = scene.client.request("remora/connect", json!({})).await.unwrap();
    assert_eq!(status["target"], "box", "the password is not asked for again");
    scene.end().await;
}

#[tokio::test]
async fn a_fault_does_not_end_the_server_and_another_target_works() {
    let folder = TempDir::new().unwrap();
    let there = folder.path().join("there");
    let settings = json!({"targets": [
        {"name": "nowhere", "host": "nowhere.invalid"},
        {"name": "broken", "command": ["no-such-program-here"]},
        {"name": "here", "local": true, "remoteRoot": there},
    ]});
    let mut scene = Scene::with_settings(folder, &[("app.py", "1")], settings).await;
    for (target, kind) in [("nowhere", "unknown_host"), ("broken", "program_missing"), ("none", "no_target")] {
        let error = scene.client.request("remora/mirror", json!({"target": target})).await.unwrap_err();
        assert_eq!(error["data"]["kind"], kind, "{error}");
    }
    assert_eq!(scene.client.request("remora/mirror", json!({"target": "here"})).await.unwrap()["files"], 1);
    scene.end().await;
}

#[tokio::test]
async fn wrong_settings_are_said_once_and_right_ones_heal() {
    let folder = TempDir::new().unwrap();
    let mut scene = Scene::with_settings(folder, &[("app.py", "1")], json!({"targets": "box"})).await;
    let fault = scene.client.expect("remora/fault").await;
    assert_eq!(fault["kind"], "bad_settings");
    let error = scene.client.request("remora/connect", json!({})).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "bad_settings");
    let there = scene.folder.path().join("there");
    scene.client.set_settings(json!({"targets": [{"name": "here", "local": true, "remoteRoot": there}]}));
    scene.client.notify("workspace/didChangeConfiguration", json!({"settings": null})).await;
    scene.client.request("remora/connect", json!({"target": "here"})).await.unwrap();
    scene.end().await;
}

/// Starts a program that never calls its debugger; returns the request and the home by which its process is found.
async fn start_and_wait_in_vain(scene: &mut Scene) -> (i64, PathBuf) {
    let home = scene.folder.path().join("home");
    let params = json!({"file": scene.here("app.py"), "inCode": true, "env": {"HOME": home}});
    let request = scene.client.ask("remora/debug/start", params).await;
    let mut text = String::new();
    while !text.ends_with('\n') {
        text += scene.client.expect("remora/output").await["data"].as_str().unwrap();
    }
    assert_eq!(text, "né\n", "a character that comes in two pieces is one");
    assert!(!Census::take(&home).processes.is_empty(), "the program runs");
    (request, home)
}

const NEVER_LISTENS: &str = r"import os, time
os.write(1, b'n\xc3')
time.sleep(0.2)
os.write(1, b'\xa9\n')
time.sleep(600)
";

#[tokio::test]
async fn a_start_that_is_cancelled_leaves_nothing_running() {
    let mut scene = Scene::new(&[("app.py", NEVER_LISTENS)]).await;
    let (request, home) = start_and_wait_in_vain(&mut scene).await;
    scene.client.notify("$/cancelRequest", json!({"id": request})).await;
    assert_eq!(scene.client.answer(request).await.unwrap_err()["code"], -32800);
    tokio::task::spawn_blocking(move || Census::expect_no_more_than(&Census::default(), &home)).await.unwrap();
    scene.end().await;
}

#[tokio::test]
async fn an_editor_that_vanishes_in_the_middle_of_a_start_leaves_nothing_running() {
    let mut scene = Scene::new(&[("app.py", NEVER_LISTENS)]).await;
    let (_, home) = start_and_wait_in_vain(&mut scene).await;
    scene.client.vanish().await;
    scene.server.await.unwrap();
    assert_eq!(Census::take(&home), Census::default());
}

#[tokio::test]
async fn the_local_side_wins_once_and_only_where_the_user_said_so() {
    let folder = TempDir::new().unwrap();
    for (target, text) in [("there", "theirs"), ("other", "theirs too")] {
        fs::create_dir(folder.path().join(target)).unwrap();
        fs::write(folder.path().join(target).join("app.py"), text).unwrap();
    }
    let settings = json!({"targets": [
        {"name": "here", "local": true, "remoteRoot": folder.path().join("there")},
        {"name": "other", "local": true, "remoteRoot": folder.path().join("other")},
    ]});
    let mut scene = Scene::with_settings(folder, &[("app.py", "ours")], settings).await;
    scene.client.ignore("remora/fault");
    let done = scene.client.request("remora/mirror", json!({"overwrite": true})).await.unwrap();
    assert_eq!((scene.there("app.py").as_str(), &done["files"]), ("ours", &json!(1)));

    fs::write(scene.folder.path().join("there/app.py"), "theirs again").unwrap();
    let error = scene.client.request("remora/mirror", json!({})).await.unwrap_err();
    assert_eq!((&error["data"]["kind"], scene.there("app.py").as_str()), (&json!("diverged"), "theirs again"));
    let error = scene.client.request("remora/mirror", json!({"target": "other"})).await.unwrap_err();
    assert_eq!(error["data"]["kind"], "diverged");
    assert_eq!(fs::read_to_string(scene.folder.path().join("other/app.py")).unwrap(), "theirs too");
    scene.end().await;
}
