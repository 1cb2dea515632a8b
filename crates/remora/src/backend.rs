//! The valve between the language server protocol and the event loop. A handler queues its event
//! before it awaits anything, so that the order of the editor's messages is kept, and then waits for
//! nothing but its own answer. Decides nothing.

mod breakpoint;
mod convert;
mod framing;
mod guard;
mod mirror;
mod progress;
mod pump;
mod setup;
mod terminal;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use remora_debug::DebugType;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::notification::{DidChangeConfiguration, Notification as _};
use tower_lsp::lsp_types::{
    ConfigurationItem, DidChangeConfigurationParams, DidSaveTextDocumentParams, Hover, HoverParams, InitializeParams,
    InitializeResult, InitializedParams, Registration, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Url,
};
use tower_lsp::{Client, LanguageServer, LspService, Server};

use crate::asker::Asker;
use crate::event::Event;
use crate::event_loop::Engine;
use crate::fault::{Fault, Kind};
use crate::launch::{self, Entry};
use crate::processes;
use crate::protocol::debug::{
    LaunchParams, LaunchResult, ProcessesResult, SessionSocketResult, StartsParams, StartsResult,
};
use crate::protocol::{
    ConnectParams, DebugStartParams, DebugStartResult, LaunchJsonParams, LaunchJsonResult, SessionParams, Shown,
    breakpoint as breakpoint_protocol, method, mirror as mirror_protocol, setup as setup_protocol,
    terminal as terminal_protocol,
};
use crate::setup::Setup;
use crate::state::Workspace;
use crate::surface::SessionId;

use progress::Progresses;
use setup::Desk;

/// How many of the editor's requests may wait at once. tower-lsp's default of 4 lets four slow requests
/// hold back a save; a request that waits costs no more than its future.
const CONCURRENCY: usize = 1024;

/// For the log: the codec would write every message down, a typed password among them.
pub(crate) const DISCRETION: &str = "tower_lsp::codec=warn";

/// Serves one editor until it says `exit` or closes the pipe; then ends everything on the remote.
/// `records` is the folder for the records of what is ours on the remotes.
pub async fn serve<I, O>(input: I, output: O, records: Option<PathBuf>)
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin,
{
    let (held, mut started) = mpsc::unbounded_channel();
    let (service, socket) = LspService::build(|client| Backend::new(client, held, records))
        .custom_method(method::CONNECT, Backend::connect)
        .custom_method(method::MIRROR, Backend::mirror)
        .custom_method(mirror_protocol::method::PAUSE, Backend::pause)
        .custom_method(mirror_protocol::method::RESUME, Backend::resume)
        .custom_method(mirror_protocol::method::REMOTE_FILE, Backend::remote_file)
        .custom_method(mirror_protocol::method::TAKE_REMOTE, Backend::take_remote)
        .custom_method(mirror_protocol::method::EXPLAIN, Backend::explain)
        .custom_method(breakpoint_protocol::method::BREAKPOINT, Backend::breakpoint)
        .custom_method(mirror_protocol::method::TRASH, Backend::trash)
        .custom_method(mirror_protocol::method::RESTORE, Backend::restore)
        .custom_method(method::DEBUG_START, Backend::debug_start)
        .custom_method(method::DEBUG_INTERRUPT, Backend::debug_interrupt)
        .custom_method(method::DEBUG_STOP, Backend::debug_stop)
        .custom_method(method::DEBUG_LAUNCH, Backend::debug_launch)
        .custom_method(method::DEBUG_STARTS, Backend::debug_starts)
        .custom_method(method::DEBUG_PROCESSES, Backend::debug_processes)
        .custom_method(method::DEBUG_SESSION_SOCKET, Backend::debug_session_socket)
        .custom_method(method::LAUNCH_JSON, Backend::launch_json)
        .custom_method(setup_protocol::method::SETUP_CANDIDATES, Backend::setup_candidates)
        .custom_method(setup_protocol::method::SETUP_OPEN, Backend::setup_open)
        .custom_method(setup_protocol::method::SETUP_BROWSE, Backend::setup_browse)
        .custom_method(setup_protocol::method::SETUP_INTERPRETERS, Backend::setup_interpreters)
        .custom_method(setup_protocol::method::SETUP_CLOSE, Backend::setup_close)
        .custom_method(setup_protocol::method::DOCTOR, Backend::doctor)
        .custom_method(terminal_protocol::method::TERMINAL_OPEN, Backend::terminal_open)
        .custom_method(terminal_protocol::method::TERMINAL_WRITE, Backend::terminal_write)
        .custom_method(terminal_protocol::method::TERMINAL_RESIZE, Backend::terminal_resize)
        .custom_method(terminal_protocol::method::TERMINAL_CLOSE, Backend::terminal_close)
        .finish();
    let serve = |input, output| Server::new(input, output, socket).concurrency_level(CONCURRENCY).serve(service);
    let leave = async {
        if let Ok(held) = started.try_recv() {
            held.leave().await;
        }
    };
    guard::guarded(input, output, serve, leave).await;
}

