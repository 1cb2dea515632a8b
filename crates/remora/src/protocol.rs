//! Owns the shapes of our own JSON-RPC methods, at the rim. The same names stand in
//! `extension/src/protocol.ts`. Nothing inside the sidecar uses these types.

pub mod breakpoint;
pub mod debug;
pub mod mirror;
pub mod setup;
pub mod terminal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::lsp_types::notification::Notification;
use tower_lsp::lsp_types::request::Request;

use crate::panel::Panel;
use crate::status::Status;
use mirror::MirroredParams;

/// The methods a client may call.
pub mod method {
    /// Connect to a target.
    pub const CONNECT: &str = "remora/connect";
    /// Mirror everything now.
    pub const MIRROR: &str = "remora/mirror";
    /// Start a debug session.
    pub const DEBUG_START: &str = "remora/debug/start";
    /// Interrupt a session's program.
    pub const DEBUG_INTERRUPT: &str = "remora/debug/interrupt";
    /// End a debug session.
    pub const DEBUG_STOP: &str = "remora/debug/stop";
    /// Start a program as an entry of `launch.json` says.
    pub const DEBUG_LAUNCH: &str = "remora/debug/launch";
    /// What of a file's text can be started by itself.
    pub const DEBUG_STARTS: &str = "remora/debug/starts";
    /// Which processes of the remote can be attached to.
    pub const DEBUG_PROCESSES: &str = "remora/debug/processes";
    /// Where a client can attach to a session that runs.
    pub const DEBUG_SESSION_SOCKET: &str = "remora/debug/sessionSocket";
    /// Produce the text of `launch.json` with our entry in it.
    pub const LAUNCH_JSON: &str = "remora/launchJson";
}

/// Parameters of `remora/connect`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectParams {
    /// The target's name; without it, the one in use.
    pub target: Option<String>,
}

/// Parameters of the notification `remora/status`, and result of `remora/connect`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The whole status.
    #[serde(flatten)]
    pub status: Status,
    /// How it reads.
    pub panel: Panel,
}

impl From<Status> for Shown {
    fn from(status: Status) -> Self {
        Self { panel: Panel::of(&status), status }
    }
}

/// Parameters of `remora/debug/start`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DebugStartParams {
    /// The target's name.
    pub target: Option<String>,
    /// A local path; exactly one of this, `module` and `pytest`.
    pub file: Option<String>,
    /// A module name.
    pub module: Option<String>,
    /// A test: `FILE`, `FILE::NAME` or `FILE:LINE`, the file absolute.
    pub pytest: Option<String>,
    /// The program's arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// The working directory there.
    pub cwd: Option<String>,
    /// More environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The interpreter there.
    pub python: Option<String>,
    /// What it runs behind: a list, or one line of shell.
    pub prefix: Option<remora_model::Prefix>,
    /// The account there that it runs as.
    pub run_as: Option<String>,
    /// `auto`, `debugpy` or `ptvsd`.
    pub debugger: Option<remora_model::Debugger>,
    /// The program brings its own call to the debugger.
    #[serde(default)]
    pub in_code: bool,
    /// The local port; without it, the project's own.
    pub port: Option<u16>,
}

/// Result of `remora/debug/start`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DebugStartResult {
    /// Names the session.
    pub session: u64,
    /// Where a client connects.
    pub host: String,
    /// Where a client connects.
    pub port: u16,
    /// The attach configuration.
    pub configuration: Value,
}

/// Parameters of `remora/debug/stop` and `remora/debug/interrupt`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionParams {
    /// Names the session.
    pub session: u64,
}

/// Parameters of `remora/launchJson`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchJsonParams {
    /// The target's name.
    pub target: Option<String>,
    /// The entry's name; without it, one that names the target.
    pub name: Option<String>,
    /// The port to attach to; without it, the project's own.
    pub port: Option<u16>,
    /// The versions of the editor's extensions by their ids, for a debug type that it knows; without them, that of
    /// the Python Debugger.
    pub extensions: Option<BTreeMap<String, String>>,
    /// The present text; empty if there is no file.
    pub text: String,
}

/// Result of `remora/launchJson`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchJsonResult {
    /// The text with our entry in it.
    pub text: String,
}

/// Parameters of the notification `remora/output`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputParams {
    /// Names the session.
    pub session: u64,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// What it wrote.
    pub data: String,
}

/// Parameters of the notification `remora/exited`: one of `code`, `signal` and `lost`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExitedParams {
    /// Names the session.
    pub session: u64,
    /// The exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The connection was lost.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub lost: bool,
}

/// Parameters of the request `remora/ask`, ready to be shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AskParams {
    /// `hostKey`, `passphrase`, `password` or `keyboardInteractive`.
    pub kind: String,
    /// A line above.
    pub title: String,
    /// The details, in lines; the server's own text for `keyboardInteractive`.
    pub prompt: String,
    /// Whether the answer must not be seen while it is typed.
    pub hidden: bool,
    /// 1 for the first try.
    pub attempt: u8,
    /// The name that an answer may be kept under, in a store for secrets only.
    pub keep: Option<String>,
}

/// Result of `remora/ask`; `null` means declined.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AskResult {
    /// Answer to `hostKey`.
    #[serde(default)]
    pub trust: bool,
    /// Whether to write the key to the known hosts.
    #[serde(default)]
    pub remember: bool,
    /// Answer to the others.
    pub secret: Option<String>,
}

macro_rules! notification {
    ($(#[$doc:meta])* $name:ident, $method:literal, $params:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl Notification for $name {
            type Params = $params;
            const METHOD: &'static str = $method;
        }
    };
}

notification!(
    /// The whole status; it changed.
    StatusChanged, "remora/status", Value
);
notification!(
    /// Files are on the remote.
    MirroredNow, "remora/mirrored", MirroredParams
);
notification!(
    /// The program wrote something.
    Output, "remora/output", OutputParams
);
notification!(
    /// A session ended.
    Exited, "remora/exited", ExitedParams
);
notification!(
    /// Something failed in the background.
    Faulted, "remora/fault", Value
);

/// A question to the user.
#[derive(Debug)]
pub enum AskUser {}

impl Request for AskUser {
    type Params = Value;
    type Result = Option<AskResult>;
    const METHOD: &'static str = "remora/ask";
}
