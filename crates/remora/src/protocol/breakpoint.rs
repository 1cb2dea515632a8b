//! Owns the shapes of the question why a breakpoint is not hit. Nothing inside the sidecar uses these types.

use serde::{Deserialize, Serialize};

/// The methods a client may call.
pub mod method {
    /// Why a breakpoint is not hit, or not verified.
    pub const BREAKPOINT: &str = "remora/breakpoint";
}

/// Parameters of `remora/breakpoint`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BreakpointParams {
    /// A local path, absolute.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// Result of `remora/breakpoint`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BreakpointResult {
    /// `notMirrored`, `notRunning`, `notAttached`, `notSet`, `mapping`, `justMyCode`, `cameLater`, `refused`, `stale`, `symlink`,
    /// `otherProcess`, `noCode`, `notImported` or `unknown`; `none` if the program only has not come there.
    pub cause: String,
    /// That in words, with what to do about it.
    pub sentence: String,
}
