//! A dry run says what the real thing does, no more and no less. A rename is a removal and an upload to it.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use remora_mirror::{Change, Config, RemovalLimits};

use crate::pair::Pair;
use crate::sequences::hands::{Found, Snapshot, snapshot};

/// What has happened to each path.
fn happened(before: &Snapshot, after: &Snapshot) -> BTreeMap<PathBuf, Change> {
    let paths = before.keys().chain(after.keys());
    let change = |path: &PathBuf| {
        let (before, after) = (before.get(path), after.get(path));
        Some(match (before, after) {
            _ if before == after => return None,
            (_, None) => Change::Remove,
            (_, Some(Found::Link(_))) => Change::Symlink,
            (Some(Found::Dir { .. }), Some(Found::Dir { .. })) => Change::Meta,
            (_, Some(Found::Dir { .. })) => Change::Mkdir,
            (None, Some(Found::File { .. })) => Change::Upload,
            (Some(Found::File { bytes, .. }), Some(Found::File { bytes: now, .. })) if bytes == now => Change::Meta,
            (Some(_), Some(Found::File { .. })) => Change::Replace,
        })
    };
    paths.filter_map(|path| Some((path.clone(), change(path)?))).collect()
}

/// Something of every kind, before and after.
fn mirrored(pair: &Pair) {
    for n in 0..30 {
        pair.write(&format!("many/f{n}"), format!("{n}"));
    }
    for name in
        ["same", "changed", "gone", "mode", "time", "theirs", "their gone", "to folder", "folder/a", "folder/b/c"]
    {
        pair.write(name, name);
    }
    fs::create_dir(pair.here("empty")).unwrap();
    symlink("same", pair.here("link")).unwrap();
    symlink("same", pair.here("link stays")).unwrap();
    symlink("same", pair.here("to file")).unwrap();
}

fn changed(pair: &Pair) {
    let set = |name: &str, mode| fs::set_permissions(pair.here(name), Permissions::from_mode(mode)).unwrap();
    pair.write("changed", "longer than before");
    pair.write("time", "time");
    fs::remove_file(pair.here("gone")).unwrap();
    fs::remove_file(pair.here("their gone")).unwrap();
    pair.write_there("their gone", "another text");
    pair.write_there("theirs", "another text, too");
    pair.write("theirs", "ours");
    pair.write_there("in the way/x", "theirs");
    pair.write("in the way", "a file");
    pair.write_there("nobody's", "theirs");
    set("mode", 0o750);
    set("empty", 0o700);
    fs::remove_file(pair.here("link")).unwrap();
    symlink("elsewhere", pair.here("link")).unwrap();
    fs::remove_file(pair.here("to file")).unwrap();
    pair.write("to file", "to file");
    fs::remove_file(pair.here("to folder")).unwrap();
    pair.write("to folder/a", "below");
    fs::remove_dir_all(pair.here("folder")).unwrap();
    pair.write("folder", "a file now");
    pair.write("new/deep/a", "deep");
    symlink("x", pair.here("new/link")).unwrap();
    pair.write("large", vec![1; 1_000_001]);
    pair.write("skipped.log", "1");
    for n in 0..25 {
        fs::remove_file(pair.here(&format!("many/f{n}"))).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_and_the_real_thing_agree() {
    let limited: fn(&mut Config) = |config| {
        config.policy.max_file_megabytes = 1;
        config.policy.exclude = vec!["*.log".into()];
        config.removals = RemovalLimits { files: 20, percent: 0 };
    };
    let free: fn(&mut Config) = |config| config.policy.exclude = vec!["*.log".into()];
    for (configure, held, large) in [(limited, 30, 1), (free, 0, 0)] {
        let mut pair = Pair::new();
        pair.configure = configure;
        mirrored(&pair);
        drop(pair.mirrored().await);
        changed(&pair);
        let before = snapshot(pair.remote.path());
        let mut running = pair.start();
        running.mirror.pause();
        running.connect(&pair).await;
        let plan = running.mirror.plan().await.unwrap();
        assert_eq!(snapshot(pair.remote.path()), before, "it changes nothing");
        running.mirror.resume();
        let _ = running.barrier().await;
        let count = |wanted| plan.iter().filter(|line| line.change == wanted).count();
        assert_eq!((count(Change::Held), count(Change::Large)), (held, large), "{plan:#?}");
        assert_eq!((count(Change::Diverged), count(Change::Impossible)), (2, 1), "{plan:#?}");
        let left = [Change::Held, Change::Large, Change::Diverged, Change::Impossible];
        let done = plan.iter().filter(|line| !left.contains(&line.change));
        let planned: BTreeMap<PathBuf, Change> =
            done.map(|line| (Path::new(&line.path.to_string()).to_owned(), line.change)).collect();
        assert_eq!(planned, happened(&before, &snapshot(pair.remote.path())));
        assert_eq!(running.mirror.status().held, held.saturating_sub(2), "two of them are folders");
    }
}
