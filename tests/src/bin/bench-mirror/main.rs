//! Owns `npm run bench -- mirror`: how long it takes to keep a remote tree equal to a local one, through Remora and
//! through what people use today, all to one sshd behind the same delay. Prints; never fails on a time.

#![allow(clippy::print_stdout, reason = "the table is what a bench is for")]

mod bed;
mod bulk;
mod checkout;
mod clock;
mod first;
mod ground;
mod insert;
mod large;
mod memory;
mod process;
mod rivals;
mod road;
mod same;
mod save;
mod source;
mod wanted;
mod whole;

use std::process::{Command, ExitCode, Stdio};

use remora_testkit::sshd::{Sshd, SshdOptions};
use remora_tests::bench::row::HEADING;
use tokio::signal::unix::{SignalKind, signal};

use bed::Bed;
use ground::Ground;
use road::Road;
use wanted::{Case, Wanted};

#[tokio::main]
async fn main() -> ExitCode {
    let wanted = Wanted::from_arguments(std::env::args().skip(1)).and_then(|wanted| needs_rsync().map(|()| wanted));
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::FAILURE;
        }
    };
    let mut terminated = signal(SignalKind::terminate()).expect("a signal can be listened to");
    // What is in memory has to be removed also when it takes too long for somebody.
    tokio::select! {
        () = measure(&wanted) => ExitCode::SUCCESS,
        _ = tokio::signal::ctrl_c() => ExitCode::FAILURE,
        _ = terminated.recv() => ExitCode::FAILURE,
    }
}

async fn measure(wanted: &Wanted) {
    // scp of today speaks SFTP. What a login's .bashrc takes is not measured: bash thinks that it has run.
    let lines = ["Subsystem sftp internal-sftp", "SetEnv SHLVL=2"].map(str::to_owned);
    let sshd = Sshd::start(SshdOptions { server_lines: lines.to_vec(), ..SshdOptions::default() });
    let bed = Bed { ground: Ground::new(wanted.small).await, sshd };
    let mut roads = Vec::new();
    for round_trip in &wanted.round_trips {
        roads.push(Road::open(&bed.sshd, *round_trip, bed.ground.root()).await);
    }
    println!("{HEADING}");
    for case in &wanted.cases {
        match case {
            Case::Save => save::run(&bed, &roads).await,
            Case::First => first::run(&bed, &roads).await,
            Case::Same => same::run(&bed, &roads).await,
            Case::Checkout => checkout::run(&bed, &roads).await,
            Case::Insert => insert::run(&bed, &roads).await,
            Case::Bulk => bulk::run(&bed, &roads).await,
            // What is held does not depend on the delay.
            Case::Memory => memory::run(&bed, &roads[0]).await,
        }
    }
    for road in roads {
        road.close().await;
    }
}

/// It is a rival and the judge of what arrived.
fn needs_rsync() -> Result<(), String> {
    let there =
        Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success());
    if there { Ok(()) } else { Err("this bench needs rsync: apt-get install rsync".to_owned()) }
}
