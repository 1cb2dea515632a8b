//! Owns the proof that what is replaced or removed can be had back, and that the trash costs nobody a change.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use remora_agent::{AgentError, Change, ChangeKind, Expect, OpErrorKind, TrashLimits};
use remora_model::{Digest, Mode};

use crate::files::{TIME, names};
use crate::rig::{Rig, kind, rel};

const LIMITS: TrashLimits = TrashLimits { seconds: 3600, bytes: 1 << 20, entries: 3 };

/// Keeps the trash from here on, while `work` is done.
async fn keeping<T>(rig: &Rig, limits: TrashLimits, work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        told = rig.link.keep_trash(&rig.root, limits) => panic!("{told:?}"),
        done = work => done,
    }
}

async fn change(rig: &Rig, name: &str, kind: ChangeKind) {
    let change = Change { path: rel(name), kind };
    let results = rig.link.apply(&rig.root, &[change]).await.unwrap();
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

async fn write(rig: &Rig, name: &str, text: &str, expect: Expect) {
    let (bytes, digest) = (text.as_bytes().to_vec(), Digest::of(text.as_bytes()));
    change(rig, name, ChangeKind::Write { bytes, digest, mode: Mode(0o644), mtime: TIME, expect }).await;
}

fn content(text: &str) -> Expect {
    Expect::Content(Digest::of(text.as_bytes()))
}

async fn kept(rig: &Rig) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in rig.link.list_trash(&rig.root).await.unwrap() {
        let read = rig.link.read_trash(&rig.root, &entry.path, entry.when).await.unwrap();
        assert_eq!(read.bytes.len() as u64, entry.size);
        found.push((entry.path.to_string(), String::from_utf8(read.bytes).unwrap()));
    }
    found
}

fn pairs(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[tokio::test]
async fn what_is_replaced_or_removed_is_kept_outside_of_the_tree_and_reads_back() {
    let rig = Rig::start().await;
    keeping(&rig, TrashLimits { entries: 100, ..LIMITS }, async {
        write(&rig, "d/a", "one", Expect::Absent).await;
        assert_eq!(kept(&rig).await, [], "nothing was lost yet");
        let inode = fs::metadata(rig.at("d/a")).unwrap().ino();
        write(&rig, "d/a", "two", content("one")).await;
        for (old, new) in [("two", "three"), ("three", "four")] {
            write(&rig, "d/a", new, content(old)).await;
        }
        assert_eq!(kept(&rig).await, pairs(&[("d/a", "one")]), "the first of a burst");
        write(&rig, "d/a", "mine", Expect::Any).await;
        change(&rig, "d/a", ChangeKind::Remove { expect: content("mine") }).await;
        let all = [("d/a", "one"), ("d/a", "four"), ("d/a", "mine")];
        assert_eq!(kept(&rig).await, pairs(&all), "what nobody expected, and what is removed, always");
        assert_eq!(names(&rig.at("d")), [""; 0]);
        let cache = rig.scratch().join("home/.cache/remora/trash");
        let folder = fs::read_dir(cache).unwrap().next().unwrap().unwrap().path();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        let inodes: Vec<u64> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().metadata().unwrap().ino()).collect();
        assert!(inodes.contains(&inode), "it is the same file, not a copy");
        let long = "x".repeat(200) + "/=%/" + &"y".repeat(200);
        write(&rig, &long, "long", Expect::Absent).await;
        change(&rig, &long, ChangeKind::Remove { expect: content("long") }).await;
        assert_eq!(kept(&rig).await.last(), Some(&(long, "long".to_owned())));
        assert_eq!(kind(rig.link.read_trash(&rig.root, &rel("no"), TIME).await), OpErrorKind::NotFound);
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn the_trash_is_bounded_and_the_oldest_goes_first() {
    let rig = Rig::start().await;
    keeping(&rig, LIMITS, async {
        for n in 0..10 {
            write(&rig, &format!("f{n}"), "text", Expect::Absent).await;
            change(&rig, &format!("f{n}"), ChangeKind::Remove { expect: content("text") }).await;
        }
        assert_eq!(kept(&rig).await, pairs(&[("f7", "text"), ("f8", "text"), ("f9", "text")]));
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn a_trash_that_is_much_too_full_is_emptied_while_the_agent_does_other_things() {
    let rig = Rig::start().await;
    let remove = |n: usize| Change { path: rel(format!("f{n}")), kind: ChangeKind::Remove { expect: Expect::Any } };
    (0..400).for_each(|n| fs::write(rig.at(&format!("f{n}")), "text").unwrap());
    keeping(&rig, TrashLimits { entries: 1000, ..LIMITS }, async {
        rig.link.apply(&rig.root, &(0..399).map(remove).collect::<Vec<_>>()).await.unwrap();
    })
    .await;
    assert_eq!(rig.link.list_trash(&rig.root).await.unwrap().len(), 399);
    keeping(&rig, LIMITS, async {
        for n in 0..4 {
            write(&rig, &format!("g{n}"), "text", Expect::Absent).await;
            change(&rig, &format!("g{n}"), ChangeKind::Remove { expect: content("text") }).await;
        }
        while rig.link.list_trash(&rig.root).await.unwrap().len() > 3 {}
        assert_eq!(kept(&rig).await, pairs(&[("g1", "text"), ("g2", "text"), ("g3", "text")]));
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn where_the_cache_is_no_place_it_is_hidden_in_the_root() {
    let rig = Rig::start_with(|command, scratch| {
        fs::write(scratch.join("home/.cache"), "a file in the way").unwrap();
        command.env_remove("XDG_CACHE_HOME");
    })
    .await;
    keeping(&rig, LIMITS, async {
        write(&rig, "a", "one", Expect::Absent).await;
        change(&rig, "a", ChangeKind::Remove { expect: content("one") }).await;
        assert_eq!(kept(&rig).await, pairs(&[("a", "one")]));
        assert_eq!(fs::read_to_string(rig.at(".remora-trash/.gitignore")).unwrap(), "*\n");
    })
    .await;
    rig.end().await;
}

#[tokio::test]
async fn what_can_not_be_kept_is_said_once_and_changed_all_the_same() {
    let rig = Rig::start().await;
    let limits = TrashLimits { bytes: 3, ..LIMITS };
    let work = async {
        write(&rig, "a", "too large", Expect::Absent).await;
        change(&rig, "a", ChangeKind::Remove { expect: content("too large") }).await;
        write(&rig, "b", "too large", Expect::Absent).await;
        write(&rig, "b", "x", content("too large")).await;
    };
    let (told, ()) = tokio::join!(biased; rig.link.keep_trash(&rig.root, limits), work);
    assert!(told.unwrap().unwrap().contains("'a' alone is larger"));
    assert_eq!((names(&rig.at(".")), kept(&rig).await), (vec!["b".to_owned()], vec![]));
    let nothing: Result<Option<String>, AgentError> =
        rig.link.keep_trash(&rig.root, TrashLimits { entries: 0, ..LIMITS }).await;
    assert_eq!(nothing.unwrap(), None);
    rig.end().await;
}
