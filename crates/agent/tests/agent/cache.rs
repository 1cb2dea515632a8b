//! Owns the proof that the cache holds whole trees only, and nothing that climbs out of them.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use remora_agent::OpErrorKind;

use crate::files::names;
use crate::rig::{Rig, kind};

/// A `.tar.gz` made by `tar`, and its SHA-256.
fn archive(script: &str) -> (Vec<u8>, String) {
    let scratch = tempfile::tempdir().unwrap();
    let run = |script: &str| {
        let output =
            std::process::Command::new("sh").args(["-c", script]).current_dir(scratch.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    run(script);
    let sum = run("sha256sum < a.tar.gz");
    let bytes = std::fs::read(scratch.path().join("a.tar.gz")).unwrap();
    (bytes, String::from_utf8(sum).unwrap()[..64].to_owned())
}

#[tokio::test]
async fn a_tree_is_unpacked_once_and_found_again() {
    let rig = Rig::start().await;
    let (bytes, sum) = archive(
        "mkdir -p t/pkg && echo hi > t/pkg/a.py && echo run > t/run && chmod 755 t/run && tar czf a.tar.gz -C t .",
    );
    assert_eq!(rig.link.cached("tree-1.0").await.unwrap(), None);
    let path = rig.link.cache("tree-1.0", &sum, &bytes).await.unwrap();
    assert_eq!(rig.link.cached("tree-1.0").await.unwrap(), Some(path.clone()));
    assert_eq!(rig.link.cache("tree-1.0", &sum, &bytes).await.unwrap(), path);
    let tree = rig.scratch().join("home/.cache/remora/tree-1.0");
    assert_eq!(path.to_string(), tree.to_string_lossy());
    assert_eq!(std::fs::read(tree.join("pkg/a.py")).unwrap(), b"hi\n");
    assert_eq!(std::fs::metadata(tree.join("run")).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(names(tree.parent().unwrap()), ["tree-1.0"]);
    rig.end().await;
}

#[tokio::test]
async fn what_is_not_as_announced_or_climbs_out_is_refused_and_leaves_nothing() {
    let rig = Rig::start().await;
    let (good, sum) = archive("echo hi > f && tar czf a.tar.gz f");
    assert_eq!(kind(rig.link.cache("t", &"0".repeat(64), &good).await), OpErrorKind::Corrupt);
    assert_eq!(kind(rig.link.cache("../t", &sum, &good).await), OpErrorKind::Invalid);
    let (climbing, sum) = archive("echo hi > f && tar czf a.tar.gz --transform 's,f,../../f,' -P f");
    assert_eq!(kind(rig.link.cache("t", &sum, &climbing).await), OpErrorKind::OutsideRoot);
    let (linking, sum) = archive("ln -s /etc l && tar czf a.tar.gz l");
    assert_eq!(kind(rig.link.cache("t", &sum, &linking).await), OpErrorKind::Invalid);
    let (broken, sum) = archive("head -c 5000 /dev/urandom > f && tar cz f | head -c 3000 > a.tar.gz");
    assert_eq!(kind(rig.link.cache("t", &sum, &broken).await), OpErrorKind::Corrupt);
    assert!(names(&rig.scratch().join("home/.cache/remora")).is_empty());
    rig.end().await;
}

#[tokio::test]
async fn a_cache_that_is_a_symbolic_link_is_refused() {
    let rig = Rig::start().await;
    std::fs::create_dir(rig.scratch().join("home/.cache")).unwrap();
    symlink("/tmp", rig.scratch().join("home/.cache/remora")).unwrap();
    let (bytes, sum) = archive("echo hi > f && tar czf a.tar.gz f");
    assert_eq!(kind(rig.link.cache("t", &sum, &bytes).await), OpErrorKind::Permission);
    assert_eq!(kind(rig.link.cached("t").await), OpErrorKind::Permission);
    rig.end().await;
}

#[tokio::test]
async fn a_login_without_a_home_has_trees_for_as_long_as_its_agent_lives() {
    // No folder can be made below a file.
    let rig = Rig::start_with(|command, scratch| {
        let base = scratch.join("run");
        std::fs::create_dir(&base).unwrap();
        std::fs::set_permissions(&base, std::fs::Permissions::from_mode(0o700)).unwrap();
        command.env("HOME", "/dev/null").env("XDG_RUNTIME_DIR", base);
    })
    .await;
    let (bytes, sum) = archive("echo hi > f && tar czf a.tar.gz f");
    assert_eq!(rig.link.cached("tree-1.0").await.unwrap(), None);
    let path = rig.link.cache("tree-1.0", &sum, &bytes).await.unwrap();
    assert_eq!(rig.link.cached("tree-1.0").await.unwrap(), Some(path.clone()));
    let folder = std::path::PathBuf::from(path.to_string()).parent().unwrap().to_owned();
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::read(folder.join("tree-1.0/f")).unwrap(), b"hi\n");
    rig.end().await;
    assert!(!folder.exists());
}
