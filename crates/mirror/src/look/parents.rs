//! Owns what is known of the directories above the paths of one group of looks. Most of a group are in one
//! directory, whose parents need be asked only once. Never outlives the group: they may be replaced.

use std::io;

use remora_model::{Kind, RelPath};

use crate::links::Met;
use crate::rules::{Chain, ancestors};
use crate::scan::{Tree, is_absence};

/// The directory of the path that was asked about last.
pub(crate) struct Parents<'a> {
    tree: &'a Tree<'a>,
    known: Option<(Option<RelPath>, Parent)>,
}

/// What the way to a directory is like.
enum Parent {
    /// Directories all the way.
    Fine(Rules),
    /// A part of it is missing, or no directory.
    Broken,
    /// It can't be asked.
    Unknown(io::ErrorKind),
}

/// What the rules say of a directory.
enum Rules {
    /// It is left out, and so is all in it.
    Out,
    /// What is in it is judged by these.
    Chain(Chain),
}

impl<'a> Parents<'a> {
    pub(crate) fn new(tree: &'a Tree<'a>) -> Self {
        Self { tree, known: None }
    }

    /// What the rules say may have changed.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// Whether all parts of the way to `path` are directories; an error if that can't be known.
    pub(super) fn are_directories(&mut self, path: &RelPath) -> io::Result<bool> {
        match self.parent(path) {
            Parent::Fine(_) => Ok(true),
            Parent::Broken => Ok(false),
            Parent::Unknown(kind) => Err((*kind).into()),
        }
    }

    /// Whether `path`, or a directory above it, is left out.
    pub(super) fn ignores(&mut self, path: &RelPath, kind: Kind) -> bool {
        let rules = self.tree.rules;
        match self.parent(path) {
            Parent::Fine(Rules::Out) => true,
            Parent::Fine(Rules::Chain(chain)) => rules.ignores_here(chain, path, kind == Kind::Dir),
            Parent::Broken | Parent::Unknown(_) => rules.ignores(path, kind == Kind::Dir),
        }
    }

    fn parent(&mut self, path: &RelPath) -> &Parent {
        let dir = path.parent();
        if self.known.as_ref().is_some_and(|(known, _)| *known != dir) {
            self.known = None;
        }
        let tree = self.tree;
        &self.known.get_or_insert_with(|| (dir, ask(tree, path))).1
    }
}

fn ask(tree: &Tree<'_>, path: &RelPath) -> Parent {
    let dirs = ancestors(path);
    for dir in &dirs {
        match tree.meet(dir) {
            Ok(Met::Is(entry, _)) if entry.kind == Kind::Dir => {}
            Ok(_) => return Parent::Broken,
            Err(error) if is_absence(&error) => return Parent::Broken,
            Err(error) => return Parent::Unknown(error.kind()),
        }
    }
    let mut chain = tree.rules.chain();
    for dir in &dirs {
        if tree.rules.ignores_here(&chain, dir, true) {
            return Parent::Fine(Rules::Out);
        }
        chain = tree.rules.chain_in(&chain, dir);
    }
    Parent::Fine(Rules::Chain(chain))
}
