//! Owns the proof that processes, sockets and private folders live and end as promised.

use remora_agent::{Address, Exit, ProcessEvent, RunSpec, SpawnSpec};
use remora_model::RemotePath;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::rig::{Rig, rel, remote};

pub(crate) fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

#[tokio::test]
async fn a_process_is_fed_heard_and_its_exit_reported_last() {
    let rig = Rig::start().await;
    let script = "read line; echo out $line; echo err >&2; exit 3";
    let spec = SpawnSpec { argv: argv(&["sh", "-c", script]), ..Default::default() };
    let mut process = rig.link.spawn(spec).await.unwrap();
    process.stdin.write_all(b"hello\n").await.unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = loop {
        match process.next().await.unwrap() {
            ProcessEvent::Stdout(bytes) => out.extend(bytes),
            ProcessEvent::Stderr(bytes) => err.extend(bytes),
            ProcessEvent::Exited(exit) => break exit,
        }
    };
    assert_eq!((out.as_slice(), err.as_slice(), exit), (&b"out hello\n"[..], &b"err\n"[..], Exit::Code(3)));
    drop(process);
    rig.end().await;
}

#[tokio::test]
async fn a_short_command_gets_its_input_and_gives_its_output() {
    let rig = Rig::start().await;
    let spec = RunSpec {
        argv: argv(&["sh", "-c", "cat; echo oops >&2; kill -9 $$"]),
        stdin: vec![b'x'; 200_000],
        ..Default::default()
    };
    let output = rig.link.run(spec).await.unwrap();
    assert_eq!(
        (output.exit, output.stdout.len(), output.stderr.as_slice()),
        (Exit::Signal(9), 200_000, &b"oops\n"[..])
    );
    rig.end().await;
}

#[tokio::test]
async fn a_dialled_socket_carries_bytes_both_ways() {
    let rig = Rig::start().await;
    let path = rig.at("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let echo = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let (mut reader, mut writer) = socket.split();
        tokio::io::copy(&mut reader, &mut writer).await.unwrap()
    });
    let mut stream = rig.link.dial(Address::Unix(remote(&path))).await.unwrap();
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| n as u8).collect();
    let writing = async {
        stream.writer.write_all(&sent).await.unwrap();
        stream.writer.shutdown().await.unwrap();
    };
    let mut got = Vec::new();
    let (_, count) = tokio::join!(writing, stream.reader.read_to_end(&mut got));
    assert_eq!(count.unwrap(), sent.len());
    assert!(got == sent);
    assert_eq!(echo.await.unwrap(), sent.len() as u64);
    rig.end().await;
}

#[tokio::test]
async fn what_is_said_on_the_control_socket_is_heard() {
    let rig = Rig::start().await;
    let mut dir = rig.link.run_dir().await.unwrap();
    let path = dir.path().to_string();
    let put = dir.put("shim.py", b"pass\n").await.unwrap();
    assert_eq!(std::fs::read(put.to_string()).unwrap(), b"pass\n");
    let mut socket = tokio::net::UnixStream::connect(format!("{path}/ctl")).await.unwrap();
    socket.write_all(b"{\"a\":1}\nnoise\n{\"a\":2}\n").await.unwrap();
    assert_eq!(dir.said().await.unwrap().0["a"], 1);
    assert_eq!(dir.said().await.unwrap().0["a"], 2);
    drop(dir);
    // Requests and resets are handled in order: after this one, the folder is gone.
    rig.link.survey(&rig.root, &[rel("x")]).await.unwrap();
    assert!(!std::path::Path::new(&path).exists());
    let root = rig.link.root("~/new/project", true).await.unwrap();
    assert!(root.created && root.writable && root.free_bytes > 0);
    let none: Option<RemotePath> = rig.link.cached("debugpy-1").await.unwrap();
    assert_eq!(none, None);
    rig.end().await;
}
