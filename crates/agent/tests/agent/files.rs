//! Owns the proof that what arrives is what was sent, byte for byte and name for name.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

use remora_agent::{Expect, OpErrorKind, Piece, Surveyed, WriteSpec};
use remora_model::{Digest, Kind, Mode, Mtime, RemotePath};

use crate::rig::{OneByOne as _, Rig, instructions, kind, pieces, rel};

pub(crate) const TIME: Mtime = Mtime(1_600_000_000_123_456_789);

pub(crate) fn spec(path: impl AsRef<[u8]>, bytes: &[u8], expect: Expect) -> WriteSpec {
    WriteSpec { path: rel(path), size: bytes.len() as u64, mode: Mode(0o640), mtime: TIME, expect }
}

#[tokio::test]
async fn a_written_file_arrives_with_mode_and_time_and_reads_back() {
    let rig = Rig::start().await;
    for (name, size) in [("empty", 0), ("a/b/small.py", 6), ("a/crlf", 40_000), ("large", 3_000_001)] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n * 7 + n / 251) as u8).collect();
        let stored = rig.link.write(&rig.root, spec(name, &bytes, Expect::Absent), bytes.clone()).await.unwrap();
        assert_eq!((stored.digest, stored.size), (Digest::of(&bytes), bytes.len() as u64), "{name}");
        assert!(std::fs::read(rig.at(name)).unwrap() == bytes, "{name}");
        let meta = std::fs::metadata(rig.at(name)).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.mtime(), meta.mtime_nsec()), (0o640, 1_600_000_000, 123_456_789));
        let read = rig.link.read(&rig.root, &rel(name)).await.unwrap();
        assert!(read.bytes == bytes, "{name}");
        assert_eq!((read.digest, read.mode, read.mtime), (stored.digest, Mode(0o640), TIME), "{name}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_streamed_file_arrives_whole_and_a_source_that_ends_early_changes_nothing() {
    let rig = Rig::start().await;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n / 3) as u8).collect();
    let stored = rig.link.write_from(&rig.root, spec("f", &bytes, Expect::Absent), pieces(&bytes, true)).await.unwrap();
    assert_eq!(stored.digest, Digest::of(&bytes));
    let empty = rig.link.write_from(&rig.root, spec("empty", b"", Expect::Absent), pieces(b"", true)).await.unwrap();
    assert_eq!(empty.size, 0);
    let short =
        rig.link.write_from(&rig.root, spec("f", &bytes, Expect::Any), pieces(&bytes[..1_000_000], false)).await;
    assert_eq!(kind(short), OpErrorKind::Invalid);
    // Requests are handled in order: after this one the broken upload is forgotten there, too.
    rig.link.survey(&rig.root, &[rel("f")]).await.unwrap();
    assert!(std::fs::read(rig.at("f")).unwrap() == bytes);
    assert_eq!(names(&rig.at(".")), ["empty", "f"]);
    rig.end().await;
}

pub(crate) fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn strange_names_arrive_unchanged() {
    let rig = Rig::start().await;
    let strange: [&[u8]; 6] =
        [b"with space", b"it's \"quoted\"", b"new\nline", b"caf\xe9/\xff\xfe", "é/日本".as_bytes(), b"-rf * ~ $HOME"];
    for name in strange {
        let path = rig.at(".").join(std::ffi::OsStr::from_bytes(name));
        rig.link.write(&rig.root, spec(name, name, Expect::Absent), name.to_vec()).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), name);
        assert_eq!(rig.link.digests(&rig.root, &[rel(name)]).await.unwrap(), [Some(Digest::of(name))]);
        assert!(matches!(&rig.link.survey(&rig.root, &[rel(name)]).await.unwrap()[0], Surveyed::Found(_)));
        assert!(rig.link.remove(&rig.root, &rel(name), Expect::Content(Digest::of(name))).await.unwrap());
        assert!(!path.exists());
    }
    rig.end().await;
}

