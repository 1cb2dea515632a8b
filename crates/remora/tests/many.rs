//! The command line and files that are gone here, in great numbers or by mistake.

#![cfg(unix)]
// Only the body of a test counts as a test for the lint; what the tests share does not.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use remora_testkit::scene::Scene;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

#[tokio::test]
async fn many_files_that_are_gone_here_are_removed_there_when_the_user_says_so() {
    let scene = Scene::new(BINARY, &[("app.py", "1")]);
    for n in 0..60 {
        scene.write(&format!("old/m{n}.py"), "x");
    }
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert!(ended.status.success(), "{ended:#?}");
    fs::remove_dir_all(scene.local().join("old")).unwrap();
    scene.write("app.py", "22");
    let planned = scene.user.run(scene.args("mirror", &["--dry-run"])).await;
    let held = planned.events.iter().filter(|event| event["change"] == "held").count();
    let sum = planned.event("planned");
    assert_eq!((held, sum["changes"].as_u64(), sum["left"].as_u64()), (61, Some(1), Some(61)), "{planned:#?}");
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!((fault["kind"].as_str(), ended.status.code()), (Some("many_deletions"), Some(1)), "{ended:#?}");
    assert_eq!(
        fault["message"],
        "60 files are gone here, more than are removed unasked, and are still on the remote: old/m0.py, old/m1.py, \
         old/m10.py, old/m11.py, old/m12.py and 55 more."
    );
    assert!(fault["hint"].as_str().unwrap().contains("--delete-many"), "{fault}");
    assert_eq!((scene.there("app.py").as_str(), scene.there("old/m7.py").as_str()), ("22", "x"));
    let ended = scene.user.run(scene.args("mirror", &["--delete-many"])).await;
    assert!(ended.status.success(), "{ended:#?}");
    assert!(!scene.remote().join("old").exists());
}

#[tokio::test]
async fn a_large_file_is_sent_when_the_user_says_so() {
    let scene =
        Scene::new(BINARY, &[("app.py", "1"), (".vscode/settings.json", r#"{"remora.mirror.maxFileMegabytes": 1}"#)]);
    scene.write("data.bin", &"x".repeat(2_000_000));
    let planned = scene.user.run(scene.args("mirror", &["--dry-run"])).await;
    let line = planned.events.iter().find(|event| event["path"] == "data.bin").unwrap();
    assert_eq!((line["change"].as_str(), line["bytes"].as_u64()), (Some("large"), Some(2_000_000)), "{planned:#?}");
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    let fault = ended.event("fault");
    assert_eq!((fault["kind"].as_str(), ended.status.code()), (Some("large_files"), Some(1)), "{ended:#?}");
    assert_eq!(fault["message"], "1 file is larger than is sent unasked, and is not sent: data.bin (2.0 MB).");
    assert_eq!((scene.there("app.py").as_str(), scene.remote().join("data.bin").exists()), ("1", false));
    for more in [&["--large-too"][..], &[]] {
        let ended = scene.user.run(scene.args("mirror", more)).await;
        assert!(ended.status.success(), "{ended:#?}");
    }
    assert_eq!(scene.there("data.bin").len(), 2_000_000);
}

#[tokio::test]
async fn what_was_replaced_or_removed_there_is_brought_back_here() {
    let scene = Scene::new(BINARY, &[("app.py", "one"), ("lost.py", "lost")]);
    let mirror = async || {
        let ended = scene.user.run(scene.args("mirror", &[])).await;
        assert!(ended.status.success(), "{ended:#?}");
    };
    std::os::unix::fs::symlink("nowhere at\nall", scene.local().join("link")).unwrap();
    mirror().await;
    fs::remove_file(scene.local().join("link")).unwrap();
    scene.write("app.py", "second");
    fs::remove_file(scene.local().join("lost.py")).unwrap();
    mirror().await;
    assert!(!scene.remote().join("lost.py").exists());
    let args = |rest: &[&str]| {
        let mut args = scene.args("trash", &[]);
        args.splice(1..1, rest.iter().map(ToString::to_string));
        args
    };
    let ended = scene.user.run(args(&["list", "app.py"])).await;
    let kept = ended.event("kept");
    assert_eq!((kept["path"].as_str(), kept["bytes"].as_u64()), (Some("app.py"), Some(3)), "{ended:#?}");
    let ended = scene.user.run(args(&["restore", "lost.py"])).await;
    assert_eq!(ended.event("restored")["path"], "lost.py", "{ended:#?}");
    assert_eq!(fs::read_to_string(scene.local().join("lost.py")).unwrap(), "lost");
    let ended = scene.user.run(args(&["restore", "link"])).await;
    assert_eq!(ended.event("restored")["path"], "link", "{ended:#?}");
    assert_eq!(fs::read_link(scene.local().join("link")).unwrap(), Path::new("nowhere at\nall"));
    let time = kept["time"].as_str().unwrap();
    let ended = scene.user.run(args(&["restore", "app.py", "--at", time])).await;
    assert_eq!(ended.event("fault")["kind"], "in_the_way", "{ended:#?}");
    let ended = scene.user.run(args(&["restore", "app.py", "--at", time, "--overwrite"])).await;
    assert!(ended.status.success(), "{ended:#?}");
    mirror().await;
    assert_eq!((scene.there("app.py"), scene.there("lost.py")), ("one".to_owned(), "lost".to_owned()));
    let ended = scene.user.run(args(&["restore", "never.py"])).await;
    assert_eq!(ended.event("fault")["kind"], "file_missing", "{ended:#?}");
}
