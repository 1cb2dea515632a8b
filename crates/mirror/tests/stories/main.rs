//! Stories of a mirror between two folders of this machine, with a real agent between them.

#![cfg(unix)]

mod kinds;
mod pair;
