//! Owns the task behind a [`crate::Mirror`]: feeds events to the state and carries out its jobs. Decides
//! nothing.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use remora_agent::{Claim, Link};
use remora_model::{RelPath, RemotePath, Symlinks};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::anchor::Anchor;
use crate::error::MirrorError;
use crate::event::{Event, Job, Seen, Sight};
use crate::index::Index;
use crate::links::Links;
use crate::mirror::{Command, Config, Tell};
use crate::notice::{Barrier, Blocked, Notice, Status};
use crate::place::{canonical, relative};
use crate::rules::Rules;
use crate::spelling::Spelling;
use crate::state::State;
use crate::survey::Local;
use crate::watch::{Watch, join};

use self::opening::{Opening, own_claim};
use self::packing::Packing;
use self::rest::Rest;

mod jobs;
mod opening;
mod packing;
mod rest;

/// Bulk looks that are under way at a time: more than one hides the time that a disk takes.
const LOOKS_AT_ONCE: usize = 4;

/// Starts the task.
pub(crate) fn start(
    config: Config,
    notices: Tell,
    inbox: mpsc::UnboundedReceiver<Command>,
    status: watch::Sender<Status>,
) -> Result<(), MirrorError> {
    let root = canonical(config.local_root.as_path()).filter(|root| root.is_dir()).ok_or(MirrorError::LocalRootGone)?;
    let rules = Arc::new(Rules::new(&root, &config.policy)?);
    let links = Arc::new(Links::new(&config.policy));
    let (events, happened) = mpsc::unbounded_channel();
    let (roots, opened) = mpsc::unbounded_channel();
    let watch = if config.watch {
        // Without a watcher the mirror still works; the state asks for comparisons instead.
        let follow = config.policy.symlinks == Symlinks::Follow;
        Watch::start(&root, follow, events.clone()).map_or_else(
            |error| {
                let _ = events.send(Event::Unwatched(error));
                None
            },
            |watch| Some(Arc::new(watch)),
        )
    } else {
        None
    };
    let task = Task {
        own_claim: own_claim(&root),
        state: State::new(config.overwrite, config.removals, &config.policy, Instant::now()),
        local: Local {
            anchor: Arc::new(Anchor::of(&root, config.emptied)),
            root,
            rules,
            links,
            spelling: Spelling::new(config.policy.unicode),
            case: Arc::default(),
            policy: Arc::new(config.policy.clone()),
            watch,
        },
        config,
        link: None,
        links: 0,
        remote_root: None,
        known_root: None,
        wanted_root: None,
        is_index_opening: false,
        index: None,
        notices,
        status,
        events,
        roots,
        jobs: JoinSet::new(),
        packing: Packing::default(),
        look_turns: Arc::new(Semaphore::new(LOOKS_AT_ONCE)),
        answers: HashMap::new(),
        takers: HashMap::new(),
        asked: 0,
        rest: Rest::default(),
    };
    tokio::spawn(task.run(inbox, happened, opened));
    Ok(())
}

struct Task {
    config: Config,
    state: State,
    local: Local,
    link: Option<(u64, Link)>,
    links: u64,
    /// What others are told who mirror to the same root.
    own_claim: Claim,
    /// The root as it was opened over this link.
    remote_root: Option<RemotePath>,
    /// The root that the state's records are about.
    known_root: Option<RemotePath>,
    /// The root whose record is being opened, or is to be, and over which link.
    wanted_root: Option<(u64, RemotePath)>,
    is_index_opening: bool,
    index: Option<Index>,
    notices: Tell,
    status: watch::Sender<Status>,
    events: mpsc::UnboundedSender<Event>,
    roots: mpsc::UnboundedSender<Opening>,
    /// All jobs under way; they end with the task.
    jobs: JoinSet<()>,
    packing: Packing,
    look_turns: Arc<Semaphore>,
    answers: HashMap<u64, oneshot::Sender<Result<Barrier, Blocked>>>,
    takers: HashMap<u64, oneshot::Sender<Result<(), MirrorError>>>,
    asked: u64,
    rest: Rest,
}

