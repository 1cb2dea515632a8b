//! What becomes of symbolic links, by the policy for them.

use std::fs;
use std::os::unix::fs::symlink;

use remora_model::Symlinks;
use tempfile::TempDir;

use crate::pair::{Pair, Running, tree};

/// A project with links of every kind, and a folder outside that some lead to.
fn linked() -> (Pair, TempDir) {
    let (pair, outside) = (Pair::new(), TempDir::new().unwrap());
    pair.write("real/a.py", "1");
    fs::create_dir(outside.path().join("in")).unwrap();
    fs::write(outside.path().join("in/x"), "x").unwrap();
    fs::write(outside.path().join("file"), "f").unwrap();
    for (link, target) in [
        ("alias", "real".into()),
        ("alias.py", "real/a.py".into()),
        ("out", outside.path().to_owned()),
        ("file", outside.path().join("file")),
        ("broken", "nowhere".into()),
        ("circle", "circle".into()),
        ("real/up", "..".into()),
    ] {
        symlink(target, pair.here(link)).unwrap();
    }
    // Two folders that lead to each other.
    symlink(pair.here("real"), outside.path().join("back")).unwrap();
    symlink(outside.path(), pair.here("real/out")).unwrap();
    (pair, outside)
}

fn names(pair: &Pair) -> Vec<String> {
    tree(pair.remote.path()).into_keys().map(|path| path.display().to_string()).collect()
}

async fn until_there(running: &mut Running, pair: &Pair, name: &str, text: &str) {
    while !pair.is_there(name) || pair.text_there(name) != text {
        running.batch().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn followed_links_are_what_they_lead_to_and_stay_so() {
    let (mut pair, outside) = linked();
    pair.configure = |config| (config.policy.symlinks, config.watch) = (Symlinks::Follow, true);
    let mut running = pair.mirrored().await;
    running.barrier().await.unwrap();
    let there = names(&pair);
    for name in ["alias/a.py", "alias.py", "out/in/x", "out/file", "file", "real/out/file", "out/back/a.py"] {
        assert!(there.iter().any(|there| there == name), "{name} of {there:?}");
        assert!(fs::symlink_metadata(pair.there(name)).unwrap().is_file(), "{name}");
    }
    for name in ["broken", "circle", "real/up", "alias/up", "out/back/out", "real/out/back"] {
        assert!(!there.iter().any(|there| there == name), "{name} of {there:?}");
    }
    // Whatever name a change is made under.
    pair.write("real/a.py", "second");
    for name in ["alias.py", "alias/a.py", "real/a.py", "out/back/a.py"] {
        until_there(&mut running, &pair, name, "second").await;
    }
    fs::write(outside.path().join("in/new"), "n").unwrap();
    until_there(&mut running, &pair, "out/in/new", "n").await;
    until_there(&mut running, &pair, "real/out/in/new", "n").await;
    running.mirror.saved(&pair.write("alias/b.py", "b"));
    until_there(&mut running, &pair, "real/b.py", "b").await;
    until_there(&mut running, &pair, "alias/b.py", "b").await;
    // Nothing there any more is no wish to remove it; a link that is gone is.
    fs::remove_file(outside.path().join("file")).unwrap();
    fs::remove_file(pair.here("alias")).unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(
        (pair.text_there("file"), pair.is_there("alias"), pair.is_there("real/a.py")),
        ("f".into(), false, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn skipped_links_are_not_sent_and_those_that_were_stay() {
    let (mut pair, _outside) = linked();
    fs::remove_file(pair.here("alias")).unwrap();
    drop(pair.mirrored().await);
    pair.configure = |config| config.policy.symlinks = Symlinks::Skip;
    symlink("real", pair.here("alias")).unwrap();
    let mut running = pair.mirrored().await;
    running.mirror.saved(&pair.here("alias"));
    fs::write(pair.here("real/a.py"), "2").unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert!(!pair.is_there("alias") && fs::symlink_metadata(pair.there("broken")).unwrap().is_symlink());
    assert_eq!(pair.text_there("real/a.py"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_replaces_what_the_last_one_put_there() {
    let (mut pair, _outside) = linked();
    drop(pair.mirrored().await);
    pair.assert_same();
    pair.configure = |config| config.policy.symlinks = Symlinks::Follow;
    pair.mirrored().await.barrier().await.unwrap();
    assert!(fs::symlink_metadata(pair.there("out")).unwrap().is_dir());
    assert_eq!(pair.text_there("out/in/x"), "x");
    pair.configure = |_| {};
    pair.mirrored().await.barrier().await.unwrap();
    pair.assert_same();
}
