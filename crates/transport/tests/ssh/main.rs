//! The `ssh` transport against a real OpenSSH server on loopback.
#![cfg(unix)]

mod asker;
mod login;
