//! Floor 2: how a program is started under a debugger over there, and how its client gets to it.
//!
//! Owns the choice of interpreter and debugger, the start, the relay of the debugger's traffic, the
//! attach configuration and the text of `launch.json`. Knows the agent only as a link; never the
//! transport, the mirror or the editor.
//!
//! A client attaches, or over a local socket launches what waits for it already; the relay's translator makes the one
//! of the other.
//!
//! What the debuggers differ in, seen from here: child processes are debugged under debugpy only (each child of
//! ptvsd would listen on a port of its own without a secret, so they run freely); ptvsd takes no notice of a
//! client that asks for the program's end, so the session ends the program; ptvsd 4.3.2 is refused on Python 3.13
//! and later. With `in_code` the program is run by its interpreter directly, and stand-ins for `debugpy` and
//! `ptvsd` come first on its `PYTHONPATH`, which its children inherit.

mod attach;
mod cause;
mod configuration;
pub mod dap;
mod debug_type;
mod error;
pub mod interpreter;
pub mod launch_json;
mod relay;
mod request;
mod session;
pub mod wheels;

pub use attach::{Obstacle, Running, Why, processes};
pub use cause::{Cause, Stops};
pub use configuration::{Attach, Meeting, stable_port};
pub use debug_type::DebugType;
pub use error::{DebugError, NoDial, NoLeave};
pub use request::{Difference, Endpoint, Exposed, Listen, Mapping, Notice, Place, Program, Request, Words};
pub use session::{OutputStream, Resume, Screen, ScreenEvent, Session, SessionEvent, Terminal, resume, start};
