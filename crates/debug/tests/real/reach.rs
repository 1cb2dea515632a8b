//! Who can reach a debugger there: its owner through the Unix socket, and nobody else through anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use remora_debug::dap::{Client, frames};
use remora_debug::{Endpoint, Listen};
use remora_model::Debugger;
use serde_json::json;

use remora_testkit::python::usual;

use crate::bed::{Bed, processes};

/// Any account's program that tries what a debug client would do.
const STRANGER: &str = r#"
import os, socket, sys
"x".encode("idna")  # Loaded while the library can still be read.
os.setgid(65534); os.setuid(65534)
def unix(path):
    try:
        s = socket.socket(socket.AF_UNIX); s.connect(path); return "connected"
    except OSError as error:
        return type(error).__name__
def tcp(port):
    s = socket.create_connection(("127.0.0.1", port), 5); s.settimeout(3)
    try:
        s.sendall(sys.argv[1].encode()); data = s.recv(100)
        return "answered " + repr(data) if data else "closed"
    except ConnectionError:
        return "closed"
    except socket.timeout:
        return "silent"
for what in sys.argv[2:]:
    print(unix(what) if what.startswith("/") else tcp(int(what)))
"#;

/// The TCP listeners of this bed's processes: local addresses of sockets that their descriptors name.
fn tcp_listeners(bed: &Bed) -> Vec<SocketAddr> {
    let mark = format!("REMORA_RUN={}", bed.tmp().display());
    let ours = processes().filter(|pid| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ.split(|&byte| byte == 0).any(|entry| entry.starts_with(mark.as_bytes()))
    });
    let inodes: Vec<String> = ours
        .flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten())
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let table6 = std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let listener = |row: &str| {
        let fields: Vec<&str> = row.split_ascii_whitespace().collect();
        let listening =
            fields.get(3) == Some(&"0A") && inodes.iter().any(|inode| fields.get(9) == Some(&inode.as_str()));
        if !listening {
            return None;
        }
        let (ip, port) = fields[1].split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let loopback = ip == "0100007F" || ip == "00000000000000000000000001000000";
        Some(SocketAddr::from(if loopback { ([127, 0, 0, 1], port) } else { ([0, 0, 0, 0], port) }))
    };
    table.lines().chain(table6.lines()).filter_map(listener).collect()
}

pub(crate) fn tcp_listeners_on_all_interfaces(bed: &Bed) -> Vec<String> {
    let all = tcp_listeners(bed);
    all.iter().filter(|address| !address.ip().is_loopback()).map(SocketAddr::to_string).collect()
}

