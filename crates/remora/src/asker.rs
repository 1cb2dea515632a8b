//! Owns the questions that a connection attempt has for the user, and the answers that were right.
//! Never stores a secret outside this process.

use std::collections::HashMap;
use std::sync::Mutex;

use remora_transport::{Answer, Ask, Question};
use tokio::sync::oneshot;

use crate::surface::{Said, Surface};

/// Asks the user through the surface. Answers are kept while the program runs, so that a connection
/// that was cut is rebuilt without asking again.
pub struct Asker {
    surface: Surface,
    /// A mutex, because the connecting thread is no task and must have the answer before it goes on.
    known: Mutex<HashMap<String, Answer>>,
}

impl Asker {
    /// An asker that knows no answer yet.
    pub fn new(surface: Surface) -> Self {
        Self { surface, known: Mutex::default() }
    }
}

/// Under which name an answer is kept, and whether it may be used: a second attempt means that the
/// first answer was wrong.
fn memory_key(question: &Question) -> Option<(String, bool)> {
    match question {
        Question::Passphrase { key, attempt } => Some((format!("key {}", key.display()), *attempt <= 1)),
        Question::Password { user, host, attempt } => Some((format!("login {user}@{host}"), *attempt <= 1)),
        Question::Sudo { user, host, attempt, .. } => Some((format!("sudo {user}@{host}"), *attempt <= 1)),
        _ => None,
    }
}

impl Ask for Asker {
    fn ask(&self, question: Question) -> Option<Answer> {
        let key = memory_key(&question);
        if let Some((key, true)) = &key
            && let Some(answer) = self.known.lock().ok()?.get(key)
        {
            return Some(answer.clone());
        }
        let (reply, answer) = oneshot::channel();
        self.surface.send(Said::Ask(question, reply)).ok()?;
        let answer = answer.blocking_recv().ok()??;
        if let Some((key, _)) = key {
            self.known.lock().ok()?.insert(key, answer.clone());
        }
        Some(answer)
    }
}
