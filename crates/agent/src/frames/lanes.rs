//! Owns what waits to be sent and who goes first. Pure: it makes bytes, it sends none.
//!
//! Three queues: control and streams; changes that fit one frame; bodies. A small change may overtake the
//! body of a large one, except where the order could be seen: on the same path or around it.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::OwnedSemaphorePermit;

use super::flight::Flight;
use super::{CHUNK, Frame, Kind};

/// What is handed to the pipe at a time; until then a more urgent frame can still overtake.
const OUT_TARGET: usize = 64 * 1024;
/// Numbered frames that may go unacknowledged without bulk; an acknowledgement mostly rides on something else.
const ACK_EVERY: u64 = 32;

/// A body up to this size, such as that of a saved source file, goes ahead of larger ones.
const SMALL_BODY: usize = 1024 * 1024;

/// Where the bytes of a body come from.
pub(crate) enum Supply {
    /// They are all there.
    Whole {
        /// The bytes.
        bytes: Vec<u8>,
        /// How many have gone.
        at: usize,
    },
    /// They come piece by piece, each with the permit that bounds how many wait here.
    Fed {
        /// What waits.
        pieces: VecDeque<(Vec<u8>, OwnedSemaphorePermit)>,
        /// Whether the last piece has come.
        ended: bool,
    },
}

/// A request whose body goes in pieces.
pub(crate) struct Body {
    /// The request's stream.
    pub(crate) stream: u32,
    /// The request's encoded head, until it has gone.
    pub(crate) head: Option<Vec<u8>>,
    /// What it changes, by root and path.
    pub(crate) paths: Vec<Vec<u8>>,
    /// The bytes.
    pub(crate) supply: Supply,
}

impl Body {
    fn is_small(&self) -> bool {
        matches!(&self.supply, Supply::Whole { bytes, .. } if bytes.len() <= SMALL_BODY)
    }

    /// Whether the order of the two could be seen.
    fn concerns(&self, others: &[Vec<u8>]) -> bool {
        self.paths.iter().any(|ours| others.iter().any(|theirs| are_related(ours, theirs)))
    }

    /// The next piece and whether it is the last; nothing while the next is still to be fed.
    fn next(&mut self) -> Option<(Vec<u8>, bool)> {
        match &mut self.supply {
            Supply::Whole { bytes, at } => {
                let end = bytes.len().min(*at + CHUNK);
                let piece = bytes[*at..end].to_vec();
                *at = end;
                Some((piece, end == bytes.len()))
            }
            Supply::Fed { pieces, ended } => match pieces.pop_front() {
                Some((piece, _permit)) => Some((piece, *ended && pieces.is_empty())),
                None if *ended => Some((Vec::new(), true)),
                None => None,
            },
        }
    }
}

/// Everything that waits to be sent.
#[derive(Default)]
pub(crate) struct Lanes {
    control: VecDeque<Frame>,
    changes: VecDeque<Frame>,
    bodies: VecDeque<Body>,
    flight: Flight,
    seq: u64,
    told: u64,
    ack_now: bool,
}

impl Lanes {
    /// Queues a frame that overtakes all bulk.
    pub(crate) fn put(&mut self, frame: Frame) {
        self.control.push_back(frame);
    }

    /// Queues a change that fits one frame. It stays behind a body that changes the same path or one around it.
    pub(crate) fn put_change(&mut self, stream: u32, payload: Vec<u8>, paths: Vec<Vec<u8>>) {
        if self.bodies.iter().any(|body| body.concerns(&paths)) {
            let supply = Supply::Whole { bytes: Vec::new(), at: 0 };
            self.put_body(Body { stream, head: Some(payload), paths, supply });
        } else {
            self.changes.push_back(Frame { bulk: true, end: true, ..Frame::new(Kind::Request, stream, payload) });
        }
    }

    /// Queues a request whose body goes in pieces. A small one goes ahead of large ones, as a small change does.
    pub(crate) fn put_body(&mut self, body: Body) {
        let mut at = self.bodies.len();
        while at > 0 && body.is_small() {
            let before = &self.bodies[at - 1];
            if before.is_small() || before.concerns(&body.paths) {
                break;
            }
            at -= 1;
        }
        self.bodies.insert(at, body);
    }

    /// Adds a piece to a body that is fed; an empty one without successor ends it.
    pub(crate) fn feed(&mut self, stream: u32, piece: Option<(Vec<u8>, OwnedSemaphorePermit)>) {
        let Some(body) = self.bodies.iter_mut().find(|body| body.stream == stream) else { return };
        if let Supply::Fed { pieces, ended } = &mut body.supply {
            match piece {
                Some(piece) => pieces.push_back(piece),
                None => *ended = true,
            }
        }
    }

