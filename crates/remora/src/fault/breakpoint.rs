//! Words why a breakpoint is not hit: one sentence, and one that says what to do.

use remora_debug::{Cause, Stops};

use super::{Explained, debug};
use crate::breakpoint::Verdict;

/// Why the breakpoint that is called `place` is not hit, and what to do about it.
#[must_use]
pub fn not_hit(place: &str, verdict: &Verdict, explained: &Explained) -> String {
    let sentences = match verdict {
        Verdict::NotMirrored => format!("{} Have it mirrored, and set the breakpoint again.", explained.sentence),
        Verdict::NotRunning => "nothing is being debugged here. Start the program with F5.".to_owned(),
        Verdict::Session(cause) => match remedy(cause) {
            remedy if remedy.is_empty() => format!("{}.", reason(cause)),
            remedy => format!("{}. {remedy}", reason(cause)),
        },
    };
    format!("{place}: {sentences}")
}

/// The cause alone, for a breakpoint's own message.
#[must_use]
pub fn reason(cause: &Cause) -> String {
    match cause {
        Cause::NotAttached => "no debugger is attached to the program".into(),
        Cause::Unheard => {
            "the program's debug clients do not come over Remora's connection, so nothing is known of their breakpoints"
                .into()
        }
        Cause::NotSet => "the debugger knows of no breakpoint on this line".into(),
        Cause::Unmapped => "no path mapping leads from this file to one on the remote".into(),
        Cause::MappedElsewhere { to } => {
            format!("a path mapping of the debug configuration leads to {to}, where the file is not")
        }
        Cause::NotMyCode => "the file counts as a library, and justMyCode leaves those out".into(),
        Cause::CameLater => "the file was not on the remote yet when the breakpoint was set".into(),
        Cause::Refused(words) => words.trim_end_matches(['.', '\n', ' ']).to_owned(),
        Cause::Differs(difference) => debug::reason(difference),
        Cause::OtherName { name } => {
            format!("the program has loaded {name}, the same file here by a link and another one on the remote")
        }
        Cause::OtherProcess { pid, only: true } => {
            format!(
                "the file was loaded by process {pid}, which no debugger is attached to, and by none that is debugged"
            )
        }
        Cause::OtherProcess { pid, only: false } => {
            format!("process {pid}, which no debugger is attached to, runs this file too and does not stop")
        }
        Cause::NoCode { line, next: Some(next) } => {
            format!("there is no code on line {line}; the next with code is line {next}")
        }
        Cause::NoCode { line, next: None } => format!("there is no code on line {line}"),
        Cause::Moved { from, to } => format!("there is no code on line {from}; the program stops on line {to} instead"),
        Cause::NotImported { children: true } => "the program has not imported this file yet".into(),
        Cause::NotImported { children: false } => {
            "the program has not imported this file yet, and its child processes are not debugged".into()
        }
        Cause::Unknown => "too little is known of the file for now; changes may be on their way".into(),
        Cause::Fine(Stops::Always) => "nothing is in its way; the program stops when it comes to this line".into(),
        Cause::Fine(Stops::Sometimes) => {
            "nothing but its condition is in its way; the program stops when it comes to this line and that holds"
                .into()
        }
        Cause::Fine(Stops::Never) => "it is a logpoint, which writes its message and never stops the program".into(),
    }
}

/// What to do about it; nothing where there is nothing to be done.
fn remedy(cause: &Cause) -> String {
    match cause {
        Cause::NotAttached => "Attach to it.".into(),
        Cause::NotSet => "Set one, or enable the one that is there.".into(),
        Cause::Unmapped => {
            "Add its folder to pathMappings of the debug configuration, or to the target's mappings.".into()
        }
        Cause::MappedElsewhere { .. } => "Correct pathMappings in the debug configuration.".into(),
        Cause::NotMyCode => {
            "Say \"justMyCode\": false in the debug configuration, or set remora.debug.justMyCode to false.".into()
        }
        Cause::CameLater => "Remove the breakpoint and set it again.".into(),
        Cause::Differs(difference) => debug::remedy(difference).to_owned(),
        Cause::OtherName { name } => format!("Set the breakpoint in {name}."),
        Cause::OtherProcess { .. } => {
            "Have child processes debugged too: subProcess, which needs debugpy and a client that attaches to them."
                .into()
        }
        Cause::NoCode { next: Some(next), .. } => format!("Set it on line {next}."),
        Cause::NoCode { next: None, .. } | Cause::Moved { .. } => "Set it on a line with code.".into(),
        Cause::NotImported { .. } => "Once it does, the breakpoint counts.".into(),
        Cause::Unknown => "Ask again in a moment.".into(),
        Cause::Unheard | Cause::Refused(_) | Cause::Fine(_) => String::new(),
    }
}
