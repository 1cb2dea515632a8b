//! Owns what must hold: of two trees, of what somebody else did to one of them, and of what the mirror said. Reads no
//! file and asks no mirror; all it knows is handed in.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::hands::{Found, Snapshot};

/// How many ignore files there are to choose from.
pub const IGNORE_FILES: u32 = 4;

/// The text of an ignore file; none for the first.
pub fn ignore_file(which: u32) -> Option<&'static str> {
    [None, Some("/b\n"), Some("e/\n"), Some("*.log\n!keep.log\n")][which as usize]
}

/// Whether a name is left out by that ignore file, or by default.
fn is_left_out(which: u32, path: &Path, is_dir: &dyn Fn(&Path) -> bool) -> bool {
    let by_itself = |path: &Path| {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let by_default = name.ends_with(b".pyc") || (name == b"node_modules" && is_dir(path));
        by_default
            || match which {
                1 => path == Path::new("b"),
                2 => name == b"e" && is_dir(path),
                3 => name.ends_with(b".log") && name != b"keep.log",
                _ => false,
            }
    };
    path.ancestors().filter(|path| !path.as_os_str().is_empty()).any(by_itself)
}

/// What the mirror says can't be as it is here.
#[derive(Debug, Default)]
pub struct Reported {
    pub diverged: BTreeSet<PathBuf>,
    pub failed: BTreeMap<PathBuf, String>,
}

impl Reported {
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        self.diverged.iter().chain(self.failed.keys())
    }

    fn excuses(&self, path: &Path) -> bool {
        self.paths().any(|reported| path.starts_with(reported) || reported.starts_with(path))
    }
}

/// What is known of a sequence so far.
#[derive(Default)]
pub struct Model {
    /// Files and links that somebody else put there: they have to stay as they are.
    theirs: Snapshot,
    /// All that somebody else made there, and that is not known to have gone.
    made: BTreeSet<PathBuf>,
    /// What they took away. A folder of ours that they took is made anew below whatever goes there, without a word
    /// to the mirror; so an empty one may be left.
    taken: BTreeSet<PathBuf>,
    /// What they changed without changing its size and time: no comparison can see that.
    sly: BTreeSet<PathBuf>,
    /// What the user wants replaced, whatever it is, until that is done.
    given_up: BTreeSet<PathBuf>,
    /// The ignore files that there were, and the last of them.
    ignore_files: BTreeSet<u32>,
    ignore_file: u32,
}

impl Model {
    /// There is another ignore file.
    pub fn ignore(&mut self, which: u32) {
        self.ignore_files.insert(which);
        self.ignore_file = which;
    }

    /// Somebody else is about to take away what stands at `path` and below.
    pub fn they_clear(&mut self, path: &Path) {
        let concerned = |other: &Path| other.starts_with(path);
        self.theirs.retain(|other, _| !concerned(other) && !path.starts_with(other));
        self.made.retain(|other| !concerned(other));
        self.sly.retain(|other| !concerned(other));
        self.taken.insert(path.to_owned());
    }

    /// Somebody else made this.
    pub fn they_made(&mut self, path: &Path) {
        self.made.insert(path.to_owned());
    }

    /// Somebody else put this there, and it has to stay.
    pub fn they_put(&mut self, path: &Path, what: Found) {
        self.made.insert(path.to_owned());
        if !self.given_up.iter().any(|given_up| path.starts_with(given_up)) {
            self.theirs.insert(path.to_owned(), what);
        }
    }

    /// They did it so that size and time are what they were.
    pub fn they_were_sly(&mut self, path: &Path) {
        self.sly.insert(path.to_owned());
    }

    /// What of theirs stands at `path` and below.
    pub fn theirs_below(&self, path: &Path) -> Vec<(PathBuf, Found)> {
        let below = self.theirs.iter().filter(|(other, _)| other.starts_with(path));
        below.map(|(other, what)| (other.clone(), what.clone())).collect()
    }

    pub fn is_theirs(&self, path: &Path) -> bool {
        self.theirs.contains_key(path)
    }

    /// The user chose: this need not stay.
    pub fn give_up(&mut self, path: &Path) {
        self.theirs.remove(path);
        self.sly.remove(path);
        self.given_up.insert(path.to_owned());
    }

    /// Nothing of what the user chose is left to be done.
    pub fn settled(&mut self) {
        self.given_up.clear();
    }

    /// Nothing that somebody else put there was touched.
    pub fn check_theirs(&self, there: &dyn Fn(&Path) -> Option<Found>) -> Result<(), String> {
        for (path, what) in &self.theirs {
            let now = there(path);
            if now.as_ref() != Some(what) {
                return Err(format!("lost: {path:?} was somebody else's: {what:?}; now {now:?}"));
            }
        }
        Ok(())
    }

    /// Both trees are the same, save what was never to be mirrored, what is somebody else's, and what the
    /// mirror says; and what it says is so.
    pub fn check(&self, here: &Snapshot, there: &Snapshot, reported: &Reported, modes: bool) -> Result<(), String> {
        let is_dir = |path: &Path| matches!(here.get(path), Some(Found::Dir { .. }));
        let wanted = |path: &Path| !is_left_out(self.ignore_file, path, &is_dir);
        for (path, what) in here.iter().filter(|(path, _)| wanted(path)) {
            let now = there.get(path);
            let same = match (what, now) {
                (Found::Dir { mode }, Some(Found::Dir { mode: now })) => {
                    !modes || self.made.contains(path) || mode | 0o700 == *now
                }
                _ => now == Some(what),
            };
            if !same && !reported.excuses(path) && !self.sly.contains(path) {
                return Err(format!("differs: {path:?} is {what:?} here, and there {now:?}; {reported:?}"));
            }
        }
        for (path, what) in there {
            let here = here.contains_key(path) && wanted(path);
            if !here && !self.may_stay(path, there) && !reported.excuses(path) {
                return Err(format!("should not be there: {path:?}, {what:?}; {reported:?}"));
            }
        }
        match reported.paths().find(|path| !self.is_in_the_way(path, there)) {
            Some(path) => Err(format!("reported for no reason: {path:?}; {reported:?}")),
            None => Ok(()),
        }
    }

    /// What somebody else made, what was left out at one time, and folders that hold such a thing.
    fn may_stay(&self, path: &Path, there: &Snapshot) -> bool {
        let below = there.keys().filter(|other| other.starts_with(path));
        let is_left = |other: &PathBuf| {
            matches!(there[other], Found::Dir { .. }) && self.taken.iter().any(|taken| other.starts_with(taken))
        };
        below.into_iter().any(|other| self.made.contains(other) || self.was_left_out(other) || is_left(other))
    }

    fn was_left_out(&self, path: &Path) -> bool {
        let files = self.ignore_files.iter().copied().chain([0]);
        files.into_iter().any(|which| is_left_out(which, path, &|_| true))
    }

    /// Whether something that is not ours stands at, below or above this path.
    fn is_in_the_way(&self, path: &Path, there: &Snapshot) -> bool {
        there.iter().any(|(other, what)| {
            let above = path.starts_with(other) && !matches!(what, Found::Dir { .. });
            let foreign = self.made.contains(other) || self.was_left_out(other);
            foreign && (above || other == path || other.starts_with(path))
        })
    }
}

/// Whether there is nothing but what is here, and all of that; for sequences in which nobody else took part.
pub fn is_same(model: &Model, here: &Snapshot, there: &Snapshot) -> Result<(), String> {
    model.check(here, there, &Reported::default(), false)
}
