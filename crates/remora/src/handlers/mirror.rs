//! Decides what a save, a request to mirror and the mirror's own news lead to.

use std::path::Path;

use remora_agent::TrashLimits;
use remora_mirror::{Config, Mirror, MirrorError, Notice, RemovalLimits};
use remora_model::{Policy, RelPath};
use tokio::sync::oneshot;

use crate::event::{MirrorRequest, Overwrite, Reply};
use crate::fault::{self, Fault};
use crate::jobs::Job;
use crate::question::{Offer, Word};
use crate::state::{LinkState, State, Waiting};
use crate::surface::{Mirrored, Progress, Said};

impl State {
    pub(crate) fn saved(&mut self, path: &Path) -> Vec<Job> {
        let Some(mut jobs) = self.select_for_save() else { return Vec::new() };
        if let Err(fault) = self.ensure_mirror(false) {
            self.say_fault(fault);
            return jobs;
        }
        if let Some(mirror) = &self.mirror {
            mirror.saved(path);
        }
        if matches!(self.link, LinkState::Down(_)) {
            jobs.extend(self.ensure_link());
        }
        jobs
    }

    pub(crate) fn mirror_asked(&mut self, request: MirrorRequest, reply: Reply<Mirrored>) -> Vec<Job> {
        let MirrorRequest { target, overwrite, word } = request;
        self.with_target(target.as_deref(), Waiting::Mirror { overwrite, word, reply }, true)
    }

    pub(crate) fn plan_asked(
        &mut self,
        target: Option<&str>,
        reply: Reply<Vec<remora_mirror::PlannedChange>>,
    ) -> Vec<Job> {
        self.with_target(target, Waiting::Plan(reply), true)
    }

    /// Has a mirror at work for the present target; `paused` keeps a new one from changing anything.
    pub(crate) fn ensure_mirror(&mut self, paused: bool) -> Result<(), Fault> {
        if self.mirror.is_some() {
            return Ok(());
        }
        let settings = self.settings.as_ref().map_err(Clone::clone)?;
        let config = Config {
            local_root: self.workspace.root.clone(),
            remote_root: self.remote_root(),
            create_root: true,
            policy: self.policy(&settings.mirror.policy),
            index_file: self.index_file(),
            overwrite: self.workspace.overwrite,
            watch: self.workspace.watch && settings.mirror.watch,
            trash: TrashLimits {
                seconds: settings.mirror.trash_days.saturating_mul(24 * 60 * 60),
                bytes: settings.mirror.trash_megabytes.saturating_mul(1_000_000),
                entries: settings.mirror.trash_files,
            },
            emptied: self.workspace.delete_many,
            removals: match self.workspace.delete_many {
                true => RemovalLimits::default(),
                false => {
                    RemovalLimits { files: settings.mirror.max_deletes, percent: settings.mirror.max_delete_percent }
                }
            },
        };
        let mirror = remora_mirror::start(config, self.notices.clone()).map_err(|error| fault::mirror(None, &error))?;
        if paused || self.paused {
            mirror.pause();
        }
        if let LinkState::Up { link, .. } = &self.link {
            mirror.link_up(link.clone());
            self.comparing = true;
        }
        self.mirror = Some(mirror);
        Ok(())
    }

    /// What the settings say of it, and for this once the command line.
    fn policy(&self, settings: &Policy) -> Policy {
        let max_file_megabytes = if self.workspace.large_too { 0 } else { settings.max_file_megabytes };
        Policy { max_file_megabytes, ..settings.clone() }
    }

    fn index_file(&self) -> Option<std::path::PathBuf> {
        let target = self.target.as_ref()?;
        let identity = format!("{:?}\n{}\n{}", target.transport, self.remote_root(), self.workspace.root);
        let digest = remora_model::Digest::of(identity.as_bytes()).to_string();
        Some(self.workspace.records.as_ref()?.join(format!("{}.index", &digest[..24])))
    }

