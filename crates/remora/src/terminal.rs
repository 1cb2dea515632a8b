//! Owns the way between a terminal here and a process on a pseudo-terminal there: starts a shell, carries what is
//! typed and shown, and lets go of it at the end. Never decides which terminals there are.

use std::collections::BTreeMap;
use std::pin::Pin;

use remora_agent::{
    AgentError, Exit, Link, OpErrorKind, Process, ProcessEvent, ProcessEvents, ProcessHandle, SpawnSpec, StreamWriter,
    TtySize,
};
use remora_debug::{Screen, ScreenEvent, Terminal};
use remora_model::RemotePath;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::{mpsc, oneshot};

use crate::fault::{self, Fault};

/// Becomes the login's shell; a login without one that runs gets the system's.
const LOGIN_SHELL: &str = r#"[ -x "$SHELL" ] && exec "$SHELL" -l; exec /bin/sh"#;

/// What tells a program that its terminal has 24 bits of colour, as those of editors have; nothing else would.
pub(crate) const COLOURS: (&str, &str) = ("COLORTERM", "truecolor");

/// Names a terminal within one sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TerminalId(pub u64);

/// What to open.
#[derive(Debug, Clone)]
pub struct TerminalRequest {
    /// How large it is shown.
    pub size: TtySize,
    /// The folder: absolute, `~/…`, or relative to the remote root; without it, the remote root, or the home folder
    /// while that is not there.
    pub cwd: Option<String>,
    /// Program and arguments; empty for a login shell.
    pub command: Vec<String>,
    /// More environment variables.
    pub env: BTreeMap<String, String>,
}

/// The answer to a request for a terminal.
#[derive(Debug)]
pub struct Opened {
    /// Which.
    pub terminal: TerminalId,
    /// Nothing is said of the terminal before this is dropped, so that the answer comes first.
    pub begin: oneshot::Sender<()>,
}

/// Bytes that a terminal shows. The next come once these are dropped: a program that writes without end waits for
/// whoever shows it, as it would before a terminal of that machine.
#[derive(Debug)]
pub struct Shown {
    /// The bytes.
    pub data: Vec<u8>,
    _taken: oneshot::Sender<()>,
}

/// What is done at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Keys were pressed, or text was pasted.
    Typed(Vec<u8>),
    /// It is shown in another size.
    Resized(TtySize),
}

/// How a terminal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its process ended.
    Exited(Exit),
    /// The link was lost.
    Lost,
    /// It was closed from here.
    Closed,
}

/// The process behind a terminal.
pub struct Line {
    keyboard: StreamWriter,
    handle: ProcessHandle,
    screen: Far,
}

/// What is behind a terminal, as it shows itself.
enum Far {
    /// A process of the terminal's own, which is let go of with it.
    Process(ProcessEvents),
    /// A program of a debug session, which ends it.
    Program(Screen),
}

impl Far {
    /// The next thing that happens. Cancel-safe.
    async fn next(&mut self) -> ScreenEvent {
        match self {
            Self::Program(screen) => screen.next().await,
            Self::Process(process) => match process.next().await {
                Ok(ProcessEvent::Stdout(data) | ProcessEvent::Stderr(data)) => ScreenEvent::Shown(data),
                Ok(ProcessEvent::Exited(exit)) => ScreenEvent::Exited(exit),
                Err(_) => ScreenEvent::Lost,
            },
        }
    }
}

/// Starts what is asked for, in `root` unless the request names a folder.
///
/// # Errors
/// The folder or the program is not there, or the machine has no terminal to give.
pub async fn open(link: &Link, root: &str, request: TerminalRequest) -> Result<Line, Fault> {
    let cwd = folder(link, root, request.cwd.as_deref()).await?;
    let shell = || ["/bin/sh", "-c", LOGIN_SHELL].map(String::from).to_vec();
    let argv = if request.command.is_empty() { shell() } else { request.command };
    let spec = SpawnSpec { argv, cwd, env: request.env, run_dir: None, tty: Some(request.size), keep: None };
    link.spawn(spec).await.map(Line::from).map_err(|error| fault::terminal(&error))
}

