//! Owns the proof that a file is rebuilt to what was meant, or stays as it was.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use remora_agent::{AgentError, Expect, Link, OpErrorKind, Piece, Recipe, SpawnSpec, Stored, WriteSpec};
use remora_model::Digest;
use remora_testkit::noise::noise;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::files::{names, spec};
use crate::live::argv;
use crate::rig::{OneByOne as _, Rig, instructions, kind, pieces, rel, remote, shell};

const MIB: usize = 1 << 20;

/// A part of the new file: a range of the old one, or bytes that are sent.
enum Part<'a> {
    Old(usize, usize),
    New(&'a [u8]),
}

use Part::{New, Old};

/// What is sent for these parts, and what has to come of them.
fn made_of(old: &[u8], parts: &[Part<'_>]) -> (Vec<u8>, Vec<u8>) {
    let (mut recipe, mut new) = (Recipe::default(), Vec::new());
    for part in parts {
        match *part {
            Old(from, to) => {
                recipe.copy(from as u64, &old[from..to]);
                new.extend_from_slice(&old[from..to]);
            }
            New(bytes) => {
                recipe.came(bytes);
                new.extend_from_slice(bytes);
            }
        }
    }
    let mut sent = recipe.take();
    sent.extend(recipe.finish(Digest::of(&new)));
    (sent, new)
}

fn on(name: &str, old: &[u8], new: &[u8]) -> WriteSpec {
    spec(name, new, Expect::Content(Digest::of(old)))
}

async fn store(rig: &Rig, name: &str, bytes: &[u8]) -> Stored {
    rig.link.write(&rig.root, spec(name, bytes, Expect::Any), bytes.to_vec()).await.unwrap()
}

async fn rebuild(rig: &Rig, old: &[u8], parts: &[Part<'_>], stamp: Option<&str>) -> Result<Stored, AgentError> {
    let (sent, new) = made_of(old, parts);
    rig.link.rebuild(&rig.root, on("f", old, &new), stamp, instructions(&sent)).await
}

/// Writes into the file as it stands, without anybody seeing it in size or name.
fn scribble(path: &Path, at: u64) {
    use std::os::unix::fs::FileExt as _;
    std::fs::File::options().write(true).open(path).unwrap().write_all_at(b"somebody else", at).unwrap();
}

#[tokio::test]
async fn whatever_is_inserted_removed_or_moved_comes_out_byte_for_byte() {
    let rig = Rig::start().await;
    let size = 3 * MIB + 17;
    let (old, insert) = (noise(size, 7), noise(70_000, 9));
    let table: [(&str, &[Part<'_>]); 9] = [
        ("insert", &[Old(0, MIB), New(b"two hundred bytes"), Old(MIB, size)]),
        ("delete", &[Old(0, MIB), Old(2 * MIB, size)]),
        ("append", &[Old(0, size), New(&insert)]),
        ("prepend", &[New(&insert), Old(0, size)]),
        ("truncate", &[Old(0, 2 * MIB)]),
        ("swap", &[Old(2 * MIB, size), Old(MIB, 2 * MIB), Old(0, MIB)]),
        ("twice", &[Old(5, size), Old(5, size)]),
        ("nothing of it", &[New(&insert)]),
        ("nothing at all", &[]),
    ];
    for (name, parts) in table {
        store(&rig, "f", &old).await;
        let stored = rebuild(&rig, &old, parts, None).await.unwrap();
        let (_, new) = made_of(&old, parts);
        assert_eq!((stored.digest, stored.size), (Digest::of(&new), new.len() as u64), "{name}");
        assert!(std::fs::read(rig.at("f")).unwrap() == new, "{name}");
        let meta = std::fs::metadata(rig.at("f")).unwrap();
        assert_eq!((meta.mode() & 0o7777, meta.mtime_nsec()), (0o640, 123_456_789), "{name}");
    }
    assert_eq!(names(&rig.at(".")), ["f"]);
    rig.end().await;
}

/// What every interpreter has to be able to do.
pub(crate) async fn check_once(link: &Link, scratch: &Path) {
    let (root, old) = (remote(&scratch.join("root")), noise(MIB + 1, 21));
    let stored = link.write(&root, spec("f", &old, Expect::Any), old.clone()).await.unwrap();
    let (sent, new) = made_of(&old, &[Old(9, MIB + 1), New(b"between"), Old(0, MIB)]);
    let made = link.rebuild(&root, on("f", &old, &new), stored.stamp.as_deref(), instructions(&sent)).await.unwrap();
    assert_eq!(made.digest, Digest::of(&new));
    assert!(std::fs::read(scratch.join("root/f")).unwrap() == new);
}

#[tokio::test]
async fn one_rebuilt_file_is_rebuilt_again() {
    let rig = Rig::start().await;
    let mut bytes = noise(2 * MIB, 3);
    let mut stamp = store(&rig, "f", &bytes).await.stamp;
    for round in 0..5 {
        let at = 300_000 * (round + 1);
        let parts = [Old(0, at), New(b"more"), Old(at, bytes.len())];
        let stored = rebuild(&rig, &bytes, &parts, stamp.as_deref()).await.unwrap();
        (_, bytes) = made_of(&bytes, &parts);
        assert_eq!(stored.digest, Digest::of(&bytes));
        stamp = stored.stamp;
    }
    assert!(std::fs::read(rig.at("f")).unwrap() == bytes);
    rig.end().await;
}

#[tokio::test]
async fn a_stamp_is_as_good_as_a_digest_for_another_agent_until_somebody_writes() {
    let rig = Rig::start().await;
    let old = noise(2 * MIB, 5);
    let stamp = store(&rig, "f", &old).await.stamp;
    assert!(stamp.is_some());
    assert_eq!(store(&rig, "small", b"x").await.stamp, None);
    let (mut other, child) = crate::rig::open(&mut shell(rig.scratch()), true).await;
    let other = other.as_mut().unwrap();
    // The stamp is believed: the wrong content is not noticed before the whole is.
    let parts = [Old(0, MIB), New(b"x"), Old(MIB, 2 * MIB)];
    let wrong = noise(2 * MIB, 6);
    let (sent, new) = made_of(&wrong, &parts);
    let result = other.rebuild(&rig.root, on("f", &wrong, &new), stamp.as_deref(), instructions(&sent)).await;
    assert_eq!(kind(result), OpErrorKind::Corrupt);
    // What was believed in vain is forgotten, and a stamp of another time is worth nothing.
    for stamp in [None, Some("1-2-3-4-5")] {
        let result = other.rebuild(&rig.root, on("f", &wrong, &new), stamp, instructions(&sent)).await;
        assert_eq!(kind(result), OpErrorKind::Diverged);
    }
    assert!(std::fs::read(rig.at("f")).unwrap() == old);
    scribble(&rig.at("f"), 1_500_000);
    let (sent, new) = made_of(&old, &parts);
    let result = other.rebuild(&rig.root, on("f", &old, &new), stamp.as_deref(), instructions(&sent)).await;
    assert_eq!(kind(result), OpErrorKind::Diverged);
    assert_eq!(names(&rig.at(".")), ["f", "small"]);
    other.close().await;
    drop(child);
    rig.end().await;
}

#[tokio::test]
async fn what_somebody_else_wrote_is_noticed_wherever_it_is_and_stays() {
    let rig = Rig::start().await;
    let (old, part) = (noise(3 * MIB, 11), noise(MIB, 12));
    // The middle is not copied.
    let parts = [Old(0, MIB), New(&part), Old(2 * MIB, 3 * MIB)];
    for at in [500_000, 1_500_000, 2_500_000] {
        let stamp = store(&rig, "f", &old).await.stamp;
        scribble(&rig.at("f"), at);
        let his = std::fs::read(rig.at("f")).unwrap();
        let result = rebuild(&rig, &old, &parts, stamp.as_deref()).await;
        assert_eq!(kind(result), OpErrorKind::Diverged, "at {at}");
        assert!(std::fs::read(rig.at("f")).unwrap() == his, "at {at}");
    }
    // In the middle of it: the first copy is done when the rest has not been sent.
    for at in [500_000, 1_500_000] {
        store(&rig, "f", &old).await;
        let (sent, new) = made_of(&old, &parts);
        let (feeder, source) = mpsc::channel(1);
        let (copy, rest) = sent.split_at(17);
        let feed = async {
            feeder.send(Piece::Bytes(copy.to_vec())).await.unwrap();
            while !std::fs::read_dir(rig.at("."))
                .unwrap()
                .any(|entry| entry.unwrap().metadata().unwrap().len() == MIB as u64)
            {
                rig.link.survey(&rig.root, &[]).await.unwrap();
            }
            scribble(&rig.at("f"), at);
            for piece in rest.chunks(100_000) {
                feeder.send(Piece::Bytes(piece.to_vec())).await.unwrap();
            }
            feeder.send(Piece::End).await.unwrap();
        };
        let (result, ()) = tokio::join!(rig.link.rebuild(&rig.root, on("f", &old, &new), None, source), feed);
        assert_eq!(kind(result), OpErrorKind::Diverged, "during, at {at}");
    }
    for gone in [true, false] {
        store(&rig, "f", &old).await;
        std::fs::remove_file(rig.at("f")).unwrap();
        if !gone {
            std::fs::create_dir(rig.at("f")).unwrap();
        }
        let expected = if gone { OpErrorKind::NotFound } else { OpErrorKind::Diverged };
        assert_eq!(kind(rebuild(&rig, &old, &parts, None).await), expected);
    }
    assert_eq!(names(&rig.at(".")), ["f"]);
    rig.end().await;
}

#[tokio::test]
async fn instructions_that_make_no_sense_change_nothing() {
    let rig = Rig::start().await;
    let old = noise(2 * MIB, 13);
    store(&rig, "f", &old).await;
    let parts = [Old(0, MIB), New(b"abc")];
    let (good, new) = made_of(&old, &parts);
    let mut beyond = good.clone();
    beyond[5] = 1; // It copies from far behind the end.
    let mut flipped = good.clone();
    flipped[17 + 5] ^= 1; // One bit of what came.
    let cases = [
        (b"\x07".to_vec(), OpErrorKind::Invalid),
        ([&good[..], b"\x01"].concat(), OpErrorKind::Invalid),
        (good[..good.len() - 1].to_vec(), OpErrorKind::Invalid),
        (good[..17].to_vec(), OpErrorKind::Invalid),
        ([&good[..17], &good[..]].concat(), OpErrorKind::Invalid),
        (b"\x02\xff\xff\xff\xff".to_vec(), OpErrorKind::Invalid),
        (beyond, OpErrorKind::Diverged),
        (flipped, OpErrorKind::Corrupt),
    ];
    for (number, (sent, expected)) in cases.into_iter().enumerate() {
        let result = rig.link.rebuild(&rig.root, on("f", &old, &new), None, instructions(&sent)).await;
        assert_eq!(kind(result), expected, "case {number}");
    }
    let whatever = rig.link.rebuild(&rig.root, spec("f", &new, Expect::Any), None, instructions(&good)).await;
    assert_eq!(kind(whatever), OpErrorKind::Invalid);
    assert!(std::fs::read(rig.at("f")).unwrap() == old);
    assert_eq!(names(&rig.at(".")), ["f"]);
    rig.link.rebuild(&rig.root, on("f", &old, &new), None, instructions(&good)).await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_rebuild_that_is_given_up_leaves_nothing() {
    let rig = Rig::start().await;
    let old = noise(4 * MIB, 15);
    store(&rig, "f", &old).await;
    let (sent, new) = made_of(&old, &[Old(0, 4 * MIB), New(b"abc")]);
    let early = rig.link.rebuild(&rig.root, on("f", &old, &new), None, pieces(&sent[..20], false)).await;
    assert_eq!(kind(early), OpErrorKind::Invalid);
    rig.link.survey(&rig.root, &[rel("f")]).await.unwrap();
    assert!(std::fs::read(rig.at("f")).unwrap() == old);
    assert_eq!(names(&rig.at(".")), ["f"]);
    // With the whole agent: its client goes while half of the file is there.
    let (feeder, source) = mpsc::channel(1);
    let (link, root) = (rig.link.clone(), rig.root.clone());
    let spec = on("f", &old, &new);
    tokio::spawn(async move { link.rebuild(&root, spec, None, source).await });
    feeder.send(Piece::Bytes(sent[..20].to_vec())).await.unwrap();
    while names(&rig.at(".")).len() < 2 {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.link.close().await;
    let (at, mut child) = (rig.at("."), rig.child);
    assert!(child.wait().await.unwrap().success());
    assert_eq!(names(&at), ["f"]);
}

#[tokio::test]
async fn a_stream_goes_on_while_a_large_file_is_copied() {
    let rig = Rig::start().await;
    let old = noise(64 * MIB, 17);
    store(&rig, "f", &old).await;
    let spec = SpawnSpec { argv: argv(&["cat"]), ..Default::default() };
    let mut cat = rig.link.spawn(spec).await.unwrap();
    let mut echoes = 0;
    let parts = [Old(1, 64 * MIB), Old(0, 64 * MIB), Old(2, 64 * MIB)];
    let mut rebuilding = Box::pin(rebuild(&rig, &old, &parts, None));
    let mut echo = [0; 4];
    loop {
        let round = async {
            cat.stdin.write_all(b"ping").await.unwrap();
            match cat.next().await.unwrap() {
                remora_agent::ProcessEvent::Stdout(bytes) => (&bytes[..]).read_exact(&mut echo).await.unwrap(),
                other => panic!("{other:?}"),
            };
        };
        tokio::select! {
            biased;
            result = &mut rebuilding => { result.unwrap(); break }
            () = round => echoes += 1,
        }
    }
    // One may come before the copying begins. Had that held up the loop, no other would come before its end.
    assert!(echoes > 1, "{echoes}");
    drop((cat, rebuilding));
    rig.end().await;
}
