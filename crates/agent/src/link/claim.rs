//! Owns the request for the claim on a root. Never decides what follows when somebody else has it.

use remora_model::RemotePath;
use serde_json::json;

use super::{Link, answer};
use crate::error::AgentError;
use crate::ops::Claim;

impl Link {
    /// Claims a root for as long as this link lives; if somebody else has it, who.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn claim(&self, root: &RemotePath, who: &Claim) -> Result<Option<Claim>, AgentError> {
        answer::member(self.ask(json!({"op": "claim", "root": root, "who": who})).await?, "held_by")
    }
}
