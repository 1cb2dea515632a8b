//! Owns the checks of the checkout as text: its files, its rules, its borders. Decides and reports;
//! never changes a file. `tests/tidy.rs` runs it; `tidy.toml` holds the exceptions.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub mod borders;
pub mod exceptions;
pub mod rules;

/// One text file of the checkout.
#[derive(Debug, Clone)]
pub struct Source {
    /// Relative to the top, with forward slashes.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Something that breaks a rule, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the top.
    pub path: String,
    /// The line, counted from 1; 0 speaks of the file as a whole.
    pub line: usize,
    /// What is wrong and what to do.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(out, "{}: {}", self.path, self.problem),
            line => write!(out, "{}:{line}: {}", self.path, self.problem),
        }
    }
}

/// The top of the checkout.
#[must_use]
pub fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("invariant: the package is a folder of the checkout").into()
}

/// Every text file below `top` that git would not ignore, sorted by path.
///
/// # Errors
/// A folder or file that can't be read.
pub fn sources(top: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let walk = ignore::WalkBuilder::new(top)
        .hidden(false)
        .require_git(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_path(Path::cmp)
        .build();
    for entry in walk {
        let entry = entry.map_err(io::Error::other)?;
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path().strip_prefix(top).map_err(io::Error::other)?;
        let path = path.to_string_lossy().replace('\\', "/");
        // What is not UTF-8 (a wheel, a picture) is not a source.
        if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
            found.push(Source { path, text });
        }
    }
    Ok(found)
}
