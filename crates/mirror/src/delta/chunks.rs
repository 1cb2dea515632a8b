//! Owns the list of a file's chunks: how long each is and what it hashes to, and how that stands in a file. Never
//! touches one.

use remora_model::Digest;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// A change of the form, or of what makes a chunk, gets the next number.
const VERSION: u32 = 1;
/// Bytes of a chunk in a file: length and hash.
const CHUNK_BYTES: usize = 4 + 16;

/// A chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) size: u32,
    /// XXH3 under the list's seed. It only proposes what to copy: a chunk that merely hashes alike would be found out
    /// by the check of the whole. The seed is drawn here and stays here, so nobody can make such a chunk on purpose.
    pub(super) hash: u128,
}

impl Chunk {
    pub(super) fn of(bytes: &[u8], seed: u64) -> Self {
        let size = u32::try_from(bytes.len()).expect("invariant: a chunk is at most LONGEST");
        Self { size, hash: xxh3_128_with_seed(bytes, seed) }
    }
}

/// The chunks of a content that the remote holds, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkList {
    /// The digest of the whole.
    pub(super) digest: Digest,
    /// What the agent said of the file when it had this content.
    pub(super) stamp: Option<String>,
    pub(super) seed: u64,
    pub(super) chunks: Vec<Chunk>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    remora_chunks: u32,
    digest: Digest,
    stamp: Option<String>,
    seed: u64,
}

impl ChunkList {
    /// The list as a file: a line of JSON, the chunks, and the digest of both.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { digest, stamp, seed, chunks } = self;
        let header = Header { remora_chunks: VERSION, digest: *digest, stamp: stamp.clone(), seed: *seed };
        let mut bytes = serde_json::to_vec(&header).expect("invariant: a header is JSON");
        bytes.push(b'\n');
        bytes.reserve(chunks.len() * CHUNK_BYTES + 32);
        for chunk in chunks {
            bytes.extend_from_slice(&chunk.size.to_le_bytes());
            bytes.extend_from_slice(&chunk.hash.to_le_bytes());
        }
        let check = Digest::of(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        bytes
    }

    /// The reverse; nothing if the file is not whole or of another version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, check) = bytes.split_last_chunk::<32>()?;
        if Digest::of(bytes).as_bytes() != check {
            return None;
        }
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let Header { remora_chunks, digest, stamp, seed } = serde_json::from_slice(&bytes[..end]).ok()?;
        let (chunks, rest) = bytes[end + 1..].as_chunks::<CHUNK_BYTES>();
        let chunks = chunks.iter().map(|chunk| {
            let (size, hash) = chunk.split_first_chunk::<4>()?;
            Some(Chunk { size: u32::from_le_bytes(*size), hash: u128::from_le_bytes(hash.try_into().ok()?) })
        });
        let chunks = chunks.collect::<Option<_>>()?;
        (remora_chunks == VERSION && rest.is_empty()).then_some(Self { digest, stamp, seed, chunks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_its_file_and_a_damaged_one_is_none() {
        let chunks = (0..100_u8).map(|n| Chunk::of(&vec![n; usize::from(n) * 1000 + 1], 7)).collect();
        let list = ChunkList { digest: Digest::of(b"x"), stamp: Some("1-2".into()), seed: 7, chunks };
        let bytes = list.encode();
        assert_eq!(ChunkList::decode(&bytes), Some(list));
        for at in (0..bytes.len()).step_by(97) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert_eq!(ChunkList::decode(&damaged), None, "byte {at}");
            assert_eq!(ChunkList::decode(&bytes[..at]), None, "{at} bytes");
        }
    }
}
