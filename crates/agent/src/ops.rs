//! Owns the requests and their answers, as data. The same names stand in `agent.py` and `PROTOCOL.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use remora_model::{Digest, Entry, Kind, Mode, Mtime, RelPath, RemotePath, RemotePort};
use serde::{Deserialize, Serialize};

use crate::held::Keep;

/// What the agent says of itself when it starts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// Digest of the `agent.py` that runs there.
    pub version: String,
    /// Version of the interpreter that runs the agent.
    pub python: (u8, u8, u8),
    /// Path of that interpreter.
    pub executable: String,
    /// `sys.platform` there.
    pub platform: String,
    /// `uname -m` there.
    pub machine: String,
    /// Host name there.
    pub host: String,
    /// Login name.
    pub user: String,
    /// Numeric user id.
    pub uid: u32,
    /// Home directory.
    pub home: RemotePath,
    /// Process id of the agent.
    pub pid: u32,
    /// The address from which the connection comes, as far as the remote knows it: it does behind an SSH server.
    pub client: Option<String>,
    /// The remote clock when the agent started, in nanoseconds since 1970-01-01 UTC.
    pub clock: Mtime,
}

/// What is known of a remote root.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RootInfo {
    /// The root's canonical absolute path: `~` expanded, symbolic links resolved.
    pub path: RemotePath,
    /// Whether this request made it.
    pub created: bool,
    /// Whether the login may write there.
    pub writable: bool,
    /// Bytes that the login may still write.
    pub free_bytes: u64,
}

/// What stands under one path of a survey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surveyed {
    /// Nothing.
    Missing,
    /// A file, a directory (its size and time are told as 0) or something else, but no link.
    Found(Entry),
    /// A symbolic link whose text has this digest.
    Link(Digest),
    /// The login may not look there.
    Closed,
    /// A parent directory of it is a symbolic link or no directory: it would leave the root.
    Outside,
}

/// Who mirrors to a root, in their own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Their machine.
    pub host: String,
    /// Their login there.
    pub user: String,
    /// The local root.
    pub root: String,
    /// When they began, in seconds since 1970-01-01 UTC.
    pub since: u64,
    /// What tells their mirror from all others. An agent that has a claim of this one from before serves nobody any more.
    pub mirror: String,
}

/// How much is kept of what is replaced or removed, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrashLimits {
    /// For so long.
    pub seconds: u64,
    /// So many bytes.
    pub bytes: u64,
    /// So many files.
    pub entries: u64,
}

/// Something that was replaced or removed, and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trashed {
    /// Where it stood, below the root.
    pub path: RelPath,
    /// When it was replaced or removed, by the remote clock.
    pub when: Mtime,
    /// Its size in bytes.
    pub size: u64,
    /// A file or a symbolic link.
    pub kind: Kind,
}

/// What a change expects to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// Nothing is there.
    Absent,
    /// A file with these bytes, or a symbolic link with this text, is there.
    Content(Digest),
    /// Whatever is there (the user chose to overwrite).
    Any,
}

/// One file for [`crate::Link::write`].
#[derive(Debug, Clone)]
pub struct WriteSpec {
    /// Below the root; missing parent directories are made.
    pub path: RelPath,
    /// Size in bytes of what follows.
    pub size: u64,
    /// Permission bits to give.
    pub mode: Mode,
    /// Time of last modification to give.
    pub mtime: Mtime,
    /// What it replaces.
    pub expect: Expect,
}

/// One of several changes for [`crate::Link::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Below the root; missing parent directories of what is made are made, too.
    pub path: RelPath,
    /// What is done to it.
    pub kind: ChangeKind,
}

