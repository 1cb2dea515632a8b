//! Owns one direction of one connection: in order, late, and no faster than the rate.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Cable, Mode};

/// What one read takes.
const CHUNK: usize = 64 * 1024;

/// Chunks that may be under way: enough for 1 GB/s over 60 ms.
const UNDER_WAY: usize = 1024;

/// tokio's timer rounds up to the next millisecond; half of one less makes it right on average.
const ROUNDING: Duration = Duration::from_micros(500);

/// Carries everything from `from` to `to`, the end included.
pub(super) async fn carry(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    cable: Cable,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let (enter, leave) = mpsc::channel(UNDER_WAY);
    tokio::try_join!(take_in(from, enter, cable.delay), let_out(to, leave, cable.rate, mode)).map(|_| ())
}

/// When a chunk is due at the other end. An empty one is the end.
type Chunk = (Instant, Vec<u8>);

async fn take_in(from: &mut (impl AsyncRead + Unpin), enter: mpsc::Sender<Chunk>, delay: Duration) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = from.read(&mut buffer).await?;
        let due = Instant::now() + delay.saturating_sub(ROUNDING);
        // The other end is gone when nobody takes it; that end has the error.
        if enter.send((due, buffer[..count].to_vec())).await.is_err() || count == 0 {
            return Ok(());
        }
    }
}

async fn let_out(
    to: &mut (impl AsyncWrite + Unpin),
    mut leave: mpsc::Receiver<Chunk>,
    rate: Option<u64>,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut free = Instant::now();
    while let Some((due, bytes)) = leave.recv().await {
        let start = due.max(free);
        if start > Instant::now() {
            sleep_until(start).await;
        }
        if let Some(rate) = rate {
            let nanos = bytes.len() as u64 * 1_000_000_000 / rate.max(1);
            free = start + Duration::from_nanos(nanos);
        }
        if mode.wait_for(|mode| *mode == Mode::Healthy).await.is_err() {
            return Ok(());
        }
        if bytes.is_empty() {
            return to.shutdown().await;
        }
        to.write_all(&bytes).await?;
    }
    Ok(())
}
