//! Owns the three kinds of path and what makes each valid. Never asks a file system.
//!
//! Names are bytes: a remote name need not be UTF-8. In JSON a path is a string when it is UTF-8
//! and `{"b64": "…"}` otherwise; the agent does the same.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

/// Why some bytes are not a path of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The path has a `..`, a `.`, an empty part, a leading `/` or a NUL, or is empty.
    #[error("{0:?} is not a path inside the root")]
    NotInside(String),
    /// The path does not start at the file system's root.
    #[error("{0:?} is not an absolute path")]
    NotAbsolute(String),
    /// The `b64` member of a path is not base64.
    #[error("a path's b64 member is not base64")]
    NotBase64,
}

/// How a path made of bytes stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Wire {
    Text(String),
    Bytes { b64: String },
}

impl Wire {
    fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes { b64: BASE64.encode(error.as_bytes()) },
        }
    }

    fn bytes(self) -> Result<Vec<u8>, PathError> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Bytes { b64 } => BASE64.decode(b64).map_err(|_| PathError::NotBase64),
        }
    }
}

/// A path below a root: parts joined by `/`, none of them empty, `.` or `..`, no NUL.
///
/// The same value names the local file and its remote copy.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct RelPath(Vec<u8>);

impl RelPath {
    /// Checks `bytes` and wraps them.
    ///
    /// # Errors
    /// [`PathError::NotInside`] when a part is empty, `.` or `..`, or a byte is NUL.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        let fine =
            bytes.split(|&byte| byte == b'/').all(|part| !matches!(part, b"" | b"." | b"..") && !part.contains(&0));
        if fine { Ok(Self(bytes)) } else { Err(PathError::NotInside(lossy(&bytes))) }
    }

    /// The path's bytes, `/` between its parts.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The parts, outermost first.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|&byte| byte == b'/')
    }

    /// The last part.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.parts().next_back().unwrap_or(&self.0)
    }

    /// The path without its last part; nothing for a path of one part.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let cut = self.0.iter().rposition(|&byte| byte == b'/')?;
        Some(Self(self.0[..cut].to_vec()))
    }

    /// Whether `self` is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_prefix(other.0.as_slice()).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
    }

    /// `self` with one more part.
    ///
    /// # Errors
    /// As [`RelPath::new`].
    pub fn child(&self, name: &[u8]) -> Result<Self, PathError> {
        let mut bytes = self.0.clone();
        bytes.push(b'/');
        bytes.extend_from_slice(name);
        Self::new(bytes)
    }

    /// The path in this machine's notation.
    #[must_use]
    pub fn to_local(&self) -> PathBuf {
        bytes_to_path(&self.0)
    }

    /// Reads a relative path in this machine's notation.
    ///
    /// # Errors
    /// As [`RelPath::new`]; on Windows also for a name that is not Unicode.
    pub fn from_local(path: &Path) -> Result<Self, PathError> {
        Self::new(path_to_bytes(path)?)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lossy(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelPath({self})")
    }
}

impl From<RelPath> for Wire {
    fn from(path: RelPath) -> Self {
        Self::of(path.0)
    }
}

impl TryFrom<Wire> for RelPath {
    type Error = PathError;

    fn try_from(wire: Wire) -> Result<Self, PathError> {
        Self::new(wire.bytes()?)
    }
}

/// An absolute path on the machine of a target (always with `/`, whatever this machine uses).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct RemotePath(Vec<u8>);

impl RemotePath {
    /// Checks `bytes` and wraps them.
    ///
    /// # Errors
    /// [`PathError::NotAbsolute`] unless they start with `/` and hold no NUL.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, PathError> {
        let bytes = bytes.into();
        let fine = bytes.first() == Some(&b'/') && !bytes.contains(&0);
        if fine { Ok(Self(bytes)) } else { Err(PathError::NotAbsolute(lossy(&bytes))) }
    }

    /// The path's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The absolute path of `rel` below `self`.
    #[must_use]
    pub fn join(&self, rel: &RelPath) -> Self {
        let mut bytes = self.0.clone();
        if bytes.last() != Some(&b'/') {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(&rel.0);
        Self(bytes)
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lossy(&self.0))
    }
}

impl fmt::Debug for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RemotePath({self})")
    }
}

impl From<RemotePath> for Wire {
    fn from(path: RemotePath) -> Self {
        Self::of(path.0)
    }
}

impl TryFrom<Wire> for RemotePath {
    type Error = PathError;

    fn try_from(wire: Wire) -> Result<Self, PathError> {
        Self::new(wire.bytes()?)
    }
}

/// An absolute path on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocalPath(PathBuf);

impl LocalPath {
    /// Checks `path` and wraps it. Symbolic links in it stay as they are.
    ///
    /// # Errors
    /// [`PathError::NotAbsolute`].
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, PathError> {
        let path = path.into();
        if path.is_absolute() { Ok(Self(path)) } else { Err(PathError::NotAbsolute(path.display().to_string())) }
    }

    /// The path for the standard library.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }

    /// The absolute path of `rel` below `self`.
    #[must_use]
    pub fn join(&self, rel: &RelPath) -> Self {
        Self(self.0.join(rel.to_local()))
    }

    /// Where `path` lies below `self`; nothing when it does not, or is `self`.
    #[must_use]
    pub fn relative(&self, path: &Path) -> Option<RelPath> {
        RelPath::from_local(path.strip_prefix(&self.0).ok()?).ok()
    }
}

impl fmt::Display for LocalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(unix)]
fn bytes_to_path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(unix)]
fn path_to_bytes(path: &Path) -> Result<Vec<u8>, PathError> {
    use std::os::unix::ffi::OsStrExt as _;
    Ok(path.as_os_str().as_bytes().to_vec())
}

#[cfg(not(unix))]
fn bytes_to_path(bytes: &[u8]) -> PathBuf {
    lossy(bytes).split('/').collect()
}

#[cfg(not(unix))]
fn path_to_bytes(path: &Path) -> Result<Vec<u8>, PathError> {
    let not_inside = || PathError::NotInside(path.display().to_string());
    let parts: Option<Vec<&str>> = path.iter().map(|part| part.to_str()).collect();
    Ok(parts.ok_or_else(not_inside)?.join("/").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_would_leave_the_root_is_refused() {
        for wrong in ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\0b"] {
            assert!(RelPath::new(wrong).is_err(), "{wrong:?}");
        }
        for fine in ["a", "a/b", "...", "a/..b", " ", "a\nb", "it's \"it\""] {
            assert!(RelPath::new(fine).is_ok(), "{fine:?}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_survive_json() {
        for bytes in [&b"a/b.py"[..], b"caf\xe9", "é".as_bytes()] {
            let path = RelPath::new(bytes).unwrap();
            let text = serde_json::to_string(&path).unwrap();
            assert_eq!(serde_json::from_str::<RelPath>(&text).unwrap(), path, "{text}");
        }
        assert!(serde_json::from_str::<RelPath>(r#""../etc""#).is_err());
        assert!(serde_json::from_str::<RelPath>(r#"{"b64":"*"}"#).is_err());
    }

    #[test]
    fn within_means_itself_or_below() {
        let path = |text: &str| RelPath::new(text).unwrap();
        assert!(path("a/b").is_within(&path("a")));
        assert!(path("a").is_within(&path("a")));
        assert!(!path("ab").is_within(&path("a")));
        assert_eq!(path("a/b").parent(), Some(path("a")));
        assert_eq!(path("a").parent(), None);
        assert_eq!(path("a/b").name(), b"b");
    }
}
