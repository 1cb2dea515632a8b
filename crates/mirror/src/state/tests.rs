//! The state by itself: events in, jobs out.

use remora_agent::{ChangeKind, Expect, Surveyed};
use remora_model::{Digest, Entry, Kind, Mode, Mtime};

use super::*;
use crate::compare::{Comparison, Dirty};
use crate::event::{Outcome, Seen, Sight};
use crate::look::{Content, Looked, LookedFile};
use crate::notice::{Blocked, Change, Phase};

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn file(text: &str) -> Looked {
    let content = Content::Whole(text.into(), Digest::of(text.as_bytes()));
    Looked::File(LookedFile { mtime: Mtime(5), size: text.len() as u64, mode: Mode(0o644), racy: true, content })
}

fn done(text: &str) -> Outcome {
    Outcome::Done { digest: Some(Digest::of(text.as_bytes())), dirs: vec![], made: true }
}

/// A state and what it said; the clock stands still unless told otherwise.
struct Bench {
    state: State,
    now: Instant,
    notices: Vec<Notice>,
    answers: Vec<Result<crate::notice::Barrier, Blocked>>,
}

impl Bench {
    /// Connected, and in sync with these files of text `old`.
    fn new(files: &[&str]) -> Self {
        Self::limited(files, RemovalLimits::default())
    }

    fn limited(files: &[&str], limits: RemovalLimits) -> Self {
        let now = Instant::now();
        let mut bench = Self {
            state: State::new(false, limits, &Policy { max_file_megabytes: 0, ..Policy::default() }, now),
            now,
            notices: vec![],
            answers: vec![],
        };
        assert_eq!(bench.on(Event::LinkUp(1)), [Job::OpenRoot(1)]);
        let root = RemotePath::new("/there").unwrap();
        bench.on(Event::RootOpened(1, Ok((root, None))));
        let dirty = files.iter().map(|name| Dirty { path: path(name), change: Change::Upload, size: 3, any: false });
        let jobs = bench.on(Event::Compared(Ok(Comparison { dirty: dirty.collect(), ..Comparison::default() })));
        bench.carry_out(jobs, "old");
        bench.notices.clear();
        bench
    }

    /// Follows an event; what is told and answered is kept apart.
    fn on(&mut self, event: Event) -> Vec<Job> {
        let mut rest = Vec::new();
        for job in self.state.on(event, self.now) {
            match job {
                Job::Tell(notice) => self.notices.push(notice),
                Job::Answer(_, answer) => self.answers.push(answer),
                Job::Keep(_) => {}
                job => rest.push(job),
            }
        }
        rest
    }

    /// Follows what came of one change.
    fn sent(&mut self, name: &str, outcome: Outcome) -> Vec<Job> {
        self.on(Event::Sent(vec![(path(name), outcome)]))
    }

    /// Lets every look find this text and every change succeed, until nothing is left to do.
    fn carry_out(&mut self, jobs: Vec<Job>, text: &str) -> usize {
        let mut sent = 0;
        let mut open = jobs;
        while let Some(job) = open.pop() {
            let more = match job {
                Job::Look(specs) => {
                    let looked = specs.into_iter().map(|spec| (spec.path, file(text))).collect();
                    self.on(Event::Looked { found: looked, urgent: true })
                }
                Job::Send { path, .. } => {
                    sent += 1;
                    self.on(Event::Sent(vec![(path, done(text))]))
                }
                _ => vec![],
            };
            open.extend(more);
        }
        sent
    }

    fn saved(&mut self, name: &str, text: &str) -> Vec<Job> {
        self.on(Event::Saved(path(name)));
        self.on(Event::Looked { found: vec![(path(name), file(text))], urgent: true })
    }

    fn mirrored(&self) -> Vec<u64> {
        let files = |notice: &Notice| if let Notice::Mirrored { files, .. } = notice { Some(*files) } else { None };
        self.notices.iter().filter_map(files).collect()
    }
}

#[test]
fn a_save_is_one_look_and_one_request_that_expects_what_was_put_there() {
    let mut bench = Bench::new(&["a"]);
    let jobs = bench.on(Event::Saved(path("a")));
    assert!(matches!(&jobs[..], [Job::Look(specs)] if specs.len() == 1), "{jobs:?}");
    let jobs = bench.on(Event::Looked { found: vec![(path("a"), file("new"))], urgent: true });
    let [Job::Send { op, .. }] = &jobs[..] else { panic!("{jobs:?}") };
    assert!(matches!(&op.kind, ChangeKind::Write { expect: Expect::Content(old), .. } if *old == Digest::of(b"old")));
    assert!(op.way.dirs.is_empty() && op.way.clear.is_none());
    assert_eq!(bench.sent("a", done("new")), []);
    assert_eq!(bench.mirrored(), [1]);
    assert_eq!(bench.state.status().phase, Phase::InSync);
}

