//! Owns the requests about the trash: what is kept, what there is, and reading it. Never restores anything.

use remora_model::{Kind, Mtime, RelPath, RemotePath};
use serde_json::json;

use super::{Link, answer};
use crate::conversation::Reply;
use crate::error::{AgentError, LostReason};
use crate::ops::{ReadFile, TrashLimits, Trashed};

impl Link {
    /// From now on what is replaced or removed below `root` is kept within these limits; with one of them 0, nothing
    /// is. Comes back when something could not be kept, which is told once, or at once if nothing is to be.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn keep_trash(&self, root: &RemotePath, limits: TrashLimits) -> Result<Option<String>, AgentError> {
        let TrashLimits { seconds, bytes, entries } = limits;
        let head = json!({"op": "trash", "root": root, "seconds": seconds, "bytes": bytes, "entries": entries});
        answer::member(self.ask(head).await?, "reason")
    }

    /// What is kept of `root`, the oldest first.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn list_trash(&self, root: &RemotePath) -> Result<Vec<Trashed>, AgentError> {
        let reply = self.ask(json!({"op": "trash_list", "root": root})).await?;
        listed(&reply).ok_or_else(|| LostReason::Garbled("a list of the trash".to_owned()).into())
    }

    /// Reads what was kept of a file at that time; of a link, its text.
    ///
    /// # Errors
    /// [`AgentError`]; `NotFound` when there is no such thing, or not any more.
    pub async fn read_trash(&self, root: &RemotePath, path: &RelPath, when: Mtime) -> Result<ReadFile, AgentError> {
        let head = json!({"op": "trash_read", "root": root, "path": path, "time": when});
        answer::read(self.ask(head).await?, path)
    }
}

fn listed(reply: &Reply) -> Option<Vec<Trashed>> {
    let lines = reply.body.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    lines.map(trashed).collect()
}

fn trashed(line: &[u8]) -> Option<Trashed> {
    let mut words = line.splitn(4, |&byte| byte == b' ');
    let mut word = || words.next();
    let when = Mtime(str::from_utf8(word()?).ok()?.parse().ok()?);
    let kind = if word()? == b"l" { Kind::Symlink } else { Kind::File };
    let size = str::from_utf8(word()?).ok()?.parse().ok()?;
    Some(Trashed { path: RelPath::new(word()?).ok()?, when, size, kind })
}
