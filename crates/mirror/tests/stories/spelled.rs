//! Names that can be written in two ways of Unicode are composed on the remote, and found here as they are.

#![cfg(target_os = "linux")]

use std::fs;

use remora_mirror::{Blocked, Config, MirrorError};
use remora_model::Unicode;

use crate::pair::{Pair, rel, tree};

const FOLDER: &str = "cafe\u{301}";
const FOLDER_THERE: &str = "caf\u{e9}";

fn names(pair: &Pair) -> Vec<String> {
    tree(pair.remote.path()).into_keys().map(|path| path.display().to_string()).collect()
}

fn composing() -> Pair {
    let mut pair = Pair::new();
    pair.configure = |config: &mut Config| {
        config.policy.unicode = Unicode::Nfc;
        config.watch = true;
    };
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decomposed_name_arrives_composed_and_is_followed_under_its_own() {
    let pair = composing();
    pair.write(&format!("{FOLDER}/u\u{308}.py"), "1");
    pair.write(&format!("{FOLDER}/.gitignore"), "*.log\n");
    pair.write(&format!("{FOLDER}/a\u{30a}.log"), "1");
    pair.write("large \u{fc}", vec![7_u8; 3 << 20]);
    pair.write("large o\u{308}", vec![8_u8; 3 << 20]);
    let mut running = pair.mirrored().await;
    let file = format!("{FOLDER_THERE}/\u{fc}.py");
    let ignore = format!("{FOLDER_THERE}/.gitignore");
    let all = [FOLDER_THERE, &ignore, &file, "large \u{f6}", "large \u{fc}"];
    assert_eq!(names(&pair), all);

    // A save under either name, and what only the watcher sees.
    running.mirror.saved(&pair.write(&format!("{FOLDER}/u\u{308}.py"), "22"));
    running.until("the save", |_| (pair.text_there(&file) == "22").then_some(())).await;
    pair.write(&format!("{FOLDER}/u\u{308}.py"), "333");
    running.until("the change", |_| (pair.text_there(&file) == "333").then_some(())).await;
    running.rescan().await;
    assert_eq!(running.rescan().await, (0, 0, vec![]), "nothing is sent twice");

    pair.write_there(&file, "theirs");
    running.rescan().await;
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel(&file)])));
    running.mirror.take(&pair.here(&format!("{FOLDER}/u\u{308}.py"))).await.unwrap();
    assert_eq!(fs::read_to_string(pair.here(&format!("{FOLDER}/u\u{308}.py"))).unwrap(), "theirs");
    assert!(!pair.here(&file).exists(), "there is no second copy here");

    fs::remove_dir_all(pair.here(FOLDER)).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(names(&pair), all[3..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_names_that_become_one_are_left_alone_until_one_is_renamed() {
    let pair = composing();
    pair.write("e\u{301}.py", "decomposed");
    pair.write("other", "1");
    let mut running = pair.mirrored().await;
    assert_eq!(pair.text_there("\u{e9}.py"), "decomposed");
    pair.write("\u{e9}.py", "composed");
    let twins = || Err(Blocked::Failed(rel("\u{e9}.py"), MirrorError::Twins { path: rel("\u{e9}.py") }));
    for _ in 0..2 {
        running.rescan().await;
        assert_eq!(running.barrier().await, twins());
        running.mirror.saved(&pair.here("\u{e9}.py"));
        assert_eq!(running.barrier().await, twins());
    }
    assert_eq!(pair.text_there("\u{e9}.py"), "decomposed", "it is as it was");
    fs::rename(pair.here("e\u{301}.py"), pair.here("another.py")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!((pair.text_there("\u{e9}.py"), pair.text_there("another.py")), ("composed".into(), "decomposed".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_mirrored_decomposed_is_renamed_when_names_are_composed() {
    let mut pair = Pair::new();
    pair.configure = |config| config.policy.unicode = Unicode::Keep;
    pair.write(&format!("{FOLDER}/a.py"), "1");
    pair.mirrored().await.barrier().await.unwrap();
    assert_eq!(names(&pair), [FOLDER.to_owned(), format!("{FOLDER}/a.py")]);
    pair.configure = |config| config.policy.unicode = Unicode::Nfc;
    pair.mirrored().await.barrier().await.unwrap();
    assert_eq!(names(&pair), [FOLDER_THERE.to_owned(), format!("{FOLDER_THERE}/a.py")]);
}
