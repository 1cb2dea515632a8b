//! Owns what is told of detached runs, as data.

use remora_model::RemotePath;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ops::Exit;
use crate::process::ProcessEvent;

/// Where a holder is met.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// Its name, which is that of its run.
    pub name: String,
    /// Its socket, in a folder that only the login can enter.
    pub socket: RemotePath,
}

/// A detached run, as its folder shows it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Held {
    /// Where its holder is met.
    #[serde(flatten)]
    pub place: Place,
    /// What is known of it.
    pub run: KeptRun,
    /// What became of it, if its holder was killed.
    pub lost: Option<LostRun>,
}

/// What a process is spawned with that is a holder's run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Keep {
    /// What everybody of this login may see of it; it stands in a file, too.
    pub shown: Value,
    /// What a later client gets to know; in the holder's memory only.
    pub record: Value,
}

/// What stands in a run's folder.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct KeptRun {
    /// What was given as [`Keep::shown`].
    pub shown: Value,
    /// When its holder began, in seconds since 1970-01-01 UTC.
    pub since: i64,
}

/// A run whose holder was killed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LostRun {
    /// When that was found, in seconds since 1970-01-01 UTC.
    pub since: i64,
    /// How many processes it had left, which were ended.
    pub ended: usize,
}

/// How it goes with a run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HolderState {
    /// The program's process id.
    pub pid: Option<u32>,
    /// Whether somebody is joined to its holder.
    pub client: bool,
    /// Whether a debug client has ever attached to its program.
    pub attached: bool,
    /// Where it stands, if it does.
    pub stopped: Option<Standing>,
    /// How it ended, if it has.
    pub exit: Option<Exit>,
    /// When, in seconds since 1970-01-01 UTC.
    pub ended: Option<i64>,
    /// Lines of output that are kept.
    pub lines: u64,
}

/// Where a program stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Standing {
    /// Why, in the debugger's word.
    pub reason: Option<String>,
    /// In which file, as the debugger's first client calls it.
    pub path: Option<String>,
    /// In which line.
    pub line: Option<u32>,
}

/// Output that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptOutput {
    /// The end of it, in the order in which it came.
    pub pieces: Vec<ProcessEvent>,
    /// So many bytes before that are not kept any more.
    pub omitted: u64,
}

/// Which conversations with debuggers wait for a client.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Talks {
    /// What a debugger answers to `initialize`; nothing if no conversation waits.
    pub capabilities: Option<Value>,
    /// With which processes; nothing stands for the program itself.
    pub processes: Vec<Option<u32>>,
}

/// What a client of a conversation has to know that did not begin it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Talk {
    /// What the debugger answered to `initialize`.
    pub capabilities: Option<Value>,
    /// Whether it was told that all breakpoints are set.
    pub configured: bool,
    /// The body of the event `process`.
    pub process: Option<Value>,
    /// The number of the last request of the earlier client.
    pub last_number: i64,
    /// Bodies of the event `output` that are kept.
    pub said: Vec<Value>,
    /// Bodies of the announcements of children.
    pub children: Vec<Value>,
    /// Bodies of the event `stopped` that are still true, the latest last.
    pub stopped: Vec<Value>,
}
