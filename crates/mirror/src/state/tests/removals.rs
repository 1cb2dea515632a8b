//! What is too much at once waits for the user's word; the rest goes on.

use super::*;
use crate::notice::HeldFiles;

const LIMITS: RemovalLimits = RemovalLimits { files: 3, percent: 0 };
const NAMES: [&str; 6] = ["d/a", "d/b", "d/c", "d/d", "e", "f"];

impl Bench {
    /// Lets every look find nothing; which removals were sent, each with success.
    fn all_gone(&mut self, jobs: Vec<Job>) -> Vec<String> {
        let mut sent = Vec::new();
        let mut open = jobs;
        while let Some(job) = open.pop() {
            let more = match job {
                Job::Look(specs) => {
                    let found = specs.into_iter().map(|spec| (spec.path, Looked::Gone)).collect();
                    self.on(Event::Looked { found, urgent: false })
                }
                Job::Send { path, op, .. } => {
                    assert!(matches!(op.kind, ChangeKind::Remove { .. }), "{op:?}");
                    sent.push(path.to_string());
                    self.on(Event::Sent(vec![(path, Outcome::Done { digest: None, dirs: vec![], made: true })]))
                }
                _ => vec![],
            };
            open.extend(more);
        }
        sent.sort();
        sent
    }

    /// Has a comparison find these to be gone.
    fn found_gone(&mut self, names: &[&str]) -> Vec<Job> {
        self.on(Event::Rescan);
        let gone = |name: &&str| Dirty { path: path(name), change: Change::Remove, size: 0, any: false };
        let dirty = names.iter().map(gone).collect();
        self.on(Event::Compared(Ok(Comparison { dirty, ..Comparison::default() })))
    }

    fn asked(&self) -> Vec<usize> {
        let count = |notice: &Notice| if let Notice::ManyRemovals { count, .. } = notice { Some(*count) } else { None };
        self.notices.iter().filter_map(count).collect()
    }

    /// Follows the clock until nothing rests any more.
    fn settle(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(next) = self.state.next_tick() {
            self.now = next;
            let jobs = self.on(Event::Tick);
            sent.extend(self.all_gone(jobs));
        }
        sent
    }
}

#[test]
fn a_comparison_that_finds_too_much_gone_removes_nothing_of_it_and_sends_the_rest() {
    let mut bench = Bench::limited(&NAMES, LIMITS);
    bench.saved("new", "text");
    let jobs = bench.found_gone(&["d/a", "d/b", "d/c", "d/d"]);
    assert_eq!(bench.all_gone(jobs), [""; 0]);
    let jobs = bench.sent("new", done("text"));
    assert_eq!(jobs, []);
    let status = bench.state.status();
    assert_eq!((status.phase, status.held, status.pending), (Phase::Incomplete, 4, 0));
    bench.on(Event::Barrier(1));
    let held = NAMES[..4].iter().map(|name| path(name)).collect();
    assert_eq!(bench.answers, [Err(Blocked::Held(4, held))]);
    let jobs = bench.found_gone(&["d/a", "d/b", "d/c", "d/d"]);
    assert_eq!(bench.all_gone(jobs), [""; 0]);
    assert_eq!(bench.asked(), [4], "asked once");
}

#[test]
fn the_users_word_decides() {
    for (word, removed) in [(HeldFiles::Remove, &NAMES[..4]), (HeldFiles::Keep, &[])] {
        let mut bench = Bench::limited(&NAMES, LIMITS);
        let jobs = bench.found_gone(&NAMES[..4]);
        bench.all_gone(jobs);
        let jobs = bench.on(Event::DecideHeld(word));
        assert_eq!(bench.all_gone(jobs), removed);
        assert_eq!((bench.state.status().phase, bench.state.records().files()), (Phase::InSync, 2), "{word:?}");
    }
}

#[test]
fn what_the_watcher_sees_go_bit_by_bit_is_one_set_and_a_pause_begins_another() {
    let mut bench = Bench::limited(&NAMES, LIMITS);
    for name in &NAMES[..4] {
        let jobs = bench.on(Event::Seen(vec![Sight { path: path(name), what: Seen::Moved }]));
        assert_eq!(bench.all_gone(jobs), [""; 0]);
        bench.now += Duration::from_millis(10);
    }
    assert_eq!(bench.settle(), [""; 0]);
    assert_eq!(bench.state.status().held, 4);
    bench.now += Duration::from_secs(3);
    let jobs = bench.on(Event::Seen(vec![Sight { path: path("e"), what: Seen::Moved }]));
    bench.all_gone(jobs);
    assert_eq!(bench.settle(), ["e"]);
    assert_eq!(bench.asked(), [4]);
}

#[test]
fn what_is_back_is_held_no_longer() {
    let mut bench = Bench::limited(&NAMES, LIMITS);
    let jobs = bench.found_gone(&NAMES[..4]);
    bench.all_gone(jobs);
    let jobs = bench.saved("d/a", "text");
    assert!(matches!(&jobs[..], [Job::Send { op, .. }] if matches!(op.kind, ChangeKind::Write { .. })), "{jobs:?}");
    bench.sent("d/a", done("text"));
    assert_eq!(bench.state.status().held, 3);
    bench.found_gone(&[]);
    assert_eq!(bench.state.status().phase, Phase::InSync, "all of it is");
}

#[test]
fn one_that_the_user_names_goes_however_many_others_do() {
    let mut bench = Bench::limited(&NAMES, LIMITS);
    bench.on(Event::Rescan);
    bench.on(Event::Compared(Ok(Comparison { diverged: vec![path("e")], ..Comparison::default() })));
    let jobs = bench.found_gone(&NAMES[..4]);
    bench.all_gone(jobs);
    bench.on(Event::Rescan);
    bench.on(Event::Compared(Ok(Comparison { diverged: vec![path("e")], ..Comparison::default() })));
    let jobs = bench.on(Event::Overwrite(vec![path("e")]));
    assert_eq!(bench.all_gone(jobs), ["e"]);
}
