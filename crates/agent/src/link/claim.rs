//! Owns the request for the claim on a root. Never decides what follows when somebody else has it.

use std::time::Duration;

use remora_model::RemotePath;
use serde_json::json;

use super::{Link, answer};
use crate::error::AgentError;
use crate::ops::Claim;

impl Link {
    /// Claims a root for as long as this link lives; if somebody else has it, who. If there is time to wait, an earlier agent of the
    /// same person (host, user and root), which may still work off what has reached it, is waited for, but for so long at
    /// most; one of the same mirror is ended, and waited for until it has.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn claim(&self, root: &RemotePath, who: &Claim, wait: Duration) -> Result<Option<Claim>, AgentError> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        answer::member(self.ask(json!({"op": "claim", "root": root, "who": who, "wait_ms": wait})).await?, "held_by")
    }
}
