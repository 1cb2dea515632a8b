//! Owns the proof that nothing is replaced that was not expected, and that every change is whole or none.

use std::os::unix::fs::{MetadataExt as _, symlink};

use remora_agent::{Change, ChangeKind, Expect, OpErrorKind, Piece};
use remora_model::{Digest, Mode, Mtime};

use crate::files::{TIME, names, spec};
use crate::rig::{OneByOne as _, Rig, kind, rel};

fn content(bytes: &[u8]) -> Expect {
    Expect::Content(Digest::of(bytes))
}

#[tokio::test]
async fn what_is_there_decides_whether_it_may_be_replaced() {
    let rig = Rig::start().await;
    // What is there, what is expected, whether "new" may be written.
    let table: [(Option<&[u8]>, Expect, bool); 9] = [
        (None, Expect::Absent, true),
        (None, content(b"old"), false),
        (None, Expect::Any, true),
        (Some(b"old"), Expect::Absent, false),
        (Some(b"old"), content(b"old"), true),
        (Some(b"old"), content(b"other"), false),
        (Some(b"old"), Expect::Any, true),
        (Some(b"new"), Expect::Absent, true),
        (Some(b"new"), content(b"other"), true),
    ];
    for (number, (there, expect, fine)) in table.into_iter().enumerate() {
        let name = format!("f{number}");
        if let Some(bytes) = there {
            std::fs::write(rig.at(&name), bytes).unwrap();
        }
        let result = rig.link.write(&rig.root, spec(&name, b"new", expect), b"new".to_vec()).await;
        if fine {
            assert_eq!(result.unwrap().digest, Digest::of(b"new"), "row {number}");
        } else {
            assert_eq!(kind(result), OpErrorKind::Diverged, "row {number}");
        }
        let left = std::fs::read(rig.at(&name)).ok();
        assert_eq!(left.as_deref(), if fine { Some(&b"new"[..]) } else { there }, "row {number}");
    }
    assert!(names(&rig.at(".")).iter().all(|name| name.starts_with('f')));
    rig.end().await;
}

#[tokio::test]
async fn a_change_by_somebody_else_is_noticed_although_the_size_is_the_same() {
    let rig = Rig::start().await;
    rig.link.write(&rig.root, spec("f", b"ours", Expect::Absent), b"ours".to_vec()).await.unwrap();
    std::fs::write(rig.at("f"), b"his!").unwrap();
    let result = rig.link.write(&rig.root, spec("f", b"more", content(b"ours")), b"more".to_vec()).await;
    assert_eq!(kind(result), OpErrorKind::Diverged);
    assert_eq!(std::fs::read(rig.at("f")).unwrap(), b"his!");
    rig.end().await;
}

#[tokio::test]
async fn a_symbolic_link_on_the_way_is_refused_by_everything() {
    let rig = Rig::start().await;
    let outside = rig.scratch().join("home");
    std::fs::write(outside.join("f"), "outside").unwrap();
    symlink(&outside, rig.at("link")).unwrap();
    let (link, root, path) = (&rig.link, &rig.root, rel("link/f"));
    let refused = OpErrorKind::OutsideRoot;
    assert_eq!(kind(link.write(root, spec("link/f", b"x", Expect::Any), b"x".to_vec()).await), refused);
    assert_eq!(kind(link.read(root, &path).await), refused);
    assert_eq!(kind(link.mkdir(root, &path, Mode(0o755)).await), refused);
    assert_eq!(kind(link.mkdir(root, &rel("link"), Mode(0o755)).await), refused);
    assert_eq!(kind(link.symlink(root, &path, b"x", Expect::Any).await), refused);
    assert_eq!(kind(link.set_meta(root, &path, (Mode(0o600), TIME), Expect::Any).await), refused);
    assert_eq!(kind(link.remove(root, &path, Expect::Any).await), refused);
    assert_eq!(std::fs::read(outside.join("f")).unwrap(), b"outside");
    rig.end().await;
}

#[tokio::test]
async fn files_and_directories_in_the_way_are_told_and_left() {
    let rig = Rig::start().await;
    std::fs::create_dir_all(rig.at("dir/full")).unwrap();
    std::fs::write(rig.at("file"), "x").unwrap();
    let (link, root) = (&rig.link, &rig.root);
    let way = OpErrorKind::InTheWay;
    assert_eq!(kind(link.write(root, spec("dir", b"x", Expect::Any), b"x".to_vec()).await), way);
    assert_eq!(kind(link.write(root, spec("file/f", b"x", Expect::Any), b"x".to_vec()).await), way);
    assert_eq!(kind(link.symlink(root, &rel("dir"), b"x", Expect::Any).await), way);
    assert_eq!(kind(link.mkdir(root, &rel("file"), Mode(0o755)).await), way);
    assert_eq!(kind(link.remove(root, &rel("dir"), Expect::Any).await), way);
    assert_eq!(kind(link.read(root, &rel("dir")).await), way);
    assert_eq!(kind(link.read(root, &rel("nothing")).await), OpErrorKind::NotFound);
    assert_eq!(names(&rig.at(".")), ["dir", "file"]);
    rig.end().await;
}

