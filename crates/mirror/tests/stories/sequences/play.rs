//! Owns one sequence while it is played: both trees, the mirror between them, and the agent. Does the steps; what
//! must hold is the model's.

use std::fs;
use std::path::{Path, PathBuf};

use remora_mirror::Blocked;
use remora_model::RemotePath;

use super::hands;
use super::model::{self, IGNORE_FILES, Model, Reported};
use super::remote::Remote;
use super::steps::{Case, Delivery, SIZES, Step, Verb};
use crate::pair::{Pair, Running};

/// What each sequence ends with, or the first thing that did not hold.
type Held = Result<(), String>;

/// An empty root beside a full record counts as unmounted; so it never is quite empty.
const ALWAYS: &str = "always";

pub struct Play<'a> {
    pub(super) remote: &'a mut Remote,
    pub(super) here: PathBuf,
    pub(super) there: PathBuf,
    pub(super) model: Model,
    pub(super) count: u32,
    pair: Pair,
    running: Running,
    delivery: Delivery,
    online: bool,
}

/// Plays a case to its end.
pub async fn play(remote: &mut Remote, case: &Case) -> Held {
    let mut pair = Pair::new();
    if case.delivery == Delivery::Watcher {
        pair.configure = |config| config.watch = true;
    }
    let (here, there) = (pair.local.path().to_owned(), pair.remote.path().to_owned());
    fs::write(here.join(ALWAYS), "here").unwrap();
    let running = pair.start();
    let (model, delivery) = (Model::default(), case.delivery);
    let mut play = Play { remote, here, there, model, count: 0, pair, running, delivery, online: false };
    play.connect().await;
    for (number, step) in case.steps.iter().enumerate() {
        play.step(step).await;
        play.check_theirs().map_err(|error| format!("after step {number}: {error}"))?;
    }
    play.finish(case).await
}

