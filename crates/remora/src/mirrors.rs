//! Owns the mirrors of one target, one for each of its folders, and what they are together. Never holds the state of
//! any: that lives in their own tasks.

use std::path::Path;
use std::sync::Arc;

use remora_agent::Link;
use remora_mirror::{Barrier, Blocked, Mirror, MirrorError, Phase, PlannedChange, Progress, Status};
use remora_model::{Digest, LocalPath, RemotePath};

use crate::event::Overwrite;
use crate::fault::{self, Fault};
use crate::folders::{Folder, FolderName, inner_first};
use crate::question::Word;

/// All mirrors of a target. Clones share them; when the last is dropped they end.
#[derive(Clone)]
pub struct Mirrors {
    /// The one in whose folder programs start comes first.
    all: Arc<[One]>,
}

/// One folder and its mirror.
#[derive(Clone)]
pub struct One {
    /// The folder.
    pub folder: Folder,
    /// Its mirror.
    pub mirror: Mirror,
}

/// Everything that was pending in any folder when it was asked for is on the remote.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// What is where; the folder in which programs start comes first.
    pub roots: Vec<(LocalPath, RemotePath)>,
    /// What stands there, as one digest.
    pub manifest: Digest,
}

/// What would be done to one path.
#[derive(Debug, Clone)]
pub struct Planned {
    /// In which folder.
    pub folder: FolderName,
    /// What.
    pub change: PlannedChange,
}

impl Mirrors {
    /// Takes charge of them.
    pub fn new(all: Vec<One>) -> Self {
        Self { all: all.into() }
    }

    /// That of one folder.
    #[must_use]
    pub fn of(&self, folder: &FolderName) -> Option<&Mirror> {
        self.all.iter().find(|one| one.folder.name == *folder).map(|one| &one.mirror)
    }

    /// A connection is there (again).
    pub fn link_up(&self, link: &Link) {
        self.each(|mirror| mirror.link_up(link.clone()));
    }

    /// The connection is gone.
    pub fn link_lost(&self) {
        self.each(Mirror::link_lost);
    }

    /// A file was saved. Each passes over what is not its own.
    pub fn saved(&self, path: &Path) {
        self.each(|mirror| mirror.saved(path));
    }

    /// Nothing is sent for now.
    pub fn pause(&self) {
        self.each(Mirror::pause);
    }

    /// Sends again.
    pub fn resume(&self) {
        self.each(Mirror::resume);
    }

    /// Hands the user's word on to all.
    pub fn decide(&self, word: Word) {
        self.each(|mirror| decide(mirror, word));
    }

    /// The statuses, each with its folder's name.
    #[must_use]
    pub fn statuses(&self) -> Vec<(FolderName, Status)> {
        self.all.iter().map(|one| (one.folder.name.clone(), one.mirror.status())).collect()
    }

    /// How far the bulk uploads are together, given the news of one.
    #[must_use]
    pub fn progress(&self, news: &Progress, of: &FolderName) -> Progress {
        let others =
            self.all.iter().filter(|one| one.folder.name != *of).filter_map(|one| one.mirror.status().progress);
        others.fold(*news, added)
    }

    /// Waits until everything is on the remote; with `rescan`, everything that is found by comparing now.
    ///
    /// # Errors
    /// Why it can't be, of the first folder that can't.
    pub async fn barrier(&self, rescan: bool) -> Result<Arrived, Fault> {
        if rescan {
            self.each(Mirror::rescan);
        }
        let mut passed = Vec::new();
        for one in &*self.all {
            let barrier = one.mirror.barrier().await;
            passed.push((one, barrier.map_err(|blocked| fault::blocked(&one.folder.name, &blocked))?));
        }
        let roots = passed.iter().map(|(one, passed)| (one.folder.local.clone(), passed.remote_root.clone())).collect();
        Ok(Arrived { roots, manifest: manifest(&passed) })
    }

    /// Has everything on the remote. Each folder is served, whatever comes of another one.
    ///
    /// # Errors
    /// What came of the first that can't.
    pub async fn mirror_all(&self, rescan: bool, overwrite: &Overwrite) -> Result<(), Fault> {
        if rescan {
            self.each(Mirror::rescan);
        }
        let mut result = Ok(());
        for one in &*self.all {
            let name = &one.folder.name;
            result = result.and(mirror_one(one, overwrite).await.map_err(|blocked| fault::blocked(name, &blocked)));
        }
        result
    }

