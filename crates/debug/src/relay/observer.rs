//! Owns what is to be known of the bytes that a client sends: whether it asks for the program's end. Pure;
//! never changes a byte.

use serde_json::Value;

use crate::dap::frames;

/// A request to disconnect or terminate is a few hundred bytes; longer messages are passed over unread.
const LARGEST_READ: usize = 8 * 1024;

/// Watches one direction of one connection.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    /// What has come of the message under way.
    buffer: Vec<u8>,
    /// How many bytes of a long message are still to be passed over.
    to_skip: usize,
    /// Whether the stream turned out to be no DAP.
    blind: bool,
}

impl Observer {
    /// Takes what passed; whether the client asked for the program's end in it.
    pub(crate) fn passed(&mut self, mut bytes: &[u8]) -> bool {
        let mut asked = false;
        while !bytes.is_empty() && !self.blind {
            let skipped = self.to_skip.min(bytes.len());
            self.to_skip -= skipped;
            self.buffer.extend_from_slice(&bytes[skipped..]);
            bytes = &[];
            asked |= self.read();
        }
        asked
    }

    fn read(&mut self) -> bool {
        let mut asked = false;
        loop {
            match frames::header(&self.buffer) {
                Err(_) => {
                    self.blind = true;
                    self.buffer = Vec::new();
                    return asked;
                }
                Ok(None) => return asked,
                Ok(Some((start, length))) if length > LARGEST_READ => {
                    let have = (self.buffer.len() - start).min(length);
                    self.buffer.drain(..start + have);
                    self.to_skip = length - have;
                }
                Ok(Some((start, length))) if self.buffer.len() < start + length => return asked,
                Ok(Some((start, length))) => {
                    asked |= asks_for_the_end(&self.buffer[start..start + length]);
                    self.buffer.drain(..start + length);
                }
            }
            if self.buffer.is_empty() {
                return asked;
            }
        }
    }
}

fn asks_for_the_end(body: &[u8]) -> bool {
    let Ok(message) = serde_json::from_slice::<Value>(body) else { return false };
    match message["command"].as_str() {
        Some("terminate") => true,
        Some("disconnect") => message["arguments"]["terminateDebuggee"] == true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_request_for_the_end_counts() {
        let table = [
            (json!({"type": "request", "command": "disconnect", "arguments": {"terminateDebuggee": true}}), true),
            (json!({"type": "request", "command": "disconnect", "arguments": {"terminateDebuggee": false}}), false),
            (json!({"type": "request", "command": "disconnect"}), false),
            (json!({"type": "request", "command": "terminate"}), true),
            (json!({"type": "request", "command": "evaluate", "arguments": {"expression": "terminate"}}), false),
        ];
        for (message, expected) in table {
            assert_eq!(Observer::default().passed(&frames::encode(&message)), expected, "{message}");
        }
    }

    #[test]
    fn it_is_seen_behind_a_long_message_and_across_any_cut() {
        let long = json!({"command": "evaluate", "arguments": {"expression": "x".repeat(20_000)}});
        let end = json!({"command": "disconnect", "arguments": {"terminateDebuggee": true}});
        let bytes = [frames::encode(&long), frames::encode(&end)].concat();
        for size in [1, 7, 1000, 50_000] {
            let mut observer = Observer::default();
            let count = bytes.chunks(size).filter(|chunk| observer.passed(chunk)).count();
            assert_eq!(count, 1, "in portions of {size}");
        }
    }

    #[test]
    fn bytes_that_are_no_dap_are_no_matter() {
        let mut observer = Observer::default();
        assert!(!observer.passed(&[0; 10_000]));
        assert!(!observer.passed(b"Content-Length: 23\r\n\r\n{\"command\":\"terminate\"}"));
    }
}
