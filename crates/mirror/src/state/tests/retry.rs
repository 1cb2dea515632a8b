//! What failed is tried again by itself, ever more seldom, and is never forgotten.

use std::time::Duration;

use remora_model::{Mode, RemotePath};

use super::{Bench, file, path};
use crate::error::MirrorError;
use crate::event::{Event, Job, Outcome};
use crate::look::Looked;
use crate::notice::{Notice, Phase};
use crate::scan::Listing;

/// Lets the clock come to the next tick; how long that took, and what is to be done then.
fn tick(bench: &mut Bench) -> (Duration, Vec<Job>) {
    let due = bench.state.next_tick().expect("something is due");
    let waited = due - bench.now;
    bench.now = due;
    (waited, bench.on(Event::Tick))
}

fn in_the_way() -> Outcome {
    Outcome::Failed(MirrorError::InTheWay { path: path("a") })
}

fn troubles(bench: &Bench) -> usize {
    bench.notices.iter().filter(|notice| matches!(notice, Notice::Trouble { .. })).count()
}

#[test]
fn a_failed_upload_is_tried_again_by_itself_until_it_is_there() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.saved("a", "new");
    bench.sent("a", in_the_way());
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let (waited, jobs) = tick(&mut bench);
        pauses.push(waited.as_secs());
        assert!(matches!(&jobs[..], [Job::Look(_)]), "{jobs:?}");
        bench.on(Event::Looked { found: vec![(path("a"), file("new"))], urgent: true });
        bench.sent("a", in_the_way());
        assert_eq!(bench.state.status().failed.len(), 1);
    }
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    assert_eq!(troubles(&bench), 1, "it is told once");
    // Something new is tried soon, and the old with it.
    let failed = MirrorError::Permission { path: path("b") };
    bench.on(Event::Saved(path("b")));
    bench.on(Event::Looked { found: vec![(path("b"), file("new")), (path("a"), file("new"))], urgent: true });
    bench.sent("b", Outcome::Failed(failed));
    bench.sent("a", in_the_way());
    let (waited, jobs) = tick(&mut bench);
    assert_eq!(waited.as_secs(), 2);
    assert_eq!(bench.carry_out(jobs, "new"), 2);
    assert_eq!((bench.state.status().phase, bench.state.next_tick()), (Phase::InSync, None));
}

#[test]
fn nothing_is_tried_without_a_link_or_while_paused() {
    let mut bench = Bench::new(&["a"]);
    bench.saved("a", "new");
    bench.sent("a", in_the_way());
    assert!(bench.state.next_tick().is_some());
    bench.on(Event::Pause);
    assert_eq!(bench.state.next_tick(), None);
    bench.on(Event::Resume);
    assert!(bench.state.next_tick().is_some());
    bench.on(Event::LinkLost);
    assert_eq!(bench.state.next_tick(), None);
    assert_eq!(bench.state.status().failed.len(), 1, "it is still said");
}

#[test]
fn a_full_disk_is_tried_again_by_itself_and_told_once() {
    let mut bench = Bench::new(&["a"]);
    bench.saved("a", "new");
    let full = || Outcome::Failed(MirrorError::NoSpace { path: path("a") });
    bench.sent("a", full());
    for _ in 0..3 {
        let (_, jobs) = tick(&mut bench);
        assert!(matches!(&jobs[..], [Job::Look(_)]), "{jobs:?}");
        bench.on(Event::Looked { found: vec![(path("a"), file("new"))], urgent: true });
        bench.sent("a", full());
        assert_eq!(bench.state.status().phase, Phase::Halted);
    }
    assert_eq!(troubles(&bench), 1);
    let (_, jobs) = tick(&mut bench);
    assert_eq!(bench.carry_out(jobs, "new"), 1);
    assert_eq!(bench.state.status().phase, Phase::InSync);
    bench.saved("a", "newer");
    bench.sent("a", full());
    assert_eq!(troubles(&bench), 2, "a disk that is full again is news");
}

#[test]
fn a_remote_root_that_comes_back_is_found_and_a_local_one_waits_for_the_user() {
    let mut bench = Bench::new(&["a"]);
    bench.on(Event::LinkUp(2));
    let missing = MirrorError::RootMissing { path: "/there".into() };
    bench.on(Event::RootOpened(2, Err(missing)));
    let (_, jobs) = tick(&mut bench);
    assert_eq!(jobs, [Job::OpenRoot(2)]);
    let jobs = bench.on(Event::RootOpened(2, Ok((RemotePath::new("/there").unwrap(), None))));
    assert!(matches!(&jobs[..], [Job::Compare { .. }]), "{jobs:?}");
    bench.on(Event::Compared(Err(MirrorError::LocalRootGone)));
    assert_eq!((bench.state.status().phase, bench.state.next_tick()), (Phase::Halted, None));
}

#[test]
fn a_folder_that_can_not_be_read_stays_named_when_it_is_looked_at_again() {
    let mut bench = Bench::new(&["a"]);
    let error = MirrorError::unreadable(&path("d"), &std::io::ErrorKind::PermissionDenied.into());
    let looked = || {
        let unreadable = vec![(path("d"), error.clone())];
        Looked::Dir(Mode(0o755), Some(Listing { unreadable, ..Listing::default() }))
    };
    bench.on(Event::Saved(path("d")));
    bench.on(Event::Looked { found: vec![(path("d"), looked())], urgent: true });
    assert_eq!(bench.state.status().failed, [(path("d"), error.clone())]);
    tick(&mut bench);
    bench.on(Event::Looked { found: vec![(path("d"), looked())], urgent: true });
    assert_eq!(bench.state.status().failed, [(path("d"), error.clone())]);
    let jobs = bench.on(Event::Saved(path("a")));
    bench.carry_out(jobs, "new");
}
