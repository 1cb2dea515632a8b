//! Owns a child process that holds a pipe, from its start until it is reaped. Never leaves one behind.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{oneshot, watch};

use crate::{Complaints, Pipe, PipeReader, PipeWriter, TransportError};

/// How long a child may take to end by itself once its pipe is dropped. Long enough to tidy up: an agent
/// gives what it started 2 s before it insists, and killed before that it would leave all of it behind.
/// Nobody waits for it.
const FAREWELL: Duration = Duration::from_secs(6);

/// How long the end of a child's output waits for its exit status and the rest of its standard error.
/// A child that closes its output and lives on is rare, and then only its status is not known.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What to start.
pub(crate) struct Start<'a> {
    /// The program and its arguments.
    pub(crate) argv: &'a [String],
    /// What to call it in an error.
    pub(crate) shown: &'a str,
    /// What goes to its standard input before anything else.
    pub(crate) first_line: Option<Vec<u8>>,
}

/// Starts a child whose standard input and output are the pipe.
pub(crate) async fn start(start: Start<'_>) -> Result<Pipe, TransportError> {
    let mut command = command(start.argv)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut kept = keep(command, &start.argv[0])?;
    let invariant = "invariant: both are piped";
    let mut stdin = kept.child_stdin.take().expect(invariant);
    let stdout = kept.child_stdout.take().expect(invariant);
    let rides = start.first_line.is_none();
    if let Some(line) = start.first_line
        && stdin.write_all(&line).await.is_err()
        && let Some(status) = last_words(kept.fate.clone()).await
    {
        return Err(ended(start.shown, status, &kept.complaints));
    }
    let writer = Writer { stdin, _hold: kept.hold.clone() };
    let reader = Reader {
        state: Reading::Output(stdout),
        shown: start.shown.to_owned(),
        fate: kept.fate.clone(),
        complaints: kept.complaints.clone(),
        _hold: kept.hold,
    };
    Ok(Pipe { reader: PipeReader::new(reader), writer: PipeWriter::new(writer), rides, complaints: kept.complaints })
}

/// A command that starts in a process group of its own, so that it can be ended as a whole and a
/// Ctrl-C in the terminal is not meant for it.
pub(crate) fn command(argv: &[String]) -> Result<Command, TransportError> {
    let [program, arguments @ ..] = argv else {
        return Err(TransportError::BadSpec { reason: "the command names no program".to_owned() });
    };
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    #[cfg(windows)]
    command.creation_flags(CREATE_NO_WINDOW);
    Ok(command)
}

/// No console window flashes up behind an editor. From the Windows process creation flags.
#[cfg(windows)]
pub(crate) const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// A started child, its owner running in a task.
pub(crate) struct Kept {
    child_stdin: Option<ChildStdin>,
    child_stdout: Option<ChildStdout>,
    /// Dropping the last of its clones ends the child.
    pub(crate) hold: Hold,
    /// How it ended.
    pub(crate) fate: Fate,
    /// The end of its standard error.
    pub(crate) complaints: Complaints,
}

#[cfg(windows)]
impl Kept {
    /// The child's piped ends.
    pub(crate) fn take_pipes(&mut self) -> (ChildStdin, ChildStdout) {
        let invariant = "invariant: both are piped";
        (self.child_stdin.take().expect(invariant), self.child_stdout.take().expect(invariant))
    }
}

/// Keeps a child alive.
#[derive(Clone)]
pub(crate) struct Hold {
    _released: Arc<oneshot::Sender<()>>,
}

/// How a child ended; `None` while it lives and speaks.
pub(crate) type Fate = watch::Receiver<Option<ExitStatus>>;

/// Starts `command` and a task that owns the child.
pub(crate) fn keep(mut command: Command, program: &str) -> Result<Kept, TransportError> {
    command.stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => TransportError::ProgramMissing { program: program.to_owned() },
        _ => TransportError::ProgramFailed { program: program.to_owned(), reason: error.to_string() },
    })?;
    let (release, released) = oneshot::channel();
    let (tell, fate) = watch::channel(None);
    let complaints = Complaints::default();
    let kept = Kept {
        child_stdin: child.stdin.take(),
        child_stdout: child.stdout.take(),
        hold: Hold { _released: Arc::new(release) },
        fate,
        complaints: complaints.clone(),
    };
    let stderr = child.stderr.take();
    tokio::spawn(async move {
        let drain = tokio::spawn(drain(stderr, complaints));
        let status = live(&mut child, released).await;
        // A grandchild may hold standard error open, so its end is not waited for long.
        let _ = tokio::time::timeout(LAST_WORDS / 2, drain).await;
        let _ = tell.send(status);
    });
    Ok(kept)
}

/// Waits until the child ends, or ends it once its pipe is dropped.
async fn live(child: &mut Child, released: oneshot::Receiver<()>) -> Option<ExitStatus> {
    tokio::select! {
        status = child.wait() => return status.ok(),
        _ = released => {}
    }
    if let Ok(status) = tokio::time::timeout(FAREWELL, child.wait()).await {
        return status.ok();
    }
    kill(child);
    child.wait().await.ok()
}

/// Ends the child and what it started in its group.
pub(crate) fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
    let _ = child.start_kill();
}

async fn drain(stderr: Option<ChildStderr>, complaints: Complaints) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        complaints.push(&buffer[..count]);
    }
}

/// The standard output of a child, then its fate.
struct Reader {
    state: Reading,
    shown: String,
    fate: Fate,
    complaints: Complaints,
    _hold: Hold,
}

enum Reading {
    Output(ChildStdout),
    Ending(Pin<Box<dyn Future<Output = Option<ExitStatus>> + Send>>),
    Ended,
}

impl AsyncRead for Reader {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                Reading::Output(stdout) => {
                    let before = buf.filled().len();
                    ready!(Pin::new(stdout).poll_read(cx, buf))?;
                    if buf.filled().len() > before || buf.remaining() == 0 {
                        return Poll::Ready(Ok(()));
                    }
                    this.state = Reading::Ending(Box::pin(last_words(this.fate.clone())));
                }
                Reading::Ending(fate) => {
                    let status = ready!(fate.as_mut().poll(cx));
                    this.state = Reading::Ended;
                    return Poll::Ready(this.verdict(status));
                }
                Reading::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// The exit status, if it comes soon.
pub(crate) async fn last_words(mut fate: Fate) -> Option<ExitStatus> {
    let known = tokio::time::timeout(LAST_WORDS, fate.wait_for(Option::is_some)).await;
    *known.ok()?.ok()?
}

impl Reader {
    /// An end of file for a child that ended well, an error for one that did not.
    fn verdict(&self, status: Option<ExitStatus>) -> io::Result<()> {
        let Some(status) = status else { return Ok(()) };
        if status.success() {
            return Ok(());
        }
        Err(ended(&self.shown, status, &self.complaints).into_io(io::ErrorKind::BrokenPipe))
    }
}

/// The typed form of a child's end.
pub(crate) fn ended(shown: &str, status: ExitStatus, complaints: &Complaints) -> TransportError {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| signal.to_string());
    #[cfg(windows)]
    let signal = None;
    let stderr = complaints.text();
    TransportError::CommandEnded { command: shown.to_owned(), status: status.code(), signal, stderr }
}

/// The standard input of a child.
struct Writer {
    stdin: ChildStdin,
    _hold: Hold,
}

impl AsyncWrite for Writer {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stdin).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}
