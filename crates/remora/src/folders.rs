//! Owns which local folders a target mirrors, where each goes, and what the files in them are called. Pure: asks no
//! file system. Never mirrors anything.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use remora_debug::Mapping;
use remora_model::{LocalPath, RelPath, RemotePath, Target, TransportSpec};
use serde_json::{Value, json};

use crate::fault::{self, Fault, Kind};

/// A local folder that is mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Here.
    pub local: LocalPath,
    /// There, as the user gave it; `~` and `~/…` mean the login's home.
    pub remote: String,
    /// What it is called.
    pub name: FolderName,
    /// What of it is not its own: folders that have, or whose remote place has, a mapping of its own.
    pub elsewhere: Vec<RelPath>,
    /// Remote folders on the way to it from that of another one, outermost first.
    pub above: Vec<String>,
}

impl Folder {
    /// The workspace, of which it is not said where it goes.
    pub(crate) fn workspace(local: &LocalPath) -> Self {
        let name = FolderName::default();
        Self { local: local.clone(), remote: default_remote(local), name, elsewhere: Vec::new(), above: Vec::new() }
    }

    /// Whether it is in another one here.
    pub(crate) fn lies_in(&self, other: &Self) -> bool {
        self.local != other.local && self.local.as_path().starts_with(other.local.as_path())
    }
}

/// Where a folder is, seen from the workspace: what stands before the names of the files in it. Nothing for the
/// workspace itself.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderName(Option<Arc<str>>);

impl FolderName {
    fn of(workspace: &LocalPath, local: &LocalPath) -> Self {
        let (from, to) = (workspace.as_path(), local.as_path());
        let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
        if shared == 0 {
            // On another drive.
            return Self(Some(local.to_string().into()));
        }
        let up = from.components().skip(shared).map(|_| "..".to_owned());
        let down = to.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
        let name = up.chain(down).collect::<Vec<_>>().join("/");
        Self(Some(name).filter(|name| !name.is_empty()).map(Into::into))
    }

    /// What a file in the folder is called.
    #[must_use]
    pub fn file(&self, path: &RelPath) -> String {
        self.0.as_ref().map_or_else(|| path.to_string(), |folder| format!("{folder}/{path}"))
    }

    /// The same for a machine, which is told names that are not Unicode too.
    #[must_use]
    pub fn json(&self, path: &RelPath) -> Value {
        if self.0.is_none() { json!(path) } else { json!(self.file(path)) }
    }

    /// The path in the folder of what is called so, if it is in it.
    #[must_use]
    pub fn path_of(&self, name: &str) -> Option<RelPath> {
        let inside = match &self.0 {
            None => name,
            Some(folder) => name.strip_prefix(&**folder)?.strip_prefix('/')?,
        };
        RelPath::new(inside.as_bytes()).ok()
    }

    /// Whether it is the workspace.
    #[must_use]
    pub fn is_workspace(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("."))
    }
}

impl fmt::Debug for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FolderName({self})")
    }
}

/// Where a folder is mirrored to when the target does not say.
fn default_remote(local: &LocalPath) -> String {
    let name = local.as_path().file_name().map(|name| name.to_string_lossy().into_owned());
    format!("~/remora/{}", name.unwrap_or_else(|| "root".into()))
}

/// The remote folder in which programs start: that of the workspace, or of the first mapping where the workspace is
/// not mirrored.
pub(crate) fn main_remote(workspace: &LocalPath, target: &Target) -> String {
    match (&target.remote_root, target.mappings.first()) {
        (Some(remote), _) => remote.clone(),
        (None, Some(first)) => first.remote.clone(),
        (None, None) => default_remote(workspace),
    }
}

/// The folders that a target mirrors, that in which programs start first.
///
/// # Errors
/// What is wrong with the first one that can't be, or with two that can't be together.
pub(crate) fn folders(workspace: &LocalPath, target: &Target) -> Result<Vec<Folder>, Fault> {
    let mut places = Vec::new();
    if target.remote_root.is_some() || target.mappings.is_empty() {
        places.push((workspace.clone(), main_remote(workspace, target)));
    }
    for mapping in &target.mappings {
        places.push((local(workspace, &mapping.local)?, mapping.remote.clone()));
    }
    for (index, (local, remote)) in places.iter().enumerate() {
        if !is_absolute(remote) {
            return Err(fault::not_absolute(remote));
        }
        if target.transport == TransportSpec::Local
            && let Some((holder, _)) = places.iter().find(|(holder, _)| Path::new(remote).starts_with(holder.as_path()))
        {
            return Err(into_itself(remote, holder));
        }
        for (other, its_remote) in &places[..index] {
            if other == local {
                return Err(wrong(format!("{local} is mapped twice, to {its_remote} and to {remote}")));
            }
            if bare(its_remote) == bare(remote) {
                return Err(wrong(format!("{other} and {local} are both mapped to {remote}")));
            }
            let (theirs, ours) = ((other.as_path(), its_remote.as_str()), (local.as_path(), remote.as_str()));
            if is_crossed(theirs, ours) || is_crossed(ours, theirs) {
                return Err(wrong(format!(
                    "{other} and {local} lie in each other, one here and the other on the remote"
                )));
            }
        }
    }
    Ok(places.iter().map(|(local, remote)| folder(workspace, (local, remote), &places)).collect())
}

