//! Owns the `ssh` transport. Only the files below this one name ssh2.
//!
//! The way to the host (configuration, addresses, proxy) is found by the caller's task; everything
//! that touches libssh2 happens on one thread of its own.

mod alive;
mod auth;
mod cipher;
mod dial;
mod ends;
mod host_key;
mod key_file;
mod known_hosts;
mod options;
mod pump;
mod shared;
mod wire;
mod worker;

use std::path::Path;
use std::sync::Arc;

use remora_model::SshSpec;
use tokio::sync::oneshot;

use crate::{Ask, Complaints, Pipe, PipeReader, PipeWriter, TransportError};
use dial::{Route, Stream};
pub(crate) use options::Host;
use shared::Shared;

/// The hosts that the `ssh_config` below `home`, and the system's own, call by name. Reads files.
pub(crate) fn hosts(home: Option<&Path>) -> Vec<Host> {
    options::hosts(home)
}

/// The name or address that `spec` leads to, as `HostName` has it.
pub(crate) async fn host_name(spec: &SshSpec) -> Result<String, TransportError> {
    Ok(options::resolve(spec).await?.hostname)
}

/// Logs in as `spec` says and runs `command` on one channel.
pub(crate) async fn connect(spec: &SshSpec, ask: Arc<dyn Ask>, command: &str) -> Result<Pipe, TransportError> {
    let options = options::resolve(spec).await?;
    let Route { stream, proxy } = dial::dial(&options).await?;
    let (host, port) = (options.alias.clone(), options.port);
    let other = |reason: std::io::Error| TransportError::Closed { host: host.clone(), reason: reason.to_string() };
    let guard = Abandon(Some(stream.try_clone().map_err(other)?));
    let shared = Arc::new(Shared::new().map_err(other)?);
    let complaints = Complaints::default();
    let (tell, told) = oneshot::channel();
    let hold = proxy.as_ref().map(|proxy| proxy.hold());
    let job = worker::Job {
        stream,
        options,
        ask,
        command: command.to_owned(),
        shared: shared.clone(),
        complaints: complaints.clone(),
        tell,
        proxy: hold,
    };
    std::thread::Builder::new().name(worker::THREAD.to_owned()).spawn(move || worker::run(job)).map_err(other)?;
    let outcome = told.await.unwrap_or_else(|_| {
        let reason = "the connecting thread ended without a word".to_owned();
        Err(TransportError::Other { what: format!("connecting to {host} port {port}"), reason })
    });
    match outcome {
        Ok(()) => guard.disarm(),
        Err(error) => return Err(dial::blame_proxy(error, proxy, &host).await),
    }
    let (reader, writer) = ends::pair(shared);
    Ok(Pipe { reader: PipeReader::new(reader), writer: PipeWriter::new(writer), rides: true, complaints })
}

/// Shuts the socket down when the attempt is dropped: every call of libssh2 then fails at once, and
/// the thread ends.
struct Abandon(Option<Stream>);

impl Abandon {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Abandon {
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            stream.shutdown();
        }
    }
}
