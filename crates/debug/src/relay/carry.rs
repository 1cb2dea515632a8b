//! Owns one client's connection: moves what its translator says, in its order. Decides nothing.

use std::sync::Arc;

use remora_agent::AgentError;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::far_end::FarEnd;
use super::foresight::Foresight;
use super::identity::{Identity, Knowledge, Presence};
use super::local_listener::Ends;
use super::translator::{News, Out, Translator};
use super::{NEWS_UNDER_WAY, RelayEvent, Road};
use crate::dap::envelope::Envelope;
use crate::dap::frames::{Decoder, Frame, FrameError};
use crate::request::Notice;

/// As much as is read at once; a debugger's answers are rarely longer.
const PORTION: usize = 64 * 1024;

/// Requests of our own have numbers from here on: no client counts so far, and the agent's begin behind them.
const FIRST_REQUEST: i64 = 1 << 29;

/// Carries one connection until both directions have ended.
pub(super) async fn carry(road: &Road, ends: Ends) {
    let Ends { reader, writer } = ends;
    let on_port = road.facts.socket.is_none();
    let mut from_client = Messages::new(reader, on_port);
    // A debugger takes the first that connects for its client, and the end of a look whether it is there for its
    // client's end: nobody gets to it before having said something.
    let first = match from_client.next().await {
        Ok(Some(Portion::Message(first))) => first,
        Ok(None) => return,
        Ok(Some(Portion::Raw(_))) | Err(_) => {
            warn!("what connected does not speak DAP, and was cut");
            return;
        }
    };
    let translator = Translator::new(Arc::clone(&road.facts));
    // ptvsd lets a second client wait without a word, so it is answered before it gets there.
    let seat = match road.facts.ptvsd && !on_port {
        true => match sit_down(road) {
            Some(seat) => Some(seat),
            None => return turn_away(translator, &first, &Notice::Taken, writer).await,
        },
        false => None,
    };
    let debugger = match far_end(road).await {
        Ok(debugger) => debugger,
        Err(error) => {
            debug!(%error, "the debugger takes no connection");
            return turn_away(translator, &first, &Notice::Over, writer).await;
        }
    };
    // Sending fails only when the session is over, and this with it.
    let _ = road.events.send(RelayEvent::ClientConnected);
    let mut conversation = Conversation {
        road,
        translator,
        identity: Identity::new(Arc::clone(&road.facts)),
        known: road.scout.known(),
        reloads: road.reloads.clone(),
        reloaded: 0,
        presence: road.scout.presence(),
        from_client,
        debugger,
        to_client: Some(writer),
        seat,
        news: None,
        due: None,
    };
    let outs = conversation.client_said(Ok(Some(Portion::Message(first))));
    conversation.send(outs).await;
    conversation.run().await;
    let _ = road.events.send(RelayEvent::ClientGone);
}

/// The debugger; of a detached run, what leads into one of its conversations.
async fn far_end(road: &Road) -> Result<FarEnd, AgentError> {
    let address = road.address.clone();
    if road.facts.held.is_some() {
        return match road.link.talks().await?.capabilities {
            Some(known) => Ok(FarEnd::waiting(road.link.clone(), address, known, Foresight::default())),
            None => Ok(FarEnd::new(road.link.dial_kept(address).await?, Foresight::default())),
        };
    }
    Ok(match road.facts.foresight {
        true => FarEnd::new(road.link.dial_with_foresight(address).await?, Foresight::default()),
        false => FarEnd::new(road.link.dial(address).await?, Foresight::none()),
    })
}

fn sit_down(road: &Road) -> Option<OwnedSemaphorePermit> {
    Arc::clone(&road.seat).try_acquire_owned().ok()
}

/// Answers the first message of a client that can't be served.
async fn turn_away(mut translator: Translator, first: &Frame, why: &Notice, mut writer: Writer) {
    for out in translator.refuse(first, why) {
        if let Out::ToClient(frame) = out {
            // It has gone if this fails, which is as well.
            let _ = writer.write_all(&frame.into_bytes()).await;
        }
    }
    let _ = writer.shutdown().await;
}

type Writer = Box<dyn tokio::io::AsyncWrite + Send + Unpin>;

/// All that belongs to one connection.
struct Conversation<'a> {
    road: &'a Road,
    translator: Translator,
    identity: Identity,
    known: watch::Receiver<Knowledge>,
    reloads: watch::Receiver<Vec<String>>,
    /// How often the debugger was asked to reload something.
    reloaded: i64,
    /// Where others see what the client has told.
    presence: Presence,
    from_client: Messages,
    debugger: FarEnd,
    /// Until the client has heard everything.
    to_client: Option<Writer>,
    seat: Option<OwnedSemaphorePermit>,
    /// News of the program, for the one who has the seat.
    news: Option<mpsc::Receiver<News>>,
    /// When what is waited for has taken too long.
    due: Option<Instant>,
}

