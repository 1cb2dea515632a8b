//! The `ssh` transport against a real OpenSSH server on loopback.
#![cfg(unix)]

mod asker;
mod end;
mod host_key;
mod login;
mod pipe;
mod route;
mod shell;
