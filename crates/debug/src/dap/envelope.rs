//! Owns what is read of every message that passes: its kind, its numbers and its name. The rest of it is neither
//! read nor written, so that a new number changes nothing but its digits. Pure.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frames::Frame;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    Event,
}

/// The outside of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) kind: Kind,
    pub(crate) seq: i64,
    /// Of a response: the number of its request.
    pub(crate) request_seq: Option<i64>,
    /// The command or the event.
    pub(crate) name: String,
    seq_at: Range<usize>,
    request_seq_at: Option<Range<usize>>,
}

#[derive(Deserialize)]
struct Outside<'a> {
    #[serde(borrow)]
    seq: &'a RawValue,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    request_seq: Option<&'a RawValue>,
    #[serde(borrow)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow)]
    event: Option<Cow<'a, str>>,
}

impl Envelope {
    /// Reads the outside of a message; nothing if it is no message of the protocol.
    pub(crate) fn read(frame: &Frame) -> Option<Self> {
        let body = frame.body();
        let outside: Outside<'_> = serde_json::from_slice(body).ok()?;
        let kind = match &*outside.kind {
            "request" => Kind::Request,
            "response" => Kind::Response,
            "event" => Kind::Event,
            _ => return None,
        };
        let name = if kind == Kind::Event { outside.event } else { outside.command };
        Some(Self {
            kind,
            seq: outside.seq.get().parse().ok()?,
            request_seq: outside.request_seq.and_then(|raw| raw.get().parse().ok()),
            name: name?.into_owned(),
            seq_at: place(outside.seq, body),
            request_seq_at: outside.request_seq.map(|raw| place(raw, body)),
        })
    }

    /// The message with another number.
    pub(crate) fn numbered(&self, frame: Frame, seq: i64) -> Frame {
        if seq == self.seq { frame } else { replaced(&frame, &self.seq_at, seq) }
    }

    /// The response as one to a request of another number.
    pub(crate) fn answering(&self, frame: Frame, request_seq: i64) -> Frame {
        match &self.request_seq_at {
            Some(at) if self.request_seq != Some(request_seq) => replaced(&frame, at, request_seq),
            _ => frame,
        }
    }
}

/// Where in `body` a value stands that was read from it.
fn place(raw: &RawValue, body: &[u8]) -> Range<usize> {
    let start = raw.get().as_ptr() as usize - body.as_ptr() as usize;
    start..start + raw.get().len()
}

fn replaced(frame: &Frame, at: &Range<usize>, number: i64) -> Frame {
    let body = frame.body();
    Frame::new(&[&body[..at.start], number.to_string().as_bytes(), &body[at.end..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_number_changes_its_digits_only() {
        let body = br#"{ "body": {"seq": 9, "type": "x"},  "type":"response", "request_seq" : 4,"seq":7, "command": "n\u0065xt", "z": 1.50 }"#;
        let frame = Frame::new(body);
        let envelope = Envelope::read(&frame).unwrap();
        assert_eq!((envelope.kind, envelope.seq, envelope.request_seq), (Kind::Response, 7, Some(4)));
        assert_eq!(envelope.name, "next");
        let text = |frame: Frame| String::from_utf8(frame.body().to_vec()).unwrap();
        let old = text(frame.clone());
        assert_eq!(text(envelope.numbered(frame.clone(), 123)), old.replace("\"seq\":7", "\"seq\":123"));
        assert_eq!(text(envelope.answering(frame.clone(), 10)), old.replace(" : 4", " : 10"));
        assert_eq!(envelope.numbered(frame.clone(), 7), frame);
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        for body in [
            r"[]",
            r#"{"seq":1}"#,
            r#"{"seq":"1","type":"event","event":"x"}"#,
            "nonsense",
            r#"{"type":"event","event":"x"}"#,
        ] {
            assert_eq!(Envelope::read(&Frame::new(body.as_bytes())), None, "{body}");
        }
    }
}
