//! Stories of what can go wrong on either side: each ends in one fault with a hint, and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a story that can't go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use remora_testkit::command::Ended;
use remora_testkit::scene::{Scene, text};
use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_remora");

fn scene(files: &[(&str, &str)]) -> Scene {
    Scene::new(BINARY, files)
}

/// The only fault of a command that failed; it has a message and a hint.
fn fault(ended: &Ended) -> &Value {
    assert!(!ended.status.success(), "{ended:#?}");
    let fault = ended.event("fault");
    for part in ["message", "hint"] {
        assert!(
            fault[part].as_str().is_some_and(|text| text.ends_with(['.', '`', '"', '5', '6', '7', '8'])),
            "{fault}"
        );
    }
    fault
}

/// A file system of its own for the remote folder; unmounted at the end.
struct Mount(PathBuf);

impl Mount {
    fn tmpfs(at: &Path, size: &str) -> Self {
        assert!(rustix::process::geteuid().is_root(), "run this test as root: it mounts a small file system");
        fs::create_dir_all(at).unwrap();
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "remora-test", text(at)]));
        Self(at.to_owned())
    }

    fn make_read_only(&self) {
        run(Command::new("mount").args(["-o", "remount,ro", text(&self.0)]));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Has the scene's target find no other programs than these.
fn only_programs(scene: &mut Scene, programs: &[(&str, &Path)]) {
    let bin = scene.folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for (name, program) in programs {
        std::os::unix::fs::symlink(program, bin.join(name)).unwrap();
    }
    scene.target = vec!["--command".into(), format!("env -i PATH={} sh", text(&bin))];
}

#[tokio::test]
async fn a_remote_without_python_is_said_to_be_so() {
    let mut scene = scene(&[("app.py", "")]);
    only_programs(&mut scene, &[("sh", Path::new("/bin/sh"))]);
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(fault(&ended)["kind"], "no_python", "{ended:#?}");
}

#[tokio::test]
async fn a_python_that_is_too_old_for_the_agent_is_named() {
    let old = remora_testkit::python::find("2.7");
    let mut scene = scene(&[("app.py", "")]);
    only_programs(&mut scene, &[("sh", Path::new("/bin/sh")), ("python", &old)]);
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    let fault = fault(&ended);
    assert_eq!(fault["kind"], "python_too_old", "{ended:#?}");
    assert!(fault["message"].as_str().unwrap().contains("2.7"), "{fault}");
}

#[tokio::test]
async fn a_command_that_reaches_no_shell_is_shown_with_its_words() {
    let mut scene = scene(&[("app.py", "")]);
    scene.target = vec!["--command".into(), "ls /no/such/thing".into()];
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert!(fault(&ended)["message"].as_str().unwrap().contains("/no/such/thing"), "{ended:#?}");
}

#[tokio::test]
async fn a_read_only_remote_root_is_said_to_be_so() {
    let scene = scene(&[("app.py", "1")]);
    let mount = Mount::tmpfs(&scene.remote(), "1m");
    mount.make_read_only();
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(fault(&ended)["kind"], "remote_root_read_only", "{ended:#?}");
}

#[tokio::test]
async fn a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it() {
    let scene = scene(&[("data.bin", "the old text")]);
    let _mount = Mount::tmpfs(&scene.remote(), "256k");
    assert!(scene.user.run(scene.args("mirror", &[])).await.status.success());
    scene.write("data.bin", &"x".repeat(1_000_000));
    let ended = scene.user.run(scene.args("mirror", &[])).await;
    assert_eq!(fault(&ended)["kind"], "no_space", "{ended:#?}");
    assert_eq!(scene.there("data.bin"), "the old text");
    let names: Vec<_> = fs::read_dir(scene.remote()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["data.bin"]);
}

#[tokio::test]
async fn an_unreadable_file_is_named_and_the_others_are_mirrored() {
    assert!(rustix::process::geteuid().is_root(), "run this test as root: nothing is unreadable otherwise made");
    let scene = scene(&[("app.py", "1"), ("secret", "2")]);
    // Root reads everything, so another uid runs the program, in a home and a project of its own.
    let nobody = 65_534;
    for path in [scene.folder.path(), &scene.local(), &scene.local().join("app.py"), scene.user.home()] {
        std::os::unix::fs::chown(path, Some(nobody), Some(nobody)).unwrap();
    }
    std::os::unix::fs::chown(scene.user.home().join("run"), Some(nobody), Some(nobody)).unwrap();
    make_private(&scene.local().join("secret"));
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups", BINARY])
        .args(scene.args("mirror", &[]))
        .env("HOME", scene.user.home())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env_remove("XDG_CACHE_HOME")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fault = events.iter().find(|event| event["event"] == "fault").unwrap_or_else(|| panic!("{events:#?}"));
    assert_eq!(fault["kind"], "local_unreadable", "{events:#?}");
    assert!(fault["message"].as_str().unwrap().contains("secret"), "{fault}");
    assert_eq!(scene.there("app.py"), "1");
}

fn make_private(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_file_of_two_gigabytes_arrives_without_being_held_in_memory() {
    const SIZE: u64 = 2_200_000_000;
    let scene = scene(&[]);
    let file = fs::File::create(scene.local().join("weights.bin")).unwrap();
    file.set_len(SIZE).unwrap();
    drop(file);
    let mut run = scene.user.start(scene.args("mirror", &["--large-too"]));
    let pid = run.pid();
    run.close_stdin();
    let mirrored = run.event("mirrored").await;
    // The highest resident size so far, in kB.
    let peak = fs::read_to_string(format!("/proc/{pid}/status")).ok().and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?.to_owned();
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    assert_eq!(mirrored["bytes"], SIZE);
    assert!(peak.is_none_or(|peak| peak < 300_000), "{peak:?} kB resident");
    assert!(run.end().await.status.success());
    assert_eq!(fs::metadata(scene.remote().join("weights.bin")).unwrap().len(), SIZE);
}