#[test]
fn what_is_to_be_kept_is_kept_before_it_is_relied_on() {
    let mut bench = Bench::new(&["a"]);
    bench.on(Event::Saved(path("a")));
    let jobs = bench.state.on(Event::Looked { found: vec![(path("a"), file("new"))], urgent: true }, bench.now);
    let kept = jobs.iter().position(|job| matches!(job, Job::Keep(_))).unwrap();
    let sent = jobs.iter().position(|job| matches!(job, Job::Send { .. })).unwrap();
    assert!(kept < sent);
}

#[test]
fn a_save_while_the_file_is_on_its_way_is_sent_after_it() {
    let mut bench = Bench::new(&["a"]);
    bench.saved("a", "one");
    for _ in 0..5 {
        assert_eq!(bench.on(Event::Saved(path("a"))), []);
    }
    let jobs = bench.sent("a", done("one"));
    assert_eq!(bench.carry_out(jobs, "two"), 1, "five saves are one upload");
    assert_eq!(bench.state.status().phase, Phase::InSync);
}

#[test]
fn a_full_disk_stops_everything_is_told_once_and_the_next_save_tries_again() {
    let mut bench = Bench::new(&["a", "b", "c"]);
    for name in ["a", "b"] {
        bench.saved(name, "new");
    }
    let full = |name: &str| Outcome::Failed(MirrorError::NoSpace { path: path(name) });
    assert_eq!(bench.sent("a", full("a")), []);
    assert_eq!(bench.sent("b", full("b")), []);
    let told = bench.notices.iter().filter(|notice| matches!(notice, Notice::Trouble { .. })).count();
    assert_eq!(told, 1);
    let status = bench.state.status();
    assert_eq!((status.phase, status.pending), (Phase::Halted, 2));
    let jobs = bench.on(Event::Saved(path("c")));
    assert_eq!(bench.carry_out(jobs, "new"), 3);
    assert_eq!(bench.state.status(), Status { phase: Phase::InSync, ..bench.state.status() });
    assert!(bench.state.status().failed.is_empty());
}

#[test]
fn a_barrier_waits_for_what_is_pending_and_says_why_it_can_not_be_passed() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.saved("a", "new");
    bench.on(Event::Barrier(1));
    assert_eq!(bench.answers, []);
    bench.sent("a", done("new"));
    assert!(matches!(&bench.answers[..], [Ok(barrier)] if barrier.files == 2));
    bench.saved("a", "newer");
    bench.on(Event::Barrier(2));
    let full = MirrorError::NoSpace { path: path("a") };
    bench.sent("a", Outcome::Failed(full.clone()));
    assert_eq!(bench.answers[1], Err(Blocked::Failed(path("a"), full)));
    bench.on(Event::LinkLost);
    bench.on(Event::Barrier(3));
    assert_eq!(bench.answers[2], Err(Blocked::LinkLost));
}

