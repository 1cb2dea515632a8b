//! Owns `npm run bench -- save`: how long a saved 4 kB file takes until it is confirmed, through Remora and
//! through what people use today, all to one sshd behind one delay. Prints; never fails on a time.

#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

mod ours;
mod place;
mod rivals;

use std::time::Duration;

use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_tests::bench::shared::Shared;
use remora_tests::bench::{Samples, Table};

use place::Place;

const ROUND_TRIP: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() {
    // scp of today speaks SFTP. What a login's .bashrc takes is not measured: bash thinks that it has run.
    let lines = ["Subsystem sftp internal-sftp", "SetEnv SHLVL=2"].map(str::to_owned);
    let sshd = Sshd::start(SshdOptions { server_lines: lines.to_vec(), ..SshdOptions::default() });
    let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), ROUND_TRIP).expect("the delay can be started");
    let ssh_config = sshd.ssh_config_via(lag.port());
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    println!("{} saves of {} bytes, {} ms round trip\n", place::SAVES, place::SIZE, ROUND_TRIP.as_millis());

    let mut rows: Vec<(String, Samples)> = Vec::new();
    rows.push(("remora lsp, saved in the editor".into(), ours::editor(Place::new(&folder, "lsp"), &ssh_config).await));
    rows.push(("remora mirror --watch".into(), ours::watch(Place::new(&folder, "watch"), &ssh_config).await));
    let shared = Shared::open(&ssh_config, folder.path()).await;
    for rival in rivals::ALL {
        let samples = rivals::measure(&shared, rival, Place::new(&folder, rival.name)).await;
        rows.push((format!("{}, shared connection", rival.name), samples));
    }
    shared.close().await;
    println!("{}", Table { round_trip: ROUND_TRIP, rows });
}
