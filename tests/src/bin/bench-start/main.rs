//! Owns `npm run bench -- start`: how long from F5 to the first stop, with a debugger that is on the remote and with one that is still to
//! be brought there, beside debugpy started by hand, for the same client. Prints; never fails on a time.

#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

mod ways;

use std::path::Path;
use std::time::Duration;

use remora_testkit::lag::Lag;
use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_tests::bench::Samples;
use remora_tests::bench::editor::Editor;
use remora_tests::bench::program::{Place, ssh};
use remora_tests::bench::row::{Figure, Goal, HEADING, Row};
use remora_tests::bench::shared::Shared;

/// In milliseconds, where none are given.
const ROUND_TRIPS: [u64; 2] = [0, 50];
/// Of each, where no number is given.
const RUNS: usize = 15;
/// What a start that is warm may take of one by hand.
const OF_BY_HAND: f64 = 1.1;

#[tokio::main]
async fn main() {
    let (runs, round_trips) = arguments();
    // What a login's .bashrc takes is not measured: bash thinks that it has run.
    let place = Place::new();
    let lines = vec!["AllowTcpForwarding yes".to_owned(), format!("SetEnv SHLVL=2 HOME={}", place.home().display())];
    let sshd = Sshd::start(SshdOptions { server_lines: lines, ..SshdOptions::default() });
    println!("{runs} starts each, in turns, medians; by hand everything is warm\n\n{HEADING}");
    for milliseconds in round_trips {
        let round_trip = Duration::from_millis(milliseconds);
        let lag = Lag::start(([127, 0, 0, 1], sshd.port()).into(), round_trip).expect("the delay can be started");
        for row in at(&place, &sshd.ssh_config_via(lag.port()), round_trip, runs).await {
            println!("{row}");
        }
    }
}

/// The rows of one round trip.
async fn at(place: &Place, ssh_config: &Path, round_trip: Duration, runs: usize) -> Vec<Row> {
    let mut editor = Editor::start(&place.home(), &place.sides(), ssh_config).await;
    editor.mirror().await;
    // Brings the debugger there for all, and has everything compiled.
    ways::by_remora(place, &mut editor).await;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let shared = Shared::open(ssh_config, folder.path()).await;
    let [mut warm, mut cold, mut hand, mut hand_shared, mut carried] = [const { Vec::new() }; 5];
    for _ in 0..runs {
        // In turns, so that what else the machine does meets all alike.
        warm.push(ways::by_remora(place, &mut editor).await);
        hand.push(ways::by_hand(place, ssh(ssh_config)).await);
        hand_shared.push(ways::by_hand(place, shared.with_options("ssh")).await);
        carried.push(ways::carry(&shared, folder.path()).await);
        ways::forget(place);
        cold.push(ways::by_remora(place, &mut editor).await);
    }
    editor.close().await;
    shared.close().await;
    let [warm, cold, hand, hand_shared, carried] =
        [warm, cold, hand, hand_shared, carried].map(|runs| Samples::new(runs).median());
    let row = |case: &str, ours: Duration, rival: &str, theirs: Duration, goal| Row {
        case: case.to_owned(),
        round_trip: Some(round_trip),
        ours: Figure::Time(ours),
        rival: Some((rival.to_owned(), Figure::Time(theirs))),
        goal,
    };
    let of_by_hand = Goal::Times(OF_BY_HAND);
    let cold_goal = Goal::AtMost(Figure::Time(hand.mul_f64(OF_BY_HAND) + carried));
    vec![
        row("F5 to the first stop, warm", warm, "ssh -L, debugpy", hand, of_by_hand),
        row("F5 to the first stop, warm", warm, "ssh -L, shared", hand_shared, Goal::None),
        row("F5 to the first stop, cold", cold, "ssh -L, debugpy", hand, cold_goal),
        row("  of which bringing the debugger", cold.saturating_sub(warm), "ssh cat, 1 MB", carried, Goal::None),
    ]
}

/// `[RUNS [ROUND_TRIP,…]]`.
fn arguments() -> (usize, Vec<u64>) {
    let mut args = std::env::args().skip(1);
    let runs = args.next().map_or(RUNS, |runs| runs.parse().expect("RUNS is a number"));
    let round_trips = args.next().map(|list| list.split(',').map(|one| one.parse().expect("ms")).collect());
    (runs, round_trips.unwrap_or_else(|| ROUND_TRIPS.to_vec()))
}
