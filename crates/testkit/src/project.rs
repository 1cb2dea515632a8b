//! Owns small project trees in temporary folders. Never knows what is done with them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A tree in a temporary folder, removed when dropped.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

impl Project {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::Builder::new().prefix("remora-project-").tempdir().expect("a temporary folder") }
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The path of `name` in the tree.
    #[must_use]
    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.root().join(name.as_ref())
    }

    /// Writes a file, and the folders above it.
    pub fn file(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        make_parent(&path);
        fs::write(path, bytes).expect("the file can be written");
        self
    }

    /// Writes a file that may be executed.
    pub fn executable(&self, name: impl AsRef<OsStr>, bytes: impl AsRef<[u8]>) -> &Self {
        let name = name.as_ref();
        self.file(name, bytes).mode(name, 0o755)
    }

    /// Makes a folder, and those above it.
    pub fn dir(&self, name: impl AsRef<OsStr>) -> &Self {
        fs::create_dir_all(self.path(name)).expect("the folder can be made");
        self
    }

    /// Sets the permission bits of a name. Does nothing on Windows, which has none.
    #[cfg_attr(windows, expect(unused_variables, reason = "there are no modes"))]
    pub fn mode(&self, name: impl AsRef<OsStr>, mode: u32) -> &Self {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect("the mode can be set");
        }
        self
    }

    /// Makes a symbolic link with the text `target`.
    #[cfg(unix)]
    pub fn symlink(&self, name: impl AsRef<OsStr>, target: impl AsRef<OsStr>) -> &Self {
        let path = self.path(name);
        make_parent(&path);
        std::os::unix::fs::symlink(target.as_ref(), path).expect("the link can be made");
        self
    }

    /// Every kind of file that has to arrive unchanged: odd names, links, line ends, modes, sizes.
    #[cfg(unix)]
    #[must_use]
    pub fn odd() -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        let project = Self::new();
        project
            .file("main.py", "import pkg.mod\nprint(pkg.mod.answer())\n")
            .file("pkg/__init__.py", "")
            .file("pkg/mod.py", "def answer():\n    return 42\n")
            .file("crlf.txt", "one\r\ntwo\r\n")
            .file("no end of line", "text")
            .file("with space/in name.txt", "space")
            .file("quote's \"both\".txt", "quotes")
            .file("new\nline.txt", "newline")
            .file("tab\tand\\backslash", "tab")
            .file("-starts-with-dash", "dash")
            .file("~tilde", "tilde")
            .file("$(echo)`id`;&|*?[x]{a,b}", "shell")
            .file("ünïcödé 文字.txt", "unicode")
            .file(OsStr::from_bytes(b"not utf-8 \xff\xfe.txt"), "bytes")
            .file("zeros.bin", [0; 4096])
            .file("all bytes.bin", (0..=255).collect::<Vec<u8>>())
            .file("large.bin", (0..300_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>())
            .executable("run.sh", "#!/bin/sh\nexit 0\n")
            .dir("empty dir")
            .symlink("link to file", "main.py")
            .symlink("link to dir", "pkg")
            .symlink("link to nothing", "no such\nplace")
            .symlink("link outside", "/etc/hostname")
            .file("read only.txt", "read")
            .mode("read only.txt", 0o444)
            .file("private.txt", "private")
            .mode("private.txt", 0o600);
        project
    }
}

fn make_parent(path: &Path) {
    let parent = path.parent().expect("a path below the root has a parent");
    fs::create_dir_all(parent).expect("the folders can be made");
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_odd_tree_is_what_it_says() {
        let project = Project::odd();
        let mode = |name: &str| fs::metadata(project.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("run.sh"), mode("read only.txt"), mode("private.txt")), (0o755, 0o444, 0o600));
        assert_eq!(fs::read_link(project.path("link to nothing")).unwrap(), Path::new("no such\nplace"));
        assert_eq!(fs::read(project.path("crlf.txt")).unwrap(), b"one\r\ntwo\r\n");
        assert_eq!(fs::metadata(project.path("pkg/__init__.py")).unwrap().len(), 0);
        assert_eq!(fs::read_dir(project.root()).unwrap().count(), 24);
    }
}