#[tokio::test]
async fn a_survey_tells_what_is_there_in_the_order_asked() {
    let rig = Rig::start().await;
    std::fs::create_dir_all(rig.at("d/e")).unwrap();
    std::fs::write(rig.at("d/e/f"), "four").unwrap();
    std::os::unix::fs::symlink("e/f", rig.at("d/link")).unwrap();
    std::os::unix::fs::symlink("d", rig.at("dirlink")).unwrap();
    let asked = ["d/e/f", "missing", "d", "d/link", "d/e/f/below", "dirlink/e/f", "d/e", "missing/too"].map(rel);
    let found = rig.link.survey(&rig.root, &asked).await.unwrap();
    let short: Vec<_> = found
        .iter()
        .map(|one| match one {
            Surveyed::Found(entry) => Some((entry.kind, entry.size)),
            Surveyed::Link(digest) => {
                assert_eq!(*digest, Digest::of(b"e/f"));
                Some((Kind::Symlink, 3))
            }
            Surveyed::Missing => None,
            Surveyed::Closed => panic!("all may be looked at"),
            Surveyed::Outside => Some((Kind::Other, 999)),
        })
        .collect();
    let outside = Some((Kind::Other, 999));
    assert_eq!(
        short,
        [
            Some((Kind::File, 4)),
            None,
            Some((Kind::Dir, 0)),
            Some((Kind::Symlink, 3)),
            outside,
            outside,
            Some((Kind::Dir, 0)),
            None
        ]
    );
    let digests = rig.link.digests(&rig.root, &asked).await.unwrap();
    let (four, link) = (Some(Digest::of(b"four")), Some(Digest::of(b"e/f")));
    assert_eq!(digests, [four, None, None, link, None, None, None, None]);
    assert_eq!(rig.link.survey(&rig.root, &[]).await.unwrap(), []);
    let nowhere = RemotePath::new("/nowhere/at/all").unwrap();
    assert_eq!(kind(rig.link.survey(&nowhere, &asked).await), OpErrorKind::NotFound);
    rig.end().await;
}

#[tokio::test]
async fn a_survey_of_very_many_names_is_one_request() {
    let rig = Rig::start().await;
    let asked: Vec<_> = (0..20_000).map(|n| rel(format!("some/folder/number{}/file{n}.py", n / 100))).collect();
    std::fs::create_dir_all(rig.at("some/folder/number7")).unwrap();
    std::fs::write(rig.at("some/folder/number7/file777.py"), "").unwrap();
    let found = rig.link.survey(&rig.root, &asked).await.unwrap();
    let there: Vec<usize> = (0..found.len()).filter(|&n| found[n] != Surveyed::Missing).collect();
    assert_eq!((found.len(), there), (20_000, vec![777]));
    rig.end().await;
}

#[tokio::test]
async fn of_what_is_as_it_was_believed_to_be_nothing_is_told() {
    let rig = Rig::start().await;
    let paths: Vec<_> = (0..20_000).map(|n| rel(format!("some/folder/number{}/file{n}.py", n / 100))).collect();
    std::fs::create_dir_all(rig.at("some/folder/number7")).unwrap();
    std::fs::write(rig.at("some/folder/number7/file777.py"), "").unwrap();
    let mut believed = vec![Surveyed::Missing; paths.len()];
    let ask = async |believed: &[Surveyed]| {
        let found = rig.link.survey_against(&rig.root, (&paths, believed), false).await.unwrap();
        found.into_iter().map(|(first, block)| (first, block.len(), block)).collect::<Vec<_>>()
    };
    let told = ask(&believed).await;
    let [(first, 64, block)] = &told[..] else { panic!("one block: {told:?}") };
    assert_eq!(*first, 777 / 64 * 64);
    believed[*first..first + 64].clone_from_slice(block);
    assert_eq!(ask(&believed).await, []);
    let kept = rig.scratch().join("home/.cache/remora/names");
    let [list] = &names(&kept)[..] else { panic!("the list need not travel again") };
    let packed = std::fs::read(kept.join(list)).unwrap();
    // Only the last list is in memory; of the one before there is the copy on the disk.
    let forget = async || rig.link.survey(&rig.root, &paths[1..]).await.unwrap();
    forget().await;
    assert_eq!((ask(&believed).await, names(&kept).len()), (vec![], 2));
    forget().await;
    std::fs::write(kept.join(list), "garbled").unwrap();
    std::fs::remove_dir_all(rig.at("some")).unwrap();
    assert_eq!(ask(&believed).await.len(), 1);
    assert!(std::fs::read(kept.join(list)).unwrap() == packed, "it travelled again");
    rig.end().await;
}

#[tokio::test]
async fn temporary_files_of_dead_agents_are_removed_and_others_kept() {
    let rig = Rig::start().await;
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    let dead = gone.id();
    gone.wait().unwrap();
    std::fs::create_dir(rig.at("d")).unwrap();
    let alive = std::process::id();
    let fresh = format!("d/.remora-{dead}-0e.tmp");
    std::fs::create_dir_all(rig.at(&fresh).join("below")).unwrap();
    std::fs::write(rig.at(&fresh).join("below/f"), "").unwrap();
    std::os::unix::fs::symlink(rig.at("kept"), rig.at(&fresh).join("below/l")).unwrap();
    std::fs::create_dir(rig.at("kept")).unwrap();
    std::fs::write(rig.at("kept/f"), "").unwrap();
    let temps = [
        format!(".remora-{dead}-0a.tmp"),
        format!("d/.remora-{dead}-0b.tmp"),
        format!(".remora-{alive}-0c.tmp"),
        ".remora-notes.tmp".to_owned(),
    ];
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    for temp in &temps {
        std::fs::File::create(rig.at(temp)).unwrap().set_modified(long_ago).unwrap();
    }
    std::fs::File::open(rig.at(&fresh)).unwrap().set_modified(long_ago).unwrap();
    let young = format!("d/.remora-{dead}-0d.tmp");
    std::fs::write(rig.at(&young), "").unwrap();
    rig.link.survey(&rig.root, &[rel("x"), rel("d/x")]).await.unwrap();
    let left: Vec<bool> = temps.iter().chain([&young]).map(|temp| rig.at(temp).exists()).collect();
    assert_eq!(left, [false, false, true, true, true]);
    assert!(
        !rig.at(&fresh).exists() && rig.at("kept/f").exists(),
        "a directory goes with all in it, and no link is followed"
    );
    rig.end().await;
}

