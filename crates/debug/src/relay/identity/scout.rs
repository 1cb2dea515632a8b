//! Owns the task that finds out what is to be known of the project's files, and hears what is said of them over
//! there. Keeps nobody waiting, and decides nothing.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use remora_agent::Link;
use remora_model::{Digest, RelPath};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::code::{Code, Compiler};
use super::knowledge::{ClientId, Found, Knowledge};
use super::points::View;
use super::project::{File, Project};
use super::verdict::{Here, Sha256 as Sum, There};

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
    /// Whether changes are on their way.
    Mirroring(bool),
    /// The processes that are debugged are being asked to reload files.
    Reload,
    /// A client tells about itself, or has gone.
    Client(ClientId, Option<View>),
    /// This was found for somebody who waits until it is known.
    Found(Vec<Found>, Vec<(File, Code)>, oneshot::Sender<()>),
}

/// A handle to the task. The task ends with the last of them.
#[derive(Clone)]
pub(crate) struct Scout {
    asks: mpsc::UnboundedSender<Ask>,
    known: watch::Receiver<Knowledge>,
    link: Link,
    project: Arc<Project>,
    compiler: Arc<Compiler>,
}

/// That a client is there, in what is known; it has gone when this is dropped.
pub(crate) struct Presence {
    id: ClientId,
    scout: Scout,
}

impl Presence {
    /// What the client has told about itself.
    pub(crate) fn show(&self, view: View) {
        self.scout.ask(Ask::Client(self.id, Some(view)));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.scout.ask(Ask::Client(self.id, None));
    }
}

/// The number of the last client.
static LAST_CLIENT: AtomicU64 = AtomicU64::new(0);

impl Scout {
    /// Starts the task for a project, whose program runs by the interpreter that `compiler` asks.
    pub(crate) fn start(link: Link, project: Arc<Project>, compiler: Compiler) -> Self {
        let (asks, inbox) = mpsc::unbounded_channel();
        let (sender, known) = watch::channel(Knowledge::new(Arc::clone(&project)));
        let compiler = Arc::new(compiler);
        let task = Task {
            link: link.clone(),
            project: Arc::clone(&project),
            compiler: Arc::clone(&compiler),
            known: sender,
            of_interest: HashSet::new(),
            local: BTreeSet::new(),
            both: BTreeSet::new(),
            looks: JoinSet::new(),
            compiled: HashMap::new(),
            compilations: JoinSet::new(),
        };
        tokio::spawn(task.run(inbox));
        Self { asks, known, link, project, compiler }
    }

    /// The presence of one more client.
    pub(crate) fn presence(&self) -> Presence {
        Presence { id: ClientId(LAST_CLIENT.fetch_add(1, Ordering::Relaxed)), scout: self.clone() }
    }

