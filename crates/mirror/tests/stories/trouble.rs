//! Bad things are said once, precisely, and keep nothing else from being mirrored.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use remora_mirror::{Blocked, MirrorError, Notice, Phase};

use crate::pair::{Pair, Running, rel};

async fn trouble(running: &mut Running) -> (Option<String>, MirrorError) {
    running
        .until("trouble", |notice| match notice {
            Notice::Trouble { path, error } => Some((path.as_ref().map(ToString::to_string), error.clone())),
            _ => None,
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_remote_root_is_made_only_when_that_is_wanted() {
    let mut pair = Pair::new();
    pair.write("a", "1");
    pair.configure = |config| config.remote_root.push_str("/new");
    let mut running = pair.start();
    running.connect(&pair).await;
    let (path, error) = trouble(&mut running).await;
    assert_eq!(path, None);
    assert!(matches!(error, MirrorError::RootMissing { .. }), "{error:?}");
    assert!(matches!(running.barrier().await, Err(Blocked::Halted(MirrorError::RootMissing { .. }))));
    assert_eq!(running.mirror.status().phase, Phase::Halted);
    fs::create_dir(pair.there("new")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(pair.text_there("new/a"), "1");

    pair.configure = |config| {
        config.remote_root.push_str("/made");
        config.create_root = true;
        config.index_file = None;
    };
    let running = pair.start();
    running.mirror.pause();
    let agent = pair.agent().await;
    running.mirror.link_up(agent.link.clone());
    assert_eq!(running.mirror.plan().await.unwrap().len(), 1);
    assert!(!pair.is_there("made"), "a dry run makes nothing");
    running.mirror.resume();
    let barrier = running.barrier().await.unwrap();
    assert_eq!(barrier.files, 1);
    assert_eq!(pair.text_there("made/a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_root_that_is_removed_meanwhile_is_named() {
    let pair = Pair::new();
    pair.write("a", "1");
    let mut running = pair.mirrored().await;
    fs::remove_dir_all(pair.remote.path()).unwrap();
    let file = pair.write("a", "2");
    running.mirror.saved(&file);
    let (path, error) = trouble(&mut running).await;
    assert_eq!(path.as_deref(), Some("a"));
    assert!(matches!(error, MirrorError::RemoteRootGone { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_local_root_deletes_nothing() {
    let pair = Pair::new();
    for n in 0..10 {
        pair.write(&format!("f{n}"), "1");
    }
    let mut running = pair.mirrored().await;
    let aside = tempfile::tempdir().unwrap();
    fs::rename(pair.local.path(), aside.path().join("x")).unwrap();
    running.mirror.saved(&pair.here("f1"));
    assert_eq!(trouble(&mut running).await, (None, MirrorError::LocalRootGone));
    assert_eq!(running.barrier().await, Err(Blocked::RootGone));
    running.mirror.rescan();
    assert_eq!(trouble(&mut running).await, (None, MirrorError::LocalRootGone));
    // The mount point of a file system that is not mounted.
    fs::create_dir(pair.local.path()).unwrap();
    running.mirror.rescan();
    assert_eq!(trouble(&mut running).await, (None, MirrorError::LocalRootEmptied { files: 10 }));
    assert_eq!(fs::read_dir(pair.remote.path()).unwrap().count(), 10);
    fs::remove_dir(pair.local.path()).unwrap();
    fs::rename(aside.path().join("x"), pair.local.path()).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_when_it_is_looked_at_is_simply_gone() {
    let pair = Pair::new();
    pair.write("a", "1");
    let mut running = pair.mirrored().await;
    running.mirror.saved(&pair.here("never there"));
    running.save(&pair, "b", "2").await;
    running.barrier().await.unwrap();
    assert!(!running.heard.iter().any(|notice| matches!(notice, Notice::Trouble { .. })), "{:?}", running.heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn something_foreign_in_the_way_is_named_and_the_rest_goes_on() {
    let pair = Pair::new();
    pair.write("x", "a file here");
    pair.write("y", "1");
    pair.write_there("x/foreign", "f");
    let mut running = pair.mirrored().await;
    assert_eq!(pair.text_there("y"), "1");
    let blocked = running.barrier().await.unwrap_err();
    assert_eq!(blocked, Blocked::Failed(rel("x"), MirrorError::InTheWay { path: rel("x") }));
    assert_eq!(pair.text_there("x/foreign"), "f");
    fs::remove_dir_all(pair.there("x")).unwrap();
    running.save(&pair, "y", "2").await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

/// A login that may not do everything, as root may.
fn humble(pair: &mut Pair) {
    const NOBODY: u32 = 65_534;
    if rustix::process::geteuid().is_root() {
        pair.login = Some(NOBODY);
        for dir in [pair.remote.path(), pair.home.path()] {
            std::os::unix::fs::chown(dir, Some(NOBODY), None).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_folder_that_can_not_be_looked_into_keeps_nothing_else_back() {
    let mut pair = Pair::new();
    humble(&mut pair);
    for name in ["a", "shut/x", "shut/y", "shut/deep/z", "z"] {
        pair.write(name, "1");
    }
    pair.write_there("shut/foreign", "f");
    let shut = |mode| fs::set_permissions(pair.there("shut"), fs::Permissions::from_mode(mode)).unwrap();
    shut(0o000);
    let mut running = pair.mirrored().await;
    assert_eq!((pair.text_there("a"), pair.text_there("z")), ("1".into(), "1".into()));
    let failed = running.mirror.status().failed;
    let closed = MirrorError::RemoteUnreadable { path: rel("shut") };
    let names: Vec<String> = failed.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!(names, ["shut/deep", "shut/deep/z", "shut/x", "shut/y"]);
    assert!(failed.iter().all(|(_, error)| *error == closed), "{failed:?}");
    let told = running.heard.iter().filter(|notice| matches!(notice, Notice::Trouble { .. })).count();
    assert_eq!(told, 1, "{:?}", running.heard);
    assert!(matches!(running.barrier().await, Err(Blocked::Failed(_, MirrorError::RemoteUnreadable { .. }))));
    shut(0o777);
    let healed = |notice: &Notice| match notice {
        Notice::Status(status) if status.failed.is_empty() && status.phase == Phase::InSync => Some(()),
        _ => None,
    };
    running.until("the next try by itself", healed).await;
    assert_eq!(pair.text_there("shut/deep/z"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upload_is_named_all_the_time_and_mended_by_itself() {
    let pair = Pair::new();
    pair.write("x", "1");
    let mut running = pair.mirrored().await;
    fs::remove_file(pair.there("x")).unwrap();
    pair.write_there("x/foreign", "f");
    let file = pair.write("x", "2");
    running.mirror.saved(&file);
    let (path, error) = trouble(&mut running).await;
    assert_eq!((path.as_deref(), error), (Some("x"), MirrorError::InTheWay { path: rel("x") }));
    // Tried again by itself at least once before the obstacle goes.
    let failing = |notice: &Notice| match notice {
        Notice::Status(status) if status.phase == Phase::Uploading => Some(status.failed.clone()),
        _ => None,
    };
    assert_eq!(running.until("a second try", failing).await.len(), 1);
    fs::remove_dir_all(pair.there("x")).unwrap();
    assert_eq!(running.batch().await.2, ["x"]);
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_editor_is_told_who_has_the_remote_root_and_another_window_of_the_first_is_not() {
    let pair = Pair::new();
    pair.write("a", "1");
    let _first = pair.mirrored().await;
    let again = pair.mirrored().await;
    assert!(!again.heard.iter().any(|notice| matches!(notice, Notice::Trouble { .. })), "{:?}", again.heard);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut config = pair.config();
    config.local_root = remora_model::LocalPath::new(elsewhere.path()).unwrap();
    config.index_file = None;
    let (tell, mut notices) = tokio::sync::mpsc::unbounded_channel();
    let mirror = remora_mirror::start(config, tell).unwrap();
    let agent = pair.agent().await;
    mirror.link_up(agent.link.clone());
    let told = loop {
        let notice = notices.recv().await.expect("the mirror lives");
        if let Notice::Trouble { path: None, error: MirrorError::Claimed { root, .. } } = notice {
            break root;
        }
    };
    assert_eq!(told, pair.local.path().canonicalize().unwrap().display().to_string());
    mirror.barrier().await.unwrap();
    assert!(pair.is_there("a"), "it mirrors all the same, and removes nothing of the first one's");
}
