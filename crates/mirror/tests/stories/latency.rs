//! Measures and prints; never fails on a time.

use std::time::{Duration, Instant};

use crate::pair::Pair;

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    format!("median {:?}, p90 {:?}", times[times.len() / 2], times[times.len() * 9 / 10])
}

/// From the call to the confirmation, and from the closing of the file to the confirmation.
#[tokio::test(flavor = "multi_thread")]
async fn a_save_takes_so_long() {
    let mut pair = Pair::new();
    pair.configure = |config| config.watch = true;
    for n in 0..200 {
        pair.write(&format!("f{n}"), "x");
    }
    let mut running = pair.mirrored().await;
    let (mut by_editor, mut by_watch) = (Vec::new(), Vec::new());
    for n in 0..100 {
        let path = pair.write("f7", format!("{n}").repeat(1300));
        let begin = Instant::now();
        if n % 2 == 0 {
            running.mirror.saved(&path);
        }
        running.batch().await;
        if n % 2 == 0 { &mut by_editor } else { &mut by_watch }.push(begin.elapsed());
    }
    println!("a save of 4 kB, confirmed: {}; seen by the watcher: {}", spread(by_editor), spread(by_watch));
}
