//! Owns the `command` transport: a program whose standard input and output reach a shell there.
//! Never knows which program.

use crate::child::{self, Start};
use crate::shell::exec_line;
use crate::{Pipe, TransportError};

/// Programs that are a shell already, when they are the last word.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ash", "ksh", "tcsh", "csh"];

/// Runs `argv` and has the shell that it reaches run `command`.
pub(crate) async fn connect(argv: &[String], command: &str) -> Result<Pipe, TransportError> {
    let argv = with_shell(argv);
    let shown = argv.join(" ");
    let line = format!("{}\n", exec_line(command));
    child::start(Start { argv: &argv, shown: &shown, first_line: Some(line.into_bytes()) }).await
}

/// `argv` with a shell as its last word.
fn with_shell(argv: &[String]) -> Vec<String> {
    let mut argv = argv.to_vec();
    let last = argv.last().map_or("", String::as_str);
    let name = last.rsplit(['/', '\\']).next().unwrap_or(last);
    if !SHELLS.contains(&name.strip_suffix(".exe").unwrap_or(name)) {
        argv.push("sh".to_owned());
    }
    argv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_appended_unless_there_is_one() {
        for (argv, expected) in [
            ("ssh -T box", "ssh -T box sh"),
            ("docker exec -i web", "docker exec -i web sh"),
            ("kubectl exec -i pod --", "kubectl exec -i pod -- sh"),
            ("docker exec -i web /bin/bash", "docker exec -i web /bin/bash"),
            ("tcsh", "tcsh"),
            ("/usr/local/bin/publish", "/usr/local/bin/publish sh"),
        ] {
            let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(with_shell(&words(argv)), words(expected), "{argv}");
        }
    }
}
