//! Owns the tables of what an agent that breaks its promises can do to us: nothing but end the link.

use serde_json::json;

use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::stream::Credit;

const STREAM: u32 = 1;

/// A conversation with one stream that lives, and what comes in on it.
fn live() -> (State, mpsc::UnboundedReceiver<Incoming>) {
    let (incoming, received) = mpsc::unbounded_channel();
    let (reply, answer) = oneshot::channel();
    // As if somebody was waiting: the stream is let go of otherwise.
    std::mem::forget(answer);
    let mut state = State::default();
    let live = Some(Live { incoming, credit: Credit::new() });
    let (head, outgoing) = (json!({"op": "dial"}), Outgoing::Control(Vec::new()));
    state.on_command(Command::Request { stream: STREAM, head, outgoing, reply, live });
    let opened = Frame { end: true, ..Frame::new(Kind::Reply, STREAM, b"\0\0\0\x02{}".to_vec()) };
    state.on_frame(opened, Instant::now()).unwrap();
    (state, received)
}

/// How many such frames pass, and why no more do.
fn flood(state: &mut State, frame: &Frame) -> (usize, String) {
    for count in 0..MAX_WAITING * 2 {
        if let Err(why) = state.on_frame(frame.clone(), Instant::now()) {
            return (count, why);
        }
    }
    panic!("it never ends: {frame:?}")
}

#[test]
fn an_agent_that_floods_us_ends_the_link() {
    let data = |channel, size| Frame { channel, ..Frame::new(Kind::Data, STREAM, vec![0; size]) };
    let end = Frame { end: true, ..data(0, 0) };
    let event = Frame::new(Kind::Event, STREAM, b"{}".to_vec());
    let ping = Frame::new(Kind::Ping, 0, Vec::new());
    for (frame, most, reason) in [
        (data(1, CHUNK), (WINDOW + MAX_PAYLOAD) / CHUNK, "credit"),
        (data(7, 1), 0, "channel"),
        (end, usize::from(MAX_MARKS), "ending"),
        (event, usize::from(MAX_MARKS), "ending"),
        (ping, MAX_WAITING + 1, "no answer"),
    ] {
        let (mut state, _received) = live();
        let (count, why) = flood(&mut state, &frame);
        assert!(count <= most && why.contains(reason), "{count} {why} of {:?}", frame.kind);
    }
}

#[test]
fn what_is_consumed_may_go_on_for_ever() {
    let (mut state, mut received) = live();
    let data = Frame { channel: 2, ..Frame::new(Kind::Data, STREAM, vec![0; CHUNK]) };
    for _ in 0..1000 {
        state.on_frame(data.clone(), Instant::now()).unwrap();
        received.try_recv().unwrap();
        state.on_command(Command::Credit { stream: STREAM, channel: 2, count: CHUNK as u32 });
    }
}

#[test]
fn answers_to_nobody_are_passed_over() {
    let mut state = State::default();
    for (kind, payload) in [
        (Kind::Reply, &b"\0\0\0\x02{}"[..]),
        (Kind::Data, b"x"),
        (Kind::Credit, b"\0\0\0\x01"),
        (Kind::Event, b"{}"),
        (Kind::Reset, br#"{"error": {"kind": "other", "message": "x"}}"#),
    ] {
        state.on_frame(Frame::new(kind, 99, payload.to_vec()), Instant::now()).unwrap();
    }
}

#[test]
fn what_is_no_answer_breaks_the_protocol() {
    for (kind, payload) in [
        (Kind::Reply, &b""[..]),
        (Kind::Reply, b"\0\0\0\x09{}"),
        (Kind::Reply, b"\0\0\0\x02x}"),
        (Kind::Credit, b"\0"),
        (Kind::Event, b"{"),
        (Kind::Reset, b"{}"),
        (Kind::Hello, b"{}"),
        (Kind::Bye, b"x"),
    ] {
        let (mut state, _received) = live();
        let result = state.on_frame(Frame::new(kind, STREAM, payload.to_vec()), Instant::now());
        assert!(result.is_err(), "{kind:?} {payload:?}");
    }
}
