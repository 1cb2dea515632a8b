//! What was renamed here is renamed there, and not sent again.

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use remora_mirror::{Blocked, Notice, RemovalLimits};
use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};

use crate::pair::{Pair, Running};
use crate::sequences::remote::Remote;

const LIMITS: RemovalLimits = RemovalLimits { files: 50, percent: 20 };

/// Two kilobytes that no other file has, and that can't be compressed.
fn text(n: usize) -> Vec<u8> {
    let mut state = n as u64 * 2_654_435_761 + 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..2000).map(next).collect()
}

/// A folder of so many files, in folders of its own.
fn with_folder(watch: bool, files: usize) -> Pair {
    let mut pair = Pair::new();
    pair.configure = if watch {
        |config| (config.removals, config.watch) = (LIMITS, true)
    } else {
        |config| config.removals = LIMITS
    };
    pair.write("beside.py", "beside");
    for n in 0..files {
        pair.write(&format!("old/sub{}/m{n}.py", n % 7), text(n));
    }
    pair.write("old/__init__.py", "");
    symlink("sub0", pair.here("old/link")).unwrap();
    pair
}

/// Mirrored by an agent whose requests are counted.
async fn counted(pair: &Pair, remote: &mut Remote) -> Running {
    let mut running = pair.start();
    running.mirror.link_up(remote.agent().await.link.clone());
    running.batch().await;
    running
}

fn changes(remote: &Remote) -> usize {
    remote.running().unwrap().wire.changes()
}

fn was_asked(running: &Running) -> bool {
    running.heard.iter().any(|notice| matches!(notice, Notice::ManyRemovals { .. }))
}

