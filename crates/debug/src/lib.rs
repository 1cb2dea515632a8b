//! Floor 2: how a program is started under a debugger over there, and how its client gets to it.
//!
//! Owns the choice of interpreter and debugger, the start, the relay of the debugger's traffic, the
//! attach configuration and the text of `launch.json`. Knows the agent only as a link; never the
//! transport, the mirror or the editor.

mod configuration;
pub mod dap;
mod error;
pub mod interpreter;
pub mod launch_json;
mod relay;
mod request;
mod session;
pub mod wheels;

pub use configuration::{Attach, attach_configuration, stable_port};
pub use error::DebugError;
pub use request::{Listen, Program, Request};
pub use session::{OutputStream, Session, SessionEvent, start};
