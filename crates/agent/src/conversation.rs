//! Owns the live conversation: the pipe's two ends, what waits to be sent, the open requests and streams, and
//! the end of it all. One task; everybody else holds a [`Commands`]. Never knows what an operation means.

mod commands;
mod pipe;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::Value;

pub(crate) use commands::{Command, Commands, Incoming, Live, Outgoing, Reply, ReplyTo};
pub(crate) use pipe::converse;

use crate::error::{AgentError, OpError, OpErrorKind};
use crate::frames::lanes::{Body, Lanes, Supply};
use crate::frames::{CHUNK, Frame, Kind, MAX_PAYLOAD, WINDOW};

/// The longest body of a reply, as the agent bounds its own.
const MAX_REPLY: usize = 256 * 1024 * 1024;
/// Ends and events of one stream. An agent of ours sends four at most.
const MAX_MARKS: u8 = 16;
/// Frames that wait for an agent that sends and does not read.
const MAX_WAITING: usize = 100_000;

/// A request whose reply is due, or a stream that lives.
struct Entry {
    reply: Option<ReplyTo>,
    /// The head of a reply whose body is still coming.
    head: Option<Value>,
    body: Vec<u8>,
    live: Option<Live>,
    /// What has come on each channel and was not given back as credit: an agent that does not keep to the window
    /// must not fill our memory.
    unread: [usize; 3],
    /// Ends and events so far.
    marks: u8,
}

impl Entry {
    fn new(reply: ReplyTo, live: Option<Live>) -> Self {
        Self { reply: Some(reply), head: None, body: Vec::new(), live, unread: [0; 3], marks: 0 }
    }

