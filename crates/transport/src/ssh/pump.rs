//! Owns an authenticated session until its end: moves bytes between the one channel and the queues.
//! Never blocks in libssh2 and never spins: when nothing moves, it waits for the socket, a wake-up
//! from the other side, or the next thing that is due.

use std::io::{self, Read as _, Write as _};
use std::time::{Duration, Instant};

use polling::{Event, Events};
use ssh2::{BlockDirections, Channel, ExtendedData, Session};

use super::alive::{Alive, Due};
use super::dial::Stream;
use super::shared::{Demand, Shared};
use crate::{Complaints, TransportError};

/// What one read takes. Always the same: libssh2 computes a window update from it and may have to
/// resume sending that update, which goes wrong when the next call asks for another size.
const READ: usize = 64 * 1024;

/// What one write offers: libssh2 puts at most 32,700 bytes in a packet.
const WRITE: usize = 32 * 1024;

/// How long dropped halves may hold the thread until what was written has arrived and the command has
/// seen the end of its input: a server drops what it has not passed on when the connection goes.
const LINGER: Duration = Duration::from_secs(1);

/// How long the end of the output waits for the exit status.
const EXIT_STATUS: Duration = Duration::from_secs(2);

/// A session and what it needs to be served.
pub(super) struct Pump<'a> {
    pub(super) session: Session,
    pub(super) channel: Channel,
    pub(super) stream: Stream,
    pub(super) shared: &'a Shared,
    pub(super) complaints: Complaints,
    pub(super) host: String,
    pub(super) alive: Alive,
}

/// Why the pump stops.
enum End {
    /// Both halves are dropped.
    Dropped,
    /// The command ended well.
    Done,
    Failed(TransportError),
}

/// Serves the session until it ends.
pub(super) fn run(pump: Pump<'_>) {
    let shared = pump.shared;
    let end = Serving::new(pump).run();
    match end {
        End::Dropped | End::Done => shared.end(Ok(())),
        End::Failed(error) => shared.end(Err(error)),
    }
}

struct Serving<'a> {
    pump: Pump<'a>,
    /// What is being sent. libssh2 must see the same bytes again until it has taken them.
    pending: Vec<u8>,
    sent: usize,
    /// Nothing waits to be sent. Looked up after the demand: once no more will be written, it stays so.
    drained: bool,
    buffer: Box<[u8]>,
    /// A call could not finish until the socket takes more.
    wants_write: bool,
    /// A read stopped in the middle of sending a window update: it has to be repeated, or nobody
    /// else can send.
    read_owes: bool,
    /// How much of the window was left when sending stopped.
    writable_then: u32,
    /// How much libssh2 held when receiving stopped.
    readable_then: u32,
    input_ended: bool,
    /// When the output ended.
    output_ended: Option<Instant>,
    /// When the halves were found dropped.
    dropped: Option<Instant>,
    question: Question,
    events: Events,
}

/// Whether the server is being asked for a sign of life.
#[derive(PartialEq, Eq)]
enum Question {
    None,
    Open,
}

impl<'a> Serving<'a> {
    fn new(pump: Pump<'a>) -> Self {
        Self {
            pump,
            pending: Vec::with_capacity(WRITE),
            sent: 0,
            drained: false,
            buffer: vec![0; READ].into_boxed_slice(),
            wants_write: false,
            read_owes: false,
            writable_then: u32::MAX,
            readable_then: u32::MAX,
            input_ended: false,
            output_ended: None,
            dropped: None,
            question: Question::None,
            events: Events::new(),
        }
    }

    fn run(mut self) -> End {
        let end = self.serve().err().unwrap_or(End::Done);
        // All of this is politeness towards the server; the socket's end says the same.
        let _ = self.pump.channel.close();
        let _ = self.pump.session.disconnect(None, "done", None);
        self.pump.stream.shutdown();
        let _ = self.pump.shared.poller.delete(&self.pump.stream);
        end
    }

