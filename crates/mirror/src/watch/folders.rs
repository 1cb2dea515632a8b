//! Owns the watch on Linux: which directories are watched, and what each of inotify's events means for us. Never reads
//! a file and never decides what is sent.
//!
//! Each directory is watched by itself, and only those that are not left out, so that a `node_modules` costs nothing.
//! inotify is asked without anybody between: a walk names every directory again, and the system knows those that are
//! watched already; asking costs a microsecond, where a turn of another thread costs a hundred. Nothing is asked for
//! that a reader does: a first upload opens every file.

use std::io::{PipeReader, PipeWriter};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use remora_model::RelPath;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::sync::mpsc::UnboundedSender;

use super::names::Names;
use super::{distant, is_being_written};
use crate::error::MirrorError;
use crate::event::{Event, Seen, Sight};

/// What changes in a directory. Its own end is told by the directory above.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::EXCL_UNLINK)
    .union(WatchFlags::ONLYDIR);

/// Above the root nothing is watched.
const OWN_END: WatchFlags = WatchFlags::DELETE_SELF.union(WatchFlags::MOVE_SELF);

/// Room for some hundred events.
const BUFFER: usize = 16 << 10;

/// A running watch; dropping it ends it.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    /// Closed with the watch; its thread waits for that too.
    _running: PipeWriter,
}

struct Shared {
    root: PathBuf,
    inotify: OwnedFd,
    /// Whether directories that links lead to are among them.
    follow: bool,
    /// A lock, because walks on several blocking threads add the directories they are about to read, and may read them
    /// only when that is done; an event about a directory must find its name there.
    known: Mutex<Known>,
    out: UnboundedSender<Event>,
}

#[derive(Default)]
struct Known {
    names: Names,
    /// It was told that not all can be watched, and that what others do can't be seen.
    told: bool,
    told_distant: bool,
}

impl Watch {
    /// Starts to watch the tree at `root`, which is canonical. Nothing is seen before [`Watch::add`].
    pub(crate) fn start(root: &Path, follow: bool, out: UnboundedSender<Event>) -> Result<Self, MirrorError> {
        let unwatched = |message: String| MirrorError::Watch(message);
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(|error| match error {
            Errno::MFILE => MirrorError::WatchInstances { limit: limit("max_user_instances") },
            error => unwatched(error.to_string()),
        })?;
        let (ended, running) = std::io::pipe().map_err(|error| unwatched(error.to_string()))?;
        let shared = Arc::new(Shared { root: root.to_owned(), inotify, follow, known: Mutex::default(), out });
        let reader = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watch".to_owned());
        thread.spawn(move || reader.run(&ended)).map_err(|error| unwatched(error.to_string()))?;
        Ok(Self { shared, _running: running })
    }

    /// Watches one more directory; one that is watched already, under its present name.
    pub(crate) fn add(&self, dir: &Path) {
        let Ok(below) = dir.strip_prefix(&self.shared.root) else { return };
        let below = below.as_os_str().as_bytes();
        let flags = if below.is_empty() { CHANGES | OWN_END } else { CHANGES };
        let flags = if self.shared.follow { flags } else { flags | WatchFlags::DONT_FOLLOW };
        let mut known = self.shared.known();
        match inotify::add_watch(&self.shared.inotify, dir, flags) {
            Ok(watch) => {
                let is_new = known.names.put(watch, below);
                drop(known);
                if is_new {
                    self.shared.tell_distant(dir);
                }
            }
            // The walk will find the same, and the event for it is in the directory above.
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) if known.told => tracing::debug!(%error, "one more directory can't be watched"),
            Err(error) => {
                known.told = true;
                let watched = known.names.len();
                let error = match error {
                    Errno::NOSPC => MirrorError::WatchLimit { watched, limit: limit("max_user_watches") },
                    error => MirrorError::Watch(error.to_string()),
                };
                self.shared.send(Event::Unwatched(error));
            }
        }
    }
}

impl Watch {
    /// Takes as little memory as it can.
    pub(crate) fn tidy(&self) {
        self.shared.known().names.tidy();
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, event: Event) {
        // The other end is gone only when the mirror is ending.
        let _ = self.out.send(event);
    }

    /// What another machine does is not told to this one.
    fn tell_distant(&self, dir: &Path) {
        let Some(kind) = distant::kind(dir) else { return };
        if !std::mem::replace(&mut self.known().told_distant, true) {
            self.send(Event::Unwatched(MirrorError::Distant { kind }));
        }
    }

    fn run(&self, ended: &PipeReader) {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        loop {
            let mut ready = [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(ended, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) if !ready[1].revents().is_empty() => return,
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return self.send(Event::Unwatched(MirrorError::Watch(error.to_string()))),
            }
            if let Err(error) = self.read(&mut buffer) {
                return self.send(Event::Unwatched(MirrorError::Watch(error.to_string())));
            }
        }
    }

