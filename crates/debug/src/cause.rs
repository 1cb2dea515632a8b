//! Owns the list of what keeps a breakpoint from being hit, as data. Never decides which it is.

use crate::request::Difference;

/// Why a breakpoint is not hit or not verified, as far as a session knows: one cause, the most fundamental.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// No debug client is attached to the program.
    NotAttached,
    /// Debug clients do not come over the connection, so that nothing is known of their breakpoints.
    Unheard,
    /// No debug client has a breakpoint there.
    NotSet,
    /// None of the client's path mappings holds the file, so the debugger looks for it under its name here.
    Unmapped,
    /// A path mapping of the client's own leads elsewhere than the mirror does.
    MappedElsewhere {
        /// The remote folder that it names.
        to: String,
    },
    /// The debugger leaves the file out, because only the user's own code is debugged.
    NotMyCode,
    /// The file was not on the remote when the breakpoint was set, and the debugger has forgotten it.
    CameLater,
    /// The debugger refuses it, in words of its own.
    Refused(String),
    /// What the process runs, or would run, is not what stands here.
    Differs(Difference),
    /// The program has loaded the same file under another name, which is a file of its own on the remote.
    OtherName {
        /// What a person calls that one.
        name: String,
    },
    /// A process that no client debugs has loaded the file.
    OtherProcess {
        /// Its number over there.
        pid: u32,
        /// Whether no process that is debugged has.
        only: bool,
    },
    /// Python makes no code of this line.
    NoCode {
        /// The line that was asked for.
        line: u32,
        /// The next one that has code, if there is any and it is known.
        next: Option<u32>,
    },
    /// Python makes no code of the line, and the debugger has chosen another one.
    Moved {
        /// The line that was asked for.
        from: u32,
        /// Where the program stops.
        to: u32,
    },
    /// The program has not loaded the file.
    NotImported {
        /// Whether its child processes are debugged; of those that are not nothing is known.
        children: bool,
    },
    /// Too little is known, because changes are on their way or the remote gives no answer.
    Unknown,
    /// Nothing that is known: the program has not come to the line.
    Fine(Stops),
}

/// When a breakpoint stops a program that comes to its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stops {
    /// Each time.
    Always,
    /// If its condition, or the number of times, is right.
    Sometimes,
    /// Never: it only writes a message.
    Never,
}
