//! Owns the shapes of the methods by which an editor finds what to launch, launches, and finds a session again.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of `remora/debug/launch`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchParams {
    /// An entry of `launch.json`, its variables substituted.
    pub configuration: Value,
}

/// Result of `remora/debug/launch`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchResult {
    /// Names the session.
    pub session: u64,
    /// Where a client connects and sends `launch`: a Unix socket or named pipe; nothing if the entry names a port.
    pub socket: Option<String>,
    /// The terminal in which the program reads and writes, if it asks for one.
    pub terminal: Option<u64>,
    /// Where a client connects if there is no socket.
    pub host: String,
    /// Where a client connects if there is no socket.
    pub port: u16,
}

/// Parameters of `remora/debug/starts`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartsParams {
    /// A local path.
    pub file: String,
    /// Its text, as it stands in the editor.
    pub text: String,
}

/// Result of `remora/debug/starts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StartsResult {
    /// What can be started by itself, in the order of its lines.
    pub starts: Vec<Start>,
}

/// Something that can be started.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Start {
    /// Where it stands, counted from 0.
    pub line: u32,
    /// The test, by pytest's name; nothing for the file itself.
    pub test: Option<String>,
}

/// Result of `remora/debug/processes`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessesResult {
    /// The login's Python processes, the latest first.
    pub processes: Vec<ShownProcess>,
}

/// A process, ready to be shown and chosen.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownProcess {
    /// Its number there.
    pub pid: u32,
    /// Its command line.
    pub label: String,
    /// Its number.
    pub description: String,
    /// What else there is to say of it.
    pub detail: String,
}

/// Result of `remora/debug/sessionSocket`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSocketResult {
    /// Where a client connects and sends `attach`.
    pub socket: String,
}
