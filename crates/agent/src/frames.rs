//! Owns the form of a frame: how it becomes bytes and how bytes become frames. Never reads a pipe and
//! never looks into a payload. `PROTOCOL.md` has the table.

pub(crate) mod flight;
pub(crate) mod lanes;

/// Version of the wire format, as the agent's greeting names it.
pub(crate) const PROTOCOL: u32 = 1;
/// Bytes in front of a payload.
pub(crate) const HEADER: usize = 28;
/// The largest payload of one frame. A longer one means that the two sides are out of step.
pub(crate) const MAX_PAYLOAD: usize = 256 * 1024;
/// File bodies travel in pieces of this size, so that a debugger's frame waits for one piece at most.
pub(crate) const CHUNK: usize = 32 * 1024;
/// What one stream may send in one direction before the other side has consumed it.
pub(crate) const WINDOW: usize = 256 * 1024;
/// Credit is given back in pieces of this size: often enough to keep a stream busy, seldom enough to be cheap.
pub(crate) const WINDOW_STEP: usize = WINDOW / 4;

const BULK: u8 = 1;
const END: u8 = 2;

/// What a frame is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request's head and the beginning of its body.
    Request = 1,
    /// A reply's head and the beginning of its body.
    Reply = 2,
    /// Bytes of a body or of a stream.
    Data = 3,
    /// So many bytes of a stream were consumed.
    Credit = 4,
    /// Something happened to what lives on a stream.
    Event = 5,
    /// A stream or a body ends here, whatever was to come.
    Reset = 6,
    /// The agent's first frame.
    Hello = 64,
    /// Kept for going on with a session over a new connection.
    Resume = 65,
    /// Nothing but an acknowledgement.
    Ack = 66,
    /// Asks for a [`Kind::Pong`].
    Ping = 67,
    /// Answers a [`Kind::Ping`].
    Pong = 68,
    /// The session ends.
    Bye = 69,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Request,
            2 => Self::Reply,
            3 => Self::Data,
            4 => Self::Credit,
            5 => Self::Event,
            6 => Self::Reset,
            64 => Self::Hello,
            65 => Self::Resume,
            66 => Self::Ack,
            67 => Self::Ping,
            68 => Self::Pong,
            69 => Self::Bye,
            _ => return None,
        })
    }

    /// Whether frames of this kind belong to the session and carry a number, and not just to one connection.
    pub(crate) fn is_numbered(self) -> bool {
        (self as u8) < Self::Hello as u8
    }
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// What it is for.
    pub(crate) kind: Kind,
    /// Whether it travelled in the slow lane; it is acknowledged at once.
    pub(crate) bulk: bool,
    /// Whether it is the last of its body or of its channel.
    pub(crate) end: bool,
    /// Which of a stream's channels: 0, or of a process 1 for standard output and 2 for standard error.
    pub(crate) channel: u16,
    /// The stream; its number is that of the request that opened it.
    pub(crate) stream: u32,
    /// The session's count of numbered frames in this direction, from 1; 0 in a frame without number.
    pub(crate) seq: u64,
    /// The last number received from the other side.
    pub(crate) ack: u64,
    /// What it carries.
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// A frame for the fast lane, with neither number nor acknowledgement yet.
    pub(crate) fn new(kind: Kind, stream: u32, payload: Vec<u8>) -> Self {
        Self { kind, bulk: false, end: false, channel: 0, stream, seq: 0, ack: 0, payload }
    }

    /// Appends the frame's bytes to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).expect("invariant: a payload is at most MAX_PAYLOAD");
        out.extend_from_slice(&length.to_be_bytes());
        out.push(self.kind as u8);
        out.push(u8::from(self.bulk) * BULK + u8::from(self.end) * END);
        out.extend_from_slice(&self.channel.to_be_bytes());
        out.extend_from_slice(&self.stream.to_be_bytes());
        out.extend_from_slice(&self.seq.to_be_bytes());
        out.extend_from_slice(&self.ack.to_be_bytes());
        out.extend_from_slice(&self.payload);
    }
}

