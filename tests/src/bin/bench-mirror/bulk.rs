//! Owns the case "bulk": a large file of random bytes that is not there yet, beside `ssh cat` and scp.

use std::fs;
use std::path::Path;

use remora_tests::bench::editor::{Editor, Sides};
use remora_tests::bench::row::{Goal, Row};

use crate::bed::Bed;
use crate::clock::{RUNS, median, timed};
use crate::road::Road;
use crate::{large, rivals};

/// What is wanted of the throughput of `ssh cat`.
const OF_ITS_THROUGHPUT: f64 = 0.95;

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    let folder = bed.ground.folder("bulk");
    let local_root = folder.path().join("here");
    fs::create_dir(&local_root).expect("a folder can be made");
    let file = local_root.join(large::NAME);
    large::make(&file, bed.ground.large_file);
    let theirs = folder.path().join("there");
    for road in roads {
        let [mut ours, mut cat, mut scp] = [const { Vec::new() }; 3];
        for run in 0..RUNS {
            // Another place each time: what was put into the last one is on record.
            let remote_root = folder.path().join(format!("there-{}-{run}", road.round_trip.as_millis()));
            let sides = Sides { local_root: local_root.clone(), remote_root };
            let mut editor = Editor::start(&bed.ground.home(), &sides, &road.ssh_config).await;
            editor.connect().await;
            ours.push(timed(editor.first_mirror()).await);
            editor.close().await;
            checked(&file, &sides.remote_root.join(large::NAME));

            cat.push(timed(rivals::cat(&road.shared, &file, &theirs)).await);
            checked(&file, &theirs);
            scp.push(timed(rivals::scp(&road.shared, &file, &theirs)).await);
            checked(&file, &theirs);
        }
        for (rival, runs, goal) in [("ssh cat", &cat, Goal::Times(1.0 / OF_ITS_THROUGHPUT)), ("scp", &scp, Goal::None)]
        {
            let case = format!("one file, {}", large::size_of(bed.ground.large_file));
            let rival = Some((rival.to_owned(), median(runs)));
            bed.tell(&Row { case, round_trip: Some(road.round_trip), ours: median(&ours), rival, goal });
        }
    }
}

/// Checks what was made there and removes it.
fn checked(here: &Path, there: &Path) {
    assert!(large::are_equal(here, there), "{} is not what was sent", there.display());
    fs::remove_file(there).expect("what was uploaded can be removed");
}
