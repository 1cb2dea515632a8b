//! The remote file takes the local one's place when the user says so, and is not sent back.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use remora_mirror::{Blocked, MirrorError, Phase};

use crate::pair::{Pair, rel};

fn identity(place: &Path) -> (u64, i64, i64) {
    let metadata = fs::metadata(place).unwrap();
    (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_taken_is_in_sync_and_never_sent_back() {
    let mut pair = Pair::new();
    pair.configure = |config| config.watch = true;
    let large = [b"\0\xfftheirs\n".as_slice(), &vec![7; 2 << 20]].concat();
    for name in ["small", "large", "d/untouched"] {
        pair.write(name, "1");
    }
    let mut running = pair.mirrored().await;
    pair.write_there("small", b"\0\xfftheirs\r\n");
    pair.write_there("large", &large);
    running.rescan().await;
    assert_eq!(running.barrier().await, Err(Blocked::Diverged(vec![rel("large"), rel("small")])));
    let before = ["small", "large"].map(|name| identity(&pair.there(name)));
    for name in ["small", "large"] {
        running.mirror.take(&pair.here(name)).await.unwrap();
    }
    assert_eq!(fs::read(pair.here("large")).unwrap(), large);
    // The watcher saw it, and the barrier waits for what it saw; so does a comparison.
    running.barrier().await.unwrap();
    running.rescan().await;
    running.barrier().await.unwrap();
    assert_eq!(running.mirror.status().phase, Phase::InSync);
    pair.assert_same();
    assert_eq!(["small", "large"].map(|name| identity(&pair.there(name))), before, "nothing was written over there");
    // From then on it is a file like any other.
    pair.write("small", "mine again");
    running.until("the next save", |_| (pair.text_there("small") == "mine again").then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_can_be_taken_while_paused_and_where_none_is_here() {
    let pair = Pair::new();
    pair.write("a", "1");
    let running = pair.mirrored().await;
    running.mirror.pause();
    pair.write_there("new/deep/b", "theirs");
    running.mirror.take(&pair.here("new/deep/b")).await.unwrap();
    assert_eq!(fs::read_to_string(pair.here("new/deep/b")).unwrap(), "theirs");
    let status = running.mirror.status();
    assert_eq!((status.phase, status.waiting), (Phase::Paused, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_taken_is_named_and_nothing_is_touched() {
    let pair = Pair::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "precious").unwrap();
    pair.write("mine", "1");
    pair.write("place/x", "1");
    symlink(outside.path(), pair.here("out")).unwrap();
    pair.write_there("out/a", "theirs");
    pair.write_there("folder/x", "1");
    pair.write_there("place2", "1");
    fs::create_dir(pair.here("place2")).unwrap();
    symlink("mine", pair.there("link")).unwrap();
    let running = pair.mirrored().await;
    let take = async |name: &str| running.mirror.take(&pair.here(name)).await.unwrap_err();
    assert!(matches!(take("out/a").await, MirrorError::LocalUnwritable { .. }));
    assert_eq!(fs::read_to_string(outside.path().join("a")).unwrap(), "precious");
    assert_eq!(take("none").await, MirrorError::NotThere { path: rel("none") });
    assert!(matches!(take("folder").await, MirrorError::NoFile { .. }));
    assert!(matches!(take("link").await, MirrorError::NoFile { .. }));
    assert!(matches!(take("place2").await, MirrorError::LocalUnwritable { .. }));
    let error = running.mirror.take(&outside.path().join("a")).await.unwrap_err();
    assert!(matches!(error, MirrorError::NotInside { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(pair.here("mine")).unwrap(), "1");
}
