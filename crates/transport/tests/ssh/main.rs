//! The `ssh` transport against a real OpenSSH server on loopback.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod asker;
mod end;
mod host_key;
mod login;
mod pipe;
mod route;
mod shell;
mod until;
