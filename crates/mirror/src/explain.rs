//! Owns the answer to why a path is mirrored, or not: the same rules as everywhere, asked for their reason. Reads
//! the ignore files as they are now; blocking. Never changes anything, and needs no mirror at work.

use std::path::Path;

use remora_model::{Entry, Kind, LocalPath, Policy, RelPath};

use crate::case::Case;
use crate::error::MirrorError;
use crate::links::{LeftLink, Links, Met};
use crate::place::{canonical, relative};
use crate::rules::{Rule, Rules, Verdict, ancestors, line_of};
use crate::scan::{Tree, is_absence};
use crate::spelling::Spelling;

/// Why a path is mirrored, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is.
    Mirrored {
        /// Below both roots.
        path: RelPath,
        /// What is there.
        kind: Kind,
        /// How large it is, if it is a file.
        size: u64,
        /// The rule that takes an exception for it, if one does.
        kept_by: Option<Rule>,
    },
    /// A rule leaves it out.
    LeftOut {
        /// What was asked about.
        path: RelPath,
        /// What the rule is about: the same, or a folder above it.
        what: RelPath,
        /// The rule.
        rule: Rule,
    },
    /// A part of the way is a symbolic link, which is mirrored as a link.
    BehindLink {
        /// What was asked about.
        path: RelPath,
        /// The link.
        link: RelPath,
    },
    /// It is, or is behind, a symbolic link that is not mirrored.
    LinkLeft {
        /// What was asked about.
        path: RelPath,
        /// The link.
        link: RelPath,
        /// Why it is not.
        why: LeftLink,
    },
    /// It is a socket, a pipe or a device.
    Special(RelPath),
    /// There is no such file here, and no rule would leave it out.
    Missing(RelPath),
    /// It can't be looked at.
    Unreadable(MirrorError),
    /// It is the mirrored folder itself.
    Root,
    /// It is not in the mirrored folder.
    Outside,
}

/// Says why `path` is mirrored, or not.
///
/// # Errors
/// [`MirrorError::LocalRootGone`]; [`MirrorError::Other`] for a pattern that can't be understood.
pub fn explain_path(root: &LocalPath, policy: &Policy, path: &Path) -> Result<Why, MirrorError> {
    let given = root;
    let root = canonical(given.as_path()).ok_or(MirrorError::LocalRootGone)?;
    if path == given.as_path() || canonical(path).is_some_and(|path| path == root) {
        return Ok(Why::Root);
    }
    let Some(path) = relative(&root, given, path) else { return Ok(Why::Outside) };
    let (spelling, case) = (Spelling::new(policy.unicode), Case::of(&root));
    let path = spelling.there(case.written(&root, &path));
    let rules = Rules::new(&root, policy)?;
    let links = Links::new(policy);
    let (root, rules, links) = (&root, &rules, &links);
    let tree = Tree { root, rules, links, spelling, case: &case, modes: policy.modes, on_dir: &|_| {} };
    for dir in ancestors(&path) {
        let is_kept = || rules.verdict_from_the_root(&dir, false).is_none_or(|(_, verdict)| !verdict.out);
        match tree.meet(&dir) {
            Ok(Met::Is(Entry { kind: Kind::Symlink, .. }, _)) if is_kept() => {
                return Ok(Why::BehindLink { path, link: dir });
            }
            Ok(Met::Left(why)) if is_kept() => return Ok(Why::LinkLeft { path, link: dir, why }),
            _ => {}
        }
    }
    let found = match tree.meet(&path) {
        Ok(Met::Is(entry, _)) => Some(entry),
        Ok(Met::Left(why)) => return Ok(Why::LinkLeft { link: path.clone(), path, why }),
        Err(error) if is_absence(&error) => None,
        Err(error) => return Ok(Why::Unreadable(MirrorError::unreadable(&path, &error))),
    };
    let verdict = rules.verdict_from_the_root(&path, found.as_ref().is_some_and(|found| found.kind == Kind::Dir));
    Ok(match (verdict, found) {
        (Some((what, Verdict { out: true, rule, .. })), _) => Why::LeftOut { path, what, rule: with_line(root, rule) },
        (_, None) => Why::Missing(path),
        (_, Some(Entry { kind: Kind::Other, .. })) => Why::Special(path),
        (kept, Some(Entry { kind, size, .. })) => {
            Why::Mirrored { path, kind, size, kept_by: kept.map(|(_, verdict)| with_line(root, verdict.rule)) }
        }
    })
}

/// The rule with its line, and its file named from the root if it is below.
fn with_line(root: &Path, rule: Rule) -> Rule {
    match rule {
        Rule::Line { file, pattern, .. } => {
            let line = line_of(&file, &pattern);
            let file = file.strip_prefix(root).map(Path::to_owned).unwrap_or(file);
            Rule::Line { file, line, pattern }
        }
        rule => rule,
    }
}
