//! Owns the proof that a link which breaks says why, and leaves no half of a file behind.

use remora_agent::{AgentError, BootError, Expect, Link, LostReason, Piece, PipeEnds};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use crate::files::{names, spec};
use crate::rig::{Rig, rel, scratch, shell, start};

#[tokio::test]
async fn a_greeting_that_is_none_is_refused() {
    for (said, wanted) in
        [(&b"\0\0\0\x02\x01\0nonsense that is long enough"[..], "frame number"), (b"plain text instead of frames", "")]
    {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let (reader, writer) = tokio::io::split(ours);
        theirs.write_all(b"remora-agent:ready\n").await.unwrap();
        theirs.write_all(said).await.unwrap();
        let error = Link::open(PipeEnds { reader, writer, rides: true }).await.err().unwrap();
        assert!(matches!(&error, BootError::Garbled(why) if why.contains(wanted)), "{error:?}");
    }
}

/// A link whose incoming bytes can be tampered with: what is sent through the returned end comes in between.
async fn tampered() -> (Rig, Link, tokio::sync::mpsc::UnboundedSender<&'static [u8]>) {
    let rig = Rig::start().await;
    let scratch = rig.scratch().to_owned();
    let (mut child, mut reader, writer) = start(&mut shell(&scratch));
    let (ours, mut theirs) = tokio::io::simplex(1 << 16);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<&'static [u8]>();
    tokio::spawn(async move {
        let mut input = vec![0; 4096];
        loop {
            tokio::select! {
                count = reader.read(&mut input) => match count {
                    Ok(count) if count > 0 => theirs.write_all(&input[..count]).await.unwrap(),
                    _ => break,
                },
                Some(bytes) = receiver.recv() => {
                    if theirs.write_all(bytes).await.is_err() {
                        break;
                    }
                }
            }
        }
        drop(theirs);
        child.wait().await.unwrap();
    });
    let link = Link::open(PipeEnds { reader: ours, writer, rides: true }).await.unwrap();
    (rig, link, sender)
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_link_with_a_reason_for_all_who_wait() {
    let (rig, link, tamper) = tampered().await;
    let run_dir = link.run_dir().await.unwrap();
    let mut stream = link
        .dial(remora_agent::Address::Unix(remora_model::RemotePath::new(format!("{}/ctl", run_dir.path())).unwrap()))
        .await
        .unwrap();
    tamper.send(b"this is certainly not a frame of ours").unwrap();
    assert!(matches!(link.lost().await, LostReason::Garbled(_)));
    assert!(stream.reader.read(&mut [0; 1]).await.is_err());
    assert!(stream.writer.write_all(b"x").await.is_err());
    let later = link.survey(&rig.root, &[rel("x")]).await;
    assert!(matches!(later, Err(AgentError::Lost(LostReason::Garbled(_)))));
    rig.end().await;
}

#[test]
fn an_upload_that_is_cut_leaves_the_old_file_and_nothing_else() {
    let scratch = scratch();
    let root = scratch.path().join("root");
    std::fs::write(root.join("f"), "old").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut child = runtime.block_on(async {
        let (child, reader, writer) = start(&mut shell(scratch.path()));
        let link = Link::open(PipeEnds { reader, writer, rides: true }).await.unwrap();
        let large = vec![b'x'; 10_000_000];
        let remote_root = crate::rig::remote(&root);
        let (feeder, source) = mpsc::channel(2);
        let uploading = link.clone();
        let upload_root = remote_root.clone();
        let upload_spec = spec("f", &large, Expect::Any);
        tokio::spawn(async move { uploading.write_from(&upload_root, upload_spec, source).await });
        for piece in large[..1_000_000].chunks(32 * 1024) {
            feeder.send(Piece::Bytes(piece.to_vec())).await.unwrap();
        }
        while names(&root).len() < 2 {
            link.survey(&remote_root, &[]).await.unwrap();
        }
        std::mem::forget((feeder, link));
        child
    });
    runtime.shutdown_background();
    let waiter = tokio::runtime::Runtime::new().unwrap();
    let _guard = waiter.enter();
    while child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(names(&root), ["f"]);
    assert_eq!(std::fs::read(root.join("f")).unwrap(), b"old");
}
