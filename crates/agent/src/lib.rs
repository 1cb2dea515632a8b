//! Floor 1: both halves of the helper that runs on the remote.
//!
//! Owns the frames, the requests, the streams and `py/agent.py`; `PROTOCOL.md` describes them. Needs
//! a byte pipe to a POSIX shell and does not know where it comes from. Never decides what to mirror
//! or what to debug.

mod boot;
mod conversation;
mod error;
mod frames;
mod held;
mod inventory;
mod link;
mod ops;
mod process;
mod stream;

pub use error::{AgentError, BootError, JoinError, LostReason, OpError, OpErrorKind};
pub use held::{Held, HolderState, Keep, KeptOutput, KeptRun, LostRun, Place, Standing, Talk, Talks};
pub use inventory::Inventory;
pub use link::{Link, PipeEnds, Recipe, boot_command};
pub use ops::{
    Address, Change, ChangeKind, Claim, Exit, Expect, Hello, Piece, ReadFile, RootInfo, RunDirId, RunOutput, RunSpec,
    Said, SpawnSpec, Stored, Surveyed, TrashLimits, Trashed, TtySize, WriteSpec,
};
pub use process::{Process, ProcessEvent, ProcessEvents, ProcessHandle, RunDir};
pub use stream::{Stream, StreamReader, StreamWriter};
