//! Owns the proof that nothing holds up anything else: stuck streams, large files, cancelled requests.

use std::sync::atomic::{AtomicBool, Ordering};

use remora_agent::{Address, Expect, ProcessEvent, RunSpec, SpawnSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::files::{names, spec};
use crate::live::argv;
use crate::rig::{OneByOne as _, Rig, pieces, rel, remote};

async fn ping_pong(rig: &Rig) -> remora_agent::Stream {
    let path = rig.at("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut reader, mut writer) = socket.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
    });
    rig.link.dial(Address::Unix(remote(&path))).await.unwrap()
}

#[tokio::test]
async fn a_debugger_overtakes_a_large_upload() {
    let rig = Rig::start().await;
    let mut stream = ping_pong(&rig).await;
    let large = vec![b'x'; 64 * 1024 * 1024];
    let uploaded = AtomicBool::new(false);
    let upload = async {
        rig.link.write(&rig.root, spec("large", &large, Expect::Absent), large.clone()).await.unwrap();
        uploaded.store(true, Ordering::Relaxed);
    };
    let mut rounds = 0;
    let talk = async {
        let mut pong = [0; 4];
        while rounds < 10 {
            stream.writer.write_all(b"ping").await.unwrap();
            stream.reader.read_exact(&mut pong).await.unwrap();
            rounds += 1;
        }
        assert!(!uploaded.load(Ordering::Relaxed), "ten round trips came back before the upload was complete");
    };
    tokio::join!(upload, talk);
    rig.end().await;
}

#[tokio::test]
async fn a_small_save_overtakes_a_large_upload_of_another_file() {
    let rig = Rig::start().await;
    let large = vec![b'x'; 64 * 1024 * 1024];
    let saved = AtomicBool::new(false);
    let upload = async {
        rig.link.write(&rig.root, spec("large", &large, Expect::Absent), large.clone()).await.unwrap();
        assert!(saved.load(Ordering::Relaxed));
    };
    let save = async {
        rig.link.write(&rig.root, spec("small", b"x", Expect::Absent), b"x".to_vec()).await.unwrap();
        saved.store(true, Ordering::Relaxed);
    };
    tokio::join!(upload, save);
    rig.end().await;
}

#[tokio::test]
async fn a_look_at_a_large_file_holds_up_neither_another_upload_nor_a_debugger() {
    let rig = Rig::start().await;
    let mut stream = ping_pong(&rig).await;
    std::fs::File::create(rig.at("huge")).unwrap().set_len(1 << 30).unwrap();
    let looked = AtomicBool::new(false);
    let look = async {
        let expect = Expect::Content(remora_model::Digest::of(b"something else"));
        rig.link.write(&rig.root, spec("huge", b"x", expect), b"x".to_vec()).await.unwrap_err();
        looked.store(true, Ordering::Relaxed);
    };
    let large = vec![b'x'; 200_000];
    let upload = rig.link.write(&rig.root, spec("other", &large, Expect::Absent), large.clone());
    let talk = async {
        for _ in 0..10 {
            stream.writer.write_all(b"ping").await.unwrap();
            stream.reader.read_exact(&mut [0; 4]).await.unwrap();
        }
        assert!(!looked.load(Ordering::Relaxed), "ten round trips came back before the gigabyte was read");
    };
    let (_, stored, ()) = tokio::join!(look, upload, talk);
    stored.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_process_that_nobody_listens_to_holds_up_nothing_and_is_complete_later() {
    let rig = Rig::start().await;
    let spec_loud = SpawnSpec { argv: argv(&["head", "-c", "5000000", "/dev/zero"]), ..Default::default() };
    let mut loud = rig.link.spawn(spec_loud).await.unwrap();
    // It is stuck now, or will be soon; a write and a dialled stream go on.
    let mut stream = ping_pong(&rig).await;
    for round in 0..20_u8 {
        rig.link.write(&rig.root, spec("f", &[round], Expect::Any), vec![round]).await.unwrap();
        stream.writer.write_all(b"ping").await.unwrap();
        stream.reader.read_exact(&mut [0; 4]).await.unwrap();
    }
    let mut count = 0;
    while let ProcessEvent::Stdout(bytes) = loud.next().await.unwrap() {
        count += bytes.len();
    }
    assert_eq!(count, 5_000_000);
    rig.end().await;
}

#[tokio::test]
async fn a_process_that_does_not_read_holds_up_only_its_writer() {
    let rig = Rig::start().await;
    let mut deaf = rig.link.spawn(SpawnSpec { argv: argv(&["sleep", "600"]), ..Default::default() }).await.unwrap();
    let block = vec![0; 4_000_000];
    let stuck = deaf.stdin.write_all(&block);
    tokio::pin!(stuck);
    let others = async {
        for round in 0..20_u8 {
            rig.link.write(&rig.root, spec("f", &[round], Expect::Any), vec![round]).await.unwrap();
        }
    };
    tokio::select! {
        result = &mut stuck => panic!("nobody read it: {result:?}"),
        () = others => {}
    }
    deaf.handle.end().await.unwrap();
    // Now that it is gone, what it will never read counts as read.
    stuck.await.unwrap();
    rig.end().await;
}

#[tokio::test]
async fn dropped_requests_do_no_harm() {
    let rig = Rig::start().await;
    let large = vec![b'x'; 8 * 1024 * 1024];
    for _ in 0..5 {
        let write = rig.link.write_from(&rig.root, spec("never", &large, Expect::Any), pieces(&large, true));
        let soon = rig.link.survey(&rig.root, &[]);
        tokio::select! {
            biased;
            _ = write => panic!("the survey overtakes"),
            found = soon => drop(found.unwrap()),
        }
        let spawn = rig.link.spawn(SpawnSpec { argv: argv(&["sleep", "600"]), ..Default::default() });
        tokio::select! {
            biased;
            _ = spawn => panic!("it was ready at once"),
            () = std::future::ready(()) => {}
        }
        let run = rig.link.run(RunSpec { argv: argv(&["true"]), ..Default::default() });
        tokio::select! { biased; _ = run => {} () = std::future::ready(()) => {} }
    }
    rig.link.write(&rig.root, spec("f", b"x", Expect::Any), b"x".to_vec()).await.unwrap();
    assert_eq!(rig.link.read(&rig.root, &rel("f")).await.unwrap().bytes, b"x");
    assert_eq!(names(&rig.at(".")), ["f"]);
    rig.end().await;
}
