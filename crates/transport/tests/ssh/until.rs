//! Owns the wait for what nobody announces. Never used where there is an event to wait for.

use std::time::{Duration, Instant};

/// Waits for a state that nobody announces: the end of a process or of a thread.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !reached() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: not within 10 s");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
