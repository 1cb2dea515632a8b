//! Owns the proof that the agent keeps its promises, over real shells and interpreters on this machine.
#![cfg(unix)]

mod files;
mod live;
mod rig;
