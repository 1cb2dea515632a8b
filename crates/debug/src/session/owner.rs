//! Owns the process and the private folder of one session: the only task that touches them.

use std::time::Duration;

use remora_agent::{AgentError, Exit, Link, LostReason, ProcessEvent, ProcessEvents, ProcessHandle, RunDir};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::warn;

use super::console::Console;
use super::{OutputStream, SessionEvent};
use crate::relay::{News, Relay, RelayEvent, Scout};
use crate::request::Place;

/// After the program's end: how long its clients may take to close by themselves, so that they see the
/// debugger's last words, which may be half a second away, and say theirs. A client that stays is cut; this is two
/// round trips to the other side of the world more.
const FAREWELL: Duration = Duration::from_millis(1200);

/// How much of the standard error is kept for an error.
const STDERR_TAIL: usize = 8 * 1024;

/// `SIGINT` on every system that an agent runs on.
const SIGINT: i32 = 2;

/// Tells what holds on to a program to end it: `SIGUSR1`, on the systems that it works on.
const END_IT: i32 = 10;

/// What a session asks of its owner.
#[derive(Debug)]
pub(super) enum Command {
    Interrupt,
    Restart,
    Stop,
    /// A run that goes on without us is left.
    Leave,
}

/// How the start went on after the process had been spawned.
#[derive(Debug)]
pub(super) enum Readiness {
    /// A client may connect; the secret that the program asked for.
    Listening { secret: Option<String> },
    /// It ended before that.
    Ended { exit: Exit, stderr: String },
    /// It ended because there is no way to its client.
    Unreachable { at: Place, reason: String },
    /// The link was lost before that.
    Lost(LostReason),
}

/// All that ends with the session.
pub(super) struct Owner {
    pub(super) link: Link,
    /// Whether the link is that of another account, made for this session.
    pub(super) other_account: bool,
    pub(super) handle: ProcessHandle,
    pub(super) process: ProcessEvents,
    pub(super) run_dir: RunDir,
    pub(super) relay: Relay,
    pub(super) relay_events: mpsc::UnboundedReceiver<RelayEvent>,
    /// Hears what the program's processes have loaded.
    pub(super) scout: Scout,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) events: mpsc::UnboundedSender<SessionEvent>,
    pub(super) console: Console,
    /// The news of the terminal, if the program has one: its output then goes nowhere else.
    pub(super) screen: Option<Console>,
    /// Whether the debugger does not itself end the program when a client asks for it.
    pub(super) ends_for_client: bool,
    /// Whether the program ran before, and the process is what holds on to it: it ends with its client, and the program goes on.
    pub(super) attached: bool,
    /// Where the program's client listens, if the program dials it.
    pub(super) dials: Option<Place>,
    /// Why there is no way there.
    pub(super) no_way: Option<String>,
    /// The name of the run, if it goes on without us.
    pub(super) held: Option<String>,
}

/// How the process left.
enum Left {
    Exited(Exit),
    Lost(LostReason),
    /// We leave it, and it goes on.
    GoesOn,
}

impl Owner {
    /// Runs the session to its end. `ready` hears once how the start went.
    pub(super) async fn run(mut self, mut ready: Option<oneshot::Sender<Readiness>>) {
        let mut stderr = Vec::new();
        let left = self.watch(&mut ready, &mut stderr).await;
        self.hear_the_rest().await;
        let end = match &left {
            Left::Exited(exit) => News::Exited(*exit),
            Left::Lost(reason) => self.adrift(reason.clone()),
            Left::GoesOn => self.adrift(LostReason::Closed),
        };
        if let Some(mut screen) = self.screen.take() {
            screen.tell(end.clone());
            tokio::spawn(screen.finish());
        }
        self.console.tell(end);
        self.farewell().await;
        if let Left::Exited(_) = left
            && let Err(error) = self.handle.end().await
        {
            warn!(%error, "what the program left behind may still be there");
        }
        let Self {
            link, other_account, handle, process, run_dir, relay, mut relay_events, events, dials, no_way, ..
        } = self;
        drop((handle, process, run_dir));
        if let Left::Exited(_) = left {
            settle(&link).await;
        }
        relay.cut().await;
        if other_account {
            link.close().await;
        }
        relay_events.close();
        while let Some(event) = relay_events.recv().await {
            forward(&events, &event);
        }
        match (ready, left) {
            // A failed send means that the start was given up, and nobody is there to tell.
            (Some(ready), Left::Exited(exit)) => {
                let stderr = String::from_utf8_lossy(&stderr).into_owned();
                let _ = ready.send(match dials.zip(no_way) {
                    Some((at, reason)) => Readiness::Unreachable { at, reason },
                    None => Readiness::Ended { exit, stderr },
                });
            }
            (Some(ready), Left::Lost(reason)) => {
                let _ = ready.send(Readiness::Lost(reason));
            }
            (None, Left::Exited(exit)) => {
                let _ = events.send(SessionEvent::Exited(exit));
            }
            (None, Left::Lost(reason)) => {
                let _ = events.send(SessionEvent::Lost(reason));
            }
            // Whoever has us leave it does not wait for an event.
            (_, Left::GoesOn) => {}
        }
    }