    /// Tells of all that has happened so far.
    fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> Result<(), Errno> {
        let mut reader = Reader::new(&self.inotify, buffer);
        let mut sights = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            let name = event.file_name().map_or(&[][..], |name| name.to_bytes());
            let lost = self.note(event.wd(), event.events(), name, &mut sights);
            if lost {
                self.send(Event::Overflowed);
            }
            if reader.is_buffer_empty() && !sights.is_empty() {
                self.send(Event::Seen(std::mem::take(&mut sights)));
            }
        }
    }

    /// Follows one event. Whether something was lost, so that only a comparison can tell what happened.
    fn note(&self, watch: i32, what: ReadFlags, name: &[u8], sights: &mut Vec<Sight>) -> bool {
        if what.intersects(ReadFlags::QUEUE_OVERFLOW | ReadFlags::UNMOUNT) {
            return true;
        }
        let mut known = self.known();
        let Some(dir) = known.names.get(watch) else { return false };
        let is_root = dir.is_empty() && name.is_empty();
        let path = [dir, name].join(&b'/');
        let path = path.strip_prefix(b"/").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path).to_vec();
        if what.contains(ReadFlags::IGNORED) {
            known.names.remove(watch);
            return false;
        }
        // Where it went it is watched anew, if that is in the tree.
        if what.contains(ReadFlags::MOVED_FROM | ReadFlags::ISDIR) {
            for watch in known.names.take_within(&path) {
                let _ = inotify::remove_watch(&self.inotify, watch);
            }
        }
        drop(known);
        if is_root {
            // Its own attributes are nobody's business; its end is found by looking.
            return what.intersects(ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF);
        }
        let Ok(path) = RelPath::new(path) else { return false };
        let is_written = || is_being_written(&self.root.join(path.to_local()));
        if let Some(what) = meaning(what, is_written) {
            sights.push(Sight { path, what });
        }
        false
    }
}

/// What an event says; nothing when it is no change.
fn meaning(what: ReadFlags, is_written: impl FnOnce() -> bool) -> Option<Seen> {
    if what.intersects(ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO | ReadFlags::DELETE) {
        Some(Seen::Moved)
    } else if what.contains(ReadFlags::CREATE) {
        let is_written = !what.contains(ReadFlags::ISDIR) && is_written();
        Some(if is_written { Seen::Writing } else { Seen::Moved })
    } else if what.contains(ReadFlags::MODIFY) {
        Some(Seen::Writing)
    } else {
        what.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::ATTRIB).then_some(Seen::Changed)
    }
}

fn limit(name: &str) -> Option<u64> {
    std::fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;

    /// A folder that is watched, and what is seen there.
    fn watched() -> (tempfile::TempDir, Watch, UnboundedReceiver<Event>) {
        let dir = tempfile::tempdir().unwrap();
        let (out, seen) = unbounded_channel();
        let root = dir.path().canonicalize().unwrap();
        let watch = Watch::start(&root, false, out).unwrap();
        watch.add(&root);
        (dir, watch, seen)
    }

    /// What is seen up to the first sight of `last`.
    fn until(seen: &mut UnboundedReceiver<Event>, last: &str) -> Vec<(String, Seen)> {
        let mut all = Vec::new();
        while !all.iter().any(|(path, _)| path == last) {
            match seen.blocking_recv().expect("the watch runs") {
                Event::Seen(sights) => all.extend(sights.into_iter().map(|sight| (sight.path.to_string(), sight.what))),
                other => panic!("{other:?}"),
            }
        }
        all
    }

    #[test]
    fn each_change_is_told_for_what_it_is_and_reading_is_none() {
        let (dir, watch, mut seen) = watched();
        let place = |name: &str| dir.path().canonicalize().unwrap().join(name);
        fs::create_dir(place("d")).unwrap();
        watch.add(&place("d"));
        fs::write(place("d/f"), "1").unwrap();
        std::os::unix::fs::symlink("f", place("d/l")).unwrap();
        fs::create_dir(place("end")).unwrap();
        let told = until(&mut seen, "end");
        for one in [("d", Seen::Moved), ("d/f", Seen::Changed), ("d/l", Seen::Moved)] {
            assert!(told.contains(&(one.0.to_owned(), one.1)), "{one:?} {told:?}");
        }
        fs::read(place("d/f")).unwrap();
        fs::read_dir(place("d")).unwrap().for_each(drop);
        fs::rename(place("d"), place("e")).unwrap();
        assert_eq!(until(&mut seen, "e"), [("d".to_owned(), Seen::Moved), ("e".to_owned(), Seen::Moved)]);
        fs::remove_file(place("e/l")).unwrap();
        watch.add(&place("e"));
        fs::remove_file(place("e/f")).unwrap();
        // What happened between is not told: it is not watched under its old name any more.
        assert_eq!(until(&mut seen, "e/f"), [("e/f".to_owned(), Seen::Moved)]);
    }

    #[test]
    fn what_is_lost_because_nobody_read_in_time_is_told() {
        let (dir, watch, mut seen) = watched();
        let most = limit("max_queued_events").unwrap();
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        fs::write(&one, "").unwrap();
        // Its thread waits for the lock at the first event.
        let held = watch.shared.known();
        for _ in 0..most {
            fs::rename(&one, &other).unwrap();
            fs::rename(&other, &one).unwrap();
        }
        drop(held);
        loop {
            if matches!(seen.blocking_recv().expect("the watch runs"), Event::Overflowed) {
                break;
            }
        }
        fs::write(dir.path().join("after"), "").unwrap();
        until(&mut seen, "after");
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let (dir, watch, mut seen) = watched();
        drop(watch);
        fs::write(dir.path().join("f"), "").unwrap();
        assert!(std::iter::from_fn(|| seen.blocking_recv()).all(|event| matches!(event, Event::Seen(_))));
    }
}
