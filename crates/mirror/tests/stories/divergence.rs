//! What somebody else did on the remote is never lost unasked.

use std::fs;
use std::os::unix::fs::symlink;

use remora_mirror::{Blocked, MirrorError, Notice, Phase};

use crate::pair::{Pair, rel};

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_change_is_reported_and_not_overwritten_until_the_user_says_so() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    pair.write("b.py", "1");
    let mut running = pair.mirrored().await;
    pair.write_there("a.py", "by hand");
    pair.write("a.py", "22");
    running.mirror.saved(&pair.here("a.py"));
    let path = running
        .until("it", |notice| if let Notice::Diverged { path } = notice { Some(path.clone()) } else { None })
        .await;
    assert_eq!(path, rel("a.py"));
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("a.py")])));
    assert_eq!(running.mirror.status().phase, Phase::Incomplete);
    // Nothing that happens to it otherwise makes it look settled.
    running.mirror.saved(&pair.here("a.py"));
    running.rescan().await;
    running.save(&pair, "b.py", "2").await;
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("a.py")])));
    assert_eq!(pair.text_there("a.py"), "by hand");
    let told = running.heard.iter().filter(|notice| matches!(notice, Notice::Diverged { .. })).count();
    assert_eq!(told, 1, "it is told once");
    running.mirror.overwrite(vec![rel("a.py")]);
    assert_eq!(running.batch().await.2, ["a.py"]);
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_change_beside_an_unchanged_local_file_is_found_by_a_comparison() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    pair.write_there("a.py", "2");
    running.rescan().await;
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("a.py")])));
    // Also a touch of the unchanged local file does not settle it.
    running.mirror.saved(&pair.here("a.py"));
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("a.py")])));
    running.mirror.overwrite(Vec::new());
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_file_that_was_there_first_is_left_alone_unless_it_is_the_same() {
    let pair = Pair::new();
    for (name, here, there) in [("same", "1", "1"), ("alike", "2", "3"), ("longer", "44", "5")] {
        pair.write(name, here);
        pair.write_there(name, there);
    }
    symlink("x", pair.here("link")).unwrap();
    symlink("y", pair.there("link")).unwrap();
    symlink("z", pair.here("same link")).unwrap();
    symlink("z", pair.there("same link")).unwrap();
    let running = pair.mirrored().await;
    let blocked = running.barrier().await.unwrap_err();
    assert_eq!(blocked, Blocked::Diverged(vec![rel("alike"), rel("link"), rel("longer")]));
    assert_eq!((pair.text_there("alike"), pair.text_there("longer")), ("3".into(), "5".into()));
    running.mirror.overwrite(Vec::new());
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_may_choose_beforehand_that_the_local_tree_wins() {
    let mut pair = Pair::new();
    pair.configure = |config| config.overwrite = true;
    pair.write("a", "1");
    pair.write_there("a", "2");
    pair.write("dir/b", "3");
    pair.write_there("dir", "a file in the way");
    let running = pair.mirrored().await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_vanished_on_the_remote_is_put_there_again() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    pair.write("d/b.py", "1");
    let mut running = pair.mirrored().await;
    fs::remove_file(pair.there("a.py")).unwrap();
    fs::remove_dir_all(pair.there("d")).unwrap();
    running.save(&pair, "a.py", "2").await;
    running.save(&pair, "d/b.py", "2").await;
    pair.assert_same();
    fs::remove_dir_all(pair.there("d")).unwrap();
    running.rescan().await;
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_remote_file_is_not_removed_with_the_local_one() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    pair.write("d/b.py", "1");
    let mut running = pair.mirrored().await;
    for name in ["a.py", "d/b.py"] {
        pair.write_there(name, "by hand");
        fs::remove_file(pair.here(name)).unwrap();
    }
    fs::remove_dir(pair.here("d")).unwrap();
    running.mirror.saved(&pair.here("a.py"));
    running.rescan().await;
    let blocked = running.barrier().await.unwrap_err();
    assert_eq!(blocked, Blocked::Diverged(vec![rel("a.py"), rel("d/b.py")]));
    assert_eq!((pair.text_there("a.py"), pair.text_there("d/b.py")), ("by hand".into(), "by hand".into()));
    running.mirror.overwrite(Vec::new());
    running.barrier().await.unwrap();
    running.rescan().await;
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_symbolic_link_over_there() {
    let pair = Pair::new();
    let outside = tempfile::tempdir().unwrap();
    pair.write("d/a.py", "1");
    pair.write("b.py", "1");
    symlink(outside.path(), pair.there("d")).unwrap();
    let mut running = pair.mirrored().await;
    let blocked = running.barrier().await.unwrap_err();
    assert_eq!(blocked, Blocked::Failed(rel("d"), MirrorError::OutsideRoot { path: rel("d") }));
    running.mirror.saved(&pair.write("d/new.py", "2"));
    running.mirror.saved(&pair.write("d/a.py", "22"));
    let _ = running.barrier().await;
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(pair.text_there("b.py"), "1");
    fs::remove_file(pair.there("d")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_ours_that_became_a_link_is_not_followed() {
    let pair = Pair::new();
    let outside = tempfile::tempdir().unwrap();
    pair.write("d/a.py", "1");
    let running = pair.mirrored().await;
    fs::rename(pair.there("d"), outside.path().join("d")).unwrap();
    symlink(outside.path().join("d"), pair.there("d")).unwrap();
    running.mirror.saved(&pair.write("d/a.py", "22"));
    let blocked = running.barrier().await.unwrap_err();
    assert!(matches!(blocked, Blocked::Failed(_, MirrorError::OutsideRoot { .. })), "{blocked:?}");
    assert_eq!(fs::read_to_string(outside.path().join("d/a.py")).unwrap(), "1");
    fs::remove_dir_all(pair.here("d")).unwrap();
    running.mirror.saved(&pair.here("d"));
    let _ = running.barrier().await;
    assert!(outside.path().join("d/a.py").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_below_a_file_that_somebody_else_put_there_do_not_wait_for_ever() {
    let pair = Pair::new();
    pair.write("d", "a file first");
    let mut running = pair.mirrored().await;
    pair.write_there("d", "by hand");
    fs::remove_file(pair.here("d")).unwrap();
    for name in ["d/e/a", "d/f/g/b", "d/c"] {
        pair.write(name, "below");
    }
    for name in ["d/e/a", "d/f/g/b", "d/c"] {
        running.mirror.saved(&pair.here(name));
    }
    assert!(running.barrier().await.is_err());
    running.rescan().await;
    assert!(matches!(running.barrier().await, Err(Blocked::Diverged(_))));
    assert_eq!(pair.text_there("d"), "by hand");
    running.mirror.overwrite(Vec::new());
    running.barrier().await.unwrap();
    pair.assert_same();
}
