//! Owns the proof that processes, sockets and private folders live and end as promised.

use std::path::Path;

use remora_agent::{Address, Exit, Expect, Link, OpErrorKind, ProcessEvent, RunSpec, SpawnSpec, TtySize};
use remora_model::{RemotePath, RemotePort};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::files::spec;
use crate::rig::{OneByOne as _, Rig, kind, rel, remote};
use crate::terminals::Screen;

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

#[tokio::test]
async fn a_private_folder_whose_agent_was_killed_is_removed_by_the_next() {
    let rig = Rig::start().await;
    let living = rig.link.run_dir().await.unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let age = |path: &Path| std::fs::File::open(path).unwrap().set_modified(old).unwrap();
    let living_path = std::path::PathBuf::from(living.path().to_string());
    let name = living_path.file_name().unwrap().to_str().unwrap();
    let orphan = living_path.with_file_name(format!("{name}-orphan"));
    std::fs::create_dir(&orphan).unwrap();
    std::fs::write(orphan.join("dap.sock.lock"), b"").unwrap();
    age(&orphan);
    age(&living_path);
    let second = rig.link.run_dir().await.unwrap();
    assert!(!orphan.exists());
    assert!(living_path.exists());
    drop((living, second));
    rig.end().await;
}

/// Every kind of operation once, for an interpreter that may know less than another.
pub(crate) async fn check_everything_once(link: &Link, scratch: &Path) {
    let root = remote(&scratch.join("root"));
    let large = vec![b'x'; 100_000];
    link.root("~", false).await.unwrap();
    link.write(&root, spec("a/f", &large, Expect::Absent), large.clone()).await.unwrap();
    assert!(link.read(&root, &rel("a/f")).await.unwrap().bytes == large);
    link.mkdir(&root, &rel("d"), remora_model::Mode(0o755)).await.unwrap();
    link.symlink(&root, &rel("l"), b"x", Expect::Absent).await.unwrap();
    link.set_meta(&root, &rel("a/f"), (remora_model::Mode(0o600), crate::files::TIME), Expect::Any).await.unwrap();
    assert_eq!(link.survey(&root, &[rel("a/f"), rel("l")]).await.unwrap().len(), 2);
    assert_eq!(link.digests(&root, &[rel("a/f"), rel("l")]).await.unwrap().len(), 2);
    assert!(link.remove(&root, &rel("l"), Expect::Any).await.unwrap());
    assert_eq!(link.cached("nothing").await.unwrap(), None);
    let run_dir = link.run_dir().await.unwrap();
    let spec = SpawnSpec {
        argv: argv(&["/bin/sh", "-c", "read x; echo $x $REMORA_RUN"]),
        run_dir: Some(run_dir.id()),
        ..Default::default()
    };
    let mut process = link.spawn(spec).await.unwrap();
    process.stdin.write_all(b"hi\n").await.unwrap();
    assert_eq!(process.next().await.unwrap(), ProcessEvent::Stdout(format!("hi {}\n", run_dir.path()).into_bytes()));
    assert_eq!(process.next().await.unwrap(), ProcessEvent::Exited(Exit::Code(0)));
    let tty = Some(TtySize { columns: 80, rows: 24 });
    let argv_tty = argv(&["/bin/sh", "-c", "/bin/stty size; read x; /bin/stty size"]);
    let mut screen = Screen::of(link.spawn(SpawnSpec { argv: argv_tty, tty, ..Default::default() }).await.unwrap());
    screen.until("24 80\r\n").await;
    screen.process.handle.resize(TtySize { columns: 120, rows: 40 }).await.unwrap();
    screen.process.stdin.write_all(b"\n").await.unwrap();
    screen.until("40 120\r\n").await;
    assert_eq!(screen.end().await, Exit::Code(0));
    let ctl = RemotePath::new(format!("{}/ctl", run_dir.path())).unwrap();
    link.dial(Address::Unix(ctl)).await.unwrap();
    let run = RunSpec { argv: argv(&["/bin/cat"]), stdin: large, ..Default::default() };
    assert_eq!(link.run(run).await.unwrap().stdout.len(), 100_000);
}

#[tokio::test]
async fn where_nobody_listens_it_is_refused() {
    let rig = Rig::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    assert_eq!(kind(rig.link.dial(Address::Tcp(RemotePort(free))).await.map(drop)), OpErrorKind::Refused);
    let path = rig.at("nothing");
    assert_eq!(kind(rig.link.dial(Address::Unix(remote(&path))).await.map(drop)), OpErrorKind::NotFound);
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert_eq!(kind(rig.link.dial(Address::Unix(remote(&path))).await.map(drop)), OpErrorKind::Refused);
    rig.end().await;
}

#[tokio::test]
async fn a_probe_names_who_came_until_it_is_dropped() {
    let rig = Rig::start().await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut probe = rig.link.listen_probe("127.0.0.1", RemotePort(port)).await.unwrap();
    let taken = rig.link.listen_probe("127.0.0.1", RemotePort(port)).await;
    assert_eq!(kind(taken.map(drop)), OpErrorKind::AddressInUse);
    let mut came = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    assert_eq!(came.read(&mut [0; 1]).await.unwrap(), 0);
    let mut line = [0; 10];
    probe.reader.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"127.0.0.1\n");
    drop(probe);
    rig.link.survey(&rig.root, &[]).await.unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    rig.end().await;
}

#[tokio::test]
async fn a_dialled_tcp_port_carries_bytes_and_a_broken_one_is_told() {
    let rig = Rig::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = RemotePort(listener.local_addr().unwrap().port());
    let mut stream = rig.link.dial(Address::Tcp(port)).await.unwrap();
    let (mut socket, _) = listener.accept().await.unwrap();
    socket.write_all(b"hello").await.unwrap();
    stream.reader.read_exact(&mut [0; 5]).await.unwrap();
    stream.writer.write_all(b"unread").await.unwrap();
    socket.peek(&mut [0; 1]).await.unwrap();
    // Closing with something unread resets the connection.
    drop(socket);
    let error = stream.reader.read(&mut [0; 5]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    rig.end().await;
}

#[tokio::test]
async fn a_stream_that_is_let_go_of_is_closed_there_also_when_the_peer_never_reads() {
    let rig = Rig::start().await;
    let path = rig.at("socket");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let open_files = || std::fs::read_dir(format!("/proc/{}/fd", rig.link.hello().pid)).unwrap().count();
    let before = open_files();
    for _ in 0..3 {
        let mut stream = rig.link.dial(Address::Unix(remote(&path))).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        // More than the socket takes, less than there is credit for: the rest waits over there.
        stream.writer.write_all(&[0; 250_000]).await.unwrap();
        drop(stream);
        rig.link.survey(&rig.root, &[]).await.unwrap();
        drop(socket);
    }
    while open_files() > before {
        rig.link.survey(&rig.root, &[]).await.unwrap();
    }
    rig.end().await;
}
