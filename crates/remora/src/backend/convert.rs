//! Turns the editor's shapes into ours and back. Pure.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use remora_debug::{Listen, Place};
use remora_mirror::{HeldFiles, LargeFiles};
use remora_model::LocalPath;
use serde::Serialize;
use serde_json::Value;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::InitializeParams;

use crate::event::{MirrorRequest, Overwrite};
use crate::fault::{Fault, Kind};
use crate::protocol::debug::{LaunchResult, Start, StartsParams, StartsResult};
use crate::protocol::mirror::{MirrorParams, MirroredParams};
use crate::protocol::{DebugStartParams, DebugStartResult};
use crate::question::Word;
use crate::starts;
use crate::surface::{DebugRequest, Listening, Mirrored};
use crate::test_name::Test;

/// The JSON-RPC code of a [`Fault`]: the first of the range that the specification leaves to servers.
const FAULT: i64 = -32000;

pub(super) fn error(fault: Fault) -> Error {
    if let Some(chain) = &fault.source_chain {
        tracing::info!(kind = ?fault.kind, chain, "{}", fault.message);
    }
    let data = serde_json::to_value(&fault).ok();
    Error { code: ErrorCode::ServerError(FAULT), message: fault.message.into(), data }
}

pub(super) fn value<T: Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value).map_err(|_| Error::internal_error())
}

pub(super) fn root(params: &InitializeParams) -> Option<LocalPath> {
    let folder = params.workspace_folders.as_ref().and_then(|folders| folders.first()).map(|folder| &folder.uri);
    #[allow(deprecated, reason = "older clients send nothing else")]
    let uri = folder.or(params.root_uri.as_ref())?;
    LocalPath::new(uri.to_file_path().ok()?).ok()
}

pub(super) fn shows_progress(params: &InitializeParams) -> bool {
    params.capabilities.window.as_ref().and_then(|window| window.work_done_progress).unwrap_or(false)
}

pub(super) fn asks_configuration(params: &InitializeParams) -> bool {
    params.capabilities.workspace.as_ref().and_then(|workspace| workspace.configuration).unwrap_or(false)
}

pub(super) fn registers_configuration(params: &InitializeParams) -> bool {
    let workspace = params.capabilities.workspace.as_ref();
    let changes = workspace.and_then(|workspace| workspace.did_change_configuration.as_ref());
    changes.and_then(|changes| changes.dynamic_registration).unwrap_or(false)
}

pub(super) fn mirror_request(params: MirrorParams) -> std::result::Result<MirrorRequest, Fault> {
    let overwrite = match (params.overwrite, params.paths) {
        (true, Some(paths)) => Overwrite::These(paths),
        (true, None) => Overwrite::All,
        (false, None) => Overwrite::Nothing,
        (false, Some(_)) => {
            return Err(Fault::new(
                Kind::BadRequest,
                "The paths of a request to mirror say what is overwritten, and nothing was to be.",
                "Ask with overwrite, or without paths: everything that changed is mirrored in any case.",
            ));
        }
    };
    let word = match params.word.as_deref() {
        None => None,
        Some("remove") => Some(Word::Held(HeldFiles::Remove)),
        Some("keep") => Some(Word::Held(HeldFiles::Keep)),
        Some("send") => Some(Word::Large(LargeFiles::Send)),
        Some("leave") => Some(Word::Large(LargeFiles::LeaveOut)),
        Some(other) => {
            return Err(Fault::new(
                Kind::BadRequest,
                format!("A word on files that wait for one can't be {other:?}."),
                "It is \"remove\" or \"keep\", \"send\" or \"leave\".",
            ));
        }
    };
    Ok(MirrorRequest { target: params.target, overwrite, word })
}

pub(super) fn mirrored(done: &Mirrored) -> MirroredParams {
    MirroredParams { files: done.files, bytes: done.bytes, ms: done.elapsed.as_secs_f64() * 1000.0 }
}

pub(super) fn debug_request(params: DebugStartParams) -> DebugRequest {
    DebugRequest {
        running: None,
        file: params.file.map(PathBuf::from),
        module: params.module,
        test: params.pytest.map(|test| Test::read(&test, Path::new(""))),
        args: params.args,
        cwd: params.cwd,
        env: params.env,
        python: params.python,
        prefix: params.prefix,
        run_as: params.run_as,
        debugger: params.debugger,
        in_code: params.in_code,
        listen: params.port.map(|port| Listen::Port { host: Ipv4Addr::LOCALHOST.into(), port, exact: port != 0 }),
        ..DebugRequest::default()
    }
}

pub(super) fn starts(params: &StartsParams) -> StartsResult {
    let found = starts::starts(Path::new(&params.file), &params.text).into_iter();
    let start = |start: starts::Start| Start { line: u32::try_from(start.line).unwrap_or(u32::MAX), test: start.test };
    StartsResult { starts: found.map(start).collect() }
}

pub(super) fn launched(listening: &Listening) -> LaunchResult {
    let place = listening.endpoint.place();
    LaunchResult {
        session: listening.session.0,
        socket: listening.endpoint.socket().map(socket),
        terminal: listening.terminal.as_ref().map(|opened| opened.terminal.0),
        port: place.as_ref().map_or(0, |place| place.port),
        host: place.map(|place| place.host).unwrap_or_default(),
    }
}

/// Made by us in a folder of the user's, so that it is text where the user's own paths are.
pub(super) fn socket(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn listening(listening: Listening) -> DebugStartResult {
    let Place { host, port } = listening.place();
    DebugStartResult { session: listening.session.0, host, port, configuration: listening.configuration }
}
