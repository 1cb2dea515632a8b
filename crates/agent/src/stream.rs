//! Owns byte streams to sockets and processes on the remote, with flow control.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use crate::conversation::{Command, Commands, Incoming};
use crate::frames::{CHUNK, WINDOW, WINDOW_STEP};

/// A stream in both directions.
pub struct Stream {
    /// What comes from there.
    pub reader: StreamReader,
    /// What goes there; dropping it or shutting it down says end of file there.
    pub writer: StreamWriter,
}

impl Stream {
    pub(crate) fn new(hold: Arc<Hold>, incoming: mpsc::UnboundedReceiver<Incoming>, credit: Arc<Credit>) -> Self {
        let (stream, commands) = (hold.stream, hold.commands.clone());
        let consumed = Consumed::new(0);
        let reader = StreamReader { hold: Arc::clone(&hold), incoming, rest: Vec::new(), at: 0, consumed, end: None };
        let writer = StreamWriter { stream, commands, credit, ended: false, _hold: Some(hold) };
        Self { reader, writer }
    }
}

/// Keeps a stream alive on the remote; the last one to go lets go of it there.
pub(crate) struct Hold {
    pub(crate) stream: u32,
    pub(crate) commands: Commands,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.commands.send(Command::Reset { stream: self.stream });
    }
}

/// Counts what was consumed of one channel and gives the credit back in steps.
pub(crate) struct Consumed {
    channel: u16,
    count: usize,
}

impl Consumed {
    pub(crate) fn new(channel: u16) -> Self {
        Self { channel, count: 0 }
    }

    pub(crate) fn add(&mut self, count: usize, hold: &Hold) {
        self.count += count;
        if self.count >= WINDOW_STEP {
            let count = std::mem::take(&mut self.count) as u32;
            hold.commands.send(Command::Credit { stream: hold.stream, channel: self.channel, count });
        }
    }
}

/// What a writer may still send.
///
/// A `Mutex`, because `poll_write` has to answer at once and can't wait for a message. It is held for a few
/// instructions and never across an await.
pub(crate) struct Credit(Mutex<CreditState>);

struct CreditState {
    left: usize,
    failed: bool,
    waker: Option<Waker>,
}

impl Credit {
    /// The credit of a new stream.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(CreditState { left: WINDOW, failed: false, waker: None })))
    }

    fn state(&self) -> MutexGuard<'_, CreditState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The other side has consumed something.
    pub(crate) fn add(&self, count: usize) {
        let mut state = self.state();
        state.left += count;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// The stream is gone.
    pub(crate) fn fail(&self) {
        let mut state = self.state();
        state.failed = true;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    fn poll_take(&self, cx: &Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        if state.failed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.left == 0 {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let taken = wanted.min(state.left);
        state.left -= taken;
        Poll::Ready(Ok(taken))
    }
}

/// The incoming half.
pub struct StreamReader {
    hold: Arc<Hold>,
    incoming: mpsc::UnboundedReceiver<Incoming>,
    rest: Vec<u8>,
    at: usize,
    consumed: Consumed,
    /// How it ended: orderly, or broken.
    end: Option<Result<(), String>>,
}

impl AsyncRead for StreamReader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.at < this.rest.len() {
                let count = buf.remaining().min(this.rest.len() - this.at);
                buf.put_slice(&this.rest[this.at..this.at + count]);
                this.at += count;
                this.consumed.add(count, &this.hold);
                return Poll::Ready(Ok(()));
            }
            match &this.end {
                Some(Ok(())) => return Poll::Ready(Ok(())),
                Some(Err(why)) => return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionReset, why.clone()))),
                None => {}
            }
            match std::task::ready!(this.incoming.poll_recv(cx)) {
                Some(Incoming::Data(_, bytes)) => (this.rest, this.at) = (bytes, 0),
                Some(Incoming::End) => this.end = Some(Ok(())),
                Some(Incoming::Broke(error)) => this.end = Some(Err(error.message)),
                Some(Incoming::Event(_)) => {}
                None => this.end = Some(Err("the connection to the agent was lost".to_owned())),
            }
        }
    }
}

/// The outgoing half.
pub struct StreamWriter {
    stream: u32,
    commands: Commands,
    credit: Arc<Credit>,
    ended: bool,
    /// The writer of a process does not keep the process alive.
    _hold: Option<Arc<Hold>>,
}

impl StreamWriter {
    /// The standard input of a process.
    pub(crate) fn of_process(stream: u32, commands: Commands, credit: Arc<Credit>) -> Self {
        Self { stream, commands, credit, ended: false, _hold: None }
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.commands.send(Command::Data { stream: self.stream, bytes: Vec::new(), end: true });
        }
    }
}

impl AsyncWrite for StreamWriter {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let count = std::task::ready!(self.credit.poll_take(cx, buf.len().min(CHUNK)))?;
        let (stream, bytes) = (self.stream, buf[..count].to_vec());
        self.commands.send(Command::Data { stream, bytes, end: false });
        Poll::Ready(Ok(count))
    }

    /// What was written is under way at once: there is nothing to push.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.end();
    }
}
