//! Owns the format of known-hosts files: which lines speak of a host, and what they say of its key.
//! Pure: text in, verdict out. Format: `sshd(8)`, "SSH_KNOWN_HOSTS FILE FORMAT".

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// One known-hosts file.
pub(super) struct KnownHosts<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// From 1.
    pub(super) line: usize,
}

/// What the files say of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The key is on record.
    Known,
    /// The host is not.
    Unknown,
    /// The host is, with another key: the first place, of the same type if there is one.
    Changed(Place),
    /// The key must not be used.
    Revoked(Place),
}

/// The name under which a host is on record: `host`, or `[host]:port` for an unusual port.
pub(super) fn record_name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 { host } else { format!("[{host}]:{port}") }
}

/// Judges the key that `name` shows.
pub(super) fn judge(files: &[KnownHosts<'_>], name: &str, algorithm: &str, blob: &[u8]) -> Verdict {
    let mut known = false;
    let mut other: Option<(bool, Place)> = None;
    for (place, entry) in entries(files) {
        match entry.mark {
            // A revocation holds for every host that the line names, wherever it stands.
            Mark::Revoked if entry.blob == blob && entry.names(name) => return Verdict::Revoked(place),
            Mark::None if entry.names(name) => {
                let same_type = entry.algorithm == algorithm;
                if entry.blob == blob {
                    known = true;
                } else if other.as_ref().is_none_or(|(found, _)| !found && same_type) {
                    other = Some((same_type, place));
                }
            }
            _ => {}
        }
    }
    match other {
        _ if known => Verdict::Known,
        Some((_, place)) => Verdict::Changed(place),
        None => Verdict::Unknown,
    }
}

/// The types of the keys on record for `name`.
pub(super) fn algorithms(files: &[KnownHosts<'_>], name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (_, entry) in entries(files) {
        if entry.mark == Mark::None && entry.names(name) && !found.iter().any(|known| known == entry.algorithm) {
            found.push(entry.algorithm.to_owned());
        }
    }
    found
}

/// The line that puts a key on record. With a salt, the name is hashed.
pub(super) fn line(name: &str, algorithm: &str, blob: &[u8], salt: Option<[u8; 20]>) -> String {
    let name = match salt {
        Some(salt) => format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(hash(&salt, name))),
        None => name.to_owned(),
    };
    format!("{name} {algorithm} {}\n", BASE64.encode(blob))
}

fn hash(salt: &[u8], name: &str) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(salt).expect("invariant: HMAC takes a key of any length");
    mac.update(name.as_bytes());
    mac.finalize().into_bytes().into()
}

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    Revoked,
    /// `@cert-authority` or one that nobody knows yet: no statement about a plain key.
    Other,
}

struct Entry<'a> {
    mark: Mark,
    hosts: &'a str,
    algorithm: &'a str,
    blob: Vec<u8>,
}

fn entries<'a>(files: &'a [KnownHosts<'a>]) -> impl Iterator<Item = (Place, Entry<'a>)> {
    files.iter().flat_map(|known| {
        let numbered = known.text.lines().zip(1..);
        numbered.filter_map(|(text, line)| Some((Place { file: known.file.to_owned(), line }, entry(text)?)))
    })
}

/// Reads one line; comments and what can't be read say nothing.
fn entry(text: &str) -> Option<Entry<'_>> {
    let mut words = text.split_ascii_whitespace();
    let mut hosts = words.next().filter(|word| !word.starts_with('#'))?;
    let mut mark = Mark::None;
    if hosts.starts_with('@') {
        mark = if hosts == "@revoked" { Mark::Revoked } else { Mark::Other };
        hosts = words.next()?;
    }
    let algorithm = words.next()?;
    let blob = BASE64.decode(words.next()?).ok()?;
    Some(Entry { mark, hosts, algorithm, blob })
}

impl Entry<'_> {
    /// Whether the line speaks of `name`.
    fn names(&self, name: &str) -> bool {
        if let Some(hashed) = self.hosts.strip_prefix("|1|") {
            let parts = hashed.split_once('|');
            let decoded = parts.and_then(|(salt, hash)| Some((BASE64.decode(salt).ok()?, BASE64.decode(hash).ok()?)));
            return decoded.is_some_and(|(salt, expected)| hash(&salt, name)[..] == expected[..]);
        }
        matches_list(name, self.hosts)
    }
}

/// Whether `name` matches a comma-separated list of patterns; one that starts with `!` and matches
/// excludes it.
pub(super) fn matches_list(name: &str, list: &str) -> bool {
    let mut found = false;
    for pattern in list.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(name, pattern) => return false,
            Some(_) => {}
            None => found |= matches(name, pattern),
        }
    }
    found
}

/// Whether `name` matches a pattern of `*` and `?`, whatever the case.
pub(super) fn matches(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut star) = ((0, 0), None);
    while at.0 < name.len() {
        match pattern.get(at.1) {
            Some(b'*') => {
                star = Some(at);
                at.1 += 1;
            }
            Some(&c) if c == b'?' || c.eq_ignore_ascii_case(&name[at.0]) => at = (at.0 + 1, at.1 + 1),
            _ => {
                // Let the last star take one more.
                let Some((taken, position)) = star else { return false };
                star = Some((taken + 1, position));
                at = (taken + 1, position + 1);
            }
        }
    }
    pattern[at.1..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests;
