//! Owns how a command is put so that it survives whatever login shell reads it. Never runs one.

use crate::TransportError;

/// Refuses a command that some login shell would not pass on unchanged.
pub(crate) fn check(command: &str) -> Result<(), TransportError> {
    match command.chars().find(|c| matches!(c, '\'' | '!' | '\\') || c.is_control()) {
        None => Ok(()),
        Some(c) => Err(TransportError::BadSpec { reason: format!("a command to run there can't contain {c:?}") }),
    }
}

/// The line that replaces any login shell (sh, csh, fish) by a POSIX shell that runs `command`.
///
/// `exec`, single quotes and nothing else: all of these shells agree on them. csh expands `!` and
/// fish reads `\` even inside single quotes, which is why [`check`] refuses both.
pub(crate) fn exec_line(command: &str) -> String {
    format!("exec sh -c '{command}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_login_shell_would_change_is_refused() {
        for command in ["it's", "echo !x", "a\\b", "two\nlines", "nul\0"] {
            assert!(matches!(check(command), Err(TransportError::BadSpec { .. })), "{command}");
        }
        check("printf \"%s\" \"$HOME\"; cat | { read -r x && echo $x; }").unwrap();
    }

    #[test]
    fn the_login_shell_is_replaced() {
        assert_eq!(exec_line("cat; id"), "exec sh -c 'cat; id'");
    }
}