/// What a [`Change`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Makes or replaces a file.
    Write {
        /// All of its bytes.
        bytes: Vec<u8>,
        /// Their digest, which is checked before anything is replaced.
        digest: Digest,
        /// Permission bits to give.
        mode: Mode,
        /// Time of last modification to give.
        mtime: Mtime,
        /// What it replaces.
        expect: Expect,
    },
    /// Makes or replaces a symbolic link; its text is never interpreted.
    Symlink {
        /// What it says.
        text: Vec<u8>,
        /// What it replaces.
        expect: Expect,
    },
    /// Makes a directory; one that is there gets the mode.
    Dir {
        /// Permission bits to give.
        mode: Mode,
    },
    /// Makes a directory; one that is there is left as it is.
    Parent {
        /// Permission bits of one that is made.
        mode: Mode,
    },
    /// Gives a file mode and mtime.
    Meta {
        /// Permission bits to give.
        mode: Mode,
        /// Time of last modification to give.
        mtime: Mtime,
        /// What the file holds.
        expect: Expect,
    },
    /// Renames a file or a link to this path, where nothing may stand, and gives it mode and mtime.
    Move {
        /// Where it stands now.
        from: RelPath,
        /// What it holds.
        digest: Digest,
        /// Permission bits to give; a link has none.
        mode: Mode,
        /// Time of last modification to give.
        mtime: Mtime,
    },
    /// Renames a directory to this path, where nothing may stand, with all that is below it; nothing else than what is
    /// said may be there, save what Python compiled of the modules in it.
    MoveDir {
        /// Where it stands now.
        from: RelPath,
        /// What is below it: a [`crate::Inventory`].
        inventory: Digest,
    },
    /// Removes a file, a link or an empty directory; one in which only what Python compiled is left counts as empty.
    Remove {
        /// What the file or link holds; not looked at for a directory.
        expect: Expect,
    },
}

/// A file as the remote holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Digest of the bytes that the agent wrote.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Of a large file: what [`crate::Link::rebuild`] shows later, so that its content need not be digested again.
    pub stamp: Option<String>,
}

/// A part of a body that somebody makes piece by piece. Whoever stops before the end has failed.
#[derive(Debug)]
pub enum Piece {
    /// Some more bytes, 256 KiB at most.
    Bytes(Vec<u8>),
    /// That was all, and this is the digest of it: what ends a [`crate::Link::write_from`].
    Whole(Digest),
    /// That was all, and it says itself what it makes: what ends a [`crate::Link::rebuild`].
    End,
}

/// A remote file's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// Permission bits.
    pub mode: Mode,
    /// Time of last modification.
    pub mtime: Mtime,
}

/// A short command, run to its end.
#[derive(Debug, Clone, Default)]
pub struct RunSpec {
    /// Program and arguments; the program is looked up in `PATH`.
    pub argv: Vec<String>,
    /// Working directory; without it, the home directory.
    pub cwd: Option<RemotePath>,
    /// Environment variables added to the login's.
    pub env: BTreeMap<String, String>,
    /// Bytes for its standard input.
    pub stdin: Vec<u8>,
    /// After this it is ended and the request fails with `TimedOut`.
    pub timeout: Option<Duration>,
}

/// What a short command printed and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOutput {
    /// How it ended.
    pub exit: Exit,
    /// Its standard output, 1 MiB at most.
    pub stdout: Vec<u8>,
    /// The end of its standard error, 64 KiB at most.
    pub stderr: Vec<u8>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// With this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// A long-running process whose streams are carried here. It leads a process group of its own.
#[derive(Debug, Clone, Default)]
pub struct SpawnSpec {
    /// Program and arguments; the program is looked up in `PATH`.
    pub argv: Vec<String>,
    /// Working directory.
    pub cwd: Option<RemotePath>,
    /// Environment variables added to the login's.
    pub env: BTreeMap<String, String>,
    /// The private folder whose control socket the process may talk to. Its environment gets
    /// `REMORA_RUN` (the folder); all that inherit the variable belong to the process and end with it.
    pub run_dir: Option<RunDirId>,
    /// With a size, it runs on a pseudo-terminal of that size, which leads its session: all output comes as
    /// [`crate::ProcessEvent::Stdout`], `TERM` is `xterm-256color` unless `env` says otherwise, and the end of
    /// its standard input is the character EOT (Ctrl-D), which means what the program takes it for. When the
    /// process is let go of, the terminal is hung up (SIGHUP) before the rest.
    pub tty: Option<TtySize>,
    /// On a link to a holder: this process and its private folder are the run that it holds.
    pub keep: Option<Keep>,
}

/// How large a terminal is shown, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TtySize {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// Names a private folder on the remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunDirId(pub u32);

/// One line that a process said through the control socket of its private folder: a JSON object.
#[derive(Debug, Clone, PartialEq)]
pub struct Said(pub serde_json::Value);

/// Where a stream on the remote leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Address {
    /// A Unix socket.
    Unix(RemotePath),
    /// A port on the remote's loopback interface.
    Tcp(RemotePort),
}
