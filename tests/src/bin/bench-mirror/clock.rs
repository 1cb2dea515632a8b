//! Owns the taking of times, and how many runs stand behind a median. Never knows what is timed.

use std::time::{Duration, Instant};

use remora_tests::bench::Samples;
use remora_tests::bench::row::Figure;

/// Runs of what takes seconds.
pub(crate) const RUNS: usize = 3;

/// How long `work` takes.
pub(crate) async fn timed<T>(work: impl Future<Output = T>) -> Duration {
    let start = Instant::now();
    work.await;
    start.elapsed()
}

/// The run in the middle.
pub(crate) fn median(runs: &[Duration]) -> Figure {
    Figure::Time(Samples::new(runs.to_vec()).median())
}
