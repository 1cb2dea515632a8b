//! Decides what a save, a request to mirror and the mirror's own news lead to.

use std::path::Path;
use std::sync::Arc;

use remora_agent::TrashLimits;
use remora_mirror::{Config, Mirror, MirrorError, Notice, Phase, RemovalLimits};
use remora_model::{MirrorSettings, Policy, RelPath};
use tokio::sync::oneshot;

use crate::event::{MirrorRequest, Overwrite, Reply};
use crate::fault::{self, Fault};
use crate::folders::{Folder, FolderName};
use crate::jobs::Job;
use crate::mirrors::{Mirrors, One, Planned, decide};
use crate::question::{Offer, Word};
use crate::state::{LinkState, State, Waiting};
use crate::surface::{Mirrored, Progress, Said};

impl State {
    pub(crate) fn saved(&mut self, path: &Path) -> Vec<Job> {
        let Some(mut jobs) = self.select_for_save() else { return Vec::new() };
        if let Err(fault) = self.ensure_mirrors(false) {
            self.say_fault(fault);
            return jobs;
        }
        if let Some(mirrors) = &self.mirrors {
            mirrors.saved(path);
        }
        self.saved_and_kept(path);
        if matches!(self.link, LinkState::Down(_)) {
            jobs.extend(self.ensure_link());
        }
        jobs
    }

    pub(crate) fn mirror_asked(&mut self, request: MirrorRequest, reply: Reply<Mirrored>) -> Vec<Job> {
        let MirrorRequest { target, overwrite, word } = request;
        self.with_target(target.as_deref(), Waiting::Mirror { overwrite, word, reply }, true)
    }

    pub(crate) fn plan_asked(&mut self, target: Option<&str>, reply: Reply<Vec<Planned>>) -> Vec<Job> {
        self.with_target(target, Waiting::Plan(reply), true)
    }

    /// Has the mirrors at work for the present target; `paused` keeps new ones from changing anything.
    pub(crate) fn ensure_mirrors(&mut self, paused: bool) -> Result<(), Fault> {
        if self.mirrors.is_some() {
            return Ok(());
        }
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let mut all = Vec::new();
        for folder in self.folders() {
            let (notices, name) = (self.notices.clone(), folder.name.clone());
            let tell = move |notice| drop(notices.send((name.clone(), notice)));
            let mirror = remora_mirror::start_telling(self.config(&folder, &settings.mirror), Arc::new(tell))
                .map_err(|error| fault::mirror(&folder.name, None, &error))?;
            all.push(One { folder, mirror });
        }
        let mirrors = Mirrors::new(all);
        if paused || self.paused {
            mirrors.pause();
        }
        if let LinkState::Up { link, .. } = &self.link {
            mirrors.link_up(link);
            self.comparing = true;
        }
        self.mirrors = Some(mirrors);
        Ok(())
    }

    fn config(&self, folder: &Folder, settings: &MirrorSettings) -> Config {
        Config {
            local_root: folder.local.clone(),
            remote_root: folder.remote.clone(),
            create_root: true,
            above: folder.above.clone(),
            policy: Policy { elsewhere: folder.elsewhere.clone(), ..self.policy(&settings.policy) },
            index_file: self.index_file(folder),
            overwrite: self.workspace.overwrite,
            watch: self.workspace.watch && settings.watch,
            trash: TrashLimits {
                seconds: settings.trash_days.saturating_mul(24 * 60 * 60),
                bytes: settings.trash_megabytes.saturating_mul(1_000_000),
                entries: settings.trash_files,
            },
            emptied: self.workspace.delete_many,
            removals: match self.workspace.delete_many {
                true => RemovalLimits::default(),
                false => RemovalLimits { files: settings.max_deletes, percent: settings.max_delete_percent },
            },
        }
    }

    /// What the settings say, and for this once the command line.
    fn policy(&self, settings: &Policy) -> Policy {
        let max_file_megabytes = if self.workspace.large_too { 0 } else { settings.max_file_megabytes };
        Policy { max_file_megabytes, ..settings.clone() }
    }

    fn index_file(&self, folder: &Folder) -> Option<std::path::PathBuf> {
        let target = self.target.as_ref()?;
        let identity = format!("{:?}\n{}\n{}", target.transport, folder.remote, folder.local);
        let digest = remora_model::Digest::of(identity.as_bytes()).to_string();
        Some(self.workspace.records.as_ref()?.join(format!("{}.index", &digest[..24])))
    }

    /// The mirrors; made anew if other settings came while a request waited.
    pub(crate) fn working_mirrors(&mut self, paused: bool) -> Result<Mirrors, Fault> {
        self.ensure_mirrors(paused)?;
        self.mirrors.clone().ok_or_else(|| Fault::internal("There is no mirror."))
    }

    pub(crate) fn pause_asked(&mut self, paused: bool, reply: Reply<()>) -> Vec<Job> {
        self.paused = paused;
        match &self.mirrors {
            Some(mirrors) if paused => mirrors.pause(),
            Some(mirrors) => mirrors.resume(),
            None => {}
        }
        let _ = reply.send(Ok(()));
        Vec::new()
    }

    pub(crate) fn mirror_all(&mut self, mirrors: Mirrors, overwrite: Overwrite, reply: Reply<Mirrored>) -> Vec<Job> {
        self.begin_tally();
        vec![Job::MirrorAll { mirrors, rescan: !self.comparing, overwrite, reply }]
    }

