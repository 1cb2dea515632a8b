//! Owns how the remote root is opened, and the record of what is ours in it: the one over the link, the other on a
//! blocking thread. Decides nothing.

use std::path::Path;
use std::time::{Duration, SystemTime};

use remora_agent::{AgentError, Claim};
use remora_model::RemotePath;

use super::Task;
use crate::error::MirrorError;
use crate::event::Event;
use crate::index::{Index, Opened};
use crate::notice::Notice;
use crate::record::Records;
use crate::survey::open_root;

/// What came of one half.
pub(super) enum Opening {
    /// The root, over that link.
    Root(u64, Result<RemotePath, MirrorError>),
    /// The record of this root.
    Index(RemotePath, Result<Opened, std::io::Error>),
    /// No earlier agent of ours is at work in this root any more, or not to be waited for, and what is recorded of it.
    Clear(u64, RemotePath, Option<Records>),
}

/// What has reached an agent is worked off in less, when its connection is gone; that of this very mirror is ended. One
/// whose end of the connection lives on without news has nothing to do; a second window of this folder never ends.
const EARLIER_AGENT: Duration = Duration::from_secs(3);

/// Who we are, to others who mirror to the same remote root.
pub(super) fn own_claim(root: &Path) -> Claim {
    let named = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Claim {
        host: host_name(),
        user: named(&["USER", "LOGNAME", "USERNAME"]),
        root: root.display().to_string(),
        since: since.as_secs(),
        mirror: format!("{}-{:x}", std::process::id(), since.as_nanos()),
    }
}

#[cfg(unix)]
fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host_name() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

impl Task {
    pub(super) fn open_root(&mut self, number: u64) {
        let Some((_, link)) = self.link.clone() else { return };
        let (given, create) = (self.config.remote_root.clone(), self.config.create_root);
        let (above, roots) = (self.config.above.clone(), self.roots.clone());
        self.jobs.spawn(async move {
            for folder in above {
                // What is wrong with it is said by whoever has it for a root.
                let _ = open_root(&link, &folder, create).await;
            }
            let root = open_root(&link, &given, create).await;
            let _ = roots.send(Opening::Root(number, root));
        });
    }

    pub(super) fn opened(&mut self, opening: Opening) {
        match opening {
            Opening::Root(link, root) => {
                if !self.is_current(link) {
                    return;
                }
                match root {
                    Err(error) => self.on(Event::RootOpened(link, Err(error))),
                    Ok(root) if self.known_root.as_ref() == Some(&root) => self.clear_root(link, root, None),
                    Ok(root) => {
                        self.wanted_root = Some((link, root));
                        self.open_index();
                    }
                }
            }
            Opening::Clear(link, root, records) if self.is_current(link) => self.root_opened(link, root, records),
            // Whatever is wanted next is read again.
            Opening::Clear(..) => {}
            Opening::Index(root, index) => {
                self.is_index_opening = false;
                match self.wanted_root.take() {
                    Some((link, wanted)) if self.is_current(link) && wanted == root => {
                        self.index_opened((link, root), index);
                    }
                    // Not needed for now: whatever is wanted next is read again.
                    wanted => {
                        self.wanted_root = wanted.filter(|(link, _)| self.is_current(*link));
                        self.open_index();
                    }
                }
            }
        }
    }

    fn is_current(&self, link: u64) -> bool {
        self.link.as_ref().is_some_and(|(number, _)| *number == link)
    }

    /// Opens the index of the root that is wanted. One at a time, whichever link it is for: opening writes it anew, and
    /// what came first would go on writing to a file that is not there any more.
    fn open_index(&mut self) {
        let Some((link, root)) = self.wanted_root.clone() else { return };
        let Some(place) = self.config.index_file.clone() else {
            self.wanted_root = None;
            return self.clear_root(link, root, Some(Records::default()));
        };
        if std::mem::replace(&mut self.is_index_opening, true) {
            return;
        }
        let (local_root, roots) = (self.local.root.clone(), self.roots.clone());
        self.jobs.spawn_blocking(move || {
            let index = Index::open(&place, &local_root, &root);
            let _ = roots.send(Opening::Index(root, index));
        });
    }

    fn index_opened(&mut self, (link, root): (u64, RemotePath), index: Result<Opened, std::io::Error>) {
        let mut records = Records::default();
        match index {
            Ok(opened) => {
                self.index = Some(opened.index);
                records = opened.records;
                if let Some(problem) = opened.problem {
                    self.tell(Notice::Trouble { path: None, error: MirrorError::Record(problem) });
                }
            }
            Err(error) => self.index_failed(&error),
        }
        self.clear_root(link, root, Some(records));
    }

    /// An earlier agent may still work off what had reached it when its connection went: whoever asks now what is there
    /// would take it for somebody else's afterwards. So as long as something is not known to have arrived, the agent
    /// that has the claim of ours is waited for.
    fn clear_root(&mut self, link: u64, root: RemotePath, records: Option<Records>) {
        let unsure = records.as_ref().unwrap_or(self.state.records()).intended().next().is_some();
        self.claim(link, root, records, if unsure { EARLIER_AGENT } else { Duration::ZERO });
    }

    fn root_opened(&mut self, link: u64, root: RemotePath, records: Option<Records>) {
        self.keep_trash(root.clone());
        self.known_root = Some(root.clone());
        self.remote_root = Some(root.clone());
        self.on(Event::RootOpened(link, Ok((root, records))));
    }

    /// Says that we mirror there, and hears who else does. Two windows of one local folder are no news to anybody.
    fn claim(&mut self, number: u64, remote_root: RemotePath, records: Option<Records>, wait: Duration) {
        let Some((_, link)) = self.link.clone() else { return };
        let (own, notices, roots) = (self.own_claim.clone(), self.notices.clone(), self.roots.clone());
        // With nobody to wait for, what is asked next need not wait for the answer.
        let cleared = move |root, records| drop(roots.send(Opening::Clear(number, root, records)));
        let mut left = Some(records);
        if wait.is_zero() {
            left.take().into_iter().for_each(|records| cleared(remote_root.clone(), records));
        }
        self.jobs.spawn(async move {
            match link.claim(&remote_root, &own, wait).await {
                Ok(Some(Claim { host, user, root, .. }))
                    if (&host, &user, &root) != (&own.host, &own.user, &own.root) =>
                {
                    notices(Notice::Trouble { path: None, error: MirrorError::Claimed { host, user, root } });
                }
                Ok(_) => {}
                Err(error) => tracing::info!(%error, "the remote root can't be claimed"),
            }
            left.into_iter().for_each(|records| cleared(remote_root.clone(), records));
        });
    }

    /// Begins before the first change can leave; what could not be kept is told once.
    fn keep_trash(&mut self, root: RemotePath) {
        let Some((_, link)) = self.link.clone() else { return };
        let (limits, notices) = (self.config.trash, self.notices.clone());
        self.jobs.spawn(async move {
            let reason = match link.keep_trash(&root, limits).await {
                Ok(reason) => reason,
                Err(AgentError::Op(op)) => Some(op.message),
                Err(AgentError::Lost(_)) => None,
            };
            if let Some(reason) = reason {
                notices(Notice::Trouble { path: None, error: MirrorError::Trash(reason) });
            }
        });
    }
}
