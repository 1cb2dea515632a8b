//! Owns what of the state is shown: computes the whole status, and says it when it changed. Decides nothing else.

use remora_model::RelPath;

use super::{DebugSession, LinkState, State};
use crate::fault;
use crate::folders::FolderName;
use crate::mirrors::{self, Mirrors, added};
use crate::status::{FailedFile, PATHS_SHOWN, Phase, Status, UploadProgress};
use crate::surface::Said;

impl State {
    pub(super) fn show_status(&mut self) {
        let status = self.status();
        if status != self.shown {
            self.shown = status.clone();
            self.say(Said::Status(status));
        }
    }

    /// The whole status, computed from the state and nothing else.
    pub(crate) fn status(&self) -> Status {
        let statuses = self.mirrors.as_ref().map(Mirrors::statuses).unwrap_or_default();
        let shown = |paths: fn(&remora_mirror::Status) -> &[RelPath]| -> Vec<String> {
            let all = statuses.iter().flat_map(|(folder, status)| paths(status).iter().map(move |path| (folder, path)));
            all.take(PATHS_SHOWN).map(|(folder, path)| folder.file(path)).collect()
        };
        let counted = |count: fn(&remora_mirror::Status) -> usize| -> u64 {
            statuses.iter().map(|(_, status)| count(status) as u64).sum()
        };
        Status {
            target: self.target.as_ref().map(|target| target.name.clone()),
            remote_root: statuses.first().and_then(|(_, main)| main.remote_root.as_ref()).map(ToString::to_string),
            phase: self.phase(&statuses),
            pending: counted(|status| status.pending),
            waiting: shown(|status| &status.waiting),
            diverged: shown(|status| &status.diverged),
            held: counted(|status| status.held),
            large: counted(|status| status.large.len()),
            failed: failed_files(&statuses),
            paused: self.paused,
            sessions: self.sessions.iter().map(|(id, session)| session.status(*id)).collect(),
            progress: statuses.iter().filter_map(|(_, status)| status.progress).reduce(added).map(upload_progress),
            message: self.message.clone().or_else(|| self.claimed.clone()),
        }
    }

    fn phase(&self, statuses: &[(FolderName, remora_mirror::Status)]) -> Phase {
        match self.link {
            LinkState::Down(_) => Phase::NotConnected,
            LinkState::Connecting { attempt: 0, .. } => Phase::Connecting,
            LinkState::Connecting { .. } | LinkState::Pausing { .. } => Phase::Reconnecting,
            LinkState::Up { .. } if self.is_stale() => Phase::Stale,
            LinkState::Up { .. } if !self.sessions.is_empty() => Phase::Debugging,
            LinkState::Up { .. } if self.paused => Phase::Paused,
            LinkState::Up { .. } if self.mirrors.is_none() => Phase::Connected,
            LinkState::Up { .. } => match mirrors::phase(statuses) {
                remora_mirror::Phase::WaitingForLink | remora_mirror::Phase::Comparing => Phase::Comparing,
                remora_mirror::Phase::Uploading => Phase::Uploading,
                remora_mirror::Phase::InSync => Phase::InSync,
                remora_mirror::Phase::Incomplete | remora_mirror::Phase::Halted => Phase::Trouble,
                remora_mirror::Phase::Paused => Phase::Paused,
            },
        }
    }

    /// Whether a program runs another text of a file than what is here now.
    fn is_stale(&self) -> bool {
        self.sessions.values().any(DebugSession::is_stale)
    }
}

fn failed_files(statuses: &[(FolderName, remora_mirror::Status)]) -> Vec<FailedFile> {
    let failed = statuses.iter().flat_map(|(folder, status)| status.failed.iter().map(move |failed| (folder, failed)));
    let shown = |(folder, (path, error)): (&FolderName, &(RelPath, _))| FailedFile {
        path: folder.file(path),
        reason: fault::mirror(folder, Some(path), error).message,
    };
    failed.take(PATHS_SHOWN).map(shown).collect()
}

fn upload_progress(progress: remora_mirror::Progress) -> UploadProgress {
    let remora_mirror::Progress { files_done, files_total, bytes_done, bytes_total } = progress;
    UploadProgress { files_done, files_total, bytes_done, bytes_total }
}
