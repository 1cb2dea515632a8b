//! Cuts a byte stream into JSON-RPC messages and tells the malformed ones apart. Pure.
//!
//! tower-lsp ends at the first message that it can't decode; what is let through here, it can.

use serde_json::Value;

/// No message of an editor comes near this; a longer one is a broken header.
const LONGEST: usize = 64 * 1024 * 1024;

const HEADER: &[u8] = b"Content-Length:";

/// One piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A well-formed message: its body.
    Message(Vec<u8>),
    /// The last message of the stream: `exit`.
    Exit(Vec<u8>),
    /// Something else; what is wrong with it, as a JSON-RPC error code and a sentence.
    Malformed(i64, &'static str),
}

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;

/// Collects bytes until they make a piece.
#[derive(Debug, Default)]
pub(super) struct Framing {
    buffer: Vec<u8>,
    /// Whether bytes are being skipped until the next header.
    lost: bool,
}

impl Framing {
    /// Takes more bytes in.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next piece, if it is complete.
    pub(super) fn next(&mut self) -> Option<Piece> {
        if self.lost && !self.find_header() {
            return None;
        }
        let end = find(&self.buffer, b"\r\n\r\n")?;
        let Some(length) = content_length(&self.buffer[..end]) else {
            self.buffer.drain(..end + 4);
            self.lost = true;
            return Some(Piece::Malformed(PARSE_ERROR, "The message has no valid Content-Length header."));
        };
        let start = end + 4;
        if self.buffer.len() < start + length {
            return None;
        }
        let body = self.buffer[start..start + length].to_vec();
        self.buffer.drain(..start + length);
        Some(judge(body))
    }

    /// Skips what is no header; keeps the end, where one may have begun.
    fn find_header(&mut self) -> bool {
        match find(&self.buffer, HEADER) {
            Some(at) => {
                self.buffer.drain(..at);
                self.lost = false;
                true
            }
            None => {
                let keep = self.buffer.len().min(HEADER.len() - 1);
                self.buffer.drain(..self.buffer.len() - keep);
                false
            }
        }
    }
}

/// A message in its frame.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn content_length(headers: &[u8]) -> Option<usize> {
    let lines = std::str::from_utf8(headers).ok()?.split("\r\n");
    let mut lengths = lines.filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("Content-Length").then_some(value.trim())
    });
    lengths.next()?.parse().ok().filter(|&length| length <= LONGEST)
}

fn judge(body: Vec<u8>) -> Piece {
    let Ok(value) = serde_json::from_slice::<Value>(&body) else {
        return Piece::Malformed(PARSE_ERROR, "The message is not JSON.");
    };
    if !is_message(&value) {
        return Piece::Malformed(INVALID_REQUEST, "The message is not a JSON-RPC request, notification or response.");
    }
    if value["method"] == "exit" { Piece::Exit(body) } else { Piece::Message(body) }
}

fn is_message(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let id = object.get("id");
    let fine_id = id.is_none_or(|id| id.is_string() || id.is_i64());
    if object.get("jsonrpc") != Some(&Value::from("2.0")) || !fine_id {
        return false;
    }
    match object.get("method") {
        Some(method) => {
            let params = object.get("params");
            method.is_string()
                && params.is_none_or(|params| params.is_object() || params.is_array() || params.is_null())
        }
        None => id.is_some() && is_answer(object),
    }
}

fn is_answer(object: &serde_json::Map<String, Value>) -> bool {
    match (object.get("result"), object.get("error")) {
        (Some(_), None) => true,
        (None, Some(error)) => error["code"].is_i64() && error["message"].is_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"a"}"#;

    fn pieces(bytes: &[u8], step: usize) -> Vec<Piece> {
        let mut framing = Framing::default();
        let mut pieces = Vec::new();
        for chunk in bytes.chunks(step) {
            framing.push(chunk);
            pieces.extend(std::iter::from_fn(|| framing.next()));
        }
        pieces
    }

    #[test]
    fn whatever_comes_first_the_good_message_after_it_is_read() {
        let good = frame(GOOD.as_bytes());
        for bad in [
            &b""[..],
            b"nonsense\r\n\r\n",
            b"Content-Length: nine\r\n\r\n",
            b"Content-Length: 99999999999\r\n\r\n{}",
            b"Content-Length: 8\r\n\r\n{\"jsonrp",
            b"Content-Length: 2\r\n\r\n\xff\xfe",
            b"Content-Length: 2\r\n\r\n[]",
            b"Content-Length: 0\r\n\r\n",
            b"X: y\r\n\r\nmore nonsense Content-Len",
        ] {
            let bytes = [bad, good.as_slice()].concat();
            for step in [1, 7, bytes.len()] {
                let found = pieces(&bytes, step);
                let what = String::from_utf8_lossy(bad).into_owned();
                assert_eq!(found.last(), Some(&Piece::Message(GOOD.into())), "{what:?} by {step}");
                assert_eq!(found.len(), if bad.is_empty() { 1 } else { 2 }, "{what:?} by {step}: {found:?}");
            }
        }
    }

    #[test]
    fn only_what_tower_lsp_can_decode_is_let_through() {
        for (body, fine) in [
            (GOOD, true),
            (r#"{"jsonrpc":"2.0","method":"a","params":{}}"#, true),
            (r#"{"jsonrpc":"2.0","id":"x","result":null}"#, true),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m"}}"#, true),
            (r#"{"id":1,"method":"a"}"#, false),
            (r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, false),
            (r#"{"jsonrpc":"2.0","id":1}"#, false),
            (r#"{"jsonrpc":"2.0","id":1,"method":3}"#, false),
            (r#"{"jsonrpc":"2.0","id":1,"method":"a","params":3}"#, false),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":"x"}}"#, false),
            ("3", false),
        ] {
            assert_eq!(matches!(judge(body.into()), Piece::Message(_)), fine, "{body}");
        }
        assert!(matches!(judge(br#"{"jsonrpc":"2.0","method":"exit"}"#.to_vec()), Piece::Exit(_)));
    }
}
