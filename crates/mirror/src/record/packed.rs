//! Owns how a record, and a path with it, is written as bytes in memory. Never written to a file and never sent: it
//! may change with any version.

use remora_model::{Digest, Mode, Mtime};

use super::{FileRecord, Record, Seen};

const FILE: u8 = 0;
const LINK: u8 = 1;
const DIR: u8 = 2;
const KIND: u8 = 3;
/// Of a directory.
const OURS: u8 = 1 << 2;
/// Of a file: the local one was seen.
const SEEN: u8 = 1 << 3;
/// It had the time and size that the remote one has.
const ALIKE: u8 = 1 << 4;
const RACY: u8 = 1 << 5;

/// One entry of a run.
pub(super) struct Entry<'a> {
    /// How much of the path before it begins this one.
    pub(super) shared: usize,
    /// The rest of the path.
    pub(super) rest: &'a [u8],
    /// See [`unpack`].
    pub(super) record: &'a [u8],
}

/// Takes the first entry off.
pub(super) fn split(bytes: &[u8]) -> (Entry<'_>, &[u8]) {
    let mut bytes = bytes;
    let [shared, rest, record] = [(); 3].map(|()| usize::try_from(take_number(&mut bytes)).unwrap_or(usize::MAX));
    let (rest, bytes) = bytes.split_at(rest);
    let (record, bytes) = bytes.split_at(record);
    (Entry { shared, rest, record }, bytes)
}

/// Adds an entry behind that of the path `before`.
pub(super) fn push(out: &mut Vec<u8>, before: &[u8], path: &[u8], record: &[u8]) {
    let shared = shared(before, path);
    let rest = &path[shared..];
    for number in [shared, rest.len(), record.len()] {
        put_number(out, number as u64);
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(record);
}

/// So many bytes are the same at the beginning of both.
pub(super) fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

pub(super) fn pack(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    match record {
        Record::File(file) => {
            let alike = |seen: &Seen| (seen.mtime, seen.size) == (file.mtime, file.size);
            let flags = file
                .seen
                .as_ref()
                .map_or(0, |seen| SEEN | if alike(seen) { ALIKE } else { 0 } | if seen.racy { RACY } else { 0 });
            out.push(FILE | flags);
            out.extend_from_slice(file.digest.as_bytes());
            put_number(&mut out, file.size);
            out.extend_from_slice(&file.mtime.0.to_le_bytes());
            put_number(&mut out, file.mode.0.into());
            if let Some(seen) = file.seen.filter(|seen| !alike(seen)) {
                put_number(&mut out, seen.size);
                out.extend_from_slice(&seen.mtime.0.to_le_bytes());
            }
        }
        Record::Link { digest } => {
            out.push(LINK);
            out.extend_from_slice(digest.as_bytes());
        }
        Record::Dir { ours, mode } => {
            out.push(DIR | if *ours { OURS } else { 0 });
            put_number(&mut out, mode.0.into());
        }
    }
    out
}

/// What [`pack`] has packed.
pub(super) fn unpack(bytes: &[u8]) -> Record {
    let mut bytes = bytes;
    let [flags] = take(&mut bytes);
    match flags & KIND {
        DIR => Record::Dir { ours: flags & OURS != 0, mode: take_mode(&mut bytes) },
        LINK => Record::Link { digest: Digest::from_bytes(take(&mut bytes)) },
        _ => {
            let digest = Digest::from_bytes(take(&mut bytes));
            let size = take_number(&mut bytes);
            let mtime = Mtime(i64::from_le_bytes(take(&mut bytes)));
            let mode = take_mode(&mut bytes);
            let racy = flags & RACY != 0;
            let seen = match (flags & SEEN != 0, flags & ALIKE != 0) {
                (false, _) => None,
                (true, true) => Some(Seen { mtime, size, racy }),
                (true, false) => {
                    let size = take_number(&mut bytes);
                    Some(Seen { mtime: Mtime(i64::from_le_bytes(take(&mut bytes))), size, racy })
                }
            };
            Record::File(FileRecord { digest, size, mtime, mode, seen })
        }
    }
}

fn take_mode(bytes: &mut &[u8]) -> Mode {
    Mode(u32::try_from(take_number(bytes)).unwrap_or(0))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (taken, rest) = bytes.split_first_chunk().expect("invariant: what was packed is whole");
    *bytes = rest;
    *taken
}

/// Seven bits in a byte, the lowest first; the eighth says that there are more.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(bytes: &mut &[u8]) -> u64 {
    if let [byte @ 0..0x80, rest @ ..] = *bytes {
        *bytes = rest;
        return u64::from(*byte);
    }
    let (mut number, mut shift) = (0, 0);
    loop {
        let [byte] = take(bytes);
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_is_unpacked() {
        let digest = Digest::of(b"x");
        let seen = |mtime, size, racy| Some(Seen { mtime: Mtime(mtime), size, racy });
        let file = |mtime, size, mode, seen| {
            Record::File(FileRecord { digest, size, mtime: Mtime(mtime), mode: Mode(mode), seen })
        };
        for record in [
            Record::Link { digest },
            Record::Dir { ours: true, mode: Mode(0o755) },
            Record::Dir { ours: false, mode: Mode(0o7777) },
            file(-1, 0, 0, None),
            file(i64::MAX, u64::MAX, u32::MAX, seen(i64::MAX, u64::MAX, false)),
            file(5, 127, 0o644, seen(5, 127, true)),
            file(5, 128, 0o644, seen(5, 127, true)),
            file(i64::MIN, 128, 0o644, seen(6, 128, false)),
        ] {
            assert_eq!(unpack(&pack(&record)), record);
        }
    }
}
