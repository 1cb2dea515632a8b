//! Owns the form of a survey and of its answer: many paths by a digest of their list, what is believed of them by
//! digests of its blocks. Pure.

use std::io::{Read as _, Write as _};

use blake2::Digest as _;
use blake2::digest::consts::U8;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use remora_model::{Digest, Entry, Kind, Mode, Mtime, RelPath, RemotePath};
use serde_json::{Value, json};

use crate::conversation::Reply;
use crate::error::{AgentError, LostReason};
use crate::ops::Surveyed;

/// Paths that are told of together.
const BLOCK: usize = 64;
/// Lists shorter than this, packed, travel every time: the answer "unknown" would cost a round trip.
const NAMES_LEAST: usize = 4096;
/// The longest answer, unpacked.
const MAX_ANSWER: u64 = 256 << 20;

/// What a survey asks.
pub(super) struct Question {
    /// The list of paths, packed.
    names: Vec<u8>,
    /// For each block, the digest of what is believed.
    blocks: Vec<u8>,
}

impl Question {
    /// About `paths`; `believed` has as many elements, or none.
    pub(super) fn new(paths: &[RelPath], believed: &[Surveyed]) -> Self {
        let names = paths.iter().map(RelPath::as_bytes).collect::<Vec<_>>().join(&0);
        let blocks = believed.chunks(BLOCK).flat_map(|block| digest(block).to_vec()).collect();
        Self { names: packed(&names), blocks }
    }

    /// Whether the agent may know the list by its digest.
    pub(super) fn may_be_known(&self) -> bool {
        self.names.len() >= NAMES_LEAST
    }

    /// The request; with or without the list itself.
    pub(super) fn request(&self, root: &RemotePath, (tidy, known): (bool, bool)) -> (Value, Vec<u8>) {
        let names = known.then(|| Digest::of(&self.names));
        let head = json!({"op": "survey", "root": root, "tidy": tidy, "names": names, "blocks": self.blocks.len()});
        let body = if known { self.blocks.clone() } else { [&self.blocks[..], &self.names].concat() };
        (head, body)
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("invariant: writing to memory does not fail");
    encoder.finish().expect("invariant: writing to memory does not fail")
}

fn digest(block: &[Surveyed]) -> [u8; 8] {
    let lines: Vec<String> = block.iter().map(line).collect();
    blake2::Blake2b::<U8>::digest(lines.join("\n")).into()
}

fn line(one: &Surveyed) -> String {
    match one {
        Surveyed::Missing => "-".to_owned(),
        Surveyed::Outside => "!".to_owned(),
        Surveyed::Closed => "x".to_owned(),
        Surveyed::Link(digest) => format!("l {digest}"),
        Surveyed::Found(Entry { kind: Kind::File, size, mtime, mode }) => format!("f {size} {} {}", mtime.0, mode.0),
        Surveyed::Found(Entry { kind: Kind::Dir, mode, .. }) => format!("d 0 0 {}", mode.0),
        Surveyed::Found(_) => "o".to_owned(),
    }
}

/// Whether the agent does not know the list that was named.
pub(super) fn is_unknown(reply: &Reply) -> bool {
    reply.head.get("unknown").is_some()
}

/// The answer: what stands under each path of the blocks that are not as was believed, each with the number of its
/// first path.
pub(super) fn answer(reply: &Reply, count: usize) -> Result<Vec<(usize, Vec<Surveyed>)>, AgentError> {
    let mut text = String::new();
    let read = ZlibDecoder::new(&*reply.body).take(MAX_ANSWER).read_to_string(&mut text);
    read.map_err(|error| unfit(&error.to_string()))?;
    let mut found: Vec<(usize, Vec<Surveyed>)> = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        match (line.strip_prefix('@'), found.last_mut()) {
            (Some(number), _) => {
                let number: usize = number.parse().map_err(|_| unfit(line))?;
                found.push((number.saturating_mul(BLOCK), Vec::new()));
            }
            (None, Some((_, block))) => block.push(surveyed(line).ok_or_else(|| unfit(line))?),
            (None, None) => return Err(unfit(line)),
        }
    }
    let fits = |(first, block): &(usize, Vec<Surveyed>)| *first < count && block.len() == BLOCK.min(count - first);
    if found.iter().all(fits) { Ok(found) } else { Err(unfit("too few lines, or too many")) }
}

fn unfit(what: &str) -> AgentError {
    LostReason::Garbled(format!("a reply to `survey`: {what}")).into()
}

fn surveyed(line: &str) -> Option<Surveyed> {
    let mut words = line.split(' ');
    let kind = match words.next()? {
        "-" => return Some(Surveyed::Missing),
        "!" => return Some(Surveyed::Outside),
        "x" => return Some(Surveyed::Closed),
        "l" => return words.next()?.parse().ok().map(Surveyed::Link),
        "f" => Kind::File,
        "d" => Kind::Dir,
        "o" => return Some(Surveyed::Found(Entry { kind: Kind::Other, size: 0, mtime: Mtime(0), mode: Mode(0) })),
        _ => return None,
    };
    let size = words.next()?.parse().ok()?;
    let mtime = Mtime(words.next()?.parse().ok()?);
    Some(Surveyed::Found(Entry { kind, size, mtime, mode: Mode(words.next()?.parse().ok()?) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, size: u64, mtime: i64, mode: u32) -> Surveyed {
        Surveyed::Found(Entry { kind, size, mtime: Mtime(mtime), mode: Mode(mode) })
    }

    #[test]
    fn what_is_said_of_a_path_reads_back() {
        for one in [
            Surveyed::Missing,
            Surveyed::Outside,
            Surveyed::Closed,
            Surveyed::Link(Digest::of(b"there")),
            found(Kind::File, 5, -7, 0o644),
            found(Kind::Dir, 0, 0, 0o755),
            found(Kind::Other, 0, 0, 0),
        ] {
            assert_eq!(surveyed(&line(&one)), Some(one));
        }
        for wrong in ["", "f", "f 1 2", "z 1 2 3", "l 12"] {
            assert_eq!(surveyed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_is_refused() {
        let reply = |text: &str| Reply { head: json!({}), body: packed(text.as_bytes()) };
        assert_eq!(answer(&reply(""), 70).unwrap(), []);
        let lines = "-\n".repeat(6);
        assert_eq!(answer(&reply(&format!("@1\n{lines}")), 70).unwrap(), [(64, vec![Surveyed::Missing; 6])]);
        for wrong in ["-", "@0\n-", "@1\n-\n-\n-\n-\n-", "@2\n-", "@x\n-", "@99999999999999999999\n-"] {
            assert!(answer(&reply(wrong), 70).is_err(), "{wrong}");
        }
        assert!(answer(&Reply { head: json!({}), body: b"no zlib".to_vec() }, 1).is_err());
    }
}
