//! What follows from a save, a removal, a rename, a change of kind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, SystemTime};

use remora_mirror::{Notice, Phase};

use crate::pair::Pair;

#[tokio::test(flavor = "multi_thread")]
async fn a_save_is_there_when_it_is_confirmed_and_is_sent_once() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    let path = pair.write("a.py", "22");
    running.mirror.saved(&path);
    assert_eq!(running.batch().await, (1, 2, vec!["a.py".to_owned()]));
    pair.assert_same();
    // The same save seen a second time is no change.
    running.mirror.saved(&path);
    running.barrier().await.unwrap();
    pair.write("b.py", "3");
    running.mirror.saved(&pair.here("b.py"));
    assert_eq!(running.batch().await.2, ["b.py"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_in_a_new_directory_makes_it_and_it_is_ours() {
    let pair = Pair::new();
    pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    running.save(&pair, "new/deep/b.py", "2").await;
    assert_eq!(pair.text_there("new/deep/b.py"), "2");
    fs::remove_dir_all(pair.here("new")).unwrap();
    running.rescan().await;
    assert!(!pair.is_there("new"), "what was made for a file goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_saves_in_one_tick_of_the_clock_are_both_there() {
    let pair = Pair::new();
    let path = pair.write("a.py", "old");
    // A tick that goes on until the test is done, however slow the machine is.
    let time = SystemTime::now() + Duration::from_secs(3600);
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let mut running = pair.mirrored().await;
    for text in ["new", "NEW"] {
        fs::write(&path, text).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        running.mirror.saved(&path);
        running.batch().await;
        assert_eq!(pair.text_there("a.py"), text);
    }
    fs::write(&path, "NoW").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(running.rescan().await.2, ["a.py"], "a comparison sees it too");
    assert_eq!(pair.text_there("a.py"), "NoW");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_saved_again_and_again_ends_as_it_was_saved_last() {
    let pair = Pair::new();
    pair.write("a.py", "");
    let running = pair.mirrored().await;
    for n in 0..50 {
        let path = pair.write("a.py", format!("{n}\n").repeat(n));
        running.mirror.saved(&path);
    }
    running.barrier().await.unwrap();
    pair.assert_same();
    assert_eq!(running.mirror.status().phase, Phase::InSync);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_mode_and_time_are_set_when_the_bytes_are_there() {
    let pair = Pair::new();
    let path = pair.write("a.py", "1");
    let mut running = pair.mirrored().await;
    fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
    running.mirror.saved(&path);
    assert_eq!(running.batch().await, (1, 0, vec!["a.py".to_owned()]));
    pair.assert_same();
    fs::write(&path, "1").unwrap();
    assert_eq!(running.rescan().await, (1, 0, vec!["a.py".to_owned()]));
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_or_outside_is_not_sent() {
    let pair = Pair::new();
    pair.write(".gitignore", "*.log\n");
    pair.write("venv/pyvenv.cfg", "");
    let mut running = pair.mirrored().await;
    for name in ["x.log", "a/x.log", "__pycache__/a.pyc", "venv/lib/x.py", ".git/HEAD", ".remora-1.tmp", "a.py~"] {
        running.mirror.saved(&pair.write(name, "1"));
    }
    running.mirror.saved(std::path::Path::new("/etc/hostname"));
    running.mirror.saved(pair.local.path());
    running.mirror.saved(&pair.here("../x"));
    running.save(&pair, "a.py", "1").await;
    let there: Vec<_> = crate::pair::tree(pair.remote.path()).into_keys().collect();
    assert_eq!(there, [std::path::Path::new(".gitignore"), std::path::Path::new("a.py")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn saving_an_ignore_file_changes_what_is_mirrored_and_deletes_nothing() {
    let pair = Pair::new();
    pair.write(".gitignore", "secret\n");
    pair.write("secret", "s");
    pair.write("public", "p");
    let mut running = pair.mirrored().await;
    assert!(!pair.is_there("secret"));
    running.mirror.saved(&pair.write(".gitignore", "public\n"));
    running.barrier().await.unwrap();
    assert_eq!(pair.text_there("secret"), "s");
    assert_eq!(pair.text_there("public"), "p", "what was mirrored stays");
    pair.write("public", "changed");
    running.rescan().await;
    assert_eq!(pair.text_there("public"), "p", "and is no longer followed");
    fs::remove_file(pair.here("public")).unwrap();
    running.rescan().await;
    assert_eq!(pair.text_there("public"), "p");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_reached_through_a_link_is_sent_where_it_is() {
    let pair = Pair::new();
    pair.write("real/a.py", "1");
    symlink("real", pair.here("alias")).unwrap();
    let mut running = pair.mirrored().await;
    fs::write(pair.here("real/a.py"), "2").unwrap();
    running.mirror.saved(&pair.here("alias/a.py"));
    assert_eq!(running.batch().await.2, ["real/a.py"]);
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_we_put_there_is_removed() {
    let pair = Pair::new();
    pair.write("mine/a.py", "1");
    pair.write("shared/b.py", "2");
    pair.write("single.py", "3");
    pair.write_there("foreign.txt", "f");
    pair.write_there("shared/data.bin", "d");
    let mut running = pair.mirrored().await;
    pair.write_there("mine/made there.txt", "m");
    fs::remove_dir_all(pair.here("mine")).unwrap();
    fs::remove_dir_all(pair.here("shared")).unwrap();
    fs::remove_file(pair.here("single.py")).unwrap();
    running.mirror.saved(&pair.here("single.py"));
    assert_eq!(running.batch().await, (1, 0, vec!["single.py".to_owned()]));
    running.rescan().await;
    running.barrier().await.unwrap();
    let there: Vec<String> =
        crate::pair::tree(pair.remote.path()).into_keys().map(|path| path.display().to_string()).collect();
    assert_eq!(there, ["foreign.txt", "mine", "mine/made there.txt", "shared", "shared/data.bin"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_kind_is_followed() {
    type Make = fn(&Pair);
    let file: Make = |pair| drop(pair.write("x", "file"));
    let link: Make = |pair| symlink("target", pair.here("x")).unwrap();
    let dir: Make = |pair| drop((pair.write("x/in/a", "1"), pair.write("x/b", "2")));
    let empty: Make = |pair| fs::create_dir(pair.here("x")).unwrap();
    let nothing: Make = |_| {};
    for before in [file, link, dir, empty, nothing] {
        for after in [file, link, dir, empty, nothing] {
            for by_save in [true, false] {
                let pair = Pair::new();
                pair.write("other", "o");
                before(&pair);
                let mut running = pair.mirrored().await;
                let _ = fs::remove_dir_all(pair.here("x"));
                let _ = fs::remove_file(pair.here("x"));
                after(&pair);
                if by_save {
                    running.mirror.saved(&pair.here("x"));
                } else {
                    running.rescan().await;
                }
                running.barrier().await.unwrap();
                pair.assert_same();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_everything_and_changes_nothing() {
    let pair = Pair::new();
    for (name, text) in [("same", "1"), ("changed", "2"), ("gone", "3"), ("theirs", "4"), ("mode", "5")] {
        pair.write(name, text);
    }
    let running = pair.mirrored().await;
    drop(running);
    pair.write("changed", "22");
    pair.write("theirs", "44");
    pair.write_there("theirs", "by hand");
    fs::remove_file(pair.here("gone")).unwrap();
    fs::set_permissions(pair.here("mode"), Permissions::from_mode(0o755)).unwrap();
    pair.write("new/a", "666");
    symlink("a", pair.here("link")).unwrap();
    let before = crate::pair::tree(pair.remote.path());
    let mut running = pair.start();
    running.mirror.pause();
    running.connect(&pair).await;
    let plan = running.mirror.plan().await.unwrap();
    let lines: Vec<String> =
        plan.iter().map(|line| format!("{} {:?} {}", line.path, line.change, line.bytes)).collect();
    assert_eq!(
        lines,
        [
            "changed Replace 2",
            "gone Remove 0",
            "link Symlink 0",
            "mode Meta 0",
            "new Mkdir 0",
            "new/a Upload 3",
            "theirs Diverged 0"
        ]
    );
    assert_eq!(crate::pair::tree(pair.remote.path()), before);
    assert_eq!(running.mirror.status().phase, Phase::Paused);
    running.mirror.resume();
    running.until("the divergence", |notice| matches!(notice, Notice::Diverged { .. }).then_some(())).await;
    let _ = running.barrier().await;
    assert!(pair.is_there("new/a"), "what waited is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_streamed_and_told_about() {
    let pair = Pair::new();
    let mut bytes = vec![0_u8; 40 << 20];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = ((n * 31) >> 7) as u8;
    }
    pair.write("a.bin", &bytes);
    let mut running = pair.mirrored().await;
    pair.assert_same();
    bytes[20 << 20] ^= 1;
    running.save(&pair, "a.bin", &bytes).await;
    pair.assert_same();
    fs::set_permissions(pair.here("a.bin"), Permissions::from_mode(0o700)).unwrap();
    running.mirror.saved(&pair.here("a.bin"));
    assert_eq!(running.batch().await.1, 0, "the same bytes are not sent again");
    assert!(running.heard.iter().any(|notice| matches!(notice, Notice::Progress(progress) if progress.bytes_done > 0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_can_pause() {
    let pair = Pair::new();
    pair.write("a", "1");
    let mut running = pair.mirrored().await;
    running.mirror.pause();
    running.mirror.saved(&pair.write("a", "2"));
    assert_eq!(running.barrier().await, Err(remora_mirror::Blocked::Paused));
    assert_eq!(pair.text_there("a"), "1");
    running.mirror.resume();
    running.batch().await;
    assert_eq!(pair.text_there("a"), "2");
}
