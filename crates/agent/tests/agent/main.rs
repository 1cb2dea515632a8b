//! Owns the proof that the agent keeps its promises, over real shells and interpreters on this machine.
#![cfg(unix)]
// The rig's functions are tests, too, though not marked as such.
#![allow(clippy::unwrap_used)]

mod boot;
mod cache;
mod changes;
mod claims;
mod faults;
mod files;
mod flow;
mod foresight;
mod held;
mod live;
mod loss;
mod moves;
mod processes;
mod rebuild;
mod rig;
mod terminals;
mod trash;
