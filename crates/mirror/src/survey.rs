//! Owns the questions of a comparison: walks the local tree, asks the remote, fetches digests where the
//! comparison wants them. Never decides what is to be done.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use remora_agent::{AgentError, Link, OpErrorKind, Surveyed};
use remora_model::{Digest, Entry, Kind, Mtime, Policy, RelPath, RemotePath};
use tokio::task::JoinSet;

use crate::anchor::Anchor;
use crate::case::Case;
use crate::compare::{Comparison, Trees, compare, paths_to_survey};
use crate::error::MirrorError;
use crate::links::Links;
use crate::look::{LookSpec, Looked, Parents, local_digest, look};
use crate::record::{FileRecord, Record, Records};
use crate::rules::{Rules, ancestors};
use crate::scan::{Listing, Tree, mtime_from};
use crate::spelling::Spelling;
use crate::watch::Watch;

/// Paths in one question to the remote: some 100 kB at most for names of a usual length.
const PATHS_ASKED: usize = 2000;

/// The local side.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) root: PathBuf,
    pub(crate) rules: Arc<Rules>,
    pub(crate) links: Arc<Links>,
    pub(crate) spelling: Spelling,
    pub(crate) case: Arc<Case>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) watch: Option<Arc<Watch>>,
    pub(crate) anchor: Arc<Anchor>,
}

impl Local {
    /// Hands `f` a tree to look at; blocking.
    pub(crate) fn with_tree<T>(&self, f: impl FnOnce(&Tree<'_>) -> T) -> T {
        let on_dir = |dir: &Path| {
            if let Some(watch) = &self.watch {
                watch.add(dir);
            }
        };
        f(&Tree {
            root: &self.root,
            rules: &self.rules,
            links: &self.links,
            spelling: self.spelling,
            case: &self.case,
            modes: self.policy.modes,
            on_dir: &on_dir,
        })
    }

    /// Looks at one path; nothing follows from what is missing in another directory than the one that was compared.
    pub(crate) fn look(&self, tree: &Tree<'_>, parents: &mut Parents<'_>, spec: &LookSpec) -> Looked {
        match look(tree, parents, spec) {
            Looked::Gone if !self.anchor.holds(&self.root) => Looked::Elsewhere,
            looked => looked,
        }
    }

    /// What is here, the paths to ask about, and what the links say.
    fn walk(&self, records: &Records) -> Result<(Listing, Vec<RelPath>, Digested), MirrorError> {
        self.rules.forget();
        self.links.forget();
        self.case.ask(&self.root);
        let listing = self.with_tree(|tree| tree.walk())?;
        let ignored = |path: &RelPath, is_dir: bool| listing.leaves(path) || self.rules.ignores(path, is_dir);
        self.anchor.check(&self.root, &listing, records, &ignored)?;
        let paths = paths_to_survey(&listing, records, &ignored);
        let links = listing.entries.iter().filter(|(_, entry)| entry.kind == Kind::Symlink);
        let digests =
            links.map(|(path, _)| (path.clone(), local_digest(&self.links.place(&self.root, path), path))).collect();
        Ok((listing, paths, digests))
    }
}

/// Compares both trees. Without a remote root, nothing is there.
pub(crate) async fn survey(
    local: Local,
    remote: Option<(Link, RemotePath)>,
    records: Records,
    overwrite: bool,
) -> Result<Comparison, MirrorError> {
    let now = mtime_from(SystemTime::now());
    let records = Arc::new(records);
    let walk = {
        let (local, records) = (local.clone(), Arc::clone(&records));
        tokio::task::spawn_blocking(move || local.walk(&records))
    };
    // What is recorded is asked about at once: while the tree here is walked, the agent walks there.
    let mut there = There::default();
    if let Some((link, root)) = &remote {
        there.ask_recorded(link, root, &records).await?;
    }
    let (mut listing, paths, mut local_digests) =
        walk.await.map_err(|error| MirrorError::Other(error.to_string()))??;
    if let Some((link, root)) = &remote {
        there.ask_unrecorded(link, root, &paths).await?;
    }
    // Nothing is known of what is in there: what we have recorded of it stays, and the rest goes on.
    let closed = there.closed();
    let is_open = |path: &RelPath| !closed.iter().any(|dir| is_below(path, dir));
    let paths: Vec<RelPath> = paths.into_iter().filter(is_open).collect();
    listing.close(&closed);
    let mut remote_digests = there.links();
    loop {
        let trees = Trees {
            listing: &listing,
            remote: &there.found,
            records: &records,
            local_digests: &local_digests,
            remote_digests: &remote_digests,
            now,
            max_file: local.policy.max_file_bytes(),
            modes: local.policy.modes,
            overwrite,
        };
        let found = compare(&paths, &trees);
        if !found.asks() {
            return Ok(found);
        }
        let here = digest_here(local.clone(), found.ask_local);
        let there = async {
            match &remote {
                Some((link, root)) => digest_there(link, root, &found.ask_remote).await,
                None => Ok(HashMap::new()),
            }
        };
        let (here, there) = tokio::join!(here, there);
        local_digests.extend(here?);
        remote_digests.extend(there?);
    }
}

/// What stands on the remote.
#[derive(Default)]
struct There {
    found: HashMap<RelPath, Surveyed>,
}

impl There {
    /// What is recorded is believed: of what is as it was, nothing travels.
    async fn ask_recorded(&mut self, link: &Link, root: &RemotePath, records: &Records) -> Result<(), MirrorError> {
        let recorded = records.iter().map(|(path, record)| (path, believed(Some(&record))));
        let unsure = records.intended().filter(|path| records.get(path).is_none());
        let interrupted = records.intended().next().is_some();
        let mut all: Vec<(RelPath, Surveyed)> =
            recorded.chain(unsure.map(|path| (path.clone(), believed(None)))).collect();
        all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let (paths, believed) = all.into_iter().unzip();
        self.ask(link, root, paths, believed, interrupted).await
    }