impl Conversation<'_> {
    async fn run(mut self) {
        // What was asked for before is done, or is no concern of a process that is new.
        self.reloads.mark_unchanged();
        while !(self.from_client.over && self.debugger.is_over()) {
            let outs = tokio::select! {
                portion = self.from_client.next(), if !self.from_client.over => self.client_said(portion),
                portion = self.debugger.next(), if !self.debugger.is_over() => self.debugger_said(portion),
                Ok(()) = self.known.changed() => self.learned(),
                Ok(()) = self.reloads.changed() => self.reload(),
                Some(news) = next_news(&mut self.news), if self.translator.takes_news() => self.translator.news(news),
                () = until(self.due), if self.due.is_some() => self.waited_long_enough(),
            };
            self.send(outs).await;
            self.due = match (self.translator.patience(), self.due) {
                (Some(patience), None) => Some(Instant::now() + patience),
                (None, _) => None,
                (Some(_), due) => due,
            };
        }
    }

    fn client_said(&mut self, portion: Result<Option<Portion>, FrameError>) -> Vec<Out> {
        match portion {
            Ok(Some(Portion::Message(frame))) => {
                self.road.scout.look(self.identity.client(&frame));
                self.show_news();
                if self.translator.wants_the_seat(&frame) {
                    return self.seat_for(frame);
                }
                self.translator.client(frame)
            }
            Ok(Some(Portion::Raw(bytes))) => {
                self.debugger.say_raw(bytes);
                Vec::new()
            }
            Ok(None) => self.client_gone(),
            Err(error) => {
                warn!(%error, "a debug client was cut");
                self.to_client = None;
                self.client_gone()
            }
        }
    }

    /// Serves the client that debugs the program itself, unless there is one.
    fn seat_for(&mut self, frame: Frame) -> Vec<Out> {
        match self.seat.take().or_else(|| sit_down(self.road)) {
            Some(seat) => {
                self.seat = Some(seat);
                let (sender, news) = mpsc::channel(NEWS_UNDER_WAY);
                self.news = Some(news);
                let launched = Envelope::read(&frame).is_some_and(|envelope| envelope.name == "launch");
                let _ = self.road.events.send(RelayEvent::Seated { news: sender, launched });
                self.translator.client(frame)
            }
            None => self.translator.refuse(&frame, &Notice::Taken),
        }
    }

    /// A program that has become another by `exec` is debugged on as a child: the client that has the seat stays for
    /// its output and its end.
    fn waited_long_enough(&mut self) -> Vec<Out> {
        let others = *self.road.count.borrow() > 1;
        if others && self.translator.waits_for_the_program() {
            self.due = None;
            return Vec::new();
        }
        self.translator.out_of_patience()
    }

    /// It has said everything, and hears nothing more.
    fn client_gone(&mut self) -> Vec<Out> {
        self.from_client.over = true;
        self.debugger.say_no_more();
        if self.road.facts.held.is_some() {
            // What it leaves stays as it is: the debugger does not hear that it has gone.
            self.debugger.has_ended();
        }
        if self.news.take().is_some() {
            let _ = self.road.events.send(RelayEvent::Unseated);
        }
        Vec::new()
    }

    fn debugger_said(&mut self, portion: Result<Option<Portion>, FrameError>) -> Vec<Out> {
        match portion {
            Ok(Some(Portion::Message(frame))) if self.is_ours(&frame) => Vec::new(),
            Ok(Some(Portion::Message(frame))) => self.translator.debugger(frame),
            Ok(Some(Portion::Raw(bytes))) => vec![Out::Raw(bytes)],
            Ok(None) | Err(_) => {
                self.debugger.has_ended();
                self.translator.debugger_gone()
            }
        }
    }

    /// Asks the debugger's process to reload files; what came of it, it says itself.
    fn reload(&mut self) -> Vec<Out> {
        let paths = self.reloads.borrow_and_update().clone();
        let seq = FIRST_REQUEST + self.reloaded;
        self.reloaded += 1;
        let arguments = json!({"remoraReload": paths});
        let request = json!({"seq": seq, "type": "request", "command": "setDebuggerProperty", "arguments": arguments});
        vec![Out::ToDebugger(Frame::new(request.to_string().as_bytes()))]
    }

    /// Whether this answers a request of our own.
    fn is_ours(&self, frame: &Frame) -> bool {
        let ours = FIRST_REQUEST..FIRST_REQUEST + self.reloaded;
        self.reloaded > 0
            && Envelope::read(frame).is_some_and(|envelope| envelope.request_seq.is_some_and(|seq| ours.contains(&seq)))
    }

    /// More is known of the files that the client was told of.
    fn learned(&mut self) -> Vec<Out> {
        let events = self.identity.learned(&self.known.borrow_and_update());
        events.into_iter().map(|event| self.translator.insert(event)).collect()
    }

    /// Has others see what is new of the client.
    fn show_news(&mut self) {
        if let Some(view) = self.identity.news() {
            self.presence.show(view);
        }
    }

    /// Tells the client a message, and what is to be said of its lines.
    async fn tell_judged(&mut self, frame: Frame) {
        let judged = self.identity.judge(frame, &self.known.borrow());
        self.road.scout.look(judged.look);
        judged.seen.into_iter().for_each(|seen| self.road.scout.said(seen));
        self.show_news();
        self.tell(&judged.frame.into_bytes()).await;
        for event in judged.events {
            if let Out::Raw(bytes) = self.translator.insert(event) {
                self.tell(&bytes).await;
            }
        }
    }

    async fn send(&mut self, outs: Vec<Out>) {
        for out in outs {
            match out {
                Out::ToDebugger(frame) => self.debugger.say(frame),
                Out::ToClient(frame) => self.tell_judged(frame).await,
                Out::Raw(bytes) => self.tell(&bytes).await,
                Out::EndSeen => drop(self.road.events.send(RelayEvent::EndSeen)),
                Out::EndAsked => drop(self.road.events.send(RelayEvent::EndAsked)),
                Out::Leave => self.debugger.leave().await,
                Out::Close => {
                    if let Some(mut writer) = self.to_client.take() {
                        let _ = writer.shutdown().await;
                    }
                }
            }
        }
    }

    async fn tell(&mut self, bytes: &[u8]) {
        if let Some(writer) = &mut self.to_client
            && (writer.write_all(bytes).await.is_err() || writer.flush().await.is_err())
        {
            // Its own end of the stream tells that it has gone.
            self.to_client = None;
        }
    }
}

