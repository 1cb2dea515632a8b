//! Words why a file is mirrored, or not: one sentence that names the rule.

use std::path::Path;

use remora_mirror::{LeftLink, Rule, Why};
use remora_model::{Kind, RelPath};

use super::mirror;
use crate::handlers::Question;
use crate::size::bytes;

/// Why a file is mirrored, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// Whether it is.
    pub mirrored: bool,
    /// That, and why, in one sentence.
    pub sentence: String,
}

/// The sentence for `why`, with what the mirror at work knows of the file.
#[must_use]
pub fn explained(why: &Why, question: &Question) -> Explained {
    let root = &question.folder.local;
    let name = |path: &RelPath| question.folder.name.file(path);
    let not = |path: &RelPath, because: &str| format!("{} is not mirrored: {because}", name(path));
    let waiting = waits(why, question);
    let sentence = match why {
        Why::Mirrored { path, size, .. } if waiting.is_some() => {
            let limit = question.policy.max_file_megabytes;
            let size = bytes(*size);
            let it = format!("it has {size}, more than the {limit} MB of remora.mirror.maxFileMegabytes");
            not(path, &format!("{it}, and {}", waiting.unwrap_or_default()))
        }
        Why::Mirrored { path, kind, kept_by, .. } => {
            let there =
                question.remote_root.as_deref().map(|root| format!(" to {}/{path}", root.trim_end_matches('/')));
            let there = there.unwrap_or_default();
            let how = match kind {
                Kind::Symlink => format!("{} is mirrored{there} as the symbolic link that it is", name(path)),
                _ => format!("{} is mirrored{there}", name(path)),
            };
            format!("{how}{}{}", kept_by.as_ref().and_then(exception).unwrap_or_default(), standing(path, question))
        }
        Why::LeftOut { path, what, rule } => {
            let it = if what == path { "it".to_owned() } else { format!("{}/", name(what)) };
            not(path, &left_out(rule, what, &it))
        }
        Why::BehindLink { path, link } => {
            not(path, &format!("{} is a symbolic link, which is mirrored as a link and not followed", name(link)))
        }
        Why::LinkLeft { path, link, why } => {
            let why = match why {
                LeftLink::Skipped => "which the setting remora.mirror.symlinks, \"skip\", leaves out",
                LeftLink::Broken => "which leads nowhere; what was mirrored of it stays there",
                LeftLink::Endless => "which leads to a folder that it is in, without an end",
            };
            not(path, &format!("{} is a symbolic link, {why}", name(link)))
        }
        Why::Special(path) => not(path, "it is a socket, a pipe or a device"),
        Why::Missing(path) => not(path, &format!("there is no such file here{}", standing(path, question))),
        Why::Unreadable(error) => mirror(&question.folder.name, None, error).message,
        Why::Root => {
            let there = question.remote_root.as_deref().map(|root| format!(", to {root}")).unwrap_or_default();
            format!("{root} is the folder that is mirrored{there}")
        }
        Why::Outside => format!("{} is not mirrored: it is not in the folder {root}", question.file.display()),
    };
    let mirrored = matches!(why, Why::Mirrored { .. } | Why::Root) && waiting.is_none();
    Explained { mirrored, sentence: format!("{}.", sentence.trim_end_matches('.')) }
}

/// Of a file that is in none of several folders.
#[must_use]
pub fn in_no_folder(file: &Path) -> Explained {
    let sentence = format!("{} is not mirrored: it is in none of the folders that the target mirrors.", file.display());
    Explained { mirrored: false, sentence }
}

/// What a large file waits for, if it does.
fn waits(why: &Why, question: &Question) -> Option<&'static str> {
    let Why::Mirrored { path, kind: Kind::File, size, .. } = why else { return None };
    let limit = question.policy.max_file_bytes();
    match &question.mirror {
        _ if limit == 0 || *size <= limit => None,
        None => Some("is sent when you say so, with --large-too or in the editor"),
        Some(mirror) if mirror.declined.contains(path) => Some("you said to leave it out"),
        Some(mirror) if mirror.large.iter().any(|(large, _)| large == path) => Some("waits for your word"),
        Some(_) => None,
    }
}

fn left_out(rule: &Rule, what: &RelPath, it: &str) -> String {
    match rule {
        Rule::Setting(pattern) => format!("the setting remora.mirror.exclude, \"{pattern}\", leaves {it} out"),
        Rule::Line { .. } => format!("{}, leaves {it} out", line(rule)),
        // These take in.
        Rule::Include(_) | Rule::Leads(_) => exception(rule).unwrap_or_default(),
        Rule::Default(pattern) => {
            format!("Remora leaves out {pattern}; write !{pattern} into .remoraignore to have it")
        }
        Rule::Environment => {
            format!("Remora leaves out virtual environments ({what}/); write !{what}/ into .remoraignore to have it")
        }
        Rule::Elsewhere => {
            format!("the target's mappings have {it}, or what would be its place on the remote, somewhere else")
        }
        Rule::Temporary => "it is a temporary file of Remora's own".to_owned(),
    }
}

/// `line 3 of src/.gitignore, "*.log"`.
fn line(rule: &Rule) -> String {
    match rule {
        Rule::Line { file, line: Some(line), pattern } => format!("line {line} of {}, \"{pattern}\"", file.display()),
        Rule::Line { file, line: None, pattern } => format!("a line of {}, \"{pattern}\"", file.display()),
        _ => String::new(),
    }
}

/// Of a file that an exception takes in again; what Remora takes in by itself is not worth a word.
fn exception(rule: &Rule) -> Option<String> {
    match rule {
        Rule::Setting(pattern) => Some(format!(": the setting remora.mirror.exclude, \"{pattern}\", takes it in")),
        Rule::Include(pattern) => Some(format!(": the setting remora.mirror.include, \"{pattern}\", takes it in")),
        Rule::Leads(pattern) => {
            Some(format!(": the setting remora.mirror.include, \"{pattern}\", takes in something below it"))
        }
        Rule::Line { .. } => Some(format!(": {}, takes it in", line(rule))),
        Rule::Default(_) | Rule::Environment | Rule::Temporary | Rule::Elsewhere => None,
    }
}

/// How it stands with a file at the moment, where there is more to say than that all is well.
fn standing(path: &RelPath, question: &Question) -> String {
    let paused = if question.paused { "; mirroring is paused" } else { "" };
    let Some(mirror) = &question.mirror else { return paused.to_owned() };
    if mirror.diverged.contains(path) {
        return "; somebody else changed it on the remote, and it is left alone until you choose".to_owned();
    }
    if let Some((_, error)) = mirror.failed.iter().find(|(failed, _)| failed == path) {
        return format!(
            "; its last upload failed and is tried again: {}",
            super::mirror(&question.folder.name, Some(path), error).message
        );
    }
    if mirror.waiting.contains(path) {
        return format!("; its last change is not there yet{paused}");
    }
    paused.to_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
