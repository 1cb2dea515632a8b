//! Owns how replies become values. Pure; a reply that does not fit is the agent's breach of the protocol.

use remora_model::{Digest, Mode, Mtime, RelPath};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::conversation::Reply;
use crate::error::{AgentError, LostReason, OpError, OpErrorKind};
use crate::ops::{Exit, ReadFile, RunOutput, Stored};

/// The reply's head as a value.
pub(super) fn whole<T: DeserializeOwned>(reply: Reply) -> Result<T, AgentError> {
    parse(reply.head)
}

/// One member of the reply's head.
pub(super) fn member<T: DeserializeOwned>(mut reply: Reply, name: &str) -> Result<T, AgentError> {
    parse(reply.head.get_mut(name).map(Value::take).unwrap_or_default())
}

fn parse<T: DeserializeOwned>(head: Value) -> Result<T, AgentError> {
    serde_json::from_value(head).map_err(|error| LostReason::Garbled(format!("a reply: {error}")).into())
}

/// A reply that is none to its request.
pub(super) fn unfit() -> AgentError {
    LostReason::Garbled("a reply does not fit its request".to_owned()).into()
}

/// Paths as a request's body: one after another, a NUL between them.
pub(super) fn listed(paths: &[RelPath]) -> Vec<u8> {
    paths.iter().map(RelPath::as_bytes).collect::<Vec<_>>().join(&0)
}

/// The lines of a reply's body, one for each of `count` paths.
fn lines(reply: &Reply, count: usize) -> Result<Vec<&str>, AgentError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let text = str::from_utf8(&reply.body).map_err(|_| unfit())?;
    let lines: Vec<&str> = text.split('\n').collect();
    if lines.len() == count { Ok(lines) } else { Err(unfit()) }
}

/// The answer to `digests`.
pub(super) fn digests(reply: &Reply, count: usize) -> Result<Vec<Option<Digest>>, AgentError> {
    let digest = |line: &str| if line == "-" { Ok(None) } else { line.parse().map(Some).map_err(|_| unfit()) };
    lines(reply, count)?.into_iter().map(digest).collect()
}

/// The answer to `write` and `rebuild`.
pub(super) fn stored(reply: Reply) -> Result<Stored, AgentError> {
    #[derive(Deserialize)]
    struct Head {
        digest: Digest,
        size: u64,
        stamp: Option<String>,
    }
    let Head { digest, size, stamp } = whole(reply)?;
    Ok(Stored { digest, size, stamp })
}

/// The answer to `read`. The digest is that of the bytes as they came.
pub(super) fn read(reply: Reply, path: &RelPath) -> Result<ReadFile, AgentError> {
    #[derive(Deserialize)]
    struct Head {
        size: u64,
        mode: Mode,
        mtime: Mtime,
    }
    let Head { size, mode, mtime } = parse(reply.head)?;
    let bytes = reply.body;
    if bytes.len() as u64 != size {
        let message = format!("'{path}' changed while it was read");
        return Err(OpError { kind: OpErrorKind::Diverged, message }.into());
    }
    Ok(ReadFile { digest: Digest::of(&bytes), bytes, mode, mtime })
}

/// The answer to `run`.
pub(super) fn run(reply: Reply) -> Result<RunOutput, AgentError> {
    #[derive(Deserialize)]
    struct Head {
        exit: Exit,
        stdout: usize,
    }
    let Head { exit, stdout } = parse(reply.head)?;
    let (stdout, stderr) = reply.body.split_at_checked(stdout).ok_or_else(unfit)?;
    Ok(RunOutput { exit, stdout: stdout.to_vec(), stderr: stderr.to_vec() })
}
