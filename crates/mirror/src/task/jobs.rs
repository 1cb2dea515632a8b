//! Owns how each job is carried out: on a blocking thread, or over the link, with its result coming back
//! as an event. Decides nothing.

use std::sync::Arc;
use std::time::SystemTime;

use remora_agent::{Link, LostReason};
use remora_model::{Mode, RelPath};
use tokio::sync::{mpsc, oneshot};

use super::Task;
use crate::delta::Lists;
use crate::error::MirrorError;
use crate::event::{Event, Job, Large, Op, Outcome};
use crate::fetch::read_there;
use crate::index::Index;
use crate::look::{LookSpec, Looked, Parents, comes_to_nothing};
use crate::notice::{Notice, PlannedChange};
use crate::pack::{explain_refusals, push_all};
use crate::push::{Remote, Source, push};
use crate::record::{FileRecord, Records, Seen, is_racy};
use crate::replace::replace;
use crate::scan::{Tree, mtime_from};
use crate::survey::{Local, open_root, survey};

/// The largest remote file that is brought here: what an agent reads at once.
const BYTES_TAKEN: u64 = 256 << 20;

/// A job's result on its way to the state. A job that panics leaves the one it was made with.
struct Reply {
    events: mpsc::UnboundedSender<Event>,
    event: Option<Event>,
}

impl Reply {
    fn send(mut self, event: Event) {
        self.event = Some(event);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            // The task may have ended meanwhile; then nobody wants to know.
            let _ = self.events.send(event);
        }
    }
}

fn panicked() -> MirrorError {
    MirrorError::Other("a job of the mirror failed in an unforeseen way; the log has the details".into())
}

/// Replaces the local file by the remote one. Comes back with what stands there on both sides; nothing if the
/// path is left out, so that the mirror never takes what is there for its own.
async fn take(link: &Link, root: &str, local: Local, path: RelPath) -> Result<Option<FileRecord>, MirrorError> {
    let there = read_there(link, root, &path, BYTES_TAKEN).await?;
    let there = there.ok_or_else(|| MirrorError::NotThere { path: path.clone() })?;
    let write = move || {
        let here = local.spelling.here(&local.root, &path).and_then(|here| replace(&local.root, &here, &there));
        let here =
            here.map_err(|error| MirrorError::LocalUnwritable { path: path.clone(), message: error.to_string() })?;
        let racy = is_racy(here.mtime, mtime_from(SystemTime::now()));
        let seen = Some(Seen { mtime: here.mtime, size: here.size, racy });
        let (size, mode) = (here.size, Mode(there.mode.0 & 0o777));
        let record = FileRecord { digest: there.digest, size, mtime: there.mtime, mode, seen };
        Ok((!local.rules.ignores(&path, false)).then_some(record))
    };
    tokio::task::spawn_blocking(write).await.unwrap_or_else(|_| Err(panicked()))
}

/// Before the outcomes: they are put back, and must not be sent over the same connection.
fn tell_if_lost(outcomes: &[(RelPath, Outcome)], link: u64, events: &mpsc::UnboundedSender<Event>) {
    if outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(MirrorError::Link(_)))) {
        let _ = events.send(Event::LinkEnded(link));
    }
}

impl Task {
    pub(super) fn begin(&mut self, job: Job) {
        match job {
            Job::OpenRoot(link) => self.open_root(link),
            Job::Compare { records, overwrite } => self.compare(records, overwrite),
            Job::Look(specs) => self.look(specs),
            Job::MeanRoot => self.local.anchor.mean(),
            Job::Sift(specs) => self.sift(specs),
            Job::Send { path, op, urgent } => {
                if let Some(pack) = self.packing.add(path, op, urgent) {
                    self.send(pack);
                }
            }
            Job::Stream(path, large) => self.stream(path, large),
            Job::Take(id, path) => self.take(id, path),
            Job::Took(id, result) => {
                if let Some(asker) = self.takers.remove(&id) {
                    let _ = asker.send(result);
                }
            }
            Job::Keep(lines) => {
                if let Some(index) = &mut self.index
                    && let Err(error) = index.append(&lines)
                {
                    self.index_failed(&error);
                }
            }
            Job::ForgetRules => self.local.rules.forget(),
            Job::Tell(notice) => self.tell(notice),
            Job::Answer(id, answer) => {
                if let Some(asker) = self.answers.remove(&id) {
                    // Whoever asked may have stopped waiting.
                    let _ = asker.send(answer);
                }
            }
        }
    }

    fn reply(&self, if_it_panics: Event) -> Reply {
        Reply { events: self.events.clone(), event: Some(if_it_panics) }
    }

    pub(super) fn index_failed(&mut self, error: &std::io::Error) {
        self.index = None;
        let error = MirrorError::Record(error.to_string());
        self.tell(Notice::Trouble { path: None, error });
    }

    fn compare(&mut self, records: Records, overwrite: bool) {
        let reply = self.reply(Event::Compared(Err(panicked())));
        let (Some((number, link)), Some(root)) = (self.link.clone(), self.remote_root.clone()) else {
            return reply.send(Event::Compared(Err(MirrorError::Link(LostReason::Closed))));
        };
        let (local, events) = (self.local.clone(), self.events.clone());
        self.jobs.spawn(async move {
            let found = survey(local, Some((link, root)), records, overwrite).await;
            if matches!(found, Err(MirrorError::Link(_))) {
                let _ = events.send(Event::LinkEnded(number));
            }
            reply.send(Event::Compared(found));
        });
    }