async fn folder(link: &Link, root: &str, cwd: Option<&str>) -> Result<Option<RemotePath>, Fault> {
    let home = || link.hello().home.to_string();
    let path = match cwd {
        None => return known(link, root).await,
        Some("~") => home(),
        Some(cwd) if cwd.starts_with('/') => cwd.to_owned(),
        Some(cwd) => {
            let (above, below) = match cwd.strip_prefix("~/") {
                Some(below) => (home(), below),
                None => (known(link, root).await?.map_or_else(home, |root| root.to_string()), cwd),
            };
            format!("{}/{below}", above.trim_end_matches('/'))
        }
    };
    RemotePath::new(path).map(Some).map_err(|_| fault::no_folder(cwd.unwrap_or_default()))
}

/// The canonical remote root; nothing if it is not there yet.
async fn known(link: &Link, root: &str) -> Result<Option<RemotePath>, Fault> {
    match link.root(root, false).await {
        Ok(info) => Ok(Some(info.path)),
        Err(AgentError::Op(error)) if error.kind == OpErrorKind::NotFound => Ok(None),
        Err(error) => Err(fault::root(root, &error)),
    }
}

impl From<Process> for Line {
    fn from(process: Process) -> Self {
        let (handle, keyboard, screen) = process.into_parts();
        Self { keyboard, handle, screen: Far::Process(screen) }
    }
}

impl Line {
    /// The terminal of a program that is debugged.
    pub fn of_program(keyboard: StreamWriter, terminal: Terminal) -> Self {
        Self { keyboard, handle: terminal.handle, screen: Far::Program(terminal.screen) }
    }

    /// Carries until the process ends, the link is lost, or the sender of `inputs` is dropped. The process and all it
    /// started have been let go of then. `show` is called again only after what it was given has been dropped.
    pub async fn carry(self, mut inputs: mpsc::UnboundedReceiver<Input>, mut show: impl FnMut(Shown)) -> Ending {
        let Self { mut keyboard, handle, mut screen } = self;
        let mut size = Size { handle, asked: None, wanted: None };
        // Typed and not yet taken over there. Without a bound of its own, as it is no more than a person pastes.
        let mut typed: Vec<u8> = Vec::new();
        let mut shown: Option<oneshot::Receiver<()>> = None;
        loop {
            tokio::select! {
                event = screen.next(), if shown.is_none() => match event {
                    ScreenEvent::Shown(data) => {
                        let (taken, wait) = oneshot::channel();
                        show(Shown { data, _taken: taken });
                        shown = Some(wait);
                    }
                    ScreenEvent::Exited(exit) => return Ending::Exited(exit),
                    ScreenEvent::Lost => return Ending::Lost,
                },
                () = dropped(&mut shown) => shown = None,
                written = keyboard.write(&typed), if !typed.is_empty() => match written {
                    Ok(count) => drop(typed.drain(..count)),
                    // It is about to end, which `screen` tells.
                    Err(_) => typed.clear(),
                },
                () = size.given() => {}
                input = inputs.recv() => match input {
                    Some(Input::Typed(bytes)) => typed.extend(bytes),
                    Some(Input::Resized(wanted)) => size.want(wanted),
                    None => return Ending::Closed,
                },
            }
        }
    }
}

/// Waits until what was shown is dropped. Cancel-safe.
async fn dropped(shown: &mut Option<oneshot::Receiver<()>>) {
    match shown {
        Some(wait) => drop(wait.await),
        None => std::future::pending().await,
    }
}

/// The size of a terminal over there: one request at a time, so that the last one asked for wins.
struct Size {
    handle: ProcessHandle,
    asked: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    wanted: Option<TtySize>,
}

impl Size {
    fn want(&mut self, size: TtySize) {
        self.wanted = Some(size);
        if self.asked.is_none() {
            self.ask();
        }
    }

    fn ask(&mut self) {
        let handle = self.handle.clone();
        self.asked = self.wanted.take().map(|size| {
            Box::pin(async move {
                if let Err(error) = handle.resize(size).await {
                    tracing::debug!(%error, "a terminal keeps its size");
                }
            }) as Pin<Box<dyn Future<Output = ()> + Send>>
        });
    }

