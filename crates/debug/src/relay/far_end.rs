//! Owns the far end of one client's connection as the relay sees it: the agent's stream to the debugger, with what is
//! foreseen at a stop; of a detached run, also the way into a conversation that goes on. Decides nothing.

use std::collections::VecDeque;
use std::time::Instant;

use remora_agent::{Address, AgentError, Link, OpErrorKind, Stream, StreamWriter, Talk};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::carry::{Messages, Portion};
use super::foresight::{Foresight, Out};
use super::resumption::{Joined, Resumption, Step};
use crate::dap::frames::{Frame, FrameError};

/// The debugger, and what answers for it.
pub(super) struct FarEnd {
    /// Until then nothing was dialled.
    stream: Option<Dialled>,
    foresight: Foresight,
    resumption: Option<Joining>,
    /// Said, and not yet taken.
    said: VecDeque<Frame>,
    over: bool,
}

struct Dialled {
    messages: Messages,
    /// Until everything was said to it.
    writer: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// Writes what is queued; ends when this is dropped.
    writing: JoinSet<()>,
}

/// On the way into a conversation.
struct Joining {
    link: Link,
    address: Address,
    resumption: Resumption,
    fetched: Option<oneshot::Receiver<Fetched>>,
}

type Fetched = Result<(Stream, Option<Talk>), AgentError>;

impl Dialled {
    fn new(stream: Stream) -> Self {
        let (writer, queued) = mpsc::unbounded_channel();
        let mut writing = JoinSet::new();
        writing.spawn(write(stream.writer, queued));
        Self { messages: Messages::new(stream.reader, true), writer: Some(writer), writing }
    }
}

impl FarEnd {
    pub(super) fn new(stream: Stream, foresight: Foresight) -> Self {
        Self { stream: Some(Dialled::new(stream)), foresight, resumption: None, said: VecDeque::new(), over: false }
    }

    /// One whose conversations wait at the other end of `link`, and whose debuggers have these `capabilities`. Which one it
    /// becomes follows from what is said to it; `address` is dialled for one that is new.
    pub(super) fn waiting(link: Link, address: Address, capabilities: Value, foresight: Foresight) -> Self {
        let resumption = Resumption::new(capabilities);
        Self {
            stream: None,
            foresight,
            resumption: Some(Joining { link, address, resumption, fetched: None }),
            said: VecDeque::new(),
            over: false,
        }
    }

    /// What the debugger says next; nothing at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Portion>, FrameError> {
        loop {
            if let Some(frame) = self.said.pop_front() {
                return Ok(Some(Portion::Message(frame)));
            }
            if let Some(fetched) = self.resumption.as_mut().and_then(|joining| joining.fetched.as_mut()) {
                let fetched = fetched.await.ok();
                self.joined(fetched);
                continue;
            }
            let Some(stream) = &mut self.stream else { return std::future::pending().await };
            match stream.messages.next().await {
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
        match &mut self.resumption {
            Some(joining) => {
                let steps = joining.resumption.client(frame);
                self.take(steps);
            }
            None => self.say_on(frame),
        }
    }

    fn say_on(&mut self, frame: Frame) {
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
        if let Some(stream) = &mut self.stream {
            stream.writer = None;
        } else {
            self.over = true;
        }
    }

    /// Leaves the conversation to whoever comes next. When it returns, another can join it.
    pub(super) async fn leave(&mut self) {
        self.over = true;
        if let Some(mut stream) = self.stream.take() {
            stream.writing.shutdown().await;
        }
    }

    /// Whether nothing more is heard.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn has_ended(&mut self) {
        self.over = true;
    }

    /// What the client asked for was fetched, or the link was lost.
    fn joined(&mut self, fetched: Option<Fetched>) {
        let Some(joining) = &mut self.resumption else { return };
        joining.fetched = None;
        let joined = match fetched {
            Some(Ok((stream, talk))) => {
                self.stream = Some(Dialled::new(stream));
                talk.map_or(Joined::Fresh, |talk| Joined::Living(Box::new(talk)))
            }
            Some(Err(error)) => Joined::Nothing(error.to_string()),
            None => Joined::Nothing(String::new()),
        };
        let steps = joining.resumption.joined(joined);
        self.take(steps);
    }

    fn take(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::ToClient(frame) => self.said.push_back(frame),
                Step::ToDebugger(frame) => self.say_on(frame),
                Step::Join(of) => {
                    let Some(joining) = &mut self.resumption else { continue };
                    let (told, fetched) = oneshot::channel();
                    joining.fetched = Some(fetched);
                    let (link, address) = (joining.link.clone(), joining.address.clone());
                    // Whoever has gone meanwhile takes nothing, and the stream is let go of.
                    tokio::spawn(async move { told.send(fetch(&link, address, of).await) });
                }
            }
        }
    }

    fn act(&mut self, outs: Vec<Out>) {
        for out in outs {
            match (out, &mut self.resumption) {
                (Out::ToClient(frame), Some(joining)) => {
                    let steps = joining.resumption.debugger(frame);
                    self.take(steps);
                }
                (Out::ToClient(frame), None) => self.said.push_back(frame),
                (Out::ToDebugger(frame), _) => self.write(frame.into_bytes()),
            }
        }
    }

    fn write(&self, bytes: Vec<u8>) {
        if let Some(writer) = self.stream.as_ref().and_then(|stream| stream.writer.as_ref()) {
            // It takes no more if this fails, which its end of the stream tells.
            let _ = writer.send(bytes);
        }
    }
}

/// The conversation with that process which waits, or a new one.
async fn fetch(link: &Link, address: Address, of: Option<u32>) -> Fetched {
    match link.adopt_talk(of).await {
        Ok((talk, stream)) => Ok((stream, Some(talk))),
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound => Ok((link.dial_kept(address).await?, None)),
        Err(error) => Err(error),
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
