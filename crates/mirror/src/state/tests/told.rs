//! When the status is told, and what stands in it.

use super::{Bench, done, path};
use crate::compare::{Comparison, Dirty};
use crate::event::{Event, Job};
use crate::look::{Content, Looked, LookedFile};
use crate::notice::{Change, Notice, PATHS_WAITING, Phase};
use remora_model::{Mode, Mtime, RelPath};

/// The statuses told since the last call: phase, what waits, and whether it is shown as bulk work.
fn told(bench: &mut Bench) -> Vec<(Phase, Vec<String>, bool)> {
    let shown = |notice| match notice {
        Notice::Status(status) => {
            let waiting = status.waiting.iter().map(ToString::to_string).collect();
            Some((status.phase, waiting, status.progress.is_some()))
        }
        _ => None,
    };
    std::mem::take(&mut bench.notices).into_iter().filter_map(shown).collect()
}

#[test]
fn a_save_is_told_as_waiting_once_it_is_known_to_be_one() {
    let mut bench = Bench::new(&["a", "b"]);
    let row = |phase, waiting: &[&str]| (phase, waiting.iter().map(ToString::to_string).collect(), false);
    bench.on(Event::Saved(path("a")));
    assert_eq!(told(&mut bench), [], "it may be left out, or unchanged");
    bench.on(Event::Looked { found: vec![(path("a"), Looked::Ignored)], urgent: true });
    assert_eq!(told(&mut bench), []);
    bench.saved("a", "new");
    assert_eq!(told(&mut bench), [row(Phase::Uploading, &["a"])]);
    bench.saved("b", "new");
    assert_eq!(told(&mut bench), [row(Phase::Uploading, &["a", "b"])]);
    bench.sent("a", done("new"));
    bench.sent("b", done("new"));
    assert_eq!(told(&mut bench), [row(Phase::Uploading, &["b"]), row(Phase::InSync, &[])]);
    bench.on(Event::LinkLost);
    bench.on(Event::Saved(path("b")));
    bench.on(Event::Sifted(vec![]));
    assert_eq!(told(&mut bench), [row(Phase::WaitingForLink, &[]), row(Phase::WaitingForLink, &["b"])]);
}

#[test]
fn a_bulk_upload_is_told_now_and_then_and_its_end_at_once() {
    const FILES: usize = 3000;
    let mut bench = Bench::new(&[]);
    let dirty = (0..FILES).map(|n| Dirty { path: path(&format!("f{n}")), change: Change::Upload, size: 3, any: false });
    bench.on(Event::Rescan);
    bench.notices.clear();
    let jobs = bench.on(Event::Compared(Ok(Comparison { dirty: dirty.collect(), ..Comparison::default() })));
    let [(Phase::Uploading, waiting, true)] = &told(&mut bench)[..] else { panic!("not told as bulk work") };
    assert_eq!(waiting.len(), PATHS_WAITING);
    assert!(waiting.is_sorted());
    let sent = bench.carry_out(jobs, "new");
    assert_eq!(sent, FILES);
    let told = told(&mut bench);
    assert!(told.len() < 15, "the clock stood still, and it was told {} times", told.len());
    assert_eq!(told.last().unwrap(), &(Phase::InSync, vec![], false));
}

#[test]
fn what_was_not_told_during_bulk_work_is_told_when_its_time_comes() {
    let mut bench = Bench::new(&[]);
    let dirty = (0..20).map(|n| Dirty { path: path(&format!("f{n}")), change: Change::Upload, size: 3, any: false });
    bench.on(Event::Rescan);
    bench.on(Event::Compared(Ok(Comparison { dirty: dirty.collect(), ..Comparison::default() })));
    told(&mut bench);
    assert_eq!(bench.state.next_tick(), None);
    bench.on(Event::Looked { found: vec![(path("f0"), Looked::Unchanged)], urgent: true });
    assert_eq!(told(&mut bench), []);
    bench.now = bench.state.next_tick().unwrap();
    bench.on(Event::Tick);
    assert_eq!(told(&mut bench).len(), 1);
    assert_eq!(bench.state.next_tick(), None);
}

#[test]
fn the_python_sources_that_were_stored_are_named() {
    let mut bench = Bench::new(&["a.py", "b.py"]);
    for name in ["a.py", "data.csv"] {
        let jobs = bench.saved(name, "new");
        bench.carry_out(jobs, "new");
    }
    let sources = |notice: &Notice| match notice {
        Notice::Mirrored { sources, .. } => Some(sources.clone()),
        _ => None,
    };
    let told: Vec<Vec<RelPath>> = bench.notices.iter().filter_map(sources).collect();
    assert_eq!(told, [vec![path("a.py")], vec![]]);
}

#[test]
fn what_would_come_to_nothing_does_not_wait_and_a_later_save_is_not_lost_with_it() {
    let mut bench = Bench::new(&["a", "log"]);
    bench.on(Event::Pause);
    told(&mut bench);
    let jobs = bench.on(Event::Saved(path("log")));
    let [Job::Sift(asked)] = &jobs[..] else { panic!("{jobs:?}") };
    let idle = || asked.iter().map(|(spec, touched)| (spec.path.clone(), *touched)).collect::<Vec<_>>();
    assert_eq!(told(&mut bench), [], "it is not known yet");
    bench.on(Event::Sifted(idle()));
    assert_eq!((told(&mut bench), bench.state.queue.len()), (vec![], 0));

    let jobs = bench.on(Event::Saved(path("log")));
    let [Job::Sift(asked)] = &jobs[..] else { panic!("{jobs:?}") };
    let idle: Vec<(RelPath, u64)> = asked.iter().map(|(spec, touched)| (spec.path.clone(), *touched)).collect();
    bench.on(Event::Saved(path("log")));
    bench.on(Event::Sifted(idle));
    assert_eq!(bench.state.queue.len(), 1, "it was saved again after that look");
    bench.on(Event::Sifted(vec![]));
    assert_eq!(told(&mut bench), [(Phase::Paused, vec!["log".to_owned()], false)]);
    let jobs = bench.on(Event::Resume);
    assert_eq!(bench.carry_out(jobs, "new"), 1);
}

#[test]
fn a_single_huge_file_is_told_now_and_then_too() {
    const MIB: u64 = 1 << 20;
    let mut bench = Bench::new(&[]);
    bench.on(Event::Saved(path("huge")));
    let content = Content::Large(None);
    let file = LookedFile { mtime: Mtime(5), size: 2048 * MIB, mode: Mode(0o644), racy: false, content };
    bench.on(Event::Looked { found: vec![(path("huge"), Looked::File(file))], urgent: true });
    for _ in 0..2048 {
        bench.on(Event::Streamed(MIB));
    }
    let shown = told(&mut bench);
    assert_eq!(shown, [(Phase::Uploading, vec!["huge".to_owned()], true)], "the clock stood still");
    bench.now = bench.state.next_tick().unwrap();
    bench.on(Event::Tick);
    let status = bench.state.status();
    assert_eq!((told(&mut bench).len(), status.progress.unwrap().bytes_done), (1, 2048 * MIB));
}
