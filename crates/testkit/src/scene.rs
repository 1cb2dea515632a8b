//! A user, a project here, and a place for it there: where stories of the command line begin.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::command::User;

/// A user with a project and a remote root that is not made yet.
pub struct Scene {
    /// Who runs `remora`.
    pub user: User,
    /// Holds both folders.
    pub folder: TempDir,
    /// The flags that name the target, such as `--local`.
    pub target: Vec<String>,
}

impl Scene {
    /// A project of these files; `binary` is the program to test, the target is this machine.
    #[must_use]
    pub fn new(binary: &str, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let scene = Self { user: User::new(binary), folder, target: vec!["--local".into()] };
        fs::create_dir(scene.local()).expect("a folder can be made in a new one");
        files.iter().for_each(|(name, text)| scene.write(name, text));
        scene
    }

    /// The local folder.
    #[must_use]
    pub fn local(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// The remote folder.
    #[must_use]
    pub fn remote(&self) -> PathBuf {
        self.folder.path().join("there")
    }

    /// Writes a local file, with its folders.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.local().join(name);
        fs::create_dir_all(path.parent().expect("invariant: it is below a folder")).expect("folders can be made");
        fs::write(path, text).expect("a file can be written");
    }

    /// The text of a remote file.
    #[must_use]
    pub fn there(&self, name: &str) -> String {
        fs::read_to_string(self.remote().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The arguments of a command on this scene, with `--json` except for `launch-json`.
    #[must_use]
    pub fn args(&self, command: &str, rest: &[&str]) -> Vec<String> {
        let (local, remote) = (self.local(), self.remote());
        let roots = ["--root", text(&local), "--remote-root", text(&remote)].map(String::from);
        let json = (command != "launch-json").then(|| "--json".to_owned());
        let rest = rest.iter().map(ToString::to_string);
        std::iter::once(command.to_owned()).chain(self.target.clone()).chain(roots).chain(json).chain(rest).collect()
    }
}

/// The line of a Python program that has this comment behind it; the first is 1.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn line_of(program: &str, comment: &str) -> u32 {
    let found = program.lines().position(|line| line.ends_with(&format!("  # {comment}")));
    let index = found.unwrap_or_else(|| panic!("no line for {comment}"));
    u32::try_from(index).expect("invariant: no program is that long") + 1
}

/// A path that is text, as all in a scene are.
#[must_use]
pub fn text(path: &Path) -> &str {
    path.to_str().expect("invariant: temporary folders have plain names")
}
