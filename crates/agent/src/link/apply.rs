//! Owns the form of a pack of changes on its way there, and of its answer. Pure, save that it takes the time that
//! compressing needs; never decides what is changed.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use remora_model::{Digest, RelPath, RemotePath};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::conversation::Reply;
use crate::error::{AgentError, LostReason, OpError};
use crate::ops::{Change, ChangeKind, Expect};

/// Bytes in front of each change's path.
const HEADER: usize = 18;
/// A pack smaller than this goes as it is: one frame or two are no matter.
const WORTH_PACKING: usize = 16 * 1024;
/// What compresses worse than this is sent as it is, so that the other side has no work for nothing.
const WORTH_SENDING: f64 = 0.9;

/// Changes as bytes; `PROTOCOL.md` has the form.
pub(super) fn encode(changes: &[Change]) -> Vec<u8> {
    let size = changes.iter().map(|change| HEADER + 64 + change.path.as_bytes().len() + bytes_of(change).len()).sum();
    let mut out = Vec::with_capacity(size);
    for change in changes {
        encode_one(change, &mut out);
    }
    out
}

fn encode_one(change: &Change, out: &mut Vec<u8>) {
    let (kind, expect, mode, mtime, digest) = match &change.kind {
        ChangeKind::Write { digest, mode, mtime, expect, .. } => (1_u8, *expect, mode.0, mtime.0, Some(*digest)),
        ChangeKind::Symlink { text, expect } => (2, *expect, 0, 0, Some(Digest::of(text))),
        ChangeKind::Dir { mode } => (3, Expect::Any, mode.0, 0, None),
        ChangeKind::Parent { mode } => (4, Expect::Any, mode.0, 0, None),
        ChangeKind::Meta { mode, mtime, expect } => (5, *expect, mode.0, mtime.0, None),
        ChangeKind::Remove { expect } => (6, *expect, 0, 0, None),
        ChangeKind::Move { digest, mode, mtime, .. } => (7, Expect::Content(*digest), mode.0, mtime.0, None),
        ChangeKind::MoveDir { inventory, .. } => (8, Expect::Content(*inventory), 0, 0, None),
    };
    let (expect, expected) = match expect {
        Expect::Absent => (0_u8, None),
        Expect::Any => (1, None),
        Expect::Content(digest) => (2, Some(digest)),
    };
    let (path, bytes) = (change.path.as_bytes(), bytes_of(change));
    out.extend_from_slice(&[kind, expect]);
    out.extend_from_slice(&(mode as u16).to_be_bytes());
    out.extend_from_slice(&(path.len() as u16).to_be_bytes());
    out.extend_from_slice(&mtime.to_be_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(path);
    for digest in [expected, digest].iter().flatten() {
        out.extend_from_slice(digest.as_bytes());
    }
    out.extend_from_slice(bytes);
}

fn bytes_of(change: &Change) -> &[u8] {
    match &change.kind {
        ChangeKind::Write { bytes, .. } => bytes,
        ChangeKind::Symlink { text, .. } => text,
        ChangeKind::Move { from, .. } | ChangeKind::MoveDir { from, .. } => from.as_bytes(),
        _ => &[],
    }
}

/// The head of an `apply` request and its body, compressed when that was asked for and is worth it.
pub(super) fn request(root: &RemotePath, body: Vec<u8>, compress: bool) -> (Value, Vec<u8>) {
    let whole = |packed, body: Vec<u8>| {
        let crc = crc32fast::hash(&body);
        (json!({"op": "apply", "root": root, "packed": packed, "crc": crc}), body)
    };
    if !compress || body.len() < WORTH_PACKING {
        return whole(false, body);
    }
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    let packed = encoder.write_all(&body).and_then(|()| encoder.finish());
    match packed {
        Ok(packed) if (packed.len() as f64) < body.len() as f64 * WORTH_SENDING => whole(true, packed),
        _ => whole(false, body),
    }
}

/// What the changes touch, by root and path, for the order in which they go.
pub(super) fn touched(root: &RemotePath, changes: &[Change]) -> Vec<Vec<u8>> {
    let paths = |change: &Change| {
        let from = match &change.kind {
            ChangeKind::Move { from, .. } | ChangeKind::MoveDir { from, .. } => Some(place(root, from)),
            _ => None,
        };
        std::iter::once(place(root, &change.path)).chain(from)
    };
    changes.iter().flat_map(paths).collect()
}

fn place(root: &RemotePath, path: &RelPath) -> Vec<u8> {
    root.join(path).as_bytes().to_vec()
}

/// What came of each of `count` changes: whether anything was changed, or why it could not be.
pub(super) fn answer(reply: &Reply, count: usize) -> Result<Vec<Result<bool, OpError>>, AgentError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum One {
        Done(bool),
        Failed { error: OpError },
    }
    let garbled = |message: String| AgentError::from(LostReason::Garbled(message));
    let all: Vec<One> =
        serde_json::from_slice(&reply.body).map_err(|error| garbled(format!("a reply to `apply`: {error}")))?;
    if all.len() != count {
        return Err(garbled("a reply to `apply` does not fit its request".to_owned()));
    }
    Ok(all
        .into_iter()
        .map(|one| match one {
            One::Done(changed) => Ok(changed),
            One::Failed { error } => Err(error),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use remora_model::{Mode, Mtime};
    use remora_testkit::noise::noise;

    use super::*;

    #[test]
    fn a_change_stands_in_a_pack_as_the_protocol_says() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let kind = ChangeKind::Write {
            bytes: b"new".to_vec(),
            digest: new,
            mode: Mode(0o644),
            mtime: Mtime(-2),
            expect: Expect::Content(old),
        };
        let bytes = encode(&[Change { path: RelPath::new("a/b").unwrap(), kind }]);
        let mut expected = vec![1, 2, 1, 0xa4, 0, 3];
        expected.extend([0xff; 7]);
        expected.extend([0xfe, 0, 0, 0, 3]);
        expected.extend(b"a/b");
        expected.extend(old.as_bytes());
        expected.extend(new.as_bytes());
        expected.extend(b"new");
        assert_eq!(bytes, expected);
        let kind = ChangeKind::Remove { expect: Expect::Absent };
        assert_eq!(encode(&[Change { path: RelPath::new("x").unwrap(), kind }]).len(), HEADER + 1);
    }

    #[test]
    fn only_what_shrinks_is_compressed() {
        let root = RemotePath::new("/r").unwrap();
        let text = b"the same again and again ".repeat(4000);
        let (head, body) = request(&root, text.clone(), true);
        assert_eq!(head["packed"], true);
        assert!(body.len() < text.len() / 10);
        for (plain, compress) in [(noise(100_000, 1), true), (text, false), (b"short".repeat(10), true)] {
            assert_eq!(
                request(&root, plain.clone(), compress),
                (json!({"op": "apply", "root": root, "packed": false, "crc": crc32fast::hash(&plain)}), plain)
            );
        }
    }
}
