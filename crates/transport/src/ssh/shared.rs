//! Owns the two bounded byte queues between the SSH thread and the pipe's halves, and who wakes whom.
//! Never touches libssh2.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use polling::Poller;

use crate::TransportError;

/// Bytes that may wait in each direction: a few times what one turn of the thread moves, so that
/// neither side waits for the other, and little enough to be overtaken by what is urgent.
const CAPACITY: usize = 256 * 1024;

/// What the thread and the two halves share.
pub(super) struct Shared {
    /// Wakes the thread.
    pub(super) poller: Poller,
    /// A lock rather than messages: the bytes are copied in and out of two rings, which bound
    /// themselves, keep order and cost no allocation; it is held for one copy and never across a
    /// system call other than the wake-up.
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    inbound: VecDeque<u8>,
    outbound: VecDeque<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// The thread left the inbound queue full and wants to know when there is room.
    thread_wants_room: bool,
    reader_gone: bool,
    writing: Writing,
    end: Option<Result<(), TransportError>>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Writing {
    #[default]
    Open,
    /// No more will come, and somebody may wait for the rest to be sent.
    Closing,
    /// The half is dropped.
    Gone,
}

/// What the writing half wants of the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Both halves are in use, or may be.
    Serve,
    /// The command's input ends behind the last byte.
    EndInput,
    /// Both halves are dropped.
    Finish,
}

impl Shared {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { poller: Poller::new()?, queues: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread. A poller that is gone belongs to a thread that is.
    fn wake_thread(&self) {
        let _ = self.poller.notify();
    }

    // The thread's side.

    /// Moves at most `limit` bytes that wait to be sent into `into`.
    pub(super) fn take_outbound(&self, into: &mut Vec<u8>, limit: usize) {
        let mut queues = self.lock();
        let count = queues.outbound.len().min(limit);
        // By slices: an iterator over a ring goes byte by byte.
        let (front, back) = queues.outbound.as_slices();
        let from_front = front.len().min(count);
        into.extend_from_slice(&front[..from_front]);
        into.extend_from_slice(&back[..count - from_front]);
        queues.outbound.drain(..count);
        // Not for every packet: a writer that is woken for each piece of room fills it piece by piece.
        let waker = if queues.outbound.len() <= CAPACITY / 2 { queues.writer.take() } else { None };
        drop(queues);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether more may be received; if not, the thread is woken when it may.
    pub(super) fn has_room(&self) -> bool {
        let mut queues = self.lock();
        let room = queues.reader_gone || queues.inbound.len() < CAPACITY;
        queues.thread_wants_room = !room;
        room
    }

    /// Hands received bytes over.
    pub(super) fn put_inbound(&self, bytes: &[u8]) {
        let mut queues = self.lock();
        if !queues.reader_gone {
            queues.inbound.extend(bytes);
        }
        let waker = queues.reader.take();
        drop(queues);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// What is wanted. `Finish` and `EndInput` may come while bytes still wait to be sent.
    pub(super) fn demand(&self) -> Demand {
        let queues = self.lock();
        match (queues.writing, queues.reader_gone) {
            (Writing::Gone, true) => Demand::Finish,
            (Writing::Open, _) => Demand::Serve,
            (Writing::Closing | Writing::Gone, _) => Demand::EndInput,
        }
    }

    /// Says how the connection ended. The first word counts.
    pub(super) fn end(&self, end: Result<(), TransportError>) {
        let mut queues = self.lock();
        queues.end.get_or_insert(end);
        queues.outbound.clear();
        let wakers = [queues.reader.take(), queues.writer.take()];
        drop(queues);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    // The halves' side.

    /// Takes received bytes: as many as there are and fit. `Ok(0)` is the end.
    pub(super) fn poll_take_inbound(&self, cx: &Context<'_>, out: &mut tokio::io::ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut queues = self.lock();
        if queues.inbound.is_empty() {
            return match &queues.end {
                Some(Ok(())) => Poll::Ready(Ok(())),
                Some(Err(error)) => Poll::Ready(Err(lost(error))),
                None => {
                    queues.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            };
        }
        while out.remaining() > 0 && !queues.inbound.is_empty() {
            let (front, _) = queues.inbound.as_slices();
            let count = front.len().min(out.remaining());
            out.put_slice(&front[..count]);
            queues.inbound.drain(..count);
        }
        if queues.thread_wants_room && queues.inbound.len() <= CAPACITY / 2 {
            queues.thread_wants_room = false;
            self.wake_thread();
        }
        Poll::Ready(Ok(()))
    }

    /// Queues bytes to be sent: as many as fit.
    pub(super) fn poll_put_outbound(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut queues = self.lock();
        match &queues.end {
            Some(Err(error)) => return Poll::Ready(Err(lost(error))),
            Some(Ok(())) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            None if queues.writing != Writing::Open => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            None => {}
        }
        let count = bytes.len().min(CAPACITY.saturating_sub(queues.outbound.len()));
        if count == 0 && !bytes.is_empty() {
            queues.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let idle = queues.outbound.is_empty();
        queues.outbound.extend(&bytes[..count]);
        if idle {
            self.wake_thread();
        }
        Poll::Ready(Ok(count))
    }

    /// Waits until the thread has taken everything.
    pub(super) fn poll_sent(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut queues = self.lock();
        if let Some(Err(error)) = &queues.end {
            return Poll::Ready(Err(lost(error)));
        }
        if queues.outbound.is_empty() || queues.end.is_some() {
            return Poll::Ready(Ok(()));
        }
        queues.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// No more bytes will be queued.
    pub(super) fn close_writing(&self) {
        let mut queues = self.lock();
        if queues.writing == Writing::Open {
            queues.writing = Writing::Closing;
            self.wake_thread();
        }
    }

    /// The writing half is dropped.
    pub(super) fn drop_writer(&self) {
        self.lock().writing = Writing::Gone;
        self.wake_thread();
    }

    /// The reading half is dropped.
    pub(super) fn drop_reader(&self) {
        let mut queues = self.lock();
        queues.reader_gone = true;
        queues.inbound = VecDeque::new();
        self.wake_thread();
    }
}

fn lost(error: &TransportError) -> io::Error {
    error.clone().into_io(io::ErrorKind::ConnectionAborted)
}