async fn next_news(news: &mut Option<mpsc::Receiver<News>>) -> Option<News> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What came of a stream.
pub(super) enum Portion {
    Message(Frame),
    /// From what turned out to be no DAP.
    Raw(Vec<u8>),
}

/// One direction of a connection, cut into messages.
pub(super) struct Messages {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    decoder: Option<Decoder>,
    portion: Vec<u8>,
    /// Whether what is no DAP passes too.
    tolerant: bool,
    /// Whether a message has come whole.
    is_dap: bool,
    /// Whether nothing more is read.
    pub(super) over: bool,
}

impl Messages {
    pub(super) fn new(reader: impl AsyncRead + Send + Unpin + 'static, tolerant: bool) -> Self {
        let decoder = Some(Decoder::default());
        Self { reader: Box::new(reader), decoder, portion: vec![0; PORTION], tolerant, is_dap: false, over: false }
    }

    /// The next message; nothing at the end. Cancel-safe: what has come is kept.
    pub(super) async fn next(&mut self) -> Result<Option<Portion>, FrameError> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                match decoder.next_frame() {
                    Ok(Some(frame)) => {
                        self.is_dap = true;
                        return Ok(Some(Portion::Message(frame)));
                    }
                    Ok(None) => {}
                    Err(_) if self.tolerant => {
                        let rest = self.decoder.take().map(Decoder::into_rest).unwrap_or_default();
                        return Ok(Some(Portion::Raw(rest)));
                    }
                    Err(error) => return Err(error),
                }
            }
            match self.reader.read(&mut self.portion).await {
                // A reset is an end too: the other's process was killed.
                Ok(0) | Err(_) => {
                    let rest = self.decoder.take().map(Decoder::into_rest).unwrap_or_default();
                    // Half a message of one who was killed would garble what is still to be said.
                    return Ok((!rest.is_empty() && !self.is_dap).then_some(Portion::Raw(rest)));
                }
                Ok(count) => match &mut self.decoder {
                    Some(decoder) => decoder.push(&self.portion[..count]),
                    None => return Ok(Some(Portion::Raw(self.portion[..count].to_vec()))),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages and the other bytes in what comes before an end.
    async fn read(bytes: &'static [u8]) -> Vec<String> {
        let (mut messages, mut read) = (Messages::new(bytes, true), Vec::new());
        while let Some(portion) = messages.next().await.unwrap() {
            read.push(match portion {
                Portion::Message(frame) => String::from_utf8_lossy(frame.body()).into_owned(),
                Portion::Raw(bytes) => format!("raw {}", String::from_utf8_lossy(&bytes)),
            });
        }
        read
    }

    #[tokio::test]
    async fn half_a_message_at_the_end_is_dropped_and_what_is_no_dap_passes() {
        assert_eq!(read(b"Content-Length: 2\r\n\r\n{}Content-Length: 9\r\n\r\n").await, ["{}"]);
        assert_eq!(read(b"Content-Length: 2\r\n\r\n{}").await, ["{}"]);
        assert_eq!(read(b"no DAP").await, ["raw no DAP"]);
    }
}
