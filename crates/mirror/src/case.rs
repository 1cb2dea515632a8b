//! Owns what the local file system makes of upper and lower case: whether it takes `A.py` and `a.py` for one file, as
//! macOS and Windows do, and which of the two its name is. The remote tells them apart, so a name counts there only as
//! it is written here. Asks the file system, and keeps nothing but whether it has to be asked.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use remora_model::{RelPath, composed};

/// How many names of the root are tried.
const TRIED: usize = 8;

/// Whether names that differ in case only are one here.
#[derive(Debug, Default)]
pub(crate) struct Case {
    folds: AtomicBool,
}

impl Case {
    /// That of the file system that this folder is on.
    pub(crate) fn of(root: &Path) -> Self {
        let case = Self::default();
        case.ask(root);
        case
    }

    /// Asks anew; of a root without names it is not known.
    pub(crate) fn ask(&self, root: &Path) {
        self.folds.store(folds(root), Ordering::Relaxed);
    }

    pub(crate) fn folds(&self) -> bool {
        self.folds.load(Ordering::Relaxed)
    }

    /// The path as it is written here. What is not here is written as it is given.
    pub(crate) fn written(&self, root: &Path, path: &RelPath) -> RelPath {
        if !self.folds() {
            return path.clone();
        }
        let mut written: Option<RelPath> = None;
        for part in path.parts() {
            let name = as_written(names(root, written.as_ref()), part);
            let next = match &written {
                None => RelPath::new(name),
                Some(dir) => dir.child(&name),
            };
            match next {
                Ok(next) => written = Some(next),
                Err(_) => return path.clone(),
            }
        }
        written.unwrap_or_else(|| path.clone())
    }

    /// Whether the last part of the path, at which something was found, is written so here. Where the folder can't be
    /// read it is taken for true.
    pub(crate) fn is_listed(&self, root: &Path, path: &RelPath) -> bool {
        if !self.folds() {
            return true;
        }
        let names = names(root, path.parent().as_ref());
        names.is_empty() || names.contains(path.name())
    }

    /// The names in a folder, if it matters how they are written.
    pub(crate) fn names(&self, root: &Path, dir: Option<&RelPath>) -> HashSet<Vec<u8>> {
        if self.folds() { names(root, dir) } else { HashSet::new() }
    }
}

fn names(root: &Path, dir: Option<&RelPath>) -> HashSet<Vec<u8>> {
    let place = dir.map_or_else(|| root.to_owned(), |dir| root.join(dir.to_local()));
    let mut names = HashSet::new();
    for item in fs::read_dir(place).into_iter().flatten().flatten() {
        let name = item.file_name();
        // Either spelling finds the file, and the composed one is what it is called there.
        names.insert(composed(name.as_encoded_bytes()).into_owned());
        names.insert(name.into_encoded_bytes());
    }
    names
}

/// The name that is this but for its case; this, where there is none or it is there itself.
fn as_written(names: HashSet<Vec<u8>>, given: &[u8]) -> Vec<u8> {
    if names.contains(given) {
        return given.to_vec();
    }
    let folded = |name: &[u8]| String::from_utf8_lossy(&composed(name)).to_lowercase();
    let wanted = folded(given);
    names.into_iter().find(|name| folded(name) == wanted).unwrap_or_else(|| given.to_vec())
}

/// Whether a name of the root is found when it is written in the other case, which no name there is.
fn folds(root: &Path) -> bool {
    let names = names(root, None);
    let mut tried = names.iter().filter_map(|name| Some((name, swapped(name)?)));
    let other = tried.by_ref().filter(|(_, swapped)| !names.contains(swapped.as_bytes())).take(TRIED);
    let found: Vec<bool> = other.map(|(_, swapped)| root.join(swapped).symlink_metadata().is_ok()).collect();
    !found.is_empty() && found.into_iter().all(|found| found)
}

/// The name with each of its plain letters in the other case; nothing where there is none.
fn swapped(name: &[u8]) -> Option<String> {
    let swap = |letter: char| match letter {
        'a'..='z' => letter.to_ascii_uppercase(),
        'A'..='Z' => letter.to_ascii_lowercase(),
        other => other,
    };
    let name = std::str::from_utf8(name).ok()?;
    name.contains(|letter: char| letter.is_ascii_alphabetic()).then(|| name.chars().map(swap).collect())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn path(name: &str) -> RelPath {
        RelPath::new(name).unwrap()
    }

    #[test]
    fn a_path_is_taken_as_it_is_written_here() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir_all(root.join("Src/deep")).unwrap();
        for name in ["Src/App.py", "Src/deep/\u{dc}ber.py", "both", "Both"] {
            fs::write(root.join(name), "").unwrap();
        }
        let case = Case { folds: true.into() };
        for (given, written) in [
            ("src/app.PY", "Src/App.py"),
            ("Src/App.py", "Src/App.py"),
            ("SRC/DEEP/\u{fc}BER.py", "Src/deep/\u{dc}ber.py"),
            ("src/New.py", "Src/New.py"),
            ("nowhere/New.py", "nowhere/New.py"),
            ("both", "both"),
            ("Both", "Both"),
        ] {
            assert_eq!(case.written(root, &path(given)), path(written));
        }
        for (given, listed) in
            [("Src/App.py", true), ("Src/app.py", false), ("both", true), ("BOTH", false), ("nowhere/x", true)]
        {
            assert_eq!(case.is_listed(root, &path(given)), listed, "{given}");
        }
    }

    #[test]
    fn a_file_system_that_tells_case_apart_is_never_taken_for_one_that_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert!(!Case::of(root).folds(), "nothing is known of an empty folder");
        for name in ["1", "a", "A", "b"] {
            fs::write(root.join(name), "").unwrap();
            assert!(!Case::of(root).folds());
        }
        assert_eq!(Case::of(root).written(root, &path("B")), path("B"));
    }

    #[test]
    fn only_plain_letters_have_another_case() {
        for (name, expected) in [("aB1\u{e9}", Some("Ab1\u{e9}")), ("1", None), ("\u{e9}", None)] {
            assert_eq!(swapped(name.as_bytes()).as_deref(), expected);
        }
        assert_eq!(swapped(b"\xff"), None);
    }
}
