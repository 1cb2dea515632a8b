//! Drives one event loop for one command: waits for answers while the loop's news is heard, and ends
//! everything on the remote at the end, also when the user interrupts.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::ask;
use super::target::Scene;
use super::voice::Voice;
use crate::asker::Asker;
use crate::event::Event;
use crate::event_loop::Engine;
use crate::fault::Fault;
use crate::status::Phase;
use crate::surface::Said;

/// A loop at work for a command.
pub(super) struct Drive {
    pub(super) engine: Engine,
    pub(super) said: mpsc::UnboundedReceiver<Said>,
    pub(super) voice: Voice,
    pub(super) stop: Stop,
    /// Whether the mirror was at work: the connection was there.
    pub(super) compared: bool,
}

impl Drive {
    /// Starts a loop on a scene.
    pub(super) fn start(scene: Scene, voice: Voice) -> Self {
        let (surface, said) = mpsc::unbounded_channel();
        let asker = Arc::new(Asker::new(surface.clone()));
        let engine = Engine::start(scene.workspace, surface, asker);
        engine.tell(Event::Configured(Ok(scene.settings)));
        Self { engine, said, voice, stop: Stop::listen(), compared: false }
    }

    /// Waits for an answer; what the loop says meanwhile is passed on, and what not every command handles
    /// alike goes to `rest`.
    pub(super) async fn wait<T>(
        &mut self,
        mut answer: oneshot::Receiver<Result<T, Fault>>,
        mut rest: impl FnMut(&mut Voice, Said),
    ) -> Waited<T> {
        loop {
            tokio::select! {
                biased;
                signal = self.stop.next() => return Waited::Signalled(signal),
                Some(said) = self.said.recv() => {
                    if let Some(said) = self.pass_on(said) {
                        rest(&mut self.voice, said);
                    }
                }
                answer = &mut answer => {
                    let result = answer.unwrap_or_else(|_| Err(Fault::internal("A request was dropped.")));
                    return Waited::Answered(result);
                }
            }
        }
    }

    /// Handles what every command handles alike; gives the rest back.
    pub(super) fn pass_on(&mut self, said: Said) -> Option<Said> {
        match said {
            Said::Ask(question, reply) => ask::answer(question, reply),
            Said::Fault(fault) => self.voice.fault(&fault),
            Said::Progress(counts) => self.voice.progress(&counts),
            Said::Mirrored(done) => self.voice.mirrored(&done),
            Said::Resumed(left) => self.voice.resumed(left),
            Said::Status(status) => self.compared |= status.phase == Phase::Comparing,
            rest => return Some(rest),
        }
        None
    }

    /// Ends everything on the remote and says what is left to say; a second signal does not wait.
    pub(super) async fn leave(mut self) {
        let engine = self.engine.clone();
        let leave = engine.leave();
        tokio::pin!(leave);
        loop {
            tokio::select! {
                () = &mut leave => break,
                _ = self.stop.next() => break,
                Some(said) = self.said.recv() => drop(self.pass_on(said)),
            }
        }
    }
}

/// How waiting for an answer ended.
pub(super) enum Waited<T> {
    Answered(Result<T, Fault>),
    Signalled(Signal),
}

/// A wish of the user or the system that we end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// The terminal is gone.
    Hangup,
}

impl Signal {
    /// The exit status of a program that this signal ended, as shells have it.
    pub(super) fn status(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
        }
    }
}

/// Hears the signals that ask us to end.
pub(super) struct Stop {
    signals: mpsc::UnboundedReceiver<Signal>,
}

impl Stop {
    fn listen() -> Self {
        let (out, signals) = mpsc::unbounded_channel();
        let interrupts = out.clone();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                let _ = interrupts.send(Signal::Interrupt);
            }
        });
        listen_for_the_rest(out);
        Self { signals }
    }

    /// The next one. Cancel-safe.
    pub(super) async fn next(&mut self) -> Signal {
        match self.signals.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

#[cfg(unix)]
fn listen_for_the_rest(out: mpsc::UnboundedSender<Signal>) {
    use tokio::signal::unix::{SignalKind, signal};
    for (kind, meaning) in [(SignalKind::terminate(), Signal::Terminate), (SignalKind::hangup(), Signal::Hangup)] {
        let Ok(mut stream) = signal(kind) else { continue };
        let out = out.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let _ = out.send(meaning);
            }
        });
    }
}

#[cfg(windows)]
fn listen_for_the_rest(out: mpsc::UnboundedSender<Signal>) {
    tokio::spawn(async move {
        if let Ok(mut close) = tokio::signal::windows::ctrl_close() {
            while close.recv().await.is_some() {
                let _ = out.send(Signal::Hangup);
            }
        }
    });
}
