//! Owns logins by key: those of an agent first, then key files. Never keeps a passphrase.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ssh2::{Error, PublicKey};

use super::{Login, Step, has_hung_up};
use crate::Question;
use crate::ssh::key_file::{self, KeyFile};
use crate::ssh::options::AgentChoice;
use crate::ssh::wire;
use crate::ssh::worker::{code, code_of};

/// How libssh2 begins its message when the server refuses a signature, or wants another method as well.
const REFUSED: &str = "Invalid signature";

/// What became of one key.
enum Outcome {
    Accepted,
    /// The server does not want it.
    Refused,
    /// It could not be used: a wrong passphrase, or a format that libssh2 does not read.
    Unusable(String),
}

impl Login<'_> {
    /// Tries all keys.
    pub(super) fn public_keys(&mut self) -> Step<bool> {
        if self.agent_keys()? {
            return Ok(true);
        }
        for file in &self.options.identity_files {
            if self.key_file(file)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn agent_keys(&mut self) -> Step<bool> {
        let Some((agent, mut identities)) = self.open_agent() else { return Ok(false) };
        let configured: Vec<Vec<u8>> =
            self.options.identity_files.iter().filter_map(|file| public_half(file)).collect();
        if self.options.identities_only {
            identities.retain(|identity| configured.iter().any(|blob| blob == identity.blob()));
        }
        // A server counts tries: the keys that the configuration names come first.
        identities.sort_by_key(|identity| !configured.iter().any(|blob| blob == identity.blob()));
        for identity in identities {
            self.note_method("agent");
            self.keys.push(identity.blob().to_vec());
            match self.judge(agent.userauth(&self.options.user, &identity))? {
                Outcome::Accepted => return Ok(true),
                Outcome::Refused => {}
                Outcome::Unusable(reason) => {
                    self.notes.push(format!("the agent's key {}: {reason}", identity.comment()));
                }
            }
        }
        Ok(false)
    }

    /// The agent and its keys; nothing if there is none or it does not answer.
    fn open_agent(&mut self) -> Option<(ssh2::Agent, Vec<PublicKey>)> {
        let socket: Option<&Path> = match &self.options.agent {
            AgentChoice::Off => return None,
            AgentChoice::Socket(path) => Some(path),
            // On Windows an agent is found without the variable.
            AgentChoice::Environment if cfg!(unix) => {
                std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty())?;
                None
            }
            AgentChoice::Environment => None,
        };
        let open = || -> Result<_, Error> {
            let mut agent = self.session.agent()?;
            if let Some(socket) = socket {
                agent.set_identity_path(socket)?;
            }
            agent.connect()?;
            agent.list_identities()?;
            let identities = agent.identities()?;
            Ok((agent, identities))
        };
        match open() {
            Ok(opened) => Some(opened),
            Err(error) => {
                self.notes.push(format!("the SSH agent does not answer: {}", error.message()));
                None
            }
        }
    }

    fn key_file(&mut self, file: &Path) -> Step<bool> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return self.unusable(file, &error.to_string()),
        };
        let Some(KeyFile { encrypted, public }) = key_file::look(&text) else {
            return self.unusable(file, "this is no private key");
        };
        let public = public.or_else(|| public_half(file));
        if let Some(public) = &public {
            if self.keys.contains(public) {
                return Ok(false);
            }
            self.keys.push(public.clone());
            if wire::algorithm(public).starts_with("sk-") {
                return self.unusable(file, "keys on a security token need the transport \"command\" with ssh");
            }
        }
        self.note_method(&format!("key {}", file.display()));
        if encrypted {
            return self.encrypted_key(file, &text, public.as_deref());
        }
        match self.offer(&text, None, None)? {
            Outcome::Accepted => Ok(true),
            Outcome::Refused => Ok(false),
            Outcome::Unusable(reason) => self.unusable(file, &reason),
        }
    }

    /// Asks for the passphrase, but only if the server would take the key.
    fn encrypted_key(&mut self, file: &Path, text: &str, public: Option<&[u8]>) -> Step<bool> {
        if let Some(public) = public
            && matches!(self.offer(text, Some(public), Some(""))?, Outcome::Refused)
        {
            return Ok(false);
        }
        let mut reason = "no passphrase was given".to_owned();
        for attempt in 1..=self.options.prompts {
            let passphrase = self.secret(Question::Passphrase { key: file.to_owned(), attempt })?;
            if passphrase.reveal().is_empty() {
                break;
            }
            match self.offer(text, public, Some(passphrase.reveal()))? {
                Outcome::Accepted => return Ok(true),
                Outcome::Refused => return Ok(false),
                Outcome::Unusable(_) => "the passphrase is wrong".clone_into(&mut reason),
            }
        }
        self.unusable(file, &reason)
    }

    fn offer(&self, text: &str, public: Option<&[u8]>, passphrase: Option<&str>) -> Step<Outcome> {
        let public = public.map(|blob| format!("{} {}", wire::algorithm(blob), BASE64.encode(blob)));
        let user = &self.options.user;
        self.judge(self.session.userauth_pubkey_memory(user, public.as_deref(), text, passphrase))
    }

    fn unusable(&mut self, file: &Path, reason: &str) -> Step<bool> {
        self.notes.push(format!("{}: {reason}", file.display()));
        Ok(false)
    }

    fn judge(&self, outcome: Result<(), Error>) -> Step<Outcome> {
        match outcome {
            Ok(()) if self.session.authenticated() => Ok(Outcome::Accepted),
            Ok(()) => Ok(Outcome::Refused),
            Err(error) if has_hung_up(&error) => Err(self.sort(&error)),
            Err(error) => match code_of(&error) {
                code::AUTHENTICATION_FAILED => Ok(Outcome::Refused),
                code::TIMEOUT => Err(self.sort(&error)),
                // libssh2 has one code for this and for a key that it can't read.
                _ if error.message().starts_with(REFUSED) => Ok(Outcome::Refused),
                _ => Ok(Outcome::Unusable(error.message().to_owned())),
            },
        }
    }
}

/// The public half of an identity file, from the file itself or from the `.pub` beside it.
fn public_half(file: &Path) -> Option<Vec<u8>> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    let own = fs::read_to_string(file).ok();
    own.as_deref()
        .and_then(|text| key_file::look(text).and_then(|look| look.public))
        .or_else(|| fs::read_to_string(PathBuf::from(beside)).ok().as_deref().and_then(key_file::public))
        // `IdentityFile` may name the public key itself, when only an agent has the private one.
        .or_else(|| own.as_deref().and_then(key_file::public))
}