    /// Drops what is left of a body; whether some of it had already gone.
    pub(crate) fn forget(&mut self, stream: u32) -> bool {
        let Some(index) = self.bodies.iter().position(|body| body.stream == stream) else { return false };
        self.bodies.remove(index).is_some_and(|body| body.head.is_none())
    }

    /// Drops all bulk, because the session ends.
    pub(crate) fn forget_bulk(&mut self) {
        self.changes.clear();
        self.bodies.clear();
    }

    /// Frames that wait in front of all bulk.
    pub(crate) fn waiting(&self) -> usize {
        self.control.len()
    }

    /// The other side has everything up to `ack`; and a frame of its own came.
    pub(crate) fn on_frame(&mut self, ack: u64, bulk: bool, now: Instant) {
        self.flight.on_ack(ack, now);
        self.ack_now |= bulk;
    }

    /// What the line was seen to carry when it was busy, in bytes a second; 0 while that is not known.
    pub(crate) fn rate(&self) -> u64 {
        self.flight.rate()
    }

    /// Fills `out` with what goes next. `heard` is the last number received.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>, heard: u64, now: Instant) {
        while out.len() < OUT_TARGET {
            let Some(frame) = self.next() else { break };
            self.send(frame, out, heard, now);
        }
        if self.ack_now || heard - self.told >= ACK_EVERY {
            self.send(Frame::new(Kind::Ack, 0, Vec::new()), out, heard, now);
        }
    }

    fn next(&mut self) -> Option<Frame> {
        if let Some(frame) = self.control.pop_front() {
            return Some(frame);
        }
        if !self.flight.has_room() {
            return None;
        }
        if let Some(frame) = self.changes.pop_front() {
            return Some(frame);
        }
        let (index, piece, end) = self.next_piece()?;
        let body = &mut self.bodies[index];
        let (kind, payload) = match body.head.take() {
            Some(mut head) => {
                head.extend_from_slice(&piece);
                (Kind::Request, head)
            }
            None => (Kind::Data, piece),
        };
        let stream = body.stream;
        if end {
            self.bodies.remove(index);
        }
        Some(Frame { bulk: true, end, ..Frame::new(kind, stream, payload) })
    }

    /// The next piece of the first body that has one. A body whose source is slow, or stands still until its owner
    /// has heard of another request, holds up only what concerns its path.
    fn next_piece(&mut self) -> Option<(usize, Vec<u8>, bool)> {
        for index in 0..self.bodies.len() {
            let paths = &self.bodies[index].paths;
            if self.bodies.range(..index).any(|before| before.concerns(paths)) {
                continue;
            }
            if let Some((piece, end)) = self.bodies[index].next() {
                return Some((index, piece, end));
            }
        }
        None
    }

    fn send(&mut self, mut frame: Frame, out: &mut Vec<u8>, heard: u64, now: Instant) {
        if frame.kind.is_numbered() {
            self.seq += 1;
            frame.seq = self.seq;
        }
        if frame.bulk {
            self.flight.on_sent(frame.seq, frame.payload.len(), now);
        }
        frame.ack = heard;
        self.told = heard;
        self.ack_now = false;
        frame.encode(out);
    }
}

