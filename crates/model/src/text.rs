//! Turns a program's output, which arrives in arbitrary pieces, into text without tearing characters.
//! Pure.

/// Decodes UTF-8 that arrives in pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    /// The text of the next piece; an unfinished character at its end waits for the piece after.
    #[must_use]
    pub fn decode(&mut self, piece: &[u8]) -> String {
        self.rest.extend_from_slice(piece);
        let keep = unfinished(&self.rest);
        let end = self.rest.len() - keep;
        let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest.drain(..end);
        text
    }

    /// What is left at the end of the stream.
    #[must_use]
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// How many bytes at the end are the beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_torn() {
        let text = "aé€😀z\n";
        for at in 0..=text.len() {
            let mut decoder = Decoder::default();
            let (one, two) = text.as_bytes().split_at(at);
            let joined = decoder.decode(one) + &decoder.decode(two) + &decoder.finish();
            assert_eq!(joined, text, "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_utf8_is_replaced_and_nothing_waits_for_ever() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(decoder.decode(b"\xe2\x82"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }
}