    /// Carries output and commands until the process has ended or the link is lost.
    async fn watch(&mut self, ready: &mut Option<oneshot::Sender<Readiness>>, stderr: &mut Vec<u8>) -> Left {
        let mut commands_open = true;
        let mut said_open = true;
        let mut ending = false;
        let mut known = self.scout.known();
        let (mut stale, mut reloads) = (Vec::new(), 0);
        loop {
            tokio::select! {
                // A client that does not read lets the program wait, as a full pipe does.
                event = self.process.next(), if self.has_room() => match event {
                    Ok(ProcessEvent::Stdout(data)) => {
                        // All that is written to a terminal comes this way.
                        if ready.is_some() && self.screen.is_some() {
                            keep_tail(stderr, &data);
                        }
                        self.output(OutputStream::Stdout, data);
                    }
                    Ok(ProcessEvent::Stderr(data)) => {
                        if ready.is_some() {
                            keep_tail(stderr, &data);
                        }
                        self.output(OutputStream::Stderr, data);
                    }
                    Ok(ProcessEvent::Exited(exit)) => return Left::Exited(exit),
                    Err(AgentError::Lost(reason)) => return Left::Lost(reason),
                    Err(AgentError::Op(error)) => return Left::Lost(LostReason::Garbled(error.message)),
                },
                said = self.run_dir.said(), if said_open => match said {
                    Ok(said) => self.hear(said.0, ready),
                    // process.next() tells why.
                    Err(_) => said_open = false,
                },
                Ok(()) = known.changed() => {
                    let (now, reloaded) = { let known = known.borrow_and_update(); (known.stale_texts(), known.reloads()) };
                    if now != stale {
                        stale.clone_from(&now);
                        let files = now.into_iter().map(|(file, _)| file).collect();
                        let _ = self.events.send(SessionEvent::Stale(files));
                    }
                    if std::mem::replace(&mut reloads, reloaded) != reloaded {
                        let _ = self.events.send(SessionEvent::Reloaded);
                    }
                }
                command = self.commands.recv(), if commands_open => match command {
                    Some(Command::Interrupt) => signal(&self.handle, SIGINT).await,
                    Some(Command::Restart) => self.console.tell(News::Restart),
                    Some(Command::Stop) => end(self.handle.clone()),
                    Some(Command::Leave) => return Left::GoesOn,
                    None if self.held.is_some() && ready.is_none() => return Left::GoesOn,
                    // The session was dropped, or the start given up.
                    None => {
                        commands_open = false;
                        end(self.handle.clone());
                    }
                },
                () = self.console.made_room(), if !self.console.has_room() => {}
                () = made_room(&mut self.screen) => {}
                Some(event) = self.relay_events.recv() => match event {
                    RelayEvent::Seated { news, launched } => {
                        self.console.seat(news);
                        let _ = self.events.send(SessionEvent::Launcher(launched));
                    }
                    RelayEvent::Unseated if self.attached && !ending => end(self.handle.clone()),
                    RelayEvent::Unseated => drop(self.events.send(SessionEvent::Launcher(false))),
                    // What holds on to it ends it, and then itself.
                    RelayEvent::EndAsked if self.attached => {
                        ending = true;
                        signal(&self.handle, END_IT).await;
                    }
                    RelayEvent::EndAsked => end(self.handle.clone()),
                    RelayEvent::EndSeen if self.ends_for_client => end(self.handle.clone()),
                    other => forward(&self.events, &other),
                },
            }
        }
    }

