//! Owns the way from a bare pipe to a live link: source, greeting, task. Never used again after that.

use std::sync::Arc;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};

use super::{Link, Owner, PipeEnds};
use crate::boot::{BOOT_TIMEOUT, COMPRESSED, Noise, VERSION, Word};
use crate::conversation::{Commands, State, converse};
use crate::error::BootError;
use crate::frames::{Decoder, Kind, PROTOCOL};
use crate::ops::Hello;

/// The greeting of the agent.
#[derive(Deserialize)]
struct Greeting {
    magic: String,
    protocol: u32,
    /// The first number that no stream there has or had.
    streams: u32,
    #[serde(flatten)]
    hello: Hello,
}

/// Boots the agent and starts the task that talks with it.
pub(super) async fn open<R, W>(pipe: PipeEnds<R, W>) -> Result<Link, BootError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let PipeEnds { mut reader, mut writer, rides } = pipe;
    let mut noise = Noise::default();
    let started = tokio::time::timeout(BOOT_TIMEOUT, start(&mut reader, &mut writer, rides, &mut noise)).await;
    let greeted = started.unwrap_or_else(|_| Err(BootError::TimedOut { noise: noise.end() }))?;
    Ok(begin(reader, writer, greeted))
}

/// Starts the task that talks with an agent that runs already.
pub(super) async fn join<R, W>(pipe: PipeEnds<R, W>) -> Result<Link, BootError>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let PipeEnds { mut reader, writer, .. } = pipe;
    let noise = Noise::default();
    let greeted = tokio::time::timeout(BOOT_TIMEOUT, greeting(&mut reader, Decoder::default(), &noise)).await;
    let greeted = greeted.unwrap_or_else(|_| Err(BootError::TimedOut { noise: noise.end() }))?;
    Ok(begin(reader, writer, greeted))
}

fn begin<R, W>(reader: R, writer: W, (greeting, decoder): (Greeting, Decoder)) -> Link
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let (lost, watcher) = watch::channel(None);
    let line = Arc::default();
    let commands = Commands::new(sender, greeting.streams, Arc::clone(&line), watcher);
    tokio::spawn(async move {
        let mut state = State::new(line);
        let reason = converse(reader, writer, decoder, &mut state, &mut receiver).await;
        tracing::debug!(%reason, "the link ended");
        // The reason first: whoever is let go of by the next line asks for it.
        lost.send_replace(Some(reason));
        state.end();
    });
    Link { owner: Arc::new(Owner { hello: greeting.hello, commands }) }
}

async fn start<R, W>(
    reader: &mut R,
    writer: &mut W,
    rides: bool,
    noise: &mut Noise,
) -> Result<(Greeting, Decoder), BootError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let rest = if rides {
        let (ready, sent) = (wait_for_ready(reader, noise), send_source(writer));
        tokio::pin!(ready, sent);
        tokio::select! {
            // A remote that ends before it takes the source says more by what it printed than by the broken pipe.
            rest = &mut ready => {
                let rest = rest?;
                // The boot's word may come before the pipe has taken all of it.
                let _ = sent.await;
                rest
            }
            _ = &mut sent => ready.await?,
        }
    } else {
        let rest = wait_for_ready(reader, noise).await?;
        let _ = send_source(writer).await;
        rest
    };
    let mut decoder = Decoder::default();
    decoder.feed(&rest);
    greeting(reader, decoder, noise).await
}

async fn send_source<W: AsyncWrite + Unpin>(writer: &mut W) -> std::io::Result<()> {
    writer.write_all(&COMPRESSED).await?;
    writer.flush().await
}

async fn wait_for_ready<R: AsyncRead + Unpin>(reader: &mut R, noise: &mut Noise) -> Result<Vec<u8>, BootError> {
    let mut input = vec![0; 16 * 1024];
    loop {
        let count = reader.read(&mut input).await.unwrap_or(0);
        if count == 0 {
            return Err(BootError::Ended { noise: noise.end() });
        }
        match noise.feed(&input[..count])? {
            Some(Word::Ready(rest)) => return Ok(rest),
            Some(Word::None) => return Err(noise.no_python()),
            None => {}
        }
    }
}

async fn greeting<R: AsyncRead + Unpin>(
    reader: &mut R,
    mut decoder: Decoder,
    noise: &Noise,
) -> Result<(Greeting, Decoder), BootError> {
    let mut input = vec![0; 16 * 1024];
    loop {
        if let Some(frame) = decoder.next().map_err(BootError::Garbled)? {
            if frame.kind != Kind::Hello {
                return Err(BootError::Garbled(format!("{:?} instead of a greeting", frame.kind)));
            }
            let greeting: Greeting =
                serde_json::from_slice(&frame.payload).map_err(|error| BootError::Garbled(error.to_string()))?;
            let ours = greeting.magic == "remora-agent" && greeting.protocol == PROTOCOL;
            if !ours || greeting.hello.version != *VERSION {
                return Err(BootError::OtherVersion);
            }
            return Ok((greeting, decoder));
        }
        let count = reader.read(&mut input).await.unwrap_or(0);
        if count == 0 {
            return Err(BootError::Ended { noise: noise.end() });
        }
        decoder.feed(&input[..count]);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{duplex, split};

    use super::*;

    #[tokio::test]
    async fn the_whole_source_is_sent_although_the_remote_is_ready_before_it_has_it() {
        let (ours, theirs) = duplex(64);
        let (mut reader, mut writer) = split(ours);
        let (mut from_us, mut to_us) = split(theirs);
        let mut noise = Noise::default();
        let remote = async {
            to_us.write_all(b"remora-agent:ready\n").await.unwrap();
            let mut source = vec![0; COMPRESSED.len()];
            from_us.read_exact(&mut source).await.unwrap();
            assert!(source == *COMPRESSED);
        };
        tokio::select! {
            result = start(&mut reader, &mut writer, true, &mut noise) => panic!("no greeting came: {:?}", result.err()),
            () = remote => {}
        }
    }
}
