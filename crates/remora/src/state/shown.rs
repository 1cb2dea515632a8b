//! Owns what of the state is shown: computes the whole status, and says it when it changed. Decides nothing else.

use remora_mirror::Mirror;
use remora_model::RelPath;

use super::{DebugSession, LinkState, State};
use crate::fault;
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
        let mirror = self.mirror.as_ref().map(Mirror::status).unwrap_or_default();
        let shown = |paths: &[RelPath]| paths.iter().take(PATHS_SHOWN).map(ToString::to_string).collect();
        Status {
            target: self.target.as_ref().map(|target| target.name.clone()),
            remote_root: mirror.remote_root.as_ref().map(ToString::to_string),
            phase: self.phase(&mirror),
            pending: mirror.pending as u64,
            waiting: shown(&mirror.waiting),
            diverged: shown(&mirror.diverged),
            held: mirror.held as u64,
            large: mirror.large.len() as u64,
            failed: failed_files(&mirror),
            paused: self.paused,
            sessions: self.sessions.iter().map(|(id, session)| session.status(*id)).collect(),
            progress: mirror.progress.as_ref().map(upload_progress),
            message: self.message.clone().or_else(|| self.claimed.clone()),
        }
    }

    fn phase(&self, mirror: &remora_mirror::Status) -> Phase {
        match self.link {
            LinkState::Down(_) => Phase::NotConnected,
            LinkState::Connecting { attempt: 0, .. } => Phase::Connecting,
            LinkState::Connecting { .. } | LinkState::Pausing { .. } => Phase::Reconnecting,
            LinkState::Up { .. } if self.is_stale() => Phase::Stale,
            LinkState::Up { .. } if !self.sessions.is_empty() => Phase::Debugging,
            LinkState::Up { .. } if self.paused => Phase::Paused,
            LinkState::Up { .. } if self.mirror.is_none() => Phase::Connected,
            LinkState::Up { .. } => match mirror.phase {
                remora_mirror::Phase::WaitingForLink | remora_mirror::Phase::Comparing => Phase::Comparing,
                remora_mirror::Phase::Uploading => Phase::Uploading,
                remora_mirror::Phase::InSync => Phase::InSync,
                remora_mirror::Phase::Incomplete | remora_mirror::Phase::Halted => Phase::Trouble,
                remora_mirror::Phase::Paused => Phase::Paused,
            },
        }
    }

    /// Whether a program runs an older text than what is on the remote now.
    fn is_stale(&self) -> bool {
        self.sessions.values().any(DebugSession::is_stale)
    }
}

fn failed_files(mirror: &remora_mirror::Status) -> Vec<FailedFile> {
    let failed = mirror.failed.iter().take(PATHS_SHOWN);
    failed
        .map(|(path, error)| FailedFile { path: path.to_string(), reason: fault::mirror(Some(path), error).message })
        .collect()
}

fn upload_progress(progress: &remora_mirror::Progress) -> UploadProgress {
    let remora_mirror::Progress { files_done, files_total, bytes_done, bytes_total } = *progress;
    UploadProgress { files_done, files_total, bytes_done, bytes_total }
}
