//! Owns the measured ways through Remora: a save in an editor, and a change that the watcher sees.

use std::path::Path;

use remora_testkit::command::User;
use remora_tests::bench::Samples;
use remora_tests::bench::editor::{Editor, remora};

use crate::place::Place;

/// From the editor's notification to Remora's confirmation.
pub(crate) async fn editor(place: Place, ssh_config: &Path) -> Samples {
    let user = User::new(remora());
    let mut editor = Editor::start(user.home(), &place.sides, ssh_config).await;
    editor.mirror().await;
    let samples = place
        .measure(async |place| {
            editor.save(&place.local_file()).await;
            editor.confirmed(1, || place.arrived()).await;
        })
        .await;
    editor.close().await;
    samples
}

/// From the changed file to the event of `remora mirror --watch --json`.
pub(crate) async fn watch(place: Place, ssh_config: &Path) -> Samples {
    let user = User::new(remora());
    let mut args = ["mirror", "--watch", "--json", "--host", "box"].map(str::to_owned).to_vec();
    for (option, path) in
        [("--ssh-config", ssh_config), ("--root", &place.sides.local_root), ("--remote-root", &place.sides.remote_root)]
    {
        args.extend([option.to_owned(), path.display().to_string()]);
    }
    let mut remora = user.start(args);
    remora.event("mirrored").await;
    place
        .measure(async |place| {
            // A write that empties the file first may be seen as two changes; the last one counts.
            while remora.event("mirrored").await.is_null() || !place.arrived() {}
        })
        .await
}