/// What one editor's connection holds: set once, at `initialize`.
struct Open {
    engine: Engine,
    progresses: Progresses,
    asks_configuration: bool,
    registers_configuration: bool,
    /// The folder; settings may differ from folder to folder.
    scope: Option<Url>,
}

/// What has to be ended when the editor goes.
#[derive(Clone)]
struct Held {
    setup: Setup,
    engine: Option<Engine>,
}

impl Held {
    async fn leave(&self) {
        let engine = async {
            if let Some(engine) = &self.engine {
                engine.leave().await;
            }
        };
        tokio::join!(engine, self.setup.leave());
    }
}

struct Backend {
    client: Client,
    open: OnceLock<Open>,
    desk: OnceLock<Desk>,
    held: mpsc::UnboundedSender<Held>,
    records: Option<PathBuf>,
}

impl Backend {
    fn new(client: Client, held: mpsc::UnboundedSender<Held>, records: Option<PathBuf>) -> Self {
        Self { client, open: OnceLock::new(), desk: OnceLock::new(), held, records }
    }

    fn open(&self) -> std::result::Result<&Open, Fault> {
        self.open.get().ok_or_else(no_folder)
    }

    async fn configure(&self) {
        let Some(open) = self.open.get() else { return };
        if !open.asks_configuration {
            return;
        }
        open.engine.tell(Event::Configuring);
        let item = ConfigurationItem { scope_uri: open.scope.clone(), section: Some("remora".into()) };
        match self.client.configuration(vec![item]).await {
            Ok(mut values) => open.engine.tell(configured(&values.pop().unwrap_or_default())),
            Err(error) => {
                let fault = Fault::new(
                    Kind::BadSettings,
                    format!("The editor did not tell its settings: {error}."),
                    "Change a setting or reload the window to try again.",
                );
                open.engine.tell(Event::Configured(Err(fault)));
            }
        }
    }

    /// An editor that is asked for its settings tells of changes only on request.
    async fn hear_of_settings(&self) {
        let Some(open) = self.open.get().filter(|open| open.registers_configuration) else { return };
        let registration = Registration {
            id: "settings".into(),
            method: DidChangeConfiguration::METHOD.into(),
            register_options: Some(json!({ "section": "remora" })),
        };
        if let Err(error) = self.client.register_capability(vec![registration]).await {
            tracing::warn!(%error, root = ?open.scope, "the editor will not tell of changed settings");
        }
    }

