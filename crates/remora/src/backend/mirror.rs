//! The methods about the mirror and its files. As everywhere in the valve, an event is queued before anything is
//! awaited. Decides nothing.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tower_lsp::jsonrpc::Result;

use super::{Backend, convert};
use crate::event::Event;
use crate::kept::{self, Kept, time_text};
use crate::protocol::mirror::{
    ExplainResult, FileParams, KeptFile, MirrorParams, MirroredParams, NoParams, RemoteFileResult, RestoreParams,
    TrashResult,
};
use crate::size;

impl Backend {
    pub(super) async fn mirror(&self, params: MirrorParams) -> Result<MirroredParams> {
        let open = self.open().map_err(convert::error)?;
        let request = convert::mirror_request(params).map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::MirrorAsked(request, reply));
        let done = open.progresses.during("Mirroring", answer).await.map_err(convert::error)?;
        Ok(convert::mirrored(&done))
    }

    pub(super) async fn pause(&self, _: NoParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(Event::PauseAsked);
        open.progresses.during("Pausing", answer).await.map_err(convert::error)
    }

    pub(super) async fn resume(&self, _: NoParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(Event::ResumeAsked);
        open.progresses.during("Resuming", answer).await.map_err(convert::error)
    }

    pub(super) async fn remote_file(&self, params: FileParams) -> Result<RemoteFileResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::RemoteFileAsked(PathBuf::from(params.file), reply));
        let bytes = open.progresses.during("Reading the remote file", answer).await.map_err(convert::error)?;
        Ok(RemoteFileResult { content: bytes.map(|bytes| BASE64.encode(bytes)) })
    }

    pub(super) async fn take_remote(&self, params: FileParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::TakeAsked(PathBuf::from(params.file), reply));
        open.progresses.during("Taking the remote file", answer).await.map_err(convert::error)
    }

    pub(super) async fn explain(&self, params: FileParams) -> Result<ExplainResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::ExplainAsked(PathBuf::from(params.file), reply));
        let explained = open.progresses.during("Looking", answer).await.map_err(convert::error)?;
        Ok(ExplainResult { mirrored: explained.mirrored, sentence: explained.sentence })
    }

    pub(super) async fn trash(&self, _: NoParams) -> Result<TrashResult> {
        let open = self.open().map_err(convert::error)?;
        let answer = open.engine.request(Event::TrashAsked);
        let kept = open.progresses.during("Looking at what is kept", answer).await.map_err(convert::error)?;
        let shown = |one: &Kept| KeptFile {
            path: one.name(),
            time: time_text(one.entry.when),
            size: size::bytes(one.entry.size),
        };
        Ok(TrashResult { kept: kept.iter().rev().map(shown).collect() })
    }

    pub(super) async fn restore(&self, params: RestoreParams) -> Result<()> {
        let open = self.open().map_err(convert::error)?;
        let RestoreParams { path, time, overwrite } = params;
        let wanted = kept::wanted(&path, Some(&time), overwrite).map_err(convert::error)?;
        let answer = open.engine.request(|reply| Event::RestoreAsked(wanted, reply));
        open.progresses.during("Restoring", answer).await.map_err(convert::error)?;
        Ok(())
    }
}