#[tokio::test]
async fn directories_links_meta_and_removal() {
    let rig = Rig::start().await;
    let (link, root) = (&rig.link, &rig.root);
    assert!(link.mkdir(root, &rel("a/b"), Mode(0o750)).await.unwrap());
    assert!(!link.mkdir(root, &rel("a/b"), Mode(0o700)).await.unwrap());
    assert_eq!(std::fs::metadata(rig.at("a/b")).unwrap().mode() & 0o7777, 0o700);

    link.symlink(root, &rel("a/l"), b"../no\xff\nwhere", Expect::Absent).await.unwrap();
    assert_eq!(kind(link.symlink(root, &rel("a/l"), b"x", Expect::Absent).await), OpErrorKind::Diverged);
    link.symlink(root, &rel("a/l"), b"b", content(b"../no\xff\nwhere")).await.unwrap();
    assert_eq!(std::fs::read_link(rig.at("a/l")).unwrap().to_str(), Some("b"));
    link.write(root, spec("a/l", b"a file now", content(b"b")), b"a file now".to_vec()).await.unwrap();
    assert!(std::fs::symlink_metadata(rig.at("a/l")).unwrap().is_file());

    link.set_meta(root, &rel("a/l"), (Mode(0o755), Mtime(5)), content(b"a file now")).await.unwrap();
    let meta = std::fs::metadata(rig.at("a/l")).unwrap();
    assert_eq!((meta.mode() & 0o7777, meta.mtime_nsec()), (0o755, 5));
    let wrong = link.set_meta(root, &rel("a/l"), (Mode(0o600), Mtime(6)), content(b"else")).await;
    assert_eq!(kind(wrong), OpErrorKind::Diverged);
    assert_eq!(kind(link.set_meta(root, &rel("a/x"), (Mode(0o600), TIME), Expect::Any).await), OpErrorKind::NotFound);

    assert_eq!(kind(link.remove(root, &rel("a/l"), content(b"else")).await), OpErrorKind::Diverged);
    assert!(link.remove(root, &rel("a/l"), content(b"a file now")).await.unwrap());
    assert!(!link.remove(root, &rel("a/l"), Expect::Any).await.unwrap());
    assert!(!link.remove(root, &rel("gone/too"), Expect::Any).await.unwrap());
    assert!(link.remove(root, &rel("a/b"), Expect::Absent).await.unwrap());
    rig.end().await;
}

#[tokio::test]
async fn a_reader_sees_the_old_file_or_the_new_one() {
    let rig = Rig::start().await;
    let path = rig.at("f");
    std::fs::write(&path, vec![b'a'; 100_000]).unwrap();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = std::sync::Arc::clone(&stop);
    let reader = std::thread::spawn(move || {
        let mut seen = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.len() == 100_000 && bytes.iter().all(|&byte| byte == bytes[0]));
            seen += 1;
        }
        seen
    });
    for round in 0..100 {
        let bytes = vec![b'a' + round % 26; 100_000];
        rig.link.write(&rig.root, spec("f", &bytes, Expect::Any), bytes.clone()).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(reader.join().unwrap() > 0);
    rig.end().await;
}

