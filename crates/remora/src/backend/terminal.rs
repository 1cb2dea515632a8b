//! The methods of terminals, and what is said of them. Decides nothing.

use std::collections::HashMap;

use remora_agent::{Exit, TtySize};
use remora_model::text::Decoder;
use tower_lsp::Client;
use tower_lsp::jsonrpc::Result;

use super::{Backend, convert};
use crate::event::Event;
use crate::protocol::terminal::{
    TerminalDataParams, TerminalEnded, TerminalEndedParams, TerminalOpenParams, TerminalOutput, TerminalParams,
    TerminalResizeParams,
};
use crate::terminal::{COLOURS, Input, Opened, Shown, TerminalId, TerminalRequest};

impl Backend {
    pub(super) async fn terminal_open(&self, params: TerminalOpenParams) -> Result<TerminalParams> {
        let open = self.open().map_err(convert::error)?;
        let request = TerminalRequest {
            size: TtySize { columns: params.cols, rows: params.rows },
            cwd: params.cwd,
            command: Vec::new(),
            env: [(COLOURS.0.to_owned(), COLOURS.1.to_owned())].into(),
        };
        let answer = open.engine.request(|reply| Event::TerminalAsked(None, request, reply));
        let Opened { terminal, begin } =
            open.progresses.during("Opening a terminal", answer).await.map_err(convert::error)?;
        drop(begin);
        Ok(TerminalParams { terminal: terminal.0 })
    }

    pub(super) async fn terminal_write(&self, params: TerminalDataParams) {
        self.use_terminal(params.terminal, Input::Typed(params.data.into_bytes()));
    }

    pub(super) async fn terminal_resize(&self, params: TerminalResizeParams) {
        self.use_terminal(params.terminal, Input::Resized(TtySize { columns: params.cols, rows: params.rows }));
    }

    pub(super) async fn terminal_close(&self, params: TerminalParams) {
        if let Some(open) = self.open.get() {
            open.engine.tell(Event::TerminalCloseAsked(TerminalId(params.terminal)));
        }
    }

    fn use_terminal(&self, terminal: u64, input: Input) {
        if let Some(open) = self.open.get() {
            open.engine.tell(Event::TerminalUsed(TerminalId(terminal), input));
        }
    }
}

/// What terminals have shown and not finished.
#[derive(Default)]
pub(super) struct Screens(HashMap<TerminalId, Decoder>);

impl Screens {
    /// Returns when the editor's pipe has room for more; only then the program goes on.
    pub(super) async fn show(&mut self, client: &Client, id: TerminalId, shown: Shown) {
        let text = self.0.entry(id).or_default().decode(&shown.data);
        say(client, id, text).await;
        drop(shown);
    }

    /// A character that was never finished is shown as what it is.
    pub(super) async fn end(&mut self, client: &Client, id: TerminalId, exit: Option<Exit>) {
        if let Some(mut decoder) = self.0.remove(&id) {
            say(client, id, decoder.finish()).await;
        }
        let mut params = TerminalEndedParams { terminal: id.0, ..TerminalEndedParams::default() };
        match exit {
            Some(Exit::Code(code)) => params.code = Some(code),
            Some(Exit::Signal(signal)) => params.signal = Some(signal),
            None => params.lost = true,
        }
        client.send_notification::<TerminalEnded>(params).await;
    }
}

async fn say(client: &Client, id: TerminalId, data: String) {
    if !data.is_empty() {
        client.send_notification::<TerminalOutput>(TerminalDataParams { terminal: id.0, data }).await;
    }
}
