//! Owns the proof that a full, read-only or forbidden disk gets its name and leaves the old file whole.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use remora_agent::{Expect, OpErrorKind, Surveyed, boot_command};
use tokio::process::Command;

use crate::files::{names, spec};
use crate::rig::{OneByOne as _, Rig, kind, pieces, rel, remote};

fn we_are_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

/// The agent behind `sh -c SCRIPT`, where `$0` is the boot command and `$1` the scratch folder.
async fn behind(script: &str) -> Rig {
    let script = script.to_owned();
    Rig::start_with(move |command, scratch| *command = wrapped(&["sh", "-c", &script], scratch)).await
}

fn wrapped(words: &[&str], scratch: &Path) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(boot_command()).arg(scratch).env("HOME", scratch.join("home"));
    command.env_remove("XDG_CACHE_HOME").env("PATH", "/usr/bin:/bin:/usr/local/bin");
    command
}

async fn check_full(rig: Rig) {
    let (link, root) = (&rig.link, &rig.root);
    link.write(root, spec("f", b"old", Expect::Absent), b"old".to_vec()).await.unwrap();
    let large = vec![b'x'; 4_000_000];
    let whole = link.write(root, spec("f", &large, Expect::Any), large.clone()).await;
    assert_eq!(kind(whole), OpErrorKind::NoSpace);
    let streamed = link.write_from(root, spec("g/h", &large, Expect::Any), pieces(&large, true)).await;
    assert_eq!(kind(streamed), OpErrorKind::NoSpace);
    assert_eq!(link.read(root, &rel("f")).await.unwrap().bytes, b"old");
    let spec_small = spec("f", b"small fits", Expect::Any);
    link.write(root, spec_small, b"small fits".to_vec()).await.unwrap();
    let listing = remora_agent::RunSpec {
        argv: vec!["find".into(), root.to_string(), "-type".into(), "f".into()],
        ..Default::default()
    };
    let output = link.run(listing).await.unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{root}/f\n"));
    rig.end().await;
}

#[tokio::test]
async fn a_file_too_large_for_the_limit_is_no_space_and_the_old_one_is_whole() {
    check_full(behind("ulimit -f 2000; exec sh -c \"$0\"").await).await;
}

#[tokio::test]
async fn a_full_disk_is_no_space_and_the_old_file_is_whole() {
    if !we_are_root() {
        println!("NOT TRIED: mounting a small disk needs root; the test with the file size limit stands for it");
        return;
    }
    let script = "mount -t tmpfs -o size=1m remora \"$1/root\" && exec sh -c \"$0\"";
    let script = script.to_owned();
    let start =
        Rig::start_with(move |command, scratch| *command = wrapped(&["unshare", "-m", "sh", "-c", &script], scratch));
    check_full(start.await).await;
}

#[tokio::test]
async fn a_read_only_disk_is_told_by_name() {
    if !we_are_root() {
        println!("NOT TRIED: mounting a read-only disk needs root");
        return;
    }
    let script = "mount -t tmpfs -o ro remora \"$1/root\" && exec sh -c \"$0\"".to_owned();
    let rig =
        Rig::start_with(move |command, scratch| *command = wrapped(&["unshare", "-m", "sh", "-c", &script], scratch))
            .await;
    assert!(!rig.link.root(&rig.root.to_string(), false).await.unwrap().writable);
    let result = rig.link.write(&rig.root, spec("f", b"x", Expect::Any), b"x".to_vec()).await;
    assert_eq!(kind(result), OpErrorKind::ReadOnly);
    rig.end().await;
}