    fn look(&mut self, specs: Vec<LookSpec>) {
        let urgent = specs.iter().any(|spec| spec.urgent);
        let found = specs.iter().map(|spec| (spec.path.clone(), Looked::Unreadable(panicked()))).collect();
        let reply = self.reply(Event::Looked { found, urgent });
        let (local, turns) = (self.local.clone(), Arc::clone(&self.look_turns));
        self.jobs.spawn(async move {
            // Bulk looks take turns: as many threads as there are looks would only cost memory.
            let _turn = if urgent { None } else { turns.acquire_owned().await.ok() };
            let look_all = move || {
                let look_each = |tree: &Tree<'_>| {
                    let mut parents = Parents::new(tree);
                    let look_one = |spec: LookSpec| (spec.path.clone(), local.look(tree, &mut parents, &spec));
                    specs.into_iter().map(look_one).collect()
                };
                reply.send(Event::Looked { found: local.with_tree(look_each), urgent });
            };
            // A panic is told by the reply that it drops.
            let _ = tokio::task::spawn_blocking(look_all).await;
        });
    }

    fn sift(&mut self, specs: Vec<(LookSpec, u64)>) {
        let reply = self.reply(Event::Sifted(Vec::new()));
        let local = self.local.clone();
        self.jobs.spawn_blocking(move || {
            let idle = |tree: &Tree<'_>| specs.into_iter().filter(|(spec, _)| comes_to_nothing(tree, spec)).collect();
            let idle: Vec<(LookSpec, u64)> = local.with_tree(idle);
            reply.send(Event::Sifted(idle.into_iter().map(|(spec, touched)| (spec.path, touched)).collect()));
        });
    }

    pub(super) fn send(&mut self, ops: Vec<(RelPath, Op)>) {
        let all = |outcome: &dyn Fn() -> Outcome| ops.iter().map(|(path, _)| (path.clone(), outcome())).collect();
        let reply = self.reply(Event::Sent(all(&|| Outcome::Failed(panicked()))));
        let (Some((number, link)), Some(root)) = (self.link.clone(), self.remote_root.clone()) else {
            return reply.send(Event::Sent(all(&|| Outcome::Failed(MirrorError::Link(LostReason::Closed)))));
        };
        let events = self.events.clone();
        self.jobs.spawn(async move {
            let remote = Remote { link, root };
            let mut outcomes = push_all(&remote, ops).await;
            explain_refusals(&remote, &mut outcomes).await;
            tell_if_lost(&outcomes, number, &events);
            reply.send(Event::Sent(outcomes));
        });
    }

    fn stream(&mut self, path: RelPath, large: Large) {
        let outcome = |error| Event::Sent(vec![(path.clone(), Outcome::Failed(error))]);
        let reply = self.reply(outcome(panicked()));
        let (Some((number, link)), Some(root)) = (self.link.clone(), self.remote_root.clone()) else {
            return reply.send(outcome(MirrorError::Link(LostReason::Closed)));
        };
        let (local, events) = (self.local.clone(), self.events.clone());
        let lists = self.config.index_file.as_deref().map(Lists::beside);
        self.jobs.spawn(async move {
            let told = events.clone();
            let progress = Arc::new(move |bytes| {
                let _ = told.send(Event::Streamed(bytes));
            });
            let remote = Remote { link, root };
            let place = local.links.place(&local.root, &path);
            let source = Source { place: &place, lists, progress };
            let outcome = push(&remote, &source, &path, large).await;
            let mut outcomes = [(path, outcome)];
            explain_refusals(&remote, &mut outcomes).await;
            tell_if_lost(&outcomes, number, &events);
            reply.send(Event::Sent(outcomes.into()));
        });
    }

    fn take(&mut self, id: u64, path: RelPath) {
        let reply = self.reply(Event::Taken(id, path.clone(), Err(panicked())));
        let Some((_, link)) = self.link.clone() else {
            return reply.send(Event::Taken(id, path, Err(MirrorError::Link(LostReason::Closed))));
        };
        let (given, local) = (self.config.remote_root.clone(), self.local.clone());
        self.jobs.spawn(async move {
            let result = take(&link, &given, local, path.clone()).await;
            reply.send(Event::Taken(id, path, result));
        });
    }

    /// Answers a dry run; the state is not asked and does not change.
    pub(super) fn plan(&mut self, answer: oneshot::Sender<Result<Vec<PlannedChange>, MirrorError>>) {
        let Some((_, link)) = self.link.clone() else {
            let _ = answer.send(Err(MirrorError::Link(LostReason::Closed)));
            return;
        };
        let mut local = self.local.clone();
        // A dry run needs no watch.
        local.watch = None;
        let config = self.config.clone();
        let known = self.known_root.clone().map(|root| (root, self.state.records().clone()));
        self.jobs.spawn(async move {
            let root = match open_root(&link, &config.remote_root, false).await {
                Ok(root) => Some(root),
                Err(MirrorError::RootMissing { .. }) if config.create_root => None,
                Err(error) => {
                    let _ = answer.send(Err(error));
                    return;
                }
            };
            let records = match (&root, known) {
                (Some(root), Some((known, records))) if *root == known => records,
                (Some(root), _) => {
                    config.index_file.as_ref().map(|place| Index::peek(place, &local.root, root)).unwrap_or_default()
                }
                (None, _) => Records::default(),
            };
            let remote = root.map(|root| (link, root));
            let plan = survey(local, remote, records, config.overwrite).await.map(|found| found.plan(config.removals));
            // Whoever asked may have stopped waiting.
            let _ = answer.send(plan);
        });
    }
}
