//! Owns the pipe between a mirror and the agent of a test, frame by frame: either direction can be held back, and
//! somebody can wait until the agent has answered all that has reached it. Never changes or drops a byte.

use std::collections::BTreeMap;

use remora_agent::{PipeEnds, boot_command};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// The last that the agent's boot says before its frames.
const READY: &[u8] = b"remora-agent:ready\n";
/// What stands before every payload, the length of which comes first.
const HEADER: usize = 28;

const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const DATA: u8 = 3;
const RESET: u8 = 6;
const END: u8 = 2;

/// What is answered only when something goes wrong.
const LATER: &str = "trash";

/// What is done, and answered, even when nobody waits for the answer any more.
const CHANGES: [&str; 3] = ["write", "apply", "rebuild"];

/// What passes, and what the agent still has to answer.
#[derive(Default)]
struct Gate {
    requests_held: bool,
    replies_held: bool,
    /// Requests that have begun to reach the agent, and whether each changes anything.
    begun: BTreeMap<u32, bool>,
    /// How many requests of each kind have passed.
    passed: BTreeMap<String, usize>,
    /// Requests that have reached it whole and have no reply yet.
    unanswered: BTreeMap<u32, bool>,
}

/// The pipe.
pub struct Wire {
    gate: watch::Sender<Gate>,
    tasks: JoinSet<()>,
    /// Ends with the agent.
    hears: JoinHandle<()>,
}

impl Wire {
    /// Between an agent that was just started and whoever takes the ends.
    pub fn new(stdin: ChildStdin, stdout: ChildStdout) -> (Self, PipeEnds<DuplexStream, DuplexStream>) {
        let (reader, to_reader) = tokio::io::duplex(1 << 20);
        let (writer, from_writer) = tokio::io::duplex(1 << 20);
        let gate = watch::Sender::new(Gate::default());
        let (frames, passed) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(carry_requests(from_writer, stdin, gate.clone()));
        tasks.spawn(carry_replies(passed, to_reader, gate.clone()));
        let hears = tokio::spawn(hear_replies(stdout, frames, gate.clone()));
        (Self { gate, tasks, hears }, PipeEnds { reader, writer, rides: true })
    }

    /// From now on no further frame reaches the agent, or does again.
    pub fn hold_requests(&self, held: bool) {
        self.gate.send_modify(|gate| gate.requests_held = held);
    }

    /// From now on no further frame of the agent passes, or does again.
    pub fn hold_replies(&self, held: bool) {
        self.gate.send_modify(|gate| gate.replies_held = held);
    }

    /// How many requests that change anything have passed so far.
    pub fn changes(&self) -> usize {
        self.gate.borrow().changes()
    }

    /// Waits until so many have.
    pub async fn until_changes(&self, count: usize) {
        let _ = self.gate.subscribe().wait_for(|gate| gate.changes() >= count).await;
    }

    /// Waits until a request of this kind has.
    pub async fn until_passed(&self, op: &str) {
        let _ = self.gate.subscribe().wait_for(|gate| gate.passed.contains_key(op)).await;
    }

    pub fn are_requests_held(&self) -> bool {
        self.gate.borrow().requests_held
    }

    /// Waits until the agent has answered all that has reached it, or is gone.
    pub async fn answered(&self) {
        // The tasks that could say more have ended with the pipe.
        let _ = self.gate.subscribe().wait_for(|gate| gate.unanswered.is_empty()).await;
    }

    /// Cuts it. What comes back ends when the agent has ended.
    pub async fn cut(mut self) -> JoinHandle<()> {
        self.tasks.shutdown().await;
        self.hears
    }
}

/// The length of the first frame, header included, once all of it is there.
fn whole_frame(bytes: &[u8]) -> Option<usize> {
    let length = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length))?;
    let length = HEADER + usize::try_from(length).unwrap();
    (bytes.len() >= length).then_some(length)
}

/// The kind, the flags and the stream of a frame.
fn meaning(frame: &[u8]) -> (u8, u8, u32) {
    (frame[4], frame[5], u32::from_be_bytes(frame[8..12].try_into().unwrap()))
}

