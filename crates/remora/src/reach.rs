//! The article's reachability test: listens on a port there, connects from here, and tells open, refused and filtered
//! apart. Never connects to a debugger: the first connection is its client's.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use remora_agent::{AgentError, Link, OpErrorKind};
use remora_model::{RemotePort, TransportSpec};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fault::{Fault, Kind};

/// A firewall that drops packets never answers; an open port answers within a round trip or two.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What to do when a port can't be had.
const NO_PORT_NEEDED: &str = "the default tunnel needs no port";

/// Whether `port` of the remote can be reached from here by the name `host`; gives the address that the remote sees.
///
/// # Errors
/// What is in the way.
pub(crate) async fn reach(link: &Link, host: &str, port: u16) -> Result<IpAddr, Fault> {
    // The listener must outlive the attempt; it ends with the stream.
    let listener = link.listen_probe("0.0.0.0", RemotePort(port)).await.map_err(|error| not_listening(port, &error))?;
    let attempt = timeout(PATIENCE, TcpStream::connect((host, port))).await;
    if let Some(fault) = judge(host, port, attempt.ok().map(|connected| connected.map(drop))) {
        return Err(fault);
    }
    let mut lines = BufReader::new(listener.reader).lines();
    let peer = timeout(PATIENCE, lines.next_line()).await.ok().and_then(Result::ok).flatten();
    peer.and_then(|peer| peer.parse().ok()).ok_or_else(|| elsewhere(host, port))
}

/// What the attempt says; nothing means that no answer came.
fn judge(host: &str, port: u16, outcome: Option<std::io::Result<()>>) -> Option<Fault> {
    let unreached = |message, hint: &str| Some(Fault::new(Kind::PortUnreachable, message, hint));
    match outcome {
        Some(Ok(())) => None,
        Some(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => unreached(
            format!("Port {port} is refused: {host} answers, but something turns the connection away."),
            "A firewall there rejects it, or the address leads to another machine; the default tunnel needs no port.",
        ),
        Some(Err(error)) if error.kind() != ErrorKind::TimedOut => unreached(
            format!("Port {port} can't be reached on {host}: {error}."),
            "Check the address and the network; the default tunnel needs no port.",
        ),
        Some(Err(_)) | None => unreached(
            format!("Port {port} is filtered: {host} does not answer on it."),
            "Open it in the firewall or the cloud's security group, or use the default tunnel, which needs no port.",
        ),
    }
}

fn elsewhere(host: &str, port: u16) -> Fault {
    Fault::new(
        Kind::PortUnreachable,
        format!("Port {port} of {host} is open, but it leads to something else than the remote."),
        format!("Correct the address, or what forwards the port; {NO_PORT_NEEDED}."),
    )
}

fn not_listening(port: u16, error: &AgentError) -> Fault {
    match error {
        AgentError::Op(op) if op.kind == OpErrorKind::AddressInUse => Fault::new(
            Kind::PortTaken,
            format!("Port {port} is in use on the remote."),
            "Choose another port, or end what listens there.",
        ),
        AgentError::Op(op) if op.kind == OpErrorKind::Permission => Fault::new(
            Kind::Permission,
            format!("Port {port} may not be listened on by this login."),
            "Ports below 1024 need privileges; choose a higher one.",
        ),
        error => Fault::new(
            Kind::PortUnreachable,
            format!("Port {port} can't be listened on there: {error}."),
            "Choose another port.",
        ),
    }
}

/// The name or address of the remote that somebody here would dial; none if nothing is known of it.
pub(crate) async fn dialled(transport: &TransportSpec) -> Option<String> {
    match transport {
        TransportSpec::Local => Some(IpAddr::from([127, 0, 0, 1]).to_string()),
        TransportSpec::Command(_) => None,
        TransportSpec::Ssh(spec) => remora_transport::host_name(spec).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;
    use crate::host::tests::link_here;

    #[test]
    fn refused_and_filtered_are_told_apart() {
        assert!(judge("box", 80, Some(Ok(()))).is_none());
        for (outcome, words) in [
            (Some(ErrorKind::ConnectionRefused), "Port 80 is refused"),
            (Some(ErrorKind::TimedOut), "Port 80 is filtered"),
            (Some(ErrorKind::HostUnreachable), "Port 80 can't be reached"),
            (None, "Port 80 is filtered"),
        ] {
            let fault = judge("box", 80, outcome.map(|kind| Err(Error::from(kind)))).unwrap();
            assert!(fault.kind == Kind::PortUnreachable && fault.message.starts_with(words), "{fault:?}");
        }
    }

    #[tokio::test]
    async fn an_open_port_tells_where_we_come_from_and_a_taken_one_is_refused() {
        let link = link_here().await;
        let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_eq!(reach(&link, "127.0.0.1", port).await.unwrap_err().kind, Kind::PortTaken);
        drop(taken);
        assert_eq!(reach(&link, "127.0.0.1", port).await.unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
