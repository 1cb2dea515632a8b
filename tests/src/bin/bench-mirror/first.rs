//! Owns the case "first": a large tree that is not there yet, beside `rsync -a` and tar through ssh.

use std::fs;

use remora_tests::bench::editor::{Editor, Sides};
use remora_tests::bench::row::{Figure, Goal, Row};

use crate::bed::Bed;
use crate::clock::{RUNS, median, timed};
use crate::ground::{check_equal, files};
use crate::road::Road;
use crate::{rivals, whole};

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    let folder = bed.ground.folder("first");
    let local_root = folder.path().join("here");
    bed.ground.tree(&local_root, bed.ground.copies).await;
    let case = format!("first upload, {} files", files(&local_root).len());
    for road in roads {
        let [mut ours, mut rsync, mut tar] = [const { Vec::new() }; 3];
        let sides = |name: &str| Sides { local_root: local_root.clone(), remote_root: folder.path().join(name) };
        for run in 0..RUNS {
            // Another place each time: what was put into the last one is on record.
            let there = sides(&format!("there-{}-{run}", road.round_trip.as_millis()));
            let mut editor = Editor::start(&bed.ground.home(), &there, &road.ssh_config).await;
            editor.connect().await;
            ours.push(timed(editor.first_mirror()).await);
            editor.close().await;
            checked(&there).await;

            let there = sides("rsync");
            rsync.push(timed(rivals::rsync(&road.shared, &there.local_root, &there.remote_root)).await);
            checked(&there).await;
            tar.push(timed(rivals::tar(&road.shared, &there.local_root, &there.remote_root)).await);
            checked(&there).await;
        }
        let there = sides(&format!("whole-{}", road.round_trip.as_millis()));
        let command = Figure::Time(whole::mirror(&bed.ground.home(), &there, &road.ssh_config).await);
        checked(&there).await;

        let [ours, rsync, tar] = [ours, rsync, tar].map(|runs| median(&runs));
        let row = |ours, rival: &str, figure, goal| {
            let rival = Some((rival.to_owned(), figure));
            Row { case: case.clone(), round_trip: Some(road.round_trip), ours, rival, goal }
        };
        bed.tell(&row(ours, "rsync -a", rsync, Goal::Times(0.5)));
        bed.tell(&row(ours, "tar | ssh tar", tar, Goal::Times(0.9)));
        let row = row(command, "rsync -a", rsync, Goal::None);
        bed.tell(&Row { case: format!("{case}, remora mirror"), ..row });
    }
}

/// Checks what was made there and removes it.
async fn checked(sides: &Sides) {
    check_equal(&sides.local_root, &sides.remote_root).await;
    fs::remove_dir_all(&sides.remote_root).expect("what was uploaded can be removed");
}
