//! Owns the shapes of the methods for terminals whose other end is on the remote.

use serde::{Deserialize, Serialize};
use tower_lsp::lsp_types::notification::Notification;

/// The methods a client may call.
pub mod method {
    /// Open a login shell there.
    pub const TERMINAL_OPEN: &str = "remora/terminal/open";
    /// A notification: something was typed.
    pub const TERMINAL_WRITE: &str = "remora/terminal/write";
    /// A notification: it is shown in another size.
    pub const TERMINAL_RESIZE: &str = "remora/terminal/resize";
    /// A notification: it is no longer shown.
    pub const TERMINAL_CLOSE: &str = "remora/terminal/close";
}

/// Parameters of `remora/terminal/open`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalOpenParams {
    /// Characters in a line.
    pub cols: u16,
    /// Lines.
    pub rows: u16,
    /// The folder; without it, the remote root.
    pub cwd: Option<String>,
}

/// Result of `remora/terminal/open`, and parameters of `remora/terminal/close`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalParams {
    /// Names the terminal.
    pub terminal: u64,
}

/// Parameters of `remora/terminal/write`, and of the notification `remora/terminal/output`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalDataParams {
    /// Names the terminal.
    pub terminal: u64,
    /// What was typed, or what it shows.
    pub data: String,
}

/// Parameters of `remora/terminal/resize`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TerminalResizeParams {
    /// Names the terminal.
    pub terminal: u64,
    /// Characters in a line.
    pub cols: u16,
    /// Lines.
    pub rows: u16,
}

/// Parameters of the notification `remora/terminal/ended`: one of `code`, `signal` and `lost`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminalEndedParams {
    /// Names the terminal.
    pub terminal: u64,
    /// The exit status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it; 1 when it was closed from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The connection was lost, or let go of.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub lost: bool,
}

/// A terminal shows something.
#[derive(Debug)]
pub enum TerminalOutput {}

impl Notification for TerminalOutput {
    type Params = TerminalDataParams;
    const METHOD: &'static str = "remora/terminal/output";
}

/// A terminal ended.
#[derive(Debug)]
pub enum TerminalEnded {}

impl Notification for TerminalEnded {
    type Params = TerminalEndedParams;
    const METHOD: &'static str = "remora/terminal/ended";
}