    /// What is new here is most likely not there, and nothing is in a directory that is not there: what is in one that
    /// is new itself is asked about only when that turns out to be there. A first upload asks about a few paths.
    async fn ask_unrecorded(&mut self, link: &Link, root: &RemotePath, paths: &[RelPath]) -> Result<(), MirrorError> {
        let new = paths.iter().filter(|path| !self.found.contains_key(path)).cloned();
        let (outer, inner): (Vec<RelPath>, Vec<RelPath>) =
            new.partition(|path| path.parent().is_none_or(|dir| self.found.contains_key(&dir)));
        self.ask_new(link, root, outer).await?;
        let (there, nowhere): (Vec<_>, Vec<_>) = inner.into_iter().partition(|path| self.may_hold(path));
        self.found.extend(nowhere.into_iter().map(|path| (path, Surveyed::Missing)));
        self.ask_new(link, root, there).await
    }

    async fn ask_new(&mut self, link: &Link, root: &RemotePath, new: Vec<RelPath>) -> Result<(), MirrorError> {
        let believed = vec![Surveyed::Missing; new.len()];
        self.ask(link, root, new, believed, true).await
    }

    /// Whether nothing that was asked about is missing above `path`.
    fn may_hold(&self, path: &RelPath) -> bool {
        ancestors(path).iter().map_while(|dir| self.found.get(dir)).all(|found| *found != Surveyed::Missing)
    }

    async fn ask(
        &mut self,
        link: &Link,
        root: &RemotePath,
        paths: Vec<RelPath>,
        mut believed: Vec<Surveyed>,
        tidy: bool,
    ) -> Result<(), MirrorError> {
        if paths.is_empty() {
            return Ok(());
        }
        let answer = link.survey_against(root, (&paths, &believed), tidy).await;
        for (first, block) in answer.map_err(|error| refused(&error, root))? {
            believed[first..first + block.len()].clone_from_slice(&block);
        }
        self.found.extend(paths.into_iter().zip(believed));
        Ok(())
    }

    /// The directories that the login may not look into.
    fn closed(&self) -> Vec<RelPath> {
        let closed = self.found.iter().filter(|(_, found)| **found == Surveyed::Closed);
        let mut dirs: Vec<RelPath> = closed.filter_map(|(path, _)| path.parent()).collect();
        dirs.sort_unstable();
        dirs.dedup();
        dirs
    }

