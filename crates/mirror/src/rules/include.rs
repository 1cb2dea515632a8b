//! Owns what the `include` setting takes in, and which folders have to be entered for it. Reads nothing; never
//! weighs it against other rules.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::MirrorError;

/// The patterns of the setting.
pub(super) struct Includes {
    all: Gitignore,
    /// Those that name their way from the root. They alone reach into a folder that is left out: a mere name would
    /// have every one of these searched.
    rooted: Gitignore,
    /// A rooted pattern, and the folders that lead to what it names.
    ways: Vec<(String, Gitignore)>,
}

impl Includes {
    /// # Errors
    /// [`MirrorError::Other`] for a pattern that can't be understood.
    pub(super) fn new(patterns: &[String]) -> Result<Self, MirrorError> {
        let rooted = patterns.iter().filter(|pattern| !way(pattern).is_empty() || pattern.starts_with('/'));
        let ways = patterns.iter().map(|pattern| Ok((pattern.clone(), build(&way(pattern))?)));
        let ways: Vec<(String, Gitignore)> = ways.collect::<Result<_, MirrorError>>()?;
        let ways = ways.into_iter().filter(|(_, way)| !way.is_empty()).collect();
        Ok(Self { all: build(patterns)?, rooted: build(&rooted.cloned().collect::<Vec<_>>())?, ways })
    }

    /// The pattern that takes this in, or a folder above it; within a folder that is left out only rooted ones do.
    pub(super) fn takes_in(&self, path: &Path, is_dir: bool, shut: bool) -> Option<&str> {
        let patterns = if shut { &self.rooted } else { &self.all };
        match patterns.matched_path_or_any_parents(path, is_dir) {
            Match::Ignore(glob) => Some(glob.original()),
            Match::None | Match::Whitelist(_) => None,
        }
    }

    /// The pattern that may take in something below this folder.
    pub(super) fn leads_through(&self, dir: &Path) -> Option<&str> {
        let leads = |(_, way): &&(String, Gitignore)| way.matched(dir, true).is_ignore();
        self.ways.iter().find(leads).map(|(pattern, _)| pattern.as_str())
    }

    /// Whether no folder is ever entered for what is below it.
    pub(super) fn leads_nowhere(&self) -> bool {
        self.ways.is_empty()
    }
}

fn build(patterns: &[String]) -> Result<Gitignore, MirrorError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| MirrorError::Other(error.to_string()))?;
    }
    builder.build().map_err(|error| MirrorError::Other(error.to_string()))
}

/// Patterns of the folders on the way to what `pattern` names: of `a/*/b/c` these are `/a/`, `/a/*/` and `/a/*/b/`.
/// From a `**` on it is every folder.
fn way(pattern: &str) -> Vec<String> {
    let named = pattern.trim_end_matches('/').trim_start_matches('/');
    let parts: Vec<&str> = named.split('/').collect();
    if parts[0] == "**" || pattern.starts_with('!') {
        return Vec::new();
    }
    let any = parts.iter().position(|part| *part == "**").unwrap_or(parts.len() - 1);
    let mut way: Vec<String> = (1..=any).map(|count| format!("/{}/", parts[..count].join("/"))).collect();
    if any < parts.len() - 1 {
        way.push(format!("/{}/**/", parts[..any].join("/")));
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_what_is_named_is_known() {
        for (pattern, folders) in [
            ("*.log", &[][..]),
            ("/top", &[]),
            ("dist/", &[]),
            ("**/dist", &[]),
            ("!a/b", &[]),
            ("a/b", &["/a/"]),
            ("/a/b/", &["/a/"]),
            ("a/*/b/c", &["/a/", "/a/*/", "/a/*/b/"]),
            ("a/b/**", &["/a/", "/a/b/"]),
            ("a/**/b", &["/a/", "/a/**/"]),
        ] {
            assert_eq!(way(pattern), folders, "{pattern}");
        }
    }
}
