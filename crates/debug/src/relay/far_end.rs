//! Owns the far end of one client's connection as the relay sees it: the agent's stream to the debugger, with what is
//! foreseen at a stop. Decides nothing.

use std::collections::VecDeque;
use std::time::Instant;

use remora_agent::{Stream, StreamWriter};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::carry::{Messages, Portion};
use super::foresight::{Foresight, Out};
use crate::dap::frames::{Frame, FrameError};

/// The debugger, and what answers for it.
pub(super) struct FarEnd {
    messages: Messages,
    /// Until everything was said to it.
    writer: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Writes what is queued; ends when this is dropped.
    _writing: JoinSet<()>,
    foresight: Foresight,
    /// Said, and not yet taken.
    said: VecDeque<Frame>,
}

impl FarEnd {
    pub(super) fn new(stream: Stream, foresight: Foresight) -> Self {
        let (writer, queued) = mpsc::unbounded_channel();
        let mut writing = JoinSet::new();
        writing.spawn(write(stream.writer, queued));
        let messages = Messages::new(stream.reader, true);
        Self { messages, writer: Some(writer), _writing: writing, foresight, said: VecDeque::new() }
    }

    /// What the debugger says next; nothing at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Portion>, FrameError> {
        loop {
            if let Some(frame) = self.said.pop_front() {
                return Ok(Some(Portion::Message(frame)));
            }
            match self.messages.next().await {
                Ok(Some(Portion::Message(frame))) => {
                    let outs = self.foresight.debugger(frame, Instant::now());
                    self.act(outs);
                }
                other => {
                    let outs = self.foresight.stop();
                    self.act(outs);
                    return other;
                }
            }
        }
    }

    /// Says something to the debugger.
    pub(super) fn say(&mut self, frame: Frame) {
        let outs = self.foresight.client(frame, Instant::now());
        self.act(outs);
    }

    /// Says something that is no message.
    pub(super) fn say_raw(&mut self, bytes: Vec<u8>) {
        let outs = self.foresight.stop();
        self.act(outs);
        self.write(bytes);
    }

    /// That was all.
    pub(super) fn say_no_more(&mut self) {
        self.writer = None;
    }

    /// Whether nothing more is heard.
    pub(super) fn is_over(&self) -> bool {
        self.messages.over
    }

    pub(super) fn has_ended(&mut self) {
        self.messages.over = true;
    }

    fn act(&mut self, outs: Vec<Out>) {
        for out in outs {
            match out {
                Out::ToClient(frame) => self.said.push_back(frame),
                Out::ToDebugger(frame) => self.write(frame.into_bytes()),
            }
        }
    }

    fn write(&self, bytes: Vec<u8>) {
        if let Some(writer) = &self.writer {
            // It takes no more if this fails, which its end of the stream tells.
            let _ = writer.send(bytes);
        }
    }
}

/// Writes what is queued, by itself, so that a debugger that does not read keeps nobody from hearing it.
async fn write(mut debugger: StreamWriter, mut queued: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = queued.recv().await {
        if debugger.write_all(&bytes).await.is_err() || debugger.flush().await.is_err() {
            break;
        }
    }
    let _ = debugger.shutdown().await;
}