    fn add_to_body(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.body.len() + bytes.len() > MAX_REPLY {
            return Err(format!("a reply of more than {MAX_REPLY} bytes"));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Counts what came on a channel; the agent may go beyond the window by as much as we let pass at its end.
    fn count_unread(&mut self, channel: u16, size: usize) -> Result<(), String> {
        let unread = self.unread.get_mut(usize::from(channel)).ok_or_else(|| format!("a channel {channel}"))?;
        *unread += size;
        if *unread > WINDOW + MAX_PAYLOAD { Err("more bytes than there was credit for".to_owned()) } else { Ok(()) }
    }

    fn count_mark(&mut self) -> Result<(), String> {
        self.marks += 1;
        if self.marks > MAX_MARKS { Err("a stream that does not stop ending".to_owned()) } else { Ok(()) }
    }
}

/// Everything the conversation knows, without its pipe. Pure: frames and commands in, frames in the lanes out.
#[derive(Default)]
pub(crate) struct State {
    entries: HashMap<u32, Entry>,
    pub(crate) lanes: Lanes,
    pub(crate) closing: bool,
    /// Whether the other side has said that it serves somebody else now.
    pub(crate) taken_over: bool,
    /// What the line carries, for those who pack; see [`Commands::is_line_slow`].
    line: Arc<AtomicU64>,
}

impl State {
    /// Tells `line` what the line carries.
    pub(crate) fn new(line: Arc<AtomicU64>) -> Self {
        Self { line, ..Self::default() }
    }

    pub(crate) fn on_command(&mut self, command: Command) {
        match command {
            Command::Request { stream, head, outgoing, reply, live } => {
                self.on_request(stream, &head, outgoing, reply, live);
            }
            Command::Piece { stream, piece } => self.lanes.feed(stream, piece),
            Command::Data { stream, bytes, end } => {
                if self.entries.contains_key(&stream) {
                    self.lanes.put(Frame { end, ..Frame::new(Kind::Data, stream, bytes) });
                }
            }
            Command::Credit { stream, channel, count } => self.give_credit(stream, channel, count),
            Command::Reset { stream } => self.reset(stream),
            Command::Close => {
                self.closing = true;
                self.lanes.forget_bulk();
                self.lanes.put(Frame::new(Kind::Bye, 0, Vec::new()));
            }
        }
    }

    fn on_request(&mut self, stream: u32, head: &Value, outgoing: Outgoing, reply: ReplyTo, live: Option<Live>) {
        let text = head.to_string();
        if text.len() > MAX_PAYLOAD - CHUNK - 4 {
            let message = format!("the request is {} bytes long, without its body", text.len());
            let _ = reply.send(Err(OpError { kind: OpErrorKind::Invalid, message }.into()));
            return;
        }
        let mut payload = (text.len() as u32).to_be_bytes().to_vec();
        payload.extend_from_slice(text.as_bytes());
        self.entries.insert(stream, Entry::new(reply, live));
        let whole = |bytes| Supply::Whole { bytes, at: 0 };
        match outgoing {
            Outgoing::Control(bytes) if bytes.len() <= CHUNK => {
                payload.extend_from_slice(&bytes);
                self.lanes.put(Frame { end: true, ..Frame::new(Kind::Request, stream, payload) });
            }
            Outgoing::Control(bytes) => {
                self.lanes.put_body(Body { stream, head: Some(payload), paths: Vec::new(), supply: whole(bytes) });
            }
            Outgoing::Change(bytes, paths) if bytes.len() <= CHUNK => {
                payload.extend_from_slice(&bytes);
                self.lanes.put_change(stream, payload, paths);
            }
            Outgoing::Change(bytes, paths) => {
                self.lanes.put_body(Body { stream, head: Some(payload), paths, supply: whole(bytes) });
            }
            Outgoing::Fed(path) => {
                let supply = Supply::Fed { pieces: Default::default(), ended: false };
                self.lanes.put_body(Body { stream, head: Some(payload), paths: vec![path], supply });
            }
        }
    }

    fn give_credit(&mut self, stream: u32, channel: u16, count: u32) {
        if let Some(entry) = self.entries.get_mut(&stream) {
            if let Some(unread) = entry.unread.get_mut(usize::from(channel)) {
                *unread = unread.saturating_sub(count as usize);
            }
            let payload = count.to_be_bytes().to_vec();
            self.lanes.put(Frame { channel, ..Frame::new(Kind::Credit, stream, payload) });
        }
    }

    fn reset(&mut self, stream: u32) {
        self.lanes.forget(stream);
        if self.entries.remove(&stream).is_some() {
            self.lanes.put(Frame::new(Kind::Reset, stream, Vec::new()));
        }
    }

    /// Takes one frame; the error says how it breaks the protocol.
    pub(crate) fn on_frame(&mut self, frame: Frame, now: Instant) -> Result<(), String> {
        self.lanes.on_frame(frame.ack, frame.bulk, now);
        self.line.store(self.lanes.rate(), Ordering::Relaxed);
        if self.lanes.waiting() > MAX_WAITING {
            return Err("the agent asks much and takes no answer".to_owned());
        }
        match frame.kind {
            Kind::Reply => self.on_reply(frame),
            Kind::Data => self.on_data(frame),
            Kind::Credit => {
                let count =
                    frame.payload.as_slice().try_into().map_err(|_| "a credit of the wrong length".to_owned())?;
                if let Some(live) = self.entries.get(&frame.stream).and_then(|entry| entry.live.as_ref()) {
                    live.credit.add(u32::from_be_bytes(count) as usize);
                }
                Ok(())
            }
            Kind::Event => {
                let event = json(&frame.payload)?;
                let Some(entry) = self.entries.get_mut(&frame.stream) else { return Ok(()) };
                if let Some(live) = &entry.live {
                    let _ = live.incoming.send(Incoming::Event(event));
                }
                entry.count_mark()
            }
            Kind::Reset => self.on_reset(&frame),
            Kind::Ping => {
                self.lanes.put(Frame::new(Kind::Pong, 0, frame.payload));
                Ok(())
            }
            Kind::Bye if !frame.payload.is_empty() => match op_error(&json(&frame.payload)?)? {
                OpError { kind: OpErrorKind::AddressInUse, .. } => {
                    self.taken_over = true;
                    Ok(())
                }
                error => Err(error.message),
            },
            Kind::Ack | Kind::Pong | Kind::Bye => Ok(()),
            Kind::Request | Kind::Hello | Kind::Resume => Err(format!("a frame {:?} from the agent", frame.kind)),
        }
    }

    fn on_reply(&mut self, frame: Frame) -> Result<(), String> {
        let (length, rest) = frame.payload.split_first_chunk::<4>().ok_or("a reply without a head")?;
        let length = u32::from_be_bytes(*length) as usize;
        let (head, body) = rest.split_at_checked(length).ok_or("a reply shorter than its head")?;
        let head = json(head)?;
        let Some(entry) = self.entries.get_mut(&frame.stream) else { return Ok(()) };
        entry.add_to_body(body)?;
        if head.get("error").is_some() {
            let error = op_error(&head)?;
            if self.lanes.forget(frame.stream) {
                // The rest of the body does not come: the agent need not wait for it.
                self.lanes.put(Frame::new(Kind::Reset, frame.stream, Vec::new()));
            }
            self.answer(frame.stream, Err(error.into()));
        } else if frame.end {
            let body = std::mem::take(&mut entry.body);
            self.answer(frame.stream, Ok(Reply { head, body }));
        } else {
            entry.head = Some(head);
        }
        Ok(())
    }

    /// Hands over the reply. A stream lives on after it, if somebody took it.
    fn answer(&mut self, stream: u32, result: Result<Reply, AgentError>) {
        let Some(mut entry) = self.entries.remove(&stream) else { return };
        let lives = result.is_ok() && entry.live.is_some();
        let taken = entry.reply.take().is_some_and(|reply| reply.send(result).is_ok());
        if lives && taken {
            self.entries.insert(stream, entry);
        } else if lives {
            self.lanes.put(Frame::new(Kind::Reset, stream, Vec::new()));
        }
    }

    fn on_data(&mut self, frame: Frame) -> Result<(), String> {
        let Some(entry) = self.entries.get_mut(&frame.stream) else { return Ok(()) };
        if let Some(head) = entry.head.take() {
            entry.add_to_body(&frame.payload)?;
            if frame.end {
                let body = std::mem::take(&mut entry.body);
                self.answer(frame.stream, Ok(Reply { head, body }));
            } else {
                entry.head = Some(head);
            }
            return Ok(());
        }
        let (channel, size) = (frame.channel, frame.payload.len() as u32);
        entry.count_unread(channel, frame.payload.len())?;
        if frame.end {
            entry.count_mark()?;
        }
        let Some(live) = &entry.live else { return Ok(()) };
        if size > 0 && live.incoming.send(Incoming::Data(channel, frame.payload)).is_err() {
            // Nobody reads it any more: it counts as consumed, so that the other side is not held up.
            self.give_credit(frame.stream, channel, size);
        } else if frame.end {
            let _ = live.incoming.send(Incoming::End);
        }
        Ok(())
    }

    fn on_reset(&mut self, frame: &Frame) -> Result<(), String> {
        let error = op_error(&json(&frame.payload)?)?;
        let Some(entry) = self.entries.remove(&frame.stream) else { return Ok(()) };
        if let Some(live) = entry.live {
            live.credit.fail();
            let _ = live.incoming.send(Incoming::Broke(error));
        } else if let Some(reply) = entry.reply {
            let _ = reply.send(Err(error.into()));
        }
        Ok(())
    }

    /// Lets go of all who wait; they learn the reason from [`Commands::lost`].
    pub(crate) fn end(&mut self) {
        for (_, entry) in self.entries.drain() {
            if let Some(live) = entry.live {
                live.credit.fail();
            }
        }
    }
}

fn json(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("no JSON: {error}"))
}

fn op_error(head: &Value) -> Result<OpError, String> {
    let error = head.get("error").cloned().unwrap_or_default();
    serde_json::from_value(error).map_err(|error| format!("no error: {error}"))
}

#[cfg(test)]
mod tests;