#[tokio::test]
async fn what_the_login_may_not_is_permission() {
    let rig = Rig::start_with(|command, scratch| {
        std::fs::set_permissions(scratch, std::fs::Permissions::from_mode(0o755)).unwrap();
        // Root may everything: the agent runs as somebody else then.
        let somebody: &[&str] = if we_are_root() {
            &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", "exec sh -c \"$0\""]
        } else {
            &["sh", "-c", "exec sh -c \"$0\""]
        };
        *command = wrapped(somebody, scratch);
        std::fs::set_permissions(scratch.join("root"), std::fs::Permissions::from_mode(0o555)).unwrap();
    })
    .await;
    std::fs::create_dir(rig.scratch().join("closed")).unwrap();
    std::fs::set_permissions(rig.scratch().join("closed"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let result = rig.link.write(&rig.root, spec("f", b"x", Expect::Any), b"x".to_vec()).await;
    assert_eq!(kind(result), OpErrorKind::Permission);
    assert!(!rig.link.root(&rig.root.to_string(), false).await.unwrap().writable);
    let closed = remote(&rig.scratch().join("closed"));
    assert_eq!(kind(rig.link.survey(&closed, &[rel("x")]).await), OpErrorKind::Permission);
    let run = remora_agent::RunSpec { argv: vec!["true".into()], cwd: Some(closed), ..Default::default() };
    let error = rig.link.run(run).await.unwrap_err();
    assert!(error.to_string().contains("/closed'"), "{error}");
    assert!(names(&rig.at(".")).is_empty());
    std::fs::set_permissions(rig.scratch().join("closed"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::set_permissions(rig.at("."), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(rig.at("a/shut")).unwrap();
    std::fs::set_permissions(rig.at("a/shut"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let found = rig.link.survey(&rig.root, &[rel("a/shut/x"), rel("a/shut")]).await.unwrap();
    assert!(matches!(found[..], [Surveyed::Closed, Surveyed::Found(_)]), "{found:?}");
    std::fs::set_permissions(rig.at("a/shut"), std::fs::Permissions::from_mode(0o700)).unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_process_that_became_somebody_elses_is_not_waited_for() {
    if !we_are_root() {
        println!("NOT TRIED: a set-uid program can be made by root only");
        return;
    }
    let rig = Rig::start_with(|command, scratch| {
        std::fs::set_permissions(scratch, std::fs::Permissions::from_mode(0o755)).unwrap();
        let become_root = scratch.join("become-root");
        std::fs::copy("/usr/bin/setpriv", &become_root).unwrap();
        std::fs::set_permissions(&become_root, std::fs::Permissions::from_mode(0o4755)).unwrap();
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", "exec sh -c \"$0\""];
        *command = wrapped(&nobody, scratch);
    })
    .await;
    let script = format!("{}/become-root --reuid=0 sleep 600 & echo $!; wait", rig.scratch().display());
    let spec = remora_agent::SpawnSpec {
        argv: ["sh", "-c", &script].map(str::to_owned).to_vec(),
        cwd: Some(remote(rig.scratch())),
        ..Default::default()
    };
    let mut process = rig.link.spawn(spec).await.unwrap();
    let remora_agent::ProcessEvent::Stdout(line) = process.next().await.unwrap() else { panic!("its number first") };
    let pid = String::from_utf8(line).unwrap().trim().to_owned();
    while std::fs::read(format!("/proc/{pid}/comm")).unwrap() != b"sleep\n" {
        tokio::task::yield_now().await;
    }
    let ended = async {
        process.handle.end().await.unwrap();
        rig.end().await;
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(20), ended).await;
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    in_time.expect("what the login may not signal holds up nothing");
}

#[tokio::test]
async fn a_pipe_is_neither_read_nor_waited_for() {
    let rig = Rig::start().await;
    assert!(std::process::Command::new("mkfifo").arg(rig.at("fifo")).status().unwrap().success());
    assert_eq!(kind(rig.link.read(&rig.root, &rel("fifo")).await), OpErrorKind::InTheWay);
    assert_eq!(rig.link.digests(&rig.root, &[rel("fifo")]).await.unwrap(), [None]);
    let result = rig.link.write(&rig.root, spec("fifo", b"x", Expect::Absent), b"x".to_vec()).await;
    assert_eq!(kind(result), OpErrorKind::Diverged);
    rig.end().await;
}
