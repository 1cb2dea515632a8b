//! Real debuggers on real interpreters behind a real agent, which runs as a child of the test.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests too.

mod attach;
mod bed;
mod causes;
mod children;
mod detached;
mod exposure;
mod faults;
mod foresight;
mod identity;
mod in_code;
mod launch;
mod listing;
mod plain;
mod prefix;
mod pytest;
mod reach;
mod relatives;
mod servers;
mod stale;
mod workers;
