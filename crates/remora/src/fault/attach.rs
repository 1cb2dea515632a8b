//! Words what is in the way of attaching to what runs already: one cause each, and what to change.

use remora_debug::{Obstacle, Why};

use super::{Fault, Kind};

/// Why `to`, a process or a port, can't be attached to.
pub(super) fn obstacle(to: &str, Obstacle { why, about }: &Obstacle) -> Fault {
    let (reason, hint) = words(*why, about);
    Fault::new(Kind::CannotAttach, format!("Can't attach to {to} on the remote: {reason}."), hint)
}

fn words(why: Why, about: &str) -> (String, String) {
    let (reason, hint) = match why {
        Why::Gone => ("there is no such process".to_owned(), LIST),
        Why::User => {
            let hint = format!("Make a target that logs in as {about}, and attach there.");
            return (format!("it runs as {about}, and only its own login may look into it"), hint);
        }
        Why::Container => (
            format!("it ({about}) runs in a container, where the debugger's files and socket are not to be seen"),
            "Make a target of the container (\"command\": [\"docker\", \"exec\", \"-i\", NAME]), and attach there.",
        ),
        Why::Traced => (format!("another program traces it already ({about})"), "End that one first."),
        Why::Stopped => ("it is stopped by a signal".to_owned(), "Let it go on first (kill -CONT)."),
        Why::Pypy => (
            "PyPy offers no way in from outside".to_owned(),
            "Start it under the debugger, or have it call debugpy.listen itself and attach to that port.",
        ),
        Why::NotPython => (format!("it ({about}) runs no Python that could be called"), LIST),
        Why::Processor => (
            format!("the way in is known for Linux on x86_64 only, and this is {about}"),
            "Start the program under the debugger, or have it call debugpy.listen itself and attach to that port.",
        ),
        Why::NoCtypes => (
            "the Python that Remora's helper runs on there has no ctypes".to_owned(),
            "Install another Python 3 first in PATH there, with libffi.",
        ),
        Why::Debugged => return (format!("it is debugged already ({about})"), debugged(about)),
        Why::Busy => (
            format!("it did not come back from native code, nor wait, for {about} s"),
            "Try again when it runs Python.",
        ),
        Why::Yama1 => (
            "kernel.yama.ptrace_scope is 1 there, so a process may only look into those that it started".to_owned(),
            "Until the next boot `sudo sysctl kernel.yama.ptrace_scope=0` allows it; or start the program under the debugger.",
        ),
        Why::Yama2 => (
            "kernel.yama.ptrace_scope is 2 there, so only an administrator may look into processes".to_owned(),
            "Until the next boot `sudo sysctl kernel.yama.ptrace_scope=0` allows it; or start the program under the debugger.",
        ),
        Why::Yama3 => (
            "kernel.yama.ptrace_scope is 3 there, so nobody may look into processes until the next boot".to_owned(),
            "Change it in /etc/sysctl.d and boot that machine anew; or start the program under the debugger.",
        ),
        Why::Protected => (
            "the system protects it: it has more rights than its login, or gave itself out as not to be looked into"
                .to_owned(),
            "Start it without those rights (setuid, capabilities, PR_SET_DUMPABLE), or under the debugger.",
        ),
        Why::Forbidden => (
            "the system forbids it, though the process is the login's own".to_owned(),
            "A container needs the right to (docker run --cap-add SYS_PTRACE); elsewhere see SELinux, AppArmor or seccomp.",
        ),
        Why::PortClosed => (
            "nobody listens there on loopback".to_owned(),
            "See which ports programs listen on with `remora processes`.",
        ),
        Why::Failed => {
            (format!("an attempt failed ({about})"), "Try again; if it stays so, please report it with the log.")
        }
    };
    (reason, hint.to_owned())
}

const LIST: &str = "See what can be attached to with `remora processes`.";

/// A debugger that listens on a port can be gone to instead.
fn debugged(about: &str) -> String {
    match about.strip_prefix("debugpy:") {
        Some(port) => format!("Attach to its port instead: {port}."),
        None => "End that debug session first.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_already_is_to_be_gone_to() {
        let obstacle = |about: &str| Obstacle { why: Why::Debugged, about: about.to_owned() };
        let fault = super::obstacle("process 7", &obstacle("debugpy:5678"));
        assert_eq!(fault.message, "Can't attach to process 7 on the remote: it is debugged already (debugpy:5678).");
        assert_eq!(fault.hint, "Attach to its port instead: 5678.");
        assert_eq!(super::obstacle("process 7", &obstacle("remora")).hint, "End that debug session first.");
    }
}
