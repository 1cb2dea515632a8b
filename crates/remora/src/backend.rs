//! The valve between the language server protocol and the event loop. A handler queues its event
//! before it awaits anything, so that the order of the editor's messages is kept, and then waits for
//! nothing but its own answer. Decides nothing.

mod convert;
mod framing;
mod guard;
mod progress;
mod pump;

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{
    ConfigurationItem, DidChangeConfigurationParams, DidSaveTextDocumentParams, InitializeParams, InitializeResult,
    InitializedParams, SaveOptions, ServerCapabilities, ServerInfo, TextDocumentSyncCapability,
    TextDocumentSyncOptions, TextDocumentSyncSaveOptions,
};
use tower_lsp::{Client, LanguageServer, LspService, Server};

use crate::event::{Event, MirrorRequest};
use crate::event_loop::Engine;
use crate::fault::{Fault, Kind};
use crate::launch::{self, Entry};
use crate::protocol::{
    ConnectParams, DebugStartParams, DebugStartResult, LaunchJsonParams, LaunchJsonResult, MirrorParams,
    MirroredParams, SessionParams, method,
};
use crate::state::Workspace;
use crate::surface::SessionId;

use progress::Progresses;

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
    let (engines, mut started) = mpsc::unbounded_channel();
    let (service, socket) = LspService::build(|client| Backend::new(client, engines, records))
        .custom_method(method::CONNECT, Backend::connect)
        .custom_method(method::MIRROR, Backend::mirror)
        .custom_method(method::DEBUG_START, Backend::debug_start)
        .custom_method(method::DEBUG_INTERRUPT, Backend::debug_interrupt)
        .custom_method(method::DEBUG_STOP, Backend::debug_stop)
        .custom_method(method::LAUNCH_JSON, Backend::launch_json)
        .finish();
    let serve = |input, output| Server::new(input, output, socket).concurrency_level(CONCURRENCY).serve(service);
    let leave = async {
        if let Ok(engine) = started.try_recv() {
            engine.leave().await;
        }
    };
    guard::guarded(input, output, serve, leave).await;
}

/// What one editor's connection holds: set once, at `initialize`.
struct Open {
    engine: Engine,
    progresses: Progresses,
    asks_configuration: bool,
}

struct Backend {
    client: Client,
    open: OnceLock<Open>,
    engines: mpsc::UnboundedSender<Engine>,
    records: Option<PathBuf>,
}

impl Backend {
    fn new(client: Client, engines: mpsc::UnboundedSender<Engine>, records: Option<PathBuf>) -> Self {
        Self { client, open: OnceLock::new(), engines, records }
    }

    fn open(&self) -> std::result::Result<&Open, Fault> {
        self.open.get().ok_or_else(|| {
            Fault::new(
                Kind::BadRequest,
                "There is no folder to work in.",
                "Open a folder in the editor; Remora mirrors folders, not single files.",
            )
        })
    }

    async fn configure(&self) {
        let Some(open) = self.open.get() else { return };
        if !open.asks_configuration {
            return;
        }
        open.engine.tell(Event::Configuring);
        let item = ConfigurationItem { scope_uri: None, section: Some("remora".into()) };
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

    async fn connect(&self, params: ConnectParams) -> Result<Value> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::ConnectAsked(params.target, reply));
        let status = open.progresses.during("Connecting", answer).await.map_err(convert::error)?;
        convert::value(&status)
    }

    async fn mirror(&self, params: MirrorParams) -> Result<MirroredParams> {
        let open = self.open().map_err(convert::error)?;
        let request = MirrorRequest { target: params.target, overwrite: params.overwrite };
        let answer = open.engine.request(|reply| Event::MirrorAsked(request, reply));
        let done = open.progresses.during("Mirroring", answer).await.map_err(convert::error)?;
        Ok(convert::mirrored(&done))
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

    async fn launch_json(&self, params: LaunchJsonParams) -> Result<LaunchJsonResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::RootAsked(params.target, reply));
        let rooted = open.progresses.during("Asking the remote", answer).await.map_err(convert::error)?;
        let entry = Entry { name: params.name, port: params.port, rooted };
        let text = launch::update(&params.text, entry).map_err(convert::error)?;
        Ok(LaunchJsonResult { text })
    }
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
        if let Some(root) = convert::root(&params) {
            let workspace =
                Workspace { root, records: self.records.clone(), watch: true, reconnect: true, overwrite: false };
            let (surface, said) = mpsc::unbounded_channel();
            let engine = Engine::start(workspace, surface);
            let progresses = Progresses::new(self.client.clone(), convert::shows_progress(&params));
            let asks_configuration = convert::asks_configuration(&params);
            if !asks_configuration {
                engine.tell(configured(&params.initialization_options.unwrap_or_default()));
            }
            tokio::spawn(pump::run(self.client.clone(), progresses.clone(), said));
            // The receiver lives as long as the server.
            let _ = self.engines.send(engine.clone());
            if self.open.set(Open { engine, progresses, asks_configuration }).is_err() {
                return Err(Error::invalid_request());
            }
        }
        let save = TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) });
        let sync = TextDocumentSyncOptions { save: Some(save), ..TextDocumentSyncOptions::default() };
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo { name: "remora".into(), version: Some(env!("CARGO_PKG_VERSION").into()) }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
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

    async fn shutdown(&self) -> Result<()> {
        if let Some(open) = self.open.get() {
            open.engine.leave().await;
        }
        Ok(())
    }
}
