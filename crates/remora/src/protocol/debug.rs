//! Owns the shapes of the methods by which an editor launches, and finds a session again.

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

/// Result of `remora/debug/sessionSocket`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSocketResult {
    /// Where a client connects and sends `attach`.
    pub socket: String,
}
