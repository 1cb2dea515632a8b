//! Owns the task that finds out what is to be known of the project's files, and hears what is said of them over
//! there. Keeps nobody waiting, and decides nothing.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use remora_agent::Link;
use remora_model::{Digest, RelPath};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::knowledge::{Found, Knowledge};
use super::project::{File, Project};
use super::verdict::{Here, There};

/// What has more is no text that anybody debugs by lines.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What can be asked of it.
#[derive(Debug)]
enum Ask {
    /// This was said over there.
    Said(Value),
    /// These are of interest.
    Look(Vec<File>),
    /// These may have changed.
    Changed(Vec<File>),
    /// Any may have.
    AllChanged,
    /// Whether that child is debugged.
    Child(u32, bool),
    /// Whether changes are on their way.
    Mirroring(bool),
}

/// A handle to the task. The task ends with the last of them.
#[derive(Debug, Clone)]
pub(crate) struct Scout {
    asks: mpsc::UnboundedSender<Ask>,
    known: watch::Receiver<Knowledge>,
    project: Arc<Project>,
}

impl Scout {
    /// Starts the task for a project.
    pub(crate) fn start(link: Link, project: Arc<Project>) -> Self {
        let (asks, inbox) = mpsc::unbounded_channel();
        let (sender, known) = watch::channel(Knowledge::new(Arc::clone(&project)));
        let task = Task {
            link,
            project: Arc::clone(&project),
            known: sender,
            of_interest: HashSet::new(),
            local: BTreeSet::new(),
            both: BTreeSet::new(),
            looks: JoinSet::new(),
        };
        tokio::spawn(task.run(inbox));
        Self { asks, known, project }
    }

    /// What is known, and how to hear of more.
    pub(crate) fn known(&self) -> watch::Receiver<Knowledge> {
        self.known.clone()
    }

    /// Hands on a line that was said over there.
    pub(crate) fn said(&self, said: Value) {
        self.ask(Ask::Said(said));
    }

    /// Has these looked at, here and there.
    pub(crate) fn look(&self, paths: Vec<File>) {
        if !paths.is_empty() {
            self.ask(Ask::Look(paths));
        }
    }

    /// These local files may have changed. What nobody has asked about, and no process has loaded, is passed over.
    pub(crate) fn changed(&self, paths: &[PathBuf]) {
        self.ask(Ask::Changed(paths.iter().filter_map(|path| self.project.by_local(path)).collect()));
    }

    /// What these local files are called there.
    pub(crate) fn there(&self, paths: &[PathBuf]) -> Vec<String> {
        let files = paths.iter().filter_map(|path| self.project.by_local(path));
        files.map(|file| self.project.there(&file).to_string()).collect()
    }

    /// Any local file may have changed.
    pub(crate) fn all_changed(&self) {
        self.ask(Ask::AllChanged);
    }

    /// That child is debugged for as long as this is kept.
    pub(crate) fn child(&self, process: u32) -> Child {
        self.ask(Ask::Child(process, true));
        Child { process, scout: self.clone() }
    }

    /// Whether changes are on their way to the remote; when they have arrived, all is looked at again.
    pub(crate) fn mirroring(&self, mirroring: bool) {
        self.ask(Ask::Mirroring(mirroring));
    }

    fn ask(&self, ask: Ask) {
        // It ends with its handles, or has panicked, which the runtime reports.
        let _ = self.asks.send(ask);
    }
}

/// A child that is debugged.
#[derive(Debug)]
pub(crate) struct Child {
    process: u32,
    scout: Scout,
}

impl Drop for Child {
    fn drop(&mut self) {
        self.scout.ask(Ask::Child(self.process, false));
    }
}