async fn until(running: &mut Running, what: &str, fine: impl Fn() -> bool) {
    if !fine() {
        running.until(what, |notice| (matches!(notice, Notice::Mirrored { .. }) && fine()).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_folder_of_a_thousand_files_is_one_request_of_few_bytes() {
    let server = Arc::new(Sshd::start(SshdOptions::default()));
    let lag = Lag::start(([127, 0, 0, 1], server.port()).into(), Duration::ZERO).unwrap();
    for watch in [true, false] {
        let mut remote = Remote::new(Some(Arc::clone(&server)));
        remote.way = Some(server.ssh_config_via(lag.port()));
        let pair = with_folder(watch, 1000);
        let mut running = counted(&pair, &mut remote).await;
        let (requests, sent) = (changes(&remote), lag.carried().sent);
        fs::rename(pair.here("old"), pair.here("new")).unwrap();
        if watch {
            until(&mut running, "the folder", || pair.is_there("new/sub6/m6.py") && !pair.is_there("old")).await;
        } else {
            running.rescan().await;
        }
        let (requests, sent) = (changes(&remote) - requests, lag.carried().sent - sent);
        println!("watched: {watch}; {requests} request, {sent} bytes");
        assert_eq!(requests, 1, "watched: {watch}");
        // The comparison asks about a thousand paths that it did not know.
        assert!(sent < if watch { 2000 } else { 16_000 }, "watched: {watch}; {sent} bytes");
        running.barrier().await.unwrap();
        pair.assert_same();
        assert!(!was_asked(&running), "a rename is no removal");
        let root = running.mirror.status().remote_root.unwrap();
        assert_eq!(remote.agent().await.link.list_trash(&root).await.unwrap(), []);
        assert_eq!(running.rescan().await, (0, 0, Vec::new()), "nothing is left to do");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_in_a_renamed_folder_stays_where_it_is() {
    let mut remote = Remote::new(None);
    let pair = with_folder(false, 60);
    let mut running = counted(&pair, &mut remote).await;
    pair.write_there("old/sub1/theirs", "theirs");
    pair.write_there("old/sub2/m2.py", "changed by them");
    let requests = changes(&remote);
    fs::rename(pair.here("old"), pair.here("new")).unwrap();
    running.rescan().await;
    let Err(Blocked::Diverged(paths)) = running.barrier().await else { panic!("it passed") };
    assert_eq!(paths.iter().map(ToString::to_string).collect::<Vec<_>>(), ["old/sub2/m2.py"]);
    assert_eq!(pair.text_there("old/sub1/theirs"), "theirs");
    assert_eq!(pair.text_there("old/sub2/m2.py"), "changed by them");
    assert_eq!(fs::read(pair.there("new/sub2/m2.py")).unwrap(), text(2));
    assert!(!pair.is_there("old/sub3") && !pair.is_there("old/sub1/m1.py"));
    assert!(!was_asked(&running), "file by file it is no removal either");
    assert!(changes(&remote) - requests < 12, "{}", changes(&remote) - requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_file_is_not_sent_again_however_large_it_is() {
    for (watch, fresh) in [(true, false), (false, false), (false, true)] {
        let pair = with_folder(watch, 3);
        let bytes: Vec<u8> = (0..1500).flat_map(text).collect();
        pair.write("data.bin", &bytes);
        pair.write("old/run.py", text(77));
        pair.write("tiny/run.py", "");
        let mut remote = Remote::new(None);
        let mut running = counted(&pair, &mut remote).await;
        let requests = changes(&remote);
        fs::create_dir_all(pair.here("deep/er")).unwrap();
        if watch {
            // Once it is watched, both halves of a rename are told together.
            until(&mut running, "the folder", || pair.is_there("deep/er")).await;
        }
        for (from, to) in [("data.bin", "deep/er/data.bin"), ("old/run.py", "anew.py"), ("tiny/run.py", "run.py")] {
            if fresh {
                // As a checkout does it: other times.
                pair.write(to, fs::read(pair.here(from)).unwrap());
                fs::remove_file(pair.here(from)).unwrap();
            } else {
                fs::rename(pair.here(from), pair.here(to)).unwrap();
            }
        }
        if watch {
            let all = || pair.is_there("deep/er/data.bin") && pair.is_there("anew.py") && !pair.is_there("tiny/run.py");
            until(&mut running, "the files", all).await;
        } else {
            running.rescan().await;
        }
        running.barrier().await.unwrap();
        pair.assert_same();
        assert!(changes(&remote) - requests < 6, "watched: {watch}");
        let bytes = |notice: &Notice| if let Notice::Mirrored { bytes, .. } = notice { *bytes } else { 0 };
        let sent: Vec<u64> = running.heard.iter().map(bytes).collect();
        // The first batch is the first upload.
        assert!(sent.iter().filter(|&&bytes| bytes > 0).count() <= 1, "watched: {watch}, fresh: {fresh}: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_beside_a_rename_is_asked_about_by_itself() {
    let pair = with_folder(false, 120);
    for n in 0..60 {
        pair.write(&format!("gone/m{n}.py"), format!("gone {n}"));
    }
    let mut running = pair.mirrored().await;
    fs::rename(pair.here("old"), pair.here("new")).unwrap();
    fs::remove_dir_all(pair.here("gone")).unwrap();
    running.rescan().await;
    let Err(Blocked::Held(count, _)) = running.barrier().await else { panic!("it passed") };
    assert_eq!(count, 60);
    assert!(pair.is_there("new/sub0/m0.py") && !pair.is_there("old") && pair.is_there("gone/m3.py"));
    running.mirror.decide_held(remora_mirror::HeldFiles::Remove);
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_python_compiled_over_there_moves_or_goes_with_its_modules() {
    let pair = with_folder(true, 20);
    let mut running = pair.mirrored().await;
    let compiled = |name: &str| format!("{name}/__pycache__");
    for (folder, module) in [("old/sub1", "m1"), ("old/sub2", "m2")] {
        pair.write_there(&format!("{}/{module}.cpython-312.pyc", compiled(folder)), "compiled");
    }
    fs::rename(pair.here("old"), pair.here("new")).unwrap();
    until(&mut running, "the folder", || pair.is_there("new/sub1/m1.py") && !pair.is_there("old")).await;
    assert!(pair.is_there("new/sub1/__pycache__/m1.cpython-312.pyc"));
    fs::remove_dir_all(pair.here("new/sub1")).unwrap();
    until(&mut running, "the removal", || !pair.is_there("new/sub1")).await;
    fs::remove_file(pair.here("new/sub2/m2.py")).unwrap();
    until(&mut running, "the module", || !pair.is_there("new/sub2/m2.py")).await;
    assert!(!pair.is_there("new/sub2/__pycache__"));
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_folder_is_on_its_way_is_not_lost() {
    let mut remote = Remote::new(None);
    let pair = with_folder(true, 40);
    let mut running = counted(&pair, &mut remote).await;
    let wire = &remote.running().unwrap().wire;
    wire.hold_replies(true);
    let requests = wire.changes();
    fs::rename(pair.here("old"), pair.here("new")).unwrap();
    until_asked(wire, requests).await;
    fs::remove_file(pair.here("new/sub1/m1.py")).unwrap();
    pair.write("new/sub2/m2.py", "edited");
    pair.write("old/sub3/m3.py", text(3));
    pair.write("new/sub4/another.py", "another");
    wire.hold_replies(false);
    let all =
        || pair.is_there("new/sub4/another.py") && !pair.is_there("new/sub1/m1.py") && pair.is_there("old/sub3/m3.py");
    until(&mut running, "all of it", all).await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

/// Waits until one more request that changes something has passed.
async fn until_asked(wire: &crate::wire::Wire, before: usize) {
    tokio::time::timeout(Duration::from_secs(30), wire.until_changes(before + 1)).await.unwrap();
}