    /// Waits for the answer to a request. Cancel-safe.
    async fn given(&mut self) {
        match &mut self.asked {
            Some(asked) => asked.await,
            None => std::future::pending().await,
        }
        self.ask();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Kind;
    use crate::host::tests::link_here;

    fn request(script: &str) -> TerminalRequest {
        let command = ["sh", "-c", script].map(String::from).to_vec();
        TerminalRequest { size: TtySize { columns: 80, rows: 24 }, cwd: None, command, env: BTreeMap::new() }
    }

    #[tokio::test]
    async fn a_program_that_writes_without_end_waits_until_what_it_wrote_is_taken() {
        let link = link_here().await;
        let line =
            open(&link, "/", request("trap 'echo interrupted; exit 3' INT; while :; do echo y; done")).await.unwrap();
        let (type_, inputs) = mpsc::unbounded_channel();
        let (out, mut shown) = mpsc::unbounded_channel();
        let carrying = tokio::spawn(line.carry(inputs, move |piece| drop(out.send(piece))));
        let first: Shown = shown.recv().await.unwrap();
        for _ in 0..50 {
            link.root("/", false).await.unwrap();
        }
        assert!(shown.try_recv().is_err(), "the first piece is not taken yet");
        drop(first);
        let second = shown.recv().await.unwrap();
        type_.send(Input::Typed(b"\x03".to_vec())).unwrap();
        drop(second);
        let mut text = String::new();
        while let Some(piece) = shown.recv().await {
            text.push_str(&String::from_utf8_lossy(&piece.data));
        }
        assert!(text.ends_with("interrupted\r\n"), "{text:?}");
        assert_eq!(carrying.await.unwrap(), Ending::Exited(Exit::Code(3)));
    }

    #[tokio::test]
    async fn what_is_not_read_over_there_holds_up_neither_the_size_nor_the_end() {
        let link = link_here().await;
        let script = "stty raw -echo; trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
        let line = open(&link, "/", request(script)).await.unwrap();
        let (type_, inputs) = mpsc::unbounded_channel();
        let (out, mut shown) = mpsc::unbounded_channel();
        let carrying = tokio::spawn(line.carry(inputs, move |piece| drop(out.send(piece))));
        let mut text = String::new();
        let mut until = async |wanted: &str| {
            while !text.contains(wanted) {
                text.push_str(&String::from_utf8_lossy(&shown.recv().await.unwrap().data));
            }
        };
        until("ready").await;
        type_.send(Input::Typed(vec![b'x'; 1_000_000])).unwrap();
        for columns in 100..=132 {
            type_.send(Input::Resized(TtySize { columns, rows: 40 })).unwrap();
        }
        until("40 132").await;
        drop(type_);
        assert_eq!(carrying.await.unwrap(), Ending::Closed);
    }

    #[tokio::test]
    async fn the_folder_is_the_roots_the_logins_or_the_one_that_was_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        let (root, link) = (root.to_str().unwrap(), link_here().await);
        let home = link.hello().home.to_string();
        let missing = format!("{root}/missing");
        for (given, cwd, expected) in [
            (root, None, root.to_owned()),
            (root, Some("sub"), format!("{root}/sub")),
            (&missing, None, home.clone()),
            (&missing, Some("/"), "/".to_owned()),
            (root, Some("~"), home.clone()),
        ] {
            let request = TerminalRequest { cwd: cwd.map(String::from), ..request("pwd -P") };
            let line = open(&link, given, request).await.unwrap();
            let (_type, inputs) = mpsc::unbounded_channel();
            let mut text = String::new();
            line.carry(inputs, |piece| text.push_str(&String::from_utf8_lossy(&piece.data))).await;
            assert_eq!(text.trim_end(), expected, "{given} {cwd:?}");
        }
        let wrong = TerminalRequest { cwd: Some("nowhere".into()), ..request("pwd") };
        let fault = open(&link, root, wrong).await.err().unwrap();
        assert_eq!(fault.kind, Kind::FileMissing);
        assert!(fault.message.contains("nowhere"), "{fault}");
    }
}
