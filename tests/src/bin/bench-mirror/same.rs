//! Owns the case "same": a large tree in which nothing changed, beside `rsync -a`. Asked for in a session that has
//! mirrored before, and in a new one, which has only the record of what is there.

use remora_tests::bench::editor::Editor;
use remora_tests::bench::row::{Figure, Goal, Row};

use crate::bed::Bed;
use crate::clock::{median, timed};
use crate::ground::{check_equal, copy, files, sides};
use crate::road::Road;
use crate::{rivals, whole};

/// Each takes about a second.
const RUNS: usize = 7;

pub(crate) async fn run(bed: &Bed, roads: &[Road]) {
    let folder = bed.ground.folder("same");
    let sides = sides(&folder, "tree");
    let theirs = folder.path().join("rsync-there");
    bed.ground.tree(&sides.local_root, bed.ground.copies).await;
    copy(&sides.local_root, &sides.remote_root).await;
    copy(&sides.local_root, &theirs).await;
    let case = format!("nothing changed, {} files", files(&sides.local_root).len());
    let home = bed.ground.home();
    for road in roads {
        let [mut again, mut anew, mut rsync] = [const { Vec::new() }; 3];
        // The first one finds what is there without a record and compares every byte: it does not count.
        for run in 0..=RUNS {
            let mut editor = Editor::start(&home, &sides, &road.ssh_config).await;
            editor.connect().await;
            let first = timed(editor.first_mirror()).await;
            let second = timed(editor.mirror()).await;
            editor.close().await;
            let theirs = timed(rivals::rsync(&road.shared, &sides.local_root, &theirs)).await;
            if run > 0 {
                anew.push(first);
                again.push(second);
                rsync.push(theirs);
            }
        }
        whole::mirror(&home, &sides, &road.ssh_config).await;
        let command = Figure::Time(whole::mirror(&home, &sides, &road.ssh_config).await);
        let [again, anew, rsync] = [again, anew, rsync].map(|runs| median(&runs));
        for (how, ours, goal) in [
            ("", again, Goal::Times(0.3)),
            (", new session", anew, Goal::Times(0.3)),
            (", remora mirror", command, Goal::None),
        ] {
            let rival = Some(("rsync -a".to_owned(), rsync));
            bed.tell(&Row { case: format!("{case}{how}"), round_trip: Some(road.round_trip), ours, rival, goal });
        }
    }
    check_equal(&sides.local_root, &sides.remote_root).await;
}
