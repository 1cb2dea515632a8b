//! Owns the case "save": a saved 4 kB file until it is confirmed, in a small and in a large tree, a file that was not
//! saved before and one that was. Beside rsync, scp and `ssh cat` of that one file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use remora_tests::bench::Samples;
use remora_tests::bench::editor::{Editor, Sides};
use remora_tests::bench::row::{Figure, Goal, Row};
use remora_tests::bench::text::text;

use crate::bed::Bed;
use crate::clock::{median, timed};
use crate::ground::{check_equal, copy, files, is_python, sides};
use crate::rivals;
use crate::road::Road;

/// Counted saves of each kind.
const SAVES: usize = 30;
/// The first ones pay for caches; they are not counted.
const WARM_UP: usize = 3;
const SIZE: usize = 4096;
/// Rivals take ten times as long and vary less: every so many saves is enough.
const RIVALS_EVERY: usize = 5;

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    for road in roads {
        let folder = bed.ground.folder("save");
        let (small, large) = (sides(&folder, "small"), sides(&folder, "large"));
        bed.ground.small_tree(&small.local_root);
        bed.ground.tree(&large.local_root, bed.ground.copies).await;
        let mut savers = Vec::new();
        for sides in [&small, &large] {
            copy(&sides.local_root, &sides.remote_root).await;
            savers.push(Saver::start(&bed.ground.home(), sides, road).await);
        }
        let mut theirs = Theirs::new(folder.path());
        for round in 0..WARM_UP + SAVES {
            for saver in &mut savers {
                saver.save_two(round).await;
            }
            if round % RIVALS_EVERY == 0 {
                theirs.save(round, road).await;
            }
        }
        for saver in savers {
            saver.tell(bed, road, &theirs).await;
        }
    }
}

/// One tree in which files are saved.
struct Saver {
    editor: Editor,
    sides: Sides,
    files: Vec<PathBuf>,
    first: Vec<Duration>,
    again: Vec<Duration>,
}

impl Saver {
    async fn start(home: &Path, sides: &Sides, road: &Road) -> Self {
        let mut editor = Editor::start(home, sides, &road.ssh_config).await;
        editor.mirror().await;
        let files = files(&sides.local_root).into_iter().filter(|file| is_python(file)).collect();
        Self { editor, sides: sides.clone(), files, first: Vec::new(), again: Vec::new() }
    }

    /// Saves a file that was not saved before, and one that was.
    async fn save_two(&mut self, round: usize) {
        let every = self.files.len() / (WARM_UP + SAVES + 1);
        let (again, first) = (self.files[0].clone(), self.files[(round + 1) * every].clone());
        let first = self.save(&first, text(2 * round as u64, SIZE)).await;
        let again = self.save(&again, text(2 * round as u64 + 1, SIZE)).await;
        if round >= WARM_UP {
            self.first.push(first);
            self.again.push(again);
        }
    }

    async fn save(&mut self, file: &Path, content: Vec<u8>) -> Duration {
        self.editor.settle().await;
        let relative = file.strip_prefix(&self.sides.local_root).expect("invariant: it was found there");
        let there = self.sides.remote_root.join(relative);
        let start = Instant::now();
        fs::write(file, &content).expect("a file can be written");
        self.editor.save(file).await;
        let confirmed = self.editor.confirmed(1, || fs::read(&there).is_ok_and(|there| there == content)).await;
        confirmed.saturating_duration_since(start)
    }

    async fn tell(self, bed: &Bed, road: &Road, theirs: &Theirs) {
        self.editor.close().await;
        check_equal(&self.sides.local_root, &self.sides.remote_root).await;
        let most = Figure::Time(road.round_trip.mul_f64(1.05) + Duration::from_millis(10));
        let tree = format!("{} files", files(&self.sides.local_root).len());
        let row = |case: String, ours, rival, goal| Row { case, round_trip: Some(road.round_trip), ours, rival, goal };
        for (which, runs) in [("first of a file", &self.first), ("again", &self.again)] {
            let case = format!("save, {tree}, {which}");
            bed.tell(&row(case.clone(), median(runs), None, Goal::AtMost(most)));
            let p90 = Figure::Time(Samples::new(runs.clone()).p90());
            bed.tell(&row(format!("{case}, p90"), p90, None, Goal::None));
        }
        for (rival, figure) in theirs.medians() {
            bed.tell(&row(format!("save, {tree}, again"), median(&self.again), Some((rival, figure)), Goal::None));
        }
    }
}

/// The same file, saved by rivals.
struct Theirs {
    here: PathBuf,
    there: PathBuf,
    rsync: Vec<Duration>,
    scp: Vec<Duration>,
    cat: Vec<Duration>,
}

impl Theirs {
    fn new(folder: &Path) -> Self {
        let [here, there] = ["their-file-here", "their-file-there"].map(|name| folder.join(name));
        Self { here, there, rsync: Vec::new(), scp: Vec::new(), cat: Vec::new() }
    }

    async fn save(&mut self, round: usize, road: &Road) {
        // Another size each time: rsync looks at sizes, and at times in whole seconds.
        let written = |part: usize| {
            fs::write(&self.here, text(round as u64, SIZE + 3 * round + part)).expect("a file can be written")
        };
        let shared = &road.shared;
        written(0);
        self.rsync.push(timed(rivals::rsync(shared, &self.here, &self.there)).await);
        self.check();
        written(1);
        self.scp.push(timed(rivals::scp(shared, &self.here, &self.there)).await);
        self.check();
        written(2);
        self.cat.push(timed(rivals::cat(shared, &self.here, &self.there)).await);
        self.check();
    }

    fn check(&self) {
        let [here, there] = [&self.here, &self.there].map(|file| fs::read(file).expect("a file can be read"));
        assert!(here == there, "a rival did not carry the file");
    }

    fn medians(&self) -> [(String, Figure); 3] {
        let of = |name: &str, runs: &[Duration]| (name.to_owned(), median(runs));
        [of("rsync -a, the file", &self.rsync), of("scp", &self.scp), of("ssh cat", &self.cat)]
    }
}
