//! Owns what a file of the project is called: here, there, and to a person. Pure.

use std::path::Path;

use remora_model::{LocalPath, RelPath, RemotePath};

use crate::request::Mapping;

/// A file of the project: in which of its folders, and where in that.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct File {
    folder: usize,
    pub(crate) path: RelPath,
}

/// The folders of a project, one within another before that.
#[derive(Debug)]
pub(crate) struct Project(Vec<Mapping>);

impl Project {
    pub(crate) fn new(mappings: Vec<Mapping>) -> Self {
        Self(mappings)
    }

    /// The file that a local path is.
    pub(crate) fn by_local(&self, path: &Path) -> Option<File> {
        self.0.iter().enumerate().find_map(|(folder, mapping)| {
            let path = mapping.local_root.relative(path)?;
            Some(File { folder, path })
        })
    }

    /// The file that a remote path is.
    pub(crate) fn by_remote(&self, path: &str) -> Option<File> {
        self.0.iter().enumerate().find_map(|(folder, mapping)| {
            let root = mapping.remote_root.to_string();
            let inside = path.strip_prefix(root.trim_end_matches('/'))?.strip_prefix('/')?;
            Some(File { folder, path: RelPath::new(inside).ok()? })
        })
    }

    /// Another file of the same folder.
    pub(crate) fn beside(&self, file: &File, path: RelPath) -> File {
        File { folder: file.folder, path }
    }

    pub(crate) fn local_root(&self, file: &File) -> &LocalPath {
        &self.0[file.folder].local_root
    }

    pub(crate) fn there(&self, file: &File) -> RemotePath {
        self.0[file.folder].remote_root.join(&file.path)
    }

    /// The remote root of each folder, with those of the files that are in it, by their places in the list.
    pub(crate) fn by_folder<'a>(&'a self, files: &[File]) -> Vec<(&'a RemotePath, Vec<usize>)> {
        let of = |folder: usize| (0..files.len()).filter(|&at| files[at].folder == folder).collect::<Vec<usize>>();
        let all = self.0.iter().enumerate().map(|(folder, mapping)| (&mapping.remote_root, of(folder)));
        all.filter(|(_, places)| !places.is_empty()).collect()
    }

    /// Whether one of its folders is mapped so.
    pub(crate) fn maps(&self, local: &str, remote: &str) -> bool {
        let same =
            |mapping: &Mapping| mapping.local_root.to_string() == local && mapping.remote_root.to_string() == remote;
        self.0.iter().any(same)
    }

    /// What a person calls it: of several folders, the one is not to be taken for another.
    pub(crate) fn name(&self, file: &File) -> String {
        match self.0.len() {
            1 => file.path.to_string(),
            _ => self.local_root(file).join(&file.path).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_the_innermost_folder_here_and_there() {
        let mapping = |local: &str, remote: &str| Mapping {
            local_root: LocalPath::new(local).unwrap(),
            remote_root: RemotePath::new(remote).unwrap(),
        };
        let project = Project::new(vec![mapping("/here/lib", "/usr/lib/own"), mapping("/here", "/there")]);
        let lib = project.by_local(Path::new("/here/lib/a.py")).unwrap();
        assert_eq!(project.there(&lib).to_string(), "/usr/lib/own/a.py");
        assert_eq!(project.by_remote("/usr/lib/own/a.py"), Some(lib.clone()));
        let own = project.by_remote("/there/b/a.py").unwrap();
        assert_eq!(project.name(&own), "/here/b/a.py");
        assert_eq!(project.by_folder(&[own, lib]).iter().map(|(_, at)| at[0]).collect::<Vec<_>>(), [1, 0]);
        assert_eq!((project.by_local(Path::new("/else/a.py")), project.by_remote("/thereby/a.py")), (None, None));
    }
}
