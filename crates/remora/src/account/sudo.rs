//! Decides what sudo's words mean: whether it asks, and why it has refused. Pure.

use crate::fault::SudoRefusal;

/// What sudo is told to ask with, so that it is found among words in any language.
pub(super) const PROMPT: &str = "remora-sudo-asks:";

/// More is no refusal, but somebody who talks.
const KEPT: usize = 64 * 1024;

/// What sudo has said so far.
#[derive(Default)]
pub(super) struct Words(Vec<u8>);

impl Words {
    /// Takes more of its words; whether it waits for an answer now.
    pub(super) fn add(&mut self, said: &[u8]) -> bool {
        self.0.extend_from_slice(said);
        let excess = self.0.len().saturating_sub(KEPT);
        self.0.drain(..excess);
        self.0.ends_with(PROMPT.as_bytes())
    }

    /// Why it has ended without running anything: what it said since it last asked, and what that means.
    pub(super) fn refusal(&self) -> (SudoRefusal, String) {
        let text = String::from_utf8_lossy(&self.0);
        let last = text.rsplit(PROMPT).next().unwrap_or_default();
        let lines: Vec<String> = last.lines().map(line).filter(|line| !line.is_empty()).collect();
        let said = lines.join("; ");
        let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
        let refusal = if says(&["a tty", "a terminal"]) {
            SudoRefusal::Terminal
        } else if says(&["incorrect password", "password is required", "no password was provided"]) {
            SudoRefusal::Password
        } else if says(&["unknown user"]) {
            SudoRefusal::NoAccount
        } else if says(&["not in the sudoers", "not allowed to", "may not run sudo"]) {
            SudoRefusal::NotAllowed
        } else {
            SudoRefusal::Other
        };
        (refusal, said)
    }
}

/// A line without the command in it, which is long and nobody's own, and without sudo's name and full stop.
fn line(line: &str) -> String {
    let line = line.trim().trim_end_matches('.');
    let line = line.strip_prefix("sudo: ").unwrap_or(line);
    match (line.find(" '"), line.rfind("' ")) {
        (Some(start), Some(end)) if start < end => format!("{} a shell {}", &line[..start], &line[end + 2..]),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_when_its_words_end_with_the_prompt_however_they_come() {
        let mut words = Words::default();
        for (said, asks) in
            [("We trust you have received", false), ("remora-sudo", false), ("-asks:", true), ("\nSorry", false)]
        {
            assert_eq!(words.add(said.as_bytes()), asks, "{said}");
        }
    }

    #[test]
    fn what_it_said_last_tells_why_it_refused() {
        use SudoRefusal::{NoAccount, NotAllowed, Other, Password, Terminal};
        let table = [
            ("sudo: 3 incorrect password attempts\n", Password, "3 incorrect password attempts"),
            (
                "\nsudo: no password was provided\nsudo: a password is required\n",
                Password,
                "no password was provided; a password is required",
            ),
            (
                "Sorry, user me is not allowed to execute '/usr/bin/sh -c echo 'x' && y' as app on box.\n",
                NotAllowed,
                "Sorry, user me is not allowed to execute a shell as app on box",
            ),
            ("me is not in the sudoers file.\n", NotAllowed, "me is not in the sudoers file"),
            ("Sorry, user me may not run sudo on box.\n", NotAllowed, "Sorry, user me may not run sudo on box"),
            ("sudo: sorry, you must have a tty to run sudo\n", Terminal, "sorry, you must have a tty to run sudo"),
            ("sudo: unknown user nope\n", NoAccount, "unknown user nope"),
            ("sudo: Benutzer ist unbekannt\n", Other, "Benutzer ist unbekannt"),
            ("", Other, ""),
        ];
        for (said, refusal, words) in table {
            for before in ["", "the usual lecture\nremora-sudo-asks:Sorry, try again.\nremora-sudo-asks:"] {
                let mut heard = Words::default();
                heard.add(format!("{before}{said}").as_bytes());
                assert_eq!(heard.refusal(), (refusal, words.to_owned()), "{before}{said}");
            }
        }
    }
}
