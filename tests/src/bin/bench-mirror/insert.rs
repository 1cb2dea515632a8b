//! Owns the case "insert": a few bytes more in the middle of a large file, beside `rsync -a`; how long it takes and what
//! goes over the wire.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use remora_testkit::lag::Carried;
use remora_tests::bench::editor::{Editor, Sides};
use remora_tests::bench::row::{Figure, Goal, Row};

use crate::bed::Bed;
use crate::clock::{RUNS, median};
use crate::road::Road;
use crate::{large, rivals};

/// How many bytes more.
const INSERTED: usize = 200;
/// What may be sent for it.
const SENT_AT_MOST: u64 = 64_000;

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    let folder = bed.ground.folder("insert");
    let local_root = folder.path().join("here");
    fs::create_dir(&local_root).expect("a folder can be made");
    let file = local_root.join(large::NAME);
    large::make(&file, bed.ground.large_file);
    let case = format!("{INSERTED} bytes in {}", large::size_of(bed.ground.large_file));
    for road in roads {
        let there = folder.path().join("there");
        let sides = Sides { local_root: local_root.clone(), remote_root: there.clone() };
        let (there, theirs) = (there.join(large::NAME), folder.path().join("rsync-there"));
        fs::copy(&file, &theirs).expect("a file can be copied");
        let mut editor = Editor::start(&bed.ground.home(), &sides, &road.ssh_config).await;
        editor.mirror().await;
        let [mut ours, mut rsync] = [const { Vec::new() }; 2];
        for _ in 0..RUNS {
            editor.settle().await;
            let new = large::with_more(&file, INSERTED);
            let before = road.lag.carried();
            let start = Instant::now();
            fs::rename(new, &file).expect("a file can be moved");
            editor.save(&file).await;
            let confirmed = editor.confirmed(1, || large::are_equal(&file, &there)).await;
            ours.push(Run { time: confirmed.saturating_duration_since(start), carried: since(before, road) });
            rsync.push(by_rsync(road, &file, &theirs).await);
        }
        editor.close().await;
        fs::remove_dir_all(&sides.remote_root).expect("a folder can be removed");
        tell(bed, road, &case, [&ours, &rsync]);
    }
}

/// One insertion.
struct Run {
    time: Duration,
    carried: Carried,
}

async fn by_rsync(road: &Road, file: &Path, theirs: &Path) -> Run {
    let before = road.lag.carried();
    let start = Instant::now();
    rivals::rsync(&road.shared, file, theirs).await;
    let run = Run { time: start.elapsed(), carried: since(before, road) };
    assert!(large::are_equal(file, theirs), "rsync did not carry the file");
    run
}

fn since(before: Carried, road: &Road) -> Carried {
    let now = road.lag.carried();
    Carried { sent: now.sent - before.sent, received: now.received - before.received }
}

fn tell(bed: &Bed, road: &Road, case: &str, runs: [&Vec<Run>; 2]) {
    let tell = |what: &str, figures: [Figure; 2], goal| {
        let [ours, rsync] = figures;
        let rival = Some(("rsync -a".to_owned(), rsync));
        bed.tell(&Row { case: format!("{case}{what}"), round_trip: Some(road.round_trip), ours, rival, goal });
    };
    let times = |runs: &Vec<Run>| median(&runs.iter().map(|run| run.time).collect::<Vec<_>>());
    let bytes = |runs: &Vec<Run>, of: fn(&Carried) -> u64| {
        let mut sorted: Vec<u64> = runs.iter().map(|run| of(&run.carried)).collect();
        sorted.sort_unstable();
        Figure::Bytes(sorted[sorted.len() / 2])
    };
    tell("", runs.map(times), Goal::Times(0.3));
    let most = Goal::AtMost(Figure::Bytes(SENT_AT_MOST));
    tell(", sent", runs.map(|runs| bytes(runs, |carried| carried.sent)), most);
    tell(", received", runs.map(|runs| bytes(runs, |carried| carried.received)), Goal::None);
}