/// Whether one path is the other or lies below it.
fn are_related(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() < other.len() { (one, other) } else { (other, one) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Decoder;

    /// The streams of the frames that go next, with their kinds.
    fn sent(lanes: &mut Lanes, decoder: &mut Decoder) -> Vec<(Kind, u32)> {
        let mut out = Vec::new();
        lanes.fill(&mut out, 0, Instant::now());
        decoder.feed(&out);
        let mut sent = Vec::new();
        while let Some(frame) = decoder.next().unwrap() {
            sent.push((frame.kind, frame.stream));
        }
        sent
    }

    fn body(stream: u32, path: &str, size: usize) -> Body {
        let supply = Supply::Whole { bytes: vec![b'x'; size], at: 0 };
        Body { stream, head: Some(Vec::new()), paths: vec![path.into()], supply }
    }

    #[test]
    fn control_goes_first_then_small_changes_then_bodies() {
        let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
        lanes.put_body(body(1, "/r/large", CHUNK + 1));
        lanes.put_change(2, b"small".to_vec(), vec![b"/r/small".to_vec()]);
        lanes.put(Frame::new(Kind::Data, 3, b"step".to_vec()));
        let expected = [(Kind::Data, 3), (Kind::Request, 2), (Kind::Request, 1), (Kind::Data, 1)];
        assert_eq!(sent(&mut lanes, &mut decoder), expected);
    }

    #[test]
    fn a_small_change_stays_behind_a_body_on_the_same_path_or_around_it() {
        for (path, stays) in [("/r/a", true), ("/r/a/b", true), ("/r", true), ("/r/ab", false), ("/r/b", false)] {
            let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
            lanes.put_body(body(1, "/r/a", 10));
            lanes.put_change(2, Vec::new(), vec![path.into()]);
            let last = if stays { 2 } else { 1 };
            assert_eq!(sent(&mut lanes, &mut decoder).last(), Some(&(Kind::Request, last)), "{path}");
        }
    }

    #[test]
    fn a_small_body_goes_ahead_of_large_ones_that_do_not_concern_it() {
        for (path, first) in [("/r/large", 1), ("/r/other", 2)] {
            let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
            lanes.put_body(body(1, "/r/large", SMALL_BODY + 1));
            lanes.put_body(body(2, path, 2 * CHUNK));
            lanes.put_body(body(3, path, 2 * CHUNK));
            let sent = sent(&mut lanes, &mut decoder);
            assert_eq!(sent.first(), Some(&(Kind::Request, first)), "{path}");
            assert!(sent.iter().all(|&(_, stream)| stream != 3), "equals keep their order");
        }
    }

    #[test]
    fn bulk_stops_at_the_bound_and_control_does_not() {
        let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
        lanes.put_body(body(1, "/r/large", 100 * CHUNK));
        let mut pieces = 0;
        loop {
            let now = sent(&mut lanes, &mut decoder).len();
            if now == 0 {
                break;
            }
            pieces += now;
        }
        assert_eq!(pieces * CHUNK, 256 * 1024);
        lanes.put(Frame::new(Kind::Data, 3, b"step".to_vec()));
        assert_eq!(sent(&mut lanes, &mut decoder), [(Kind::Data, 3)]);
        lanes.on_frame(decoder.heard(), false, Instant::now());
        assert!(!sent(&mut lanes, &mut decoder).is_empty(), "what arrived makes room");
    }

    #[test]
    fn a_body_that_waits_for_its_source_lets_small_changes_pass_and_ends_with_its_last_piece() {
        let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
        let supply = Supply::Fed { pieces: VecDeque::new(), ended: false };
        lanes.put_body(Body { stream: 1, head: Some(Vec::new()), paths: vec![b"/r/a".to_vec()], supply });
        lanes.put_change(2, Vec::new(), vec![b"/r/b".to_vec()]);
        assert_eq!(sent(&mut lanes, &mut decoder), [(Kind::Request, 2)]);
        lanes.feed(1, None);
        assert_eq!(sent(&mut lanes, &mut decoder), [(Kind::Request, 1)]);
        assert!(!lanes.forget(1), "all of it has gone");
    }

    #[test]
    fn a_body_that_waits_for_its_source_holds_up_only_what_concerns_its_path() {
        let (mut lanes, mut decoder) = (Lanes::default(), Decoder::default());
        let supply = Supply::Fed { pieces: VecDeque::new(), ended: false };
        lanes.put_body(Body { stream: 1, head: Some(Vec::new()), paths: vec![b"/r/a".to_vec()], supply });
        lanes.put_body(body(2, "/r/a/b", 1));
        lanes.put_body(body(3, "/r/b", CHUNK + 1));
        lanes.put_body(Body { paths: Vec::new(), ..body(4, "", SMALL_BODY + 1) });
        let sent_first = sent(&mut lanes, &mut decoder);
        assert_eq!(sent_first[..3], [(Kind::Request, 3), (Kind::Data, 3), (Kind::Request, 4)]);
        assert!(sent_first.iter().all(|&(_, stream)| stream > 2));
        lanes.feed(1, None);
        assert_eq!(sent(&mut lanes, &mut decoder)[..2], [(Kind::Request, 1), (Kind::Request, 2)]);
    }

    #[test]
    fn bulk_is_acknowledged_at_once_and_the_rest_in_time() {
        let mut lanes = Lanes::default();
        let mut out = Vec::new();
        lanes.fill(&mut out, ACK_EVERY - 1, Instant::now());
        assert!(out.is_empty());
        lanes.on_frame(0, true, Instant::now());
        lanes.fill(&mut out, ACK_EVERY - 1, Instant::now());
        let mut decoder = Decoder::default();
        decoder.feed(&out);
        let ack = decoder.next().unwrap().unwrap();
        assert_eq!((ack.kind, ack.ack), (Kind::Ack, ACK_EVERY - 1));
        out.clear();
        lanes.fill(&mut out, 2 * ACK_EVERY, Instant::now());
        assert!(!out.is_empty());
    }
}