    /// What the program's own side of the debugger says.
    fn hear(&mut self, said: Value, ready: &mut Option<oneshot::Sender<Readiness>>) {
        match said["said"].as_str() {
            Some("began" | "loaded" | "present" | "earlier" | "elsewhere" | "reloads" | "reloaded") => {
                self.scout.said(said)
            }
            Some("listening") => {
                let secret = said["secret"].as_str().map(str::to_owned);
                self.scout.said(said);
                if let Some(ready) = ready.take() {
                    let _ = ready.send(Readiness::Listening { secret });
                }
            }
            // Only where no relay sees it.
            Some("attached") => forward(&self.events, &RelayEvent::ClientConnected),
            Some("unreachable") => self.no_way = said["reason"].as_str().map(str::to_owned),
            _ => warn!(%said, "the program's debugger said something unknown"),
        }
    }

    /// What a client hears when the link is lost, or let go of.
    fn adrift(&self, reason: LostReason) -> News {
        match &self.held {
            Some(run) => News::Adrift(reason, run.clone()),
            None => News::Lost(reason),
        }
    }

    /// What it said last and has come: which of its streams is looked at first is left to chance.
    async fn hear_the_rest(&mut self) {
        loop {
            tokio::select! {
                biased;
                Ok(said) = self.run_dir.said() => self.hear(said.0, &mut None),
                () = std::future::ready(()) => return,
            }
        }
    }

    /// After the end: lets the clients hear of it and say good-bye.
    async fn farewell(&mut self) {
        let Self { relay, relay_events, events, console, .. } = self;
        let drained = async {
            let mut drained = std::pin::pin!(relay.drained());
            loop {
                tokio::select! {
                    () = &mut drained => return,
                    () = console.made_room(), if !console.has_room() => {}
                    Some(event) = relay_events.recv() => match event {
                        RelayEvent::Seated { news, .. } => console.seat(news),
                        other => forward(events, &other),
                    },
                }
            }
        };
        // Elapsed is fine: who stays is cut.
        let _ = timeout(FAREWELL, drained).await;
    }

    fn has_room(&self) -> bool {
        self.console.has_room() && self.screen.as_ref().is_none_or(Console::has_room)
    }

    fn output(&mut self, stream: OutputStream, data: Vec<u8>) {
        if let Some(screen) = &mut self.screen {
            screen.tell(News::Output(stream, data));
            return;
        }
        self.console.tell(News::Output(stream, data.clone()));
        // Nobody listens when the session's user has gone; the program runs on or is being ended.
        let _ = self.events.send(SessionEvent::Output { stream, data });
    }
}

/// Waits until the one who shows a full screen has taken something of it. Cancel-safe.
async fn made_room(screen: &mut Option<Console>) {
    match screen {
        Some(screen) if !screen.has_room() => screen.made_room().await,
        _ => std::future::pending().await,
    }
}

/// The agent does what it is asked in order: when this is answered, the private folder is gone.
pub(super) async fn settle(link: &Link) {
    if let Err(error) = link.cached("settled").await {
        warn!(%error, "whether the private folder is gone is unknown");
    }
}

fn forward(events: &mpsc::UnboundedSender<SessionEvent>, event: &RelayEvent) {
    let event = match event {
        RelayEvent::ClientConnected => SessionEvent::ClientConnected,
        RelayEvent::ClientGone => SessionEvent::ClientGone,
        RelayEvent::Seated { .. } | RelayEvent::Unseated | RelayEvent::EndSeen | RelayEvent::EndAsked => return,
    };
    let _ = events.send(event);
}

/// Ends the process in a task of its own, so that its last output is carried meanwhile.
fn end(handle: ProcessHandle) {
    tokio::spawn(async move {
        if let Err(error) = handle.end().await {
            warn!(%error, "the program could not be ended");
        }
    });
}

async fn signal(handle: &ProcessHandle, number: i32) {
    if let Err(error) = handle.signal(number).await {
        warn!(%error, number, "the program could not be signalled");
    }
}

fn keep_tail(tail: &mut Vec<u8>, data: &[u8]) {
    tail.extend_from_slice(data);
    let excess = tail.len().saturating_sub(STDERR_TAIL);
    tail.drain(..excess);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_standard_error_is_kept() {
        let mut tail = Vec::new();
        for part in [vec![b'a'; 5000], vec![b'b'; 5000], b"end".to_vec()] {
            keep_tail(&mut tail, &part);
        }
        assert_eq!(tail.len(), STDERR_TAIL);
        assert!(tail.ends_with(b"bend"));
    }
}
