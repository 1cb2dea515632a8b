//! Stories of a mirror between two folders of this machine, with a real agent between them.

#![cfg(unix)]
// Only the body of a test counts as a test for the lint; what the stories share does not.
#![allow(clippy::unwrap_used)]

mod chosen;
mod divergence;
mod earlier;
mod kinds;
mod large;
mod latency;
mod links;
mod lost;
mod many;
mod pair;
mod planned;
mod renames;
mod saves;
mod sequences;
mod spelled;
mod taken;
mod trouble;
mod watching;
mod wire;
