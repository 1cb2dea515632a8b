//! Stands between the editor's pipe and tower-lsp: lets well-formed messages through, answers the
//! malformed ones, and closes the pipe after `exit`. Never looks further into a message.

use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

use super::framing::{Framing, Piece, frame};

/// Bytes on their way to tower-lsp or from it; it reads on while this is full.
const PIPE: usize = 64 * 1024;

/// How much is read at once.
const CHUNK: usize = 16 * 1024;

/// Runs `serve` with guarded ends of the editor's pipe. When the editor has nothing more to say, `leave` is
/// run, and that is the end: what is unanswered then is a question to an editor that is gone, and tower-lsp
/// would wait for it for ever.
pub(super) async fn guarded<I, O, F>(
    input: I,
    output: O,
    serve: impl FnOnce(DuplexStream, DuplexStream) -> F,
    leave: impl Future<Output = ()>,
) where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
    F: Future<Output = ()>,
{
    let (to_server, server_input) = tokio::io::duplex(PIPE);
    let (server_output, from_server) = tokio::io::duplex(PIPE);
    let (answers, complaints) = mpsc::channel(16);
    let serving = serve(server_input, server_output);
    let answering = async { tokio::join!(outwards(from_server, complaints, output), serving) };
    let ending = async {
        inwards(input, to_server, answers).await;
        leave.await;
    };
    tokio::pin!(answering, ending);
    let mut answered = false;
    loop {
        tokio::select! {
            // What has been answered is passed on first.
            biased;
            _ = &mut answering, if !answered => answered = true,
            () = &mut ending => return,
        }
    }
}

async fn inwards<I: AsyncRead + Unpin>(mut input: I, mut server: DuplexStream, answers: mpsc::Sender<Vec<u8>>) {
    let mut framing = Framing::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        while let Some(piece) = framing.next() {
            let done = match piece {
                Piece::Message(body) => server.write_all(&frame(&body)).await.is_err(),
                Piece::Exit(body) => {
                    let _ = server.write_all(&frame(&body)).await;
                    true
                }
                Piece::Malformed(code, message) => {
                    tracing::warn!(message, "malformed message from the editor");
                    let answer = json!({"jsonrpc": "2.0", "id": null, "error": {"code": code, "message": message}});
                    answers.send(answer.to_string().into_bytes()).await.is_err()
                }
            };
            if done {
                return;
            }
        }
        match input.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(read) => framing.push(&chunk[..read]),
        }
    }
}

/// Whole frames only, so that an answer of ours never lands inside one of the server's.
async fn outwards<O: AsyncWrite + Unpin>(
    mut server: DuplexStream,
    mut complaints: mpsc::Receiver<Vec<u8>>,
    mut output: O,
) {
    let mut framing = Framing::default();
    let mut chunk = vec![0; CHUNK];
    loop {
        let mut ready = Vec::new();
        tokio::select! {
            Some(answer) = complaints.recv() => ready.extend(frame(&answer)),
            read = server.read(&mut chunk) => match read {
                Ok(0) | Err(_) => return,
                Ok(read) => framing.push(&chunk[..read]),
            },
        }
        while let Some(Piece::Message(body) | Piece::Exit(body)) = framing.next() {
            ready.extend(frame(&body));
        }
        if output.write_all(&ready).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}
