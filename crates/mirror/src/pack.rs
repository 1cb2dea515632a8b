//! Owns how many small changes are put on the remote together: one request, one round trip. Never decides what the
//! changes are.

use std::collections::HashMap;

use remora_agent::{AgentError, Change, ChangeKind, Expect, OpError, OpErrorKind, Surveyed};
use remora_model::RelPath;

use crate::error::MirrorError;
use crate::event::{Op, Outcome, Way};
use crate::push::Remote;
use crate::state::IMPLIED_DIR_MODE;

/// What came of one change of a pack.
type Done = Result<bool, OpError>;

/// Puts small changes on the remote, together. A `Refused` still has to be filled in.
pub(crate) async fn push_all(remote: &Remote, ops: Vec<(RelPath, Op)>) -> Vec<(RelPath, Outcome)> {
    let mut changes = Vec::with_capacity(ops.len());
    let mut dirs_at: HashMap<RelPath, usize> = HashMap::new();
    // Where the preparations of each begin, and it itself stands.
    let mut places = Vec::with_capacity(ops.len());
    for (path, Op { way, kind }) in ops {
        for dir in &way.dirs {
            // The first that needs a directory makes it for the others of its pack.
            dirs_at.entry(dir.clone()).or_insert_with(|| {
                changes.push(parent(dir));
                changes.len() - 1
            });
        }
        let clear = way.clear.map(|expect| {
            changes.push(clearing(&path, expect));
            changes.len() - 1
        });
        let is_dir = matches!(kind, ChangeKind::Dir { .. } | ChangeKind::Parent { .. });
        changes.push(Change { path: path.clone(), kind });
        places.push((path, way, clear, changes.len() - 1, is_dir));
    }
    let done = match remote.link.apply(&remote.root, &changes).await {
        Ok(done) => done,
        Err(error) => return places.into_iter().map(|(path, ..)| failed(path, &error)).collect(),
    };
    let outcome = |(path, way, clear, at, is_dir): (RelPath, Way, Option<usize>, usize, bool)| {
        let dirs = way.dirs.iter().map(|dir| &done[dirs_at[dir]]);
        let before: Vec<&Done> = dirs.chain(clear.map(|clear| &done[clear])).collect();
        let outcome = conclude(&path, &way, &before, (&done[at], is_dir));
        (path, outcome)
    };
    places.into_iter().map(outcome).collect()
}

/// What came of a change whose whole pack failed.
fn failed(path: RelPath, error: &AgentError) -> (RelPath, Outcome) {
    let outcome =
        if is_refusal(error) { Outcome::refused() } else { Outcome::Failed(MirrorError::of(&path, error.clone())) };
    (path, outcome)
}

/// What goes before a change: its directories, and the removal of what is in its place.
pub(crate) fn preparations(path: &RelPath, way: &Way) -> Vec<Change> {
    way.dirs.iter().map(parent).chain(way.clear.map(|expect| clearing(path, expect))).collect()
}

fn parent(dir: &RelPath) -> Change {
    Change { path: dir.clone(), kind: ChangeKind::Parent { mode: IMPLIED_DIR_MODE } }
}

fn clearing(path: &RelPath, expect: Expect) -> Change {
    Change { path: path.clone(), kind: ChangeKind::Remove { expect } }
}

/// What came of [`preparations`]: the directories, and whether each was made; or why the change can't be.
pub(crate) fn prepared(path: &RelPath, way: &Way, done: &[Done]) -> Result<Vec<(RelPath, bool)>, Outcome> {
    let done: Vec<&Done> = done.iter().collect();
    match conclude(path, way, &done, (&Ok(true), false)) {
        Outcome::Done { dirs, .. } => Ok(dirs),
        outcome => Err(outcome),
    }
}

/// What all answers about one path together mean.
fn conclude(path: &RelPath, way: &Way, before: &[&Done], (own, is_dir): (&Done, bool)) -> Outcome {
    let mut dirs = Vec::with_capacity(way.dirs.len());
    for (dir, done) in way.dirs.iter().zip(before) {
        match done {
            Ok(made) => dirs.push((dir.clone(), *made)),
            Err(error) => return Outcome::Failed(MirrorError::of(dir, error.clone().into())),
        }
    }
    let cleared = before.get(way.dirs.len()).and_then(|done| done.as_ref().err());
    // A directory is there already, which is what is wanted.
    let cleared = cleared.filter(|error| !(is_dir && error.kind == OpErrorKind::InTheWay));
    match cleared.or(own.as_ref().err()) {
        None => Outcome::Done { digest: None, dirs, made: own.as_ref().is_ok_and(|made| *made) },
        Some(error) if refuses(error) => Outcome::refused(),
        Some(error) => Outcome::Failed(MirrorError::of(path, error.clone().into())),
    }
}

/// Whether the remote said that something else is there than was expected.
pub(crate) fn is_refusal(error: &AgentError) -> bool {
    matches!(error, AgentError::Op(op) if refuses(op))
}

fn refuses(error: &OpError) -> bool {
    matches!(error.kind, OpErrorKind::Diverged | OpErrorKind::InTheWay | OpErrorKind::NotFound)
}

/// Fills in what is there instead, where a change was refused: one question for all of them.
pub(crate) async fn explain_refusals(remote: &Remote, outcomes: &mut [(RelPath, Outcome)]) {
    let mut refused: Vec<&mut (RelPath, Outcome)> =
        outcomes.iter_mut().filter(|(_, outcome)| matches!(outcome, Outcome::Refused { .. })).collect();
    if refused.is_empty() {
        return;
    }
    let Remote { link, root } = remote;
    let paths: Vec<RelPath> = refused.iter().map(|(path, _)| path.clone()).collect();
    match tokio::join!(biased; link.survey(root, &paths), link.digests(root, &paths)) {
        (Ok(there), Ok(digests)) => {
            for ((refused, there), digest) in refused.iter_mut().zip(there).zip(digests) {
                refused.1 = Outcome::Refused { there, digest };
            }
        }
        // A path that is missing is an answer; only the root itself can be missed.
        (Err(error), _) | (_, Err(error)) => {
            for (path, outcome) in refused {
                *outcome = Outcome::Failed(match &error {
                    AgentError::Op(op) if op.kind == OpErrorKind::NotFound => {
                        MirrorError::RemoteRootGone { path: root.clone() }
                    }
                    error => MirrorError::of(path, error.clone()),
                });
            }
        }
    }
}

impl Outcome {
    /// Something else is there; what, is not known yet.
    pub(crate) fn refused() -> Self {
        Self::Refused { there: Surveyed::Missing, digest: None }
    }
}