impl Play<'_> {
    async fn connect(&mut self) {
        let link = self.remote.agent().await.link.clone();
        self.running.mirror.link_up(link);
        self.online = true;
    }

    /// The next one begins when the one before has ended, as with a process.
    async fn restart(&mut self) {
        let idle = Pair::new();
        let Running { mirror, mut notices, .. } = std::mem::replace(&mut self.running, idle.start());
        drop(mirror);
        while notices.recv().await.is_some() {}
        // As after a cut: its answers are lost, but what it sent is done before the next one asks what is there.
        self.release();
        if let Some(agent) = self.remote.running() {
            // What it handed over last may still be on its way to the pipe; changes keep their order.
            let root = RemotePath::new(self.there.as_os_str().as_encoded_bytes()).unwrap();
            let _ = agent.link.apply(&root, &[]).await;
        }
        self.remote.quiet().await;
        self.running = self.pair.start();
    }

    fn disconnect(&mut self) {
        self.running.mirror.link_lost();
        self.online = false;
    }

    fn release(&self) {
        if let Some(agent) = self.remote.running() {
            agent.wire.hold_requests(false);
            agent.wire.hold_replies(false);
        }
    }

    /// The editor, if there is one, says that these were saved.
    fn tell(&self, names: &[&Path]) {
        if self.delivery == Delivery::Saves {
            names.iter().for_each(|name| self.running.mirror.saved(&self.here.join(name)));
        }
    }

    async fn step(&mut self, step: &Step) {
        self.count += 1;
        if step.is_theirs() {
            // What they do, they do between two things that an agent does: at the same time it is anybody's race.
            let held = self.remote.running().is_some_and(|agent| agent.wire.are_requests_held());
            self.hold(true);
            self.remote.quiet().await;
            self.their_step(step);
            self.hold(held);
        } else if !self.my_step(step) {
            self.mirror_step(step).await;
        }
    }

    fn hold(&self, held: bool) {
        if let Some(agent) = self.remote.running() {
            agent.wire.hold_requests(held);
        }
    }

    fn size(step: &Step) -> usize {
        // The largest only now and then.
        let (largest, others) = SIZES.split_last().unwrap();
        if step.number.is_multiple_of(40) { *largest } else { others[step.number as usize / 64 % others.len()] }
    }

    /// Whether it was one of the user's.
    fn my_step(&mut self, step: &Step) -> bool {
        let (here, name, other) = (self.here.clone(), step.name.as_path(), step.other.as_path());
        let place = here.join(name);
        let is_file = hands::is_reachable(&here, name) && hands::is_real_file(&place);
        match step.verb {
            Verb::Write => {
                hands::clear_way_or_keep(&here, name);
                fs::write(&place, hands::text(step.number, Self::size(step))).unwrap();
            }
            Verb::Replace => {
                let new = name.with_file_name(".new");
                hands::clear_way(&here, &new);
                fs::write(here.join(&new), hands::text(step.number, Self::size(step))).unwrap();
                hands::rename(&here, &new, name);
                self.tell(&[&new]);
            }
            Verb::Burst => {
                hands::clear_way_or_keep(&here, name);
                for letter in 0..4 {
                    fs::write(&place, hands::text(step.number + letter, 5)).unwrap();
                    self.tell(&[name]);
                }
            }
            Verb::Insert if is_file => hands::insert(&place, b"in the middle"),
            Verb::Mkdir if !hands::is_reachable(&here, name) || !hands::is_real_dir(&place) => {
                fs::create_dir(hands::clear_way(&here, name).0).unwrap();
            }
            Verb::Fill => {
                // A folder that is worth a rename.
                for (letter, below) in (0..).zip(["f", "g.py", "sub/h", "sub/__init__.py"]) {
                    let below = name.join(below);
                    hands::clear_way_or_keep(&here, &below);
                    let size = if letter == 3 { 0 } else { Self::size(step) };
                    fs::write(here.join(&below), hands::text(step.number + letter, size)).unwrap();
                    self.tell(&[&below]);
                }
            }
            Verb::Link => {
                let texts: [&[u8]; 6] = [b"to1", b"to2", b"../a", b"/etc/hostname", b"new\nline", b"\xff"];
                hands::link(&hands::clear_way(&here, name).0, texts[step.number as usize % texts.len()]);
            }
            Verb::Remove => hands::remove(&here, name),
            Verb::Rename => {
                hands::rename(&here, name, other);
                self.tell(&[other]);
                // It may be emptied by that, before anybody has looked at what was in it.
                if let Some(dir) =
                    name.parent().filter(|dir| here.join(dir) != here && hands::is_real_dir(&here.join(dir)))
                {
                    self.tell(&[dir]);
                }
            }
            Verb::Chmod if is_file => hands::chmod(&place, [0o644, 0o755, 0o600, 0o444][step.number as usize % 4]),
            Verb::Chmod if hands::is_reachable(&here, name) && hands::is_real_dir(&place) => {
                hands::chmod(&place, [0o755, 0o700, 0o750, 0o775][step.number as usize % 4]);
            }
            Verb::Touch if is_file => {
                // Never the same twice: a file with other bytes and the time and size of the old one looks untouched.
                let base = [-1, 1, 4_000_000_000][step.number as usize % 3] * 1_000_000_000;
                hands::touch(&place, base + i64::from(self.count) * 1001);
            }
            Verb::Ignore => {
                let which = step.number % IGNORE_FILES;
                self.model.ignore(which);
                match model::ignore_file(which) {
                    Some(text) => fs::write(here.join(".gitignore"), text).unwrap(),
                    None => hands::remove(&here, Path::new(".gitignore")),
                }
                self.tell(&[Path::new(".gitignore")]);
                return true;
            }
            Verb::Insert | Verb::Mkdir | Verb::Chmod | Verb::Touch => {}
            _ => return false,
        }
        self.tell(&[name]);
        true
    }

    async fn mirror_step(&mut self, step: &Step) {
        match step.verb {
            Verb::Saved => self.running.mirror.saved(&self.here.join(&step.name)),
            Verb::Rescan => self.running.mirror.rescan(),
            Verb::Settle => drop(self.settle().await),
            Verb::Pause => self.running.mirror.pause(),
            Verb::Resume => self.running.mirror.resume(),
            Verb::Restart => {
                self.restart().await;
                if self.online {
                    self.connect().await;
                }
            }
            Verb::Lose if self.online => self.disconnect(),
            Verb::Lose => self.connect().await,
            Verb::Cut | Verb::Kill => {
                self.remote.cut(step.verb == Verb::Kill).await;
                self.disconnect();
                if step.number.is_multiple_of(2) {
                    self.connect().await;
                }
            }
            Verb::HoldRequests => self.hold(true),
            Verb::HoldReplies => {
                if let Some(agent) = self.remote.running() {
                    agent.wire.hold_replies(true);
                }
            }
            Verb::Release => self.release(),
            Verb::Overwrite => {
                if let Err(Blocked::Diverged(diverged)) = self.settle().await {
                    diverged.iter().for_each(|path| self.model.give_up(&path.to_local()));
                    self.running.mirror.overwrite(diverged);
                }
            }
            Verb::Take => {
                self.release();
                if self.running.mirror.take(&self.here.join(&step.name)).await.is_ok() {
                    self.model.give_up(&step.name);
                    self.model.settled();
                }
            }
            other => unreachable!("{other:?} is done elsewhere"),
        }
    }

    async fn settle(&mut self) -> Result<remora_mirror::Barrier, Blocked> {
        self.release();
        let answer = self.running.barrier().await;
        if matches!(answer, Ok(_) | Err(Blocked::Diverged(_) | Blocked::Failed(..))) {
            self.model.settled();
        }
        answer
    }

    fn check_theirs(&self) -> Held {
        self.model.check_theirs(&|path| hands::found(&self.there.join(path)))
    }

    fn reported(&self) -> Reported {
        let status = self.running.mirror.status();
        Reported {
            diverged: status.diverged.iter().map(|path| path.to_local()).collect(),
            failed: status.failed.iter().map(|(path, error)| (path.to_local(), error.to_string())).collect(),
        }
    }

    /// Everything is let go, and comes to rest.
    async fn finish(&mut self, case: &Case) -> Held {
        self.release();
        self.running.mirror.resume();
        if !self.online {
            self.connect().await;
        }
        if !case.steps.iter().any(Step::is_theirs) {
            self.arrive().await?;
        }
        self.compare("compared").await?;
        self.nothing_is_left_to_do().await?;
        for _ in 0..3 {
            let diverged = self.reported().diverged;
            diverged.iter().for_each(|path| self.model.give_up(path));
            self.running.mirror.overwrite(Vec::new());
            self.compare("overwritten").await?;
        }
        let reported = self.reported();
        if reported.diverged.is_empty() { Ok(()) } else { Err(format!("still diverged: {reported:?}")) }
    }

    /// Nobody else took part: what was saved or seen is there without a comparison.
    async fn arrive(&mut self) -> Held {
        let (here, there) = (self.here.clone(), self.there.clone());
        match self.delivery {
            Delivery::Saves => {
                let answer = self.running.barrier().await;
                let same = model::is_same(&self.model, &hands::snapshot(&here), &hands::snapshot(&there));
                same.map_err(|error| format!("saved: {error}; {answer:?}"))
            }
            Delivery::Watcher => {
                let model = &self.model;
                let same = || model::is_same(model, &hands::snapshot(&here), &hands::snapshot(&there)).ok();
                if same().is_none() {
                    self.running.until("what the watcher saw", |_| same()).await;
                }
                Ok(())
            }
            Delivery::Comparison => Ok(()),
        }
    }

    async fn compare(&mut self, what: &str) -> Held {
        let _ = self.running.barrier().await;
        self.running.rescan().await;
        let answer = self.running.barrier().await;
        self.remote.quiet().await;
        self.check_theirs()?;
        let (here, there) = (hands::snapshot(&self.here), hands::snapshot(&self.there));
        let reported = self.reported();
        self.model.check(&here, &there, &reported, true).map_err(|error| format!("{what}: {error}"))?;
        match answer {
            Ok(_) if reported.diverged.is_empty() && reported.failed.is_empty() => Ok(()),
            Err(Blocked::Diverged(_) | Blocked::Failed(..)) => Ok(()),
            other => Err(format!("{what}: the barrier says {other:?}; {reported:?}")),
        }
    }

    /// What is there counts as there: a comparison sends nothing, and a dry run says so.
    async fn nothing_is_left_to_do(&mut self) -> Held {
        let again = self.running.rescan().await;
        let _ = self.running.barrier().await;
        if again != (0, 0, Vec::new()) {
            return Err(format!("sent twice: {again:?}"));
        }
        Ok(())
    }
}
