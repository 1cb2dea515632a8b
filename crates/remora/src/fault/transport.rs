//! Words what can go wrong on the way to a remote shell.

use remora_model::TransportSpec;
use remora_transport::TransportError as E;

use super::{Fault, Kind};

/// The fault for a target that can't be reached.
#[must_use]
pub fn unreachable(spec: &TransportSpec, error: &E) -> Fault {
    sentence(spec, error).because(error)
}

fn sentence(spec: &TransportSpec, error: &E) -> Fault {
    match error {
        E::UnknownHost { host, .. } => Fault::new(
            Kind::UnknownHost,
            format!("Can't find the host {host}: the name has no address."),
            "Check the spelling, your network, or the HostName line of your ssh_config.",
        ),
        E::Refused { host, port } => Fault::new(
            Kind::ConnectionRefused,
            format!("Can't connect to {host} port {port}: the connection was refused."),
            "Check that an SSH server runs there and that the port is right.",
        ),
        E::Unreachable { host, port, reason } => Fault::new(
            Kind::ConnectionTimedOut,
            format!("Can't reach {host} port {port}: {reason}."),
            "Check your network, VPN and the address.",
        ),
        E::TimedOut { host, port, after, phase } => Fault::new(
            Kind::ConnectionTimedOut,
            format!("Can't connect to {host} port {port}: no answer within {} s ({phase}).", after.as_secs()),
            "Check your network, VPN and firewall; ConnectTimeout in ssh_config sets how long to wait.",
        ),
        E::Handshake { host, port, reason } => Fault::new(
            Kind::CommandFailed,
            format!("Can't speak SSH with {host} port {port}: {reason}."),
            "Check that the port belongs to an SSH server; a --command 'ssh -T …' target uses your own ssh instead.",
        ),
        E::ProxyFailed { host, command, stderr } => Fault::new(
            Kind::ProxyFailed,
            format!("Can't reach {host}: its proxy `{command}` ended{}.", said(stderr)),
            "Run that command by hand to see what it needs.",
        ),
        E::Closed { host, reason } => Fault::new(
            Kind::ConnectionLost,
            format!("The connection to {host} was lost: {reason}."),
            "Try again; if it stays so, look at the server's log.",
        ),
        E::Cancelled => Fault::new(
            Kind::Cancelled,
            "The connection was given up.",
            "Connect again when you have what it asked for.",
        ),
        E::HostKeyDeclined { .. } | E::HostKeyUnknown { .. } | E::HostKeyChanged { .. } | E::HostKeyRevoked { .. } => {
            host_key(error)
        }
        E::AuthFailed { .. } => auth(error),
        _ => here(spec, error),
    }
}

fn host_key(error: &E) -> Fault {
    match error {
        E::HostKeyChanged { host, port, algorithm, fingerprint, file, line } => Fault::new(
            Kind::HostKeyChanged,
            format!(
                "The key of {host} port {port} is not the one on record in {} line {line}: it shows the {algorithm} key \
                 {fingerprint}. Nothing was sent to it.",
                file.display()
            ),
            format!(
                "If the host was set up anew, remove the old key with `ssh-keygen -f {} -R {}`; if not, somebody may \
                 stand between you and it.",
                file.display(),
                known_name(host, *port)
            ),
        ),
        E::HostKeyRevoked { host, port, fingerprint, file, line } => Fault::new(
            Kind::HostKeyRevoked,
            format!("The key {fingerprint} of {host} port {port} is revoked in {} line {line}.", file.display()),
            "Don't connect; ask whoever runs the host.",
        ),
        E::HostKeyDeclined { host, port, fingerprint } => Fault::new(
            Kind::HostKeyUnknown,
            format!("The key {fingerprint} of {host} port {port} is not known and was not accepted."),
            format!(
                "Compare the fingerprint with the host's, then accept it, or connect once with `ssh -p {port} {host}`."
            ),
        ),
        E::HostKeyUnknown { host, port, fingerprint } => Fault::new(
            Kind::HostKeyUnknown,
            format!(
                "The key {fingerprint} of {host} port {port} is not known, and StrictHostKeyChecking forbids to ask."
            ),
            "Add the key to your known_hosts, or relax StrictHostKeyChecking for this host.",
        ),
        _ => Fault::internal(error.to_string()),
    }
}

