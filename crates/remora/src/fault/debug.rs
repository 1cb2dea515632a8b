//! Words what can go wrong with a debug start.

use remora_agent::{AgentError, Exit, OpErrorKind};
use remora_debug::wheels::Reason;
use remora_debug::{DebugError as E, Difference, NoDial, NoLeave, Notice};

use super::agent::lost;
use super::attach;
use super::breakpoint;
use super::transport::said;
use super::{Fault, Kind};
use crate::test_name::PYTEST;

impl From<E> for Fault {
    fn from(error: E) -> Self {
        sentence(&error).because(&error)
    }
}

fn sentence(error: &E) -> Fault {
    match error {
        E::NoInterpreter { tried } => Fault::new(
            Kind::InterpreterMissing,
            format!("No Python interpreter was found for the program; looked at {}.", tried.join(", ")),
            "Name one with --python or the target's python.",
        ),
        E::InterpreterMissing { path } => Fault::new(
            Kind::InterpreterMissing,
            format!("There is no interpreter {path} on the remote."),
            "Correct --python or the target's python.",
        ),
        E::NotPython { path, said: words } => Fault::new(
            Kind::InterpreterMissing,
            format!("{path} on the remote is not a Python interpreter{}.", said(words)),
            "Correct --python or the target's python.",
        ),
        E::PrefixFailed { prefix, said: words } => Fault::new(
            Kind::PrefixFailed,
            format!("The prefix {prefix:?} has run nothing on the remote{}.", said(words)),
            "Try it in a terminal there; in a line of shell, \"$@\" stands for the interpreter and all that follows it.",
        ),
        E::Unsupported { path, unsupported } => Fault::new(
            Kind::DebuggerUnsupported,
            format!("Can't debug with {path}: {unsupported}."),
            match unsupported.why {
                Reason::PtvsdNeverStops => "Use debugpy (--debugger auto), or a Python up to 3.12.",
                Reason::TooOld => "Use Python 2.7, or 3.6 and later.",
            },
        ),
        E::ProgramMissing { path } => Fault::new(
            Kind::FileMissing,
            format!("There is no file {path} on the remote."),
            "Check that it is not left out of the mirror (.gitignore, remora.mirror.exclude).",
        ),
        E::ModuleMissing { module, python } => Fault::new(
            Kind::ModuleMissing,
            format!("The interpreter {python} on the remote finds no module {module}."),
            match module.as_str() {
                PYTEST => format!("Install it there, such as with `{python} -m pip install pytest`."),
                _ => "Correct its name, the folder to run in (--cwd), or the interpreter (--python).".to_owned(),
            },
        ),
        E::CwdMissing { path } => Fault::new(
            Kind::FileMissing,
            format!("There is no folder {path} on the remote to run in."),
            "Correct --cwd.",
        ),
        E::PortTaken { addr } => Fault::new(
            Kind::PortTaken,
            format!("Can't listen on {addr}: something else listens there already."),
            "Choose another port with --listen, or leave it out.",
        ),
        E::ListenFailed { addr, reason } => Fault::new(
            Kind::PortTaken,
            format!("Can't listen on {addr}: {reason}."),
            "Choose another address with --listen, or leave it out.",
        ),
        E::SocketFailed { folder, reason } => Fault::new(
            Kind::LocalUnwritable,
            format!("Can't make the socket of the debug session in {folder}: {reason}."),
            "Have XDG_RUNTIME_DIR or TMPDIR name a folder of yours with a short path.",
        ),
        E::CannotDial(why) => Fault::new(
            Kind::DebuggerUnsupported,
            match why {
                NoDial::Ptvsd => {
                    "ptvsd can't be debugged with exposure \"reverse\": no editor of today listens for it."
                }
                NoDial::InCode => {
                    "A program that calls its debugger itself can't be debugged with exposure \"reverse\": it waits for \
                     a client to come."
                }
                NoDial::OldDebugpy => {
                    "Python 3.6 and older can't be debugged with exposure \"reverse\": their debugger does not get on \
                     with that of an editor of today."
                }
            },
            "Use the default tunnel, or \"direct\".",
        ),
        E::Unreachable { at, reason } => Fault::new(
            Kind::PortUnreachable,
            format!("The program can't dial {at}: {reason}."),
            "Correct the address (--address, or the target's \"address\"), or open the port in the firewall here.",
        ),
        E::CannotAttach { to, obstacle } => attach::obstacle(to, obstacle),
        E::PtvsdAttaches => Fault::new(
            Kind::DebuggerUnsupported,
            "Can't attach with ptvsd: it traces the threads that call it, and none that run already.",
            "Use debugpy (remora.debug.debugger \"auto\").",
        ),
        E::CannotLeave(NoLeave::Terminal) => Fault::new(
            Kind::BadRequest,
            "A program on a terminal can't go on without it.",
            "Leave out \"detach\", or have its output in the Debug Console (\"console\": \"internalConsole\").",
        ),
        E::CannotLeave(NoLeave::Account) => Fault::new(
            Kind::BadRequest,
            "A program that runs as another account can't be detached: it ends with the connection over which sudo was asked.",
            "Leave out \"detach\" or \"runAs\".",
        ),
        E::CannotLeave(NoLeave::Exposed) => Fault::new(
            Kind::BadRequest,
            "A detached run is met over the connection only, and the target's exposure is another.",
            "Use \"tunnel\", or leave out \"detach\".",
        ),
        E::NoRun { reason } => Fault::new(
            Kind::NoSession,
            format!("Can't come back to the run: {reason}."),
            "If another version of Remora has started it, use that one, or end it with `remora runs stop`.",
        ),
        _ => started(error),
    }
}

