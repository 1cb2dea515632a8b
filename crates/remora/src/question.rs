//! Owns how a question of a connection, or of the mirror, reads in an editor. Never asks it.

use remora_mirror::{HeldFiles, LargeFiles, MirrorError};
use remora_model::RelPath;
use remora_transport::Question;

use crate::fault;
use crate::folders::FolderName;
use crate::panel::named;
use crate::staleness::{Way, Ways};

/// A question in words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wording {
    /// What is asked for: `hostKey`, `passphrase`, `password` or `keyboardInteractive`.
    pub(crate) kind: &'static str,
    /// A line above.
    pub(crate) title: String,
    /// The details, in lines.
    pub(crate) prompt: String,
    /// Whether the answer must not be seen.
    pub(crate) hidden: bool,
    /// 1 for the first try.
    pub(crate) attempt: u8,
    /// The name that an answer may be kept under; none for what is asked anew each time, such as a code.
    pub(crate) keep: Option<String>,
}

/// What the user has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// About files that are gone here.
    Held(HeldFiles),
    /// About files that are too large to be sent unasked.
    Large(LargeFiles),
    /// About a program that runs another text than what is here.
    Stale(Way),
}

/// A message with a button for each answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Offer {
    /// How things stand: one sentence.
    pub said: String,
    /// What there is to decide.
    pub question: &'static str,
    /// Words of a button, and what it means.
    pub choices: Vec<(String, Word)>,
    /// What to do about it on the command line.
    pub remedy: &'static str,
}

/// Of files that are gone here.
const DELETE_MANY: &str = "Run `remora mirror --delete-many` to remove them there.";

impl Offer {
    /// What becomes of files that are gone here, too many to be removed there unasked.
    pub(crate) fn about_held(folder: &FolderName, count: usize, paths: &[RelPath]) -> Self {
        Self {
            said: fault::held(folder, count, paths),
            question: "Remove them there, too?",
            choices: Self::remove_or_keep(count),
            remedy: DELETE_MANY,
        }
    }

    /// Nothing of so many files is here any more.
    pub(crate) fn about_emptied(folder: &FolderName, count: usize, error: &MirrorError) -> Self {
        Self {
            said: fault::mirror(folder, None, error).message,
            question: "Is it meant to be empty?",
            choices: Self::remove_or_keep(count),
            remedy: DELETE_MANY,
        }
    }

    /// So many files are too large to be sent unasked.
    pub(crate) fn about_large(folder: &FolderName, count: usize, files: &[(RelPath, u64)]) -> Self {
        let send = if count == 1 { "Send It".to_owned() } else { format!("Send {count} Files") };
        let leave = if count == 1 { "Leave It Out" } else { "Leave Them Out" };
        Self {
            said: fault::large(folder, count, files),
            question: if count == 1 { "Send it?" } else { "Send them?" },
            choices: vec![(send, Word::Large(LargeFiles::Send)), (leave.to_owned(), Word::Large(LargeFiles::LeaveOut))],
            remedy: "Run `remora mirror --large-too` to send such files.",
        }
    }

    /// A program runs another text of these files than what is here.
    pub(crate) fn about_stale(program: &str, files: &[String], ways: Ways) -> Self {
        let Ways { restart, reload, failed } = ways;
        let why = if failed {
            ", and can't be reloaded: its debugger can't, or something was changed that runs only once"
        } else {
            ""
        };
        let button = |way, words: &str| (words.to_owned(), Word::Stale(way));
        let offered = [
            restart.then(|| button(Way::Restart, "Restart")),
            reload.then(|| button(Way::Reload, "Reload")),
            Some(button(Way::Keep, "Keep")),
        ];
        Self {
            said: format!("{program} runs another text of {} than what is here{why}.", named(files, files.len())),
            question: match (restart, reload) {
                (true, true) => "Restart it and stop at the same breakpoints, or reload its functions?",
                (true, false) => "Restart it and stop at the same breakpoints?",
                (false, true) => "Reload its functions?",
                (false, false) => "Start it again to run what is here.",
            },
            choices: offered.into_iter().flatten().collect(),
            remedy: "Start it again to run what is here.",
        }
    }

    fn remove_or_keep(count: usize) -> Vec<(String, Word)> {
        let remove = (format!("Remove {count} Files There"), Word::Held(HeldFiles::Remove));
        vec![remove, ("Keep Them".to_owned(), Word::Held(HeldFiles::Keep))]
    }

    /// What an answer in these words means.
    pub(crate) fn meaning(&self, words: &str) -> Option<Word> {
        self.choices.iter().find(|(choice, _)| choice == words).map(|(_, meaning)| *meaning)
    }
}

impl Wording {
    pub(crate) fn of(question: Question) -> Self {
        match question {
            Question::HostKey { host, port, algorithm, fingerprint } => Self {
                kind: "hostKey",
                title: format!("The host {host} is not known yet. Is this its key?"),
                prompt: format!(
                    "{algorithm} on port {port}\n{fingerprint}\n\nCompare it with what the host's owner says."
                ),
                hidden: false,
                attempt: 1,
                keep: None,
            },
            Question::Passphrase { key, attempt } => {
                Self::secret("passphrase", format!("Passphrase of {}", key.display()), attempt)
            }
            Question::Password { user, host, attempt } => {
                Self::secret("password", format!("Password of {user}@{host}"), attempt)
            }
            Question::Sudo { user, host, account, attempt } => Self {
                prompt: if attempt > 1 { "That was not right.".into() } else { format!("To run as {account}.") },
                ..Self::secret("password", format!("Password of {user} for sudo on {host}"), attempt)
            },
            Question::KeyboardInteractive { user, host, name, instructions, prompt, echo } => Self {
                kind: "keyboardInteractive",
                title: if name.is_empty() { format!("{user}@{host}") } else { name },
                prompt: [instructions, prompt]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("\n"),
                hidden: !echo,
                attempt: 1,
                keep: None,
            },
        }
    }

