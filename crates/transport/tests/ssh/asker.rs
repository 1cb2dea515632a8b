//! Owns scripted answers, and the way to the `box` of a test server.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use remora_model::{SshSpec, TransportSpec};
use remora_transport::{Answer, Ask, Pipe, Question, Secret, TransportError, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Gives its answers in order, declines when there is none left, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Asker {
    // Shared between the test and the connecting thread, which calls at a time of its own.
    answers: Mutex<VecDeque<Option<Answer>>>,
    asked: Mutex<Vec<Question>>,
}

impl Asker {
    pub(crate) fn new(answers: impl IntoIterator<Item = Option<Answer>>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() })
    }

    pub(crate) fn silent() -> Arc<Self> {
        Self::new([])
    }

    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

impl Ask for Asker {
    fn ask(&self, question: Question) -> Option<Answer> {
        self.asked.lock().unwrap().push(question);
        self.answers.lock().unwrap().pop_front().flatten()
    }
}

pub(crate) fn secret(text: &str) -> Option<Answer> {
    Some(Answer::Secret(Secret::new(text)))
}

pub(crate) fn spec(config: &Path) -> TransportSpec {
    TransportSpec::Ssh(SshSpec {
        host: "box".to_owned(),
        config: Some(config.to_string_lossy().into_owned()),
        ..SshSpec::default()
    })
}

pub(crate) async fn open(config: &Path, asker: &Arc<Asker>, command: &str) -> Result<Pipe, TransportError> {
    connect(&spec(config), asker.clone(), command).await
}

/// Connects without a question and runs `command` to its end.
pub(crate) async fn run(config: &Path, command: &str, input: &[u8]) -> String {
    let asker = Asker::silent();
    let mut pipe = open(config, &asker, command).await.unwrap();
    assert!(asker.asked().is_empty(), "{:?}", asker.asked());
    pipe.writer.write_all(input).await.unwrap();
    pipe.writer.shutdown().await.unwrap();
    let mut text = String::new();
    pipe.reader.read_to_string(&mut text).await.unwrap();
    text
}
