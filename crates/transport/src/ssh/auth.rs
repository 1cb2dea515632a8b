//! Owns the login: which methods are tried, in OpenSSH's order, and what is asked for them. Called only
//! when the host key has been accepted.

mod keyboard;
mod public_key;

use ssh2::{Error, Session};

use super::options::Options;
use super::worker::{code, code_of, login_failed};
use crate::{Answer, Ask, Question, Secret, TransportError};

/// Logs in.
pub(super) fn log_in(session: &Session, options: &Options, ask: &dyn Ask) -> Result<(), TransportError> {
    let mut login = Login {
        session,
        options,
        ask,
        tried: Vec::new(),
        notes: Vec::new(),
        keys: Vec::new(),
        prompts_left: options.prompts,
        password_attempt: 0,
    };
    let mut offered: Vec<String> = Vec::new();
    loop {
        // A server that wants several methods offers the next ones when the first has succeeded.
        let Some(now) = login.offered(&offered)? else { return Ok(()) };
        let fresh: Vec<String> = now.iter().filter(|method| !offered.contains(method)).cloned().collect();
        offered.clone_from(&now);
        if fresh.is_empty() {
            return Err(login.refused(offered));
        }
        match login.attempt(&fresh) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(Stop::Refused) => {
                login.note_too_many_keys();
                return Err(login.refused(offered));
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}

/// Why no further method is tried.
enum Stop {
    /// The server has had enough.
    Refused,
    Failed(TransportError),
}

/// Whether the connection is gone. libssh2 calls it a refused key or login where it was waiting for the answer to
/// one, and only the message tells.
fn has_hung_up(error: &Error) -> bool {
    let waiting = error.message().starts_with("Waiting for ") && error.message().ends_with("USERAUTH response");
    waiting || matches!(code_of(error), code::SOCKET_DISCONNECT | code::SOCKET_SEND | code::SOCKET_RECV)
}

type Step<T> = Result<T, Stop>;

struct Login<'a> {
    session: &'a Session,
    options: &'a Options,
    ask: &'a dyn Ask,
    tried: Vec<String>,
    notes: Vec<String>,
    /// The public keys that have been offered.
    keys: Vec<Vec<u8>>,
    /// How often the user may still be asked for a password, by whichever method.
    prompts_left: u8,
    password_attempt: u8,
}

impl Login<'_> {
    /// The methods that the server offers; nothing when it has let us in without any.
    fn offered(&mut self, before: &[String]) -> Result<Option<Vec<String>>, TransportError> {
        match self.session.auth_methods(&self.options.user) {
            _ if self.session.authenticated() => Ok(None),
            Ok(list) => Ok(Some(list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())),
            Err(error) => match self.sort(&error) {
                Stop::Refused => Err(self.refused(before.to_vec())),
                Stop::Failed(error) => Err(error),
            },
        }
    }

    fn attempt(&mut self, methods: &[String]) -> Step<bool> {
        let offers = |name: &str| methods.iter().any(|method| method == name);
        Ok((self.options.use_keys && offers("publickey") && self.public_keys()?)
            || (self.options.use_keyboard && offers("keyboard-interactive") && self.keyboard_interactive()?)
            || (self.options.use_password && offers("password") && self.password()?))
    }

    fn password(&mut self) -> Step<bool> {
        while self.prompts_left > 0 {
            self.prompts_left -= 1;
            self.password_attempt += 1;
            let (user, host) = (self.options.user.clone(), self.options.alias.clone());
            let secret = self.secret(Question::Password { user, host, attempt: self.password_attempt })?;
            self.note_method("password");
            let outcome = self.session.userauth_password(&self.options.user, secret.reveal());
            if let Err(error) = &outcome
                && code_of(error) == code::PASSWORD_EXPIRED
            {
                self.notes.push("the password has expired; log in by hand and change it".to_owned());
                return Ok(false);
            }
            if self.accepted(outcome)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks for a secret; no answer ends everything.
    fn secret(&self, question: Question) -> Step<Secret> {
        match self.ask.ask(question) {
            Some(Answer::Secret(secret)) => Ok(secret),
            _ => Err(Stop::Failed(TransportError::Cancelled)),
        }
    }

    fn note_method(&mut self, name: &str) {
        if !self.tried.iter().any(|tried| tried == name) {
            self.tried.push(name.to_owned());
        }
    }

    /// Whether a method has let us in. A refusal is no failure: the next method is tried.
    fn accepted(&self, outcome: Result<(), Error>) -> Step<bool> {
        match outcome {
            Ok(()) => Ok(self.session.authenticated()),
            Err(error) if code_of(&error) == code::AUTHENTICATION_FAILED && !has_hung_up(&error) => Ok(false),
            Err(error) => Err(self.sort(&error)),
        }
    }

    /// A server that hangs up after a few tries refuses; one that hangs up before any is lost.
    fn sort(&self, error: &Error) -> Stop {
        if has_hung_up(error) && !self.tried.is_empty() {
            Stop::Refused
        } else {
            Stop::Failed(login_failed(error, self.options))
        }
    }

    /// A server counts keys as tries: one that hangs up before anybody was asked has seen too many of them.
    fn note_too_many_keys(&mut self) {
        let asked = self.tried.iter().any(|method| method == "keyboard-interactive" || method == "password");
        let tries = self.keys.len();
        if tries > 1 && !asked {
            let way_out = "IdentityFile and IdentitiesOnly yes name the right one";
            self.notes.push(format!("the server hung up after {tries} keys; {way_out}"));
        }
    }

    fn refused(&mut self, offered: Vec<String>) -> TransportError {
        TransportError::AuthFailed {
            user: self.options.user.clone(),
            host: self.options.alias.clone(),
            tried: std::mem::take(&mut self.tried),
            offered,
            notes: std::mem::take(&mut self.notes),
        }
    }
}