struct Task {
    link: Link,
    project: Arc<Project>,
    known: watch::Sender<Knowledge>,
    /// All that were ever to be looked at.
    of_interest: HashSet<File>,
    /// To be looked at here.
    local: BTreeSet<File>,
    /// To be looked at here and there.
    both: BTreeSet<File>,
    /// One at a time: what is asked for meanwhile goes together.
    looks: JoinSet<Vec<Found>>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Ask>) {
        loop {
            tokio::select! {
                ask = inbox.recv() => match ask {
                    Some(ask) => self.follow(ask, &mut inbox),
                    None => return,
                },
                Some(found) = self.looks.join_next() => {
                    if let Ok(found) = found {
                        self.known.send_modify(|known| found.into_iter().for_each(|found| known.found(found)));
                    }
                }
            }
            self.go_and_look();
        }
    }

    /// All that has been asked by now, so that it is told as one.
    fn follow(&mut self, ask: Ask, inbox: &mut mpsc::UnboundedReceiver<Ask>) {
        let asks: Vec<Ask> = std::iter::once(ask).chain(std::iter::from_fn(|| inbox.try_recv().ok())).collect();
        let Self { known, local, both, of_interest, .. } = self;
        known.send_if_modified(|known| {
            let mut changed = false;
            for ask in asks {
                match ask {
                    Ask::Said(said) => {
                        changed = true;
                        let loaded = known.said(&said);
                        of_interest.extend(loaded.clone());
                        local.extend(loaded);
                    }
                    Ask::Look(files) => {
                        of_interest.extend(files.iter().cloned());
                        both.extend(files);
                    }
                    Ask::Changed(files) => {
                        changed |= known.touch(&files);
                        both.extend(files.into_iter().filter(|file| of_interest.contains(file)));
                    }
                    Ask::AllChanged => both.extend(of_interest.iter().cloned()),
                    Ask::Child(process, debugged) => changed |= known.note_child(process, debugged),
                    Ask::Mirroring(mirroring) => {
                        let turned = known.note_mirroring(mirroring);
                        changed |= turned;
                        if turned && !mirroring {
                            both.extend(known.asked_about());
                        }
                    }
                }
            }
            changed
        });
    }

    fn go_and_look(&mut self) {
        if !self.looks.is_empty() || (self.local.is_empty() && self.both.is_empty()) {
            return;
        }
        let both: Vec<File> = std::mem::take(&mut self.both).into_iter().collect();
        let local: Vec<File> = std::mem::take(&mut self.local).into_iter().collect();
        let only_here = local.into_iter().filter(|path| !both.contains(path)).collect();
        let (link, project) = (self.link.clone(), Arc::clone(&self.project));
        self.looks.spawn(async move {
            let read = |files: Vec<File>| {
                let project = Arc::clone(&project);
                let read = move || files.into_iter().map(|file| look_here(&project, file)).collect::<Vec<_>>();
                tokio::task::spawn_blocking(read)
            };
            let mut found = read(only_here).await.unwrap_or_default();
            let there = look_there(&link, &project, &both);
            let (there, here) = tokio::join!(there, read(both.clone()));
            let here = here.unwrap_or_default();
            found.extend(join(&link, &project, here, there).await);
            found
        });
    }
}

fn look_here(project: &Project, path: File) -> Found {
    let root = project.local_root(&path);
    let file = root.join(&path.path);
    let here =
        read(file.as_path()).map(|text| Here { sha256: Sha256::digest(&text).into(), digest: Digest::of(&text) });
    let canonical = |path: &Path| fs::canonicalize(path).ok();
    let name = canonical(file.as_path()).zip(canonical(root.as_path())).and_then(|(file, root)| {
        let name = RelPath::from_local(file.strip_prefix(root).ok()?).ok()?;
        (name != path.path).then(|| project.beside(&path, name))
    });
    Found { path, here, name, there: None }
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let status = fs::metadata(path).ok()?;
    if !status.is_file() || status.len() > LARGEST {
        return None;
    }
    fs::read(path).ok()
}

/// What stands there, in the order of the files; nothing when the link gives no answer.
async fn look_there(link: &Link, project: &Project, files: &[File]) -> Option<Vec<There>> {
    let mut found = vec![There::Unknown; files.len()];
    for (root, places) in project.by_folder(files) {
        let paths: Vec<RelPath> = places.iter().map(|&at| files[at].path.clone()).collect();
        let digests = link.digests(root, &paths).await.ok()?;
        for (at, digest) in places.into_iter().zip(digests) {
            found[at] = digest.map_or(There::Missing, There::Content);
        }
    }
    Some(found)
}

/// A path that is a link here is one there, too, or else a file: what stands where it leads is as good.
async fn join(link: &Link, project: &Project, mut here: Vec<Found>, there: Option<Vec<There>>) -> Vec<Found> {
    let Some(there) = there else { return here };
    for (found, there) in here.iter_mut().zip(there) {
        found.there = Some(there);
    }
    let differs = |found: &Found| match (found.there, found.here) {
        (Some(There::Content(digest)), Some(here)) => digest != here.digest,
        _ => true,
    };
    let names: Vec<File> = here.iter().filter(|found| differs(found)).filter_map(|found| found.name.clone()).collect();
    let again = look_there(link, project, &names).await.unwrap_or_default();
    for (name, there) in names.into_iter().zip(again) {
        if there != There::Missing {
            here.iter_mut()
                .filter(|found| found.name.as_ref() == Some(&name))
                .for_each(|found| found.there = Some(there));
        }
    }
    here
}
