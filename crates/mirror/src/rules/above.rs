//! Owns what the repository around the root says of it. Reads its ignore files; never decides what they come to.

use std::path::{Path, PathBuf};

use ignore::gitignore::Gitignore;

use super::gitignore_file;

/// What the repository around the root says: ignore files above the root, innermost first, each with
/// the root's path below it, and `.git/info/exclude`.
#[derive(Default)]
pub(super) struct Above {
    pub(super) git: Vec<(PathBuf, Gitignore)>,
    pub(super) info_exclude: Option<(PathBuf, Gitignore)>,
}

/// Reads it.
pub(super) fn read_above(root: &Path) -> Above {
    let Some(top) = root.ancestors().find(|dir| dir.join(".git").exists()) else {
        return Above::default();
    };
    let prefix = |dir: &Path| root.strip_prefix(dir).map(Path::to_owned).unwrap_or_default();
    let between = root.ancestors().skip(1).take_while(|dir| dir.starts_with(top));
    let git = between.map(|dir| (prefix(dir), gitignore_file(&dir.join(".gitignore")))).collect();
    let info_exclude = Some((prefix(top), gitignore_file(&top.join(".git/info/exclude"))));
    Above { git, info_exclude }
}
