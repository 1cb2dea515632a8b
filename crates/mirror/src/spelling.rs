//! Owns the way from a name on the remote to the one that the file has here, where names are composed on that way. Asks
//! the file system, and keeps nothing: names change. Never opens a file.
//!
//! macOS finds a file by either spelling of its name, so there nothing is asked. Elsewhere two files may have names that
//! are one when composed: neither is mirrored until one of them is called otherwise.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use remora_model::{RelPath, Unicode, composed};

/// Two names here are one on the remote.
#[derive(Debug)]
pub(crate) struct Twins;

impl fmt::Display for Twins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("two names here are one on the remote")
    }
}

impl std::error::Error for Twins {}

impl Twins {
    /// Whether that is what an error says.
    pub(crate) fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// How names are spelled on the remote.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spelling(Unicode);

impl Spelling {
    pub(crate) fn new(unicode: Unicode) -> Self {
        Self(unicode)
    }

    /// What a local path is called on the remote.
    pub(crate) fn there(self, path: RelPath) -> RelPath {
        match self.0.there(&path) {
            Cow::Owned(composed) => composed,
            Cow::Borrowed(_) => path,
        }
    }

    /// What a path of the remote is called here. What is not there is called the same.
    ///
    /// # Errors
    /// [`Twins`]; that it is not there, of a name that none is given there: from before names were composed.
    pub(crate) fn here(self, root: &Path, path: &RelPath) -> io::Result<RelPath> {
        if matches!(self.0.there(path), Cow::Owned(composed) if composed != *path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !self.may_differ(path.as_bytes()) {
            return Ok(path.clone());
        }
        let mut here: Option<RelPath> = None;
        for part in path.parts() {
            let dir = here.as_ref().map_or_else(|| root.to_owned(), |dir| root.join(dir.to_local()));
            let name = if self.may_differ(part) { name_in(&dir, part)? } else { part.to_vec() };
            here = Some(
                match here {
                    None => RelPath::new(name),
                    Some(dir) => dir.child(&name),
                }
                .map_err(io::Error::other)?,
            );
        }
        Ok(here.unwrap_or_else(|| path.clone()))
    }

    /// Where a path of the remote is here. Of two places it is neither.
    pub(crate) fn place(self, root: &Path, path: &RelPath) -> PathBuf {
        root.join(self.here(root, path).as_ref().unwrap_or(path).to_local())
    }

    /// The composed names that two of these have.
    pub(crate) fn twins(self, names: impl Iterator<Item = OsString>) -> HashSet<Vec<u8>> {
        let mut twins = HashSet::new();
        if !self.0.composes() || cfg!(target_os = "macos") {
            return twins;
        }
        let mut seen = HashSet::new();
        for name in names {
            let name = composed(name.as_encoded_bytes());
            if !name.is_ascii() && !seen.insert(name.to_vec()) {
                twins.insert(name.into_owned());
            }
        }
        twins
    }

    fn may_differ(self, name: &[u8]) -> bool {
        self.0.composes() && !name.is_ascii() && !cfg!(target_os = "macos")
    }
}

/// The one name in the directory that is this when composed.
fn name_in(dir: &Path, wanted: &[u8]) -> io::Result<Vec<u8>> {
    let mut found: Option<Vec<u8>> = None;
    for item in fs::read_dir(dir).into_iter().flatten() {
        let name = item?.file_name();
        let name = name.as_encoded_bytes();
        if *composed(name) == *wanted && found.replace(name.to_vec()).is_some() {
            return Err(io::Error::other(Twins));
        }
    }
    Ok(found.unwrap_or_else(|| wanted.to_vec()))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_it_is_spelled_here_and_two_are_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("cafe\u{301}")).unwrap();
        for name in ["cafe\u{301}/u\u{308}.py", "\u{e5}.py", "a\u{30a}.py", "o\u{308}.py"] {
            fs::write(root.join(name), "").unwrap();
        }
        let path = |name: &str| RelPath::new(name).unwrap();
        let listed = || fs::read_dir(root).unwrap().map(|item| item.unwrap().file_name());
        let spelling = Spelling::new(Unicode::Nfc);
        for (there, here) in [
            ("caf\u{e9}/\u{fc}.py", "cafe\u{301}/u\u{308}.py"),
            ("caf\u{e9}/new \u{fc}", "cafe\u{301}/new \u{fc}"),
            ("\u{f6}.py", "o\u{308}.py"),
            ("plain", "plain"),
        ] {
            assert_eq!(spelling.here(root, &path(there)).unwrap(), path(here));
        }
        let old = spelling.here(root, &path("cafe\u{301}/u\u{308}.py")).unwrap_err();
        assert_eq!(old.kind(), io::ErrorKind::NotFound);
        assert!(Twins::is(&spelling.here(root, &path("\u{e5}.py")).unwrap_err()));
        assert_eq!(spelling.twins(listed()), HashSet::from(["\u{e5}.py".as_bytes().to_vec()]));
        let kept = Spelling::new(Unicode::Keep);
        assert_eq!(kept.here(root, &path("\u{e5}.py")).unwrap(), path("\u{e5}.py"));
        assert!(kept.twins(listed()).is_empty());
    }
}
