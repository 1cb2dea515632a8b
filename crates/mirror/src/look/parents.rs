//! Owns what is known of the directories above the paths of one group of looks. Most of a group are in one
//! directory, whose parents need be asked only once. Never outlives the group: they may be replaced.

use std::collections::HashSet;
use std::io;

use remora_model::{Kind, RelPath};

use crate::links::Met;
use crate::rules::{Chain, ancestors};
use crate::scan::{Tree, is_absence};
use crate::spelling::Twins;

/// The directories above the path that was asked about last, as far as they are directories.
pub(crate) struct Parents<'a> {
    tree: &'a Tree<'a>,
    /// Outermost first; each is in the one before.
    way: Vec<Level>,
    /// What comes next and is no directory, and why the way ends there.
    end: Option<(RelPath, End)>,
    /// The names in the directory that was asked about last, where it matters how they are written.
    names: Option<(Option<RelPath>, HashSet<Vec<u8>>)>,
}

/// A directory on the way.
struct Level {
    dir: RelPath,
    /// What is in it is judged by this; nothing if the directory is left out, and so all in it.
    chain: Option<Chain>,
}

/// Why the way to a path ends.
#[derive(Clone, Copy)]
enum End {
    /// A part of it is missing, or no directory.
    Broken,
    /// It can't be asked.
    Unknown(io::ErrorKind),
    /// Two directories here would be this one there.
    Twins,
}

impl<'a> Parents<'a> {
    pub(crate) fn new(tree: &'a Tree<'a>) -> Self {
        Self { tree, way: Vec::new(), end: None, names: None }
    }

    /// What the rules say may have changed.
    pub(super) fn forget(&mut self) {
        (self.way, self.end) = (Vec::new(), None);
    }

    /// Whether all parts of the way to `path` are directories; an error if that can't be known.
    pub(super) fn are_directories(&mut self, path: &RelPath) -> io::Result<bool> {
        self.go(path);
        match self.end {
            None => Ok(true),
            Some((_, End::Broken)) => Ok(false),
            Some((_, End::Unknown(kind))) => Err(kind.into()),
            Some((_, End::Twins)) => Err(io::Error::other(Twins)),
        }
    }

    /// Whether what was found at `path` is written so here, and is no other file whose name differs in case.
    pub(super) fn is_written(&mut self, path: &RelPath) -> bool {
        let Tree { root, case, .. } = self.tree;
        if !case.folds() {
            return true;
        }
        let dir = path.parent();
        if self.names.as_ref().is_none_or(|(known, _)| *known != dir) {
            let names = case.names(root, dir.as_ref());
            self.names = Some((dir, names));
        }
        // What has come since is asked about by itself.
        self.names.as_ref().is_some_and(|(_, names)| names.contains(path.name())) || case.is_listed(root, path)
    }

    /// Whether `path`, or a directory above it, is left out.
    pub(super) fn ignores(&mut self, path: &RelPath, kind: Kind) -> bool {
        self.go(path);
        let (rules, is_dir) = (self.tree.rules, kind == Kind::Dir);
        match (&self.end, self.way.last()) {
            (Some(_), _) => rules.ignores(path, is_dir),
            (None, None) => rules.ignores_here(&rules.chain(), path, is_dir),
            (None, Some(Level { chain: Some(chain), .. })) => rules.ignores_here(chain, path, is_dir),
            (None, Some(Level { chain: None, .. })) => true,
        }
    }

    /// Goes to the directory that `path` is in, from where it parts from the way to the last one.
    fn go(&mut self, path: &RelPath) {
        let is_above = |dir: &RelPath| path != dir && path.is_within(dir);
        let shared = self.way.iter().take_while(|level| is_above(&level.dir)).count();
        self.way.truncate(shared);
        if self.end.as_ref().is_some_and(|(dir, _)| is_above(dir)) {
            return;
        }
        self.end = None;
        for dir in ancestors(path).into_iter().skip(shared) {
            if let Some(end) = end_at(self.tree, &dir) {
                self.end = Some((dir, end));
                return;
            }
            let rules = self.tree.rules;
            let chain = match self.way.last() {
                None => Some(rules.chain()),
                Some(level) => level.chain.clone(),
            };
            let chain = chain.filter(|chain| !rules.ignores_here(chain, &dir, true));
            let chain = chain.map(|chain| rules.chain_in(&chain, &dir));
            self.way.push(Level { dir, chain });
        }
    }
}

/// Nothing if it is a directory.
fn end_at(tree: &Tree<'_>, dir: &RelPath) -> Option<End> {
    match tree.meet(dir) {
        // Not if it was found under another name.
        Ok(Met::Is(entry, _)) if entry.kind == Kind::Dir && tree.case.is_listed(tree.root, dir) => None,
        Ok(_) => Some(End::Broken),
        Err(error) if is_absence(&error) => Some(End::Broken),
        Err(error) if Twins::is(&error) => Some(End::Twins),
        Err(error) => Some(End::Unknown(error.kind())),
    }
}