/// The operation that a request names.
fn op(request: &[u8]) -> String {
    let length = u32::from_be_bytes(request[HEADER..HEADER + 4].try_into().unwrap());
    let head = &request[HEADER + 4..HEADER + 4 + usize::try_from(length).unwrap()];
    let head: serde_json::Value = serde_json::from_slice(head).unwrap();
    head["op"].as_str().unwrap().to_owned()
}

/// How many bytes of source come before the first frame; the command that boots the agent knows.
fn source_length() -> usize {
    let command = boot_command();
    let before = command.find(" ready old").unwrap();
    command[..before].rsplit(' ').next().unwrap().parse().unwrap()
}

async fn carry_requests(mut from: DuplexStream, mut to: ChildStdin, gate: watch::Sender<Gate>) {
    let (mut source, mut bytes, mut chunk) = (source_length(), Vec::new(), vec![0; 64 << 10]);
    let mut opened = gate.subscribe();
    loop {
        let whole =
            if source > 0 { Some(source.min(bytes.len())).filter(|&some| some > 0) } else { whole_frame(&bytes) };
        let Some(whole) = whole else {
            match from.read(&mut chunk).await {
                Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
                _ => return,
            }
            continue;
        };
        let some: Vec<u8> = bytes.drain(..whole).collect();
        if source > 0 {
            source -= whole;
        } else {
            while !gate.send_if_modified(|gate| gate.passes(&some)) {
                if opened.wait_for(|gate| !gate.requests_held).await.is_err() {
                    return;
                }
            }
        }
        if to.write_all(&some).await.is_err() {
            return;
        }
    }
}

impl Gate {
    fn changes(&self) -> usize {
        CHANGES.iter().filter_map(|op| self.passed.get(*op)).sum()
    }

    /// Whether this frame may pass now; then it counts.
    fn passes(&mut self, frame: &[u8]) -> bool {
        if self.requests_held {
            return false;
        }
        let (kind, flags, stream) = meaning(frame);
        if kind == REQUEST && op(frame) != LATER {
            let is_change = CHANGES.contains(&op(frame).as_str());
            *self.passed.entry(op(frame)).or_default() += 1;
            self.begun.insert(stream, is_change);
        }
        if matches!(kind, REQUEST | DATA)
            && flags & END != 0
            && let Some(is_change) = self.begun.remove(&stream)
        {
            self.unanswered.insert(stream, is_change);
        }
        if kind == RESET {
            self.unanswered.retain(|other, is_change| *other != stream || *is_change);
        }
        true
    }
}

async fn hear_replies(mut from: ChildStdout, frames: mpsc::UnboundedSender<Vec<u8>>, gate: watch::Sender<Gate>) {
    let (mut ready, mut bytes, mut chunk) = (false, Vec::new(), vec![0; 64 << 10]);
    loop {
        let whole = if ready {
            whole_frame(&bytes)
        } else {
            bytes.windows(READY.len()).position(|some| some == READY).map(|at| at + READY.len())
        };
        if let Some(whole) = whole {
            let some: Vec<u8> = bytes.drain(..whole).collect();
            if ready && meaning(&some).0 == REPLY {
                let stream = meaning(&some).2;
                gate.send_modify(|gate| {
                    // One that fails early is answered before its end.
                    gate.begun.remove(&stream);
                    gate.unanswered.remove(&stream);
                });
            }
            ready = true;
            // After a cut nobody is there to take it.
            let _ = frames.send(some);
            continue;
        }
        match from.read(&mut chunk).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&chunk[..read]),
            _ => break,
        }
    }
    // It is gone: it answers nothing any more.
    gate.send_modify(|gate| gate.unanswered.clear());
}

async fn carry_replies(mut frames: mpsc::UnboundedReceiver<Vec<u8>>, mut to: DuplexStream, gate: watch::Sender<Gate>) {
    let mut opened = gate.subscribe();
    while let Some(frame) = frames.recv().await {
        if opened.wait_for(|gate| !gate.replies_held).await.is_err() || to.write_all(&frame).await.is_err() {
            return;
        }
    }
}
