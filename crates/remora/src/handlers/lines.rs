//! Decides which sessions hear that files were changed, here or there, so that what their clients were told of their
//! lines stays true. Never judges a line.

use std::path::{Path, PathBuf};

use remora_debug::Session;
use remora_mirror::{Notice, PATHS_NAMED, Phase};
use remora_model::RelPath;

use crate::folders::FolderName;
use crate::mirrors;
use crate::state::{DebugSession, State};

impl State {
    /// A file that was saved and is not about to be sent. Of all others the mirror tells when they are there.
    pub(crate) fn saved_and_kept(&self, path: &Path) {
        let sends = |phase: Phase| matches!(phase, Phase::InSync | Phase::Incomplete) || is_under_way(phase);
        if !self.mirrors_phase().is_some_and(sends) {
            self.lines_changed(&[path.to_owned()]);
        }
    }

    /// What a mirror's news means for those who debug.
    pub(crate) fn lines_concerned(&self, folder: &FolderName, notice: &Notice) {
        match notice {
            Notice::Mirrored { paths, sources, .. } => {
                self.paths_changed(folder, &[&paths[..], &sources[..]].concat());
                // There may be more of them than are named.
                if sources.len() >= PATHS_NAMED {
                    self.debuggees().for_each(Session::all_changed);
                }
            }
            Notice::Diverged { path } | Notice::Trouble { path: Some(path), .. } => {
                self.paths_changed(folder, std::slice::from_ref(path));
            }
            Notice::Status(status) => {
                let under_way = self.is_mirroring();
                self.debuggees().for_each(|one| one.mirroring(under_way));
                if status.phase == Phase::Paused {
                    // Changes that nobody saved in the editor.
                    self.paths_changed(folder, &status.waiting);
                }
            }
            _ => {}
        }
    }

    fn debuggees(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter_map(DebugSession::listening).map(AsRef::as_ref)
    }

    /// Whether files are on their way.
    pub(crate) fn is_mirroring(&self) -> bool {
        self.mirrors_phase().is_some_and(is_under_way)
    }

    pub(crate) fn mirrors_phase(&self) -> Option<Phase> {
        self.mirrors.as_ref().map(|all| mirrors::phase(&all.statuses()))
    }

    fn paths_changed(&self, folder: &FolderName, paths: &[RelPath]) {
        let folders = self.folders();
        let Some(folder) = folders.iter().find(|known| known.name == *folder) else { return };
        let files: Vec<PathBuf> = paths.iter().map(|path| folder.local.join(path).as_path().to_owned()).collect();
        self.lines_changed(&files);
    }

    fn lines_changed(&self, files: &[PathBuf]) {
        self.debuggees().for_each(|one| one.changed(files));
    }
}

fn is_under_way(phase: Phase) -> bool {
    matches!(phase, Phase::Comparing | Phase::Uploading)
}
