//! Owns the questions of a comparison: walks the local tree, asks the remote, fetches digests where the
//! comparison wants them. Never decides what is to be done.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use remora_agent::{AgentError, Link, OpErrorKind, Surveyed};
use remora_model::{Digest, RelPath, RemotePath};
use tokio::task::JoinSet;

use crate::compare::{Comparison, Trees, compare, paths_to_survey};
use crate::error::MirrorError;
use crate::look::local_digest;
use crate::record::Records;
use crate::rules::Rules;
use crate::scan::{Listing, Tree, mtime_from};
use crate::watch::Watch;

/// Paths in one question to the remote: some 100 kB at most for names of a usual length.
const PATHS_ASKED: usize = 2000;

/// The local side.
#[derive(Clone)]
pub(crate) struct Local {
    pub(crate) root: PathBuf,
    pub(crate) rules: Arc<Rules>,
    pub(crate) watch: Option<Arc<Watch>>,
}

/// The fewest files whose sudden absence, with nothing else there, is taken for a file system that is no
/// longer mounted and not for the user's wish.
const EMPTIED: usize = 5;

impl Local {
    /// Hands `f` a tree to look at; blocking.
    pub(crate) fn with_tree<T>(&self, f: impl FnOnce(&Tree<'_>) -> T) -> T {
        let on_dir = |dir: &Path| {
            if let Some(watch) = &self.watch {
                watch.add(dir);
            }
        };
        f(&Tree { root: &self.root, rules: &self.rules, on_dir: &on_dir })
    }

    fn walk(&self, records: &Records) -> Result<(Listing, Vec<RelPath>), MirrorError> {
        self.rules.forget();
        let listing = self.with_tree(|tree| tree.walk())?;
        if listing.entries.is_empty() && listing.unreadable.is_empty() && records.files() >= EMPTIED {
            return Err(MirrorError::LocalRootGone);
        }
        let paths = paths_to_survey(&listing, records, &|path, is_dir| self.rules.ignores(path, is_dir));
        Ok((listing, paths))
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
    let walk = {
        let local = local.clone();
        tokio::task::spawn_blocking(move || {
            let walked = local.walk(&records);
            (walked, records)
        })
    };
    let (walked, records) = walk.await.map_err(|error| MirrorError::Other(error.to_string()))?;
    let (mut listing, paths) = walked?;
    let (surveyed, closed) = match &remote {
        Some((link, root)) => survey_there(link, root, &paths).await?,
        None => (HashMap::new(), Vec::new()),
    };
    // Nothing is known of what is in there: what we have recorded of it stays, and the rest goes on.
    let is_open = |path: &RelPath| !closed.iter().any(|dir| is_below(path, dir));
    let paths: Vec<RelPath> = paths.into_iter().filter(is_open).collect();
    listing.close(&closed);
    let (mut local_digests, mut remote_digests) = (HashMap::new(), HashMap::new());
    loop {
        let trees = Trees {
            listing: &listing,
            remote: &surveyed,
            records: &records,
            local_digests: &local_digests,
            remote_digests: &remote_digests,
            now,
            overwrite,
        };
        let found = compare(&paths, &trees);
        if !found.asks() {
            return Ok(found);
        }
        let here = digest_here(local.root.clone(), found.ask_local);
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

/// What stands there under each path, and the directories that the login may not look into.
async fn survey_there(
    link: &Link,
    root: &RemotePath,
    paths: &[RelPath],
) -> Result<(HashMap<RelPath, Surveyed>, Vec<RelPath>), MirrorError> {
    let survey = |paths: Vec<RelPath>| {
        let (link, root) = (link.clone(), root.clone());
        async move { link.survey(&root, &paths).await }
    };
    match ask(paths, survey).await {
        Err(MirrorError::RemoteUnreadable { .. }) => {}
        answered => return Ok((answered?, Vec::new())),
    }
    // One question fails as a whole; which path did it is found by halving.
    let (mut found, mut closed) = (HashMap::new(), Vec::<RelPath>::new());
    let mut open: Vec<Vec<RelPath>> = paths.chunks(PATHS_ASKED).map(<[RelPath]>::to_vec).collect();
    while let Some(mut some) = open.pop() {
        some.retain(|path| !closed.iter().any(|dir| is_below(path, dir)));
        match (ask(&some, survey).await, some.as_slice()) {
            (Ok(answers), _) => found.extend(answers),
            (Err(error @ MirrorError::RemoteUnreadable { .. }), [path]) => closed.push(path.parent().ok_or(error)?),
            (Err(MirrorError::RemoteUnreadable { .. }), _) => {
                let rest = some.split_off(some.len() / 2);
                open.extend([rest, some]);
            }
            (Err(error), _) => return Err(error),
        }
    }
    Ok((found, closed))
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

async fn digest_here(root: PathBuf, paths: Vec<RelPath>) -> Result<Digested, MirrorError> {
    let digest_all = move || paths.into_iter().map(|path| (path.clone(), local_digest(&root, &path))).collect();
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
            Err(AgentError::Op(op)) if op.kind == OpErrorKind::Permission => {
                return Err(some
                    .into_iter()
                    .next()
                    .map_or(MirrorError::Other(op.message), |path| MirrorError::RemoteUnreadable { path }));
            }
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
