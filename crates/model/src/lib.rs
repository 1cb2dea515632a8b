//! Floor 0: the nouns of Remora, without I/O.
//!
//! Owns the types that cross borders (paths, ports, digests, entries, settings), the checks
//! that make a value of them meaningful, and the way from bytes in pieces to text. Never opens a file, a socket or a clock.

mod digest;
mod entry;
mod path;
mod policy;
mod port;
mod prefix;
mod settings;
pub mod text;
mod unicode;

pub use digest::{Digest, Hasher};
pub use entry::{Entry, Kind, Mode, Mtime};
pub use path::{LocalPath, PathError, RelPath, RemotePath};
pub use policy::{Modes, Policy, Symlinks};
pub use port::{LocalPort, RemotePort};
pub use prefix::Prefix;
pub use settings::{
    Address, DebugSettings, Debugger, Exposure, Mapping, MirrorSettings, OnStale, Settings, SettingsError, SshSpec,
    Target, TransportSpec,
};
pub use unicode::{Unicode, composed};
