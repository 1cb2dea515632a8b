//! The way to the server: names, ports, proxies, configurations, and how each of them fails.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use remora_model::{SshSpec, TransportSpec};
use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_transport::{Phase, TransportError, connect};
use tokio::net::{TcpSocket, TcpStream};

use crate::asker::{Asker, open, run};
use crate::until::until;

/// A configuration with these lines for `box`.
fn config(lines: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!("Host box\n{lines}\nUserKnownHostsFile /dev/null\nGlobalKnownHostsFile /dev/null\n");
    std::fs::write(file.path(), text).unwrap();
    file
}

async fn failure(config: &Path) -> TransportError {
    open(config, &Asker::silent(), "true").await.unwrap_err()
}

#[tokio::test]
async fn an_unknown_host_is_named() {
    match failure(config("HostName no-such-host.invalid").path()).await {
        TransportError::UnknownHost { host, .. } => assert_eq!(host, "no-such-host.invalid"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_refused_port_is_named() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    match failure(config(&format!("HostName 127.0.0.1\nPort {port}")).path()).await {
        TransportError::Refused { host, port: refused } => assert_eq!((host.as_str(), refused), ("127.0.0.1", port)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_connection_that_is_not_taken_times_out() {
    // Two connections fill a backlog of one; the kernel then drops what comes.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let _listener = socket.listen(1).unwrap();
    let _waiting = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    match failure(config(&format!("HostName 127.0.0.1\nPort {}\nConnectTimeout 1", address.port())).path()).await {
        TransportError::TimedOut { port, phase: Phase::Connect, after, .. } => {
            assert_eq!((port, after), (address.port(), Duration::from_secs(1)));
        }
        other => panic!("{other:?}"),
    }
}

fn address(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

#[tokio::test]
async fn a_server_that_says_nothing_times_out() {
    let sshd = Sshd::start(SshdOptions { client_lines: vec!["ConnectTimeout 1".to_owned()], ..SshdOptions::default() });
    let lag = Lag::start(address(sshd.port()), Duration::ZERO).unwrap();
    lag.black_hole();
    match failure(&sshd.ssh_config_via(lag.port())).await {
        TransportError::TimedOut { phase: Phase::Handshake, .. } => {}
        other => panic!("{other:?}"),
    }
    lag.heal();
    assert_eq!(run(&sshd.ssh_config_via(lag.port()), "echo healed", b"").await, "healed\n");
}

#[tokio::test]
async fn what_is_no_ssh_server_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.0 400 Bad Request\r\n\r\n").await.unwrap();
    });
    match failure(config(&format!("HostName 127.0.0.1\nPort {port}")).path()).await {
        TransportError::Handshake { port: told, .. } => assert_eq!(told, port),
        other => panic!("{other:?}"),
    }
    server.await.unwrap();
}

#[tokio::test]
async fn an_abandoned_attempt_leaves_no_thread() {
    let sshd = Sshd::start(SshdOptions::default());
    let lag = Lag::start(address(sshd.port()), Duration::ZERO).unwrap();
    lag.black_hole();
    let file = sshd.ssh_config_via(lag.port());
    let asker = Asker::silent();
    let attempt = tokio::time::timeout(Duration::from_millis(500), open(&file, &asker, "true")).await;
    assert!(attempt.is_err());
    until("the asker is let go", || std::sync::Arc::strong_count(&asker) == 1).await;
}

#[tokio::test]
async fn login_and_port_may_stand_in_the_host() {
    let sshd = Sshd::start(SshdOptions::default());
    let text = std::fs::read_to_string(sshd.ssh_config()).unwrap();
    let text = text.replace("Host box", "Host 127.0.0.1").replace(&format!("Port {}", sshd.port()), "Port 1");
    std::fs::write(sshd.ssh_config(), text.replace("User ", "#")).unwrap();
    let host = format!("{}@127.0.0.1:{}", sshd.user(), sshd.port());
    let config = Some(sshd.ssh_config().to_string_lossy().into_owned());
    let spec = TransportSpec::Ssh(SshSpec { host, config, ..SshSpec::default() });
    connect(&spec, Asker::silent(), "true").await.unwrap();
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection() {
    let sshd = Sshd::start(SshdOptions {
        client_lines: vec!["ProxyCommand bash -c 'exec 3<>/dev/tcp/%h/%p; cat <&3 & exec cat >&3'".to_owned()],
        ..SshdOptions::default()
    });
    assert_eq!(run(&sshd.ssh_config(), "cat; echo there", b"by proxy ").await, "by proxy there\n");
}

#[tokio::test]
async fn a_proxy_command_that_fails_is_quoted() {
    let lines = "ProxyCommand sh -c 'echo gate closed >&2; exit 1'";
    match failure(config(lines).path()).await {
        TransportError::ProxyFailed { host, stderr, command } => {
            assert_eq!((host.as_str(), stderr.as_str()), ("box", "gate closed"));
            assert!(command.contains("echo gate closed"), "{command}");
        }
        other => panic!("{other:?}"),
    }
}

/// A configuration in which `box` is reached through `gate`.
fn through(gate: &Sshd, sshd: &Sshd) -> std::path::PathBuf {
    let gate_text = std::fs::read_to_string(gate.ssh_config()).unwrap().replace("Host box", "Host gate");
    let text = std::fs::read_to_string(sshd.ssh_config()).unwrap();
    let file = sshd.folder().join("jump_config");
    std::fs::write(&file, format!("{text}  ProxyJump gate\n{gate_text}")).unwrap();
    file
}

#[tokio::test]
async fn a_jump_host_carries_the_connection() {
    let gate =
        Sshd::start(SshdOptions { server_lines: vec!["AllowTcpForwarding yes".to_owned()], ..SshdOptions::default() });
    let sshd = Sshd::start(SshdOptions::default());
    assert_eq!(run(&through(&gate, &sshd), "cat; echo there", b"jumped ").await, "jumped there\n");
    until("the gate is left", || gate.sessions().is_empty()).await;
}

#[tokio::test]
async fn a_jump_host_that_refuses_is_quoted() {
    let gate = Sshd::start(SshdOptions::default());
    let sshd = Sshd::start(SshdOptions::default());
    match failure(&through(&gate, &sshd)).await {
        TransportError::ProxyFailed { stderr, .. } => assert!(stderr.contains("prohibited"), "{stderr}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_wrong_configuration_is_told_in_the_words_of_ssh() {
    match failure(config("NoSuchKeyword yes").path()).await {
        TransportError::ConfigUnreadable { reason, file } => {
            assert!(reason.contains("line 2"), "{reason}");
            assert!(file.is_some());
        }
        other => panic!("{other:?}"),
    }
    match failure(Path::new("/no/such/config")).await {
        TransportError::ConfigUnreadable { .. } => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_configuration_that_hangs_is_given_up() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "Match exec \"sleep 1000\"\nUser me\n").unwrap();
    let start = Instant::now();
    match failure(file.path()).await {
        TransportError::ConfigUnreadable { reason, .. } => assert!(reason.contains("did not answer"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() < Duration::from_secs(20));
}