fn known_name(host: &str, port: u16) -> String {
    if port == 22 { host.to_owned() } else { format!("'[{host}]:{port}'") }
}

fn auth(error: &E) -> Fault {
    let E::AuthFailed { user, host, tried, offered, notes } = error else {
        return Fault::internal(error.to_string());
    };
    let tried = if tried.is_empty() { "nothing that it accepts".to_owned() } else { tried.join(", ") };
    let notes = if notes.is_empty() { String::new() } else { format!(" {}.", notes.join("; ")) };
    Fault::new(
        Kind::AuthFailed,
        format!("{host} did not let the login {user:?} in. Tried: {tried}.{notes}"),
        format!(
            "The server accepts {}; check the user name, your key (IdentityFile) or your password.",
            if offered.is_empty() { "no method".to_owned() } else { offered.join(", ") }
        ),
    )
}

/// Faults on this machine, before anything was sent.
fn here(spec: &TransportSpec, error: &E) -> Fault {
    match error {
        E::KnownHosts { file, reason } => Fault::new(
            Kind::SshConfig,
            format!("Can't use {}: {reason}.", file.display()),
            "Correct the file or its permissions.",
        ),
        E::ConfigUnreadable { file, reason } => Fault::new(
            Kind::SshConfig,
            match file {
                Some(file) => format!("Can't use the SSH configuration {}: {reason}.", file.display()),
                None => format!("Can't use your SSH configuration: {reason}."),
            },
            "Correct the file, or name another with --ssh-config.",
        ),
        E::BadSpec { reason } => {
            Fault::new(Kind::BadRequest, format!("The target makes no sense: {reason}."), "Correct its settings.")
        }
        E::ProgramMissing { program } => Fault::new(
            Kind::ProgramMissing,
            format!("Can't start {program}: there is no such program on this machine."),
            "Install it, or correct the target's command.",
        ),
        E::ProgramFailed { program, reason } => Fault::new(
            Kind::CommandFailed,
            format!("Can't start {program}: {reason}."),
            "Correct the target's command.",
        ),
        E::CommandEnded { command, status, stderr, .. } => Fault::new(
            Kind::CommandFailed,
            format!(
                "`{command}` ended{} before the connection stood{}.",
                status.map(|status| format!(" with status {status}")).unwrap_or_default(),
                said(stderr)
            ),
            "Run it by hand; it must reach a shell there.",
        ),
        _ => Fault::new(
            Kind::CommandFailed,
            format!("Can't connect to {}: {error}.", describe(spec)),
            "The log (RUST_LOG=debug) has the details.",
        ),
    }
}

/// A target's place in words.
#[must_use]
pub(super) fn describe(spec: &TransportSpec) -> String {
    match spec {
        TransportSpec::Ssh(ssh) => ssh.host.clone(),
        TransportSpec::Command(argv) => format!("`{}`", argv.join(" ")),
        TransportSpec::Local => "this machine".to_owned(),
    }
}

/// `: its words`, or nothing.
pub(super) fn said(words: &str) -> String {
    let words = words.trim().trim_end_matches('.');
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_key_says_where_the_old_one_is_and_how_to_remove_it() {
        let error = E::HostKeyChanged {
            host: "box".into(),
            port: 2222,
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
            file: "/home/me/.ssh/known_hosts".into(),
            line: 7,
        };
        let fault = unreachable(&TransportSpec::Local, &error);
        assert_eq!(fault.kind, Kind::HostKeyChanged);
        assert!(fault.message.contains("/home/me/.ssh/known_hosts line 7"), "{}", fault.message);
        assert!(fault.hint.contains("ssh-keygen -f /home/me/.ssh/known_hosts -R '[box]:2222'"), "{}", fault.hint);
    }
}
