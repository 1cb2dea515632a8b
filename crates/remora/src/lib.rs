//! Floor 3: the binary, and the only crate that knows the editor and the user.
//!
//! Owns the event loop, the language server, the command line and every sentence that a person
//! reads. Never looks into a frame, a listing or a debugger message: the floors below do.

mod account;
mod asker;
pub mod backend;
mod breakpoint;
pub mod cli;
mod doctor;
mod event;
mod event_loop;
mod exposure;
mod fault;
mod folders;
mod handlers;
mod host;
mod jobs;
mod kept;
mod launch;
mod launch_configuration;
mod mirrors;
mod panel;
mod processes;
mod protocol;
mod question;
mod reach;
mod runs;
mod settings_file;
mod setup;
mod size;
mod staleness;
mod starts;
mod state;
mod status;
mod surface;
mod target_entry;
mod terminal;
mod test_name;

pub use fault::{Fault, Kind};