    /// Asks what becomes of files that are held. The answer may come late, or never.
    fn offer(&mut self, folder: FolderName, count: usize, offer: Offer) -> Vec<Job> {
        let (reply, answer) = oneshot::channel();
        self.say(Said::Offer(offer, reply));
        vec![Job::AwaitWord { folder, count, answer }]
    }

    /// An answer to an older question says nothing of what came to be held after it; that is asked about anew.
    pub(crate) fn decided(&mut self, folder: &FolderName, count: usize, word: Word) -> Vec<Job> {
        let waiting = |mirror: &&Mirror| match word {
            Word::Held(_) => mirror.status().held,
            Word::Large(_) => mirror.status().large.len(),
            Word::Stale(_) => 0,
        };
        let mirror = self.mirrors.as_ref().and_then(|mirrors| mirrors.of(folder));
        if let Some(mirror) = mirror.filter(|mirror| waiting(mirror) <= count) {
            decide(mirror, word);
        }
        Vec::new()
    }

    pub(crate) fn begin_tally(&mut self) {
        self.tally.get_or_insert_default().waiting += 1;
    }

    /// What was mirrored while the request waited that ends now, or while an earlier one did that it overlaps.
    pub(crate) fn end_tally(&mut self) -> Mirrored {
        let Some(tally) = &mut self.tally else { return Mirrored::default() };
        let done = tally.done.clone();
        tally.waiting = tally.waiting.saturating_sub(1);
        if tally.waiting == 0 {
            self.tally = None;
        }
        done
    }

    pub(crate) fn mirror_ended(&mut self, result: Result<(), Fault>, reply: Reply<Mirrored>) -> Vec<Job> {
        let done = self.end_tally();
        let answer = match result {
            Ok(()) => Ok(done),
            Err(fault) => {
                if done.files > 0 {
                    self.say(Said::Mirrored(done));
                }
                Err(fault)
            }
        };
        // Who has cancelled the request is told what came of it all the same: the upload went on.
        match reply.send(answer) {
            Ok(()) => {}
            Err(Ok(done)) => self.say(Said::Mirrored(done)),
            Err(Err(fault)) => self.say_fault(fault),
        }
        Vec::new()
    }

    pub(crate) fn mirror_said(&mut self, folder: FolderName, notice: Notice) -> Vec<Job> {
        self.lines_concerned(&folder, &notice);
        let mut jobs = self.heard(folder, notice);
        jobs.extend(self.next_for_stale());
        jobs
    }

    fn heard(&mut self, folder: FolderName, notice: Notice) -> Vec<Job> {
        match notice {
            Notice::Mirrored { files, bytes, elapsed, .. } => {
                let batch = Mirrored { files, bytes, elapsed };
                match &mut self.tally {
                    Some(tally) => tally.done.add(&batch),
                    None => self.say(Said::Mirrored(batch)),
                }
            }
            Notice::Progress(counts) => {
                let counts = self.mirrors.as_ref().map_or(counts, |mirrors| mirrors.progress(&counts, &folder));
                let remora_mirror::Progress { files_done, files_total, bytes_done, bytes_total } = counts;
                self.say(Said::Progress(Progress { files_done, files_total, bytes_done, bytes_total }));
            }
            Notice::Resumed { left } => self.say(Said::Resumed(left)),
            Notice::Diverged { path } => {
                let error = MirrorError::Diverged { path: path.clone() };
                self.mirror_trouble(&folder, Some(&path), &error);
            }
            Notice::ManyRemovals { count, paths } => {
                let offer = Offer::about_held(&folder, count, &paths);
                return self.offer(folder, count, offer);
            }
            Notice::LargeFiles { count, files, .. } => {
                let offer = Offer::about_large(&folder, count, &files);
                return self.offer(folder, count, offer);
            }
            Notice::Trouble { path: None, error: error @ MirrorError::Claimed { .. } } => {
                // It holds for as long as the connection, whatever else is told.
                let fault = fault::mirror(&folder, None, &error);
                self.claimed = Some(fault.message.clone());
                self.say(Said::Fault(fault));
            }
            Notice::Trouble { path, error } => {
                self.mirror_trouble(&folder, path.as_ref(), &error);
                if let MirrorError::LocalRootEmptied { files } = error {
                    let offer = Offer::about_emptied(&folder, files, &error);
                    return self.offer(folder, files, offer);
                }
            }
            // The status is asked of the mirrors themselves whenever it is shown.
            Notice::Status(status) if status.phase == Phase::InSync => {
                let statuses = self.mirrors.as_ref().map(Mirrors::statuses).unwrap_or_default();
                if statuses.iter().all(|(name, status)| *name == folder || status.phase == Phase::InSync) {
                    self.message = None;
                }
            }
            Notice::Status(_) | Notice::RootReady { .. } => {}
        }
        Vec::new()
    }

    /// What a request waits for is told in its answer, and only there.
    fn mirror_trouble(&mut self, folder: &FolderName, path: Option<&RelPath>, error: &MirrorError) {
        let fault = fault::mirror(folder, path, error);
        if self.tally.is_some() {
            tracing::warn!(%fault, "while a request waits");
        } else if path.is_some() {
            // The status names the file, and the reason, for as long as it holds.
            self.say(Said::Fault(fault));
        } else {
            self.say_fault(fault);
        }
    }
}
