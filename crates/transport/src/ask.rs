//! Owns the questions that connecting may raise, and their answers. Never asks anybody by itself.

use std::fmt;
use std::path::PathBuf;

/// Somebody who can answer questions while a connection is being made.
pub trait Ask: Send + Sync + 'static {
    /// Answers `question`; `None` means that the user declined. Called on the connecting thread only,
    /// one question at a time; may block.
    fn ask(&self, question: Question) -> Option<Answer>;
}

/// What connecting needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Whether an unknown host key is to be trusted. Answered by [`Answer::Trust`].
    HostKey {
        /// The host as the user calls it, or its `HostKeyAlias`.
        host: String,
        /// The port.
        port: u16,
        /// The key's type, such as `ssh-ed25519`.
        algorithm: String,
        /// `SHA256:…`, as OpenSSH prints it.
        fingerprint: String,
    },
    /// The passphrase of a key file. Answered by [`Answer::Secret`].
    Passphrase {
        /// The private key's file.
        key: PathBuf,
        /// 1 for the first try.
        attempt: u8,
    },
    /// The login's password. Answered by [`Answer::Secret`].
    Password {
        /// The login.
        user: String,
        /// The host.
        host: String,
        /// 1 for the first try.
        attempt: u8,
    },
    /// What `sudo` asks for over there, before an agent may run as another account than the login. Nothing of this crate
    /// asks it. Answered by [`Answer::Secret`].
    Sudo {
        /// The login.
        user: String,
        /// The host, as it calls itself.
        host: String,
        /// The other account.
        account: String,
        /// 1 for the first try.
        attempt: u8,
    },
    /// A question of the server itself, one at a time. Answered by [`Answer::Secret`].
    KeyboardInteractive {
        /// The login.
        user: String,
        /// The host.
        host: String,
        /// The server's title; often empty.
        name: String,
        /// The server's explanation; often empty.
        instructions: String,
        /// What is asked, such as `Verification code: `.
        prompt: String,
        /// Whether the answer may be shown while it is typed.
        echo: bool,
    },
}

/// The answer to a [`Question`].
#[derive(Debug, Clone)]
pub enum Answer {
    /// The host key is right.
    Trust {
        /// Whether to write it to the user's known hosts.
        remember: bool,
    },
    /// A passphrase, a password or another answer that is nobody else's business.
    Secret(Secret),
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for whoever has to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_its_debug_text() {
        assert_eq!(format!("{:?}", Answer::Secret(Secret::new("hunter2"))), "Secret(Secret(…))");
    }
}