    /// Finds out all that there is to know of a file now; returns when it is known.
    pub(crate) async fn find_out(&self, path: &Path) {
        let Some(file) = self.project.by_local(path) else { return };
        let files = vec![file];
        let found = find(&self.link, &self.project, Vec::new(), files.clone());
        let code = self.compiler.look(&self.link, &self.project, &files);
        let (found, code) = tokio::join!(found, code);
        let (told, heard) = oneshot::channel();
        self.ask(Ask::Found(found, code, told));
        // The task has ended if this fails, and what was known last stays.
        let _ = heard.await;
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

    /// Whether changes are on their way to the remote; when they have arrived, all is looked at again.
    pub(crate) fn mirroring(&self, mirroring: bool) {
        self.ask(Ask::Mirroring(mirroring));
    }

    /// The processes that are debugged are about to be asked to reload files.
    pub(crate) fn reload(&self) {
        self.ask(Ask::Reload);
    }

    fn ask(&self, ask: Ask) {
        // It ends with its handles, or has panicked, which the runtime reports.
        let _ = self.asks.send(ask);
    }
}

struct Task {
    link: Link,
    project: Arc<Project>,
    compiler: Arc<Compiler>,
    known: watch::Sender<Knowledge>,
    /// All that were ever to be looked at.
    of_interest: HashSet<File>,
    /// To be looked at here.
    local: BTreeSet<File>,
    /// To be looked at here and there.
    both: BTreeSet<File>,
    /// One at a time: what is asked for meanwhile goes together.
    looks: JoinSet<Vec<Found>>,
    /// The texts of which it was asked which lines have code, so that each is asked about once.
    compiled: HashMap<File, Sum>,
    compilations: JoinSet<Vec<(File, Code)>>,
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
                Some(Ok(found)) = self.compilations.join_next() => {
                    self.known.send_modify(|known| take_code(known, found));
                }
            }
            self.go_and_look();
            self.compile();
        }
    }

    /// All that has been asked by now, so that it is told as one.
    fn follow(&mut self, ask: Ask, inbox: &mut mpsc::UnboundedReceiver<Ask>) {
        let asks: Vec<Ask> = std::iter::once(ask).chain(std::iter::from_fn(|| inbox.try_recv().ok())).collect();
        let Self { known, local, both, of_interest, .. } = self;
        let mut waiting = Vec::new();
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
                    Ask::Mirroring(mirroring) => {
                        let turned = known.note_mirroring(mirroring);
                        changed |= turned;
                        if turned && !mirroring {
                            both.extend(known.asked_about());
                        }
                    }
                    Ask::Reload => {
                        changed = true;
                        known.reload();
                    }
                    Ask::Client(client, view) => changed |= known.client(client, view),
                    Ask::Found(found, code, told) => {
                        changed = true;
                        found.into_iter().for_each(|found| known.found(found));
                        take_code(known, code);
                        waiting.push(told);
                    }
                }
            }
            changed
        });
        for told in waiting {
            // Who has gone meanwhile waits no more.
            let _ = told.send(());
        }
    }

    /// Asks which lines of the files with breakpoints have code, beside everything else.
    fn compile(&mut self) {
        let wanted = self.known.borrow().uncompiled();
        let fresh = wanted.into_iter().filter(|(file, sum)| self.compiled.insert(file.clone(), *sum) != Some(*sum));
        let files: Vec<File> = fresh.map(|(file, _)| file).collect();
        if !files.is_empty() {
            let (link, project, compiler) = (self.link.clone(), Arc::clone(&self.project), Arc::clone(&self.compiler));
            self.compilations.spawn(async move { compiler.look(&link, &project, &files).await });
        }
    }

    fn go_and_look(&mut self) {
        if !self.looks.is_empty() || (self.local.is_empty() && self.both.is_empty()) {
            return;
        }
        let both: Vec<File> = std::mem::take(&mut self.both).into_iter().collect();
        let local: Vec<File> = std::mem::take(&mut self.local).into_iter().collect();
        let only_here = local.into_iter().filter(|path| !both.contains(path)).collect();
        let (link, project) = (self.link.clone(), Arc::clone(&self.project));
        self.looks.spawn(async move { find(&link, &project, only_here, both).await });
    }
}

fn take_code(known: &mut Knowledge, found: Vec<(File, Code)>) {
    found.into_iter().for_each(|(file, code)| known.found_code(file, code));
}

/// Looks at files here, and at others here and there.
async fn find(link: &Link, project: &Arc<Project>, only_here: Vec<File>, both: Vec<File>) -> Vec<Found> {
    let read = |files: Vec<File>| {
        let project = Arc::clone(project);
        let read = move || files.into_iter().map(|file| look_here(&project, file)).collect::<Vec<_>>();
        tokio::task::spawn_blocking(read)
    };
    let mut found = read(only_here).await.unwrap_or_default();
    let there = look_there(link, project, &both);
    let (there, here) = tokio::join!(there, read(both.clone()));
    let here = here.unwrap_or_default();
    found.extend(join(link, project, here, there).await);
    found
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
