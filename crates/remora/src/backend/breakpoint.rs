//! The question why a breakpoint is not hit: asked by a command, or by the mouse over its line. Decides nothing.

use std::path::PathBuf;

use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{Hover, HoverContents, HoverParams, MarkedString};

use super::{Backend, convert};
use crate::breakpoint::Spot;
use crate::event::Event;
use crate::protocol::breakpoint::{BreakpointParams, BreakpointResult};

impl Backend {
    pub(super) async fn breakpoint(&self, params: BreakpointParams) -> Result<BreakpointResult> {
        let open = self.open().map_err(convert::error)?;
        let spot = Spot { file: PathBuf::from(params.file), line: params.line };
        let answer = open.engine.request(|reply| Event::BreakpointAsked(spot, reply));
        let diagnosis = open.progresses.during("Looking", answer).await.map_err(convert::error)?;
        Ok(BreakpointResult { cause: diagnosis.cause.into(), sentence: diagnosis.sentence })
    }

    /// Says nothing where nothing is wrong, and never fails: nobody has asked in words.
    pub(super) async fn hovered(&self, params: HoverParams) -> Option<Hover> {
        let open = self.open().ok()?;
        let at = params.text_document_position_params;
        let file = at.text_document.uri.to_file_path().ok()?;
        let spot = Spot { file, line: at.position.line.saturating_add(1) };
        let diagnosis = open.engine.request(|reply| Event::Hovered(spot, reply)).await.ok()?.ok()??;
        let contents = HoverContents::Scalar(MarkedString::String(crate::panel::escaped(&diagnosis.sentence)));
        Some(Hover { contents, range: None })
    }
}