#[tokio::test]
async fn a_file_does_not_arrive_in_a_folder_that_was_renamed_meanwhile() {
    let rig = Rig::start().await;
    let (sender, pieces) = tokio::sync::mpsc::channel(2);
    let (link, root) = (rig.link.clone(), rig.root.clone());
    let bytes = vec![7; 2 << 20];
    let spec = spec("d/f", &bytes, Expect::Absent);
    let writing = tokio::spawn(async move { link.write_from(&root, spec, pieces).await });
    sender.send(Piece::Bytes(bytes[..90_000].to_vec())).await.unwrap();
    while !rig.at("d").exists() {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    std::fs::rename(rig.at("d"), rig.at("theirs")).unwrap();
    for piece in bytes[90_000..].chunks(100_000) {
        sender.send(Piece::Bytes(piece.to_vec())).await.unwrap();
    }
    sender.send(Piece::Whole(Digest::of(&bytes))).await.unwrap();
    assert_eq!(kind(writing.await.unwrap()), OpErrorKind::NotFound);
    assert_eq!((names(&rig.at(".")), names(&rig.at("theirs"))), (vec!["theirs".to_owned()], vec![]));
    rig.end().await;
}

#[tokio::test]
async fn changes_under_way_together_are_done_in_the_order_asked() {
    let rig = Rig::start().await;
    let (link, root) = (&rig.link, &rig.root);
    let large = vec![b'x'; 2_000_000];
    let file = rel("f");
    let (first, second, third, fourth) = tokio::join!(
        link.write(root, spec("f", &large, Expect::Absent), large.clone()),
        link.write(root, spec("f", b"small", content(&large)), b"small".to_vec()),
        link.remove(root, &file, content(b"small")),
        link.write(root, spec("f/below", b"deep", Expect::Absent), b"deep".to_vec()),
    );
    first.unwrap();
    second.unwrap();
    assert!(third.unwrap());
    fourth.unwrap();
    assert_eq!(std::fs::read(rig.at("f/below")).unwrap(), b"deep");
    rig.end().await;
}

fn new_file(path: &str, bytes: &[u8]) -> Change {
    let digest = Digest::of(bytes);
    let kind =
        ChangeKind::Write { bytes: bytes.to_vec(), digest, mode: Mode(0o640), mtime: TIME, expect: Expect::Absent };
    Change { path: rel(path), kind }
}

fn new_dir(path: &str, mode: u32) -> Change {
    Change { path: rel(path), kind: ChangeKind::Dir { mode: Mode(mode) } }
}

#[tokio::test]
async fn new_directories_come_with_all_that_is_in_them() {
    let rig = Rig::start().await;
    let text = ChangeKind::Symlink { text: b"x".to_vec(), expect: Expect::Absent };
    let changes = [
        new_dir("d", 0o750),
        new_file("d/x", b"1"),
        new_dir("d/e", 0o2711),
        new_dir("d/e", 0o2711),
        new_file("d/e/y", b"2"),
        Change { path: rel("d/e/l"), kind: text },
        Change { path: rel("d/e/none"), kind: ChangeKind::Remove { expect: Expect::Any } },
        new_file("beside", b"3"),
    ];
    let done = rig.link.apply(&rig.root, &changes).await.unwrap();
    let made: Vec<bool> = done.into_iter().map(Result::unwrap).collect();
    assert_eq!(made, [true, true, true, false, true, true, false, true]);
    assert_eq!(names(&rig.at(".")), ["beside", "d"]);
    assert_eq!(names(&rig.at("d/e")), ["l", "y"]);
    let mode = |name: &str| std::fs::metadata(rig.at(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("d"), mode("d/e"), mode("d/e/y")), (0o750, 0o2711, 0o640));
    assert_eq!(std::fs::metadata(rig.at("d/x")).unwrap().mtime(), TIME.0 / 1_000_000_000);
    assert_eq!(std::fs::read_link(rig.at("d/e/l")).unwrap().to_str(), Some("x"));
    rig.end().await;
}

#[tokio::test]
async fn a_new_directory_that_finds_its_place_taken_is_filled_file_by_file() {
    let rig = Rig::start().await;
    // The folder of the last one is not announced: it is made at once, and the one above it with it.
    let changes = [new_dir("d", 0o750), new_file("d/x", b"1"), new_file("d/unannounced/y", b"2")];
    let done = rig.link.apply(&rig.root, &changes).await.unwrap();
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(std::fs::read(rig.at("d/x")).unwrap(), b"1");
    assert_eq!(std::fs::metadata(rig.at("d")).unwrap().mode() & 0o7777, 0o750);
    // A file gets there first.
    let changes = [new_file("f", b"file"), new_dir("f", 0o755), new_file("f/x", b"1")];
    let done = rig.link.apply(&rig.root, &changes).await.unwrap();
    let kinds: Vec<_> = done.into_iter().map(|one| one.map_err(|error| error.kind)).collect();
    assert_eq!(kinds, [Ok(true), Err(OpErrorKind::InTheWay), Err(OpErrorKind::InTheWay)]);
    assert_eq!(names(&rig.at(".")), ["d", "f"]);
    assert_eq!(std::fs::read(rig.at("f")).unwrap(), b"file");
    rig.end().await;
}

#[tokio::test]
async fn in_a_new_directory_what_is_expected_is_gone() {
    let rig = Rig::start().await;
    let kind = ChangeKind::Meta { mode: Mode(0o600), mtime: TIME, expect: Expect::Any };
    let mut replaced = new_file("d/x", b"1");
    if let ChangeKind::Write { expect, .. } = &mut replaced.kind {
        *expect = content(b"old");
    }
    let changes = [new_dir("d", 0o755), replaced, Change { path: rel("d/y"), kind }];
    let done = rig.link.apply(&rig.root, &changes).await.unwrap();
    let kinds: Vec<_> = done.into_iter().map(|one| one.map_err(|error| error.kind)).collect();
    assert_eq!(kinds, [Ok(true), Err(OpErrorKind::Diverged), Err(OpErrorKind::NotFound)]);
    assert!(names(&rig.at("d")).is_empty());
    rig.end().await;
}
