//! Owns the handle by which others speak to a conversation, and what they can say. Never holds its state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use crate::error::{AgentError, LostReason, OpError};
use crate::stream::Credit;

/// The head of a reply and the bytes that came with it.
pub(crate) struct Reply {
    /// The JSON object.
    pub(crate) head: Value,
    /// The raw bytes.
    pub(crate) body: Vec<u8>,
}

/// Where a reply goes.
pub(crate) type ReplyTo = oneshot::Sender<Result<Reply, AgentError>>;

/// What comes in on a stream.
pub(crate) enum Incoming {
    /// Bytes on a channel; to be answered with credit once consumed.
    Data(u16, Vec<u8>),
    /// The end of a channel.
    End,
    /// Something happened.
    Event(Value),
    /// The stream broke.
    Broke(OpError),
}

/// The near end of a stream that a request opens.
pub(crate) struct Live {
    /// Takes what comes in.
    pub(crate) incoming: mpsc::UnboundedSender<Incoming>,
    /// What may go out.
    pub(crate) credit: Arc<Credit>,
}

/// How a request's body goes.
pub(crate) enum Outgoing {
    /// The bytes are here; the request overtakes file bodies if they fit one frame.
    Control(Vec<u8>),
    /// The bytes are here, for what is named by root and path.
    Change(Vec<u8>, Vec<Vec<u8>>),
    /// The bytes come later as [`Command::Piece`], for the file named by root and path.
    Fed(Vec<u8>),
}

/// What others ask of the conversation. The queue has no bound of its own: streams are bounded by credit,
/// pieces by permits, and a request waits for its reply.
pub(crate) enum Command {
    /// Sends a request.
    Request { stream: u32, head: Value, outgoing: Outgoing, reply: ReplyTo, live: Option<Live> },
    /// One more piece of a [`Outgoing::Fed`] body; nothing when it is complete.
    Piece { stream: u32, piece: Option<(Vec<u8>, OwnedSemaphorePermit)> },
    /// Bytes for a stream, for which there is credit.
    Data { stream: u32, bytes: Vec<u8>, end: bool },
    /// So many bytes of a stream have been consumed.
    Credit { stream: u32, channel: u16, count: u32 },
    /// Nobody is interested in a stream, or in the rest of a body, any more.
    Reset { stream: u32 },
    /// The conversation is to end.
    Close,
}

/// A handle to the conversation.
#[derive(Clone)]
pub(crate) struct Commands {
    sender: mpsc::UnboundedSender<Command>,
    next_stream: Arc<AtomicU32>,
    /// What the line carries, in bytes a second; 0 while that is not known.
    line: Arc<AtomicU64>,
    lost: watch::Receiver<Option<LostReason>>,
}

/// On a line slower than this, in bytes a second, compressing a pack takes less time than it saves: zlib's fastest
/// level packs source code at 60 MB/s or more on a small machine.
const SLOW_LINE: u64 = 50_000_000;

impl Commands {
    /// A handle to the conversation that receives from the other end of `sender`.
    pub(crate) fn new(
        sender: mpsc::UnboundedSender<Command>,
        first_stream: u32,
        line: Arc<AtomicU64>,
        lost: watch::Receiver<Option<LostReason>>,
    ) -> Self {
        Self { sender, next_stream: Arc::new(AtomicU32::new(first_stream)), line, lost }
    }

    /// Whether what compresses well should be compressed.
    pub(crate) fn is_line_slow(&self) -> bool {
        let rate = self.line.load(Ordering::Relaxed);
        rate > 0 && rate < SLOW_LINE
    }

    /// A number for a new request.
    pub(crate) fn new_stream(&self) -> u32 {
        self.next_stream.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a command; without effect when the conversation has ended.
    pub(crate) fn send(&self, command: Command) {
        // The receiver is gone exactly when the conversation has ended, which `lost` tells.
        let _ = self.sender.send(command);
    }

    /// Sends a request and waits for the reply. When dropped meanwhile, the reply is ignored.
    pub(crate) async fn request(
        &self,
        stream: u32,
        head: Value,
        outgoing: Outgoing,
        live: Option<Live>,
    ) -> Result<Reply, AgentError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Request { stream, head, outgoing, reply, live });
        match answer.await {
            Ok(result) => result,
            Err(_) => Err(self.lost().await.into()),
        }
    }

    /// Waits for the end of the conversation.
    pub(crate) async fn lost(&self) -> LostReason {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or(LostReason::Closed),
            // The task was dropped with its runtime.
            Err(_) => LostReason::Closed,
        }
    }
}