    async fn connect(&self, params: ConnectParams) -> Result<Value> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::ConnectAsked(params.target, reply));
        let status = open.progresses.during("Connecting", answer).await.map_err(convert::error)?;
        convert::value(&Shown::from(status))
    }

    async fn debug_start(&self, params: DebugStartParams) -> Result<DebugStartResult> {
        let open = self.open().map_err(convert::error)?;
        let target = params.target.clone();
        let request = convert::debug_request(params);
        let answer = open.engine.request(|reply| Event::DebugAsked(target, request, reply));
        let listening = open.progresses.during("Starting the program", answer).await.map_err(convert::error)?;
        Ok(convert::listening(listening))
    }

    async fn debug_interrupt(&self, params: SessionParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        open.engine.tell(Event::InterruptAsked(SessionId(params.session)));
        Ok(())
    }

    async fn debug_stop(&self, params: SessionParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::StopAsked(SessionId(params.session), reply));
        open.progresses.during("Stopping", answer).await.map_err(convert::error)
    }

    async fn debug_launch(&self, params: LaunchParams) -> Result<LaunchResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::LaunchAsked(params.configuration, reply));
        let listening = open.progresses.during("Starting the program", answer).await.map_err(convert::error)?;
        Ok(convert::launched(&listening))
    }

    async fn debug_starts(&self, params: StartsParams) -> Result<StartsResult> {
        Ok(convert::starts(&params))
    }

    async fn debug_processes(&self, _: mirror_protocol::NoParams) -> Result<ProcessesResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::ProcessesAsked(false, reply));
        let found = open.progresses.during("Looking for processes", answer).await.map_err(convert::error)?;
        Ok(ProcessesResult { processes: found.iter().map(processes::shown).collect() })
    }

    async fn debug_session_socket(&self, params: SessionParams) -> Result<SessionSocketResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::SocketAsked(SessionId(params.session), reply));
        let path = open.progresses.during("Looking for the session", answer).await.map_err(convert::error)?;
        Ok(SessionSocketResult { socket: convert::socket(&path) })
    }

    async fn launch_json(&self, params: LaunchJsonParams) -> Result<LaunchJsonResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::RootAsked(params.target, reply));
        let rooted = open.progresses.during("Asking the remote", answer).await.map_err(convert::error)?;
        let debug_type = params.extensions.as_ref().map(DebugType::of).unwrap_or_default();
        let entry = Entry { name: params.name, port: params.port, debug_type, rooted };
        let text = launch::update(&params.text, entry).map_err(convert::error)?;
        Ok(LaunchJsonResult { text })
    }
}

fn no_folder() -> Fault {
    Fault::new(
        Kind::BadRequest,
        "There is no folder to work in.",
        "Open a folder in the editor; Remora mirrors folders, not single files.",
    )
}

fn configured(value: &Value) -> Event {
    let settings = match value {
        Value::Null => Ok(remora_model::Settings::default()),
        value => remora_model::Settings::from_json(value).map_err(Fault::from),
    };
    Event::Configured(settings)
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let (surface, said) = mpsc::unbounded_channel();
        let asker = Arc::new(Asker::new(surface.clone()));
        let progresses = Progresses::new(self.client.clone(), convert::shows_progress(&params));
        tokio::spawn(pump::run(self.client.clone(), progresses.clone(), said));
        let root = convert::root(&params);
        let setup = Setup::start(asker.clone());
        let mut held = Held { setup: setup.clone(), engine: None };
        if self.desk.set(Desk { setup, progresses: progresses.clone(), root: root.clone() }).is_err() {
            return Err(Error::invalid_request());
        }
        if let Some(root) = root {
            let scope = Url::from_file_path(root.as_path()).ok();
            let workspace = Workspace {
                root,
                records: self.records.clone(),
                watch: true,
                reconnect: true,
                overwrite: false,
                delete_many: false,
                large_too: false,
            };
            let engine = Engine::start(workspace, surface, asker);
            held.engine = Some(engine.clone());
            let asks_configuration = convert::asks_configuration(&params);
            let registers_configuration = convert::registers_configuration(&params);
            if !asks_configuration {
                engine.tell(configured(&params.initialization_options.unwrap_or_default()));
            }
            if self.open.set(Open { engine, progresses, asks_configuration, registers_configuration, scope }).is_err() {
                return Err(Error::invalid_request());
            }
        }
        // The receiver lives as long as the server.
        let _ = self.held.send(held);
        let save = TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) });
        let sync = TextDocumentSyncOptions { save: Some(save), ..TextDocumentSyncOptions::default() };
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
                hover_provider: Some(true.into()),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo { name: "remora".into(), version: Some(env!("CARGO_PKG_VERSION").into()) }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.hear_of_settings().await;
        self.configure().await;
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        match self.open.get() {
            Some(open) if !open.asks_configuration => open.engine.tell(configured(&params.settings)),
            _ => self.configure().await,
        }
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        if let (Some(open), Ok(path)) = (self.open.get(), params.text_document.uri.to_file_path()) {
            open.engine.tell(Event::Saved(path));
        }
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        Ok(self.hovered(params).await)
    }

    async fn shutdown(&self) -> Result<()> {
        if let Some(desk) = self.desk.get() {
            let engine = self.open.get().map(|open| open.engine.clone());
            Held { setup: desk.setup.clone(), engine }.leave().await;
        }
        Ok(())
    }
}
