//! Changes made outside the editor.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use remora_mirror::{MirrorError, Notice};

use crate::pair::{Pair, Running, rel};

fn watched() -> Pair {
    let mut pair = Pair::new();
    pair.configure = |config| config.watch = true;
    pair
}

/// Waits until the remote looks as `fine` wants it; every confirmed batch is a reason to look.
async fn until(running: &mut Running, what: &str, fine: impl Fn() -> bool) {
    if fine() {
        return;
    }
    running.until(what, |notice| (matches!(notice, Notice::Mirrored { .. }) && fine()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_by_any_editor_is_seen() {
    let pair = watched();
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    pair.write("a.py", "22");
    assert_eq!(running.batch().await, (1, 2, vec!["a.py".to_owned()]));
    fs::write(pair.here("tmp123"), "333").unwrap();
    fs::rename(pair.here("tmp123"), pair.here("a.py")).unwrap();
    until(&mut running, "the rename", || pair.text_there("a.py") == "333").await;
    // vim with `backupcopy=no`: the old file moves away, the new one comes, the backup goes.
    fs::rename(pair.here("a.py"), pair.here("a.py~")).unwrap();
    fs::write(pair.here("a.py"), "4444").unwrap();
    fs::remove_file(pair.here("a.py~")).unwrap();
    until(&mut running, "vim's save", || pair.text_there("a.py") == "4444").await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_does_not_wait_while_nothing_can_be_sent() {
    let pair = watched();
    pair.write(".gitignore", "*.log\n");
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    running.mirror.pause();
    pair.write("app.log", "line\n");
    pair.write("a.py", "22");
    let waiting = |notice: &Notice| match notice {
        Notice::Status(status) if !status.waiting.is_empty() => Some(status.waiting.clone()),
        _ => None,
    };
    assert_eq!(running.until("what waits", waiting).await, [rel("a.py")]);
    running.mirror.resume();
    assert_eq!(running.batch().await.2, ["a.py"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_and_its_event_are_one_upload() {
    let pair = watched();
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    for n in 0..20 {
        let text = "x".repeat(n + 2);
        let path = pair.write("a.py", &text);
        running.mirror.saved(&path);
        assert_eq!(running.batch().await.1, n as u64 + 2);
    }
    pair.write("end", "1");
    assert_eq!(running.batch().await.2, ["end"], "nothing was sent a second time");
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_that_come_go_and_move_are_followed() {
    let pair = watched();
    pair.write("a/b/c.py", "1");
    let mut running = pair.mirrored().await;
    fs::rename(pair.here("a"), pair.here("z")).unwrap();
    until(&mut running, "the rename", || pair.is_there("z/b/c.py") && !pair.is_there("a")).await;
    pair.write("z/b/c.py", "22");
    until(&mut running, "the edit below", || pair.text_there("z/b/c.py") == "22").await;
    for n in 0..50 {
        pair.write(&format!("new/d{n}/x/y.py"), format!("{n}"));
    }
    symlink("y.py", pair.here("new/d1/x/link")).unwrap();
    until(&mut running, "the new tree", || {
        (0..50).all(|n| pair.is_there(&format!("new/d{n}/x/y.py"))) && pair.is_there("new/d1/x/link")
    })
    .await;
    pair.write("new/d7/x/y.py", "edited");
    until(&mut running, "an edit in it", || pair.text_there("new/d7/x/y.py") == "edited").await;
    let outside = tempfile::tempdir().unwrap();
    fs::rename(pair.here("new"), outside.path().join("new")).unwrap();
    until(&mut running, "the tree's end", || !pair.is_there("new")).await;
    fs::rename(outside.path().join("new"), pair.here("new")).unwrap();
    until(&mut running, "its return", || pair.is_there("new/d49/x/y.py")).await;
    fs::remove_dir_all(pair.here("z")).unwrap();
    until(&mut running, "a removal", || !pair.is_there("z")).await;
    running.rescan().await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_files_changed_at_once_all_arrive() {
    let pair = watched();
    for n in 0..200 {
        pair.write(&format!("d{}/f{n}", n % 7), "before");
    }
    let mut running = pair.mirrored().await;
    for n in 0..200 {
        pair.write(&format!("d{}/f{n}", n % 7), "after the checkout");
    }
    until(&mut running, "all of them", || {
        (0..200).all(|n| pair.text_there(&format!("d{}/f{n}", n % 7)) == "after the checkout")
    })
    .await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_costs_nothing_and_changed_rules_count_at_once() {
    let pair = watched();
    pair.write("node_modules/x/y.js", "1");
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    pair.write("node_modules/x/y.js", "2");
    pair.write(".remoraignore", "!node_modules/\n");
    until(&mut running, "the new rule", || pair.is_there("node_modules/x/y.js")).await;
    assert_eq!(pair.text_there("node_modules/x/y.js"), "2");
    pair.write("node_modules/x/y.js", "3");
    until(&mut running, "its watch", || pair.text_there("node_modules/x/y.js") == "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_stays_open_is_followed_too() {
    use std::io::Write as _;
    let pair = watched();
    let mut running = pair.mirrored().await;
    let mut file = fs::File::create(pair.here("growing.txt")).unwrap();
    file.write_all(b"one\n").unwrap();
    until(&mut running, "the first line", || pair.is_there("growing.txt") && pair.text_there("growing.txt") == "one\n")
        .await;
    file.write_all(b"two\n").unwrap();
    until(&mut running, "the second line", || pair.text_there("growing.txt") == "one\ntwo\n").await;
}

/// Set in the run of a test in which the system allows few watches.
const FEW_WATCHES: &str = "REMORA_TEST_FEW_WATCHES";

/// Runs the test of this name once more, where the system allows four watches. The limit is one of a user namespace,
/// which needs no rights where such may be made.
fn run_with_few_watches(test: &str) {
    let inside = |then: &str| {
        let script = format!("echo 4 > /proc/sys/user/max_inotify_watches && {then}");
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "sh", "-c", &script, "sh"]);
        unshare
    };
    if !inside("true").status().is_ok_and(|status| status.success()) {
        eprintln!("NOT TRIED: this system lets nobody make a user namespace");
        return;
    }
    let mut again = inside("exec \"$@\"");
    again.arg(std::env::current_exe().unwrap()).args([test, "--exact", "--nocapture"]).env(FEW_WATCHES, "1");
    assert!(again.status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_more_folders_than_may_be_watched_all_is_found_by_scans_and_that_is_said_once() {
    if std::env::var_os(FEW_WATCHES).is_none() {
        return run_with_few_watches(
            "watching::with_more_folders_than_may_be_watched_all_is_found_by_scans_and_that_is_said_once",
        );
    }
    let pair = watched();
    let files: Vec<String> = (0..10).map(|n| format!("d{n}/f.py")).collect();
    files.iter().for_each(|file| drop(pair.write(file, "before")));
    let mut running = pair.mirrored().await;
    files.iter().for_each(|file| drop(pair.write(file, "and after")));
    until(&mut running, "all of them", || files.iter().all(|file| pair.text_there(file) == "and after")).await;
    running.barrier().await.unwrap();
    let troubles: Vec<&Notice> =
        running.heard.iter().filter(|notice| matches!(notice, Notice::Trouble { .. })).collect();
    let only = matches!(troubles[..], [Notice::Trouble { error: MirrorError::WatchLimit { watched: 4, .. }, .. }]);
    assert!(only, "{troubles:?}");
}
