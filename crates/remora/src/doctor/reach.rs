//! The article's reachability test: listens on a port there, connects from here, and tells open,
//! refused and filtered apart.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use remora_agent::{AgentError, Link, OpErrorKind};
use remora_model::{RemotePort, TransportSpec};
use tokio::net::TcpStream;

use super::{Finding, Patient};

/// A firewall that drops packets never answers; an open port answers within a round trip or two.
const PATIENCE: Duration = Duration::from_millis(1500);

const NAME: &str = "port";

pub(super) async fn check(patient: &Patient, link: &Link, port: u16) -> Finding {
    let Some(host) = host(patient).await else {
        return Finding::skipped(NAME, "the target has no address that could be dialled from here");
    };
    // The listener must outlive the attempt; it ends with the stream.
    let listener = match link.listen_probe("0.0.0.0", RemotePort(port)).await {
        Ok(listener) => listener,
        Err(error) => return not_listening(port, &error),
    };
    let outcome = tokio::time::timeout(PATIENCE, TcpStream::connect((host.as_str(), port))).await;
    drop(listener);
    judge(&host, port, outcome.ok().map(|connected| connected.map(drop)))
}

/// What the attempt says; nothing means that no answer came.
fn judge(host: &str, port: u16, outcome: Option<std::io::Result<()>>) -> Finding {
    match outcome {
        Some(Ok(())) => Finding::ok(NAME, format!("{port} is open: {host} can be reached on it from here")),
        Some(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => failed(
            format!("{port} is refused: {host} answers, but something turns the connection away"),
            "A firewall there rejects it, or the address leads to another machine; the default tunnel needs no port.",
        ),
        Some(Err(error)) if error.kind() != ErrorKind::TimedOut => failed(
            format!("{port} can't be reached on {host}: {error}"),
            "Check the address and the network; the default tunnel needs no port.",
        ),
        Some(Err(_)) | None => failed(
            format!("{port} is filtered: {host} does not answer on it"),
            "Open it in the firewall or the cloud's security group, or use the default tunnel, which needs no port.",
        ),
    }
}

fn failed(message: String, remedy: &str) -> Finding {
    Finding { name: NAME, verdict: super::Verdict::Failed, message, remedy: Some(remedy.to_owned()) }
}

fn not_listening(port: u16, error: &AgentError) -> Finding {
    match error {
        AgentError::Op(op) if op.kind == OpErrorKind::AddressInUse => {
            failed(format!("{port} is in use on the remote"), "Choose another port, or end what listens there.")
        }
        AgentError::Op(op) if op.kind == OpErrorKind::Permission => failed(
            format!("{port} may not be listened on by this login"),
            "Ports below 1024 need privileges; choose a higher one.",
        ),
        error => failed(format!("{port} can't be listened on there: {error}"), "Choose another port."),
    }
}

/// The address that a client here would dial.
async fn host(patient: &Patient) -> Option<String> {
    match &patient.target.transport {
        TransportSpec::Local => Some(IpAddr::from([127, 0, 0, 1]).to_string()),
        TransportSpec::Command(_) => None,
        TransportSpec::Ssh(spec) => remora_transport::host_name(spec).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Error;

    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn open_refused_and_filtered_are_told_apart() {
        for (outcome, verdict, word) in [
            (Some(Ok(())), Verdict::Ok, "80 is open"),
            (Some(Err(Error::from(ErrorKind::ConnectionRefused))), Verdict::Failed, "80 is refused"),
            (Some(Err(Error::from(ErrorKind::TimedOut))), Verdict::Failed, "80 is filtered"),
            (Some(Err(Error::from(ErrorKind::HostUnreachable))), Verdict::Failed, "80 can't be reached"),
            (None, Verdict::Failed, "80 is filtered"),
        ] {
            let finding = judge("box", 80, outcome);
            assert!(finding.verdict == verdict && finding.message.starts_with(word), "{finding:?}");
        }
    }
}
