//! What the user's own patterns leave out and take in.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use remora_mirror::{Blocked, Change, Config, LargeFiles, Notice, Phase};
use remora_model::Modes;

use crate::pair::{Pair, Running, rel, tree};

fn names(pair: &Pair) -> Vec<String> {
    tree(pair.remote.path()).into_keys().map(|path| path.display().to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_include_reaches_into_a_folder_that_is_left_out_and_what_it_brings_is_followed() {
    let mut pair = Pair::new();
    pair.configure = |config: &mut Config| {
        config.policy.include = vec!["build/assets/**".into()];
        config.policy.exclude = vec!["*.tmp".into()];
        config.watch = true;
    };
    pair.write(".gitignore", "build/\n");
    for name in ["build/x.o", "build/assets/a.css", "build/assets/a.tmp", "node_modules/build/assets/x"] {
        pair.write(name, "1");
    }
    let mut running = pair.mirrored().await;
    assert_eq!(names(&pair), [".gitignore", "build", "build/assets", "build/assets/a.css"]);
    pair.write("build/assets/new/b.css", "2");
    while !running.batch().await.2.contains(&"build/assets/new/b.css".to_owned()) {}
    // It may have been seen between being made and being filled.
    while pair.text_there("build/assets/new/b.css") != "2" {
        running.batch().await;
    }
    running.mirror.saved(&pair.write("build/y.o", "1"));
    fs::remove_dir_all(pair.here("build")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(names(&pair), [".gitignore"], "what was brought for it goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_included_no_longer_stays_as_it_is() {
    let mut pair = Pair::new();
    pair.configure = |config| config.policy.include = vec!["secret".into()];
    pair.write(".gitignore", "secret\n");
    pair.write("secret", "1");
    drop(pair.mirrored().await);
    assert_eq!(pair.text_there("secret"), "1");
    pair.configure = |_| {};
    fs::remove_file(pair.here("secret")).unwrap();
    pair.mirrored().await.barrier().await.unwrap();
    assert_eq!(pair.text_there("secret"), "1");
}

const MB: usize = 1_000_000;

/// Files over a megabyte wait.
fn limited() -> Pair {
    let mut pair = Pair::new();
    pair.configure = |config| config.policy.max_file_megabytes = 1;
    pair.write("small", vec![1; MB]);
    pair.write("middle", vec![1; MB + 1]);
    pair.write("d/large", vec![1; 3 * MB]);
    pair
}

async fn asked(running: &mut Running) -> (usize, u64) {
    let question = |notice: &Notice| match notice {
        Notice::LargeFiles { count, bytes, .. } => Some((*count, *bytes)),
        _ => None,
    };
    running.until("the question", question).await
}

/// Whatever was under way before is over too.
async fn compared(running: &Running) {
    running.mirror.rescan();
    let _ = running.barrier().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_wait_for_one_word_and_the_rest_goes_on() {
    let pair = limited();
    let mut running = pair.start();
    running.connect(&pair).await;
    assert_eq!(asked(&mut running).await, (2, 4_000_001));
    let large = vec![(rel("d/large"), 3_000_000), (rel("middle"), 1_000_001)];
    assert_eq!(running.barrier().await, Err(Blocked::Large(2, large.clone())));
    assert_eq!((running.mirror.status().phase, running.mirror.status().large), (Phase::Incomplete, large));
    assert_eq!((pair.is_there("small"), pair.is_there("middle")), (true, false));
    running.mirror.decide_large(LargeFiles::Send);
    running.barrier().await.unwrap();
    pair.assert_same();
    // Of the same class, then of the next.
    running.mirror.saved(&pair.write("d/large", vec![2; 4 * MB]));
    running.barrier().await.unwrap();
    pair.assert_same();
    running.mirror.saved(&pair.write("d/large", vec![3; 4 * MB + 1]));
    assert_eq!(asked(&mut running).await, (1, 4_000_001));
    assert_eq!(fs::metadata(pair.there("d/large")).unwrap().len(), 4_000_000);
    // A new name is no new file.
    fs::rename(pair.here("middle"), pair.here("d/renamed")).unwrap();
    compared(&running).await;
    let waits: Vec<String> = running.mirror.status().large.iter().map(|(path, _)| path.to_string()).collect();
    assert_eq!((pair.is_there("middle"), pair.is_there("d/renamed"), waits), (false, true, vec!["d/large".to_owned()]));
    // One that shrinks, or goes, does not wait any more.
    running.mirror.saved(&pair.write("d/large", "small"));
    running.barrier().await.unwrap();
    pair.assert_same();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_holds_in_another_run_and_a_no_until_the_file_has_outgrown_it() {
    let pair = limited();
    let mut running = pair.start();
    running.connect(&pair).await;
    asked(&mut running).await;
    fs::remove_file(pair.here("middle")).unwrap();
    compared(&running).await;
    running.mirror.decide_large(LargeFiles::LeaveOut);
    running.barrier().await.unwrap();
    assert_eq!(running.mirror.status().declined, [rel("d/large")]);
    pair.write("yes", vec![1; 2 * MB]);
    compared(&running).await;
    running.mirror.decide_large(LargeFiles::Send);
    running.barrier().await.unwrap();
    drop(running);
    pair.write("yes", vec![2; 2 * MB]);
    let running = pair.mirrored().await;
    running.barrier().await.unwrap();
    assert_eq!((pair.is_there("d/large"), pair.is_there("yes")), (false, true));
    pair.write("d/large", vec![1; 5 * MB]);
    compared(&running).await;
    assert_eq!(running.barrier().await, Err(Blocked::Large(1, vec![(rel("d/large"), 5_000_000)])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_what_waits_and_what_was_declined() {
    let pair = limited();
    let mut running = pair.start();
    running.mirror.pause();
    running.connect(&pair).await;
    let plan = async |running: &Running| {
        let plan = running.mirror.plan().await.unwrap();
        plan.into_iter().map(|line| (line.path.to_string(), line.change)).collect::<Vec<_>>()
    };
    let planned = |change| {
        vec![
            ("d".to_owned(), Change::Mkdir),
            ("d/large".to_owned(), change),
            ("middle".to_owned(), change),
            ("small".to_owned(), Change::Upload),
        ]
    };
    assert_eq!(plan(&running).await, planned(Change::Large));
    running.mirror.resume();
    asked(&mut running).await;
    running.mirror.decide_large(LargeFiles::LeaveOut);
    running.barrier().await.unwrap();
    assert_eq!(plan(&running).await, planned(Change::Declined)[1..3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_those_permissions_count_that_the_user_wants() {
    let mode = |place: &Path| fs::metadata(place).unwrap().permissions().mode() & 0o777;
    let set = |place: &Path, mode| fs::set_permissions(place, Permissions::from_mode(mode)).unwrap();
    // What is there at first, and after both sides were changed, to 0700 here and to 0640 there.
    for (configure, new, program, changed) in [
        ((|_| {}) as fn(&mut Config), 0o666, 0o777, 0o700),
        (|config| config.policy.modes = Modes::Executable, 0o644, 0o755, 0o750),
        (|config| config.policy.modes = Modes::None, 0o644, 0o644, 0o640),
        (|config| config.policy.modes = Modes::AtMost(0o750), 0o640, 0o750, 0o700),
    ] {
        let mut pair = Pair::new();
        pair.configure = configure;
        for (name, bits) in [("text", 0o666), ("d/program", 0o777)] {
            set(&pair.write(name, "1"), bits);
        }
        let mut running = pair.mirrored().await;
        assert_eq!((mode(&pair.there("text")), mode(&pair.there("d/program"))), (new, program));
        set(&pair.there("text"), 0o640);
        set(&pair.here("text"), 0o700);
        running.rescan().await;
        running.barrier().await.unwrap();
        assert_eq!(mode(&pair.there("text")), changed);
        running.save(&pair, "text", "2").await;
        assert_eq!((pair.text_there("text").as_str(), mode(&pair.there("text"))), ("2", changed));
        assert_eq!(running.rescan().await.0, 0, "all is as it should be");
    }
}