/// The link was lost under a run that goes on.
pub fn adrift(run: &str) -> Fault {
    Fault::new(
        Kind::ConnectionLost,
        format!("The connection to run {run} was lost; it goes on there."),
        format!("Come back with `remora runs attach {run}`, or an attach configuration with \"run\": \"{run}\"."),
    )
}

/// What the client of a debug session is told in its console, or in the answer to its request.
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Taken => "Another debug client is attached to this program; end that session first.".into(),
        Notice::Over => "The program has ended.".into(),
        Notice::Signal(signal) => format!("The program was ended by signal {signal}{}.", name_of(*signal)),
        Notice::Lost(reason) => {
            format!("The connection to the remote was lost, and with it the program ({reason}).")
        }
        Notice::Adrift(reason, run) => {
            format!("The connection to run {run} was lost ({reason}); it goes on, and waits at its breakpoints.")
        }
        Notice::Held(run) => format!(
            "This is run {run}: it goes on when the editor is gone. An attach configuration with \"run\": \"{run}\" comes back to it."
        ),
        Notice::StillRuns => "The debugger has left the program, which still runs.".into(),
        Notice::Omitted(bytes) => format!("The first {bytes} bytes of its output are left out here."),
        Notice::Reason(difference) => reason(difference),
        Notice::Cause(cause) => breakpoint::reason(cause),
        Notice::Differs { file, difference } => format!("{file}: {}. {}", reason(difference), remedy(difference)),
    }
}

/// Why a line is not what it seems, for a breakpoint or a frame.
pub(super) fn reason(difference: &Difference) -> String {
    match difference {
        Difference::Outdated => "the program runs another text of this file than the one here".into(),
        Difference::Behind => {
            "the program runs another text of this file than the one here, and so does the remote have another".into()
        }
        Difference::ChangedThere => "the remote file was changed after the program had loaded it".into(),
        Difference::OtherThere => "the remote file is not the one here".into(),
        Difference::MissingThere => "there is no such file on the remote".into(),
        Difference::Elsewhere { module, from } => format!("the program has loaded {module} from {from} instead"),
        Difference::Replaced => "this call runs the text from before the file was reloaded".into(),
        Difference::Compiled => "Python took its cached bytecode of an earlier text for that of this file".into(),
    }
}

/// What to do about it.
pub(super) fn remedy(difference: &Difference) -> &'static str {
    match difference {
        Difference::Outdated => "Restart the program to run the text that is here.",
        Difference::Behind => {
            "Mirror it (or take the remote copy), and restart the program to run the text that is here."
        }
        Difference::ChangedThere => {
            "Take the remote copy, or mirror yours over it; the program goes on with the text that is here."
        }
        Difference::OtherThere => "Mirror it, or take the remote copy.",
        Difference::MissingThere => {
            "Mirror it; if it is left out, see .gitignore, .remoraignore and remora.mirror.exclude."
        }
        Difference::Elsewhere { .. } => "Remove that copy, or have PYTHONPATH name the project's folder first.",
        Difference::Replaced => "The next call runs the text that is here.",
        Difference::Compiled => "Save the file once more, so that its time changes, and restart the program.",
    }
}

/// The signals that people know by name, in numbers that are the same on every system an agent runs on.
fn name_of(signal: i32) -> &'static str {
    match signal {
        2 => " (SIGINT)",
        6 => " (SIGABRT)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

/// Faults after the program was started.
fn started(error: &E) -> Fault {
    match error {
        E::DiedBeforeListening { exit, stderr } => Fault::new(
            Kind::ProgramDied,
            format!("The program ended {} before a debugger could attach{}.", ended(*exit), said(stderr)),
            "Its own words above say why; run it there by hand if they don't.",
        ),
        E::EndedBeforeListening { exit, stderr } => Fault::new(
            Kind::ProgramDied,
            format!(
                "The program ended {} without calling ptvsd.enable_attach or debugpy.listen{}.",
                ended(*exit),
                said(stderr)
            ),
            "Guard that call with `if os.environ.get(\"REMOTE_DEBUG\")`, or leave --in-code out.",
        ),
        E::TimedOut { after, stderr } => Fault::new(
            Kind::StartTimedOut,
            format!("No debugger listened on the remote within {} s{}.", after.as_secs(), said(stderr)),
            "Look at what the program does before; a slow disk or a long import may be the reason.",
        ),
        E::Agent(AgentError::Lost(reason)) => lost(reason),
        E::Agent(AgentError::Op(op)) => match op.kind {
            OpErrorKind::NoSpace => Fault::new(
                Kind::NoSpace,
                format!("Can't bring the debugger to the remote: the disk is full{}.", said(&op.message)),
                "Free some space in the home folder there.",
            ),
            _ => Fault::new(
                Kind::DebuggerPushFailed,
                format!("Can't start the program{}.", said(&op.message)),
                "Check that the login may write to ~/.cache there.",
            ),
        },
        other => Fault::internal(other.to_string()),
    }
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("with status {code}"),
        Exit::Signal(signal) => format!("by signal {signal}"),
    }
}