#[tokio::test]
async fn a_killed_agents_temporary_file_is_removed_at_once_and_a_living_ones_is_not() {
    let (killed, living, next) = (Rig::start().await, Rig::start().await, Rig::start().await);
    let temps = || {
        let names = std::fs::read_dir(next.at("")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".tmp")).count()
    };
    // Neither comes to its end.
    let mut open = Vec::new();
    for (number, rig) in [&killed, &living].into_iter().enumerate() {
        let (sender, pieces) = tokio::sync::mpsc::channel(2);
        sender.send(Piece::Bytes(vec![7; 90_000])).await.unwrap();
        open.push(sender);
        let (link, root) = (rig.link.clone(), next.root.clone());
        let spec = WriteSpec { size: 2 << 20, ..spec("f", b"", Expect::Absent) };
        tokio::spawn(async move { link.write_from(&root, spec, pieces).await });
        while temps() == number {
            rig.link.survey(&next.root, &[]).await.unwrap();
        }
    }
    let pid = killed.link.hello().pid.to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    killed.link.lost().await;
    next.link.survey(&next.root, &[rel("f")]).await.unwrap();
    assert_eq!(temps(), 1);
    living.link.close().await;
    assert_eq!(temps(), 0);
    next.end().await;
}

#[tokio::test]
async fn odd_names_and_times_over_there_do_not_stop_a_survey() {
    let rig = Rig::start().await;
    // A number that no process can have, and the year 2400.
    let far = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(13_569_465_600);
    let old = std::time::SystemTime::UNIX_EPOCH;
    for (name, time) in [(".remora-99999999999999999999-0a.tmp", old), ("f", far)] {
        std::fs::File::create(rig.at(name)).unwrap().set_modified(time).unwrap();
    }
    let found = rig.link.survey(&rig.root, &[rel("f")]).await.unwrap();
    assert!(matches!(&found[..], [Surveyed::Found(entry)] if entry.mtime.0 == i64::MAX), "{found:?}");
    assert_eq!(rig.link.read(&rig.root, &rel("f")).await.unwrap().bytes, b"");
    rig.end().await;
}

#[tokio::test]
async fn a_root_is_found_made_or_refused() {
    let rig = Rig::start().await;
    std::os::unix::fs::symlink(rig.at("."), rig.scratch().join("alias")).unwrap();
    std::fs::write(rig.at("file"), "").unwrap();
    let at = |name: &str| rig.scratch().join(name).to_string_lossy().into_owned();
    let found = rig.link.root(&at("alias"), false).await.unwrap();
    assert_eq!((found.path, found.created, found.writable), (rig.root.clone(), false, true));
    assert_eq!(kind(rig.link.root(&at("new"), false).await), OpErrorKind::NotFound);
    assert!(rig.link.root(&at("new"), true).await.unwrap().created);
    assert_eq!(kind(rig.link.root(&at("far/away/from/home"), true).await), OpErrorKind::NotFound);
    assert!(rig.link.root("~/deep/below/home", true).await.unwrap().created);
    assert!(rig.scratch().join("home/deep/below/home").is_dir());
    assert_eq!(kind(rig.link.root(&at("root/file"), true).await), OpErrorKind::InTheWay);
    assert_eq!(kind(rig.link.root("relative", true).await), OpErrorKind::Invalid);
    rig.end().await;
}

#[tokio::test]
async fn a_file_that_does_not_fit_its_seal_or_its_size_replaces_nothing() {
    let rig = Rig::start().await;
    std::fs::write(rig.at("f"), "old").unwrap();
    let (bytes, wrong) = (vec![7; 100_000], [0; 36]);
    let table = [
        ([&bytes[..], &wrong].concat(), OpErrorKind::Corrupt),
        ([&bytes[..], &wrong, b"x"].concat(), OpErrorKind::Invalid),
        ([&bytes[1..], &wrong].concat(), OpErrorKind::Invalid),
    ];
    for (sent, expected) in table {
        let result = rig.link.write_from(&rig.root, spec("f", &bytes, Expect::Any), instructions(&sent)).await;
        assert_eq!(kind(result), expected, "{} bytes", sent.len());
    }
    assert_eq!(std::fs::read(rig.at("f")).unwrap(), b"old");
    assert_eq!(names(&rig.at(".")), ["f"]);
    rig.end().await;
}
