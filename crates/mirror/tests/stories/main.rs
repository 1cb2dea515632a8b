//! Stories of a mirror between two folders of this machine, with a real agent between them.

#![cfg(unix)]

mod divergence;
mod kinds;
mod lost;
mod pair;
mod saves;
mod trouble;
mod watching;