/// Cuts incoming bytes into frames, and refuses what is none.
#[derive(Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    at: usize,
    seq: u64,
}

impl Decoder {
    /// Takes more bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one. The error says what is wrong with the bytes; after it, nothing
    /// that follows can be trusted.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, String> {
        let Some(header) = self.buffer[self.at..].first_chunk::<HEADER>() else { return Ok(None) };
        let [a, b, c, d, kind, flags, e, f, rest @ ..] = *header;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let kind = Kind::from_byte(kind).ok_or_else(|| format!("a frame of the unknown kind {kind}"))?;
        if length > MAX_PAYLOAD {
            return Err(format!("a frame of {length} bytes"));
        }
        let start = self.at + HEADER;
        let Some(payload) = self.buffer.get(start..start + length) else { return Ok(None) };
        let (stream, numbers) = rest.split_at(4);
        let frame = Frame {
            kind,
            bulk: flags & BULK != 0,
            end: flags & END != 0,
            channel: u16::from_be_bytes([e, f]),
            stream: big_endian(stream) as u32,
            seq: big_endian(&numbers[..8]),
            ack: big_endian(&numbers[8..]),
            payload: payload.to_vec(),
        };
        let expected = if kind.is_numbered() { self.seq + 1 } else { 0 };
        if frame.seq != expected {
            return Err(format!("frame number {} where {expected} was due", frame.seq));
        }
        self.seq = self.seq.max(frame.seq);
        self.at = start + length;
        Ok(Some(frame))
    }

    /// The last number received.
    pub(crate) fn heard(&self) -> u64 {
        self.seq
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: Kind, seq: u64, payload: &[u8]) -> Frame {
        Frame { bulk: true, end: seq == 2, channel: 2, seq, ack: 7, ..Frame::new(kind, 0xdead_beef, payload.to_vec()) }
    }

    fn encoded(frames: &[Frame]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut bytes));
        bytes
    }

    #[test]
    fn frames_survive_however_the_pipe_cuts_them() {
        let sent = [
            frame(Kind::Hello, 0, b"hello"),
            frame(Kind::Request, 1, &[0xff; 300]),
            frame(Kind::Ack, 0, b""),
            frame(Kind::Data, 2, b"x"),
        ];
        let bytes = encoded(&sent);
        for size in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut got = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.feed(piece);
                while let Some(frame) = decoder.next().unwrap() {
                    got.push(frame);
                }
            }
            assert_eq!(got, sent, "in pieces of {size}");
        }
    }

    #[test]
    fn a_header_is_28_bytes_as_the_protocol_says() {
        let bytes = encoded(&[frame(Kind::Data, 2, b"ab")]);
        let expected = [
            0, 0, 0, 2, 3, 3, 0, 2, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 7, b'a', b'b',
        ];
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), HEADER + 2);
    }

    #[test]
    fn what_breaks_the_format_is_refused() {
        let mut too_long = encoded(&[frame(Kind::Data, 1, b"")]);
        too_long[0] = 1;
        let mut unknown = encoded(&[frame(Kind::Data, 1, b"")]);
        unknown[4] = 99;
        let table = [too_long, unknown, encoded(&[frame(Kind::Data, 2, b"")]), encoded(&[frame(Kind::Ping, 1, b"")])];
        for bytes in table {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            assert!(decoder.next().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn no_bytes_whatever_make_it_panic() {
        // A small generator of our own is enough here: every run is the same, so a failure can be repeated.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        for _ in 0..20_000 {
            let mut bytes = encoded(&[frame(Kind::Request, 1, b"payload"), frame(Kind::Data, 2, b"more")]);
            for _ in 0..1 + random() % 4 {
                let at = random() as usize % bytes.len();
                bytes[at] = random() as u8;
            }
            bytes.truncate(random() as usize % (bytes.len() + 1));
            let mut decoder = Decoder::default();
            for piece in bytes.chunks(1 + random() as usize % 40) {
                decoder.feed(piece);
                while let Ok(Some(frame)) = decoder.next() {
                    assert!(frame.payload.len() <= MAX_PAYLOAD);
                }
            }
        }
    }
}
