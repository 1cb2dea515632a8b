//! Joins a transport and an agent to a link. The only place where the two meet.

use std::sync::Arc;

use remora_agent::{AgentError, Link, OpErrorKind, PipeEnds, boot_command};
use remora_model::{RemotePath, TransportSpec};
use remora_transport::Ask;

use crate::fault::{self, Fault};

/// Connects to a target and starts the agent there.
///
/// # Errors
/// What the transport or the boot met.
pub async fn connect(transport: &TransportSpec, ask: Arc<dyn Ask>) -> Result<Link, Fault> {
    let pipe = remora_transport::connect(transport, ask, boot_command())
        .await
        .map_err(|error| fault::unreachable(transport, &error))?;
    let complaints = pipe.complaints.clone();
    let ends = PipeEnds { reader: pipe.reader, writer: pipe.writer, rides: pipe.rides };
    Link::open(ends).await.map_err(|error| fault::boot(transport, &error, &complaints.text()))
}

/// The canonical remote root; one that is not there yet is only made absolute.
///
/// # Errors
/// What the agent says of it, other than that it is not there.
pub async fn find_root(link: &Link, root: &str) -> Result<RemotePath, Fault> {
    match link.root(root, false).await {
        Ok(info) => Ok(info.path),
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound => absolute(link, root),
        Err(error) => Err(fault::root(root, &error)),
    }
}

fn absolute(link: &Link, root: &str) -> Result<RemotePath, Fault> {
    let mut bytes = link.hello().home.as_bytes().to_vec();
    let path = match root.strip_prefix('~') {
        Some("") => bytes,
        Some(rest) if rest.starts_with('/') => {
            bytes.extend_from_slice(rest.as_bytes());
            bytes
        }
        _ => root.as_bytes().to_vec(),
    };
    RemotePath::new(path).map_err(|_| fault::not_absolute(root))
}

#[cfg(test)]
pub(crate) mod tests {
    use remora_transport::{Answer, Question};

    use super::*;

    struct Nobody;

    impl Ask for Nobody {
        fn ask(&self, _: Question) -> Option<Answer> {
            None
        }
    }

    /// A link on this machine; nothing is asked on the way.
    pub(crate) async fn link_here() -> Link {
        connect(&TransportSpec::Local, Arc::new(Nobody)).await.expect("invariant: there is a Python on this machine")
    }
}