#[test]
fn an_unreadable_file_is_named_and_the_others_go_on() {
    let mut bench = Bench::new(&["a", "b"]);
    let error = MirrorError::unreadable(&path("a"), &std::io::ErrorKind::PermissionDenied.into());
    bench.on(Event::Saved(path("a")));
    bench.on(Event::Looked { found: vec![(path("a"), Looked::Unreadable(error.clone()))], urgent: true });
    assert!(bench.notices.contains(&Notice::Trouble { path: Some(path("a")), error: error.clone() }));
    bench.on(Event::Barrier(1));
    bench.on(Event::Looked { found: vec![(path("a"), Looked::Unreadable(error.clone()))], urgent: true });
    assert_eq!(bench.answers, [Err(Blocked::Failed(path("a"), error))]);
    // The next save, of whatever file, tries it again.
    let jobs = bench.on(Event::Saved(path("b")));
    assert_eq!(bench.carry_out(jobs, "new"), 2);
    assert_eq!(bench.state.status().phase, Phase::InSync);
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_sent_again() {
    let mut bench = Bench::new(&["a"]);
    bench.saved("a", "new");
    assert_eq!(bench.sent("a", Outcome::Changed), []);
    bench.now = bench.state.next_tick().unwrap();
    let jobs = bench.on(Event::Tick);
    assert_eq!(bench.carry_out(jobs, "newer"), 1);
    assert_eq!(bench.mirrored(), [1]);
}

#[test]
fn a_file_that_never_holds_still_is_told_in_the_end() {
    let mut bench = Bench::new(&["a"]);
    bench.on(Event::Saved(path("a")));
    bench.on(Event::Looked { found: vec![(path("a"), Looked::Unsteady)], urgent: true });
    while bench.state.status().failed.is_empty() {
        bench.now = bench.state.next_tick().unwrap();
        bench.on(Event::Tick);
        bench.on(Event::Looked { found: vec![(path("a"), Looked::Unsteady)], urgent: true });
    }
    let error = MirrorError::Vanished { path: path("a") };
    assert_eq!(bench.state.status().failed, [(path("a"), error)]);
}

#[test]
fn a_removal_waits_a_moment_and_a_file_that_comes_back_is_never_removed() {
    let mut bench = Bench::new(&["a"]);
    let seen = |what| Event::Seen(vec![Sight { path: path("a"), what }]);
    bench.on(seen(Seen::Moved));
    assert_eq!(bench.on(Event::Looked { found: vec![(path("a"), Looked::Gone)], urgent: true }), []);
    bench.on(seen(Seen::Changed));
    let jobs = bench.on(Event::Looked { found: vec![(path("a"), file("new"))], urgent: true });
    assert!(matches!(&jobs[..], [Job::Send { op, .. }] if matches!(op.kind, ChangeKind::Write { .. })), "{jobs:?}");
    bench.sent("a", done("new"));
    bench.on(seen(Seen::Moved));
    bench.on(Event::Looked { found: vec![(path("a"), Looked::Gone)], urgent: true });
    bench.now = bench.state.next_tick().unwrap();
    bench.on(Event::Tick);
    let jobs = bench.on(Event::Looked { found: vec![(path("a"), Looked::Gone)], urgent: true });
    assert!(matches!(&jobs[..], [Job::Send { op, .. }] if matches!(op.kind, ChangeKind::Remove { .. })), "{jobs:?}");
}

#[test]
fn writing_is_looked_at_when_it_stops_and_at_once_when_the_file_is_closed() {
    let mut bench = Bench::new(&["a"]);
    let seen = |what| Event::Seen(vec![Sight { path: path("a"), what }]);
    assert_eq!(bench.on(seen(Seen::Writing)), []);
    bench.now += Duration::from_millis(30);
    assert_eq!(bench.on(seen(Seen::Writing)), []);
    assert_eq!(bench.state.next_tick(), Some(bench.now + WRITING_SETTLES));
    assert!(matches!(&bench.on(seen(Seen::Changed))[..], [Job::Look(_)]));
}

#[test]
fn what_the_remote_refuses_is_corrected_when_it_is_ours_and_left_alone_when_not() {
    let found = |text: &str| {
        let kind = remora_model::Kind::File;
        let size = text.len() as u64;
        let there = Surveyed::Found(remora_model::Entry { kind, size, mtime: Mtime(9), mode: Mode(0o644) });
        Outcome::Refused { there, digest: Some(Digest::of(text.as_bytes())) }
    };
    let mut bench = Bench::new(&["a"]);
    bench.saved("a", "new");
    let jobs = bench.sent("a", found("new"));
    bench.carry_out(jobs, "new");
    assert_eq!(bench.state.status().phase, Phase::InSync);
    bench.saved("a", "newer");
    assert_eq!(bench.sent("a", found("theirs")), []);
    assert_eq!(bench.state.status().diverged, [path("a")]);
    bench.saved("a", "newest");
    let gone = Outcome::Refused { there: Surveyed::Missing, digest: None };
    let jobs = bench.sent("a", gone);
    let specs = matches!(&jobs[..], [Job::Look(_)]);
    assert!(specs, "{jobs:?}");
    bench.carry_out(jobs, "newest");
    assert_eq!(bench.state.status().phase, Phase::InSync);
}

#[test]
fn a_lost_link_keeps_what_was_on_its_way() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.saved("a", "new");
    bench.on(Event::LinkEnded(1));
    bench.sent("a", Outcome::Failed(MirrorError::Link(remora_agent::LostReason::PipeEnded)));
    assert!(matches!(&bench.on(Event::Saved(path("b")))[..], [Job::Sift(_)]));
    assert_eq!((bench.state.status().phase, bench.state.queue.len()), (Phase::WaitingForLink, 2));
    bench.on(Event::LinkUp(2));
    let jobs = bench.on(Event::RootOpened(2, Ok((RemotePath::new("/there").unwrap(), None))));
    assert!(jobs.iter().any(|job| matches!(job, Job::Compare { .. })));
    assert_eq!(bench.carry_out(jobs, "new"), 2);
    bench.on(Event::Compared(Ok(Comparison::default())));
    assert_eq!(bench.state.status().phase, Phase::InSync);
}