    /// Says what would be done.
    ///
    /// # Errors
    /// What keeps a folder from being compared.
    pub async fn plan(&self) -> Result<Vec<Planned>, Fault> {
        let mut planned = Vec::new();
        for One { folder, mirror } in &*self.all {
            let changes = mirror.plan().await.map_err(|error| fault::mirror(&folder.name, None, &error))?;
            planned.extend(changes.into_iter().map(|change| Planned { folder: folder.name.clone(), change }));
        }
        Ok(planned)
    }

    /// Has the remote file in the local one's place.
    ///
    /// # Errors
    /// Why it can't.
    pub async fn take(&self, file: &Path) -> Result<(), Fault> {
        let lies_in = |one: &One, other: &One| one.folder.lies_in(&other.folder);
        let mut outside = Ok(());
        for One { folder, mirror } in inner_first(&self.all, lies_in) {
            match mirror.take(file).await {
                Err(error @ MirrorError::NotInside { .. }) => outside = Err(fault::mirror(&folder.name, None, &error)),
                result => return result.map_err(|error| fault::mirror(&folder.name, None, &error)),
            }
        }
        outside
    }

    fn each(&self, act: impl Fn(&Mirror)) {
        self.all.iter().for_each(|one| act(&one.mirror));
    }
}

/// Hands the user's word on.
pub(crate) fn decide(mirror: &Mirror, word: Word) {
    match word {
        Word::Held(word) => mirror.decide_held(word),
        Word::Large(word) => mirror.decide_large(word),
        // Of that no mirror decides.
        Word::Stale(_) => {}
    }
}

/// What all of them do, in one word: what is going on comes before what is wrong.
#[must_use]
pub fn phase(statuses: &[(FolderName, Status)]) -> Phase {
    const FIRST: [Phase; 7] = [
        Phase::WaitingForLink,
        Phase::Comparing,
        Phase::Uploading,
        Phase::Halted,
        Phase::Incomplete,
        Phase::Paused,
        Phase::InSync,
    ];
    let any = |phase: &Phase| statuses.iter().any(|(_, status)| status.phase == *phase);
    FIRST.into_iter().find(any).unwrap_or_default()
}

pub(crate) fn added(one: Progress, other: Progress) -> Progress {
    Progress {
        files_done: one.files_done + other.files_done,
        files_total: one.files_total + other.files_total,
        bytes_done: one.bytes_done + other.bytes_done,
        bytes_total: one.bytes_total + other.bytes_total,
    }
}

/// That of the one folder, or one over those of all.
fn manifest(passed: &[(&One, Barrier)]) -> Digest {
    match passed {
        [(_, only)] => only.manifest,
        all => {
            let line = |(one, passed): &(&One, Barrier)| format!("{}\0{}\n", one.folder.name, passed.manifest);
            Digest::of(all.iter().map(line).collect::<String>().as_bytes())
        }
    }
}

/// With only some files to be overwritten, others that somebody else changed are nobody's concern here.
async fn mirror_one(one: &One, overwrite: &Overwrite) -> Result<(), Blocked> {
    let chosen = |paths: Vec<_>| -> Vec<_> {
        paths.into_iter().filter(|path| overwrite.covers(&one.folder.name, path)).collect()
    };
    let mut result = one.mirror.barrier().await;
    // Only now it is known what was changed there; what is from here on, nobody has seen yet.
    if let Err(Blocked::Diverged(paths)) = &result {
        let chosen = chosen(paths.clone());
        if !chosen.is_empty() {
            one.mirror.overwrite(chosen);
            result = one.mirror.barrier().await;
        }
    }
    match result {
        Err(Blocked::Diverged(paths)) if matches!(overwrite, Overwrite::These(_)) => {
            let left = chosen(paths);
            if left.is_empty() { Ok(()) } else { Err(Blocked::Diverged(left)) }
        }
        result => result.map(drop),
    }
}
