//! Owns the two ends of the pipe and the clock of a conversation: reads, writes, pings, and notices the end.
//! Never decides what is sent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Command, State};
use crate::error::LostReason;
use crate::frames::{Decoder, Frame, Kind};

/// How often the agent is asked for a sign of life. Half of [`SILENCE`], so that one may be late.
const PING_EVERY: Duration = Duration::from_secs(10);
/// With no word from the agent for this long the connection is taken for dead: long enough for a hiccup of a
/// mobile network, short enough that a person does not wonder.
const SILENCE: Duration = Duration::from_secs(20);
/// How often is looked whether one of the two is due. Silence is counted in beats, because time alone says
/// nothing when this process was stopped meanwhile (Ctrl-Z, a paused virtual machine): that is one late beat.
const BEAT: Duration = Duration::from_secs(2);
/// [`SILENCE`] in beats.
const SILENT_BEATS: u64 = SILENCE.as_secs() / BEAT.as_secs();
/// How long an orderly end may take. The agent gives processes 2 s before it kills them.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);
/// The most that is read at once.
const READ_SIZE: usize = 128 * 1024;

/// Keeps the conversation going until it ends, and says why it did.
pub(crate) async fn converse<R, W>(
    mut reader: R,
    mut writer: W,
    mut decoder: Decoder,
    state: &mut State,
    commands: &mut UnboundedReceiver<Command>,
) -> LostReason
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut input = vec![0; READ_SIZE];
    let (mut out, mut written, mut unflushed) = (Vec::new(), 0, false);
    let (mut silent_beats, mut pinged_at, mut closing_at) = (0, Instant::now(), None);
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Frames may have come together with the greeting.
    if let Err(reason) = take_frames(&mut decoder, state) {
        return reason;
    }
    loop {
        if written == out.len() {
            out.clear();
            written = 0;
            state.lanes.fill(&mut out, decoder.heard(), Instant::now().into_std());
        }
        let writing = written < out.len();
        tokio::select! {
            // Cancel-safe by contract: `read` and `write` have done nothing if another branch comes first.
            read = reader.read(&mut input) => match read {
                Ok(0) => return ended(state, LostReason::PipeEnded),
                Ok(count) => {
                    silent_beats = 0;
                    decoder.feed(&input[..count]);
                    if let Err(reason) = take_frames(&mut decoder, state) {
                        return reason;
                    }
                }
                Err(error) => return ended(state, LostReason::PipeFailed(error.to_string())),
            },
            pushed = push(&mut writer, &out[written..]), if writing || unflushed => match pushed {
                Ok(0) if writing => return ended(state, LostReason::PipeEnded),
                Ok(count) => {
                    written += count;
                    unflushed = writing;
                }
                Err(error) => return ended(state, LostReason::PipeFailed(error.to_string())),
            },
            command = commands.recv() => {
                let Some(command) = command else { return LostReason::Closed };
                state.on_command(command);
                while let Ok(command) = commands.try_recv() {
                    state.on_command(command);
                }
                if state.closing && closing_at.is_none() {
                    closing_at = Some(Instant::now());
                }
            }
            _ = beat.tick() => {
                silent_beats += 1;
                // One more, because the first may come at once.
                if silent_beats > SILENT_BEATS {
                    return ended(state, LostReason::Silent(SILENCE.as_secs()));
                }
                if closing_at.is_some_and(|at: Instant| at.elapsed() >= CLOSE_PATIENCE) {
                    return LostReason::Closed;
                }
                if pinged_at.elapsed() >= PING_EVERY {
                    pinged_at = Instant::now();
                    state.lanes.put(Frame::new(Kind::Ping, 0, Vec::new()));
                }
            }
        }
    }
}

/// Writes some of `bytes`; when there are none, flushes.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> std::io::Result<usize> {
    if bytes.is_empty() { writer.flush().await.map(|()| 0) } else { writer.write(bytes).await }
}

fn take_frames(decoder: &mut Decoder, state: &mut State) -> Result<(), LostReason> {
    while let Some(frame) = decoder.next().map_err(LostReason::Garbled)? {
        state.on_frame(frame, Instant::now().into_std()).map_err(LostReason::Garbled)?;
    }
    Ok(())
}

/// Once we have asked for the end, every end is the one we asked for.
fn ended(state: &State, reason: LostReason) -> LostReason {
    match state {
        State { closing: true, .. } => LostReason::Closed,
        State { taken_over: true, .. } => LostReason::TakenOver,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex, split};
    use tokio::sync::mpsc;

    use super::*;

    /// A conversation whose other end is in the test's hands; time passes as fast as nothing happens.
    fn begin() -> (DuplexStream, tokio::task::JoinHandle<LostReason>, mpsc::UnboundedSender<Command>) {
        let (ours, theirs) = duplex(1 << 20);
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let (reader, writer) = split(ours);
            converse(reader, writer, Decoder::default(), &mut State::default(), &mut receiver).await
        });
        (theirs, task, sender)
    }

    /// Answers pings until so many have come.
    async fn answer(theirs: &mut DuplexStream, pings: usize) {
        let (mut decoder, mut input, mut answered) = (Decoder::default(), vec![0; 4096], 0);
        while answered < pings {
            let count = theirs.read(&mut input).await.unwrap();
            decoder.feed(&input[..count]);
            while let Some(frame) = decoder.next().unwrap() {
                assert_eq!(frame.kind, Kind::Ping);
                let mut pong = Vec::new();
                Frame::new(Kind::Pong, 0, frame.payload).encode(&mut pong);
                theirs.write_all(&pong).await.unwrap();
                answered += 1;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_link_lives_as_long_as_pings_are_answered_and_ends_soon_after() {
        let (mut theirs, task, _sender) = begin();
        let start = Instant::now();
        answer(&mut theirs, 60).await;
        assert!(!task.is_finished());
        assert!(start.elapsed() > Duration::from_secs(590));
        let answered = Instant::now();
        assert_eq!(task.await.unwrap(), LostReason::Silent(20));
        assert!(answered.elapsed() < Duration::from_secs(25));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_asks_before_it_takes_the_link_for_lost() {
        let (mut theirs, task, _sender) = begin();
        answer(&mut theirs, 1).await;
        // Nobody ran meanwhile.
        tokio::time::advance(Duration::from_secs(50)).await;
        answer(&mut theirs, 3).await;
        assert!(!task.is_finished());
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_does_not_go_is_left_after_a_while() {
        let (_theirs, task, sender) = begin();
        sender.send(Command::Close).unwrap();
        let start = Instant::now();
        assert_eq!(task.await.unwrap(), LostReason::Closed);
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_pipe_and_broken_frames_are_told_apart() {
        let (theirs, task, _sender) = begin();
        drop(theirs);
        assert_eq!(task.await.unwrap(), LostReason::PipeEnded);
        let (mut theirs, task, _sender) = begin();
        theirs.write_all(&[0xff; 100]).await.unwrap();
        assert!(matches!(task.await.unwrap(), LostReason::Garbled(_)));
    }
}