    fn secret(kind: &'static str, title: String, attempt: u8) -> Self {
        let prompt = if attempt > 1 { format!("That was not right; try {attempt} of 3.") } else { String::new() };
        Self { kind, keep: Some(title.clone()), title, prompt, hidden: true, attempt }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_host_is_shown_with_its_fingerprint() {
        let question = Question::HostKey {
            host: "box".into(),
            port: 22,
            algorithm: "ssh-ed25519".into(),
            fingerprint: "SHA256:abc".into(),
        };
        let wording = Wording::of(question);
        assert!(wording.title.contains("box is not known yet"), "{wording:?}");
        assert!(wording.prompt.starts_with("ssh-ed25519 on port 22\nSHA256:abc\n"), "{wording:?}");
        assert_eq!((wording.hidden, wording.keep), (false, None));
    }

    #[test]
    fn a_secret_is_never_shown_and_a_second_try_says_so() {
        let asked = |attempt| Wording::of(Question::Password { user: "me".into(), host: "box".into(), attempt });
        let (first, second) = (asked(1), asked(2));
        assert_eq!((first.title.as_str(), first.prompt.as_str(), first.hidden), ("Password of me@box", "", true));
        assert_eq!(second.prompt, "That was not right; try 2 of 3.");
        assert_eq!(first.keep.as_deref(), Some("Password of me@box"));
        let key = Wording::of(Question::Passphrase { key: "/k/id".into(), attempt: 1 });
        assert!(key.hidden && key.keep != first.keep);
    }

    #[test]
    fn the_password_of_sudo_is_not_that_of_the_login_and_says_what_for() {
        let asked = |attempt| {
            let (user, host, account) = ("me".into(), "box".into(), "app".into());
            Wording::of(Question::Sudo { user, host, account, attempt })
        };
        let (first, second) = (asked(1), asked(2));
        assert_eq!((first.title.as_str(), first.prompt.as_str()), ("Password of me for sudo on box", "To run as app."));
        assert!(first.hidden && first.keep.as_ref() == Some(&first.title));
        // How many tries there are is sudo's business.
        assert_eq!(second.prompt, "That was not right.");
    }

    #[test]
    fn the_server_speaks_for_itself_and_says_whether_the_answer_may_be_seen() {
        let asked = |name: &str, echo| {
            Wording::of(Question::KeyboardInteractive {
                user: "me".into(),
                host: "box".into(),
                name: name.into(),
                instructions: "Two steps.".into(),
                prompt: "Code: ".into(),
                echo,
            })
        };
        let wording = asked("", false);
        assert_eq!((wording.title.as_str(), wording.prompt.as_str()), ("me@box", "Two steps.\nCode: "));
        assert!(wording.hidden && wording.keep.is_none());
        assert!(!asked("", true).hidden);
        assert_eq!(asked("Token", true).title, "Token");
    }

    #[test]
    fn a_stale_program_is_named_with_its_files_and_each_button_means_something() {
        let files = ["a", "b", "c", "d", "e", "f"].map(|name| format!("{name}.py"));
        let all = Ways { restart: true, reload: true, failed: false };
        let offer = Offer::about_stale("My app", &files, all);
        let said = "My app runs another text of a.py, b.py, c.py, d.py, e.py, and 1 more than what is here.";
        assert_eq!(offer.said, said);
        assert_eq!(offer.question, "Restart it and stop at the same breakpoints, or reload its functions?");
        assert_eq!(offer.meaning("Reload"), Some(Word::Stale(Way::Reload)));
        assert_eq!(offer.meaning("Restart"), Some(Word::Stale(Way::Restart)));
        assert_eq!(offer.meaning("Keep"), Some(Word::Stale(Way::Keep)));
        let failed = Offer::about_stale("My app", &files[..1], Ways { reload: false, failed: true, ..all });
        assert_eq!((failed.meaning("Reload"), failed.question), (None, "Restart it and stop at the same breakpoints?"));
        assert!(failed.said.contains("can't be reloaded"), "{}", failed.said);
    }

    #[test]
    fn one_question_lists_all_large_files_and_its_answer_says_what_it_is_about() {
        let file = |name: &str| (RelPath::new(name).unwrap(), 2_100_000_000);
        let one = Offer::about_large(&FolderName::default(), 1, &[file("a.bin")]);
        assert_eq!(one.said, "1 file is larger than is sent unasked, and is not sent: a.bin (2.1 GB).");
        assert_eq!(one.meaning("Send It"), Some(Word::Large(LargeFiles::Send)));
        let many = Offer::about_large(&FolderName::default(), 7, &[file("a"), file("b")]);
        let said = "7 files are larger than is sent unasked, and are not sent: a (2.1 GB), b (2.1 GB) and 5 more.";
        assert_eq!((many.said.as_str(), many.question), (said, "Send them?"));
        assert_eq!(many.meaning("Leave Them Out"), Some(Word::Large(LargeFiles::LeaveOut)));
        assert!(many.remedy.contains("--large-too"), "{}", many.remedy);
    }
}