    fn links(&self) -> HashMap<RelPath, Option<Digest>> {
        let link = |(path, found): (&RelPath, &Surveyed)| match found {
            Surveyed::Link(digest) => Some((path.clone(), Some(*digest))),
            _ => None,
        };
        self.found.iter().filter_map(link).collect()
    }
}

/// What is there if nobody else changed it.
fn believed(record: Option<&Record>) -> Surveyed {
    match record {
        None => Surveyed::Missing,
        Some(Record::Link { digest }) => Surveyed::Link(*digest),
        Some(Record::Dir { mode, .. }) => {
            Surveyed::Found(Entry { kind: Kind::Dir, size: 0, mtime: Mtime(0), mode: *mode })
        }
        Some(Record::File(FileRecord { size, mtime, mode, .. })) => {
            Surveyed::Found(Entry { kind: Kind::File, size: *size, mtime: *mtime, mode: *mode })
        }
    }
}

fn refused(error: &AgentError, root: &RemotePath) -> MirrorError {
    match error {
        AgentError::Lost(reason) => MirrorError::Link(reason.clone()),
        AgentError::Op(op) if op.kind == OpErrorKind::Permission => MirrorError::RootNotWritable { path: root.clone() },
        AgentError::Op(op) => MirrorError::Other(op.message.clone()),
    }
}

fn is_below(path: &RelPath, dir: &RelPath) -> bool {
    path != dir && path.is_within(dir)
}

async fn digest_there(
    link: &Link,
    root: &RemotePath,
    paths: &[RelPath],
) -> Result<HashMap<RelPath, Option<Digest>>, MirrorError> {
    ask(paths, |paths| {
        let (link, root) = (link.clone(), root.clone());
        async move { link.digests(&root, &paths).await }
    })
    .await
}

type Digested = HashMap<RelPath, Result<Option<Digest>, MirrorError>>;

async fn digest_here(local: Local, paths: Vec<RelPath>) -> Result<Digested, MirrorError> {
    let digest = move |path: RelPath| {
        let digest = local_digest(&local.links.place(&local.root, &path), &path);
        (path, digest)
    };
    let digest_all = move || paths.into_iter().map(digest).collect();
    tokio::task::spawn_blocking(digest_all).await.map_err(|error| MirrorError::Other(error.to_string()))
}

/// Asks about many paths in several questions, all on their way at once.
async fn ask<T, F>(paths: &[RelPath], question: impl Fn(Vec<RelPath>) -> F) -> Result<HashMap<RelPath, T>, MirrorError>
where
    T: Send + 'static,
    F: Future<Output = Result<Vec<T>, AgentError>> + Send + 'static,
{
    let mut answers = HashMap::with_capacity(paths.len());
    let mut questions = JoinSet::new();
    for some in paths.chunks(PATHS_ASKED) {
        let answer = question(some.to_vec());
        let some = some.to_vec();
        questions.spawn(async move { (some, answer.await) });
    }
    while let Some(done) = questions.join_next().await {
        let (some, answer) = done.map_err(|error| MirrorError::Other(error.to_string()))?;
        match answer {
            Ok(values) => answers.extend(some.into_iter().zip(values)),
            Err(AgentError::Lost(reason)) => return Err(MirrorError::Link(reason)),
            Err(AgentError::Op(op)) => return Err(MirrorError::Other(op.message)),
        }
    }
    Ok(answers)
}

/// Opens the remote root, or says why it can't be used.
pub(crate) async fn open_root(link: &Link, given: &str, create: bool) -> Result<RemotePath, MirrorError> {
    let info = link.root(given, create).await.map_err(|error| match error {
        AgentError::Lost(reason) => MirrorError::Link(reason),
        AgentError::Op(op) => match op.kind {
            OpErrorKind::NotFound => MirrorError::RootMissing { path: given.to_owned() },
            OpErrorKind::ReadOnly => MirrorError::ReadOnly,
            OpErrorKind::Permission => match RemotePath::new(given) {
                Ok(path) => MirrorError::RootNotWritable { path },
                Err(_) => MirrorError::Other(op.message),
            },
            _ => MirrorError::Other(op.message),
        },
    })?;
    if info.writable { Ok(info.path) } else { Err(MirrorError::RootNotWritable { path: info.path }) }
}