    /// The mirror; made anew if other settings came while a request waited.
    pub(crate) fn working_mirror(&mut self, paused: bool) -> Result<Mirror, Fault> {
        self.ensure_mirror(paused)?;
        self.mirror.clone().ok_or_else(|| Fault::internal("There is no mirror."))
    }

    pub(crate) fn pause_asked(&mut self, paused: bool, reply: Reply<()>) -> Vec<Job> {
        self.paused = paused;
        match &self.mirror {
            Some(mirror) if paused => mirror.pause(),
            Some(mirror) => mirror.resume(),
            None => {}
        }
        let _ = reply.send(Ok(()));
        Vec::new()
    }

    pub(crate) fn mirror_all(&mut self, mirror: Mirror, overwrite: Overwrite, reply: Reply<Mirrored>) -> Vec<Job> {
        self.begin_tally();
        vec![Job::MirrorAll { mirror, rescan: !self.comparing, overwrite, reply }]
    }

    /// Asks what becomes of files that are held. The answer may come late, or never.
    fn offer(&mut self, count: usize, offer: Offer) -> Vec<Job> {
        let (reply, answer) = oneshot::channel();
        self.say(Said::Offer(offer, reply));
        vec![Job::AwaitWord { count, answer }]
    }

    /// An answer to an older question says nothing of what came to be held after it; that is asked about anew.
    pub(crate) fn decided(&mut self, count: usize, word: Word) -> Vec<Job> {
        let waiting = |mirror: &&Mirror| match word {
            Word::Held(_) => mirror.status().held,
            Word::Large(_) => mirror.status().large.len(),
        };
        if let Some(mirror) = self.mirror.as_ref().filter(|mirror| waiting(mirror) <= count) {
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

    pub(crate) fn mirror_said(&mut self, notice: Notice) -> Vec<Job> {
        match notice {
            Notice::Mirrored { files, bytes, elapsed, sources, .. } => {
                if !sources.is_empty() {
                    self.sessions.values_mut().for_each(|session| session.outdate(&sources));
                }
                let batch = Mirrored { files, bytes, elapsed };
                match &mut self.tally {
                    Some(tally) => tally.done.add(&batch),
                    None => self.say(Said::Mirrored(batch)),
                }
            }
            Notice::Progress(counts) => {
                let remora_mirror::Progress { files_done, files_total, bytes_done, bytes_total } = counts;
                self.say(Said::Progress(Progress { files_done, files_total, bytes_done, bytes_total }));
            }
            Notice::Resumed { left } => self.say(Said::Resumed(left)),
            Notice::Diverged { path } => {
                let error = remora_mirror::MirrorError::Diverged { path: path.clone() };
                self.mirror_trouble(Some(&path), &error);
            }
            Notice::ManyRemovals { count, paths } => return self.offer(count, Offer::about_held(count, &paths)),
            Notice::LargeFiles { count, files, .. } => return self.offer(count, Offer::about_large(count, &files)),
            Notice::Trouble { path: None, error: error @ MirrorError::Claimed { .. } } => {
                // It holds for as long as the connection, whatever else is told.
                let fault = fault::mirror(None, &error);
                self.claimed = Some(fault.message.clone());
                self.say(Said::Fault(fault));
            }
            Notice::Trouble { path, error } => {
                self.mirror_trouble(path.as_ref(), &error);
                if let MirrorError::LocalRootEmptied { files } = error {
                    return self.offer(files, Offer::about_emptied(files, &error));
                }
            }
            // The status is asked of the mirror itself whenever it is shown.
            Notice::Status(status) if status.phase == remora_mirror::Phase::InSync => self.message = None,
            Notice::Status(_) | Notice::RootReady { .. } => {}
        }
        Vec::new()
    }

    /// What a request waits for is told in its answer, and only there.
    fn mirror_trouble(&mut self, path: Option<&RelPath>, error: &remora_mirror::MirrorError) {
        let fault = fault::mirror(path, error);
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

/// Hands the user's word on.
pub(super) fn decide(mirror: &Mirror, word: Word) {
    match word {
        Word::Held(word) => mirror.decide_held(word),
        Word::Large(word) => mirror.decide_large(word),
    }
}