fn run_folder(bed: &Bed) -> PathBuf {
    let mut folders = vec![bed.tmp()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.file_name() == "dap.sock" {
                return entry.path().parent().unwrap().to_owned();
            }
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    panic!("no debugger's socket below {}", bed.tmp().display());
}

/// What a TCP listener says to a client that asks to initialize: nothing that answers the request.
fn answers_dap(address: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let hello = json!({"seq": 77, "type": "request", "command": "initialize", "arguments": {"adapterID": "x"}});
    let attach = json!({"seq": 78, "type": "request", "command": "attach", "arguments": {"justMyCode": false}});
    for message in [hello, attach] {
        if stream.write_all(&frames::encode(&message)).is_err() {
            return false;
        }
    }
    let mut decoder = frames::Decoder::default();
    let mut portion = [0; 4096];
    while let Ok(count) = stream.read(&mut portion) {
        if count == 0 {
            return false;
        }
        decoder.push(&portion[..count]);
        while let Ok(Some(message)) = decoder.next_message() {
            if message["type"] == "response" && message["success"] == true {
                return true;
            }
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tcp_listener_there_answers_dap_and_no_other_account_gets_in() {
    for debugger in [Debugger::Auto, Debugger::Ptvsd] {
        let bed = Bed::new().await;
        let mut request = bed.request(&usual(), "main.py");
        request.debugger = debugger;
        let run = bed.start(request).await.unwrap();
        let configuration = run.session.configuration().clone();

        let folder = run_folder(&bed);
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join("dap.sock"))), (0o700, 0o600), "{debugger:?}");
        let mut listeners = tcp_listeners(&bed);
        assert!(listeners.iter().all(|address| address.ip().is_loopback()), "{listeners:?}");
        // The relay's own port on this side is no way in either.
        listeners.push(run.address());
        stranger_is_kept_out(&folder, &listeners);

        // Attached now, so that asking the rest can't cost the first client its debugger.
        let mut client = run.client().await;
        client.attach(&configuration, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
        client.stopped().await.unwrap();
        for address in tcp_listeners(&bed) {
            assert!(!answers_dap(address), "{debugger:?}: {address} answers");
        }
        client.disconnect(false).await.unwrap();
        for address in tcp_listeners(&bed) {
            assert!(!answers_dap(address), "{debugger:?}: {address} answers after the first client");
        }
        run.session.stop().await;
        assert_eq!(bed.census(), Vec::<String>::new());
    }
}

fn stranger_is_kept_out(folder: &std::path::Path, listeners: &[SocketAddr]) {
    if let Some(said) = stranger_gets(folder, listeners) {
        assert_eq!(said, format!("PermissionError\n{}", "closed\n".repeat(listeners.len())));
    }
}

/// What another account gets to hear from the socket of a run's `folder`, and from the listeners.
pub(crate) fn stranger_gets(folder: &std::path::Path, listeners: &[SocketAddr]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("MISSING: not root, so no second account can be tried");
        return None;
    }
    // Opened, so that the socket's own mode has to keep the stranger out, not only the folders above it.
    for folder in folder.ancestors().take_while(|folder| *folder != std::path::Path::new("/tmp")) {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let said = {
        let hello = frames::encode(&json!({"seq": 1, "type": "request", "command": "initialize", "arguments": {}}));
        let mut command = std::process::Command::new("python3");
        command.args(["-c", STRANGER, &String::from_utf8(hello).unwrap()]);
        command.arg(folder.join("dap.sock")).args(listeners.iter().map(|address| address.port().to_string()));
        command.output().unwrap()
    };
    Some(String::from_utf8(said.stdout).unwrap() + &String::from_utf8(said.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_whether_it_is_there_and_what_is_no_client_cost_nobody_the_debugger() {
    for (debugger, on_port) in
        [(Debugger::Auto, true), (Debugger::Auto, false), (Debugger::Ptvsd, true), (Debugger::Ptvsd, false)]
    {
        let bed = Bed::new().await;
        let mut request = bed.request(&usual(), "main.py");
        request.debugger = debugger;
        if !on_port {
            request.listen = Listen::Socket;
        }
        let mut run = bed.start(request).await.unwrap();
        for words in [&b""[..], b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            let mut answer = Vec::new();
            // Cut with words of ours unread, which a port tells as a reset.
            let _ = match run.session.endpoint() {
                Endpoint::Port(address) => ask(&mut TcpStream::connect(address).unwrap(), words, &mut answer),
                Endpoint::Socket(path) => ask(&mut UnixStream::connect(path).unwrap(), words, &mut answer),
                other => panic!("listens on {other:?}"),
            };
            assert_eq!(answer, b"", "{debugger:?} {on_port}");
        }
        let configuration = run.session.configuration().clone();
        let mut client = match run.session.endpoint() {
            Endpoint::Port(address) => Client::connect(*address).await.unwrap(),
            Endpoint::Socket(path) => Client::over(path).await.unwrap(),
            other => panic!("listens on {other:?}"),
        };
        client.attach(&configuration, &[(&bed.here("helper.py"), &[5])]).await.unwrap();
        client.stopped().await.unwrap();
        client.disconnect(true).await.unwrap();
        run.end().await;
    }
}

/// Says something that is no request, and nothing more; reads the answer.
fn ask(stream: &mut (impl Read + Write), words: &[u8], answer: &mut Vec<u8>) -> std::io::Result<usize> {
    stream.write_all(words)?;
    if words.is_empty() { Ok(0) } else { stream.read_to_end(answer) }
}