#[test]
fn without_a_watcher_changes_are_looked_for_at_intervals_and_that_is_told_once() {
    let mut bench = Bench::new(&["a"]);
    let limit = MirrorError::WatchLimit { watched: 7, limit: Some(8192) };
    bench.on(Event::Unwatched(limit.clone()));
    assert!(bench.notices.contains(&Notice::Trouble { path: None, error: limit }));
    bench.now = bench.state.next_tick().unwrap();
    assert!(matches!(&bench.on(Event::Tick)[..], [Job::Compare { .. }]));
    bench.on(Event::Compared(Ok(Comparison::default())));
    assert_eq!(bench.mirrored(), [0_u64; 0], "what found nothing is not told");
    assert!(matches!(&bench.on(Event::Overflowed)[..], [Job::Compare { .. }]));
}

#[test]
fn what_comes_after_an_ignore_file_is_judged_by_it() {
    let mut bench = Bench::new(&[".gitignore", "a"]);
    let seen = |name: &str| Sight { path: path(name), what: Seen::Changed };
    let jobs = bench.on(Event::Seen(vec![seen(".gitignore"), seen("secret")]));
    assert!(matches!(&jobs[..], [Job::ForgetRules, Job::Look(specs)] if specs.len() == 2), "{jobs:?}");
    let jobs = bench.on(Event::Saved(path("a/.remoraignore")));
    assert_eq!(jobs[0], Job::ForgetRules);

    let mut bench = Bench::new(&["a"]);
    bench.on(Event::Seen(vec![seen(".gitignore")]));
    let jobs = bench.on(Event::Looked { found: vec![(path(".gitignore"), Looked::Gone)], urgent: true });
    assert!(matches!(&jobs[..], [Job::Compare { .. }]), "it left itself out, and what else nobody knows: {jobs:?}");
}

mod removals;
mod renames;
mod retry;
mod told;

#[test]
fn what_a_comparison_sees_of_a_path_that_is_only_looked_at_is_found_out_over_there() {
    let seen = || Event::Compared(Ok(Comparison { diverged: vec![path("a")], ..Comparison::default() }));
    let unchanged = || Event::Looked { found: vec![(path("a"), Looked::Unchanged)], urgent: true };
    for order in ["nothing came of it", "it is being looked at"] {
        let mut bench = Bench::new(&["a"]);
        bench.on(Event::Rescan);
        bench.on(Event::Seen(vec![Sight { path: path("a"), what: Seen::Changed }]));
        let jobs = match order {
            "nothing came of it" => {
                bench.on(unchanged());
                bench.on(seen())
            }
            _ => {
                bench.on(seen());
                bench.on(unchanged())
            }
        };
        let [Job::Look(specs)] = &jobs[..] else { panic!("{order}: {jobs:?}") };
        assert!(specs[0].record.is_none(), "{order}: what is recorded is in doubt");
        let jobs = bench.on(Event::Looked { found: vec![(path("a"), file("old"))], urgent: true });
        let [Job::Send { op, .. }] = &jobs[..] else { panic!("{order}: {jobs:?}") };
        let ChangeKind::Meta { expect: Expect::Content(old), .. } = &op.kind else { panic!("{order}: {op:?}") };
        assert_eq!(*old, Digest::of(b"old"));
        let theirs = Entry { kind: Kind::File, size: 9, mtime: Mtime(9), mode: Mode(0o644) };
        bench.sent("a", Outcome::Refused { there: Surveyed::Found(theirs), digest: Some(Digest::of(b"theirs")) });
        assert_eq!(bench.state.status().diverged, [path("a")], "{order}");
    }
}

#[test]
fn what_a_comparison_sees_of_a_path_that_was_sent_meanwhile_is_over() {
    let mut bench = Bench::new(&["a"]);
    bench.on(Event::Rescan);
    bench.saved("a", "new");
    bench.sent("a", done("new"));
    let jobs = bench.on(Event::Compared(Ok(Comparison { diverged: vec![path("a")], ..Comparison::default() })));
    assert_eq!((jobs, bench.state.status().phase), (vec![], Phase::InSync));
}
