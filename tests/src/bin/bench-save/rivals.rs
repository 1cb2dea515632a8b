//! Owns the measured ways of today: scp, rsync and `ssh cat` over one connection that OpenSSH keeps open.

use std::fs::File;

use remora_tests::bench::Samples;
use remora_tests::bench::shared::{Shared, succeed};
use tokio::process::Command;

use crate::place::Place;

/// One way to carry a file.
pub(crate) struct Rival {
    pub(crate) name: &'static str,
    /// The command over the shared connection.
    command: fn(&Shared, &Place) -> Command,
}

/// Those that are measured.
pub(crate) const ALL: &[Rival] = &[
    Rival { name: "ssh cat", command: cat },
    Rival { name: "rsync", command: rsync },
    Rival { name: "scp", command: scp },
];

/// Takes the time of one rival.
pub(crate) async fn measure(shared: &Shared, rival: &Rival, place: Place) -> Samples {
    place.measure(async |place| succeed((rival.command)(shared, place)).await).await
}

fn cat(shared: &Shared, place: &Place) -> Command {
    let mut command = shared.with_options("ssh");
    command.args(["box", "cat", ">"]).arg(place.remote_file());
    command.stdin(File::open(place.local_file()).expect("the saved file can be read"));
    command
}

fn rsync(shared: &Shared, place: &Place) -> Command {
    let mut command = shared.rsync();
    // Saves of the same size within a second look the same to its quick check.
    command.arg("--ignore-times").arg(place.local_file()).arg(format!("box:{}", place.remote_file().display()));
    command
}

fn scp(shared: &Shared, place: &Place) -> Command {
    let mut command = shared.with_options("scp");
    command.arg("-pq").arg(place.local_file()).arg(format!("box:{}", place.remote_file().display()));
    command
}