fn folder(workspace: &LocalPath, (local, remote): (&LocalPath, &str), all: &[(LocalPath, String)]) -> Folder {
    let here = all.iter().filter_map(|(other, _)| local.relative(other.as_path()));
    let there = all.iter().filter_map(|(_, other)| RelPath::new(below(other, remote)?.as_bytes()).ok());
    let mut elsewhere: Vec<RelPath> = here.chain(there).collect();
    elsewhere.sort();
    elsewhere.dedup();
    let outer = all.iter().filter_map(|(_, other)| Some((bare(other), below(remote, other)?)));
    let above = outer.max_by_key(|(outer, _)| std::cmp::Reverse(outer.len())).map(|(outer, inside)| {
        let ends = inside.match_indices('/').map(|(end, _)| format!("{outer}/{}", &inside[..end]));
        std::iter::once(outer.to_owned()).chain(ends).collect()
    });
    Folder {
        local: local.clone(),
        remote: remote.to_owned(),
        name: FolderName::of(workspace, local),
        elsewhere,
        above: above.unwrap_or_default(),
    }
}

/// Each folder before those that it lies in, here or there: who looks for the one that holds a path takes the first.
pub(crate) fn inner_first<T: Clone>(all: &[T], lies_in: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut left: Vec<T> = all.to_vec();
    let mut sorted = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let next = left.iter().position(|one| !left.iter().any(|other| lies_in(other, one)));
        // Nothing lies in each other: that was refused.
        sorted.push(left.remove(next.unwrap_or_default()));
    }
    sorted
}

/// The folders as a debugger is told them.
pub(crate) fn mappings(roots: &[(LocalPath, RemotePath)]) -> Vec<Mapping> {
    let lies_in = |one: &(LocalPath, RemotePath), other: &(LocalPath, RemotePath)| {
        let here = one.0 != other.0 && one.0.as_path().starts_with(other.0.as_path());
        here || below(&one.1.to_string(), &other.1.to_string()).is_some()
    };
    let mapping = |(local_root, remote_root)| Mapping { local_root, remote_root };
    inner_first(roots, lies_in).into_iter().map(mapping).collect()
}

/// The folder that a local file belongs to, and its path there.
pub(crate) fn holder<'a>(folders: &'a [Folder], file: &Path) -> Option<(&'a Folder, RelPath)> {
    let held = folders.iter().filter_map(|folder| Some((folder, folder.local.relative(file)?)));
    held.max_by_key(|(folder, _)| folder.local.as_path().components().count())
}

/// Whether a remote root stands for itself, wherever the login starts: absolute, or below the home.
pub(crate) fn is_absolute(root: &str) -> bool {
    root.starts_with('/') || root == "~" || root.starts_with("~/")
}

fn local(workspace: &LocalPath, given: &str) -> Result<LocalPath, Fault> {
    if given.starts_with(['~', '$']) {
        return Err(wrong(format!(
            "the local folder {given} must be absolute, or be named as seen from the workspace"
        )));
    }
    let path = clean(&workspace.as_path().join(given));
    LocalPath::new(path).map_err(|error| wrong(format!("the local folder {given} can't be used: {error}")))
}

/// `path` without `.` and `..`; links stay, because the editor knows files by those names.
pub(crate) fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut clean, part| {
        match part {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            part => clean.push(part),
        }
        clean
    })
}

/// What of `path` is below `root`, both remote.
fn below<'a>(path: &'a str, root: &str) -> Option<&'a str> {
    bare(path).strip_prefix(bare(root))?.strip_prefix('/').filter(|inside| !inside.is_empty())
}

fn bare(remote: &str) -> &str {
    remote.trim_end_matches('/')
}

/// Whether the second lies in the first here, and holds it there: no path of either would be told apart.
fn is_crossed((local, remote): (&Path, &str), (other, its_remote): (&Path, &str)) -> bool {
    other.starts_with(local) && below(remote, its_remote).is_some()
}

fn into_itself(remote: &str, local: &LocalPath) -> Fault {
    Fault::new(
        Kind::BadRequest,
        format!("The remote root {remote} lies in the local root {local}; it would be mirrored into itself."),
        "Choose a folder outside with --remote-root, or the target's remoteRoot or mappings.",
    )
}

fn wrong(what: String) -> Fault {
    Fault::new(
        Kind::BadSettings,
        format!("The target's mappings can't be used: {what}."),
        "Correct them in remora.targets in .vscode/settings.json.",
    )
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
