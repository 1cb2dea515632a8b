//! Owns the framing of DAP messages: a `Content-Length` header, an empty line, JSON. Pure.

use serde_json::Value;

/// Longer than any message a debugger sends; more is taken for a broken stream.
pub const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Longer than any header block; more without its end is no DAP.
const LARGEST_HEADER: usize = 4 * 1024;

/// What came is no DAP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header block has no readable `Content-Length`, or does not end.
    #[error("a message without a readable Content-Length header")]
    Header,
    /// The body is longer than [`LARGEST_BODY`].
    #[error("a message of {0} bytes")]
    TooLong(usize),
    /// The body is not JSON.
    #[error("a message that is not JSON: {0}")]
    Body(String),
}

/// The bytes of one message.
#[must_use]
pub fn encode(message: &Value) -> Vec<u8> {
    let body = message.to_string();
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The end of the header block at the start of `bytes`, and the length of the body after it; nothing while
/// the block is incomplete.
///
/// # Errors
/// [`FrameError::Header`], [`FrameError::TooLong`].
pub fn header(bytes: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let Some(end) = bytes.windows(4).take(LARGEST_HEADER).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() > LARGEST_HEADER { Err(FrameError::Header) } else { Ok(None) };
    };
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| FrameError::Header)?;
    let length = text
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .ok_or(FrameError::Header)?;
    if length > LARGEST_BODY { Err(FrameError::TooLong(length)) } else { Ok(Some((end + 4, length))) }
}

/// One message as it came: its bytes with the header, and where the body begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    start: usize,
}

impl Frame {
    /// A message with this body.
    #[must_use]
    pub fn new(body: &[u8]) -> Self {
        let header = format!("Content-Length: {}\r\n\r\n", body.len());
        Self { start: header.len(), bytes: [header.as_bytes(), body].concat() }
    }

    /// The JSON text, if it is any.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// All of it.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes bytes in any portions and gives messages out.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
}

impl Decoder {
    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, if it has come.
    ///
    /// # Errors
    /// [`FrameError`]; the stream can't be read further then.
    pub fn next_message(&mut self) -> Result<Option<Value>, FrameError> {
        let Some(frame) = self.next_frame()? else { return Ok(None) };
        serde_json::from_slice(frame.body()).map(Some).map_err(|error| FrameError::Body(error.to_string()))
    }

    /// As [`Decoder::next_message`], without a look at the body.
    ///
    /// # Errors
    /// [`FrameError`]; the stream can't be read further then.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((start, length)) = header(&self.buffer)? else { return Ok(None) };
        let end = start + length;
        if self.buffer.len() < end {
            return Ok(None);
        }
        Ok(Some(Frame { bytes: self.buffer.drain(..end).collect(), start }))
    }

    /// What has come and was given to nobody.
    #[must_use]
    pub fn into_rest(self) -> Vec<u8> {
        self.buffer
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_survive_any_cut() {
        let messages = [json!({"seq": 1, "text": "é\n"}), json!([]), json!({"seq": 2})];
        let bytes: Vec<u8> = messages.iter().flat_map(encode).collect();
        for cut in 0..=bytes.len() {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                decoder.push(part);
                while let Some(message) = decoder.next_message().unwrap() {
                    seen.push(message);
                }
            }
            assert_eq!(seen, messages, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_dap_is_refused() {
        let check = |bytes: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.push(bytes);
            decoder.next_message()
        };
        assert_eq!(check(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), Err(FrameError::Header));
        assert_eq!(check(&[b'x'; 5000]), Err(FrameError::Header));
        assert_eq!(check(b"Content-Length: -1\r\n\r\n"), Err(FrameError::Header));
        assert_eq!(check(b"Content-Length: 99999999999\r\n\r\n"), Err(FrameError::TooLong(99_999_999_999)));
        assert!(matches!(check(b"Content-Length: 1\r\n\r\nx"), Err(FrameError::Body(_))));
        assert_eq!(check(b"content-type: x\r\nCONTENT-LENGTH:2\r\n\r\n{}"), Ok(Some(json!({}))));
    }
}
