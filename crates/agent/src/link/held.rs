//! Owns the requests about detached runs: starting a holder, joining it, what it keeps, and what there is of others. Never
//! knows what a run is of.

use std::time::Duration;

use remora_model::RemotePath;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::{Link, NewStream, PipeEnds, answer, open};
use crate::error::{AgentError, JoinError, LostReason};
use crate::held::{Held, HolderState, KeptOutput, Place, Talk, Talks};
use crate::ops::{Address, RunDirId};
use crate::process::{Process, ProcessEvent, RunDir};
use crate::stream::Stream;

/// The word by which a holder takes us for its client.
const SERVE: &[u8] = b"serve\n";
/// A holder answers at once; while it asks its debugger something, after a second.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// It ends as an agent does.
const END_PATIENCE: Duration = Duration::from_secs(15);

impl Link {
    /// Starts a holder. It ends by itself if it is not joined soon.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn hold(&self) -> Result<Place, AgentError> {
        answer::whole(self.ask(json!({"op": "hold"})).await?)
    }

    /// A link of its own to a holder. An earlier client of it is let go of.
    ///
    /// # Errors
    /// [`JoinError`]; `NotFound` or `Refused` if it has ended.
    pub async fn join(&self, socket: &RemotePath) -> Result<Self, JoinError> {
        let Stream { reader, mut writer } = self.dial(Address::Unix(socket.clone())).await?;
        // One that does not take it has ended, which the greeting's absence tells.
        let _ = writer.write_all(SERVE).await;
        Ok(open::join(PipeEnds { reader, writer, rides: true }).await?)
    }

    /// The detached runs of this login, also those whose holders were killed.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn held(&self) -> Result<Vec<Held>, AgentError> {
        answer::member(self.ask(json!({"op": "held"})).await?, "held")
    }

    /// Removes what was kept of a run whose holder was killed.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn forget(&self, name: &str) -> Result<(), AgentError> {
        self.ask(json!({"op": "forget", "name": name})).await.map(drop)
    }

    /// How it goes with a run, by its holder; its client hears nothing of that.
    ///
    /// # Errors
    /// [`AgentError`]; `NotFound` or `Refused` if the holder has ended.
    pub async fn holder_state(&self, socket: &RemotePath) -> Result<HolderState, AgentError> {
        let said = self.say_to_holder(socket, "tell", ANSWER_PATIENCE).await?;
        parsed(&said)
    }

    /// The same, and the output that is kept.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn holder_output(&self, socket: &RemotePath) -> Result<(HolderState, KeptOutput), AgentError> {
        let said = self.say_to_holder(socket, "output", ANSWER_PATIENCE).await?;
        let head = said.iter().position(|&byte| byte == b'\n').ok_or_else(answer::unfit)?;
        let pieces = pieces(&said[head + 1..]).ok_or_else(answer::unfit)?;
        let omitted: Value = parsed(&said[..head])?;
        Ok((parsed(&said[..head])?, KeptOutput { pieces, omitted: omitted["omitted"].as_u64().unwrap_or_default() }))
    }

    /// Ends a run and all that belongs to it; returns when nothing is left.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn end_holder(&self, socket: &RemotePath) -> Result<(), AgentError> {
        self.say_to_holder(socket, "end", END_PATIENCE).await.map(drop)
    }

    async fn say_to_holder(&self, socket: &RemotePath, word: &str, patience: Duration) -> Result<Vec<u8>, AgentError> {
        let Stream { mut reader, mut writer } = self.dial(Address::Unix(socket.clone())).await?;
        let mut said = Vec::new();
        let asked = async {
            // As in `join`.
            let _ = writer.write_all(format!("{word}\n").as_bytes()).await;
            let _ = reader.read_to_end(&mut said).await;
        };
        // What has not come by then does not fit.
        let _ = timeout(patience, asked).await;
        Ok(said)
    }

    /// On a link to a holder: as [`Link::dial_with_foresight`], for a conversation that outlives its client from the moment
    /// in which that has attached. Letting go of the stream leaves it to the holder.
    ///
    /// # Errors
    /// [`AgentError`]; nobody listening is `Refused`.
    pub async fn dial_kept(&self, address: Address) -> Result<Stream, AgentError> {
        let head = json!({"op": "dial", "address": address, "keep": true});
        let (_, NewStream { hold, incoming, credit }) = self.open_stream(head).await?;
        Ok(Stream::new(hold, incoming, credit))
    }

    /// On a link to a holder: which conversations wait for a client.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn talks(&self) -> Result<Talks, AgentError> {
        answer::whole(self.ask(json!({"op": "talks"})).await?)
    }

    /// On a link to a holder: a conversation that waits, with the program itself or with one of its children.
    ///
    /// # Errors
    /// [`AgentError`]; `NotFound` if there is none, `AddressInUse` if it has a client.
    pub async fn adopt_talk(&self, of: Option<u32>) -> Result<(Talk, Stream), AgentError> {
        let head = json!({"op": "adopt", "part": "conversation", "of": of});
        let (reply, NewStream { hold, incoming, credit }) = self.open_stream(head).await?;
        Ok((parsed(&reply.body)?, Stream::new(hold, incoming, credit)))
    }

    /// On a link to a holder: the run, as it was spawned with [`crate::SpawnSpec::keep`]. What was kept of its output comes before what it
    /// writes from now on; so does what was said on its control socket.
    ///
    /// # Errors
    /// [`AgentError`]; `NotFound` if none was given.
    pub async fn adopt_run(&self) -> Result<(Value, u64, Process, RunDir), AgentError> {
        let (reply, NewStream { hold, incoming, credit }) =
            self.open_stream(json!({"op": "adopt", "part": "run_dir"})).await?;
        let (id, stream) = (RunDirId(hold.stream), Stream::new(hold, incoming, credit));
        let said = reply.body.clone();
        let path = answer::member(reply, "path")?;
        let run_dir = RunDir::new(id, path, self.owner.commands.clone(), stream).after(said);
        let (mut reply, NewStream { hold, incoming, credit }) =
            self.open_stream(json!({"op": "adopt", "part": "process"})).await?;
        let written = pieces(&reply.body).ok_or_else(answer::unfit)?;
        let record = reply.head.get_mut("record").map(Value::take).unwrap_or_default();
        let omitted = reply.head["omitted"].as_u64().unwrap_or_default();
        let pid = answer::member(reply, "pid")?;
        Ok((record, omitted, Process::new(pid, hold, incoming, credit).after(written), run_dir))
    }
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AgentError> {
    serde_json::from_slice(bytes).map_err(|error| LostReason::Garbled(format!("a holder's answer: {error}")).into())
}

/// Output in pieces: each after its channel (1 byte) and its length (4 bytes).
fn pieces(mut bytes: &[u8]) -> Option<Vec<ProcessEvent>> {
    let mut found = Vec::new();
    while let Some((channel, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (piece, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let piece = piece.to_vec();
        found.push(if *channel == 2 { ProcessEvent::Stderr(piece) } else { ProcessEvent::Stdout(piece) });
        bytes = rest;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_output_is_read_piece_by_piece_and_half_a_piece_is_none() {
        let bytes = b"\x01\0\0\0\x02ab\x02\0\0\0\x01c";
        let expected = vec![ProcessEvent::Stdout(b"ab".to_vec()), ProcessEvent::Stderr(b"c".to_vec())];
        assert_eq!(pieces(bytes), Some(expected));
        assert_eq!(pieces(b""), Some(Vec::new()));
        assert_eq!(pieces(&bytes[..bytes.len() - 1]), None);
    }
}