impl Task {
    async fn run(
        mut self,
        mut inbox: mpsc::UnboundedReceiver<Command>,
        mut happened: mpsc::UnboundedReceiver<Event>,
        mut opened: mpsc::UnboundedReceiver<Opening>,
    ) {
        loop {
            let alarm = self.state.next_tick().into_iter().chain(self.rest.due()).min();
            tokio::select! {
                biased;
                command = inbox.recv() => match command {
                    Some(command) => self.follow(command),
                    None => return,
                },
                Some(root) = opened.recv() => self.opened(root),
                Some(event) = happened.recv() => self.happened(event, &mut happened),
                Some(_) = self.jobs.join_next() => {}
                () = sleep_until(alarm) => self.on(Event::Tick),
            }
        }
    }

    /// What the watcher sees at the same time is one group.
    fn happened(&mut self, event: Event, more: &mut mpsc::UnboundedReceiver<Event>) {
        let mut sights = match event {
            Event::Seen(sights) => sights,
            event => return self.on(event),
        };
        let mut next = None;
        while let Ok(event) = more.try_recv() {
            match event {
                Event::Seen(more) => sights.extend(more),
                event => {
                    next = Some(event);
                    break;
                }
            }
        }
        let spelling = self.local.spelling;
        let sights = sights.into_iter().map(|sight| Sight { path: spelling.there(sight.path), ..sight }).collect();
        self.on(Event::Seen(join(self.local.links.spread(&self.local.root, sights))));
        if let Some(event) = next {
            self.on(event);
        }
    }

    fn follow(&mut self, command: Command) {
        let event = match command {
            Command::LinkUp(link) => {
                self.links += 1;
                self.link = Some((self.links, link));
                self.remote_root = None;
                Event::LinkUp(self.links)
            }
            Command::LinkLost => {
                self.link = None;
                Event::LinkLost
            }
            Command::Saved(path) => return self.saved(&path),
            Command::Rescan => Event::Rescan,
            Command::Pause => Event::Pause,
            Command::Resume => Event::Resume,
            Command::Overwrite(which) => Event::Overwrite(which),
            Command::DecideHeld(word) => Event::DecideHeld(word),
            Command::DecideLarge(word) => Event::DecideLarge(word),
            Command::Take(path, answer) => match self.relative(&path) {
                Some(path) => {
                    self.asked += 1;
                    self.takers.insert(self.asked, answer);
                    Event::Take(self.asked, path)
                }
                None => {
                    let _ = answer.send(Err(MirrorError::NotInside { path: path.display().to_string() }));
                    return;
                }
            },
            Command::Barrier(answer) => {
                self.asked += 1;
                self.answers.insert(self.asked, answer);
                Event::Barrier(self.asked)
            }
            Command::Plan(answer) => return self.plan(answer),
        };
        self.on(event);
    }

    fn on(&mut self, event: Event) {
        self.packing.happened(&event);
        for job in self.state.on(event, Instant::now()) {
            if matches!(job, Job::Answer(..)) {
                // Whoever is answered that all is there may end us next.
                self.rest();
            }
            self.packing.begun(&job);
            self.rest.begun(&job, self.state.unfinished());
            self.begin(job);
        }
        for pack in self.packing.complete() {
            self.send(pack);
        }
        self.rest();
    }

    fn tell(&mut self, notice: Notice) {
        if let Notice::Status(status) = &notice {
            self.status.send_replace(status.clone());
        }
        (self.notices)(notice);
    }

    /// Under all names that the file has here.
    fn saved(&mut self, path: &Path) {
        let Some(path) = self.relative(path) else { return };
        let sight = Sight { path, what: Seen::Changed };
        for Sight { path, .. } in self.local.links.spread(&self.local.root, vec![sight]) {
            self.on(Event::Saved(path));
        }
    }

    fn relative(&self, path: &Path) -> Option<RelPath> {
        let path = relative(&self.local.root, &self.config.local_root, path)?;
        Some(self.local.spelling.there(self.local.case.written(&self.local.root, &path)))
    }
}

/// Never, when there is nothing to wait for.
async fn sleep_until(alarm: Option<Instant>) {
    match alarm {
        Some(alarm) => tokio::time::sleep_until(alarm.into()).await,
        None => std::future::pending().await,
    }
}
