//! Stories of the methods about the mirror and single files, over a language server in process.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

#[path = "lsp/scene.rs"]
mod scene;

use std::fs;
use std::path::Path;

use remora_testkit::scene::Scene as Project;
use serde_json::{Value, json};

use scene::Scene;

/// The whole status as of now.
async fn status(scene: &mut Scene) -> Value {
    scene.client.request("remora/connect", json!({})).await.unwrap()
}

/// Waits until the status is as `wanted` says.
async fn until(scene: &mut Scene, wanted: impl Fn(&Value) -> bool) -> Value {
    loop {
        let status = scene.client.expect("remora/status").await;
        if wanted(&status) {
            return status;
        }
    }
}

async fn kind(scene: &mut Scene, method: &str, params: Value) -> String {
    let error = scene.client.request(method, params).await.unwrap_err();
    error["data"]["kind"].as_str().unwrap_or_else(|| panic!("{error}")).to_owned()
}

fn there(scene: &Scene, name: &str) -> std::path::PathBuf {
    scene.folder.path().join("there").join(name)
}

#[tokio::test]
async fn the_status_names_the_remote_root_and_what_could_not_be_stored() {
    let mut scene = Scene::new(&[("app.py", "1"), ("other.py", "2")]).await;
    fs::create_dir_all(there(&scene, "app.py/in the way")).unwrap();
    scene.client.ignore("remora/fault");
    assert_eq!(kind(&mut scene, "remora/mirror", json!({})).await, "in_the_way");
    let status = status(&mut scene).await;
    assert_eq!(status["remoteRoot"], json!(there(&scene, "").canonicalize().unwrap()));
    assert_eq!(
        (&status["phase"], &status["waiting"], &status["progress"]),
        (&json!("trouble"), &json!([]), &Value::Null)
    );
    assert_eq!(status["failed"][0]["path"], "app.py");
    let reason = status["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("app.py is not stored: on the remote a file is where a folder"), "{reason}");

    fs::remove_dir_all(there(&scene, "app.py")).unwrap();
    until(&mut scene, |status| status["failed"] == json!([])).await;
    assert_eq!(scene.there("app.py"), "1", "it was tried again by itself");
    scene.end().await;
}

#[tokio::test]
async fn a_pause_holds_saves_back_and_starts_are_told_so() {
    let mut scene = Scene::new(&[("app.py", "1")]).await;
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert_eq!(scene.client.request("remora/pause", json!({})).await.unwrap(), Value::Null);
    scene.save("app.py", "22").await;
    let waits = until(&mut scene, |status| status["waiting"] == json!(["app.py"])).await;
    assert_eq!((&waits["phase"], &waits["panel"]["conditions"]["paused"]), (&json!("paused"), &json!(true)));
    assert_eq!(kind(&mut scene, "remora/mirror", json!({})).await, "mirror_paused");
    let start = json!({"file": scene.here("app.py")});
    assert_eq!(kind(&mut scene, "remora/debug/start", start).await, "mirror_paused");
    assert_eq!(scene.there("app.py"), "1");
    scene.client.request("remora/resume", json!({})).await.unwrap();
    scene.client.expect("remora/mirrored").await;
    assert_eq!(
        (scene.there("app.py"), &status(&mut scene).await["panel"]["conditions"]["paused"]),
        ("22".into(), &json!(false))
    );
    scene.end().await;
}

#[tokio::test]
async fn the_local_side_wins_over_the_files_that_were_named_only() {
    let mut scene = Scene::new(&[("mine.py", "1"), ("theirs.py", "1")]).await;
    scene.client.ignore("remora/fault");
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    for name in ["mine.py", "theirs.py"] {
        fs::write(there(&scene, name), "by hand").unwrap();
    }
    let keep_mine = json!({"overwrite": true, "paths": ["mine.py"]});
    scene.client.request("remora/mirror", keep_mine).await.unwrap();
    assert_eq!((scene.there("mine.py"), scene.there("theirs.py")), ("1".into(), "by hand".into()));
    assert_eq!(status(&mut scene).await["diverged"], json!(["theirs.py"]));
    assert_eq!(kind(&mut scene, "remora/mirror", json!({"paths": ["mine.py"]})).await, "bad_request");
    scene.end().await;
}

#[tokio::test]
async fn a_remote_file_can_be_read_and_taken() {
    let mut scene = Scene::new(&[("app.py", "1"), ("here.py", "1")]).await;
    scene.client.ignore("remora/fault");
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    fs::write(there(&scene, "app.py"), b"\xff\0theirs").unwrap();
    fs::remove_file(there(&scene, "here.py")).unwrap();
    assert_eq!(kind(&mut scene, "remora/mirror", json!({})).await, "diverged");
    let file = |scene: &Scene, name: &str| json!({"file": scene.here(name)});

    let params = file(&scene, "app.py");
    let read = scene.client.request("remora/remoteFile", params.clone()).await.unwrap();
    assert_eq!(read["content"], "/wB0aGVpcnM=");
    let params_gone = file(&scene, "gone.py");
    assert_eq!(scene.client.request("remora/remoteFile", params_gone.clone()).await.unwrap()["content"], Value::Null);
    fs::create_dir(there(&scene, "folder")).unwrap();
    let params_folder = file(&scene, "folder");
    assert_eq!(kind(&mut scene, "remora/remoteFile", params_folder).await, "in_the_way");
    assert_eq!(kind(&mut scene, "remora/remoteFile", json!({"file": "/etc/hostname"})).await, "bad_request");
    fs::File::create(there(&scene, "huge")).unwrap().set_len(17 << 20).unwrap();
    let params_huge = file(&scene, "huge");
    assert_eq!(kind(&mut scene, "remora/remoteFile", params_huge).await, "too_large");

    assert_eq!(scene.client.request("remora/takeRemote", params).await.unwrap(), Value::Null);
    assert_eq!(fs::read(scene.here("app.py")).unwrap(), b"\xff\0theirs");
    assert_eq!(status(&mut scene).await["diverged"], json!([]));
    assert_eq!(scene.client.request("remora/mirror", json!({})).await.unwrap()["files"], 0, "nothing goes back");
    assert_eq!(kind(&mut scene, "remora/takeRemote", params_gone).await, "file_missing");
    assert_eq!(kind(&mut scene, "remora/takeRemote", json!({"file": "/etc/hostname"})).await, "bad_request");
    scene.end().await;
}

#[tokio::test]
async fn what_was_replaced_there_is_listed_and_brought_back() {
    let mut scene = Scene::new(&[("app.py", "one"), ("other.py", "1")]).await;
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert_eq!(scene.client.request("remora/trash", json!({})).await.unwrap()["kept"], json!([]));
    for (name, text) in [("app.py", "two"), ("other.py", "2")] {
        scene.save(name, text).await;
        scene.client.expect("remora/mirrored").await;
    }
    let kept = scene.client.request("remora/trash", json!({})).await.unwrap()["kept"].clone();
    assert_eq!(
        (&kept[0]["path"], &kept[1]["path"], &kept[1]["size"]),
        (&json!("other.py"), &json!("app.py"), &json!("3 B"))
    );
    let one = json!({"path": "app.py", "time": kept[1]["time"]});
    assert_eq!(kind(&mut scene, "remora/restore", one.clone()).await, "in_the_way");
    assert_eq!(kind(&mut scene, "remora/restore", json!({"path": "app.py", "time": "once"})).await, "bad_request");
    let mut over = one;
    over["overwrite"] = json!(true);
    assert_eq!(scene.client.request("remora/restore", over).await.unwrap(), Value::Null);
    assert_eq!(fs::read_to_string(scene.here("app.py")).unwrap(), "one");
    scene.client.request("remora/mirror", json!({})).await.unwrap();
    assert_eq!(scene.there("app.py"), "one");
    scene.end().await;
}

#[tokio::test]
async fn why_a_file_is_mirrored_is_said_without_a_connection() {
    let mut scene = Scene::new(&[("app.py", "1"), ("a.log", ""), (".gitignore", "*.log\n")]).await;
    let explain = |scene: &Scene, name: &str| json!({"file": scene.here(name)});
    let params = explain(&scene, "a.log");
    let said = scene.client.request("remora/explain", params).await.unwrap();
    assert_eq!(said["mirrored"], json!(false));
    assert_eq!(said["sentence"], r#"a.log is not mirrored: line 1 of .gitignore, "*.log", leaves it out."#);
    let params = explain(&scene, "app.py");
    let said = scene.client.request("remora/explain", params).await.unwrap();
    let place = there(&scene, "app.py");
    assert_eq!(said["sentence"], format!("app.py is mirrored to {}.", Path::new(&place).display()));
    assert!(!place.exists(), "nothing was connected or mirrored for it");
    scene.end().await;
}

#[tokio::test]
async fn a_request_that_is_cancelled_ends_at_once_and_the_upload_goes_on() {
    let mut scene = Scene::new(&[("app.py", "1")]).await;
    for n in 0..200 {
        fs::write(scene.here(&format!("f{n}.py")), "x").unwrap();
    }
    let request = scene.client.ask("remora/mirror", json!({})).await;
    let progress = until(&mut scene, |status| !status["progress"].is_null()).await["progress"].clone();
    assert_eq!(progress["filesTotal"], 201);
    scene.client.notify("$/cancelRequest", json!({"id": request})).await;
    assert_eq!(scene.client.answer(request).await.unwrap_err()["code"], -32800);
    let mirrored = scene.client.expect("remora/mirrored").await;
    assert_eq!(mirrored["files"], 201);
    assert_eq!(scene.there("f199.py"), "x");
    scene.end().await;
}

#[tokio::test]
async fn the_command_line_explains_too_and_connects_to_nothing() {
    let scene = Project::new(env!("CARGO_BIN_EXE_remora"), &[("app.py", ""), ("x.log", ""), (".gitignore", "*.log\n")]);
    let path = |name: &str| scene.local().join(name).display().to_string();
    let ended = scene.user.run(scene.args("mirror", &["--explain", &path("x.log")])).await;
    assert!(ended.status.success(), "{ended:#?}");
    let said = ended.event("explained");
    assert_eq!(said["sentence"], r#"x.log is not mirrored: line 1 of .gitignore, "*.log", leaves it out."#);
    assert_eq!(said["mirrored"], false);
    let ended = scene.user.run(scene.args("mirror", &["--explain", &path("app.py")])).await;
    let there = scene.remote().join("app.py");
    assert_eq!(ended.event("explained")["sentence"], format!("app.py is mirrored to {}.", there.display()));
    assert!(!scene.remote().exists());
}