    fn serve(&mut self) -> Result<(), End> {
        self.pump.channel.handle_extended_data(ExtendedData::Normal).map_err(|error| self.lost(&error.into()))?;
        self.register().map_err(|error| self.lost(&error))?;
        loop {
            self.wants_write = false;
            let demand = self.pump.shared.demand();
            if demand == Demand::Finish {
                self.dropped.get_or_insert_with(Instant::now);
            }
            let mut moved = self.send()?;
            moved |= self.end_input(demand)?;
            moved |= self.receive()?;
            moved |= self.receive_complaints()?;
            self.finish()?;
            if !moved {
                self.keep_alive()?;
                if !self.brought_along() {
                    self.wait()?;
                }
            }
        }
    }

    /// Sends what waits. Returns whether anything moved.
    fn send(&mut self) -> Result<bool, End> {
        if self.sent == self.pending.len() {
            self.pending.clear();
            self.sent = 0;
            self.pump.shared.take_outbound(&mut self.pending, WRITE);
        }
        self.writable_then = u32::MAX;
        self.drained = self.pending.is_empty();
        if self.drained || self.input_ended {
            return Ok(false);
        }
        let outcome = self.pump.channel.write(&self.pending[self.sent..]);
        self.writable_then = self.pump.channel.write_window().remaining;
        match outcome {
            Ok(count) => {
                self.sent += count;
                Ok(count > 0)
            }
            Err(error) => self.blocked(&error).map(|()| false),
        }
    }

    /// Whether a later call has taken something off the socket that an earlier one was waiting for:
    /// every call of libssh2 reads whatever is there. The socket would not tell a second time.
    fn brought_along(&self) -> bool {
        let more_to_read = self.pump.channel.read_window().available > self.readable_then;
        let more_to_write = self.pump.channel.write_window().remaining > self.writable_then;
        more_to_read || more_to_write || (self.output_ended.is_none() && self.pump.channel.eof())
    }

    /// Ends the command's input behind the last byte.
    fn end_input(&mut self, demand: Demand) -> Result<bool, End> {
        if demand == Demand::Serve || self.input_ended || !self.drained {
            return Ok(false);
        }
        match self.pump.channel.send_eof().map_err(io::Error::from) {
            Ok(()) => {
                self.input_ended = true;
                Ok(true)
            }
            Err(error) => self.blocked(&error).map(|()| false),
        }
    }

    fn receive(&mut self) -> Result<bool, End> {
        self.readable_then = u32::MAX;
        if self.output_ended.is_some() {
            return Ok(false);
        }
        if self.pump.channel.eof() {
            self.output_ended = Some(Instant::now());
            return Ok(true);
        }
        if !(self.pump.shared.has_room() || self.read_owes) {
            return Ok(false);
        }
        self.read_owes = false;
        let outcome = self.pump.channel.read(&mut self.buffer);
        self.readable_then = self.pump.channel.read_window().available;
        match outcome {
            Ok(count) => {
                self.hear();
                self.pump.shared.put_inbound(&self.buffer[..count]);
                Ok(count > 0)
            }
            Err(error) => {
                self.blocked(&error)?;
                self.read_owes = self.wants_write;
                Ok(false)
            }
        }
    }

    /// Standard error shares the window with the output: unread, it would stall both.
    fn receive_complaints(&mut self) -> Result<bool, End> {
        match self.pump.channel.stderr().read(&mut self.buffer) {
            Ok(count) => {
                self.pump.complaints.push(&self.buffer[..count]);
                Ok(count > 0)
            }
            Err(error) => self.blocked(&error).map(|()| false),
        }
    }

