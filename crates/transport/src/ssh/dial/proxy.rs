//! Owns `ProxyCommand` and `ProxyJump`: a child on a socket pair. Never speaks SSH.

use std::io;
use std::process::Stdio;

use super::super::options::Options;
use super::{Proxy, Route, Stream};
use crate::TransportError;
use crate::child;

/// What stands between us and the host, as a shell command.
pub(super) fn command(options: &Options) -> Option<Vec<String>> {
    // As in OpenSSH, whichever of the two comes first in the configuration counts; `ssh -G` prints
    // only that one.
    if let Some(jump) = &options.proxy_jump {
        return Some(jump_command(jump, options));
    }
    let command = options.proxy_command.as_ref()?;
    Some(shell(command))
}

#[cfg(unix)]
fn shell(command: &str) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), format!("exec {command}")]
}

#[cfg(windows)]
fn shell(command: &str) -> Vec<String> {
    vec!["cmd".to_owned(), "/c".to_owned(), command.to_owned()]
}

/// `ssh -W` through the last jump host, which is reached through those before it.
fn jump_command(jump: &str, options: &Options) -> Vec<String> {
    let (before, last) = match jump.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, jump),
    };
    let mut argv = vec!["ssh".to_owned(), "-T".to_owned()];
    // Nobody can answer its questions: there is no terminal, and standard input is the connection.
    argv.extend(["-o", "BatchMode=yes"].map(str::to_owned));
    if let Some(config) = &options.config {
        argv.extend(["-F".to_owned(), config.to_string_lossy().into_owned()]);
    }
    if let Some(before) = before {
        argv.extend(["-J".to_owned(), before.trim().to_owned()]);
    }
    let host = &options.hostname;
    let target = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    argv.extend(["-W".to_owned(), format!("{target}:{}", options.port), "--".to_owned()]);
    argv.push(jump_host(last.trim()));
    argv
}

/// The jump host in a form that `ssh` takes as one word: a port needs the URI form.
fn jump_host(jump: &str) -> String {
    let place = jump.rsplit_once('@').map_or(jump, |(_, place)| place);
    let has_port = if place.starts_with('[') { place.contains("]:") } else { place.matches(':').count() == 1 };
    if jump.starts_with("ssh://") {
        return jump.to_owned();
    }
    if has_port {
        return format!("ssh://{jump}");
    }
    // As one word, `ssh` takes an address with its brackets for a name.
    jump.replace(['[', ']'], "")
}

/// Starts the child on one end of a socket pair.
pub(super) fn start(argv: Vec<String>, options: &Options) -> Result<Route, TransportError> {
    let shown = match &options.proxy_command {
        Some(command) if options.proxy_jump.is_none() => command.clone(),
        _ => argv.join(" "),
    };
    let mut command = child::command(&argv)?;
    let failed = |error: io::Error| TransportError::ProxyFailed {
        host: options.alias.clone(),
        command: argv.join(" "),
        stderr: error.to_string(),
    };
    let stream = attach(&mut command).map_err(failed)?;
    let mut kept = child::keep(command, &argv[0])?;
    let stream = stream.finish(&mut kept).map_err(failed)?;
    Ok(Route { stream, proxy: Some(Proxy { command: shown, kept }) })
}

/// Our end of the pair, once the child runs.
#[cfg(unix)]
struct Attached(std::os::unix::net::UnixStream);

#[cfg(unix)]
fn attach(command: &mut tokio::process::Command) -> io::Result<Attached> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs.try_clone()?)));
    command.stdout(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
    Ok(Attached(ours))
}

#[cfg(unix)]
impl Attached {
    #[expect(clippy::unnecessary_wraps, reason = "the Windows counterpart can fail")]
    fn finish(self, _kept: &mut child::Kept) -> io::Result<Stream> {
        Ok(Stream::Unix(self.0))
    }
}

/// Windows has no socket pair: two ends of a loopback connection, the far one pumped to the child's
/// pipes by two tasks.
#[cfg(windows)]
struct Attached {
    ours: std::net::TcpStream,
    theirs: std::net::TcpStream,
}

#[cfg(windows)]
fn attach(command: &mut tokio::process::Command) -> io::Result<Attached> {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let ours = TcpStream::connect(listener.local_addr()?)?;
    let theirs = loop {
        let (stream, peer) = listener.accept()?;
        // Anybody on this machine can connect to a loopback port; only our own end is wanted.
        if peer == ours.local_addr()? {
            break stream;
        }
    };
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    theirs.set_nonblocking(true)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    Ok(Attached { ours, theirs })
}

#[cfg(windows)]
impl Attached {
    fn finish(self, kept: &mut child::Kept) -> io::Result<Stream> {
        let (mut from_us, mut to_us) = tokio::net::TcpStream::from_std(self.theirs)?.into_split();
        let (mut stdin, mut stdout) = kept.take_pipes();
        tokio::spawn(async move { tokio::io::copy(&mut from_us, &mut stdin).await });
        tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut to_us).await });
        Ok(Stream::Tcp(self.ours))
    }
}

/// Says that the proxy failed when it ended before there was a connection, and what it said.
pub(in crate::ssh) async fn blame_proxy(error: TransportError, proxy: Option<Proxy>, host: &str) -> TransportError {
    let (Some(proxy), TransportError::Handshake { .. }) = (proxy, &error) else { return error };
    let Proxy { command, kept } = proxy;
    let (fate, complaints) = (kept.fate.clone(), kept.complaints.clone());
    drop(kept);
    let _ = child::last_words(fate).await;
    TransportError::ProxyFailed { host: host.to_owned(), command, stderr: complaints.text() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_with_a_port_becomes_a_uri() {
        for (jump, expected) in [
            ("gate", "gate"),
            ("me@gate", "me@gate"),
            ("me@gate:2222", "ssh://me@gate:2222"),
            ("[::1]:22", "ssh://[::1]:22"),
            ("[::1]", "::1"),
            ("me@[fe80::1]", "me@fe80::1"),
            ("::1", "::1"),
            ("ssh://gate:22", "ssh://gate:22"),
        ] {
            assert_eq!(jump_host(jump), expected);
        }
    }
}
