//! Owns the case "checkout": 1,000 files of a large tree change at once outside the editor, as `git checkout` changes
//! them, beside `rsync -a`. From the last write until everything is on the remote and confirmed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use remora_tests::bench::editor::{Editor, Sides};
use remora_tests::bench::row::{Figure, Goal, Row};

use crate::bed::Bed;
use crate::clock::{median, timed};
use crate::ground::{check_equal, copy, files, is_python, sides};
use crate::rivals;
use crate::road::Road;

const CHANGED: usize = 1000;
const RUNS: usize = 5;
/// What the goal allows beside the transfer, in round trips.
const ROUND_TRIPS: u32 = 5;

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    let folder = bed.ground.folder("checkout");
    let (ours, theirs) = (sides(&folder, "remora"), sides(&folder, "rsync"));
    for sides in [&ours, &theirs] {
        bed.ground.tree(&sides.local_root, bed.ground.copies).await;
        copy(&sides.local_root, &sides.remote_root).await;
    }
    let case = format!("checkout, {CHANGED} of {} files", files(&ours.local_root).len());
    let [mut our_tree, mut their_tree] = [&ours, &theirs].map(Tree::of);
    let mut transfer = None;
    for road in roads {
        let [mut remora, mut rsync] = [const { Vec::new() }; 2];
        let mut editor = Editor::start(&bed.ground.home(), &ours, &road.ssh_config).await;
        editor.mirror().await;
        for _ in 0..RUNS {
            editor.settle().await;
            let written = our_tree.switch();
            let confirmed = editor.confirmed(CHANGED as u64, || our_tree.arrived()).await;
            remora.push(confirmed.saturating_duration_since(written));
            check_equal(&ours.local_root, &ours.remote_root).await;

            their_tree.switch();
            rsync.push(timed(rivals::rsync(&road.shared, &theirs.local_root, &theirs.remote_root)).await);
            check_equal(&theirs.local_root, &theirs.remote_root).await;
        }
        editor.close().await;
        let row = |case, ours, rival, goal| Row { case, round_trip: Some(road.round_trip), ours, rival, goal };
        let (remora, rsync) = (median(&remora), median(&rsync));
        bed.tell(&row(case.clone(), remora, Some(("rsync -a".to_owned(), rsync)), Goal::Times(0.3)));
        // Without a delay, nothing but the transfer is left of it.
        if road.round_trip == Duration::ZERO {
            transfer = Some(remora);
        } else if let Some(Figure::Time(transfer)) = transfer {
            let most = Figure::Time(transfer + ROUND_TRIPS * road.round_trip);
            bed.tell(&row(format!("{case}, + 5 rtt"), remora, None, Goal::AtMost(most)));
        }
    }
}

/// A local tree, some files of which have another content at every switch.
struct Tree<'a> {
    sides: &'a Sides,
    files: Vec<(PathBuf, Vec<u8>)>,
    switches: usize,
    /// So many of the files were seen to have arrived since the last switch.
    arrived: usize,
}

impl<'a> Tree<'a> {
    fn of(sides: &'a Sides) -> Self {
        let root = &sides.local_root;
        let python: Vec<PathBuf> = files(root).into_iter().filter(|file| is_python(file)).collect();
        let every = python.len() / CHANGED;
        let relative = |file: &PathBuf| file.strip_prefix(root).expect("invariant: it was found there").to_owned();
        let read = |file: &PathBuf| (relative(file), fs::read(file).expect("a file can be read"));
        let files = python.iter().step_by(every).take(CHANGED).map(read).collect();
        Self { sides, files, switches: 0, arrived: 0 }
    }

    /// Replaces every file as git does: the old one is removed, and a new one written. When the last one was.
    fn switch(&mut self) -> Instant {
        self.switches += 1;
        self.arrived = 0;
        for (file, content) in &self.files {
            let file = self.sides.local_root.join(file);
            fs::remove_file(&file).expect("a file can be removed");
            fs::write(file, text(self.switches, content)).expect("a file can be written");
        }
        Instant::now()
    }

    /// Whether every file over there is as it was switched to; looks no further than the first that is not.
    fn arrived(&mut self) -> bool {
        let is_there = |(file, content): &(PathBuf, Vec<u8>)| {
            read(&self.sides.remote_root.join(file)) == text(self.switches, content)
        };
        self.arrived += self.files[self.arrived..].iter().take_while(|file| is_there(file)).count();
        self.arrived == self.files.len()
    }
}

/// Differs in size from switch to switch: rsync looks at sizes, and at times in whole seconds.
fn text(switches: usize, content: &[u8]) -> Vec<u8> {
    [&b"#".repeat(switches), b"\n".as_slice(), content].concat()
}

/// What stands there; nothing while it is being replaced.
fn read(file: &Path) -> Vec<u8> {
    fs::read(file).unwrap_or_default()
}