    /// Stops when there is nothing left to do.
    fn finish(&mut self) -> Result<(), End> {
        if self.dropped.is_some_and(|since| since.elapsed() >= LINGER) {
            return Err(End::Dropped);
        }
        let Some(since) = self.output_ended else { return Ok(()) };
        match self.pump.channel.wait_close().map_err(io::Error::from) {
            Ok(()) => Err(self.verdict()),
            Err(error) => {
                self.blocked(&error)?;
                if since.elapsed() < EXIT_STATUS { Ok(()) } else { Err(End::Done) }
            }
        }
    }

    /// What the exit status says.
    fn verdict(&self) -> End {
        let signal = self.pump.channel.exit_signal().ok().and_then(|signal| signal.exit_signal);
        let status = self.pump.channel.exit_status().unwrap_or_default();
        if signal.is_none() && status == 0 {
            return End::Done;
        }
        End::Failed(TransportError::CommandEnded {
            command: format!("the command on {}", self.pump.host),
            status: signal.is_none().then_some(status),
            signal,
            stderr: self.pump.complaints.text(),
        })
    }

    /// Sorts "later" from "never": remembers what the socket has to be ready for, or ends.
    fn blocked(&mut self, error: &io::Error) -> Result<(), End> {
        if error.kind() != io::ErrorKind::WouldBlock {
            return Err(self.lost(error));
        }
        // Asked after every call, because the next one may clear it.
        self.wants_write |=
            matches!(self.pump.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both);
        Ok(())
    }

    fn lost(&self, error: &io::Error) -> End {
        End::Failed(TransportError::Closed { host: self.pump.host.clone(), reason: error.to_string() })
    }

    /// Asks a server that has been silent for a sign of life, and gives up after some silence.
    ///
    /// The question is a channel request that no server knows. libssh2's own keepalive is not used:
    /// it never takes the replies off its packet list, and what it could send only in part blocks
    /// every later packet.
    fn keep_alive(&mut self) -> Result<(), End> {
        if self.output_ended.is_some() {
            return Ok(());
        }
        match self.pump.alive.check(Instant::now()) {
            Due::Nothing => {}
            Due::Question => self.question = Question::Open,
            Due::GiveUp(silence) => {
                let reason = format!("no answer for {} s", silence.as_secs());
                return Err(End::Failed(TransportError::Closed { host: self.pump.host.clone(), reason }));
            }
        }
        if self.question == Question::Open {
            match self.pump.channel.setenv("REMORA_KEEPALIVE", "1").map_err(io::Error::from) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.blocked(&error)?,
                // Refused or granted: either is an answer, and may have come before it was waited for.
                _ => {
                    self.question = Question::None;
                    self.hear();
                }
            }
        }
        Ok(())
    }

    /// When something is due even if nothing happens.
    fn due(&self) -> Option<Instant> {
        let alive = self.output_ended.is_none().then(|| self.pump.alive.due());
        let linger = self.dropped.map(|since| since + LINGER);
        let status = self.output_ended.map(|since| since + EXIT_STATUS);
        [alive, linger, status].into_iter().flatten().min()
    }

    fn wait(&mut self) -> Result<(), End> {
        let interest = Event::new(0, true, self.wants_write);
        self.events.clear();
        let timeout = self.due().map(|due| due.saturating_duration_since(Instant::now()));
        let poller = &self.pump.shared.poller;
        let waited = poller
            .modify(&self.pump.stream, interest)
            .and_then(|()| poller.wait(&mut self.events, timeout))
            .map(|_| self.events.iter().any(|event| event.readable));
        if waited.map_err(|error| self.lost(&error))? {
            self.hear();
        }
        Ok(())
    }

    /// The server has said something.
    fn hear(&mut self) {
        self.pump.alive.hear(Instant::now());
    }

    #[expect(unsafe_code, reason = "polling has no other way to register a socket")]
    fn register(&self) -> io::Result<()> {
        let poller = &self.pump.shared.poller;
        // SAFETY: the stream lives in `self.pump` and is deleted from the poller in `run` before it is
        // dropped; nobody else registers it.
        unsafe { poller.add(&self.pump.stream, Event::none(0)) }
    }
}
