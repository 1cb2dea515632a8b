//! What goes away here in great numbers goes away there only when the user says so.

use std::fs;

use remora_mirror::{Blocked, HeldFiles, MirrorError, Notice, Phase, RemovalLimits};

use crate::pair::{Pair, Running};

const DEFAULT: RemovalLimits = RemovalLimits { files: 50, percent: 20 };

/// A tree of a hundred files, twelve of them in the folder `old`.
fn limited(watch: bool) -> Pair {
    let mut pair = Pair::new();
    pair.configure = if watch {
        |config| (config.removals, config.watch) = (DEFAULT, true)
    } else {
        |config| config.removals = DEFAULT
    };
    for n in 0..76 {
        pair.write(&format!("pkg{}/m{n}.py", n % 4), format!("{n}"));
    }
    for n in 0..24 {
        pair.write(&format!("old/deep/m{n}.py"), format!("old {n}"));
    }
    pair
}

async fn asked(running: &mut Running) -> usize {
    let count = |notice: &Notice| if let Notice::ManyRemovals { count, .. } = notice { Some(*count) } else { None };
    running.until("the question", count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_folder_stays_there_until_the_user_agrees_and_the_rest_goes_on() {
    let pair = limited(false);
    let mut running = pair.mirrored().await;
    fs::remove_dir_all(pair.here("old")).unwrap();
    pair.write("pkg0/new.py", "new");
    running.rescan().await;
    assert_eq!((pair.is_there("old/deep/m0.py"), pair.text_there("pkg0/new.py")), (true, "new".into()));
    let Err(Blocked::Held(count, paths)) = running.barrier().await else { panic!("it passed") };
    assert_eq!((count, paths.len(), running.mirror.status().phase), (24, 24, Phase::Incomplete));
    running.save(&pair, "pkg0/new.py", "newer").await;
    running.mirror.decide_held(HeldFiles::Remove);
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_ours_no_longer() {
    let pair = limited(false);
    let mut running = pair.mirrored().await;
    fs::remove_dir_all(pair.here("old")).unwrap();
    running.rescan().await;
    running.mirror.decide_held(HeldFiles::Keep);
    running.barrier().await.unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!((pair.text_there("old/deep/m7.py"), running.mirror.status().phase), ("old 7".into(), Phase::InSync));
    // The same text here again is the same file again; another one would be somebody else's.
    pair.write("old/deep/m7.py", "old 7");
    running.rescan().await;
    fs::remove_dir_all(pair.here("old")).unwrap();
    running.rescan().await;
    assert!(!pair.is_there("old/deep/m7.py") && pair.is_there("old/deep/m8.py"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watcher_sees_one_set_and_asks_once() {
    let pair = limited(true);
    let mut running = pair.mirrored().await;
    fs::remove_dir_all(pair.here("old")).unwrap();
    // A busy machine may tell of them in several breaths.
    while asked(&mut running).await < 24 {}
    assert!(pair.is_there("old/deep/m0.py"));
    fs::remove_file(pair.here("pkg1/m1.py")).unwrap();
    running.mirror.decide_held(HeldFiles::Remove);
    running.rescan().await;
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_run_asks_again() {
    let pair = limited(false);
    let mut running = pair.mirrored().await;
    fs::remove_dir_all(pair.here("old")).unwrap();
    running.rescan().await;
    drop(running);
    let running = pair.mirrored().await;
    assert!(running.heard.iter().any(|notice| matches!(notice, Notice::ManyRemovals { count: 24, .. })));
    assert!(pair.is_there("old/deep/m0.py"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_root_stops_the_mirror_until_the_user_says_what_is_meant() {
    for (word, left) in [(HeldFiles::Remove, 0), (HeldFiles::Keep, 6)] {
        let pair = Pair::new();
        let names: Vec<String> = (0..6).map(|n| format!("d/f{n}")).collect();
        names.iter().for_each(|name| drop(pair.write(name, "1")));
        let mut running = pair.mirrored().await;
        fs::remove_dir_all(pair.here("d")).unwrap();
        running.mirror.rescan();
        let emptied = MirrorError::LocalRootEmptied { files: 6 };
        assert_eq!(running.barrier().await, Err(Blocked::Halted(emptied)));
        assert_eq!((running.mirror.status().phase, running.mirror.status().held), (Phase::Halted, 6));
        assert!(pair.is_there("d/f0"));
        running.mirror.decide_held(word);
        running.barrier().await.unwrap();
        assert_eq!(names.iter().filter(|name| pair.is_there(name)).count(), left, "{word:?}");
        running.save(&pair, "new", "1").await;
        running.rescan().await;
        running.barrier().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_directory_in_the_roots_place_stops_the_mirror_unless_it_holds_what_was_mirrored() {
    let pair = Pair::new();
    pair.write("a", "1");
    pair.write("b", "1");
    let mut running = pair.mirrored().await;
    let aside = tempfile::tempdir().unwrap();
    fs::rename(pair.local.path(), aside.path().join("x")).unwrap();
    pair.write("NOT MOUNTED", "");
    running.mirror.saved(&pair.here("a"));
    // What is missing here says nothing.
    let emptied = MirrorError::LocalRootEmptied { files: 2 };
    assert_eq!(running.barrier().await, Err(Blocked::Halted(emptied)));
    assert!(pair.is_there("a") && pair.is_there("b") && !pair.is_there("NOT MOUNTED"));
    // A fresh clone is another directory, too.
    pair.write("a", "1");
    running.mirror.rescan();
    running.barrier().await.unwrap();
    running.batch().await;
    assert!(!pair.is_there("b") && pair.is_there("NOT MOUNTED"));
    pair.assert_same();
}
