//! Owns keyboard-interactive logins: the server's questions, one by one. Never invents a text.

use ssh2::{KeyboardInteractivePrompt, Prompt};

use super::{Login, Step, Stop};
use crate::{Answer, Ask, Question, TransportError};

impl Login<'_> {
    /// Lets the server ask until it is content or the tries are used up.
    pub(super) fn keyboard_interactive(&mut self) -> Step<bool> {
        while self.prompts_left > 0 {
            let options = self.options;
            let mut prompter =
                Prompter { ask: self.ask, user: &options.user, host: &options.alias, asked: false, declined: false };
            let outcome = self.session.userauth_keyboard_interactive(&options.user, &mut prompter);
            let Prompter { asked, declined, .. } = prompter;
            if declined {
                return Err(Stop::Failed(TransportError::Cancelled));
            }
            if asked {
                self.prompts_left -= 1;
                self.note_method("keyboard-interactive");
            }
            if self.accepted(outcome)? {
                return Ok(true);
            }
            if !asked {
                // It refuses without a question, and would do so again.
                return Ok(false);
            }
        }
        Ok(false)
    }
}

struct Prompter<'a> {
    ask: &'a dyn Ask,
    user: &'a str,
    host: &'a str,
    asked: bool,
    declined: bool,
}

impl KeyboardInteractivePrompt for Prompter<'_> {
    /// `name` is what ssh2 calls the user name: libssh2 hands over the title of the request.
    fn prompt<'b>(&mut self, name: &str, instructions: &str, prompts: &[Prompt<'b>]) -> Vec<String> {
        prompts.iter().map(|prompt| self.one(name, instructions, prompt)).collect()
    }
}

impl Prompter<'_> {
    fn one(&mut self, name: &str, instructions: &str, prompt: &Prompt<'_>) -> String {
        if self.declined {
            return String::new();
        }
        self.asked = true;
        let question = Question::KeyboardInteractive {
            user: self.user.to_owned(),
            host: self.host.to_owned(),
            name: name.to_owned(),
            instructions: instructions.to_owned(),
            prompt: prompt.text.to_string(),
            echo: prompt.echo,
        };
        match self.ask.ask(question) {
            Some(Answer::Secret(secret)) => secret.reveal().to_owned(),
            _ => {
                self.declined = true;
                String::new()
            }
        }
    }
}
