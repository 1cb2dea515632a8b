//! Owns `npm run bench -- step`: how long a step takes until its variables are on screen, through Remora and through
//! `ssh -L` to a debugpy started by hand, for the same client. Prints; never fails on a time.

#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

mod editor;
mod program;

use std::time::Duration;

use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_tests::bench::Samples;
use remora_tests::bench::program::Place;

/// In milliseconds.
const ROUND_TRIPS: [u64; 3] = [0, 50, 150];

#[tokio::main]
async fn main() {
    // What a login's .bashrc takes is not measured: bash thinks that it has run.
    let place = Place::new();
    let lines = vec!["AllowTcpForwarding yes".to_owned(), format!("SetEnv SHLVL=2 HOME={}", place.home().display())];
    let sshd = Sshd::start(SshdOptions { server_lines: lines, ..SshdOptions::default() });
    println!(
        "{} steps each, from the key to the variables, medians; beyond 0 ms also in round trips more\n",
        editor::STEPS
    );
    println!("{:>6}  {:>18}  {:>18}  {:>6}", "rtt ms", "remora", "ssh -L, debugpy", "times");
    let mut local = None;
    for milliseconds in ROUND_TRIPS {
        let round_trip = Duration::from_millis(milliseconds);
        let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), round_trip).expect("the delay can be started");
        let ssh_config = sshd.ssh_config_via(lag.port());
        let ours = Samples::new(program::by_remora(&place, &ssh_config).await).median();
        let theirs = Samples::new(program::by_hand(&place, &ssh_config).await).median();
        let (ours_here, theirs_here) = *local.get_or_insert((ours, theirs));
        let cell = |time: Duration, here: Duration| match milliseconds {
            0 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
            _ => {
                let trips = time.saturating_sub(here).as_secs_f64() / round_trip.as_secs_f64();
                format!("{:.1} ms ({trips:.2})", time.as_secs_f64() * 1000.0)
            }
        };
        let times = theirs.as_secs_f64() / ours.as_secs_f64();
        println!("{milliseconds:>6}  {:>18}  {:>18}  {times:>6.1}", cell(ours, ours_here), cell(theirs, theirs_here));
    }
}
